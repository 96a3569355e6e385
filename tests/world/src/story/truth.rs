//! What must have become of a story once it is archived: the answers that tests compare against.

use std::collections::{BTreeMap, BTreeSet};

use crate::story::cast::{Person, Standing, UNMAPPED};

/// What must become of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The event's key: the contract's item id.
    pub key: String,
    /// Name of the contract's event (`message`, `call`, `file`, `edit`, `deletion`, `other`).
    pub event: &'static str,
    /// The time the site files it under, milliseconds since the epoch; a window that holds it brings the item.
    pub filed_ms: i64,
    /// When the site first shows it.
    pub visible_from_ms: i64,
    /// A string that stands in this item's own text and in no other item's. It may also stand in items that quote,
    /// change or take back this one. None for items without a text or with a very short one.
    pub marker: Option<String>,
    /// How often the site delivers it (once per owner), apart from repetitions in the listing.
    pub deliveries: u32,
    /// Mailboxes that must hold it.
    pub mailboxes: BTreeSet<String>,
    /// Participants whose copies must be parked.
    pub parked: Vec<Parked>,
    /// The reason for which the item is parked whole. One that is unreadable has no item id of the contract; the
    /// source makes it one that contains the key.
    pub parked_whole: Option<&'static str>,
    /// True when an attachment must be replaced by a visible notice (over the oversize limit, or expired).
    pub partial: bool,
    /// Its files.
    pub attachments: Vec<ExpectedFile>,
}

/// A participant whose copy must be parked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parked {
    /// Phone digits: the contract's person id.
    pub person: String,
    /// The reason.
    pub reason: &'static str,
}

/// A file that an item must carry, or name in a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// The site's id of it; [`Story::attachment`](crate::Story::attachment) makes bytes and SHA-256 from it.
    pub id: String,
    /// File name as sent.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// True when the mail must show a notice instead of the bytes.
    pub withheld: bool,
}

impl Expectation {
    /// True when nothing of the item may be parked.
    pub fn is_settled(&self) -> bool {
        self.parked.is_empty() && self.parked_whole.is_none()
    }

    /// Fills in mailboxes and parked copies from who took part.
    pub(crate) fn fan_out<'a>(&mut self, participants: impl Iterator<Item = &'a Person>) {
        for person in participants {
            match &person.standing {
                Standing::Mailbox(mailbox) => {
                    self.mailboxes.insert(mailbox.clone());
                }
                Standing::Outside => {}
                Standing::Parked(reason) => self.parked.push(Parked { person: person.phone.clone(), reason }),
            }
        }
        self.parked.sort_unstable();
        self.parked.dedup();
        if self.mailboxes.is_empty() {
            self.parked_whole = Some(UNMAPPED);
        }
    }
}

/// Sums over a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Distinct items, the unreadable ones included.
    pub items: u64,
    /// Deliveries: items counted once per owner. What `GET /v1/items/count` says.
    pub deliveries: u64,
    /// Deliveries that the listing shows a second time.
    pub repeats: u64,
    /// Deliveries beyond the first of an item, repetitions apart.
    pub duplicates: u64,
    /// Items of which nothing is parked.
    pub items_settled: u64,
    /// Items that are parked, wholly or in some copies.
    pub items_parked: u64,
    /// Copies that must reach a mailbox, partial ones included.
    pub copies: u64,
    /// Copies in which a notice stands for an attachment.
    pub copies_partial: u64,
    /// Parked copies and items by reason: one per participant, and one per item that is parked whole without any.
    pub parked: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub(crate) fn add(&mut self, expectation: &Expectation) {
        self.items += 1;
        self.deliveries += u64::from(expectation.deliveries);
        self.duplicates += u64::from(expectation.deliveries.saturating_sub(1));
        let settled = u64::from(expectation.is_settled());
        self.items_settled += settled;
        self.items_parked += 1 - settled;
        self.copies += expectation.mailboxes.len() as u64;
        if expectation.partial {
            self.copies_partial += expectation.mailboxes.len() as u64;
        }
        for parked in &expectation.parked {
            *self.parked.entry(parked.reason).or_default() += 1;
        }
        if let (Some(reason), true) = (expectation.parked_whole, expectation.parked.is_empty()) {
            *self.parked.entry(reason).or_default() += 1;
        }
    }
}
