//! One page of a file.

use kit::{
    Error, ErrorKind, Host, Tables,
    source::{Page, PullRequest, Reading, Unreadable},
};

use crate::{
    cursor::{self, Cursor},
    identity,
    item::{Maker, Trouble},
    limits::{ORIGINAL_BYTES_MAX, PAGE_BYTES_MAX, RECORD_BYTES_MAX},
    media::Shelves,
    parts::{self, Problem},
    redact,
    settings::Settings,
    splitter::{Found, Splitter},
    value::cut,
};

/// Bytes of a file's begin that tell whether it can be JSON.
const HEAD_BYTES: u32 = 64 << 10;

/// Reads one page.
pub(crate) fn pull(host: &mut dyn Host, settings: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let Reading::File(path) = &request.reading else {
        return Err(Error::new(ErrorKind::Other, "reading-unknown", "`whatsapp-cloud` reads files, not windows"));
    };
    let at = match &request.cursor {
        Some(bytes) => Cursor::decode(bytes).ok_or_else(|| cursor::unknown(path))?,
        None => {
            check_begin(host, path)?;
            Cursor::default()
        }
    };
    let room = usize::try_from(request.max_items).unwrap_or(usize::MAX).max(1);
    let mut page = Page::default();
    let mut tables = Tables::default();
    let mut shelves = Shelves::new(path, &settings.path);
    let mut splitter = Splitter::new(path, at.place);
    let mut skip = at.part as usize;
    let next = loop {
        let place = splitter.place;
        let full = page.items.len() + page.unreadable.len() >= room;
        if full || place.offset.saturating_sub(at.place.offset) >= PAGE_BYTES_MAX {
            break Some(Cursor { place, part: 0 });
        }
        let Some(found) = splitter.next(host)? else { break None };
        let where_it_is = format!("body {} of `{path}`", splitter.place.record);
        let mut maker = Maker { host, tables: &mut tables, shelves: &mut shelves };
        if let Some(given) = read(&mut maker, &found, &where_it_is, skip, room, &mut page)? {
            break Some(Cursor { place, part: u32::try_from(given).unwrap_or(u32::MAX) });
        }
        skip = 0;
    };
    page.cursor = next.map(Cursor::encode);
    (page.people, page.conversations) = tables.into_rows();
    Ok(page)
}

/// Refuses what can hold no webhook at all.
fn check_begin(host: &mut dyn Host, path: &str) -> Result<(), Error> {
    let head = host.folder_read(path, 0, HEAD_BYTES)?;
    let refuse = |code: &str, why: &str, hint: &str| {
        Err(Error::new(ErrorKind::Rejected, code, format!("`{path}` {why}")).hint(hint))
    };
    if head.is_empty() {
        return refuse("file-empty", "is empty", "let the receiver rename a file into the folder once it is whole");
    }
    let is_wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || head.get(1) == Some(&0);
    if is_wide || head.first() == Some(&0) {
        return refuse("not-utf-8", "is no UTF-8 text", "let the receiver write each body as it came");
    }
    if !head.contains(&b'{') {
        return refuse("not-json", "holds no JSON object at its begin", "keep other files out of the folder");
    }
    Ok(())
}

/// Gives the parts of a body after the first `skip`. When they do not all fit: how many were given by now.
fn read(
    maker: &mut Maker<'_>,
    found: &Found,
    where_it_is: &str,
    skip: usize,
    room: usize,
    page: &mut Page,
) -> Result<Option<usize>, Error> {
    let park = |code: &str, what: &str| {
        let original = redact::loose(found.bytes.get(..ORIGINAL_BYTES_MAX).unwrap_or(&found.bytes));
        unreadable(code, code, format!("{where_it_is} {what}"), original, found)
    };
    if found.length > RECORD_BYTES_MAX as u64 {
        page.unreadable.push(park("record-too-large", &format!("has {} bytes, over the limit", found.length)));
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&found.bytes);
    let is_repaired = matches!(text, std::borrow::Cow::Owned(_));
    let clean = redact::json(&text);
    let all = match parts::of_body(&clean) {
        Ok(all) => all,
        Err(Problem::NotJson) if found.is_cut => {
            page.unreadable.push(park("file-truncated", "ends early, with the file"));
            return Ok(None);
        }
        Err(Problem::NotJson) => {
            page.unreadable.push(park("not-json", "is no JSON"));
            return Ok(None);
        }
        Err(Problem::NotAWebhook) => {
            page.unreadable.push(park("not-a-webhook", "is no webhook of a WhatsApp Business account"));
            return Ok(None);
        }
    };
    let mut given = skip;
    for part in all.iter().skip(skip) {
        if page.items.len() + page.unreadable.len() >= room {
            return Ok(Some(given));
        }
        given += 1;
        match maker.item(part) {
            Ok(mut item) => {
                if is_repaired {
                    item.extensions.push(("text-repaired".to_owned(), "true".to_owned()));
                }
                page.items.push(item);
            }
            Err(Trouble::Host(error)) => return Err(error),
            Err(Trouble::Parked(code, what)) => {
                let original = cut(part.raw, ORIGINAL_BYTES_MAX).as_bytes().to_vec();
                let message = format!("part {given} of {where_it_is} {what}");
                let mut parked = unreadable(&format!("{code}:{given}"), code, message, original, found);
                parked.sent_at = part.scene.time;
                page.unreadable.push(parked);
            }
        }
    }
    Ok(None)
}

/// The id is the same when the same body is met again.
fn unreadable(label: &str, code: &str, message: String, mut original: Vec<u8>, of: &Found) -> Unreadable {
    original.truncate(ORIGINAL_BYTES_MAX);
    let id = format!("unreadable:{label}:{}:{}", of.length, identity::hash(&of.bytes));
    Unreadable { id, code: code.to_owned(), message, sent_at: None, original }
}
