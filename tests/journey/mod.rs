//! The whole journey, from outside: the real program, a simulated site that knows the truth about itself, and mail read
//! back by a parser of somebody else's.
//!
//! - `alerts`: what is the matter is said once, to whom it concerns;
//! - `archive`: everything arrives once, and stays as it is however often it is read again;
//! - `words`: what each command says of it;
//! - `parked`: mending, trying again, giving up;
//! - `faults`: a site that throttles, fails, lies and hangs up;
//! - `graph`, `eml`: the same into Microsoft Graph, and into archives of files;
//! - `digest`: the same as one message a conversation and day;
//! - `catch_up`: missed days and late items;
//! - `windows`: backfills, windows that are read again, a clock that was moved;
//! - `people`: accounts and tokens, by command;
//! - `reconcile`: what mailboxes lost, gained and changed, and writing again what they lost;
//! - `record`: an index that is gone, a record that was tampered with;
//! - `roster`: who is registered, against the mapping and the mailboxes;
//! - `staging`: what waits between source and mailbox, and its key.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod alerts;
mod archive;
mod catch_up;
mod destinations;
mod digest;
mod eml;
mod evidence;
mod faults;
mod graph;
mod parked;
mod people;
mod reconcile;
mod record;
mod restore;
mod roster;
mod scope;
mod setup;
mod staging;
mod windows;
mod words;
