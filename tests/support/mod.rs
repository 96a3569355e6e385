//! What the tests share: the program and its runs, mail as a stranger reads it, and installations to run it in.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

pub(crate) mod archives;
pub(crate) mod browser;
pub(crate) mod deliveries;
pub(crate) mod dovecot;
pub(crate) mod exim;
pub(crate) mod exports;
pub(crate) mod files;
pub(crate) mod graph;
pub(crate) mod mail;
pub(crate) mod program;
pub(crate) mod reconciled;
pub(crate) mod served;
pub(crate) mod shared;
pub(crate) mod site;
pub(crate) mod truth;
pub(crate) mod visitor;
pub(crate) mod world;
