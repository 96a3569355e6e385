//! Rows in sled, sixteen a value.
//!
//! A leaf of sled holds sixteen values whatever their size, and each leaf costs memory and work: one row a value would
//! cost ten times as much. A chunk is: the group up to which it is (u64 little-endian), then for each of its sixteen
//! ordinals a length (u16 little-endian, 0 for none) and so many bytes: a row in `postcard`, or, when bit 15 of the
//! length is set, where its parts are (group u64, number of parts u16). Parts are written under the new group before
//! the chunk that names them, and the old ones are removed afterwards, so that a chunk always names whole parts.

use crate::{
    item::limits::INDEX_VALUE_BYTES_MAX,
    state::{
        error::StateError,
        limits::{ROW_INLINE_BYTES_MAX, ROW_PART_BYTES_MAX, ROWS_PER_CHUNK},
        row::Row,
    },
};

use super::generation::{Index, broken};

const IN_PARTS: u16 = 1 << 15;
const SLOTS: usize = ROWS_PER_CHUNK as usize;

/// The rows of one connector in sled.
pub(super) struct Rows {
    connector: String,
    chunks: sled::Tree,
    parts: sled::Tree,
    /// Rows whose older parts go once the position is written.
    outdated: Vec<(u64, u64)>,
    scratch: Vec<u8>,
}

impl Rows {
    /// Opens the trees.
    pub(super) fn open(index: &Index, connector: &str) -> Result<Self, StateError> {
        Ok(Self {
            connector: connector.into(),
            chunks: index.tree(connector, "rows")?,
            parts: index.tree(connector, "parts")?,
            outdated: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// A row with the group up to which it is.
    pub(super) fn get(&self, ordinal: u64) -> Result<Option<(u64, Row)>, StateError> {
        let key = (ordinal / ROWS_PER_CHUNK).to_be_bytes();
        let Some(bytes) = self.chunks.get(key).map_err(|error| broken(&self.connector, &error))? else {
            return Ok(None);
        };
        let (as_of, slots) = self.split(&bytes)?;
        let Some(slot) = slots[(ordinal % ROWS_PER_CHUNK) as usize] else { return Ok(None) };
        let row = match slot {
            Slot::Inline(bytes) => postcard::from_bytes(bytes),
            Slot::Parts { group, count } => postcard::from_bytes(&self.read_parts(ordinal, group, count)?),
        };
        row.map(|row| Some((as_of, row))).map_err(|error| broken(&self.connector, &error))
    }

    /// Writes changed rows, sorted by ordinal, as of `group`; the others of their chunks stay as they are.
    pub(super) fn put(&mut self, group: u64, changed: &[(u64, &Row)]) -> Result<(), StateError> {
        for rows in changed.chunk_by(|(a, _), (b, _)| a / ROWS_PER_CHUNK == b / ROWS_PER_CHUNK) {
            self.put_chunk(group, rows)?;
        }
        Ok(())
    }

    /// Removes parts that no chunk names any more; called after the position was written.
    pub(super) fn tidy(&mut self) -> Result<(), StateError> {
        for (ordinal, group) in std::mem::take(&mut self.outdated) {
            for entry in self.parts.range(ordinal.to_be_bytes().to_vec()..(ordinal + 1).to_be_bytes().to_vec()) {
                let (key, _) = entry.map_err(|error| broken(&self.connector, &error))?;
                if key.get(8..16) != Some(&group.to_be_bytes()[..]) {
                    self.parts.remove(key).map_err(|error| broken(&self.connector, &error))?;
                }
            }
        }
        Ok(())
    }

    fn put_chunk(&mut self, group: u64, rows: &[(u64, &Row)]) -> Result<(), StateError> {
        let Some((first, _)) = rows.first() else { return Ok(()) };
        let key = (first / ROWS_PER_CHUNK).to_be_bytes();
        let old = if rows.len() == SLOTS && !self.may_have_parts(rows) {
            None
        } else {
            self.chunks.get(key).map_err(|error| broken(&self.connector, &error))?
        };
        let old_slots = match &old {
            Some(bytes) => self.split(bytes)?.1,
            None => [None; SLOTS],
        };
        let mut value = Vec::with_capacity(2 << 10);
        value.extend_from_slice(&group.to_le_bytes());
        let mut rows = rows.iter().peekable();
        for (slot, old_slot) in (0..).zip(old_slots) {
            let Some((ordinal, row)) = rows.next_if(|(ordinal, _)| ordinal % ROWS_PER_CHUNK == slot) else {
                match old_slot {
                    None => value.extend_from_slice(&[0; 2]),
                    Some(Slot::Inline(bytes)) => push_inline(&mut value, bytes),
                    Some(Slot::Parts { group, count }) => push_parts(&mut value, group, count),
                }
                continue;
            };
            self.scratch.clear();
            self.scratch = postcard::to_extend(row, std::mem::take(&mut self.scratch))
                .map_err(|error| broken(&self.connector, &error))?;
            if self.scratch.len() <= ROW_INLINE_BYTES_MAX {
                push_inline(&mut value, &self.scratch);
                if matches!(old_slot, Some(Slot::Parts { .. })) {
                    self.outdated.push((*ordinal, u64::MAX));
                }
                continue;
            }
            let count = self.write_parts(*ordinal, group)?;
            push_parts(&mut value, group, count);
            self.outdated.push((*ordinal, group));
        }
        assert!(value.len() <= INDEX_VALUE_BYTES_MAX, "a chunk's rows have a limit each");
        self.chunks.insert(key, value).map(drop).map_err(|error| broken(&self.connector, &error))
    }

    /// A row with few copies was never in parts: rows only ever gain copies.
    fn may_have_parts(&self, rows: &[(u64, &Row)]) -> bool {
        rows.iter().any(|(_, row)| row.copies.len() > 8)
    }

    fn write_parts(&self, ordinal: u64, group: u64) -> Result<u16, StateError> {
        let mut count = 0;
        for bytes in self.scratch.chunks(ROW_PART_BYTES_MAX) {
            self.parts
                .insert(part_key(ordinal, group, count), bytes)
                .map_err(|error| broken(&self.connector, &error))?;
            count += 1;
        }
        Ok(count)
    }

    fn read_parts(&self, ordinal: u64, group: u64, count: u16) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        for part in 0..count {
            match self.parts.get(part_key(ordinal, group, part)).map_err(|error| broken(&self.connector, &error))? {
                Some(part) => bytes.extend_from_slice(&part),
                None => return Err(broken(&self.connector, &format!("a part of item {ordinal} is missing"))),
            }
        }
        Ok(bytes)
    }

    fn split<'a>(&self, bytes: &'a [u8]) -> Result<(u64, [Option<Slot<'a>>; SLOTS]), StateError> {
        split(bytes).ok_or_else(|| broken(&self.connector, &"a chunk of rows cannot be read"))
    }
}

#[derive(Clone, Copy)]
enum Slot<'a> {
    Inline(&'a [u8]),
    Parts { group: u64, count: u16 },
}

fn split(bytes: &[u8]) -> Option<(u64, [Option<Slot<'_>>; SLOTS])> {
    let (as_of, mut rest) = bytes.split_first_chunk::<8>()?;
    let mut slots = [None; SLOTS];
    for slot in &mut slots {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = u16::from_le_bytes(*length);
        let content = after.get(..usize::from(length & !IN_PARTS))?;
        rest = &after[content.len()..];
        *slot = match length {
            0 => None,
            _ if length & IN_PARTS == 0 => Some(Slot::Inline(content)),
            _ => {
                let (group, count) = content.split_first_chunk::<8>()?;
                Some(Slot::Parts {
                    group: u64::from_le_bytes(*group),
                    count: u16::from_le_bytes(*count.first_chunk()?),
                })
            }
        };
    }
    Some((u64::from_le_bytes(*as_of), slots))
}

fn push_inline(value: &mut Vec<u8>, bytes: &[u8]) {
    value.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
    value.extend_from_slice(bytes);
}

fn push_parts(value: &mut Vec<u8>, group: u64, count: u16) {
    value.extend_from_slice(&(10 | IN_PARTS).to_le_bytes());
    value.extend_from_slice(&group.to_le_bytes());
    value.extend_from_slice(&count.to_le_bytes());
}

fn part_key(ordinal: u64, group: u64, part: u16) -> [u8; 18] {
    let mut key = [0; 18];
    key[..8].copy_from_slice(&ordinal.to_be_bytes());
    key[8..16].copy_from_slice(&group.to_be_bytes());
    key[16..].copy_from_slice(&part.to_be_bytes());
    key
}
