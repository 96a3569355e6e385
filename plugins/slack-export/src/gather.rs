//! The records of one page, in the order of the archive.

use kit::{Error, Host, source::Unreadable};

use crate::{
    cursor::Cursor,
    directory::{self, Wanted},
    identity,
    layout::{Layout, Role},
    limits::{CHUNK_BYTES, ORIGINAL_BYTES_MAX, PAGE_BYTES_MAX, PAGE_WALK_BYTES_MAX},
    redact,
    splitter::{Found, Place, Splitter},
};

/// A record to make items of.
pub(crate) struct Record {
    /// Where it is, for a page that ends within it.
    pub(crate) at: Cursor,
    /// Its number in its file.
    pub(crate) number: u32,
    /// What its file is.
    pub(crate) role: Role,
    /// Its bytes, without secrets.
    pub(crate) raw: Vec<u8>,
}

/// One thing found.
pub(crate) enum Piece {
    /// A record.
    Record(Record),
    /// Something else, or a broken record, and where it is.
    Unreadable(Cursor, Unreadable),
}

/// What a page is made of.
pub(crate) struct Gathered {
    /// In order.
    pub(crate) pieces: Vec<Piece>,
    /// Where the next page begins; none at the end.
    pub(crate) next: Option<Cursor>,
    /// What to look up.
    pub(crate) wanted: Wanted,
}

/// Why something is unreadable, with what a person would look for.
pub(crate) fn unreadable(name: &str, number: u32, code: &str, what: &str, raw: Vec<u8>) -> Unreadable {
    let mut original = raw;
    original.truncate(ORIGINAL_BYTES_MAX);
    original.shrink_to_fit();
    let place = if number == 0 { format!("`{name}`") } else { format!("record {number} of `{name}`") };
    let place = redact::text(&place.replace(char::is_control, " "));
    Unreadable {
        id: identity::short(format!("unreadable:{}#{number}:{code}", redact::text(name))),
        code: code.to_owned(),
        message: crate::value::cut(&format!("{place} {what}"), 1_000).to_owned(),
        sent_at: None,
        original,
    }
}

/// Collects at most `items_max` pieces; and what they name, when it is to be looked up.
pub(crate) fn gather(
    host: &mut dyn Host,
    path: &str,
    layout: &Layout,
    mut at: Cursor,
    items_max: usize,
    looks_up: bool,
) -> Result<Gathered, Error> {
    let mut pieces = Vec::new();
    let mut wanted = Wanted::default();
    let (mut bytes, mut walked) = (0_usize, 0_u64);
    while let Some(entry) = layout.entries.get(at.entry as usize) {
        let role = layout.role(entry);
        let following = Cursor { entry: at.entry.saturating_add(1), place: Place::default(), part: 0, ..at };
        if role == Role::File {
            if is_full(pieces.len(), items_max, bytes, walked) {
                return Ok(Gathered { pieces, next: Some(at), wanted });
            }
            let piece = file(host, path, entry)?;
            bytes = bytes.saturating_add(piece.original.len());
            pieces.push(Piece::Unreadable(at, piece));
            at = following;
            continue;
        }
        let mut splitter = Splitter::new(host, path, entry.index, at.place);
        loop {
            at.place = splitter.place;
            if is_full(pieces.len(), items_max, bytes, walked) {
                return Ok(Gathered { pieces, next: Some(at), wanted });
            }
            let found = splitter.next();
            let number = splitter.place.record;
            walked = walked.saturating_add(splitter.place.offset.saturating_sub(at.place.offset));
            let problem = |code: &str, what: &str, raw: Vec<u8>| {
                Piece::Unreadable(at, unreadable(&entry.name, number, code, what, redact::bytes(raw)))
            };
            let piece = match found {
                Ok(Found::End) => break,
                Ok(Found::Record(raw)) => {
                    let raw = redact::bytes(raw);
                    match listed(&role, &raw) {
                        Some(true) => None,
                        Some(false) => Some(problem("listing-broken", "is no user or conversation with an id", raw)),
                        None => {
                            if looks_up {
                                wanted.add(&raw);
                            }
                            if let (true, Role::Messages(folder)) = (looks_up, &role) {
                                wanted.folders.insert(folder.clone());
                            }
                            bytes = bytes.saturating_add(raw.len());
                            Some(Piece::Record(Record { at, number, role: role.clone(), raw }))
                        }
                    }
                }
                Ok(Found::TooLarge(raw, length)) => {
                    Some(problem("record-too-large", &format!("has {length} bytes, more than 4 MiB"), raw))
                }
                Ok(Found::NotAnArray(raw)) => {
                    Some(problem("not-an-array", "and the rest of the file are no JSON array of records in UTF-8", raw))
                }
                Ok(Found::Truncated(raw)) => {
                    Some(problem("file-truncated", "breaks off: the file ends before its array does", raw))
                }
                Ok(Found::Trailing(raw)) => Some(problem("trailing-bytes", "stands behind the end of the array", raw)),
                Err(error) if directory::is_damage(&error) => {
                    let what = format!("and those after it cannot be unpacked ({})", error.code);
                    pieces.push(Piece::Unreadable(
                        at,
                        unreadable(&entry.name, number.saturating_add(1), "entry-damaged", &what, Vec::new()),
                    ));
                    break;
                }
                Err(error) => return Err(error),
            };
            if let Some(piece) = piece {
                if let Piece::Unreadable(_, found) = &piece {
                    bytes = bytes.saturating_add(found.original.len());
                }
                pieces.push(piece);
            }
            at.part = 0;
        }
        at = following;
    }
    Ok(Gathered { pieces, next: None, wanted })
}

fn is_full(pieces: usize, items_max: usize, bytes: usize, walked: u64) -> bool {
    pieces >= items_max || bytes >= PAGE_BYTES_MAX || walked >= PAGE_WALK_BYTES_MAX
}

/// For a list of users or conversations: whether the record is one. None for other files.
fn listed(role: &Role, raw: &[u8]) -> Option<bool> {
    if !matches!(role, Role::Users | Role::Channels(_)) {
        return None;
    }
    let value = directory::parse(raw);
    Some(value.is_some_and(|value| crate::value::text(&value, "id").is_some()))
}

/// A file that no record of an export names: it has no time, so it is no item.
fn file(host: &mut dyn Host, path: &str, entry: &kit::source::ArchiveEntry) -> Result<Unreadable, Error> {
    let max = u32::try_from(ORIGINAL_BYTES_MAX).unwrap_or(CHUNK_BYTES);
    match host.archive_read(path, entry.index, 0, max) {
        Ok(raw) => {
            let what = format!("is no file of an export that this version knows ({} bytes)", entry.size);
            Ok(unreadable(&entry.name, 0, "unknown-file", &what, redact::bytes(raw)))
        }
        Err(error) if directory::is_damage(&error) => {
            let what = format!("cannot be unpacked ({})", error.code);
            Ok(unreadable(&entry.name, 0, "entry-damaged", &what, Vec::new()))
        }
        Err(error) => Err(error),
    }
}
