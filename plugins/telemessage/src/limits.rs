//! Every limit of this plugin. Those that the host checks too are kept here as well, because here one item over a
//! limit becomes one parked item, while the host would have to refuse its whole page.

/// Items a page is asked for at most.
pub(crate) const PAGE_ITEMS_MAX: u32 = 1_000;
/// Items a page is asked for unless the operator says otherwise.
pub(crate) const PAGE_ITEMS_DEFAULT: u32 = 500;
/// Pages of one window, or of one roster, after which the site is said to loop.
pub(crate) const PAGES_MAX: u32 = 100_000;
/// A cursor of the site; leaves room for our own fields within the host's 16 KiB.
pub(crate) const SITE_CURSOR_BYTES_MAX: usize = 8 << 10;

/// An item as the site wrote it, kept as evidence.
pub(crate) const ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// An item's id.
pub(crate) const ID_BYTES_MAX: usize = 512;
/// A name, number, address, title or other short text.
pub(crate) const NAME_BYTES_MAX: usize = 4 << 10;
/// Participants of an item.
pub(crate) const PARTICIPANTS_MAX: usize = 4_096;
/// Attachments of an item.
pub(crate) const ATTACHMENTS_MAX: usize = 256;

/// 2009-01-01T00:00:00Z, before which none of these networks had a message to archive, in ms since the epoch.
pub(crate) const EVENT_TIME_MIN_MS: i64 = 1_230_768_000_000;
/// How far after its window's end an event may lie and still be believed.
pub(crate) const EVENT_AHEAD_MAX_MS: i64 = 24 * 60 * 60 * 1_000;

/// Wait when the site asks to slow down without saying for how long.
pub(crate) const RETRY_AFTER_DEFAULT_MS: u64 = 60_000;
/// Longest wait taken over from the site; the host has its own, shorter patience.
pub(crate) const RETRY_AFTER_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

const _: () = assert!(PAGE_ITEMS_DEFAULT <= PAGE_ITEMS_MAX);
const _: () = assert!(SITE_CURSOR_BYTES_MAX < 16 << 10);
const _: () = assert!(RETRY_AFTER_DEFAULT_MS <= RETRY_AFTER_MAX_MS);
