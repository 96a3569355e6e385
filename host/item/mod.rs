//! The words everybody shares: items, copies, messages, errors' next moves, limits and reasons.
//!
//! What lives here: plain values with their invariants, and the few traits that let rooms work together which may
//! not know each other (a source plugin streams attachment bytes into the stage through [`BlobSink`]; a destination
//! reads them through [`BlobSource`]). What may not: IO, clocks, and anything else of ours; this room imports no
//! other.

pub mod batch;
pub mod blob;
pub mod chat;
pub mod descriptor;
pub mod failure;
pub mod hex;
pub mod limits;
pub mod mapping;
pub mod message;
pub mod network;
pub mod reason;
pub mod scope;
pub mod time;

pub use batch::{AttachmentState, Batch, BatchItem, Party};
pub use blob::{BlobRef, BlobSink, BlobSource, BlobWriter};
pub use chat::*;
pub use descriptor::{Descriptor, PluginKind, ReadingMode};
pub use failure::{Failure, NextMove};
pub use hex::{hex, unhex};
pub use mapping::{DirectoryLookup, Question, Resolution};
pub use message::{Message, Splice};
pub use time::{Interval, TimestampMs};
