//! What each fact changes. The same function serves a fact that is about to be written and one that is read again, so
//! that the index cannot come to mean two things.

use crate::{
    item::{Event, Interval},
    state::{
        counts::{Counts, ItemCounts},
        error::StateError,
        fact::{CopyFact, Earlier, EntryRef, Fact},
        limits::{DESTINATIONS_MAX, ITEM_COPIES_MAX},
        row::{Copy, CopyState, Row, Step},
    },
};

use super::{
    ids::{Known, duplicate_key},
    meta::{Loss, Page},
    tables::Tables,
};

/// When and where a fact stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::state) struct At {
    /// Its group.
    pub(in crate::state) group: u64,
    /// The host's clock at the group.
    pub(in crate::state) at_ms: i64,
    /// The sealed entry it names.
    pub(in crate::state) entry: Option<EntryRef>,
    /// Whether it is about to be written, so that rules which need other items' state are asked too.
    pub(in crate::state) new: bool,
}

/// What happened to a row, for the counts.
enum Change {
    Item,
    Planned,
    Copies(Vec<(u16, CopyState, CopyState)>),
}

pub(super) type Applied = Result<(), StateError>;

impl Tables {
    /// Applies a fact, or refuses it and leaves a mess that [`Tables::roll_back`] clears up.
    pub(in crate::state) fn apply(&mut self, fact: &Fact<'_>, at: &At) -> Applied {
        match fact {
            Fact::WindowOpened { window, kind, start_ms, end_ms, pins, .. } => {
                self.open_window(*window, *kind, Interval { start_ms: *start_ms, end_ms: *end_ms }, pins, at)
            }
            Fact::PageStaged { window, page, name, first, items, seen, last, .. } => {
                let counts =
                    Counts { items: ItemCounts { seen: u64::from(*seen), ..Default::default() }, ..Counts::default() };
                let staged = Page { name: *name, first: *first, items: *items, counts };
                self.stage_page(*window, *page, staged, *last, at)
            }
            Fact::ItemStaged { ordinal, window, page, position, event, flags, id, owner, of, .. } => {
                if usize::from(*event) >= Event::ALL.len() {
                    return Err(StateError::refused("item-event", format!("item {ordinal} has an unknown event")));
                }
                let row = Row {
                    window: *window,
                    page: *page,
                    position: *position,
                    event: *event,
                    flags: *flags,
                    of: of.map(|earlier| earlier.first),
                    duplicate: of.map_or(0, |earlier| earlier.previous),
                    entry: at.entry,
                    step: Step::Staged,
                    copies: Vec::new(),
                };
                self.stage_item(*ordinal, row, id, owner, *of, at)
            }
            Fact::Planned { ordinal, again, parked, excluded, copies, .. } => {
                self.plan(*ordinal, *again, *parked, *excluded, copies, at)
            }
            Fact::Intended { ordinal, copy, sha256 } => {
                self.change_copy(*ordinal, *copy, CopyState::Intended(*sha256), at, |_| {})
            }
            Fact::Received { ordinal, copy, outcome, .. } => {
                let state = match outcome {
                    0 => CopyState::Imported,
                    1 => CopyState::Partial,
                    2 => CopyState::Skipped,
                    _ => {
                        return Err(StateError::refused(
                            "copy-outcome",
                            format!("copy {copy} of item {ordinal} has an unknown outcome"),
                        ));
                    }
                };
                self.change_copy(*ordinal, *copy, state, at, |_| {})
            }
            Fact::Failed { ordinal, copy, code, .. } => {
                self.change_copy(*ordinal, *copy, CopyState::Parked((*code).into()), at, |_| {})
            }
            Fact::Freed { ordinal, copy, person, target, .. } => self.free(*ordinal, *copy, *person, *target, at),
            Fact::Discarded { ordinal, copy, .. } => self.discard(*ordinal, *copy, at),
            Fact::WindowClosed { window, source_total, bookmark, file, .. } => {
                self.close_window(*window, *source_total, *bookmark, *file, at)
            }
            Fact::WindowSealed { window, .. } => self.seal_window(*window, at),
            Fact::Remembered { key, .. } => {
                let Some(entry) = at.entry else { return Ok(()) };
                self.insert_sealed(super::REMEMBERED, key, entry);
                Ok(())
            }
            Fact::LossAccepted { .. } => {
                self.globals.loss = Some(Loss { group: at.group, at_ms: at.at_ms });
                Ok(())
            }
            Fact::KeyRotated { .. } => {
                self.globals.rotations += 1;
                Ok(())
            }
            Fact::RepairIntended { ordinal, copy, .. } | Fact::RepairReceived { ordinal, copy, .. } => {
                self.repair(*ordinal, *copy, at)
            }
            Fact::Acted { .. } | Fact::Erased { .. } | Fact::TailDropped { .. } => Ok(()),
        }
    }

    fn stage_item(
        &mut self,
        ordinal: u64,
        row: Row,
        id: &[u8; 16],
        owner: &[u8; 8],
        of: Option<Earlier>,
        at: &At,
    ) -> Applied {
        if ordinal != self.globals.next_ordinal {
            return Err(StateError::refused(
                "item-order",
                format!("item {ordinal} is not the next, {} is", self.globals.next_ordinal),
            ));
        }
        self.globals.next_ordinal += 1;
        let key = if of.is_some() { duplicate_key(id, owner) } else { *id };
        let known = Known { ordinal: of.map_or(ordinal, |earlier| earlier.first), owner: *owner };
        self.insert_id(key, known);
        if let Some(earlier) = of {
            let Some(first) = self.row_mut(earlier.first)? else { return Err(unknown_item(earlier.first)) };
            if first.as_of < at.group {
                first.value.duplicate = ordinal;
                first.dirty = true;
            }
        }
        let (window, page) = (row.window, row.page);
        if self.row_mut(ordinal)?.is_none() {
            if self.counting {
                for counts in self.counts_of(window, page)? {
                    counts.add_item(&row);
                }
            }
            self.insert_row(ordinal, row);
        }
        self.touch(window, page);
        Ok(())
    }

    fn plan(
        &mut self,
        ordinal: u64,
        again: bool,
        parked: Option<&str>,
        excluded: Option<&str>,
        copies: &[CopyFact<'_>],
        at: &At,
    ) -> Applied {
        let (first, has_others) = {
            let Some(held) = self.row_mut(ordinal)? else { return Err(unknown_item(ordinal)) };
            let row = &held.value;
            (row.of.unwrap_or(ordinal), row.of.is_some() || row.duplicate != 0)
        };
        check_copies(ordinal, copies)?;
        if at.new && has_others {
            let reached = self.reached(first)?;
            if let Some(copy) = copies.iter().find(|copy| reached.contains(&(copy.destination, copy.target))) {
                return Err(StateError::refused(
                    "copy-known",
                    format!(
                        "item {ordinal} plans a copy at destination {} for a mailbox that an earlier observation reaches",
                        copy.destination
                    ),
                ));
            }
        }
        self.add_weight(copies.len());
        self.change(ordinal, at, |row| {
            let step_fits = if again { matches!(row.step, Step::Parked(_)) } else { row.step == Step::Staged };
            if !step_fits {
                let what = if again { "is not parked as a whole" } else { "is planned already" };
                return Err(StateError::refused("item-step", format!("item {ordinal} {what}")));
            }
            row.step = match (parked, excluded, copies.is_empty()) {
                (Some(code), None, true) => Step::Parked(code.into()),
                (None, Some(rule), true) => Step::Excluded(rule.into()),
                (None, None, false) => Step::Planned,
                (None, None, true) if row.of.is_some() => Step::Planned,
                (None, None, true) => {
                    return Err(StateError::refused(
                        "plan-empty",
                        format!("the plan of item {ordinal} says nothing; park or exclude it"),
                    ));
                }
                _ => {
                    return Err(StateError::refused(
                        "plan-contradicts",
                        format!("the plan of item {ordinal} must do one thing: copies, park or exclude"),
                    ));
                }
            };
            row.copies = copies.iter().map(copy_of).collect();
            Ok(Change::Planned)
        })?;
        self.reached.extend(first, copies.iter().map(|copy| (copy.destination, copy.target)));
        Ok(())
    }

    fn free(&mut self, ordinal: u64, copy: u16, person: bool, target: [u8; 16], at: &At) -> Applied {
        if person {
            return Err(StateError::refused(
                "copy-without-mailbox",
                format!("copy {copy} of item {ordinal} is freed without a mailbox"),
            ));
        }
        let (first, destination, before) = {
            let Some(held) = self.row_mut(ordinal)? else { return Err(unknown_item(ordinal)) };
            let Some(known) = held.value.copies.get(usize::from(copy)) else { return Err(unknown_copy(ordinal, copy)) };
            (held.value.of.unwrap_or(ordinal), known.destination, known.target)
        };
        if at.new && before != target && self.reached(first)?.contains(&(destination, target)) {
            return Err(StateError::refused(
                "copy-known",
                format!("copy {copy} of item {ordinal} is freed for a mailbox that another copy reaches"),
            ));
        }
        self.change_copy(ordinal, copy, CopyState::Planned, at, |copy| {
            copy.target = target;
            copy.person = false;
        })?;
        self.reached.forget(first);
        Ok(())
    }

    fn discard(&mut self, ordinal: u64, copy: Option<u16>, at: &At) -> Applied {
        if let Some(copy) = copy {
            return self.change_copy(ordinal, copy, CopyState::Discarded, at, |_| {});
        }
        self.change(ordinal, at, |row| {
            if matches!(row.step, Step::Parked(_)) {
                row.step = Step::Discarded;
                return Ok(Change::Item);
            }
            let mut moves = Vec::new();
            for copy in row.copies.iter_mut().filter(|copy| matches!(copy.state, CopyState::Parked(_))) {
                let before = std::mem::replace(&mut copy.state, CopyState::Discarded);
                moves.push((copy.destination, before, CopyState::Discarded));
            }
            if moves.is_empty() {
                return Err(StateError::refused("item-step", format!("nothing of item {ordinal} is parked")));
            }
            Ok(Change::Copies(moves))
        })
    }

    /// Takes note of a repair: the copy stays delivered, but its window has changed and is sealed anew.
    fn repair(&mut self, ordinal: u64, copy: u16, at: &At) -> Applied {
        self.change(ordinal, at, |row| match row.copies.get(usize::from(copy)) {
            None => Err(unknown_copy(ordinal, copy)),
            Some(Copy { state: CopyState::Imported | CopyState::Partial | CopyState::Skipped, .. }) => {
                Ok(Change::Copies(Vec::new()))
            }
            Some(held) => Err(StateError::refused(
                "copy-step",
                format!("copy {copy} of item {ordinal} is {} and cannot be repaired", held.state.name()),
            )),
        })
    }

    /// Moves one copy to a further step.
    fn change_copy(
        &mut self,
        ordinal: u64,
        copy: u16,
        next: CopyState,
        at: &At,
        also: impl FnOnce(&mut Copy),
    ) -> Applied {
        self.change(ordinal, at, |row| {
            let Some(held) = row.copies.get_mut(usize::from(copy)) else { return Err(unknown_copy(ordinal, copy)) };
            if !held.state.may_become(&next) {
                return Err(StateError::refused(
                    "copy-step",
                    format!("copy {copy} of item {ordinal} is {} and cannot become {}", held.state.name(), next.name()),
                ));
            }
            also(held);
            let before = std::mem::replace(&mut held.state, next.clone());
            Ok(Change::Copies(vec![(held.destination, before, next)]))
        })
    }

    /// Changes a row that does not have this fact yet, and counts what that means.
    fn change(
        &mut self,
        ordinal: u64,
        at: &At,
        change: impl FnOnce(&mut Row) -> Result<Change, StateError>,
    ) -> Applied {
        let counting = self.counting;
        let Some(held) = self.row_mut(ordinal)? else { return Err(unknown_item(ordinal)) };
        let (window, page) = (held.value.window, held.value.page);
        if held.as_of < at.group {
            let before = held.value.class();
            let changed = change(&mut held.value)?;
            held.dirty = true;
            if at.entry.is_some() {
                held.value.entry = at.entry;
            }
            let after = held.value.class();
            if counting {
                // Lent out, because the counts are in the same tables.
                let copies = std::mem::take(&mut held.value.copies);
                for counts in self.counts_of(window, page)? {
                    if before != after {
                        counts.move_item(before, after);
                    }
                    match &changed {
                        Change::Item => {}
                        Change::Planned => counts.add_copies(&copies),
                        Change::Copies(moves) => {
                            moves.iter().for_each(|(destination, from, to)| counts.move_copy(*destination, from, to));
                        }
                    }
                }
                if let Some(held) = self.row_mut(ordinal)? {
                    held.value.copies = copies;
                }
            }
        }
        if let Some(held) = self.window_mut(window)?
            && held.value.changed_group < at.group
        {
            held.value.changed_group = at.group;
            held.dirty = true;
        }
        self.touch(window, page);
        Ok(())
    }

    pub(super) fn touch(&mut self, window: u64, page: u32) {
        if !self.counting {
            self.touched.insert((window, page));
        }
    }
}

fn check_copies(ordinal: u64, copies: &[CopyFact<'_>]) -> Applied {
    if copies.len() > ITEM_COPIES_MAX {
        return Err(StateError::refused(
            "plan-too-large",
            format!("{} copies of item {ordinal} are over the limit of {ITEM_COPIES_MAX}", copies.len()),
        ));
    }
    if copies.iter().any(|copy| copy.destination >= DESTINATIONS_MAX) {
        return Err(StateError::refused(
            "plan-destination",
            format!("a copy of item {ordinal} names a destination over the limit of {DESTINATIONS_MAX}"),
        ));
    }
    if copies.iter().any(|copy| copy.person && copy.parked.is_none()) {
        return Err(StateError::refused(
            "copy-without-mailbox",
            format!("a copy of item {ordinal} has no mailbox and is not parked"),
        ));
    }
    let key = |copy: &CopyFact<'_>| (copy.destination, copy.target);
    let twice = if copies.len() <= 16 {
        (1..copies.len()).any(|at| copies[..at].iter().any(|earlier| key(earlier) == key(&copies[at])))
    } else {
        copies.iter().map(key).collect::<std::collections::HashSet<_>>().len() < copies.len()
    };
    if twice {
        return Err(StateError::refused(
            "copy-known",
            format!("item {ordinal} plans two copies for one mailbox at one destination"),
        ));
    }
    Ok(())
}

fn copy_of(fact: &CopyFact<'_>) -> Copy {
    let state = fact.parked.map_or(CopyState::Planned, |code| CopyState::Parked(code.into()));
    Copy { destination: fact.destination, person: fact.person, target: fact.target, state }
}

fn unknown_item(ordinal: u64) -> StateError {
    StateError::refused("item-unknown", format!("item {ordinal} was never staged"))
}

fn unknown_copy(ordinal: u64, copy: u16) -> StateError {
    StateError::refused("copy-unknown", format!("item {ordinal} has no copy {copy}"))
}
