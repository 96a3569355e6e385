//! A file being read as a whole: what is remembered of it between turns, and the entry that stands for it while it
//! cannot be read.

use std::fmt::Write as _;

use super::window::Due;
use crate::{
    item::{Failure, NextMove, Page, Unreadable},
    state::{ConnectorState, CopyKey, FileMemory, Group, Ordinal, StateError, WindowRow},
};

/// Bytes of an ordinal in what is remembered.
const ORDINAL_BYTES: usize = 8;
/// Entries remembered of one file; a file that was parked in more states keeps the earliest parked for a person to look
/// at.
const STAND_INS_MAX: usize = 256;

/// The last page of a file that cannot be read (on): one unreadable entry that stands for it.
pub(super) fn stand_in(file: &FileMemory, failure: Failure) -> Page {
    let hint = failure.hint.map_or_else(String::new, |hint| format!("; {hint}"));
    let mut id = id_start(file);
    for byte in &file.sha256[..16] {
        let _infallible = write!(id, "{byte:02x}");
    }
    let unreadable =
        Unreadable { id, code: failure.code, message: failure.message + &hint, sent_at_ms: None, original: Vec::new() };
    Page { unreadable: vec![unreadable], ..Page::default() }
}

/// Why a file that was left half-read cannot be read on.
pub(super) fn lost(file: &FileMemory, is_gone: bool, fetched: u64) -> Failure {
    let (code, what, hint) = if is_gone {
        (
            "file-gone",
            "is not there any more",
            "lay it there again and run `chancery sync`, or discard this with a reason",
        )
    } else {
        ("file-changed", "changed", "it is read anew by itself")
    };
    let message = format!("the file `{}` {what} before it was read to its end; {fetched} items came of it", file.path);
    Failure::new(code, NextMove::Reject, message).hint(hint)
}

/// A file that a window was left open with and that is not there any more; none when the window's file is not known.
pub fn gone(state: &ConnectorState, row: &WindowRow) -> Option<Due> {
    let file = FileMemory { path: row.subject.clone()?, size: 0, modified_ms: 0, sha256: [0; 32] };
    let file = as_left_open(state, &file).ok()?;
    Some(Due { kind: row.kind, interval: row.interval, file: Some(file), is_gone: true, since_bookmark: false })
}

/// The file in the state in which its window was opened.
pub(super) fn as_left_open(state: &ConnectorState, file: &FileMemory) -> Result<FileMemory, StateError> {
    let remembered = state.recall(&reading_key(file))?.and_then(|sha256| <[u8; 32]>::try_from(sha256).ok());
    Ok(FileMemory { sha256: remembered.unwrap_or(file.sha256), ..file.clone() })
}

/// Remembers in which state a file's window was opened, before it is.
pub(super) fn begin(state: &ConnectorState, file: &FileMemory) -> Result<(), StateError> {
    state.remember(&reading_key(file), &file.sha256)
}

/// Whether a window that was left open read the file in the state it is in now. Reading on in another file from the
/// old one's cursor would mix the two.
pub(super) fn is_same(state: &ConnectorState, file: &FileMemory) -> Result<bool, StateError> {
    Ok(state.recall(&reading_key(file))?.as_deref() == Some(&file.sha256[..]))
}

/// Whether the last page of a window is the entry that stands for its file.
pub(super) fn is_stood_in_for(state: &ConnectorState, file: &FileMemory, row: &WindowRow) -> Result<bool, StateError> {
    Ok(!stand_ins(state, file, row)?.is_empty())
}

/// Remembers, at the end of a window whose file could not be read, what stands for the file.
pub(super) fn note_parked(state: &ConnectorState, file: &FileMemory, row: &WindowRow) -> Result<(), StateError> {
    let found = stand_ins(state, file, row)?;
    if found.is_empty() {
        return Ok(());
    }
    let mut known = parked(state, file)?;
    known.extend(found);
    known.sort_unstable();
    known.dedup();
    let newest = known.split_off(known.len().saturating_sub(STAND_INS_MAX));
    let bytes: Vec<u8> = newest.into_iter().flat_map(u64::to_le_bytes).collect();
    state.remember(&parked_key(file), &bytes)
}

/// Ends the parking of a file that was read to its end after all, in whatever states it was parked.
pub(super) fn free(state: &ConnectorState, file: &FileMemory) -> Result<(), StateError> {
    let mut facts = Group::new();
    for ordinal in parked(state, file)? {
        if state.item(Ordinal(ordinal))?.parked.is_some() {
            facts.discard(CopyKey::whole(Ordinal(ordinal)), "the file was read after all", "chancery");
        }
    }
    if facts.is_empty() {
        return Ok(());
    }
    state.commit(facts)?;
    state.remember(&parked_key(file), &[])
}

/// The numbers of the entries on a window's last page that stand for its file and are parked.
fn stand_ins(state: &ConnectorState, file: &FileMemory, row: &WindowRow) -> Result<Vec<u64>, StateError> {
    let Some(last) = row.pages.checked_sub(1) else { return Ok(Vec::new()) };
    let start = id_start(file);
    let mut found = Vec::new();
    for item in state.page_items(row.id, last)? {
        let private = state.item_private(item.ordinal)?;
        if private.is_some_and(|private| private.id.starts_with(&start)) {
            found.push(item.ordinal.0);
        }
    }
    Ok(found)
}

fn parked(state: &ConnectorState, file: &FileMemory) -> Result<Vec<u64>, StateError> {
    let bytes = state.recall(&parked_key(file))?.unwrap_or_default();
    let (numbers, _) = bytes.as_chunks::<ORDINAL_BYTES>();
    Ok(numbers.iter().copied().map(u64::from_le_bytes).collect())
}

/// How the ids begin under which a file is parked; one for each state of the file.
fn id_start(file: &FileMemory) -> String {
    format!("file:{}:", file.path)
}

fn reading_key(file: &FileMemory) -> String {
    format!("file-reading:{}", file.path)
}

fn parked_key(file: &FileMemory) -> String {
    format!("file-parked:{}", file.path)
}
