//! Reading exports in tests: a host in memory, and settings.

use kit::Error;
use whatsapp_export::WhatsappExport;

pub(crate) use shelf::{Seen, Shelf, Whole};

/// Reads a whole file; every page with nothing but its cursor.
pub(crate) fn read(host: &mut Shelf, settings: &str, path: &str, max_items: u32) -> Result<Whole, Error> {
    shelf::read::<WhatsappExport>(host, settings, path, max_items)
}

/// Reads a whole file, with the bookmark that the file before left.
pub(crate) fn read_after(
    host: &mut Shelf,
    settings: &str,
    path: &str,
    max_items: u32,
    bookmark: Option<&[u8]>,
) -> Result<Whole, Error> {
    let whole = shelf::read_after::<WhatsappExport>(host, settings, path, max_items, bookmark)?;
    assert!(whole.bookmark.is_some(), "the last page has a bookmark");
    Ok(whole)
}

/// Settings with these further members.
pub(crate) fn settings(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(r#"{{"path":"inbox","owner":"anna@example.com"{comma}{more}}}"#)
}
