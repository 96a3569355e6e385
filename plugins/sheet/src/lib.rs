//! CSV files as spreadsheets and portals write them: [`decode`] makes text of bytes, [`rows`] tells its rows apart and
//! knows their lines, [`cell`] undoes what spreadsheets do to a cell.
//!
//! The mapper `users` and the host's comparison with another connector's log read through it, so that a trap is solved
//! once. What a column means is its readers' business; nothing here guesses.

pub mod cell;
pub mod decode;
pub mod rows;
