//! What callers record: pages of observations, plans, intents, receipts, failures and decisions.

use serde::{Deserialize, Serialize};

use crate::item::{Event, Resolution};

use super::window::WindowId;

/// Numbers a connector's items in the order they were staged, from 1, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ordinal(pub u64);

/// One item in one mailbox at one destination: the index of the copy in the item's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CopyKey {
    /// The item.
    pub ordinal: Ordinal,
    /// Index in its plan; [`CopyKey::WHOLE`] means the item itself.
    pub copy: u16,
}

impl CopyKey {
    /// Stands in `copy` for the item as a whole.
    pub const WHOLE: u16 = u16::MAX;

    /// The item as a whole.
    pub const fn whole(ordinal: Ordinal) -> Self {
        Self { ordinal, copy: Self::WHOLE }
    }

    /// Whether it means the item as a whole.
    pub const fn is_whole(self) -> bool {
        self.copy == Self::WHOLE
    }
}

/// Something a page showed: an item, or what could not be read as one.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The source's own id; private.
    pub id: &'a str,
    /// What happened.
    pub event: Event,
    /// Which state of the id.
    pub revision: u32,
    /// Whose archive it was found in; private.
    pub owner: Option<&'a str>,
    /// When it happened; private.
    pub sent_at_ms: Option<i64>,
    /// Place in the page: items first, then what could not be read.
    pub position: u32,
    /// Whether it could not be read.
    pub unreadable: bool,
    /// Whether it belongs to a window that was closed before.
    pub late: bool,
}

/// A page and the place after it, which become durable together.
#[derive(Clone, Copy, Debug)]
pub struct StagedPage<'a> {
    /// The window it belongs to.
    pub window: WindowId,
    /// Its name in the stage; all zero when there is nothing there (a page without items).
    pub page_name: [u8; 32],
    /// Where the next page begins; none on the last.
    pub cursor: Option<&'a [u8]>,
    /// The last page's bookmark.
    pub bookmark: Option<&'a [u8]>,
    /// What it showed.
    pub observations: &'a [Observation<'a>],
}

/// What an observation is. An item is known by id, event and revision; what could not be read is apart from what could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Never seen.
    New(Ordinal),
    /// Known, but not with this owner.
    Duplicate {
        /// Its own number.
        ordinal: Ordinal,
        /// The first observation.
        of: Ordinal,
    },
    /// Known with this owner; it is counted and gets no number.
    Seen {
        /// The first observation.
        of: Ordinal,
    },
}

/// Where a copy goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// A mailbox's address.
    Mailbox(String),
    /// A participant (the source's id) of ours without a mailbox; such a copy is parked.
    Person(String),
}

/// Why something cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ParkReason {
    /// Stable kebab-case code, recorded in clear; at most 48 bytes.
    pub code: String,
    /// What would free it; private.
    pub message: String,
}

/// A copy to make.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlannedCopy {
    /// Index of the destination in the connector's configuration, under 64.
    pub destination: u16,
    /// Where it goes; private.
    pub target: Target,
    /// Parked from the start; always so for a person without a mailbox.
    pub parked: Option<ParkReason>,
}

/// What becomes of an item. Exactly one holds: it has copies, or it is parked as a whole, or a rule excludes it, or it is
/// a duplicate that brings no new mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The item.
    pub ordinal: Ordinal,
    /// One for each of its participants, in order; private.
    pub resolutions: Vec<Resolution>,
    /// Its copies; each (destination, target) once over all observations of the item.
    pub copies: Vec<PlannedCopy>,
    /// The whole item is parked.
    pub parked: Option<ParkReason>,
    /// The name of the rule that leaves it out, recorded in clear; at most 48 bytes.
    pub excluded: Option<String>,
}

/// A message is about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The copy.
    pub copy: CopyKey,
    /// SHA-256 of the message's bytes.
    pub sha256: [u8; 32],
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Delivered whole.
    Imported,
    /// Delivered, an attachment replaced by a visible notice.
    Partial,
    /// Was there already.
    Skipped,
}

impl Outcome {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
        }
    }

    pub(super) fn number(self) -> u8 {
        self as u8
    }
}

/// The destination has a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The copy.
    pub copy: CopyKey,
    /// How it ended.
    pub outcome: Outcome,
    /// The destination's name for it (a file name, a UID), at most 64 bytes, private. Empty costs nothing; any other
    /// makes this commit sync twice.
    pub token: Vec<u8>,
}

/// A delivered copy is about to be written once more, because its mailbox lost it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The copy.
    pub copy: CopyKey,
    /// SHA-256 of the message's bytes: the same as was delivered.
    pub sha256: [u8; 32],
    /// Why; private.
    pub reason: String,
    /// Who decided it; private.
    pub actor: String,
}

/// How a repair ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairOutcome {
    /// Written again.
    Written,
    /// It was there: an earlier repair had written it.
    WasThere,
    /// The destination does not take it.
    Refused,
}

impl RepairOutcome {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::WasThere => "was there",
            Self::Refused => "refused",
        }
    }

    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Written, Self::WasThere, Self::Refused].into_iter().find(|outcome| outcome.number() == number)
    }
}

/// A repair has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The copy.
    pub copy: CopyKey,
    /// How it ended.
    pub outcome: RepairOutcome,
    /// As a [`Receipt`]'s.
    pub token: Vec<u8>,
}

/// Facts that become durable together.
#[derive(Debug, Default)]
pub struct Group {
    pub(super) entries: Vec<GroupEntry>,
}

#[derive(Debug)]
pub(super) enum GroupEntry {
    Plan { plan: Plan, again: bool },
    Intent(Intent),
    Receipt(Receipt),
    Fail { copy: CopyKey, reason: ParkReason },
    Free { copy: CopyKey, target: Target },
    Discard { copy: CopyKey, reason: String, actor: String },
    Repair(Repair),
    Repaired(Repaired),
}

impl Group {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans a staged item.
    pub fn plan(&mut self, plan: Plan) {
        self.entries.push(GroupEntry::Plan { plan, again: false });
    }

    /// Plans an item that is parked as a whole once more.
    pub fn replan_item(&mut self, plan: Plan) {
        self.entries.push(GroupEntry::Plan { plan, again: true });
    }

    /// Records that a copy is about to be written. The same intent again is no change; another one for the same copy
    /// is refused.
    pub fn intend(&mut self, intent: Intent) {
        self.entries.push(GroupEntry::Intent(intent));
    }

    /// Records that an intended copy has arrived.
    pub fn receipt(&mut self, receipt: Receipt) {
        self.entries.push(GroupEntry::Receipt(receipt));
    }

    /// Parks a copy that is planned or intended.
    pub fn fail(&mut self, copy: CopyKey, reason: ParkReason) {
        self.entries.push(GroupEntry::Fail { copy, reason });
    }

    /// Frees a parked copy to be tried again, perhaps for a mailbox that is known only now.
    pub fn unpark_copy(&mut self, copy: CopyKey, target: Target) {
        self.entries.push(GroupEntry::Free { copy, target });
    }

    /// Gives up a parked copy, or with [`CopyKey::whole`] a parked item or all its parked copies.
    pub fn discard(&mut self, copy: CopyKey, reason: impl Into<String>, actor: impl Into<String>) {
        self.entries.push(GroupEntry::Discard { copy, reason: reason.into(), actor: actor.into() });
    }

    /// Records that a delivered copy is about to be written again.
    pub fn repair(&mut self, repair: Repair) {
        self.entries.push(GroupEntry::Repair(repair));
    }

    /// Records how a repair ended.
    pub fn repaired(&mut self, repaired: Repaired) {
        self.entries.push(GroupEntry::Repaired(repaired));
    }

    /// Whether it records nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Facts in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
