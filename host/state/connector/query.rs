//! Reading items: what is in clear from the index, what is private from the sealed entries.

use std::{borrow::Cow, collections::BTreeMap};

use super::{ConnectorState, Inner, commit::remembered_key};
use crate::{
    item::{Event, Resolution},
    state::{
        counts::ItemClass,
        error::StateError,
        fact::{EntryRef, LATE, UNREADABLE},
        index::REMEMBERED,
        plan::{CopyKey, Ordinal, Outcome, Standing, Target},
        row::{CopyState, Row, Step},
        sidecar::Private,
        window::WindowId,
    },
};

/// An item, without what is private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// Its number.
    pub ordinal: Ordinal,
    /// Its window.
    pub window: WindowId,
    /// Its page in the window.
    pub page_seq: u32,
    /// That page's name in the stage.
    pub page_name: [u8; 32],
    /// Its place in the page: items first, then what could not be read.
    pub position: u32,
    /// What happened.
    pub event: Event,
    /// New, or a duplicate of an earlier one.
    pub standing: Standing,
    /// Whether it could not be read.
    pub unreadable: bool,
    /// Whether it belongs to a window that was closed before.
    pub late: bool,
    /// How far it has come.
    pub step: ItemStep,
    /// The rule that left it out.
    pub excluded: Option<String>,
    /// The code when it is parked as a whole.
    pub parked: Option<String>,
    /// Its copies, in the order of its plan.
    pub copies: Vec<CopyRow>,
}

/// How far an item has come; all but the first two are what its window counts it as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemStep {
    /// Not yet planned.
    Staged,
    /// A copy is under way.
    Pending,
    /// Every copy is imported, partial or skipped.
    Delivered,
    /// It or a copy of it is parked, and nothing is under way.
    Parked,
    /// A further observation of a known item, settled.
    Duplicate,
    /// Left out by a rule, or discarded.
    Excluded,
}

/// A copy, without what is private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRow {
    /// Index of its destination.
    pub destination: u16,
    /// The keyed name of its mailbox or person.
    pub target: [u8; 16],
    /// Whether it is for a person without a mailbox.
    pub person: bool,
    /// How far it has come.
    pub state: CopyStep,
}

/// How far a copy has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CopyStep {
    /// To be converted and delivered.
    Planned,
    /// About to be written; after a crash the destination is asked first.
    Intended {
        /// Of the message's bytes.
        sha256: [u8; 32],
    },
    /// Settled.
    Done(Outcome),
    /// Cannot go on.
    Parked {
        /// Why.
        code: String,
    },
    /// Given up by a person.
    Discarded,
}

/// What is private of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemPrivate {
    /// The source's id.
    pub id: String,
    /// Which state of the id.
    pub revision: u32,
    /// Whose archive it was found in.
    pub owner: Option<String>,
    /// When it happened.
    pub sent_at_ms: Option<i64>,
    /// What the mapper said of each participant.
    pub resolutions: Vec<Resolution>,
    /// Where each copy goes.
    pub targets: Vec<Target>,
    /// What would free what is parked, by copy; the whole item's under [`CopyKey::WHOLE`].
    pub messages: BTreeMap<u16, String>,
    /// The destination's token of each delivered copy that has one.
    pub tokens: BTreeMap<u16, Vec<u8>>,
    /// Decisions of people: who, and why.
    pub decisions: Vec<(String, String)>,
}

/// Something parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedRow {
    /// The copy, or the whole item.
    pub key: CopyKey,
    /// Its window.
    pub window: WindowId,
    /// What happened.
    pub event: Event,
    /// The copy's destination.
    pub destination: Option<u16>,
    /// Why.
    pub code: String,
}

impl ConnectorState {
    /// An item.
    pub fn item(&self, ordinal: Ordinal) -> Result<ItemRow, StateError> {
        self.read(|inner| {
            let row = self.known_row(inner, ordinal)?;
            let page = self.known_page(inner, WindowId(row.window), row.page)?;
            self.item_row(ordinal, row, page.name)
        })
    }

    /// The items of a page, in order; what was only seen again is not among them.
    pub fn page_items(&self, window: WindowId, seq: u32) -> Result<Vec<ItemRow>, StateError> {
        self.read(|inner| {
            let page = self.known_page(inner, window, seq)?;
            (page.first..page.first + u64::from(page.items))
                .map(|ordinal| {
                    let ordinal = Ordinal(ordinal);
                    self.item_row(ordinal, self.known_row(inner, ordinal)?, page.name)
                })
                .collect()
        })
    }

    /// What is private of an item; none when it was erased.
    pub fn item_private(&self, ordinal: Ordinal) -> Result<Option<ItemPrivate>, StateError> {
        self.read(|inner| {
            let row = self.known_row(inner, ordinal)?;
            let mut newest_first = Vec::new();
            let mut next = row.entry;
            while let Some(entry) = next {
                let opened = inner.open_entry(ordinal.0, &entry, |entry| (entry.previous, Owned::from(entry.part)))?;
                let Some((previous, part)) = opened else { return Ok(None) };
                check_older(self, ordinal, &entry, previous.as_ref())?;
                newest_first.push(part);
                next = previous;
            }
            let mut private = ItemPrivate::default();
            for part in newest_first.into_iter().rev() {
                private.take(part);
            }
            Ok(Some(private))
        })
    }

    /// Which mailboxes the item has or will have a copy in, by destination, over all its observations and whatever
    /// became of the copies; persons without a mailbox under their own keyed names. `of` is the first observation.
    pub fn reached(&self, of: Ordinal) -> Result<Vec<(u16, [u8; 16])>, StateError> {
        self.read(|inner| {
            let first = self.known_row(inner, of)?.of.unwrap_or(of.0);
            let mut reached: Vec<_> = inner.tables.reached(first)?.iter().copied().collect();
            reached.sort_unstable();
            Ok(reached)
        })
    }

    /// What is parked, in the order of the items, after a key; at most `max`.
    pub fn parked(&self, after: Option<CopyKey>, max: usize) -> Result<Vec<ParkedRow>, StateError> {
        self.read(|inner| {
            inner.tables.flush()?;
            let mut rows = Vec::new();
            for (ordinal, copy, code) in inner.tables.parked(after, max)? {
                let row = self.known_row(inner, Ordinal(ordinal))?;
                rows.push(ParkedRow {
                    key: CopyKey { ordinal: Ordinal(ordinal), copy },
                    window: WindowId(row.window),
                    event: self.event(&row)?,
                    destination: row.copies.get(usize::from(copy)).map(|copy| copy.destination),
                    code,
                });
            }
            Ok(rows)
        })
    }

    /// What was remembered under a name.
    pub fn recall(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let name = remembered_key(&self.names, key);
        self.read(|inner| {
            let Some(entry) = inner.tables.sealed(REMEMBERED, &name)? else { return Ok(None) };
            let value = inner.open_entry(0, &entry, |entry| match entry.part {
                Private::Remembered { key: stored, value } if stored == key => Some(value.to_vec()),
                _ => None,
            })?;
            Ok(value.flatten())
        })
    }

    pub(super) fn known_row(&self, inner: &Inner, ordinal: Ordinal) -> Result<Row, StateError> {
        let unknown = || StateError::Unknown { connector: self.name.clone(), what: format!("item {}", ordinal.0) };
        inner.tables.row(ordinal.0)?.ok_or_else(unknown)
    }

    fn event(&self, row: &Row) -> Result<Event, StateError> {
        let broken = || StateError::Index { connector: self.name.clone(), what: "a row has an unknown event".into() };
        Event::ALL.get(usize::from(row.event)).copied().ok_or_else(broken)
    }

    fn item_row(&self, ordinal: Ordinal, row: Row, page_name: [u8; 32]) -> Result<ItemRow, StateError> {
        let class = row.class();
        let event = self.event(&row)?;
        let (mut parked, mut excluded) = (None, None);
        match row.step {
            Step::Parked(code) => parked = Some(code.into()),
            Step::Excluded(rule) => excluded = Some(rule.into()),
            Step::Staged | Step::Planned | Step::Discarded => {}
        }
        Ok(ItemRow {
            ordinal,
            window: WindowId(row.window),
            page_seq: row.page,
            page_name,
            position: row.position,
            event,
            standing: match row.of {
                Some(of) => Standing::Duplicate { ordinal, of: Ordinal(of) },
                None => Standing::New(ordinal),
            },
            unreadable: row.flags & UNREADABLE != 0,
            late: row.flags & LATE != 0,
            step: match class {
                ItemClass::Staged => ItemStep::Staged,
                ItemClass::Pending => ItemStep::Pending,
                ItemClass::Delivered => ItemStep::Delivered,
                ItemClass::Parked => ItemStep::Parked,
                ItemClass::Duplicate => ItemStep::Duplicate,
                ItemClass::Excluded => ItemStep::Excluded,
            },
            excluded,
            parked,
            copies: row
                .copies
                .into_iter()
                .map(|copy| CopyRow {
                    destination: copy.destination,
                    target: copy.target,
                    person: copy.person,
                    state: match copy.state {
                        CopyState::Planned => CopyStep::Planned,
                        CopyState::Intended(sha256) => CopyStep::Intended { sha256 },
                        CopyState::Imported => CopyStep::Done(Outcome::Imported),
                        CopyState::Partial => CopyStep::Done(Outcome::Partial),
                        CopyState::Skipped => CopyStep::Done(Outcome::Skipped),
                        CopyState::Parked(code) => CopyStep::Parked { code: code.into() },
                        CopyState::Discarded => CopyStep::Discarded,
                    },
                })
                .collect(),
        })
    }
}

/// An entry's part on its own.
enum Owned {
    Item { id: String, owner: Option<String>, revision: u32, sent_at_ms: Option<i64> },
    Plan { resolutions: Vec<Resolution>, targets: Vec<Target>, messages: Vec<(u16, String)> },
    Tokens(Vec<(u16, Vec<u8>)>),
    Failed { copy: u16, message: String },
    Freed { copy: u16, target: Target },
    Decision { actor: String, reason: String },
    Other,
}

impl From<Private<'_>> for Owned {
    fn from(part: Private<'_>) -> Self {
        match part {
            Private::Item { id, owner, revision, sent_at_ms } => {
                Self::Item { id: id.into(), owner: owner.map(Into::into), revision, sent_at_ms }
            }
            Private::Plan { resolutions, targets, messages } => Self::Plan {
                resolutions: resolutions.into_owned(),
                targets: targets.into_iter().map(Cow::into_owned).collect(),
                messages: messages.into_iter().map(|(copy, message)| (copy, message.into_owned())).collect(),
            },
            Private::Tokens(tokens) => {
                Self::Tokens(tokens.into_iter().map(|(copy, token)| (copy, token.into_owned())).collect())
            }
            Private::Failed { copy, message } => Self::Failed { copy, message: message.into_owned() },
            Private::Freed { copy, target } => Self::Freed { copy, target: target.into_owned() },
            Private::Decision { actor, reason } => {
                Self::Decision { actor: actor.into_owned(), reason: reason.into_owned() }
            }
            Private::Subject(_)
            | Private::Page { .. }
            | Private::Close { .. }
            | Private::Remembered { .. }
            | Private::Act { .. } => Self::Other,
        }
    }
}

impl ItemPrivate {
    fn take(&mut self, part: Owned) {
        match part {
            Owned::Item { id, owner, revision, sent_at_ms } => {
                (self.id, self.owner, self.revision, self.sent_at_ms) = (id, owner, revision, sent_at_ms);
            }
            Owned::Plan { resolutions, targets, messages } => {
                (self.resolutions, self.targets) = (resolutions, targets);
                self.messages = messages.into_iter().collect();
            }
            Owned::Tokens(tokens) => self.tokens.extend(tokens),
            Owned::Failed { copy, message } => drop(self.messages.insert(copy, message)),
            Owned::Freed { copy, target } => {
                self.messages.remove(&copy);
                if let Some(held) = self.targets.get_mut(usize::from(copy)) {
                    *held = target;
                }
            }
            Owned::Decision { actor, reason } => self.decisions.push((actor, reason)),
            Owned::Other => {}
        }
    }
}

/// Entries of an item lead back in time, so that following them ends.
pub(super) fn check_older(
    connector: &ConnectorState,
    ordinal: Ordinal,
    entry: &EntryRef,
    previous: Option<&EntryRef>,
) -> Result<(), StateError> {
    if previous.is_none_or(|previous| previous < entry) {
        return Ok(());
    }
    let what = format!("the entries of item {} do not lead back in time", ordinal.0);
    Err(StateError::Index { connector: connector.name.clone(), what })
}
