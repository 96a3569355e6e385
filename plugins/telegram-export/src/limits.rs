//! Every limit of this plugin.

/// One read of a file. Small enough that a page which ends within it has read little in vain.
pub(crate) const CHUNK_BYTES: u32 = 256 << 10;
/// A record held in memory; of a bigger one only the first bytes are kept.
pub(crate) const RECORD_BYTES_MAX: usize = 4 << 20;
/// Memory that a parsed record may take, as its brackets and commas let guess: eight bytes can become six hundred.
pub(crate) const RECORD_PARSED_BYTES_MAX: u64 = 64 << 20;
/// Bytes up to which a record is small whatever it holds.
pub(crate) const RECORD_SMALL_BYTES: usize = 64 << 10;
/// Bytes of records of one page, after which it ends.
pub(crate) const PAGE_BYTES_MAX: usize = 4 << 20;
/// Bytes walked over for one page, after which it ends even when it holds nothing.
pub(crate) const PAGE_WALK_BYTES_MAX: u64 = 12 << 20;
/// Bytes of files kept for one page, after which it ends: a call has two minutes, and one more file is up to 2 GiB.
pub(crate) const PAGE_KEPT_BYTES_MAX: u64 = 512 << 20;
/// Bytes looked through for somebody who is not the other one in a direct chat.
pub(crate) const LOOK_AHEAD_BYTES_MAX: u64 = 12 << 20;
/// Bytes of the list of contacts that are read for each page.
pub(crate) const CONTACTS_BYTES_MAX: u64 = 6 << 20;
/// Contacts that are held while a page is made.
pub(crate) const CONTACTS_MAX: usize = 50_000;

/// A record as Telegram wrote it, kept as evidence.
pub(crate) const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// A value beside the records that is looked into, such as a chat's name.
pub(crate) const VALUE_BYTES_MAX: usize = 64 << 10;
/// An item's id.
pub(crate) const ID_BYTES_MAX: usize = 512;
/// A name, title or id of a person or conversation.
pub(crate) const NAME_BYTES_MAX: usize = 512;
/// The value of an extension.
pub(crate) const EXTENSION_BYTES_MAX: usize = 4 << 10;
/// Text of an item.
pub(crate) const TEXT_BYTES_MAX: usize = 8 << 20;
/// What a reaction shows.
pub(crate) const EMOJI_BYTES_MAX: usize = 256;
/// Levels of text within text that are looked into.
pub(crate) const TEXT_DEPTH_MAX: usize = 16;
/// A path of a file beside the export.
pub(crate) const PATH_BYTES_MAX: usize = 4 << 10;
/// Bytes of a cursor.
pub(crate) const CURSOR_BYTES_MAX: usize = 16 << 10;

/// 2000-01-01T00:00:00Z in seconds: Telegram is younger, imported history may be older than it.
pub(crate) const TIME_MIN_SECONDS: i64 = 946_684_800;
/// 2100-01-01T00:00:00Z in seconds.
pub(crate) const TIME_MAX_SECONDS: i64 = 4_102_444_800;
/// The farthest that a zone lies from UTC, in seconds.
pub(crate) const OFFSET_MAX_SECONDS: i64 = 15 * 3_600;

const _: () = assert!(CHUNK_BYTES <= 4 << 20);
// One call may move 64 MiB: each of these may go beyond by a record, and two listings of a full folder are to fit in too.
const _: () =
    assert!(PAGE_WALK_BYTES_MAX + LOOK_AHEAD_BYTES_MAX + CONTACTS_BYTES_MAX + 3 * RECORD_BYTES_MAX as u64 <= 44 << 20);
