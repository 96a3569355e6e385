//! Limits of this room's own formats; those that others meet too are in [`crate::item::limits`].

use crate::item::limits::{
    CURSOR_BYTES_MAX, INDEX_VALUE_BYTES_MAX, ITEM_PARTICIPANTS_MAX, RECORD_BYTES_MAX, SEGMENT_BYTES_MAX,
};

/// Destinations of one connector.
pub(super) const DESTINATIONS_MAX: u16 = 64;
/// Copies of one item: every participant in three destinations.
pub(super) const ITEM_COPIES_MAX: usize = 3 * ITEM_PARTICIPANTS_MAX;
/// A reason code or the name of a rule.
pub(super) const CODE_BYTES_MAX: usize = 48;
/// A destination's token for a delivered copy.
pub(super) const TOKEN_BYTES_MAX: usize = 64;
/// Observations of one page, unreadable ones included.
pub(super) const PAGE_OBSERVATIONS_MAX: usize = 16_384;
/// One sealed entry.
pub(super) const ENTRY_BYTES_MAX: usize = 64 << 20;
/// One group of the ledger, records or sealed entries; also a limit on what a reader buffers.
pub(super) const GROUP_BYTES_MAX: usize = 256 << 20;
/// Sealed bytes after which a segment is followed by a new one.
pub(super) const SIDECAR_BYTES_MAX: u64 = 4 * SEGMENT_BYTES_MAX;
/// Items and copies held in memory before they are written to the index.
pub(super) const INDEX_DIRTY_MAX: usize = 24_576;
/// Items of one value of the index.
pub(super) const ROWS_PER_CHUNK: u64 = 16;
/// An item's row in its chunk; a larger one stands by itself, in parts.
pub(super) const ROW_INLINE_BYTES_MAX: usize = 960;
/// A part of a row that stands by itself.
pub(super) const ROW_PART_BYTES_MAX: usize = 12 << 10;
/// A remembered fact.
pub(super) const REMEMBERED_BYTES_MAX: usize = 1 << 20;
/// Items whose reached mailboxes are kept at hand.
pub(super) const REACHED_CACHED_MAX: usize = 1_024;

// The largest plan: destination, keyed target, flags and a reason for every copy.
const _: () = assert!(ITEM_COPIES_MAX * (3 + 16 + 2 + CODE_BYTES_MAX) + 1024 <= RECORD_BYTES_MAX);
const _: () = assert!(ROWS_PER_CHUNK as usize * (ROW_INLINE_BYTES_MAX + 8) + 16 <= INDEX_VALUE_BYTES_MAX);
const _: () = assert!(ROW_PART_BYTES_MAX <= INDEX_VALUE_BYTES_MAX);
const _: () = assert!(ITEM_COPIES_MAX < u16::MAX as usize);
const _: () = assert!(CURSOR_BYTES_MAX < ENTRY_BYTES_MAX);
const _: () = assert!(ENTRY_BYTES_MAX <= GROUP_BYTES_MAX);
