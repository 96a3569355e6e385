//! What the tests of plugins share. Of sources that read files: a host in memory ([`Shelf`]), the walk through all pages of a
//! file ([`read`]), and cases that are folders ([`cases`]). Of converters: [`batches`] and [`hostile`] ones.
//!
//! Every page is asked for twice and with nothing but its cursor; what the contract promises of a page is asserted on the way.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "what panics here is a failing test")]

pub mod batches;
pub mod hostile;

mod cases;
mod host;
mod walk;

pub use cases::{cases, load, show};
pub use host::Shelf;
pub use walk::{Seen, Whole, read, read_after};
