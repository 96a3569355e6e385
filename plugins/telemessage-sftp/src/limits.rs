//! Every limit of this plugin.

/// A mail read into memory; a bigger one is handed on whole, as a file, with its head read for the item's facts.
pub(crate) const MAIL_BYTES_MAX: u64 = 24 << 20;
/// How much of a bigger mail is read.
pub(crate) const MAIL_HEAD_BYTES: u64 = 1 << 20;
/// Mail bytes of one page, after which it ends: what is read and what is handed on must fit into one call.
pub(crate) const PAGE_MAIL_BYTES_MAX: u64 = 16 << 20;
/// A manifest.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 16 << 20;
/// One read of an archive, and one write of a blob.
pub(crate) const CHUNK_BYTES_MAX: u32 = 4 << 20;

/// A mail as the vendor wrote it, kept as evidence.
pub(crate) const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// An item's id.
pub(crate) const ID_BYTES_MAX: usize = 512;
/// A name, number, address, title or other short text.
pub(crate) const NAME_BYTES_MAX: usize = 4 << 10;
/// Participants of an item.
pub(crate) const PARTICIPANTS_MAX: usize = 4_096;
/// Attachments of an item; a mail with more is handed on whole.
pub(crate) const ATTACHMENTS_MAX: usize = 256;
/// Entry names that one error message names.
pub(crate) const NAMES_SHOWN_MAX: usize = 5;

/// 2009-01-01T00:00:00Z, before which none of these networks had a message to archive, in ms since the epoch.
pub(crate) const EVENT_TIME_MIN_MS: i64 = 1_230_768_000_000;
/// How far after its delivery's day an event may lie and still be believed.
pub(crate) const EVENT_AHEAD_MAX_MS: i64 = 24 * 60 * 60 * 1_000;
/// 2100-01-01T00:00:00Z, the bound for a file whose name tells no day.
pub(crate) const EVENT_TIME_MAX_MS: i64 = 4_102_444_800_000;

const _: () = assert!(MAIL_HEAD_BYTES < MAIL_BYTES_MAX);
// Read, cut out again and kept as originals, all within the 64 MiB that one call may move.
const _: () = assert!(MAIL_BYTES_MAX * 2 <= 60 << 20);
