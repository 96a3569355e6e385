//! Every limit of this plugin.

/// One read of an archive. Small enough that a page which ends within a file has read little in vain.
pub(crate) const CHUNK_BYTES: u32 = 256 << 10;
/// A record held in memory; of a bigger one only the first bytes are kept.
pub(crate) const RECORD_BYTES_MAX: usize = 4 << 20;
/// Bytes of records of one page, after which it ends.
pub(crate) const PAGE_BYTES_MAX: usize = 4 << 20;
/// Bytes walked over for one page, after which it ends even when it holds nothing.
pub(crate) const PAGE_WALK_BYTES_MAX: u64 = 64 << 20;

/// A record as Slack wrote it, kept as evidence.
pub(crate) const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// An item's id.
pub(crate) const ID_BYTES_MAX: usize = 512;
/// A name, title or id of a person or conversation.
pub(crate) const NAME_BYTES_MAX: usize = 512;
/// The value of an extension.
pub(crate) const EXTENSION_BYTES_MAX: usize = 4 << 10;
/// Text after which names no longer replace ids in it; a text of twice as much is cut.
pub(crate) const TEXT_BYTES_MAX: usize = 8 << 20;
/// Participants of an item.
pub(crate) const PARTICIPANTS_MAX: usize = 4_096;
/// People of a page, after which it ends; one more item still fits into what a page may hold.
pub(crate) const PAGE_PEOPLE_MAX: u32 = 50_000;
/// Attachments of an item.
pub(crate) const ATTACHMENTS_MAX: usize = 256;
/// Users and conversations that an instance keeps between pages, about, in memory; of more, each page looks up whom it names.
pub(crate) const KEPT_BYTES_MAX: usize = 32 << 20;
/// Different ids of people and channels that one page looks up.
pub(crate) const WANTED_MAX: usize = 100_000;
/// Bytes of an id of Slack's.
pub(crate) const SLACK_ID_BYTES_MAX: usize = 64;

/// 2000-01-01T00:00:00Z in seconds: nothing is older, imported history included.
pub(crate) const TIME_MIN_SECONDS: i64 = 946_684_800;
/// 2100-01-01T00:00:00Z in seconds.
pub(crate) const TIME_MAX_SECONDS: i64 = 4_102_444_800;

const _: () = assert!(CHUNK_BYTES <= 4 << 20);
