//! sled, and nothing of it outside this folder: what the ledger says, arranged for look-up, rebuildable at any time.
//!
//! sled 0.34.7 does not fsync, may open a shorter history than was written, may hang or panic on a damaged file, splits
//! a leaf after 16 entries whatever their size, and needs 40 µs of processor and 100 bytes of memory for a random
//! insertion into a tree of a million (measured with a cache of 4 MiB). So:
//!
//! - Nothing here is ever trusted for durability: the index remembers the ledger's position and the facts after it are
//!   applied again at open. The position is written last; every stored value says up to which group it is (`as of`), so
//!   that applying a fact again to a value that has it already changes nothing. Counts are taken anew from the rows of
//!   the pages that were touched.
//! - Changes gather in memory and are written a few thousand items at a time, sixteen items a value ([`rows`]).
//! - Known ids are sorted runs behind Bloom filters, merged as they grow, instead of a tree with random keys ([`ids`]).
//! - It is opened in a thread with a time limit; what is broken is left behind for a new, empty generation, which the
//!   ledgers then fill ([`generation`]).
//!
//! | tree (name: connector, `/`, this) | key | value |
//! |---|---|---|
//! | `meta` | `meta` | position, next numbers, bookmark, runs of ids ([`meta`]) |
//! | `rows` | ordinal / 16, u64 big-endian | sixteen rows |
//! | `parts` | ordinal, group, part | a row that is too large for that, in parts |
//! | `pages` | window u64, page u32, big-endian | page |
//! | `windows` | window u64 big-endian | window |
//! | `parked` | ordinal u64, copy u16, big-endian | code |
//! | `live` | window u64, page u32, big-endian | name in the stage of a page that is still needed |
//! | `sealed` | kind u8, keyed name 16 bytes | where the sealed value stands |
//! | `ids` | run u64, chunk u32, big-endian | sorted ids, or a piece of the run's Bloom filter |

mod apply;
mod apply_windows;
mod flush;
mod generation;
mod ids;
mod lookup;
mod meta;
mod reached;
mod replay;
mod rows;
mod tables;

pub(super) use apply::At;
pub(super) use generation::Index;
pub(super) use ids::duplicate_key;
pub(super) use meta::{Loss, Page, Window};
pub(super) use replay::replay;
pub(super) use tables::{FILE, REMEMBERED, Tables};

#[cfg(test)]
mod tests;
