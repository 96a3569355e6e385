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
    convert::{
        self, ConvertedItem, Rendering,
        days::{self, Days},
    },
    map::{self, Doubt, Mapped},
    stage::Staged,
    turn::{Step, Turn},
};
use crate::{
    destinations::Delivery,
    item::{Failure, TimestampMs, descriptor::Grouping, limits},
    state::{CopyKey, Group, Outcome, ParkReason, Receipt},
};

/// SHA-256 of a message's bytes, once somebody needed it; shared by its copies.
pub(super) type Digest = Arc<OnceLock<[u8; 32]>>;

/// A message for a mailbox, and the copies that are delivered with it: of one item, or of those of a digest.
pub(super) struct Ready {
    pub(super) copies: Copies,
    pub(super) delivery: Delivery,
    pub(super) digest: Digest,
    pub(super) doubt: Doubt,
    partial: bool,
}

impl Ready {
    /// A copy that is whole and was never sent.
    #[cfg(test)]
    pub(super) fn new(key: CopyKey, delivery: Delivery, digest: Digest) -> Self {
        Self { copies: Copies::one(key), delivery, digest, doubt: Doubt::None, partial: false }
    }

    /// A receipt for each of its copies.
    pub(super) fn receipts(&self, token: &[u8], there_before: bool) -> impl Iterator<Item = Receipt> {
        let outcome = match (there_before, self.partial) {
            (true, _) => Outcome::Skipped,
            (false, true) => Outcome::Partial,
            (false, false) => Outcome::Imported,
        };
        self.copies.iter().map(move |copy| Receipt { copy, outcome, token: token.to_vec() })
    }
}

/// One copy or more. One costs no allocation.
pub(super) struct Copies {
    first: CopyKey,
    others: Box<[CopyKey]>,
}

impl Copies {
    pub(super) fn one(first: CopyKey) -> Self {
        Self { first, others: Box::default() }
    }

    /// None when there is no copy.
    pub(super) fn of(keys: &[CopyKey]) -> Option<Self> {
        let (first, others) = keys.split_first()?;
        Some(Self { first: *first, others: others.into() })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = CopyKey> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    pub(super) fn count(&self) -> usize {
        1 + self.others.len()
    }
}

/// Copies ready to be delivered, by destination, and what the ledger is to be told of their pages.
#[derive(Default)]
pub(super) struct Load {
    /// Plans, and copies that cannot be delivered.
    facts: Group,
    queues: HashMap<u16, Vec<Ready>>,
    skeleton_bytes: usize,
    has_pages: bool,
    /// When it is delivered at the latest; none while it has no page, and where days are gathered: a day is not done because
    /// its source is slow.
    deadline: Option<Pin<Box<Sleep>>>,
    /// What waits for the rest of its days.
    days: Days,
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
        load.add(turn, mapped).await?;
        if load.is_full(turn) {
            break;
        }
    }
    load.close(turn).await?;
    Ok(load.has_pages.then_some(load))
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
        if turn.grouping == Grouping::ConversationDay {
            return self.days.are_full();
        }
        let longest = self.queues.values().map(Vec::len).max().unwrap_or(0);
        longest >= wanted_copies(turn) || self.skeleton_bytes >= limits::LOAD_BYTES_MAX
    }

    /// Adds a page.
    pub(super) async fn add(&mut self, turn: &Turn, mapped: Mapped) -> Result<(), Failure> {
        let Mapped { page, mut items, plans } = mapped;
        let parked_by_plan = plans.iter().map(|plan| plan.copies.iter().filter(|copy| copy.parked.is_some()).count());
        turn.progress.advanced(Step::Parked, parked_by_plan.sum::<usize>() as u64);
        plans.into_iter().for_each(|plan| self.facts.plan(plan));
        let lost_at_ms = turn.with_state(|state| state.lost_at_ms()).await?;
        let lost_until_ms = lost_at_ms.map(|at_ms| at_ms.saturating_add(limits::LOSS_MARGIN.as_millis() as i64));
        for item in &mut items {
            // Records of what was sent before are gone: whatever is as old as that is looked for.
            if lost_until_ms.is_some_and(|until_ms| page.items[item.position].sent_at_ms <= until_ms) {
                let unsent = item.copies.iter_mut().filter(|copy| copy.doubt == Doubt::None);
                unsent.for_each(|copy| copy.doubt = Doubt::Earlier);
            }
        }
        self.has_pages = true;
        match turn.grouping {
            Grouping::Item => {
                for item in convert::convert(turn, &page, items).await? {
                    let received_at_ms = page.items[item.item.position].sent_at_ms;
                    self.queue(turn, item, received_at_ms);
                }
                self.deadline.get_or_insert_with(|| Box::pin(sleep(limits::LOAD_TIME_MAX)));
            }
            Grouping::ConversationDay => self.days.hold(page, items),
        }
        Ok(())
    }

    /// Nothing is added any more: converts what waited for the rest of its days.
    pub(super) async fn close(&mut self, turn: &Turn) -> Result<(), Failure> {
        for digest in std::mem::take(&mut self.days).convert(turn).await? {
            self.queue_digest(turn, digest);
        }
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
                        copies: Copies::one(key),
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

    fn queue_digest(&mut self, turn: &Turn, digest: days::Digest) {
        let days::Digest { destination, mailbox, copies, received_at_ms, doubt, rendering, sha256 } = digest;
        match rendering {
            Rendering::Message { message, partial } => {
                let Some(copies) = Copies::of(&copies) else { return };
                self.skeleton_bytes += message.skeleton.len();
                let delivery = Delivery { mailbox, message, received_at_ms };
                let ready = Ready { copies, delivery, digest: sha256, doubt, partial };
                self.queues.entry(destination).or_default().push(ready);
            }
            Rendering::Failed(reason) => {
                turn.progress.advanced(Step::Parked, copies.len() as u64);
                copies.into_iter().for_each(|copy| self.facts.fail(copy, reason.clone()));
            }
        }
    }
}
