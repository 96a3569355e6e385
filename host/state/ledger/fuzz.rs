//! What a fuzzer feeds the ledger's reader: files whose frames, checksums and chain are right as often as not, since a
//! file of random bytes never gets past its first checksum.

use std::path::PathBuf;

use crate::state::{error::StateError, fact::Fact, limits::GROUP_BYTES_MAX};

use super::{
    FILE_HEADER_BYTES, Ledger, Part, Position, Reading, Storage,
    record::{Commit, file_header, frame, push_commit},
};

const CONNECTOR: &str = "fuzz";

/// Reads `data` as a ledger's first segment and opens it; the answer is whether it held a group.
///
/// `data` is a list of pieces: a byte that says what follows, a length as one byte, and so many bytes.
///
/// | | piece |
/// |---|---|
/// | 0 | the body of a record, framed and summed as it should be |
/// | 1 | a right commit of the records so far; the bytes are left out |
/// | 2 | bytes as they are |
/// | 3 | bytes for the sidecar |
/// | 4 | a commit whose numbers are taken from the bytes, framed, summed and chained |
///
/// # Panics
/// When reading does something that it must not: that is what a fuzzer looks for.
pub fn ledger(data: &[u8]) -> bool {
    let (facts, private) = written(data);
    let whole = facts.len() as u64;
    let memory = || Box::new(Memory { facts: facts.clone(), private: private.clone() });
    let Ok((ledger, dropped)) = Ledger::open(CONNECTOR, memory()) else { return false };
    let end = ledger.position();
    let kept = whole - dropped.map_or(0, |dropped| dropped.facts_bytes);
    assert_eq!(end.offset, kept, "what is neither kept nor dropped");
    let mut groups = ledger.groups(Position::start(CONNECTOR)).expect("a ledger that opens can be read");
    let mut number = 0;
    loop {
        match groups.next().expect("what opened is whole") {
            Reading::Group(group) => {
                number += 1;
                assert_eq!(group.number, number, "groups have no gaps");
                assert!(group.after.offset > group.before.offset, "reading goes on");
                for body in group.bodies() {
                    if let Ok(fact) = Fact::parse(body) {
                        let again = postcard::to_stdvec(&fact).expect("what was read can be written");
                        assert_eq!(Fact::parse(&again).as_ref(), Ok(&fact), "a fact says the same when written again");
                    }
                }
            }
            Reading::End(position) => {
                assert_eq!(position, end, "both readings end in the same place");
                break;
            }
            Reading::Unfinished { .. } => panic!("an unfinished tail is dropped at open"),
        }
    }
    drop(groups);
    assert!(ledger.holds(&end).expect("the end can be looked up"), "the ledger knows its own end");
    number > 0
}

fn written(data: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut position = Position::start(CONNECTOR);
    let mut facts = file_header(Part::Facts, CONNECTOR, &position);
    let mut private = file_header(Part::Private, CONNECTOR, &position);
    let (mut records, mut count) = (Vec::new(), 0);
    let mut rest = data;
    while let [kind, length, after @ ..] = rest {
        let (piece, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        match kind % 5 {
            0 if !piece.is_empty() => {
                frame(&mut records, piece);
                count += 1;
            }
            2 => records.extend_from_slice(piece),
            3 => private.extend_from_slice(piece),
            kind @ (1 | 4) => {
                let number = |at: usize| piece.get(at).map_or(0, |byte| u64::from(*byte));
                let right = Commit {
                    group: position.group + 1,
                    facts: count,
                    at_ms: 0,
                    private: private.len() as u64,
                    chain: [0; 32],
                };
                let commit = match kind {
                    1 => right,
                    _ => Commit {
                        group: number(0),
                        facts: number(1) as u32,
                        at_ms: number(2) as i64,
                        private: FILE_HEADER_BYTES + number(3),
                        chain: [0; 32],
                    },
                };
                (position.group, position.private) = (commit.group, commit.private);
                position.chain = push_commit(&mut records, &position.chain, commit);
                facts.append(&mut records);
                count = 0;
            }
            _ => {}
        }
        if facts.len() > GROUP_BYTES_MAX {
            break;
        }
    }
    facts.append(&mut records);
    (facts, private)
}

/// One segment in memory.
struct Memory {
    facts: Vec<u8>,
    private: Vec<u8>,
}

impl Memory {
    fn file(&mut self, part: Part) -> &mut Vec<u8> {
        match part {
            Part::Facts => &mut self.facts,
            Part::Private => &mut self.private,
        }
    }

    fn bytes(&self, part: Part) -> &[u8] {
        match part {
            Part::Facts => &self.facts,
            Part::Private => &self.private,
        }
    }
}

impl Storage for Memory {
    fn segments(&self) -> Result<Vec<u64>, StateError> {
        Ok(vec![0])
    }

    fn create(&mut self, _: u64, _: &[u8], _: &[u8]) -> Result<(), StateError> {
        unreachable!("the one segment is there")
    }

    fn append(&mut self, _: u64, part: Part, _: u64, bytes: &[u8]) -> Result<(), StateError> {
        self.file(part).extend_from_slice(bytes);
        Ok(())
    }

    fn length(&self, _: u64, part: Part) -> Result<u64, StateError> {
        Ok(self.bytes(part).len() as u64)
    }

    fn read(&self, _: u64, part: Part, offset: u64, bytes: &mut [u8]) -> Result<usize, StateError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.bytes(part).get(from..).unwrap_or_default();
        let read = there.len().min(bytes.len());
        bytes[..read].copy_from_slice(&there[..read]);
        Ok(read)
    }

    fn renew(&mut self, _: u64, _: Part, _: u64) -> Result<(), StateError> {
        Ok(())
    }

    fn truncate(&mut self, _: u64, part: Part, length: u64) -> Result<(), StateError> {
        self.file(part).truncate(length as usize);
        Ok(())
    }

    fn remove(&mut self, _: u64) -> Result<(), StateError> {
        unreachable!("its header is whole")
    }

    fn erase(&mut self, _: u64, _: u64, _: u64) -> Result<(), StateError> {
        unreachable!("reading erases nothing")
    }

    fn path(&self, _: u64, _: Part) -> PathBuf {
        PathBuf::from("fuzz")
    }
}
