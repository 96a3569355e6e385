//! Reads the mailboxes back and compares them with the receipts, mailbox by mailbox.
//!
//! A mailbox is held while it is looked at, as for delivery, so that a turn that runs is no false alarm; what is under
//! way or parked is not judged at all. What was delivered, erased since or not, is known by the SHA-256 that the ledger
//! committed to before it was sent; a message that says it is of an item and has other bytes was altered.
//!
//! Cost: a pass over the index to count, then for each [`limits::RECONCILE_COPIES_MAX`] copies one over the index and one
//! over the ledger, and every message of the archive's folders read once. Memory goes with that number of copies, or with
//! the copies of one mailbox where they are more, never with the messages.

mod classify;
mod look;
mod lost;
mod repair;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::Serialize;

use super::turn::{DestinationSlot, blocking};
use crate::{
    destinations::MailboxLocks,
    item::{Failure, NextMove, limits},
    state::{ConnectorState, CopyKey, Group, Mailbox, Receipted, RepairOutcome, Repaired, StateError, WindowId},
};

pub use classify::Class;
use look::Unseen;
pub use repair::{Repairs, SourceTurn};

/// What is compared with what.
pub struct Archive<'a> {
    /// The connector's name.
    pub connector: &'a str,
    /// Its record.
    pub state: &'a Arc<ConnectorState>,
    /// Its destinations.
    pub destinations: &'a [DestinationSlot],
    /// One writer a mailbox, across the host.
    pub locks: &'a MailboxLocks,
}

/// What of it.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    /// Only items of these windows.
    pub windows: Option<BTreeSet<WindowId>>,
    /// Only the destination of this number.
    pub destination: Option<u16>,
}

/// Copies by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// There, once, byte for byte.
    pub found: u64,
    /// There, once, at a destination that keeps a rendering of its own.
    pub not_comparable: u64,
    /// In another folder of the mailbox, byte for byte.
    pub moved: u64,
    /// There, with other bytes.
    pub altered: u64,
    /// There more than once.
    pub doubled: u64,
    /// Not there.
    pub missing: u64,
    /// Erased from the record, and not there.
    pub erased: u64,
    /// Erased from the record, and there.
    pub erased_but_present: u64,
    /// Of those that were missing: written again.
    pub repaired: u64,
}

impl Tally {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        for class in Class::ALL {
            *self.of(class) += *Self::of(&mut other.clone(), class);
        }
        self.repaired += other.repaired;
    }

    /// What there is of a class.
    pub fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Found => &mut self.found,
            Class::NotComparable => &mut self.not_comparable,
            Class::Moved => &mut self.moved,
            Class::Altered => &mut self.altered,
            Class::Doubled => &mut self.doubled,
            Class::Missing => &mut self.missing,
            Class::Erased => &mut self.erased,
            Class::ErasedButPresent => &mut self.erased_but_present,
        }
    }

    /// Whether something that was delivered is not there as it was.
    pub fn has_loss(&self) -> bool {
        self.altered > 0 || self.missing > self.repaired
    }
}

/// A copy that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The item.
    pub item: u64,
    /// Its copy.
    pub copy: u16,
    /// What became of it.
    pub class: Class,
    /// What the repair did about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Fate>,
}

/// What a repair did about a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "done")]
pub enum Fate {
    /// It is there again.
    Repaired,
    /// It is not, and nothing was written.
    NotRepaired {
        /// Stable code.
        code: String,
    },
}

/// What a mailbox holds of what it should.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MailboxReport {
    /// The destination's number.
    pub destination: u16,
    /// Its address; none when every item in it was erased.
    pub mailbox: Option<String>,
    /// Its copies.
    pub copies: Tally,
    /// Messages of the archive's folder that no receipt asked about explains: other connectors', other windows', or
    /// somebody put them there.
    pub others: u64,
    /// What is not as it should be, by item.
    pub findings: Vec<Finding>,
    /// Why it could not be looked into; then nothing is said of its copies.
    pub failure: Option<Trouble>,
}

/// Why a mailbox could not be looked into, or not be repaired to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What mends it.
    pub hint: Option<String>,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message, hint: failure.hint }
    }
}

/// All mailboxes together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reconciled {
    /// Mailboxes that were looked into.
    pub mailboxes: u64,
    /// Mailboxes that could not be.
    pub not_judged: u64,
    /// Their copies.
    pub copies: Tally,
    /// When the mailboxes were last read back.
    pub last_at_ms: Option<i64>,
}

/// Looks into every mailbox of an extent and shows what it holds; writes what is missing again, if that is asked for.
///
/// # Errors
/// What reading or writing the record fails with. A mailbox that cannot be looked into is no error.
pub async fn reconcile(
    archive: &Archive<'_>,
    extent: &Extent,
    repairs: Option<&Repairs<'_>>,
    show: &mut (dyn FnMut(MailboxReport) + Send),
) -> Result<Reconciled, Failure> {
    let windows = extent.windows.clone();
    let mut delivered = with_state(archive, move |state| state.delivered(windows.as_ref())).await?;
    delivered.retain(|mailbox, _| extent.destination.is_none_or(|number| number == mailbox.destination));
    let mut all = Reconciled::default();
    for batch in batches(&delivered, limits::RECONCILE_COPIES_MAX) {
        let windows = extent.windows.clone();
        let receipts = with_state(archive, move |state| state.receipts(&batch, windows.as_ref())).await?;
        all.last_at_ms = receipts.last_reconciled_at_ms;
        for copies in receipts.copies.chunk_by(|a, b| a.mailbox == b.mailbox) {
            let report = one_mailbox(archive, copies, repairs).await?;
            all.copies.add(&report.copies);
            if report.failure.is_some() && report.copies == Tally::default() {
                all.not_judged += 1;
            } else {
                all.mailboxes += 1;
            }
            show(report);
        }
    }
    Ok(all)
}

/// Cuts mailboxes into sets of no more copies than `copies_max`, or of one mailbox.
fn batches(delivered: &BTreeMap<Mailbox, u64>, copies_max: u64) -> Vec<BTreeSet<Mailbox>> {
    let mut batches: Vec<BTreeSet<Mailbox>> = Vec::new();
    let mut held = 0;
    for (mailbox, copies) in delivered {
        match batches.last_mut() {
            Some(batch) if held + copies <= copies_max => drop(batch.insert(*mailbox)),
            _ => {
                batches.push(BTreeSet::from([*mailbox]));
                held = 0;
            }
        }
        held += copies;
    }
    batches
}

async fn with_state<T: Send + 'static>(
    archive: &Archive<'_>,
    work: impl FnOnce(&ConnectorState) -> Result<T, StateError> + Send + 'static,
) -> Result<T, Failure> {
    let state = Arc::clone(archive.state);
    blocking(move || work(&state).map_err(Failure::from)).await
}

async fn one_mailbox(
    archive: &Archive<'_>,
    copies: &[Receipted],
    repairs: Option<&Repairs<'_>>,
) -> Result<MailboxReport, Failure> {
    let destination = copies.first().map_or(0, |copy| copy.mailbox.destination);
    let known: Vec<Receipted> = copies.to_vec();
    let address = with_state(archive, move |state| state.address(&known)).await?;
    let mut report = MailboxReport { destination, mailbox: address.clone(), ..MailboxReport::default() };
    let Some(address) = address else {
        let message = "everything in this mailbox was erased from the record, its address too";
        report.failure = Some(Failure::new("mailbox-erased", NextMove::Reject, message).into());
        report.copies.erased = copies.len() as u64;
        return Ok(report);
    };
    let Some(slot) = archive.destinations.iter().find(|slot| slot.number == destination) else {
        let message = format!("destination {destination} is not configured any more");
        report.failure = Some(Failure::new("destination-gone", NextMove::AskPerson, message).into());
        return Ok(report);
    };
    let _guard = archive.locks.hold(slot.destination.identity(), BTreeSet::from([&*address])).await;
    let (classes, others) = match look::look(archive, slot, &address, copies).await {
        Ok(seen) => seen,
        Err(Unseen::Record(failure)) => return Err(failure),
        Err(Unseen::Mailbox(failure)) => {
            report.failure = Some(failure.into());
            return Ok(report);
        }
    };
    report.others = others;
    let mut fates: HashMap<CopyKey, Fate> = HashMap::new();
    if let Some(repairs) = repairs {
        end_interrupted(archive, copies, &classes).await?;
        let missing = copies.iter().zip(&classes).filter(|(_, class)| **class == Class::Missing);
        let mut missing: Vec<Receipted> = missing.map(|(copy, _)| *copy).collect();
        // In the order they were staged in, so that a page is opened once for its copies.
        missing.sort_unstable_by_key(|copy| copy.copy);
        if let Err(failure) = repairs.mailbox(slot, &address, &missing, &mut fates).await {
            if failure.next == NextMove::Stop {
                return Err(failure);
            }
            report.failure = Some(failure.into());
        }
    }
    for (copy, class) in copies.iter().zip(classes) {
        *report.copies.of(class) += 1;
        let repair = fates.remove(&copy.copy);
        report.copies.repaired += u64::from(repair == Some(Fate::Repaired));
        if class.is_remarkable() {
            let CopyKey { ordinal, copy } = copy.copy;
            report.findings.push(Finding { item: ordinal.0, copy, class, repair });
        }
    }
    report.findings.sort_by_key(|finding| (finding.item, finding.copy));
    Ok(report)
}

/// A repair that a death interrupted after the write: its copy is there, and now the record says so.
async fn end_interrupted(archive: &Archive<'_>, copies: &[Receipted], classes: &[Class]) -> Result<(), Failure> {
    let mut facts = Group::new();
    let there = |class: &Class| matches!(class, Class::Found | Class::NotComparable);
    for (copy, _) in copies.iter().zip(classes).filter(|(copy, class)| copy.repair_begun && there(class)) {
        facts.repaired(Repaired { copy: copy.copy, outcome: RepairOutcome::WasThere, token: Vec::new() });
    }
    with_state(archive, move |state| state.commit(facts)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_taken_together_up_to_a_number_of_copies() {
        let mailbox = |number: u8| Mailbox { destination: 0, target: [number; 16] };
        let delivered = BTreeMap::from_iter([4, 3, 20, 1, 9, 10].into_iter().zip(1..).map(|(n, at)| (mailbox(at), n)));
        let cut: Vec<Vec<u8>> = batches(&delivered, 10)
            .iter()
            .map(|batch| batch.iter().map(|mailbox| mailbox.target[0]).collect())
            .collect();
        assert_eq!(cut, [vec![1, 2], vec![3], vec![4, 5], vec![6]]);
        assert!(batches(&BTreeMap::new(), 10).is_empty());
    }
}
