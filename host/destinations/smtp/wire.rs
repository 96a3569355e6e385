//! One connection: commands and replies, line by line. Every wait has a limit, and so has every line.

use std::{fmt::Display, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, BufWriter},
    time::timeout,
};

use super::refusal;
use crate::{
    item::{Failure, limits},
    network::Stream,
};

/// Bytes gathered before they are sent, so that small messages do not become small packets.
const BUFFER_BYTES: usize = 64 << 10;

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For a reply, and until it takes a piece of ours.
    pub(super) reply: Duration,
    /// For its reply to a whole message.
    pub(super) accept: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { reply: limits::SMTP_REPLY_TIME_MAX, accept: limits::SMTP_ACCEPT_TIME_MAX }
    }
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Three digits.
    pub(super) code: u16,
    /// The lines' texts, without the code.
    pub(super) lines: Vec<String>,
}

impl Reply {
    pub(super) const fn is_ok(&self) -> bool {
        self.code / 100 == 2
    }

    pub(super) const fn is_passing(&self) -> bool {
        self.code / 100 == 4
    }

    /// Class, subject and detail (RFC 3463), when the text begins with them.
    pub(super) fn enhanced(&self) -> Option<[u16; 3]> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut parts = word.split('.').map(str::parse);
        let found = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
        (parts.next().is_none() && found[0] == self.code / 100).then_some(found)
    }
}

impl Display for Reply {
    /// One line, short, without control characters.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.lines.join(" ");
        let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(limits::SMTP_TEXT_CHARS_MAX).collect();
        write!(f, "{} {shown}", self.code)
    }
}

/// A connection.
pub(super) struct Wire {
    place: String,
    inner: BufReader<BufWriter<Box<dyn Stream>>>,
    pub(super) times: Times,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, place: &str, times: Times) -> Self {
        let inner = BufReader::new(BufWriter::with_capacity(BUFFER_BYTES, stream));
        Self { place: place.to_owned(), inner, times }
    }

    /// The stream, to be encrypted. What came unasked before would be taken for a reply after it, so it is refused.
    pub(super) async fn into_stream(mut self) -> Result<Box<dyn Stream>, Failure> {
        if !self.inner.buffer().is_empty() {
            return Err(refusal::garbage(&self.place, "it sends replies before the encryption it agreed to"));
        }
        self.flush().await?;
        Ok(self.inner.into_inner().into_inner())
    }

    /// Says a command and reads the reply.
    pub(super) async fn command(&mut self, command: &str) -> Result<Reply, Failure> {
        self.say(command).await?;
        self.flush().await?;
        self.reply(self.times.reply).await
    }

    /// Says a command; it goes out with what follows.
    pub(super) async fn say(&mut self, command: &str) -> Result<(), Failure> {
        debug_assert!(!command.contains(['\r', '\n']), "one command a line");
        self.write(format!("{command}\r\n").as_bytes()).await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // In pieces, so that the limit is on each and not on the whole.
        for piece in bytes.chunks(BUFFER_BYTES) {
            timed(&self.place, self.times.reply, self.inner.write_all(piece)).await?;
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        timed(&self.place, self.times.reply, self.inner.flush()).await
    }

    /// The next reply, all its lines.
    pub(super) async fn reply(&mut self, wait: Duration) -> Result<Reply, Failure> {
        let mut reply: Option<Reply> = None;
        loop {
            let line = self.line(wait).await?;
            let garbage = |what| refusal::garbage(&self.place, what);
            let (code, goes_on, text) = parse(&line).ok_or_else(|| garbage("its reply has no code"))?;
            let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
            if reply.code != code {
                return Err(garbage("its reply changes its code"));
            }
            if reply.lines.len() == limits::SMTP_REPLY_LINES_MAX {
                return Err(garbage("its reply has no end"));
            }
            reply.lines.push(text.to_owned());
            if !goes_on {
                return Ok(reply.clone());
            }
        }
    }

    /// One line, without its end.
    async fn line(&mut self, wait: Duration) -> Result<String, Failure> {
        let mut text = Vec::new();
        loop {
            let Self { place, inner, .. } = self;
            let piece = timed(place, wait, inner.fill_buf()).await?;
            if piece.is_empty() {
                return Err(refusal::dropped(place, "it closed the connection"));
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(piece.len(), |at| at + 1);
            text.extend_from_slice(&piece[..taken]);
            inner.consume(taken);
            if text.len() > limits::SMTP_LINE_BYTES_MAX {
                return Err(refusal::garbage(place, "a line of its reply has no end"));
            }
            if end.is_some() {
                return Ok(String::from_utf8_lossy(text.trim_ascii_end()).into_owned());
            }
        }
    }
}

/// Code, whether more lines follow, text.
fn parse(line: &str) -> Option<(u16, bool, &str)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code: u16 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.as_bytes().first() {
        None => Some((code, false, "")),
        Some(b' ') => Some((code, false, &rest[1..])),
        Some(b'-') => Some((code, true, &rest[1..])),
        Some(_) => None,
    }
}

async fn timed<T>(place: &str, wait: Duration, work: impl Future<Output = std::io::Result<T>>) -> Result<T, Failure> {
    match timeout(wait, work).await {
        Ok(done) => done.map_err(|error| refusal::dropped(place, &error)),
        Err(_) => Err(refusal::dropped(place, &format!("nothing moved for {} s", wait.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_code_and_a_text() {
        for (line, expect) in [
            ("250 ok", Some((250, false, "ok"))),
            ("250-SIZE 10", Some((250, true, "SIZE 10"))),
            ("250", Some((250, false, ""))),
            ("354 ", Some((354, false, ""))),
            ("25", None),
            ("2500 x", None),
            ("250x", None),
            ("+25 x", None),
            ("650 x", None),
            ("HTTP/1.1 400 Bad Request", None),
            ("äöü", None),
        ] {
            assert_eq!(parse(line), expect, "{line}");
        }
    }

    #[test]
    fn enhanced_codes_are_those_of_the_same_class() {
        for (code, text, expect) in [
            (550, "5.7.1 no", Some([5, 7, 1])),
            (250, "2.1.0", Some([2, 1, 0])),
            (550, "4.7.1 no", None),
            (550, "5.7 no", None),
            (550, "no", None),
        ] {
            assert_eq!(Reply { code, lines: vec![text.to_owned()] }.enhanced(), expect, "{code} {text}");
        }
    }
}
