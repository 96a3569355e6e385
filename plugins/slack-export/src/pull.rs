//! One page's journey: collect records, look up whom they name, make items.

use kit::{
    Error, ErrorKind, Host, Tables,
    source::{Page, PullRequest, Reading},
};

use crate::{
    clock::Problem,
    cursor::{self, Cursor},
    directory::{self, Directory},
    gather::{self, Piece, Record},
    item::{self, Maker},
    kept::Kept,
    layout::{Layout, Role},
    limits::PAGE_PEOPLE_MAX,
    settings::Settings,
};

/// Reads one page, with what the instance has kept of the pages before.
pub(crate) fn pull(
    host: &mut dyn Host,
    settings: &Settings,
    request: &PullRequest,
    kept: &mut Option<Kept>,
) -> Result<Page, Error> {
    let Reading::File(path) = &request.reading else {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            "wrong-reading",
            "`slack-export` reads files, neither windows nor bookmarks",
        ));
    };
    let items_max = request.max_items.max(1) as usize;
    let cursor = request.cursor.as_ref().map(|bytes| Cursor::decode(bytes).ok_or_else(|| cursor::unknown(path)));
    let cursor = cursor.transpose()?;
    let with_public_members = settings.public_channel_members;
    let Kept { layout, directory, .. } = Kept::of(kept, host, path, with_public_members, cursor.as_ref())?;
    let start = cursor.unwrap_or(Cursor { archive: layout.fingerprint, ..Cursor::default() });
    if !layout.entries.is_empty() && start.entry as usize >= layout.entries.len() {
        return Err(cursor::unknown(path));
    }
    let gathered = gather::gather(host, path, layout, start, items_max, directory.is_none())?;
    let looked_up;
    let directory = match directory {
        Some(directory) => directory,
        None => {
            looked_up = Directory::read(host, path, layout, gathered.wanted, with_public_members)?;
            &looked_up
        }
    };
    let mut page = Page::default();
    let mut tables = Tables::default();
    let mut next = gathered.next;
    let mut people = 0;
    for piece in gathered.pieces {
        let room = items_max.saturating_sub(page.items.len()).saturating_sub(page.unreadable.len());
        match piece {
            Piece::Record(Record { at, .. }) if people >= PAGE_PEOPLE_MAX => {
                next = Some(at);
                break;
            }
            Piece::Record(record) => {
                let before = page.items.len();
                let maker = Maker { directory, tables: &mut tables };
                let all = make(maker, layout, &record, room, &mut page);
                let made = page.items.get(before..).unwrap_or_default();
                people = made.iter().flat_map(|item| &item.participants).fold(people, |most, row| most.max(*row));
                if let Some(given) = all {
                    next = Some(Cursor { part: given, ..record.at });
                    break;
                }
            }
            Piece::Unreadable(at, _) if room == 0 => {
                next = Some(at);
                break;
            }
            Piece::Unreadable(_, found) => page.unreadable.push(found),
        }
    }
    page.progress = Some(progress(layout, next));
    page.cursor = next.map(Cursor::encode);
    (page.people, page.conversations) = tables.into_rows();
    Ok(page)
}

/// Makes the items of a record. When they do not all fit: how many of it are given now.
fn make(mut maker: Maker<'_>, layout: &Layout, record: &Record, room: usize, page: &mut Page) -> Option<u32> {
    if room == 0 {
        return Some(record.at.part);
    }
    let name = layout.entries.get(record.at.entry as usize).map_or("", |entry| entry.name.as_str());
    let unreadable = |code: &str, what: &str| gather::unreadable(name, record.number, code, what, record.raw.clone());
    let Some(value) = directory::parse(&record.raw).filter(serde_json::Value::is_object) else {
        page.unreadable.push(unreadable("record-broken", "is no JSON object"));
        return None;
    };
    let skip = record.at.part as usize;
    let made = match &record.role {
        Role::Messages(folder) => {
            let channel = maker.directory.channel(folder);
            maker.items(&value, &record.raw, &channel, skip, room)
        }
        Role::Records(list) => maker.of_list(&value, &record.raw, list).map(|item| vec![item]),
        _ => Ok(Vec::new()),
    };
    match made {
        Ok(items) => {
            let given = skip.saturating_add(items.len());
            page.items.extend(items);
            let is_message = matches!(record.role, Role::Messages(_));
            let is_cut = is_message && given < item::parts(&value);
            is_cut.then(|| u32::try_from(given).unwrap_or(u32::MAX))
        }
        Err(Problem::Broken) => {
            page.unreadable.push(unreadable("no-time", "has no time that can be read"));
            None
        }
        Err(Problem::Absurd) => {
            page.unreadable.push(unreadable("absurd-time", "has a time before 2000 or after 2099"));
            None
        }
    }
}

/// Thousandths of the archive's bytes that are done.
fn progress(layout: &Layout, next: Option<Cursor>) -> u32 {
    let Some(next) = next else { return 1_000 };
    let (mut done, mut all) = (0_u64, 0_u64);
    for (number, entry) in (0_u32..).zip(&layout.entries) {
        all = all.saturating_add(entry.size);
        if number < next.entry {
            done = done.saturating_add(entry.size);
        } else if number == next.entry {
            done = done.saturating_add(next.place.offset.min(entry.size));
        }
    }
    let share = u128::from(done).saturating_mul(1_000).checked_div(u128::from(all)).unwrap_or(0);
    u32::try_from(share).unwrap_or(1_000).min(1_000)
}
