//! Writes messages into a folder: APPEND in groups where the server can, one by one where it cannot. One MULTIAPPEND
//! stores all of its messages or none.

use std::sync::Arc;

use super::{
    command::{Ended, send},
    offers::Ladder,
    pool::Lease,
    refusal::{self, Refusal},
    tokens::uids,
    wire::Status,
};
use crate::{
    destinations::{Delivered, Delivery},
    item::{BlobSource, Failure, NextMove, limits},
};

/// Messages for which a full mailbox says so before the others are not tried any more.
const FULL_MAX: usize = 3;

/// Writes every copy into the mailbox of the lease; one answer a copy.
///
/// # Errors
/// The group is in doubt.
pub(super) async fn append(
    lease: &mut Lease<'_>,
    copies: &[&Delivery],
    blobs: &Arc<dyn BlobSource>,
) -> Result<Vec<Delivered>, Failure> {
    let place = lease.place().to_owned();
    let mut writing = Writing { answers: vec![None; copies.len()], full: 0, refused: 0, stored: 0, made_folder: false };
    let session = lease.session().await?;
    if !session.folder_is_there {
        match session.make_folder(&place).await? {
            Ok(()) => writing.made_folder = true,
            Err(failure) => return Ok(vec![Delivered::Refused(failure); copies.len()]),
        }
    }
    let limit = session.offers.append_limit_bytes();
    let mut to_send = Vec::new();
    for (index, copy) in copies.iter().enumerate() {
        let size = copy.message.size_bytes();
        match limit {
            Some(limit) if size > limit => {
                writing.answers[index] = Some(Delivered::Refused(refusal::over_limit(&place, size, limit)));
            }
            _ => to_send.push(index),
        }
    }
    let mut waiting = groups(copies, &to_send, Ladder::of(&session.offers));
    waiting.reverse();
    while let Some(group) = waiting.pop() {
        if let Some(failure) = writing.full_for_all(&place) {
            group.iter().for_each(|&index| writing.answers[index] = Some(Delivered::Refused(failure.clone())));
            continue;
        }
        let session = lease.session().await?;
        let messages: Vec<&Delivery> = group.iter().map(|&index| copies[index]).collect();
        let sent = send(session, &messages, blobs).await;
        let sent = match sent {
            Ok(sent) => sent,
            Err(failure) => {
                lease.give_up();
                return Err(failure);
            }
        };
        if sent.is_broken {
            lease.give_up();
        }
        let again = match sent.ended {
            Ended::Whole(status) => writing.whole(&place, &group, &status)?,
            Ended::Each(statuses) => {
                let mut again = Vec::new();
                for (&index, status) in group.iter().zip(&statuses) {
                    again.extend(writing.whole(&place, &[index], status)?);
                }
                again
            }
        };
        if again.iter().any(|again| again.needs_folder) {
            match lease.session().await?.make_folder(&place).await? {
                Ok(()) => writing.made_folder = true,
                Err(failure) => {
                    let rest = again.into_iter().map(|again| again.group).chain(waiting).flatten();
                    rest.for_each(|index| writing.answers[index] = Some(Delivered::Refused(failure.clone())));
                    break;
                }
            }
        }
        waiting.extend(again.into_iter().rev().map(|again| again.group));
    }
    let missing = || refusal::garbage(&place, "it left messages without an answer");
    writing.answers.into_iter().map(|answer| answer.ok_or_else(missing)).collect()
}

/// A group that is sent once more.
struct Again {
    group: Vec<usize>,
    needs_folder: bool,
}

struct Writing {
    answers: Vec<Option<Delivered>>,
    full: usize,
    refused: usize,
    stored: usize,
    made_folder: bool,
}

impl Writing {
    /// Notes how a command for these messages ended; what is to be sent again comes back.
    fn whole(&mut self, place: &str, group: &[usize], status: &Status) -> Result<Vec<Again>, Failure> {
        if status.is_ok() {
            let tokens = receipts(place, group.len(), status)?;
            for (&index, token) in group.iter().zip(tokens) {
                self.answers[index] = Some(Delivered::Stored(token));
            }
            self.stored += group.len();
            return Ok(Vec::new());
        }
        let refusal = refusal::of(place, "a message", status);
        let failure = match refusal {
            Refusal::Later(failure) => return Err(failure),
            Refusal::NoFolder if !self.made_folder => {
                return Ok(vec![Again { group: group.to_vec(), needs_folder: true }]);
            }
            Refusal::NoFolder => {
                let message = format!("`{place}` has no folder again, right after it was made: {status}");
                Failure::new("folder-refused", NextMove::Reject, message)
                    .hint("look at the mailbox, then run `chancery parked retry`")
            }
            Refusal::Full(_) | Refusal::Message(_) if group.len() > 1 => {
                // One of them is at fault, or the room is not enough for all: halves tell.
                let (first, second) = group.split_at(group.len() / 2);
                let halves = [first, second].map(|half| Again { group: half.to_vec(), needs_folder: false });
                return Ok(halves.into());
            }
            Refusal::Full(failure) => {
                self.full += 1;
                failure
            }
            Refusal::Denied(failure) => failure,
            Refusal::Message(failure) => {
                self.refused += 1;
                if self.stored == 0 && self.refused >= limits::IMAP_REFUSED_MAX {
                    return Err(refusal::everything(place, &failure));
                }
                failure
            }
        };
        group.iter().for_each(|&index| self.answers[index] = Some(Delivered::Refused(failure.clone())));
        Ok(Vec::new())
    }

    /// After some messages of their own were refused for want of room, the others are not tried.
    fn full_for_all(&self, place: &str) -> Option<Failure> {
        (self.full >= FULL_MAX).then(|| {
            Failure::new(
                "mailbox-full",
                NextMove::Reject,
                format!("the mailbox at `{place}` is full; this message was not tried"),
            )
            .hint("give the mailbox more room, then run `chancery parked retry`")
        })
    }
}

/// The receipts' tokens, UIDVALIDITY and UID, each 4 bytes big-endian. A server that stored another number than it was
/// sent leaves the group in doubt.
fn receipts(place: &str, sent: usize, status: &Status) -> Result<Vec<Vec<u8>>, Failure> {
    let mut words = status.code.split(' ');
    let is_uid = words.next().is_some_and(|word| word.eq_ignore_ascii_case("APPENDUID"));
    if !is_uid {
        // Without UIDPLUS, and where UIDs do not stay (RFC 4315): the Message-ID finds it.
        return Ok(vec![Vec::new(); sent]);
    }
    let uid_validity: Option<u32> = words.next().and_then(|word| word.parse().ok());
    let found = uid_validity.zip(words.next().and_then(|set| uids(set, sent)));
    match found {
        Some((uid_validity, uids)) if uids.len() == sent => {
            Ok(uids.into_iter().map(|uid| token(uid_validity, uid)).collect())
        }
        _ => {
            let what = format!("it was sent {sent} messages and says `{}`", status.code);
            Err(refusal::garbage(place, &what))
        }
    }
}

/// Where a message is.
pub(super) fn token(uid_validity: u32, uid: u32) -> Vec<u8> {
    [uid_validity.to_be_bytes(), uid.to_be_bytes()].concat()
}

/// Cuts by count and bytes, and by what the server can.
fn groups(copies: &[&Delivery], indices: &[usize], ladder: Ladder) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    let mut last_is_small = false;
    for &index in indices {
        let size = copies[index].message.size_bytes();
        let is_small = size <= limits::IMAP_LITERAL_MINUS_BYTES_MAX;
        let together = match ladder {
            Ladder::Multi | Ladder::Pipelined => true,
            Ladder::SmallPipelined => is_small && last_is_small,
            Ladder::Synchronising => false,
        };
        match groups.last_mut() {
            Some(group)
                if together
                    && group.len() < limits::GROUP_COPIES_MAX
                    && bytes + size <= limits::IMAP_GROUP_BYTES_MAX =>
            {
                bytes += size;
                group.push(index);
            }
            _ => {
                bytes = size;
                groups.push(vec![index]);
            }
        }
        last_is_small = is_small;
    }
    groups
}
