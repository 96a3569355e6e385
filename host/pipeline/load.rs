//! What is delivered at once: the copies of one page, or of several where destinations take larger groups.
//!
//! A mail server makes each command durable by itself. Copies for many mailboxes are therefore gathered over pages, until
//! each mailbox has enough of them to be worth a command.

use std::{
    collections::HashMap,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
};

use futures::future::{Either, select};
use tokio::{
    sync::mpsc::Receiver,
    time::{Sleep, sleep},
};

use super::{
    convert::{self, Converted, ConvertedItem, Rendering},
    map::{self, Doubt},
    stage::Staged,
    turn::{Step, Turn},
};
use crate::{
    destinations::Delivery,
    item::{Failure, TimestampMs, limits},
    state::{CopyKey, Group, Outcome, ParkReason, Receipt},
};

/// SHA-256 of a message's bytes, once somebody needed it; shared by its copies.
pub(super) type Digest = Arc<OnceLock<[u8; 32]>>;

/// A copy with its message.
pub(super) struct Ready {
    pub(super) key: CopyKey,
    pub(super) delivery: Delivery,
    pub(super) digest: Digest,
    pub(super) doubt: Doubt,
    partial: bool,
}

impl Ready {
    /// A copy that is whole and was never sent.
    #[cfg(test)]
    pub(super) fn new(key: CopyKey, delivery: Delivery, digest: Digest) -> Self {
        Self { key, delivery, digest, doubt: Doubt::None, partial: false }
    }

    pub(super) fn receipt(&self, token: Vec<u8>, there_before: bool) -> Receipt {
        let outcome = match (there_before, self.partial) {
            (true, _) => Outcome::Skipped,
            (false, true) => Outcome::Partial,
            (false, false) => Outcome::Imported,
        };
        Receipt { copy: self.key, outcome, token }
    }
}

/// Copies ready to be delivered, by destination, and what the ledger is to be told of their pages.
#[derive(Default)]
pub(super) struct Load {
    /// Plans, and copies that cannot be delivered.
    facts: Group,
    queues: HashMap<u16, Vec<Ready>>,
    skeleton_bytes: usize,
    /// When it is delivered at the latest; none while it has no page.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// How many copies the destinations would like to have at once; 0 when a page's are enough.
fn wanted_copies(turn: &Turn) -> usize {
    let wanted = turn.destinations.iter().map(|slot| slot.destination.capabilities().gather_copies);
    wanted.max().unwrap_or(0).min(limits::LOAD_COPIES_MAX)
}

/// Whether loads are gathered over pages. Then the next one is gathered while the last one is delivered.
pub(super) fn gathers(turn: &Turn) -> bool {
    wanted_copies(turn) > 0
}

/// Maps and converts pages until there is enough to be delivered, or no page came in time. None when there is no page any
/// more.
pub(super) async fn gather(turn: &Turn, pages: &mut Receiver<Staged>) -> Result<Option<Load>, Failure> {
    let mut load = Load::default();
    while let Some(staged) = load.next_page(pages).await {
        load.record_plans(turn).await?;
        let mapped = map::map(turn, staged).await?;
        let converted = convert::convert(turn, mapped).await?;
        load.add(turn, converted).await?;
        if load.is_full(turn) {
            break;
        }
    }
    Ok(load.deadline.is_some().then_some(load))
}

impl Load {
    /// Another page; none when no page comes any more, or none came in time.
    async fn next_page(&mut self, pages: &mut Receiver<Staged>) -> Option<Staged> {
        let Some(deadline) = &mut self.deadline else { return pages.recv().await };
        match select(deadline, pin!(pages.recv())).await {
            Either::Right((page, _)) => page,
            Either::Left(_) => None,
        }
    }

    /// Whether it is worth delivering, or as large as it may be.
    fn is_full(&self, turn: &Turn) -> bool {
        let longest = self.queues.values().map(Vec::len).max().unwrap_or(0);
        longest >= wanted_copies(turn) || self.skeleton_bytes >= limits::LOAD_BYTES_MAX
    }

    /// Adds a page.
    pub(super) async fn add(&mut self, turn: &Turn, converted: Converted) -> Result<(), Failure> {
        let Converted { page, plans, items } = converted;
        let parked_by_plan = plans.iter().map(|plan| plan.copies.iter().filter(|copy| copy.parked.is_some()).count());
        turn.progress.advanced(Step::Parked, parked_by_plan.sum::<usize>() as u64);
        plans.into_iter().for_each(|plan| self.facts.plan(plan));
        let lost_at_ms = turn.with_state(|state| state.lost_at_ms()).await?;
        let lost_until_ms = lost_at_ms.map(|at_ms| at_ms.saturating_add(limits::LOSS_MARGIN.as_millis() as i64));
        for mut item in items {
            let received_at_ms = page.items[item.item.position].sent_at_ms;
            // Records of what was sent before are gone: whatever is as old as that is looked for.
            if lost_until_ms.is_some_and(|until_ms| received_at_ms <= until_ms) {
                let unsent = item.item.copies.iter_mut().filter(|copy| copy.doubt == Doubt::None);
                unsent.for_each(|copy| copy.doubt = Doubt::Earlier);
            }
            self.queue(turn, item, received_at_ms);
        }
        self.deadline.get_or_insert_with(|| Box::pin(sleep(limits::LOAD_TIME_MAX)));
        Ok(())
    }

    /// Makes the plans known before another page is mapped: that page may hold further observations of the same items.
    pub(super) async fn record_plans(&mut self, turn: &Turn) -> Result<(), Failure> {
        let facts = std::mem::take(&mut self.facts);
        if facts.is_empty() {
            return Ok(());
        }
        turn.with_state(move |state| state.commit(facts)).await
    }

    /// The copies by destination, and what the ledger is to be told with the first of them.
    pub(super) fn into_parts(self) -> (HashMap<u16, Vec<Ready>>, Group) {
        (self.queues, self.facts)
    }

    fn queue(&mut self, turn: &Turn, item: ConvertedItem, received_at_ms: TimestampMs) {
        let mut digests: Vec<(Arc<[u8]>, Digest)> = Vec::new();
        for copy in item.item.copies {
            let key = CopyKey { ordinal: item.item.ordinal, copy: copy.number };
            let rendering = item.renderings.iter().find(|(destination, _)| *destination == copy.destination);
            match rendering {
                Some((_, Rendering::Message { message, partial })) => {
                    let same = digests.iter().find(|(skeleton, _)| Arc::ptr_eq(skeleton, &message.skeleton));
                    let digest = same.map(|(_, digest)| Arc::clone(digest)).unwrap_or_else(|| {
                        let digest = Digest::default();
                        digests.push((Arc::clone(&message.skeleton), Arc::clone(&digest)));
                        self.skeleton_bytes += message.skeleton.len();
                        digest
                    });
                    self.queues.entry(copy.destination).or_default().push(Ready {
                        key,
                        delivery: Delivery { mailbox: copy.mailbox, message: message.clone(), received_at_ms },
                        digest,
                        partial: *partial,
                        doubt: copy.doubt,
                    });
                }
                Some((_, Rendering::Failed(reason))) => {
                    turn.progress.advanced(Step::Parked, 1);
                    self.facts.fail(key, reason.clone());
                }
                None => {
                    turn.progress.advanced(Step::Parked, 1);
                    let message = format!("destination {} is not configured any more", copy.destination);
                    self.facts.fail(key, ParkReason { code: "destination-gone".to_owned(), message });
                }
            }
        }
    }
}
