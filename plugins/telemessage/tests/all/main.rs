//! The plugin as its host sees it: scripted answers in, pages and errors out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod account;
mod attachments;
mod host;
mod items;
mod paging;
