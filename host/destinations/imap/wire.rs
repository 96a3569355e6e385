//! One connection: commands with tags, and answers read to their ends. Every wait has a limit, and so has every line.

use std::{fmt::Display, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter, ReadHalf, WriteHalf},
    time::timeout,
};

use super::refusal;
use crate::{
    item::{Failure, NextMove, limits},
    network::Stream,
};

/// Bytes gathered before they are sent, so that small messages do not become small packets.
const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Between two pieces of an answer, and until it takes a piece of ours.
    pub(super) answer: Duration,
    /// To store what it was sent.
    pub(super) append: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { answer: limits::IMAP_ANSWER_TIME_MAX, append: limits::IMAP_APPEND_TIME_MAX }
    }
}

/// An answer with the literals that belong to it; in `text` each is still `{n}` and stands for the next of them.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    pub(super) literals: Vec<Vec<u8>>,
}

/// How a command ended, or what the server says unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) word: Word,
    /// What stands in brackets, without them (`TRYCREATE`, `APPENDUID 1 2:3`).
    pub(super) code: String,
    /// What people are told.
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

impl Status {
    /// Reads `OK [CODE] text`; none for any other answer.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let (word, rest) = text.split_once(' ').unwrap_or((&*text, ""));
        let word = match &*word.to_ascii_uppercase() {
            "OK" => Word::Ok,
            "NO" => Word::No,
            "BAD" => Word::Bad,
            "BYE" => Word::Bye,
            "PREAUTH" => Word::Preauth,
            _ => return None,
        };
        let rest = rest.trim_start();
        let coded = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (code, text) = coded.unwrap_or(("", rest));
        Some(Self { word, code: code.to_owned(), text: shown(text) })
    }

    pub(super) fn is_ok(&self) -> bool {
        self.word == Word::Ok
    }

    /// The first word of the code, in upper case.
    pub(super) fn code_word(&self) -> String {
        self.code.split(' ').next().unwrap_or_default().to_ascii_uppercase()
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code_word();
        let code = if code.is_empty() { code } else { format!(" [{}]", shown(&code)) };
        write!(f, "{:?}{code} {}", self.word, self.text)
    }
}

/// A server's text as people may see it: one line, short, without control characters.
fn shown(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(limits::IMAP_TEXT_CHARS_MAX).collect()
}

/// One answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// `* …`, without the star.
    Untagged(Line),
    /// `+ …`.
    Continue,
    /// The end of a command.
    Tagged(String, Status),
}

/// A connection.
pub(super) struct Wire {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    last_tag: u32,
}

pub(super) struct Reader {
    place: String,
    inner: BufReader<ReadHalf<Box<dyn Stream>>>,
    pub(super) times: Times,
}

pub(super) struct Writer {
    place: String,
    inner: BufWriter<WriteHalf<Box<dyn Stream>>>,
    times: Times,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, place: &str, times: Times) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            reader: Reader { place: place.to_owned(), inner: BufReader::new(read), times },
            writer: Writer {
                place: place.to_owned(),
                inner: BufWriter::with_capacity(WRITE_BUFFER_BYTES, write),
                times,
            },
            last_tag: 0,
        }
    }

    /// The stream, to be encrypted. What came unasked before would be taken for an answer after it, so it is refused.
    pub(super) fn into_stream(self) -> Result<Box<dyn Stream>, Failure> {
        if !self.reader.inner.buffer().is_empty() {
            return Err(refusal::garbage(&self.reader.place, "it sends answers before the encryption it agreed to"));
        }
        Ok(self.reader.inner.into_inner().unsplit(self.writer.inner.into_inner()))
    }

    pub(super) fn next_tag(&mut self) -> String {
        self.last_tag += 1;
        format!("c{}", self.last_tag)
    }

    /// Says `command` and shows every untagged answer until the command ends.
    pub(super) async fn command(
        &mut self,
        command: &str,
        each: impl FnMut(Line) -> Result<(), Failure> + Send,
    ) -> Result<Status, Failure> {
        self.command_for(command, limits::IMAP_LITERAL_BYTES_MAX, each).await
    }

    /// As [`Wire::command`], for answers with literals of up to so many bytes.
    pub(super) async fn command_for(
        &mut self,
        command: &str,
        literal_bytes_max: u64,
        mut each: impl FnMut(Line) -> Result<(), Failure> + Send,
    ) -> Result<Status, Failure> {
        let tag = self.next_tag();
        self.writer.write(format!("{tag} {command}\r\n").as_bytes()).await?;
        self.writer.flush().await?;
        loop {
            match self.reader.answer(self.reader.times.answer, literal_bytes_max).await? {
                Answer::Untagged(line) => each(line)?,
                Answer::Tagged(of, status) if of == tag => return Ok(status),
                Answer::Tagged(..) | Answer::Continue => return Err(self.reader.unasked()),
            }
        }
    }
}

impl Reader {
    /// An answer that belongs to nothing.
    pub(super) fn unasked(&self) -> Failure {
        refusal::garbage(&self.place, "it answers what was not asked")
    }

    /// The next answer. A BYE is an error, with what the server says.
    pub(super) async fn answer(&mut self, wait: Duration, literal_bytes_max: u64) -> Result<Answer, Failure> {
        let mut line = self.line(wait, literal_bytes_max).await?;
        if let Some(rest) = line.text.strip_prefix(b"* ") {
            if let Some(status) = Status::parse(rest).filter(|status| status.word == Word::Bye) {
                return Err(refusal::bye(&self.place, &status));
            }
            line.text.drain(..2);
            return Ok(Answer::Untagged(line));
        }
        if line.text.first() == Some(&b'+') {
            return Ok(Answer::Continue);
        }
        let at = line.text.iter().position(|byte| *byte == b' ').unwrap_or(0);
        let (tag, rest) = line.text.split_at(at);
        match (std::str::from_utf8(tag), Status::parse(rest.trim_ascii_start())) {
            (Ok(tag), Some(status)) if !tag.is_empty() => Ok(Answer::Tagged(tag.to_owned(), status)),
            _ => Err(refusal::garbage(&self.place, "its answer is no IMAP")),
        }
    }

    /// One answer, with its literals.
    async fn line(&mut self, wait: Duration, literal_bytes_max: u64) -> Result<Line, Failure> {
        let mut line = Line::default();
        loop {
            self.until_line_end(&mut line.text, wait).await?;
            let Some(bytes) = announced(&line.text) else { return Ok(line) };
            if bytes > literal_bytes_max {
                return Err(refusal::garbage(&self.place, "a part of its answer is over the limit"));
            }
            line.literals.push(self.literal(bytes, wait).await?);
        }
    }

    /// Appends up to the line's end, which is left out.
    async fn until_line_end(&mut self, text: &mut Vec<u8>, wait: Duration) -> Result<(), Failure> {
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
            if text.len() > limits::IMAP_LINE_BYTES_MAX {
                return Err(refusal::garbage(place, "a line of its answer has no end"));
            }
            if end.is_some() {
                text.pop();
                if text.last() == Some(&b'\r') {
                    text.pop();
                }
                return Ok(());
            }
        }
    }

    async fn literal(&mut self, bytes: u64, wait: Duration) -> Result<Vec<u8>, Failure> {
        let mut literal = Vec::new();
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        while left > 0 {
            let room = literal.len();
            literal.resize(room + left.min(WRITE_BUFFER_BYTES), 0);
            let read = timed(&self.place, wait, self.inner.read(&mut literal[room..])).await?;
            if read == 0 {
                return Err(refusal::dropped(&self.place, "it closed the connection within an answer"));
            }
            literal.truncate(room + read);
            left -= read;
        }
        Ok(literal)
    }
}

/// The size of the literal that a line announces at its end.
fn announced(text: &[u8]) -> Option<u64> {
    let open = text.iter().rposition(|byte| *byte == b'{')?;
    let digits = text[open + 1..].strip_suffix(b"}")?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Writer {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // In pieces, so that the limit is on each and not on the whole.
        for piece in bytes.chunks(WRITE_BUFFER_BYTES) {
            timed(&self.place, self.times.answer, self.inner.write_all(piece)).await?;
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        timed(&self.place, self.times.answer, self.inner.flush()).await
    }
}

async fn timed<T>(place: &str, wait: Duration, work: impl Future<Output = std::io::Result<T>>) -> Result<T, Failure> {
    match timeout(wait, work).await {
        Ok(done) => done.map_err(|error| refusal::dropped(place, &error)),
        Err(_) => {
            let what = format!("nothing moved for {} s", wait.as_secs());
            Err(Failure { next: NextMove::Retry { after: None }, ..refusal::dropped(place, &what) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_word_code_and_text() {
        let of = |text: &str| Status::parse(text.as_bytes()).map(|status| (status.word, status.code, status.text));
        let row = |word, code: &str, text: &str| Some((word, code.to_owned(), text.to_owned()));
        assert_eq!(of("OK done"), row(Word::Ok, "", "done"));
        assert_eq!(of("ok [APPENDUID 1 2:3] x"), row(Word::Ok, "APPENDUID 1 2:3", "x"));
        assert_eq!(of("NO [TRYCREATE]"), row(Word::No, "TRYCREATE", ""));
        assert_eq!(of("BAD"), row(Word::Bad, "", ""));
        assert_eq!(of("NO \u{1b}[31mred"), row(Word::No, "", "[31mred"));
        assert_eq!(of("3 EXISTS"), None);
    }

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line() {
        for (text, expect) in
            [("a {12}", Some(12)), ("a {12+}", Some(12)), ("a {12} b", None), ("a {x}", None), ("}", None)]
        {
            assert_eq!(announced(text.as_bytes()), expect, "{text}");
        }
    }
}
