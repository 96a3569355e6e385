//! Staging: a page, the place after it and what each of its items is, durable together.

use std::collections::HashMap;

use crate::item::{
    Event,
    limits::{BOOKMARK_BYTES_MAX, CURSOR_BYTES_MAX},
};

use super::{ConnectorState, Writing};
use crate::state::{
    error::StateError,
    fact::{Earlier, Fact, LATE, UNREADABLE},
    index::duplicate_key,
    keys::Names,
    limits::PAGE_OBSERVATIONS_MAX,
    plan::{Observation, Ordinal, StagedPage, Standing},
    sidecar::Private,
};

impl ConnectorState {
    /// Records a page that is durable in the stage, with the cursor after it, and tells what each observation is, in
    /// their order.
    ///
    /// # Errors
    /// Refuses a page of a window that is closed or was read to its end.
    pub fn stage_page(&self, page: StagedPage<'_>) -> Result<Vec<Standing>, StateError> {
        check_page(&page)?;
        self.write(|writing| {
            let standings = stand(writing, &self.names, page.observations)?;
            let window = page.window.0;
            let Some(row) = writing.tables().window(window)? else {
                return Err(StateError::refused("window-unknown", format!("window {window} was never opened")));
            };
            let first = writing.tables().globals().next_ordinal;
            let items = standings.iter().filter(|standing| !matches!(standing, Found::Seen { .. })).count() as u32;
            let private = Private::Page { cursor: page.cursor, bookmark: page.bookmark };
            let (sealed, entry) = writing.seal(window, None, private)?;
            let staged = Fact::PageStaged {
                window,
                page: row.pages,
                name: page.page_name,
                first,
                items,
                seen: standings.len() as u32 - items,
                last: page.cursor.is_none(),
                sealed,
            };
            writing.fact(&staged, Some(entry))?;
            let mut answers = Vec::with_capacity(standings.len());
            for (observation, found) in page.observations.iter().zip(&standings) {
                answers.push(match found {
                    Found::Seen { of } => Standing::Seen { of: Ordinal(*of) },
                    Found::Fetched { id, owner, first } => {
                        stage_item(writing, window, row.pages, observation, id, owner, *first)?
                    }
                });
            }
            Ok(answers)
        })
    }

    /// The first observation of an id, whatever its event, in its first state.
    pub fn find(&self, id: &str) -> Result<Option<Ordinal>, StateError> {
        self.read(|inner| {
            for event in Event::ALL {
                if let Some(known) = inner.tables.known(&id_key(&self.names, id, event, 0, false))? {
                    return Ok(Some(Ordinal(known.ordinal)));
                }
            }
            Ok(None)
        })
    }

    /// The first observation of exactly this item.
    pub fn find_exact(&self, id: &str, event: Event, revision: u32) -> Result<Option<Ordinal>, StateError> {
        let key = id_key(&self.names, id, event, revision, false);
        self.read(|inner| Ok(inner.tables.known(&key)?.map(|known| Ordinal(known.ordinal))))
    }
}

enum Found {
    Seen {
        of: u64,
    },
    /// `first` is the earlier observation's number; none for a new item.
    Fetched {
        id: [u8; 16],
        owner: [u8; 8],
        first: Option<u64>,
    },
}

/// What each observation is, earlier ones of the same page included.
fn stand(writing: &mut Writing<'_>, names: &Names, observations: &[Observation<'_>]) -> Result<Vec<Found>, StateError> {
    let mut owners: HashMap<Option<&str>, [u8; 8]> = HashMap::new();
    // Ids of this page: the first observation and its owner; further owners under their own key.
    let mut here: HashMap<[u8; 16], (u64, [u8; 8])> = HashMap::new();
    let mut next = writing.tables().globals().next_ordinal;
    let mut found = Vec::with_capacity(observations.len());
    for observation in observations {
        let Observation { id, event, revision, owner, unreadable, .. } = *observation;
        let owner = *owners.entry(owner).or_insert_with(|| match owner {
            Some(owner) => names.name(&[b"owner", owner.as_bytes()]),
            None => names.name(&[b"no owner"]),
        });
        let id = id_key(names, id, event, revision, unreadable);
        let known = match here.get(&id) {
            Some(known) => Some(*known),
            None => writing.tables().known(&id)?.map(|known| (known.ordinal, known.owner)),
        };
        let Some((of, first_owner)) = known else {
            here.insert(id, (next, owner));
            found.push(Found::Fetched { id, owner, first: None });
            next += 1;
            continue;
        };
        let again = duplicate_key(&id, &owner);
        if first_owner == owner || here.contains_key(&again) || writing.tables().known(&again)?.is_some() {
            found.push(Found::Seen { of });
            continue;
        }
        here.insert(again, (of, owner));
        found.push(Found::Fetched { id, owner, first: Some(of) });
        next += 1;
    }
    Ok(found)
}

fn stage_item(
    writing: &mut Writing<'_>,
    window: u64,
    page: u32,
    observation: &Observation<'_>,
    id: &[u8; 16],
    owner: &[u8; 8],
    first: Option<u64>,
) -> Result<Standing, StateError> {
    let ordinal = writing.tables().globals().next_ordinal;
    let of = match first {
        None => None,
        Some(first) => {
            let newest = writing.tables().look(first, |row| row.duplicate)?.unwrap_or(0);
            Some(Earlier { first, previous: if newest == 0 { first } else { newest } })
        }
    };
    let private = Private::Item {
        id: observation.id,
        owner: observation.owner,
        revision: observation.revision,
        sent_at_ms: observation.sent_at_ms,
    };
    let (sealed, entry) = writing.seal(ordinal, None, private)?;
    let flags = if observation.unreadable { UNREADABLE } else { 0 } | if observation.late { LATE } else { 0 };
    let staged = Fact::ItemStaged {
        ordinal,
        window,
        page,
        position: observation.position,
        event: event_number(observation.event),
        flags,
        id: *id,
        owner: *owner,
        of,
        sealed,
    };
    writing.fact(&staged, Some(entry))?;
    Ok(match first {
        None => Standing::New(Ordinal(ordinal)),
        Some(of) => Standing::Duplicate { ordinal: Ordinal(ordinal), of: Ordinal(of) },
    })
}

/// How an item is known: an unreadable one apart, so that it is new when a mended plugin can read it.
fn id_key(names: &Names, id: &str, event: Event, revision: u32, unreadable: bool) -> [u8; 16] {
    let kind = if unreadable { 0xff } else { event_number(event) };
    names.name(&[b"id", id.as_bytes(), &[kind], &revision.to_le_bytes()])
}

/// An event's place in [`Event::ALL`].
fn event_number(event: Event) -> u8 {
    (0..).zip(Event::ALL).find(|(_, other)| *other == event).map_or(u8::MAX, |(number, _)| number)
}

fn check_page(page: &StagedPage<'_>) -> Result<(), StateError> {
    let too_large = |what: &str, size: usize, max: usize| {
        Err(StateError::refused("page-too-large", format!("a page's {what} of {size} is over the limit of {max}")))
    };
    if page.observations.len() > PAGE_OBSERVATIONS_MAX {
        return too_large("number of items", page.observations.len(), PAGE_OBSERVATIONS_MAX);
    }
    if let Some(cursor) = page.cursor.filter(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
        return too_large("cursor in bytes", cursor.len(), CURSOR_BYTES_MAX);
    }
    match page.bookmark.filter(|bookmark| bookmark.len() > BOOKMARK_BYTES_MAX) {
        Some(bookmark) => too_large("bookmark in bytes", bookmark.len(), BOOKMARK_BYTES_MAX),
        None => Ok(()),
    }
}
