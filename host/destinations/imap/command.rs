//! Says APPEND, and reads how it ended.
//!
//! While a command is written its answers are read, so that neither side waits for the other to empty a buffer. A server
//! that answers before it has everything has refused: the rest is not sent, and the connection, of which nobody knows
//! what the server still expects, is given up.

use std::sync::Arc;

use futures::future::{Either, select};

use super::{
    offers::Ladder,
    session::Session,
    wire::{Answer, Reader, Status, Wire, Writer},
};
use crate::{
    destinations::{Delivery, pieces::Pieces},
    item::{BlobSource, Failure, Message, limits},
};

/// How one command ended.
pub(super) enum Ended {
    /// Each message of the range has its own end.
    Each(Vec<Status>),
    /// One for the whole range.
    Whole(Status),
}

/// What became of one command, and whether the connection can be used on.
pub(super) struct Sent {
    pub(super) ended: Ended,
    pub(super) is_broken: bool,
}

/// Says one command, or several without waiting in between.
pub(super) async fn send(
    session: &mut Session,
    messages: &[&Delivery],
    blobs: &Arc<dyn BlobSource>,
) -> Result<Sent, Failure> {
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
    answered(writing, reader, &tags).await
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
    answered(writing, reader, &tags).await
}

/// For a command with one answer.
async fn answered(
    writing: impl Future<Output = Result<(), Failure>>,
    reader: &mut Reader,
    tags: &[String],
) -> Result<Sent, Failure> {
    let (mut statuses, is_broken) = exchange(writing, reader, tags).await?;
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
