//! The one integration test binary: a list of what is tested from outside. `tidy` fails for a file that is not listed.

#![allow(clippy::print_stdout, reason = "a test says what it left out, and with which seed it ran")]

mod author;
mod bad_input;
mod cases;
mod console;
mod contract;
mod corpora;
mod crash;
mod fuzz;
mod hostile;
mod journey;
mod service;
mod services;
mod support;
mod tidy;
