//! The simulated site, seen from outside: over HTTP, with the truth beside it.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod client;
mod contract;
mod faults;
mod graph;
mod truth;
