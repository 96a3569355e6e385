//! The converter from outside: golden cases as data, hostile input, batch cuts, and an independent strict reader.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod golden;
mod hostile;
mod reader;
mod support;
