//! Bad input: whatever an operator or a source may lay before Chancery that is not as it should be.
//!
//! Each case ends as an error with a hint (exit 1 or 2) or as something parked under a stable reason, nothing beside it
//! is concerned, and after mending the same command completes. The rooms, each a table of cases where it can be one:
//!
//! - `files`: exports that are empty, truncated, wrongly encoded, ambiguous, dangerous, or too large;
//! - `injection`: line ends, NULs and header names where text goes;
//! - `mapping`: mapping files with each trap, and numbers that change hands;
//! - `plugins`: plugins that are unknown, damaged, or of another world or version;
//! - `configuration`: keys, secrets and folders that are not there;
//! - `beside`: every source of files beside broken ones;
//! - `disk`: disks that are full, folders that may not be written.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod archive;
mod beside;
mod configuration;
mod disk;
mod files;
mod injection;
mod mapping;
mod plugins;

pub(crate) use injection::assert_sound;
pub(crate) use plugins::guest;
