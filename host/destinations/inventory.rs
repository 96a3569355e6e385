//! What a mailbox holds, as whoever compares it with the record needs to know it: for each message its SHA-256, where it
//! lies, and which item it says it is of. Nothing else of a message leaves this room.

use std::{
    collections::HashSet,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

/// Bytes of a message's beginning that are searched for our headers.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// Bytes of a message read at a time.
const PIECE_BYTES: usize = 64 << 10;
/// The header with the item's id, and the one with its event.
const ITEM: &str = "x-chancery-item";
const EVENT: &str = "x-chancery-event";

/// Which item a message says it is of: the beginning of the SHA-256 of the source's id, and of its event's name.
///
/// It tells a message that was altered from one that is missing, and finds ours among others. It proves nothing: the
/// SHA-256 of the whole message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark([u8; 16]);

impl Mark {
    /// The mark of an item.
    pub fn of(id: &str, event: &str) -> Self {
        Self::join(Sha256::digest(id.as_bytes()).into(), event)
    }

    /// The mark in a message's headers, if they have one.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (mut id, mut event) = (None, None);
        let text = &message[..message.len().min(HEADER_BYTES_MAX)];
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                ITEM => id = digest_of(value.trim()),
                EVENT => event = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        Some(Self::join(id?, &event?))
    }

    fn join(id: [u8; 32], event: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(id);
        hasher.update(event);
        let digest: [u8; 32] = hasher.finalize().into();
        let mut mark = [0; 16];
        mark.copy_from_slice(&digest[..16]);
        Self(mark)
    }
}

/// The SHA-256 of an id as the converter writes it: graphic ASCII as it is, other bytes as `%XX`, or its SHA-256 in hex
/// when it is long.
fn digest_of(word: &str) -> Option<[u8; 32]> {
    let hex = |text: &str| u8::from_str_radix(text, 16).ok();
    if let Some(digits) = word.strip_prefix("sha256:") {
        let bytes: Option<Vec<u8>> = (0..32).map(|at| hex(digits.get(at * 2..at * 2 + 2)?)).collect();
        return bytes?.try_into().ok();
    }
    let mut id = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('%') {
        id.extend_from_slice(&rest.as_bytes()[..at]);
        id.push(hex(rest.get(at + 1..at + 3)?)?);
        rest = &rest[at + 3..];
    }
    id.extend_from_slice(rest.as_bytes());
    Some(Sha256::digest(id).into())
}

/// Where a message lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lies {
    /// In the archive's folder.
    InFolder,
    /// In another folder of the mailbox.
    Elsewhere,
}

/// A message of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where it lies.
    pub lies: Lies,
    /// The SHA-256 of its bytes, or of those that it was made of, where `is_comparable` says that these cannot be had.
    pub sha256: [u8; 32],
    /// Whether `sha256` is of what the mailbox holds now.
    pub is_comparable: bool,
    /// Which item it says it is of.
    pub mark: Option<Mark>,
}

impl Sighting {
    /// Reads a message to its end, a piece at a time.
    pub(super) fn read(lies: Lies, mut message: impl Read) -> io::Result<Self> {
        let mut seen = Seen::default();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match message.read(&mut piece) {
                Ok(0) => return Ok(seen.end(lies)),
                Ok(read) => seen.take(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A message on its way past.
#[derive(Default)]
pub(super) struct Seen {
    hasher: Sha256,
    start: Vec<u8>,
}

impl Seen {
    /// The next piece of it.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        let room = HEADER_BYTES_MAX.saturating_sub(self.start.len());
        self.start.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// It is past.
    pub(super) fn end(self, lies: Lies) -> Sighting {
        let Self { hasher, start } = self;
        Sighting { lies, sha256: hasher.finalize().into(), is_comparable: true, mark: Mark::read(&start) }
    }
}

/// Which messages of a mailbox are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// Every message of the archive's folder; a destination that can only look for some looks for these, in the whole
    /// mailbox.
    Folder(&'a [[u8; 32]]),
    /// Those of the mailbox's other folders that bear one of these marks.
    Elsewhere(&'a HashSet<Mark>),
}

/// Is told of each message.
pub type Note<'a> = dyn FnMut(Sighting) + Send + 'a;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_from_the_headers_alone() {
        let long = "x".repeat(2_000);
        let digits: String = Sha256::digest(&long).iter().map(|byte| format!("{byte:02x}")).collect();
        for (name, message, expect) in [
            ("plain", "X-Chancery-Item: a.1\r\nX-Chancery-Event: message\r\n\r\nx", Some(("a.1", "message"))),
            ("any case", "x-chancery-event: edit\r\nX-CHANCERY-ITEM: a\r\n\r\n", Some(("a", "edit"))),
            ("escaped", "X-Chancery-Item: a%20%C3%BC%25\r\nX-Chancery-Event: call\r\n", Some(("a \u{fc}%", "call"))),
            ("lines that end bare", "X-Chancery-Item: a\nX-Chancery-Event: call\n\n", Some(("a", "call"))),
            ("long", &format!("X-Chancery-Item: sha256:{digits}\r\nX-Chancery-Event: e\r\n"), Some((&*long, "e"))),
            ("in the body", "Subject: x\r\n\r\nX-Chancery-Item: a\r\nX-Chancery-Event: message\r\n", None),
            ("no event", "X-Chancery-Item: a\r\n\r\n", None),
            ("cut escape", "X-Chancery-Item: a%2\r\nX-Chancery-Event: e\r\n\r\n", None),
            ("no header", "", None),
        ] {
            let expect = expect.map(|(id, event)| Mark::of(id, event));
            assert_eq!(Mark::read(message.as_bytes()), expect, "{name}");
        }
        assert_ne!(Mark::of("a", "message"), Mark::of("a", "edit"));
    }

    #[test]
    fn a_message_is_hashed_whole_however_long_it_is() {
        let message = [&b"X-Chancery-Item: a\r\nX-Chancery-Event: call\r\n\r\n"[..], &vec![b'x'; 300_000]].concat();
        let sighting = Sighting::read(Lies::InFolder, &*message).expect("reads");
        assert_eq!(sighting.sha256, <[u8; 32]>::from(Sha256::digest(&message)));
        assert_eq!(sighting.mark, Some(Mark::of("a", "call")));
    }
}
