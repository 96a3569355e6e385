//! The operator's contract in numbers: what was fetched is accounted for, item by item and copy by copy.

use serde::{Deserialize, Serialize};

use super::{
    fact::LATE,
    row::{Copy, CopyState, Row},
};

/// Items of a window. Once nothing is under way, `fetched = delivered + parked + duplicate + excluded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemCounts {
    /// Observations that got an ordinal.
    pub fetched: u64,
    /// Every copy is imported, partial or skipped.
    pub delivered: u64,
    /// Nothing is under way, and the item or a copy of it is parked.
    pub parked: u64,
    /// A further observation of a known item, whose new copies are settled.
    pub duplicate: u64,
    /// Left out by a rule, or a person discarded the item or a parked copy of it.
    pub excluded: u64,
    /// Known observations met again; not part of `fetched`.
    pub seen: u64,
}

/// Copies of a window at one destination. Always `available = imported + partial + skipped + failed + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyCounts {
    /// Planned.
    pub available: u64,
    /// Delivered whole.
    pub imported: u64,
    /// Delivered, an attachment replaced by a visible notice.
    pub partial: u64,
    /// Were there already.
    pub skipped: u64,
    /// Parked, or discarded after they were parked.
    pub failed: u64,
    /// Under way.
    pub pending: u64,
}

/// What a window or page counts. Items `staged` (not yet planned) and `pending` (a copy is under way) are fetched and not
/// yet any of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) items: ItemCounts,
    pub(super) staged: u64,
    pub(super) pending: u64,
    /// Fetched items whose time lies in a window that was closed before.
    pub(super) late: u64,
    /// By destination.
    pub(super) copies: Vec<CopyCounts>,
}

/// Where an item counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemClass {
    Staged,
    Pending,
    Delivered,
    Parked,
    Duplicate,
    Excluded,
}

impl CopyCounts {
    fn state_mut(&mut self, state: &CopyState) -> &mut u64 {
        match state {
            CopyState::Planned | CopyState::Intended(_) => &mut self.pending,
            CopyState::Imported => &mut self.imported,
            CopyState::Partial => &mut self.partial,
            CopyState::Skipped => &mut self.skipped,
            CopyState::Parked(_) | CopyState::Discarded => &mut self.failed,
        }
    }
}

impl Counts {
    /// Counts an item, with its copies, for the first time.
    pub(super) fn add_item(&mut self, row: &Row) {
        self.items.fetched += 1;
        self.late += u64::from(row.flags & LATE != 0);
        *self.class_mut(row.class()) += 1;
        self.add_copies(&row.copies);
    }

    /// Counts the copies of an item that had none.
    pub(super) fn add_copies(&mut self, copies: &[Copy]) {
        for copy in copies {
            let counts = self.destination_mut(copy.destination);
            counts.available += 1;
            *counts.state_mut(&copy.state) += 1;
        }
    }

    /// Moves an item from one class to another.
    pub(super) fn move_item(&mut self, from: ItemClass, to: ItemClass) {
        let count = self.class_mut(from);
        debug_assert!(*count > 0, "an item leaves a class it was not in");
        *count = count.saturating_sub(1);
        *self.class_mut(to) += 1;
    }

    /// Moves a copy from one state to another.
    pub(super) fn move_copy(&mut self, destination: u16, from: &CopyState, to: &CopyState) {
        let counts = self.destination_mut(destination);
        let count = counts.state_mut(from);
        debug_assert!(*count > 0, "a copy leaves a state it was not in");
        *count = count.saturating_sub(1);
        *counts.state_mut(to) += 1;
    }

    /// Adds another's counts.
    pub(super) fn add(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.items, &other.items);
        mine.fetched += theirs.fetched;
        mine.delivered += theirs.delivered;
        mine.parked += theirs.parked;
        mine.duplicate += theirs.duplicate;
        mine.excluded += theirs.excluded;
        mine.seen += theirs.seen;
        self.staged += other.staged;
        self.pending += other.pending;
        self.late += other.late;
        for (destination, theirs) in (0..).zip(&other.copies) {
            let mine = self.destination_mut(destination);
            mine.available += theirs.available;
            mine.imported += theirs.imported;
            mine.partial += theirs.partial;
            mine.skipped += theirs.skipped;
            mine.failed += theirs.failed;
            mine.pending += theirs.pending;
        }
    }

    /// Items that are neither settled nor parked.
    pub(super) fn in_flight(&self) -> u64 {
        self.staged + self.pending
    }

    /// The two balances; says which does not hold.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let items = &self.items;
        if items.fetched != items.delivered + items.parked + items.duplicate + items.excluded + self.in_flight() {
            return Err("fetched items are not all accounted for");
        }
        let balanced = |copies: &CopyCounts| {
            copies.available == copies.imported + copies.partial + copies.skipped + copies.failed + copies.pending
        };
        if self.copies.iter().all(balanced) { Ok(()) } else { Err("available copies are not all accounted for") }
    }

    fn class_mut(&mut self, class: ItemClass) -> &mut u64 {
        match class {
            ItemClass::Staged => &mut self.staged,
            ItemClass::Pending => &mut self.pending,
            ItemClass::Delivered => &mut self.items.delivered,
            ItemClass::Parked => &mut self.items.parked,
            ItemClass::Duplicate => &mut self.items.duplicate,
            ItemClass::Excluded => &mut self.items.excluded,
        }
    }

    fn destination_mut(&mut self, destination: u16) -> &mut CopyCounts {
        let index = usize::from(destination);
        if self.copies.len() <= index {
            self.copies.resize(index + 1, CopyCounts::default());
        }
        &mut self.copies[index]
    }
}

impl ItemClass {
    /// Whether something is still to be done without a person.
    pub(super) fn is_in_flight(self) -> bool {
        matches!(self, Self::Staged | Self::Pending)
    }
}
