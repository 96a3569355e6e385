//! What a ledger says, one fact a record. The layout is frozen: new kinds go at the end, fields never change.
//!
//! A fact is one byte of kind (the number in the table), then its fields in order as `postcard` 1 writes them:
//! unsigned numbers as LEB128 varints (u8 as one byte), signed ones zigzag first, bool and option tags as 0 or 1, byte
//! arrays as they are, strings and lists with a varint length before. `sealed` is a varint length and the SHA-256 of
//! the entry that follows the entries named so far in the sidecar (see `sidecar`); what is personal stands there alone.
//!
//! | | fact | fields |
//! |---|---|---|
//! | 0 | window opened | window u64 · kind u8 · start option i64 ms · end i64 ms · pins 5 × 32 bytes (source, mapper, converter, settings, mapping) · option sealed (subject) |
//! | 1 | page staged | window u64 · page u32 · name 32 bytes · first ordinal u64 · items u32 · seen u32 · last bool · sealed (cursor, bookmark) |
//! | 2 | item staged | ordinal u64 · window u64 · page u32 · position u32 · event u8 · flags u8 (1 unreadable, 2 late) · keyed id 16 bytes · keyed owner 8 bytes · duplicate of option (first observation u64, the observation before this one u64) · sealed (id, owner, revision, time) |
//! | 3 | item planned | ordinal u64 · again bool · parked option code · excluded option rule · copies (destination u16, person bool, keyed target 16 bytes, parked option code) · sealed (resolutions, targets, messages) |
//! | 4 | copy intended | ordinal u64 · copy u16 · SHA-256 of the message 32 bytes |
//! | 5 | copy received | ordinal u64 · copy u16 · outcome u8 (0 imported, 1 partial, 2 skipped) · option sealed (tokens of this copy and the next ones of the item) |
//! | 6 | copy failed | ordinal u64 · copy u16 · code · sealed (message) |
//! | 7 | copy freed | ordinal u64 · copy u16 · person bool · keyed target 16 bytes · sealed (target) |
//! | 8 | discarded | ordinal u64 · copy option u16, none for the whole item · sealed (reason, actor) |
//! | 9 | window closed | window u64 · source's total option u64 · bookmark bool · keyed path option 16 bytes · option sealed (bookmark, file) |
//! | 10 | window sealed | window u64 · the checkpoint, a signed note (see `checkpoint`) |
//! | 11 | remembered | keyed name 16 bytes · sealed (name, value) |
//! | 12 | act | sealed (actor, verb, subject, reason) |
//! | 13 | erased | ordinal u64 · entries (segment u64, offset u64, bytes u32) · sealed (reason, actor) |
//! | 14 | tail dropped | bytes of records u64 · bytes of sealed entries u64 |
//! | 15 | loss accepted | group u64 up to which records are known to be gone; smaller than its own group when that is not known · sealed (reason, actor) |
//! | 16 | key rotated | the signed note that names the next key (see `rotation`) |
//! | 17 | repair intended | ordinal u64 · copy u16 · SHA-256 of the message 32 bytes · sealed (reason, actor) |
//! | 18 | repair received | ordinal u64 · copy u16 · outcome u8 (0 written, 1 was there, 2 refused) · option sealed (token) |

use serde::{Deserialize, Serialize};

/// A sealed entry as a fact names it; it stands right after the entries named before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) bytes: u32,
    pub(super) sha256: [u8; 32],
}

/// Where a sealed entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct EntryRef {
    /// Segment number of its sidecar.
    pub(super) segment: u64,
    /// Offset in bytes.
    pub(super) offset: u64,
    /// Length in bytes.
    pub(super) bytes: u32,
}

/// A record of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fact<'a> {
    WindowOpened {
        window: u64,
        kind: u8,
        start_ms: Option<i64>,
        end_ms: i64,
        pins: [[u8; 32]; 5],
        sealed: Option<Sealed>,
    },
    PageStaged {
        window: u64,
        page: u32,
        name: [u8; 32],
        first: u64,
        items: u32,
        seen: u32,
        last: bool,
        sealed: Sealed,
    },
    ItemStaged {
        ordinal: u64,
        window: u64,
        page: u32,
        position: u32,
        event: u8,
        flags: u8,
        id: [u8; 16],
        owner: [u8; 8],
        of: Option<Earlier>,
        sealed: Sealed,
    },
    Planned {
        ordinal: u64,
        again: bool,
        #[serde(borrow)]
        parked: Option<&'a str>,
        excluded: Option<&'a str>,
        copies: Vec<CopyFact<'a>>,
        sealed: Sealed,
    },
    Intended {
        ordinal: u64,
        copy: u16,
        sha256: [u8; 32],
    },
    Received {
        ordinal: u64,
        copy: u16,
        outcome: u8,
        sealed: Option<Sealed>,
    },
    Failed {
        ordinal: u64,
        copy: u16,
        code: &'a str,
        sealed: Sealed,
    },
    Freed {
        ordinal: u64,
        copy: u16,
        person: bool,
        target: [u8; 16],
        sealed: Sealed,
    },
    Discarded {
        ordinal: u64,
        copy: Option<u16>,
        sealed: Sealed,
    },
    WindowClosed {
        window: u64,
        source_total: Option<u64>,
        bookmark: bool,
        file: Option<[u8; 16]>,
        sealed: Option<Sealed>,
    },
    WindowSealed {
        window: u64,
        note: &'a [u8],
    },
    Remembered {
        key: [u8; 16],
        sealed: Sealed,
    },
    Acted {
        sealed: Sealed,
    },
    Erased {
        ordinal: u64,
        entries: Vec<EntryRef>,
        sealed: Sealed,
    },
    TailDropped {
        facts_bytes: u64,
        private_bytes: u64,
    },
    LossAccepted {
        until_group: u64,
        sealed: Sealed,
    },
    KeyRotated {
        note: &'a [u8],
    },
    RepairIntended {
        ordinal: u64,
        copy: u16,
        sha256: [u8; 32],
        sealed: Sealed,
    },
    RepairReceived {
        ordinal: u64,
        copy: u16,
        outcome: u8,
        sealed: Option<Sealed>,
    },
}

/// The observations before a duplicate; without another duplicate both are the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earlier {
    pub(super) first: u64,
    pub(super) previous: u64,
}

/// A copy in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CopyFact<'a> {
    pub(super) destination: u16,
    pub(super) person: bool,
    pub(super) target: [u8; 16],
    #[serde(borrow)]
    pub(super) parked: Option<&'a str>,
}

/// The flag of an unreadable item.
pub(super) const UNREADABLE: u8 = 1;
/// The flag of a late item.
pub(super) const LATE: u8 = 2;

impl<'a> Fact<'a> {
    /// Reads a record's body; the whole of it must be the fact.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, &'static str> {
        match postcard::take_from_bytes(body) {
            Ok((fact, [])) => Ok(fact),
            Ok(_) => Err("the fact is followed by bytes that belong to nothing"),
            Err(_) if body.first().is_some_and(|kind| *kind > 18) => {
                Err("the fact is of a kind this version does not know")
            }
            Err(_) => Err("the fact cannot be read"),
        }
    }

    /// The sealed entry it names.
    pub(super) fn sealed(&self) -> Option<&Sealed> {
        match self {
            Self::WindowOpened { sealed, .. }
            | Self::Received { sealed, .. }
            | Self::WindowClosed { sealed, .. }
            | Self::RepairReceived { sealed, .. } => sealed.as_ref(),
            Self::PageStaged { sealed, .. }
            | Self::ItemStaged { sealed, .. }
            | Self::Planned { sealed, .. }
            | Self::Failed { sealed, .. }
            | Self::Freed { sealed, .. }
            | Self::Discarded { sealed, .. }
            | Self::Remembered { sealed, .. }
            | Self::Acted { sealed }
            | Self::Erased { sealed, .. }
            | Self::LossAccepted { sealed, .. }
            | Self::RepairIntended { sealed, .. } => Some(sealed),
            Self::Intended { .. } | Self::WindowSealed { .. } | Self::TailDropped { .. } | Self::KeyRotated { .. } => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;
    use crate::state::keys::hex;

    const SEALED: Sealed = Sealed { bytes: 300, sha256: [0xee; 32] };

    /// Every kind with its frozen bytes; `E` stands for the 32 bytes of the entry's SHA-256.
    fn golden() -> Vec<(Fact<'static>, String)> {
        let e = "ee".repeat(32);
        let entry = EntryRef { segment: 1, offset: 200, bytes: 9 };
        let copies = vec![
            CopyFact { destination: 0, person: false, target: [0xaa; 16], parked: None },
            CopyFact { destination: 300, person: true, target: [0xbb; 16], parked: Some("unmapped") },
        ];
        let window = Fact::WindowOpened {
            window: 1,
            kind: 0,
            start_ms: Some(-1),
            end_ms: 150,
            pins: [[1; 32], [2; 32], [3; 32], [4; 32], [5; 32]],
            sealed: None,
        };
        let pins: String = ["01", "02", "03", "04", "05"].iter().map(|byte| byte.repeat(32)).collect();
        let page = Fact::PageStaged {
            window: 1,
            page: 2,
            name: [9; 32],
            first: 128,
            items: 3,
            seen: 4,
            last: true,
            sealed: SEALED,
        };
        let item = Fact::ItemStaged {
            ordinal: 128,
            window: 1,
            page: 2,
            position: 0,
            event: 3,
            flags: LATE,
            id: [0xcc; 16],
            owner: [0xdd; 8],
            of: Some(Earlier { first: 7, previous: 8 }),
            sealed: SEALED,
        };
        let planned =
            Fact::Planned { ordinal: 128, again: false, parked: None, excluded: Some("r"), copies, sealed: SEALED };
        let (a, b) = ("aa".repeat(16), "bb".repeat(16));
        vec![
            (window, format!("00010001 01ac02{pins}00")),
            (page, format!("010102{}8001030401ac02{e}", "09".repeat(32))),
            (item, format!("02800101020003 02{}{}010708ac02{e}", "cc".repeat(16), "dd".repeat(8))),
            (planned, format!("0380010000010172020000{a}00ac0201{b}0108756e6d6170706564ac02{e}")),
            (Fact::Intended { ordinal: 1, copy: 300, sha256: [0xee; 32] }, format!("0401ac02{e}")),
            (Fact::Received { ordinal: 1, copy: 0, outcome: 2, sealed: Some(SEALED) }, format!("0501000201ac02{e}")),
            (Fact::Failed { ordinal: 1, copy: 0, code: "x", sealed: SEALED }, format!("0601000178ac02{e}")),
            (
                Fact::Freed { ordinal: 1, copy: 0, person: false, target: [0xaa; 16], sealed: SEALED },
                format!("07010000{a}ac02{e}"),
            ),
            (Fact::Discarded { ordinal: 1, copy: Some(2), sealed: SEALED }, format!("08010102ac02{e}")),
            (
                Fact::WindowClosed {
                    window: 1,
                    source_total: Some(5),
                    bookmark: true,
                    file: Some([0xbb; 16]),
                    sealed: Some(SEALED),
                },
                format!("090101050101{b}01ac02{e}"),
            ),
            (Fact::WindowSealed { window: 1, note: b"hi" }, "0a01026869".into()),
            (Fact::Remembered { key: [0xaa; 16], sealed: SEALED }, format!("0b{a}ac02{e}")),
            (Fact::Acted { sealed: SEALED }, format!("0cac02{e}")),
            (Fact::Erased { ordinal: 1, entries: vec![entry], sealed: SEALED }, format!("0d010101c80109ac02{e}")),
            (Fact::TailDropped { facts_bytes: 1, private_bytes: 300 }, "0e01ac02".into()),
            (Fact::LossAccepted { until_group: 9, sealed: SEALED }, format!("0f09ac02{e}")),
            (Fact::KeyRotated { note: b"hi" }, "10026869".into()),
            (
                Fact::RepairIntended { ordinal: 1, copy: 300, sha256: [0xee; 32], sealed: SEALED },
                format!("1101ac02{e}ac02{e}"),
            ),
            (Fact::RepairReceived { ordinal: 1, copy: 0, outcome: 2, sealed: None }, "1201000200".into()),
        ]
    }

    #[test]
    fn facts_have_their_frozen_bytes() {
        for (fact, expected) in golden() {
            let bytes = postcard::to_stdvec(&fact).unwrap();
            assert_eq!(hex(&bytes), expected.replace(' ', ""), "{fact:?}");
            assert_eq!(Fact::parse(&bytes).unwrap(), fact);
        }
    }

    #[test]
    fn what_is_no_fact_is_refused() {
        for (fact, _) in golden() {
            let mut bytes = postcard::to_stdvec(&fact).unwrap();
            bytes.push(0);
            assert!(Fact::parse(&bytes).is_err(), "longer: {fact:?}");
            bytes.truncate(bytes.len() - 2);
            assert!(Fact::parse(&bytes).is_err(), "shorter: {fact:?}");
        }
        assert_eq!(Fact::parse(&[19]), Err("the fact is of a kind this version does not know"));
        assert!(Fact::parse(&[]).is_err());
    }
}
