//! The plugin as its host sees it: zips in, pages and errors out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod deliveries;
mod hostile;
mod mails;
mod shelf;
