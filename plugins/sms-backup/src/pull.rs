//! One page's journey.

use kit::{
    Error, ErrorKind, Host,
    source::{Page, PullRequest, Reading, Unreadable},
};

use crate::{
    cursor::Cursor,
    record::{self, Record},
    settings::Settings,
    tokens::{Tag, Tokens, Trouble},
};

/// Bytes kept of what cannot be read.
const ORIGINAL_BYTES_MAX: usize = 64 * 1024;
/// Parts and addresses of one record.
const CHILDREN_MAX: usize = 10_000;
/// Files of one record.
const FILES_MAX: usize = 256;
/// Bytes of texts and originals after which a page ends.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Reads one page of a file.
pub(crate) fn pull(host: &mut dyn Host, settings: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let Reading::File(path) = &request.reading else {
        return Err(Error::new(ErrorKind::Misconfigured, "reading-unknown", "`sms-backup` is read by files"));
    };
    let owner = settings.owner_of(path)?;
    let mut cursor = match &request.cursor {
        Some(bytes) => Cursor::decode(bytes)?,
        None => head(host, path)?,
    };
    let mut page = Page::default();
    let mut tokens = Tokens::new(host, path, cursor.at);
    let max = request.max_items.max(1) as usize;
    let mut full = false;
    while !cursor.ended {
        if page.items.len() + page.unreadable.len() >= max || weight(&page) >= PAGE_BYTES_MAX {
            full = true;
            break;
        }
        step(&mut tokens, settings, &owner, path, &mut cursor, &mut page)?;
    }
    if !full && cursor.count.is_some_and(|count| count != cursor.found) {
        if page.items.len() + page.unreadable.len() >= max {
            full = true;
        } else {
            let said = cursor.count.unwrap_or_default();
            let message = format!("`{path}` says it has {said} records and has {}", cursor.found);
            page.unreadable.push(unreadable(path, cursor.at, "count-mismatch", message, Vec::new()));
        }
    }
    page.cursor = full.then(|| cursor.encode());
    page.progress = if full { None } else { Some(1_000) };
    Ok(page)
}

/// What a page holds already.
fn weight(page: &Page) -> usize {
    let items = page
        .items
        .iter()
        .map(|item| item.text.as_ref().map_or(0, String::len) + item.original.as_ref().map_or(0, Vec::len));
    items.chain(page.unreadable.iter().map(|unreadable| unreadable.original.len())).sum()
}

/// The first tag says whether it is a backup.
fn head(host: &mut dyn Host, path: &str) -> Result<Cursor, Error> {
    let refuse = |code: &str, what: &str| {
        Error::new(ErrorKind::Rejected, code, format!("nothing was taken from `{path}`: {what}"))
            .hint("make the backup again with SMS Backup & Restore and copy its XML file as it is")
    };
    let start = host.folder_read(path, 0, 1_024)?;
    if start.starts_with(&[0xFF, 0xFE])
        || start.starts_with(&[0xFE, 0xFF])
        || start.get(..4).is_some_and(|b| b.contains(&0))
    {
        return Err(refuse("encoding-unknown", "it is not UTF-8"));
    }
    let text = String::from_utf8_lossy(&start).to_lowercase();
    let declared = text.split_once("encoding=").and_then(|(_, rest)| rest.get(1..6)).unwrap_or("utf-8");
    if text.trim_start_matches('\u{feff}').starts_with("<?xml") && declared != "utf-8" && !declared.starts_with("utf8")
    {
        return Err(refuse("encoding-unknown", "it is not UTF-8"));
    }
    let mut tokens = Tokens::new(host, path, 0);
    match tokens.find_tag().and_then(|()| tokens.tag()) {
        Ok(tag) if tag.name == "smses" || tag.name == "calls" => Ok(Cursor {
            at: tokens.at(),
            count: tag.get("count").and_then(|count| count.trim().parse().ok()),
            ended: tag.empty,
            ..Cursor::default()
        }),
        Err(Trouble::Host(error)) => Err(error),
        _ => Err(refuse("not-a-backup", "it does not begin with `<smses>` or `<calls>`")),
    }
}

/// Reads one record.
fn step(
    tokens: &mut Tokens<'_>,
    settings: &Settings,
    owner: &str,
    path: &str,
    cursor: &mut Cursor,
    page: &mut Page,
) -> Result<(), Error> {
    let before = cursor.at;
    tokens.seek(before);
    match tokens.find_tag() {
        Ok(()) => {}
        Err(Trouble::Host(error)) => return Err(error),
        Err(_) => {
            cursor.ended = true;
            let message = format!("`{path}` ends at byte {} without its closing tag", tokens.at());
            page.unreadable.push(unreadable(path, before, "truncated", message, Vec::new()));
            return Ok(());
        }
    }
    let start = tokens.at();
    tokens.begin();
    let read = whole(tokens);
    let mut original = std::mem::take(&mut tokens.original);
    original.truncate(ORIGINAL_BYTES_MAX);
    match read {
        Ok(record) if record.tag.name == "/smses" || record.tag.name == "/calls" => {
            cursor.ended = true;
            cursor.at = tokens.at();
        }
        Ok(record) if record::people(&record) > record::PEOPLE_MAX => {
            cursor.at = tokens.at();
            cursor.found = cursor.found.saturating_add(1);
            let message = format!("`{path}`, byte {start}: the record names more than {} people", record::PEOPLE_MAX);
            page.unreadable.push(unreadable(path, start, "record-broken", message, original));
        }
        Ok(record) => {
            cursor.at = tokens.at();
            cursor.found = cursor.found.saturating_add(1);
            match record::time(&record.tag) {
                Ok(sent_at) => record::add(page, settings, owner, cursor, record, sent_at, original),
                Err(code) => {
                    let message = format!("`{path}`, byte {start}: the record has no usable `date`");
                    page.unreadable.push(unreadable(path, start, code, message, original));
                }
            }
        }
        Err(Trouble::Host(error)) => return Err(error),
        Err(Trouble::End) => {
            cursor.ended = true;
            let message = format!("`{path}` ends within the record at byte {start}");
            page.unreadable.push(unreadable(path, start, "truncated", message, original));
        }
        Err(Trouble::Broken(why)) => {
            cursor.found = cursor.found.saturating_add(1);
            // The place of the trouble is behind the record's first byte, so this goes forwards.
            cursor.at = resync(tokens, start)?;
            let message = format!("`{path}`, byte {start}: the record is broken: {why}");
            page.unreadable.push(unreadable(path, start, "record-broken", message, original));
        }
    }
    Ok(())
}

/// The next tag that begins a record or ends the file.
fn resync(tokens: &mut Tokens<'_>, start: u64) -> Result<u64, Error> {
    tokens.seek(start.saturating_add(1));
    loop {
        match tokens.find_tag() {
            Ok(()) => {}
            Err(Trouble::Host(error)) => return Err(error),
            Err(_) => return Ok(tokens.at()),
        }
        let at = tokens.at();
        tokens.original.clear();
        let name = tokens.tag_name();
        match name {
            Ok(name) if ["sms", "mms", "call", "/smses", "/calls"].contains(&name.as_str()) => return Ok(at),
            Err(Trouble::Host(error)) => return Err(error),
            _ => tokens.seek(at.saturating_add(1)),
        }
    }
}

/// A record with what is in it.
fn whole(tokens: &mut Tokens<'_>) -> Result<Record, Trouble> {
    let mut record = Record { tag: tokens.tag()?, ..Record::default() };
    if record.tag.empty || record.tag.name.starts_with('/') {
        return Ok(record);
    }
    let end = format!("/{}", record.tag.name);
    for _ in 0..CHILDREN_MAX {
        tokens.find_tag()?;
        let tag = tokens.tag()?;
        match tag.name.as_str() {
            name if name == end => return Ok(record),
            "sms" | "mms" | "call" | "/smses" | "/calls" => return Err(Trouble::Broken("it is not closed")),
            "part" if record.files.len() >= FILES_MAX => return Err(Trouble::Broken("it has more than 256 files")),
            "part" => part(&mut record, &tag),
            "addr" => record.addresses.push((
                tag.get("type").unwrap_or_default().to_owned(),
                tag.get("address").unwrap_or_default().to_owned(),
            )),
            _ => {}
        }
    }
    Err(Trouble::Broken("it has more than 10,000 parts"))
}

fn part(record: &mut Record, tag: &Tag) {
    match tag.get("ct") {
        Some("application/smil") => {}
        Some("text/plain") if tag.data.is_none() => record.texts.extend(tag.get("text").map(str::to_owned)),
        _ => record.files.push(tag.attachment()),
    }
}

fn unreadable(path: &str, at: u64, code: &str, message: String, original: Vec<u8>) -> Unreadable {
    let id = format!("{code}-{}", record::hash(&[path, &at.to_string()]));
    Unreadable { id, code: code.to_owned(), message, sent_at: None, original }
}
