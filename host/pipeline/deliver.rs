//! `deliver`: durable intent, write, durable receipt, a group at a time.
//!
//! The receipts of one group and the intents of the next are one commit, so a group costs one commit of the ledger.
//! Copies that are in doubt are looked for first; what is there gets the receipt it would have had.
//!
//! A destination that gives no more answers is given up for the rest of the turn, if there is another one: its copies
//! wait where they stand, and the next turn goes on with them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError},
};

use super::{
    attempt::attempt,
    convert::{Converted, ConvertedItem, Rendering},
    crash,
    map::Doubt,
    policy::{self, Decision},
    turn::{DestinationSlot, Step, Turn, blocking},
};
use crate::{
    destinations::{Delivered as Answer, Delivery},
    item::{BlobSource, Failure, Message, limits},
    state::{CopyKey, Group, Intent, Outcome, ParkReason, Receipt},
};

/// A page whose copies are where they belong, the last receipts not yet in the ledger.
pub(super) struct Delivered {
    facts: Group,
}

impl Delivered {
    pub(super) fn into_facts(self) -> Group {
        self.facts
    }
}

/// A copy with its message.
struct Ready {
    key: CopyKey,
    delivery: Delivery,
    partial: bool,
    doubt: Doubt,
}

impl Ready {
    fn receipt(&self, token: Vec<u8>, there_before: bool) -> Receipt {
        let outcome = match (there_before, self.partial) {
            (true, _) => Outcome::Skipped,
            (false, true) => Outcome::Partial,
            (false, false) => Outcome::Imported,
        };
        Receipt { copy: self.key, outcome, token }
    }
}

/// Delivers every copy of the page.
pub(super) async fn deliver(turn: &Turn, converted: Converted) -> Result<Delivered, Failure> {
    let Converted { page, plans, items } = converted;
    let mut facts = Group::new();
    let parked_by_plan = plans.iter().map(|plan| plan.copies.iter().filter(|copy| copy.parked.is_some()).count());
    turn.progress.advanced(Step::Parked, parked_by_plan.sum::<usize>() as u64);
    plans.into_iter().for_each(|plan| facts.plan(plan));
    let mut queues: HashMap<u16, Vec<Ready>> = HashMap::new();
    let lost_at_ms = turn.with_state(|state| state.lost_at_ms()).await?;
    let lost_until_ms = lost_at_ms.map(|at_ms| at_ms.saturating_add(limits::LOSS_MARGIN.as_millis() as i64));
    for mut item in items {
        let received_at_ms = page.items[item.item.position].sent_at_ms;
        // Records of what was sent before are gone: whatever is as old as that is looked for.
        if lost_until_ms.is_some_and(|until_ms| received_at_ms <= until_ms) {
            let unsent = item.item.copies.iter_mut().filter(|copy| copy.doubt == Doubt::None);
            unsent.for_each(|copy| copy.doubt = Doubt::Earlier);
        }
        queue(turn, item, received_at_ms, &mut queues, &mut facts);
    }
    for slot in &turn.destinations {
        let Some(copies) = queues.remove(&slot.number) else { continue };
        if turn.has_given_up(slot.number) {
            continue;
        }
        for group in groups(copies, slot.destination.capabilities().group_copies_max) {
            let (next, gave_up) = deliver_group(turn, slot, group, facts).await?;
            facts = next;
            let Some(failure) = gave_up else { continue };
            if let Err(failure) = turn.give_up(slot.number, failure) {
                // What is known until here is not asked for again.
                turn.with_state(move |state| state.commit(facts)).await?;
                return Err(failure);
            }
            break;
        }
    }
    Ok(Delivered { facts })
}

fn queue(
    turn: &Turn,
    item: ConvertedItem,
    received_at_ms: i64,
    queues: &mut HashMap<u16, Vec<Ready>>,
    facts: &mut Group,
) {
    for copy in item.item.copies {
        let key = CopyKey { ordinal: item.item.ordinal, copy: copy.number };
        let rendering = item.renderings.iter().find(|(destination, _)| *destination == copy.destination);
        match rendering {
            Some((_, Rendering::Message { message, partial })) => {
                queues.entry(copy.destination).or_default().push(Ready {
                    key,
                    delivery: Delivery { mailbox: copy.mailbox, message: message.clone(), received_at_ms },
                    partial: *partial,
                    doubt: copy.doubt,
                });
            }
            Some((_, Rendering::Failed(reason))) => {
                turn.progress.advanced(Step::Parked, 1);
                facts.fail(key, reason.clone());
            }
            None => {
                turn.progress.advanced(Step::Parked, 1);
                let message = format!("destination {} is not configured any more", copy.destination);
                facts.fail(key, ParkReason { code: "destination-gone".to_owned(), message });
            }
        }
    }
}

/// Cuts by count and by the bytes held in memory.
fn groups(copies: Vec<Ready>, copies_max: usize) -> Vec<Vec<Ready>> {
    let copies_max = copies_max.clamp(1, limits::GROUP_COPIES_MAX);
    let mut groups: Vec<Vec<Ready>> = Vec::new();
    let mut bytes = 0;
    for copy in copies {
        let size = copy.delivery.message.skeleton.len();
        match groups.last_mut() {
            Some(group) if group.len() < copies_max && bytes + size <= limits::GROUP_BYTES_MAX => {
                bytes += size;
                group.push(copy);
            }
            _ => {
                bytes = size;
                groups.push(vec![copy]);
            }
        }
    }
    groups
}

/// Delivers one group. Returns the beginning of the next commit (its receipts, or what it was given and could not
/// commit), and why the destination is given up, if it is.
async fn deliver_group(
    turn: &Turn,
    slot: &DestinationSlot,
    group: Vec<Ready>,
    mut facts: Group,
) -> Result<(Group, Option<Failure>), Failure> {
    let mailboxes: BTreeSet<&str> = group.iter().map(|copy| &*copy.delivery.mailbox).collect();
    let _guard = turn.locks.hold(slot.destination.identity(), mailboxes).await;

    let mut receipts = Group::new();
    let (mut intended, to_send) = match look_for_doubtful(turn, slot, group, &mut receipts).await {
        Ok(found) => found,
        Err(failure) => return Ok((facts, Some(failure))),
    };
    // What was never intended and is there all the same gets its intent too: no receipt without one.
    intended.retain(|copy| copy.doubt == Doubt::Earlier);
    let found = intended.len();
    intended.extend(to_send);
    let blobs: Arc<dyn BlobSource> = Arc::clone(&turn.stage) as _;
    (intended, facts) = intend(turn, intended, facts, &blobs).await?;
    let mut to_send = intended.split_off(found);
    turn.with_state(move |state| state.commit(facts)).await?;
    crash::point("deliver:intended");

    let mut attempt = 0;
    while !to_send.is_empty() {
        let deliveries = to_send.iter().map(|copy| copy.delivery.clone()).collect();
        match slot.destination.deliver(deliveries, Arc::clone(&blobs)).await {
            Ok(answers) => {
                crash::point("deliver:written");
                record(turn, &to_send, answers, &mut receipts);
                break;
            }
            Err(failure) => {
                attempt += 1;
                match policy::decide(failure.next, attempt, false) {
                    Decision::Wait(wait) => {
                        tracing::warn!(
                            connector = turn.connector,
                            code = failure.code,
                            attempt,
                            wait_ms = wait.as_millis(),
                            "{failure}; looking, then trying again"
                        );
                        turn.progress.waiting(&failure, wait);
                        tokio::time::sleep(wait).await;
                        to_send.iter_mut().for_each(|copy| copy.doubt = Doubt::Sent);
                        (_, to_send) = match look_for_doubtful(turn, slot, to_send, &mut receipts).await {
                            Ok(found) => found,
                            Err(failure) => return Ok((receipts, Some(failure))),
                        };
                    }
                    Decision::Park | Decision::EndTurn => return Ok((receipts, Some(failure))),
                }
            }
        }
    }
    Ok((receipts, None))
}

/// Asks the destination for the copies that are in doubt; those that are there get their receipts and are returned
/// first, those to be sent second.
async fn look_for_doubtful(
    turn: &Turn,
    slot: &DestinationSlot,
    group: Vec<Ready>,
    receipts: &mut Group,
) -> Result<(Vec<Ready>, Vec<Ready>), Failure> {
    let (doubtful, mut to_send): (Vec<Ready>, Vec<Ready>) =
        group.into_iter().partition(|copy| copy.doubt != Doubt::None);
    if doubtful.is_empty() {
        return Ok((doubtful, to_send));
    }
    let deliveries: Vec<Delivery> = doubtful.iter().map(|copy| copy.delivery.clone()).collect();
    // Looking can be done twice, so that a moment of trouble is no reason to end the turn.
    let look = || slot.destination.present(&deliveries);
    let found = attempt(turn, false, look).await.map_err(|(failure, _)| failure)?;
    let mut there = Vec::new();
    for (copy, token) in doubtful.into_iter().zip(found) {
        match token {
            Some(token) => {
                receipts.receipt(copy.receipt(token, copy.doubt == Doubt::Earlier));
                there.push(copy);
            }
            None => to_send.push(copy),
        }
    }
    Ok((there, to_send))
}

/// Adds an intent with the SHA-256 of its bytes for each copy; equal messages are hashed once.
async fn intend(
    turn: &Turn,
    to_send: Vec<Ready>,
    mut facts: Group,
    blobs: &Arc<dyn BlobSource>,
) -> Result<(Vec<Ready>, Group), Failure> {
    let messages: Arc<[Message]> = to_send.iter().map(|copy| copy.delivery.message.clone()).collect();
    let hashing = || {
        let (blobs, connector, messages) = (Arc::clone(blobs), turn.connector.clone(), Arc::clone(&messages));
        blocking(move || hashes(&messages, &*blobs, &connector))
    };
    let hashes = attempt(turn, false, hashing).await.map_err(|(failure, _)| failure)?;
    for (copy, sha256) in to_send.iter().zip(hashes) {
        facts.intend(Intent { copy: copy.key, sha256 });
    }
    Ok((to_send, facts))
}

fn hashes(messages: &[Message], blobs: &dyn BlobSource, connector: &str) -> Result<Vec<[u8; 32]>, Failure> {
    let mut last: Option<(Arc<[u8]>, [u8; 32])> = None;
    let mut hashes = Vec::with_capacity(messages.len());
    for message in messages {
        let sha256 = match &last {
            Some((skeleton, sha256)) if Arc::ptr_eq(skeleton, &message.skeleton) => *sha256,
            _ => hash(message, blobs, connector)?,
        };
        last = Some((Arc::clone(&message.skeleton), sha256));
        hashes.push(sha256);
    }
    Ok(hashes)
}

fn hash(message: &Message, blobs: &dyn BlobSource, connector: &str) -> Result<[u8; 32], Failure> {
    message.sha256(blobs).map_err(|error| {
        if let Some(failure) = Failure::within(&error) {
            return failure.clone();
        }
        Failure::new(
            "stage-attachment-lost",
            crate::item::NextMove::Stop,
            format!("a staged attachment of connector `{connector}` cannot be read: {error}"),
        )
        .hint("restore the stage folder from a backup, then run `chancery sync` again")
    })
}

fn record(turn: &Turn, sent: &[Ready], answers: Vec<Answer>, receipts: &mut Group) {
    let mut delivered = 0;
    let mut mailboxes = turn.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
    for (copy, answer) in sent.iter().zip(answers) {
        match answer {
            Answer::Stored(token) => receipts.receipt(copy.receipt(token, false)),
            Answer::AlreadyThere(token) => receipts.receipt(copy.receipt(token, copy.doubt != Doubt::Sent)),
            Answer::Refused(failure) => {
                turn.progress.advanced(Step::Parked, 1);
                receipts.fail(copy.key, ParkReason { code: failure.code, message: failure.message });
                continue;
            }
        }
        delivered += 1;
        if !mailboxes.contains(&copy.delivery.mailbox) {
            mailboxes.insert(Arc::clone(&copy.delivery.mailbox));
        }
    }
    turn.progress.advanced(Step::Delivered, delivered);
}
