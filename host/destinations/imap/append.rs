//! Writes messages into a folder: APPEND in groups where the server can, one by one where it cannot.
//!
//! While a command is written its answers are read, so that neither side waits for the other to empty a buffer. A server
//! that answers before it has everything has refused: the rest is not sent, and the connection, of which nobody knows
//! what the server still expects, is given up. One MULTIAPPEND stores all of its messages or none.

use std::sync::Arc;

use futures::future::{Either, select};

use super::{
    offers::Ladder,
    pool::Lease,
    refusal::{self, Refusal},
    session::Session,
    tokens::uids,
    wire::{Answer, Reader, Status, Wire, Writer},
};
use crate::{
    destinations::{Delivered, Delivery, pieces::Pieces},
    item::{BlobSource, Failure, Message, NextMove, limits},
};

/// Messages for which a full mailbox says so before the others are not tried any more.
const FULL_MAX: usize = 3;

/// How one command ended.
enum Ended {
    /// Each message of the range has its own end.
    Each(Vec<Status>),
    /// One for the whole range.
    Whole(Status),
}

/// What became of one command, and whether the connection can be used on.
struct Sent {
    ended: Ended,
    is_broken: bool,
}

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

/// Says one command, or several without waiting in between.
async fn send(session: &mut Session, messages: &[&Delivery], blobs: &Arc<dyn BlobSource>) -> Result<Sent, Failure> {
    let ladder = Ladder::of(&session.offers);
    let Session { wire, folder, .. } = session;
    let small = |copy: &&Delivery| copy.message.size_bytes() <= limits::IMAP_LITERAL_MINUS_BYTES_MAX;
    match ladder {
        Ladder::Multi => multi(wire, folder, messages, blobs).await,
        Ladder::Pipelined => pipelined(wire, folder, messages, blobs).await,
        Ladder::SmallPipelined if messages.iter().all(small) => pipelined(wire, folder, messages, blobs).await,
        Ladder::SmallPipelined | Ladder::Synchronising => one(wire, folder, messages[0], blobs).await,
    }
}

async fn multi(
    wire: &mut Wire,
    folder: &str,
    messages: &[&Delivery],
    blobs: &Arc<dyn BlobSource>,
) -> Result<Sent, Failure> {
    let tag = wire.next_tag();
    let tags = [tag];
    let Wire { reader, writer, .. } = wire;
    let writing = async {
        writer.write(format!("{} APPEND {folder}", tags[0]).as_bytes()).await?;
        for copy in messages {
            writer.write(head(copy, "+").as_bytes()).await?;
            body(writer, &copy.message, blobs).await?;
        }
        writer.write(b"\r\n").await?;
        writer.flush().await
    };
    let (mut statuses, is_broken) = exchange(writing, reader, &tags).await?;
    let status = statuses.pop().ok_or_else(|| reader.unasked())?;
    Ok(Sent { ended: Ended::Whole(status), is_broken })
}

async fn pipelined(
    wire: &mut Wire,
    folder: &str,
    messages: &[&Delivery],
    blobs: &Arc<dyn BlobSource>,
) -> Result<Sent, Failure> {
    let tags: Vec<String> = messages.iter().map(|_| wire.next_tag()).collect();
    let Wire { reader, writer, .. } = wire;
    let writing = async {
        for (tag, copy) in tags.iter().zip(messages) {
            writer.write(format!("{tag} APPEND {folder}{}", head(copy, "+")).as_bytes()).await?;
            body(writer, &copy.message, blobs).await?;
            writer.write(b"\r\n").await?;
        }
        writer.flush().await
    };
    let (statuses, is_broken) = exchange(writing, reader, &tags).await?;
    Ok(Sent { ended: Ended::Each(statuses), is_broken })
}

/// Asks before it sends.
async fn one(wire: &mut Wire, folder: &str, copy: &Delivery, blobs: &Arc<dyn BlobSource>) -> Result<Sent, Failure> {
    let tags = [wire.next_tag()];
    let Wire { reader, writer, .. } = wire;
    writer.write(format!("{} APPEND {folder}{}", tags[0], head(copy, "")).as_bytes()).await?;
    writer.flush().await?;
    loop {
        match reader.answer(reader.times.append, limits::IMAP_LITERAL_BYTES_MAX).await? {
            Answer::Untagged(_) => {}
            Answer::Continue => break,
            Answer::Tagged(tag, status) if tag == tags[0] && !status.is_ok() => {
                return Ok(Sent { ended: Ended::Whole(status), is_broken: false });
            }
            Answer::Tagged(..) => return Err(reader.unasked()),
        }
    }
    let writing = async {
        body(writer, &copy.message, blobs).await?;
        writer.write(b"\r\n").await?;
        writer.flush().await
    };
    let (mut statuses, is_broken) = exchange(writing, reader, &tags).await?;
    let status = statuses.pop().ok_or_else(|| reader.unasked())?;
    Ok(Sent { ended: Ended::Whole(status), is_broken })
}

/// Writes and reads at once, until every tag has its answer. True: the server answered all of them before it had
/// everything, and what it now expects is not known.
async fn exchange(
    writing: impl Future<Output = Result<(), Failure>>,
    reader: &mut Reader,
    tags: &[String],
) -> Result<(Vec<Status>, bool), Failure> {
    let too_early = reader.unasked();
    let reading = statuses(reader, tags);
    let (writing, reading) = (std::pin::pin!(writing), std::pin::pin!(reading));
    match select(writing, reading).await {
        Either::Left((Ok(()), reading)) => Ok((reading.await?, false)),
        // Whoever closes a connection may have said why before.
        Either::Left((Err(failure), reading)) if failure.code == "no-answer" => match reading.await {
            Ok(statuses) if statuses.iter().all(|status| !status.is_ok()) => Ok((statuses, true)),
            Ok(_) => Err(failure),
            Err(said) => Err(said),
        },
        Either::Left((Err(failure), _)) => Err(failure),
        Either::Right((statuses, _)) => {
            let statuses = statuses?;
            if statuses.iter().any(Status::is_ok) {
                // It cannot have stored what it does not have.
                return Err(too_early);
            }
            Ok((statuses, true))
        }
    }
}

/// Reads until each of these tags has ended, in their order.
async fn statuses(reader: &mut Reader, tags: &[String]) -> Result<Vec<Status>, Failure> {
    let mut statuses = Vec::with_capacity(tags.len());
    while let Some(tag) = tags.get(statuses.len()) {
        match reader.answer(reader.times.append, limits::IMAP_LITERAL_BYTES_MAX).await? {
            Answer::Tagged(of, status) if of == *tag => statuses.push(status),
            Answer::Tagged(..) => return Err(reader.unasked()),
            // Some servers say `+` to literals that do not ask.
            Answer::Untagged(_) | Answer::Continue => {}
        }
    }
    Ok(statuses)
}

/// What stands before a message's bytes.
fn head(copy: &Delivery, non_synchronising: &str) -> String {
    format!(" (\\Seen) {} {{{}{non_synchronising}}}\r\n", internal_date(copy.received_at_ms), copy.message.size_bytes())
}

/// RFC 3501's date-time, in UTC.
fn internal_date(at_ms: i64) -> String {
    // Its year has four digits, and nothing was written before the epoch.
    let at_ms = at_ms.clamp(0, jiff::Timestamp::MAX.as_second() * 1000);
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("\"%d-%b-%Y %H:%M:%S +0000\"").to_string()
}

/// Writes a message. One that breaks off is not stored: the connection is given up in the middle of it.
async fn body(writer: &mut Writer, message: &Message, blobs: &Arc<dyn BlobSource>) -> Result<(), Failure> {
    let mut pieces = Pieces::of(message, blobs);
    while let Some(piece) = pieces.next().await? {
        writer.write(&piece).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_the_protocol_wants_them() {
        for (at_ms, expect) in [
            (0, "\"01-Jan-1970 00:00:00 +0000\""),
            (1_795_371_471_999, "\"22-Nov-2026 18:17:51 +0000\""),
            (i64::MIN, "\"01-Jan-1970 00:00:00 +0000\""),
            (i64::MAX, "\"30-Dec-9999 22:00:00 +0000\""),
        ] {
            assert_eq!(internal_date(at_ms), expect);
        }
    }
}
