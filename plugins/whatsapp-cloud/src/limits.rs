//! Every limit of this plugin.

/// One read of a file.
pub(crate) const CHUNK_BYTES: u32 = 256 << 10;
/// A webhook body held in memory; Meta's own limit is 3 MB. Of a bigger one only the first bytes are kept.
pub(crate) const RECORD_BYTES_MAX: usize = 4 << 20;
/// Bytes walked over for one body, after which the file is refused: nothing of it is a webhook.
pub(crate) const WALK_BYTES_MAX: u64 = 64 << 20;
/// Bytes of webhook bodies of one page, after which it ends.
pub(crate) const PAGE_BYTES_MAX: u64 = 2 << 20;

/// A record as Meta wrote it, kept as evidence.
pub(crate) const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// An item's id.
pub(crate) const ID_BYTES_MAX: usize = 512;
/// A name or id of a person.
pub(crate) const NAME_BYTES_MAX: usize = 512;
/// Participants of an item.
pub(crate) const PARTICIPANTS_MAX: usize = 4_096;
/// The value of an extension.
pub(crate) const EXTENSION_BYTES_MAX: usize = 4 << 10;
/// Bytes of a media id that is looked for as a file.
pub(crate) const MEDIA_ID_BYTES_MAX: usize = 128;

/// 2000-01-01T00:00:00Z in seconds.
pub(crate) const TIME_MIN_SECONDS: i64 = 946_684_800;
/// 2100-01-01T00:00:00Z in seconds.
pub(crate) const TIME_MAX_SECONDS: i64 = 4_102_444_800;

const _: () = assert!(CHUNK_BYTES <= 4 << 20);
