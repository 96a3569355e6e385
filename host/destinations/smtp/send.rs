//! Hands one message over: MAIL, RCPT, DATA.

use std::sync::Arc;

use super::{
    journal::Report,
    refusal::{self, Refusal, Stage},
    session::Session,
    settings::SmtpSettings,
};
use crate::{
    destinations::pieces::Pieces,
    item::{BlobSource, Failure},
};

/// Bytes of a message whose dots are doubled at once.
const PART_BYTES: usize = 64 << 10;

/// What the server said of a message.
#[derive(Debug)]
pub(super) enum Said {
    /// It has it now.
    Accepted,
    /// It does not have it.
    Refused(Refusal),
}

/// The connection cannot be used any more.
#[derive(Debug)]
pub(super) enum Broken {
    /// The message was not sent whole: the server does not have it.
    Unsent(Failure),
    /// It was, and no answer came: nobody knows.
    Lost(Failure),
}

/// Hands a report over.
pub(super) async fn send(
    session: &mut Session,
    settings: &SmtpSettings,
    report: &Report,
    blobs: &Arc<dyn BlobSource>,
) -> Result<Said, Broken> {
    let place = settings.place();
    let envelope = envelope(session, settings, report).await.map_err(Broken::Unsent)?;
    if let Some(refusal) = envelope {
        return Ok(Said::Refused(refusal));
    }
    let mut pieces = Pieces::of(&report.message, blobs);
    let mut dots = Dots::default();
    let mut stuffed = Vec::new();
    // Where an attachment cannot be read the connection ends here: a message is never ended before its end.
    while let Some(piece) = pieces.next().await.map_err(Broken::Unsent)? {
        for part in piece.chunks(PART_BYTES) {
            stuffed.clear();
            dots.stuff(part, &mut stuffed);
            if let Err(failure) = session.wire.write(&stuffed).await {
                session.is_spent = true;
                // Whoever closes a connection may have said why before.
                return match session.wire.reply(session.wire.times.reply).await {
                    Ok(reply) if !reply.is_ok() => Ok(Said::Refused(refusal::of(&place, Stage::Content, &reply))),
                    _ => Err(Broken::Unsent(failure)),
                };
            }
        }
    }
    // From here on it may have it.
    let ended = async {
        session.wire.write(b".\r\n").await?;
        session.wire.flush().await?;
        session.wire.reply(session.wire.times.accept).await
    };
    let reply = ended.await.map_err(Broken::Lost)?;
    match reply.code {
        250 => {
            session.accepted += 1;
            Ok(Said::Accepted)
        }
        400..600 => Ok(Said::Refused(refusal::of(&place, Stage::Content, &reply))),
        _ => Err(Broken::Lost(refusal::garbage(&place, "its reply to a message is to something else"))),
    }
}

/// Everything before the message; none once the server waits for it.
async fn envelope(session: &mut Session, settings: &SmtpSettings, report: &Report) -> Result<Option<Refusal>, Failure> {
    let place = settings.place();
    let size =
        if session.offers.has("SIZE") { format!(" SIZE={}", report.message.size_bytes()) } else { String::new() };
    let body = if report.is_eight_bit { " BODY=8BITMIME" } else { "" };
    let commands = [
        (format!("MAIL FROM:<{}>{size}{body}", settings.from), Stage::Envelope),
        (format!("RCPT TO:<{}>", settings.to), Stage::Envelope),
        ("DATA".to_owned(), Stage::Content),
    ];
    let wire = &mut session.wire;
    let together = session.offers.has("PIPELINING");
    if together {
        for (command, _) in &commands {
            wire.say(command).await?;
        }
        wire.flush().await?;
    }
    let mut refused: Option<Refusal> = None;
    for (command, stage) in &commands {
        let reply = match together {
            true => wire.reply(wire.times.reply).await?,
            false => wire.command(command).await?,
        };
        let is_data = command == "DATA";
        let goes_on = if is_data { reply.code == 354 } else { reply.is_ok() };
        match (&refused, goes_on) {
            (None, true) => {}
            (None, false) => refused = Some(refusal::of(&place, *stage, &reply)),
            // It wants a message that has no recipient. Nothing says how that ends, so that it gets none.
            (Some(_), goes_on) => session.is_spent |= is_data && goes_on,
        }
        // A server that closes says so once, and not to what is under way.
        if refused.is_some() && (!together || reply.code == 421) {
            break;
        }
    }
    Ok(refused)
}

/// A dot at the beginning of a line gets a second one (RFC 5321, 4.5.2). Messages have no line feed without its carriage
/// return: the sandbox refuses them.
struct Dots {
    last: u8,
}

impl Default for Dots {
    fn default() -> Self {
        Self { last: b'\n' }
    }
}

impl Dots {
    fn stuff(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut written = 0;
        for at in memchr::memchr_iter(b'.', piece) {
            let before = at.checked_sub(1).map_or(self.last, |before| piece[before]);
            if before == b'\n' {
                out.extend_from_slice(&piece[written..at]);
                out.push(b'.');
                written = at;
            }
        }
        out.extend_from_slice(&piece[written..]);
        self.last = piece.last().copied().unwrap_or(self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_that_begins_a_line_is_doubled_wherever_pieces_end() {
        for (text, expect) in [
            ("", ""),
            (".", ".."),
            ("a.b\r\n", "a.b\r\n"),
            (".\r\n.\r\n..\r\n", "..\r\n..\r\n...\r\n"),
            ("a\r\n.b\r\n", "a\r\n..b\r\n"),
        ] {
            for size in 1..=text.len().max(1) {
                let (mut dots, mut out) = (Dots::default(), Vec::new());
                text.as_bytes().chunks(size).for_each(|piece| dots.stuff(piece, &mut out));
                assert_eq!(String::from_utf8_lossy(&out), expect, "{text:?} in pieces of {size}");
            }
        }
    }
}
