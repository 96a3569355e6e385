//! Chancery archives chat communication as e-mail in people's mailboxes, with proof that nothing is missing.
//!
//! One item's journey runs one way, and [`pipeline`] names its six steps in order:
//!
//! ```text
//! source.pull -> stage -> map -> convert -> deliver -> settle
//! ```
//!
//! A *source* plugin reads a page of items in the [`sandbox`]. The page is made durable in the [`stage`], then the
//! ledger in [`state`] records its items and the cursor together. A *mapper* plugin finds each participant's mailbox; a
//! *converter* plugin writes each item as a message. Every copy (an item in a mailbox at a destination) gets a durable
//! intent, is written by one of the [`destinations`], and gets a durable receipt; whatever cannot go on is parked with a
//! reason. The [`scheduler`] decides when, the [`console`] answers for a running service, the [`catalog`] what a plugin may do, [`config`] what the operator typed,
//! [`author`] helps who writes plugins, and [`cli`] has the words for people.
//!
//! Arrows between the rooms run one way (`ARCHITECTURE.md`); a test guards them.

pub mod author;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod console;
pub mod destinations;
pub mod item;
pub mod network;
pub mod people;
pub mod pipeline;
pub mod report;
pub mod sandbox;
pub mod scheduler;
pub mod setup;
pub mod stage;
pub mod state;
pub mod store;
