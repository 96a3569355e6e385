//! One page's journey: walk on, collect records, look up phones, make items.

use kit::{
    Error, ErrorKind, Host, Tables,
    source::{Page, PullRequest, Reading, Unreadable},
};

use crate::{
    chat::Chat,
    clock::Problem,
    contacts::Contacts,
    identity,
    input::Input,
    item::{self, Maker, Trouble},
    limits::{ORIGINAL_BYTES_MAX, PAGE_BYTES_MAX, PAGE_WALK_BYTES_MAX},
    media::{self, Media},
    owner::{self, Owner},
    people::People,
    place::Place,
    repair,
    settings::{Settings, wrong},
    value::{cut, integer, text},
    walk::{Found, Walker},
};

/// One thing found, and where: a page that has no room for it ends there.
enum Piece {
    /// A record, and the place behind it, which knows its chat.
    Record(Place, Box<Place>, Vec<u8>),
    /// Something that is no record.
    Odd(Place, Unreadable),
}

/// Reads one page.
pub(crate) fn pull(host: &mut dyn Host, settings: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let Reading::File(path) = &request.reading else {
        return Err(wrong(
            "wrong-reading",
            "`telegram-export` reads files, neither windows nor bookmarks".to_owned(),
            "ask it for files",
        ));
    };
    let items_max = request.max_items.max(1) as usize;
    let start = match &request.cursor {
        Some(bytes) => Place::decode(bytes, path)?,
        None if media::is_beside_an_export(host, path) => {
            return Ok(Page { progress: Some(1_000), ..Page::default() });
        }
        None => Place::begin(size(host, path)?),
    };
    let (pieces, mut next) = gather(host, path, start, items_max)?;
    let known = pieces.iter().find_map(|piece| match piece {
        Piece::Record(_, behind, _) => behind.contacts,
        Piece::Odd(..) => None,
    });
    let phones = known.map(|at| Contacts::read(host, path, at)).transpose()?.unwrap_or_default();
    let nobody = Contacts::default();
    let mut media = Media::new(host, path);
    let mut page = Page::default();
    let mut tables = Tables::default();
    for piece in pieces {
        let room = items_max.saturating_sub(page.items.len()).saturating_sub(page.unreadable.len());
        let (at, behind, raw) = match piece {
            Piece::Record(at, ..) | Piece::Odd(at, _) if room == 0 || media.is_full() => {
                next = Some(at);
                break;
            }
            Piece::Odd(_, found) => {
                page.unreadable.push(found);
                continue;
            }
            Piece::Record(at, behind, raw) => (at, behind, raw),
        };
        let Some(value) = repair::parse(&raw).filter(serde_json::Value::is_object) else {
            page.unreadable.push(unreadable(path, &behind, at.offset, "record-broken", "is no JSON object", raw));
            continue;
        };
        let owner = Owner::of(settings, path, behind.exporter.as_ref())?;
        let is_old = value.get("date_unixtime").is_none();
        let chat = Chat::of(&behind.header, is_old, &owner, path)?;
        // Records that stand before the contacts are the same on any page.
        let contacts = if behind.contacts.is_some() { &phones } else { &nobody };
        let mut maker = Maker {
            chat: &chat,
            people: People { contacts, owner: &owner },
            zone: &settings.zone,
            path,
            is_section: behind.header.section.is_some(),
            twin: behind.twin.1,
            tables: &mut tables,
            media: &mut media,
        };
        let skip = at.part as usize;
        match maker.items(&value, &raw, skip, room) {
            Ok(items) => {
                let given = skip.saturating_add(items.len());
                page.items.extend(items);
                if given < item::parts(&value) {
                    let mut at = at;
                    at.part = u32::try_from(given).unwrap_or(u32::MAX);
                    next = Some(at);
                    break;
                }
            }
            Err(Trouble::Page(error)) => return Err(error),
            Err(Trouble::Time(Problem::NoZone)) => return Err(zone_needed(path, &behind)),
            Err(Trouble::Time(problem)) => {
                let (code, what) = match problem {
                    _ if text(&value, "type") == Some("unsupported") => (
                        "unsupported-message",
                        "is one that Telegram Desktop could not export: it has no time and no text",
                    ),
                    Problem::Absurd => ("absurd-time", "has a time before 2000 or after 2099"),
                    Problem::Broken | Problem::NoZone => ("no-time", "has no time that can be read"),
                };
                let mut found = unreadable(path, &behind, at.offset, code, what, raw);
                // A record with a number is the same one in a later export.
                if let Some(number) = integer(&value, "id") {
                    found.id = identity::short(format!("{}:{code}", chat.message_id(number, path)?));
                }
                page.unreadable.push(found);
            }
        }
    }
    page.progress = match &next {
        None => Some(1_000),
        Some(place) => u64::checked_div(place.offset.min(place.size).saturating_mul(1_000), place.size)
            .and_then(|share| u32::try_from(share).ok()),
    };
    page.cursor = next.as_ref().map(Place::encode).transpose()?;
    (page.people, page.conversations) = tables.into_rows();
    Ok(page)
}

/// Collects at most `items_max` pieces, and says where the next page begins.
fn gather(
    host: &mut dyn Host,
    path: &str,
    start: Place,
    items_max: usize,
) -> Result<(Vec<Piece>, Option<Place>), Error> {
    let begin = start.offset;
    let mut walker = Walker::new(Input::new(host, path, begin), start);
    let mut pieces = Vec::new();
    let mut bytes = 0_usize;
    let mut has_looked_ahead = false;
    loop {
        let at = walker.place.clone();
        let walked = at.offset.saturating_sub(begin);
        if pieces.len() >= items_max || bytes >= PAGE_BYTES_MAX || walked >= PAGE_WALK_BYTES_MAX {
            return Ok((pieces, Some(at)));
        }
        match walker.step()? {
            Found::Nothing => {}
            Found::End => return Ok((pieces, None)),
            Found::NoExport(why) => {
                let message = format!("`{}` is no export of Telegram Desktop: it {why}", path.escape_debug());
                return Err(Error::new(ErrorKind::Rejected, "not-a-telegram-export", message).hint(
                    "export the chat with Telegram Desktop as machine-readable JSON, and put the whole folder here",
                ));
            }
            Found::Odd(code, what, raw) => {
                bytes = bytes.saturating_add(raw.len());
                let found = unreadable(path, &walker.place, at.offset, code, &what, raw);
                pieces.push(Piece::Odd(at, found));
            }
            Found::Record(raw) => {
                if owner::may_be_learned(&walker.place) {
                    // Looking ahead is reading too: a page does it once.
                    if has_looked_ahead {
                        return Ok((pieces, Some(at)));
                    }
                    has_looked_ahead = true;
                    walker.place.exporter = owner::learn(&mut walker, &at)?;
                    walker.place.header.is_searched = true;
                }
                // Records without a number are named by their bytes: those that are the same in a row are counted.
                if memchr::memmem::find(&raw, b"\"id\"").is_none() {
                    let hash = identity::hash(&raw);
                    let twin = &mut walker.place.twin;
                    twin.1 = if twin.0 == hash { twin.1.saturating_add(1) } else { 0 };
                    twin.0 = hash;
                }
                bytes = bytes.saturating_add(raw.len());
                pieces.push(Piece::Record(at, Box::new(walker.place.clone()), raw));
                walker.place.part = 0;
            }
        }
    }
}

/// Size of the file, for the progress; 0 where the host does not tell.
fn size(host: &mut dyn Host, path: &str) -> Result<u64, Error> {
    let Some((folder, _)) = path.rsplit_once('/') else { return Ok(0) };
    let entries = host.folder_entries(folder)?;
    Ok(entries.iter().find(|entry| entry.path == path).map_or(0, |entry| entry.size))
}

fn zone_needed(path: &str, place: &Place) -> Error {
    let record = place.record;
    wrong(
        "zone-needed",
        format!(
            "`{}` has local times only (record {record} of a chat), and nothing says of which zone",
            path.escape_debug()
        ),
        "set `zone = \"Europe/Berlin\"`, the zone of the computer that made the export, or export again with a newer Telegram Desktop",
    )
}

/// Why something is unreadable, with what a person would look for.
fn unreadable(path: &str, place: &Place, offset: u64, code: &str, what: &str, mut raw: Vec<u8>) -> Unreadable {
    raw.truncate(ORIGINAL_BYTES_MAX);
    raw.shrink_to_fit();
    let chat = match (&place.header.section, place.header.id) {
        (Some(section), _) => format!(" of `{section}`"),
        (None, Some(id)) => format!(" of chat {id}"),
        (None, None) => String::new(),
    };
    let record = if place.record == 0 { String::new() } else { format!("record {}{chat} in ", place.record) };
    let message = format!("{record}`{}` at byte {offset} {what}", path.escape_debug());
    Unreadable {
        id: identity::short(format!("unreadable:{path}#{offset}:{code}:{}", identity::hash(&raw))),
        code: code.to_owned(),
        message: cut(&message, 1_000).to_owned(),
        sent_at: None,
        original: raw,
    }
}
