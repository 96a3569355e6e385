//! Adding a connector, step by step, and changing its file: what is asked, what an answer must be, and the file that comes of it.
//!
//! What lives here: the steps ([`step`]), their fields made from schemas ([`field`]), the answers so far ([`draft`]), the
//! file as a person would write it ([`file`]), and putting it in place ([`finish`]). What may not: pages, terminals. Both
//! ask the same of a [`Draft`], so that what is right in one is right in the other.
//!
//! Nothing is written before the last step: a draft that is left behind leaves nothing.

mod catalogue;
mod destination;
mod draft;
pub mod edit;
mod field;
mod file;
mod finish;
mod step;
#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, Offer};
pub use draft::{Answers, Draft, Problem};
pub use field::{Choice, Field, Kind};
pub use finish::{Finished, add_text, as_if, check, check_mapping, finish};
pub use step::{Form, Step};
