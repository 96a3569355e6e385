//! `deliver`: durable intent, write, durable receipt, a group at a time.
//!
//! What is delivered at once is a [`Load`]: some pages' copies, cut into groups by mailbox. The receipts of one group and
//! the intents of the next are one commit, so a group costs one commit of the ledger.
//! Copies that are in doubt are looked for first; what is there gets the receipt it would have had.
//!
//! A destination that gives no more answers is given up for the rest of the turn, if there is another one: its copies
//! wait where they stand, and the next turn goes on with them.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use super::{
    attempt::attempt,
    crash,
    load::{Digest, Load, Ready},
    map::Doubt,
    policy::{self, Decision},
    turn::{DestinationSlot, Step, Turn, blocking},
};
use crate::{
    destinations::{Delivered as Answer, Delivery},
    item::{BlobSource, Failure, Message, limits},
    state::{Group, Intent, ParkReason},
};

/// Copies that are where they belong, the last receipts not yet in the ledger.
pub(super) struct Delivered {
    facts: Group,
}

impl Delivered {
    pub(super) fn into_facts(self) -> Group {
        self.facts
    }
}

/// Delivers every copy of the load.
pub(super) async fn deliver(turn: &Turn, load: Load) -> Result<Delivered, Failure> {
    let (mut queues, mut facts) = load.into_parts();
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

/// Cuts by count and by the bytes held in memory; a mailbox's copies stay together, in their order, so that a group has
/// few mailboxes with many copies each.
fn groups(mut copies: Vec<Ready>, copies_max: usize) -> Vec<Vec<Ready>> {
    copies.sort_by(|one, other| one.delivery.mailbox.cmp(&other.delivery.mailbox));
    let copies_max = copies_max.clamp(1, limits::LOAD_COPIES_MAX);
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
                copy.receipts(&token, copy.doubt == Doubt::Earlier).for_each(|receipt| receipts.receipt(receipt));
                there.push(copy);
            }
            None => to_send.push(copy),
        }
    }
    Ok((there, to_send))
}

/// Adds an intent with the SHA-256 of its bytes for each copy; a message is hashed once, however many copies it has.
async fn intend(
    turn: &Turn,
    to_send: Vec<Ready>,
    mut facts: Group,
    blobs: &Arc<dyn BlobSource>,
) -> Result<(Vec<Ready>, Group), Failure> {
    let messages: Arc<[(Message, Digest)]> =
        to_send.iter().map(|copy| (copy.delivery.message.clone(), Arc::clone(&copy.digest))).collect();
    let hashing = || {
        let (blobs, messages) = (Arc::clone(blobs), Arc::clone(&messages));
        blocking(move || messages.iter().map(|(message, digest)| hashed(message, digest, &*blobs)).collect())
    };
    let hashes: Vec<[u8; 32]> = attempt(turn, false, hashing).await.map_err(|(failure, _)| failure)?;
    for (copy, sha256) in to_send.iter().zip(hashes) {
        copy.copies.iter().for_each(|copy| facts.intend(Intent { copy, sha256 }));
    }
    Ok((to_send, facts))
}

fn hashed(message: &Message, digest: &Digest, blobs: &dyn BlobSource) -> Result<[u8; 32], Failure> {
    match digest.get() {
        Some(sha256) => Ok(*sha256),
        None => {
            let sha256 = message.sha256(blobs).map_err(|error| Failure::of_attachment(&error))?;
            Ok(*digest.get_or_init(|| sha256))
        }
    }
}

fn record(turn: &Turn, sent: &[Ready], answers: Vec<Answer>, receipts: &mut Group) {
    let mut delivered = 0;
    let mut mailboxes = turn.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
    for (copy, answer) in sent.iter().zip(answers) {
        let (token, there_before) = match answer {
            Answer::Stored(token) => (token, false),
            Answer::AlreadyThere(token) => (token, copy.doubt != Doubt::Sent),
            Answer::Refused(failure) => {
                turn.progress.advanced(Step::Parked, copy.copies.count() as u64);
                let reason = ParkReason { code: failure.code, message: failure.message };
                copy.copies.iter().for_each(|copy| receipts.fail(copy, reason.clone()));
                continue;
            }
        };
        copy.receipts(&token, there_before).for_each(|receipt| receipts.receipt(receipt));
        delivered += copy.copies.count() as u64;
        if !mailboxes.contains(&copy.delivery.mailbox) {
            mailboxes.insert(Arc::clone(&copy.delivery.mailbox));
        }
    }
    turn.progress.advanced(Step::Delivered, delivered);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        destinations::Delivery,
        state::{CopyKey, Ordinal},
    };

    fn copy(ordinal: u64, mailbox: &str) -> Ready {
        let message = Message { skeleton: [b'x'; 10].into(), splices: [].into(), message_id: "<a@b>".into() };
        let key = CopyKey { ordinal: Ordinal(ordinal), copy: 0 };
        Ready::new(key, Delivery { mailbox: mailbox.into(), message, received_at_ms: 0 }, Digest::default())
    }

    #[test]
    fn a_groups_mailboxes_are_few_and_each_keeps_its_order() {
        let copies = (0..6).map(|number| copy(number, ["ben", "anna", "cleo"][number as usize % 3])).collect();
        let cut: Vec<Vec<(u64, String)>> = groups(copies, 4)
            .iter()
            .map(|group| {
                group
                    .iter()
                    .flat_map(|copy| copy.copies.iter().map(|key| (key.ordinal.0, copy.delivery.mailbox.to_string())))
                    .collect()
            })
            .collect();
        let expect = |rows: &[(u64, &str)]| rows.iter().map(|&(number, name)| (number, name.to_owned())).collect();
        let first: Vec<_> = expect(&[(1, "anna"), (4, "anna"), (0, "ben"), (3, "ben")]);
        assert_eq!(cut, [first, expect(&[(2, "cleo"), (5, "cleo")])]);
    }
}
