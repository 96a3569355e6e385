//! The plugin as its host sees it: whole exports in, pages out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod cases;
mod corpora;
mod identity;
mod pages;
mod pins;
mod reading;
mod refusals;
