//! Which ids are known: sorted runs, each behind a Bloom filter, merged eight to one.
//!
//! Ids are HMACs, so they spread evenly: a run of `n` ids has `n / 320` chunks, and an id's chunk follows from its
//! first eight bytes by multiplication, without a table. New ids gather in memory; a write makes a run of them, and when
//! eight runs are of a size, one is made of the eight. An id is thus written a few times in sequence instead of once at
//! random, and one that is unknown (the common case) is told by the filters, 12 bits an id, without reading.
//!
//! A run never changes. Those in use are named in the value that also holds the ledger's position; others are what an
//! interruption left behind and are removed at open.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::state::error::StateError;

use super::generation::{Index, broken};

const ENTRY_BYTES: usize = 32;
const CHUNK_ENTRIES: u64 = 320;
const MERGED_AT_ONCE: usize = 8;
/// Chunks from this number on are pieces of the filter.
const FILTER_FROM: u32 = 1 << 31;
const FILTER_PIECE_WORDS: usize = 2 << 10;
const FILTER_BITS_PER_ENTRY: u64 = 12;
const BLOCK_WORDS: usize = 8;

/// What is known of an id: its first observation and the owner of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) struct Known {
    pub(in crate::state) ordinal: u64,
    pub(in crate::state) owner: [u8; 8],
}

/// The key under which a further owner of an id is known. It shares the id's chunk, not its filter bits.
pub(in crate::state) fn duplicate_key(id: &[u8; 16], owner: &[u8; 8]) -> [u8; 16] {
    let mut key = *id;
    for (byte, tag) in key[8..].iter_mut().zip(owner) {
        *byte ^= tag;
    }
    key
}

/// A run as the index remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunSummary {
    number: u64,
    entries: u64,
}

/// The known ids of one connector.
pub(super) struct Ids {
    connector: String,
    tree: sled::Tree,
    fresh: HashMap<[u8; 16], Known>,
    runs: Vec<Run>,
    next_run: u64,
    /// Runs that were merged into others; removed once the position is written.
    outdated: Vec<u64>,
}

struct Run {
    summary: RunSummary,
    filter: Filter,
}

impl Ids {
    /// Opens the runs that the index names.
    pub(super) fn open(
        index: &Index,
        connector: &str,
        summaries: &[RunSummary],
        next_run: u64,
    ) -> Result<Self, StateError> {
        let tree = index.tree(connector, "ids")?;
        let mut ids = Self {
            connector: connector.into(),
            tree,
            fresh: HashMap::new(),
            runs: Vec::new(),
            next_run,
            outdated: Vec::new(),
        };
        ids.remove_strangers(summaries)?;
        for summary in summaries {
            let filter = ids.read_filter(summary)?;
            ids.runs.push(Run { summary: *summary, filter });
        }
        Ok(ids)
    }

    /// What is known of an id.
    pub(super) fn get(&self, key: &[u8; 16]) -> Result<Option<Known>, StateError> {
        if let Some(known) = self.fresh.get(key) {
            return Ok(Some(*known));
        }
        for run in self.runs.iter().rev().filter(|run| run.filter.may_hold(key)) {
            let chunk = chunk_of(key, run.summary.entries);
            let Some(bytes) = self.read_chunk(run.summary.number, chunk)? else { continue };
            let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
            if let Ok(at) = entries.binary_search_by(|entry| entry[..16].cmp(key)) {
                return Ok(Some(known(&entries[at])));
            }
        }
        Ok(None)
    }

    /// Adds an id; it was not known.
    pub(super) fn insert(&mut self, key: [u8; 16], known: Known) {
        self.fresh.insert(key, known);
    }

    /// Takes back an id that was added since the last write.
    pub(super) fn take_back(&mut self, key: &[u8; 16]) {
        self.fresh.remove(key);
    }

    /// Writes what is new and returns what the index must name from now on.
    pub(super) fn write(&mut self) -> Result<(Vec<RunSummary>, u64), StateError> {
        if !self.fresh.is_empty() {
            let mut fresh: Vec<_> = self.fresh.drain().collect();
            self.fresh.shrink_to(1 << 15);
            fresh.sort_unstable_by_key(|(key, _)| *key);
            let mut writer = RunWriter::new(self, fresh.len() as u64);
            for (key, known) in &fresh {
                writer.push(&entry(key, known))?;
            }
            let run = writer.finish()?;
            self.next_run += 1;
            self.runs.push(run);
        }
        while let Some(class) = self.crowded_class() {
            self.merge(class)?;
        }
        Ok((self.runs.iter().map(|run| run.summary).collect(), self.next_run))
    }

    /// Removes runs that the index no longer names; called after it was written.
    pub(super) fn tidy(&mut self) -> Result<(), StateError> {
        for number in std::mem::take(&mut self.outdated) {
            self.remove_run(number)?;
        }
        Ok(())
    }

    fn crowded_class(&self) -> Option<u32> {
        let classes = || self.runs.iter().map(|run| class(run.summary.entries));
        classes().find(|class| classes().filter(|other| other == class).count() >= MERGED_AT_ONCE)
    }

    fn merge(&mut self, merged: u32) -> Result<(), StateError> {
        let (inputs, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.runs).into_iter().partition(|run| class(run.summary.entries) == merged);
        self.runs = rest;
        let total = inputs.iter().map(|run| run.summary.entries).sum();
        let mut cursors = Vec::with_capacity(inputs.len());
        for run in &inputs {
            cursors.push(Cursor::new(&self.tree, &self.connector, run.summary)?);
        }
        let mut writer = RunWriter::new(self, total);
        while let Some(cursor) =
            cursors.iter_mut().filter(|cursor| cursor.entry().is_some()).min_by_key(|cursor| cursor.entry().copied())
        {
            if let Some(entry) = cursor.entry() {
                writer.push(entry)?;
            }
            cursor.advance()?;
        }
        let run = writer.finish()?;
        self.next_run += 1;
        self.runs.push(run);
        self.outdated.extend(inputs.iter().map(|run| run.summary.number));
        Ok(())
    }

    fn read_chunk(&self, run: u64, chunk: u32) -> Result<Option<sled::IVec>, StateError> {
        self.tree.get(chunk_key(run, chunk)).map_err(|error| broken(&self.connector, &error))
    }

    fn read_filter(&self, summary: &RunSummary) -> Result<Filter, StateError> {
        let mut filter = Filter::new(summary.entries);
        for (piece, words) in (FILTER_FROM..).zip(filter.words.chunks_mut(FILTER_PIECE_WORDS)) {
            let Some(bytes) = self.read_chunk(summary.number, piece)? else {
                return Err(broken(&self.connector, &"a piece of a filter is missing"));
            };
            let (stored, rest) = bytes.as_chunks::<4>();
            if stored.len() != words.len() || !rest.is_empty() {
                return Err(broken(&self.connector, &"a piece of a filter has another size"));
            }
            for (word, bytes) in words.iter_mut().zip(stored) {
                *word = u32::from_le_bytes(*bytes);
            }
        }
        Ok(filter)
    }

    fn remove_strangers(&self, summaries: &[RunSummary]) -> Result<(), StateError> {
        let mut from = 0_u64;
        while let Some(entry) = self.tree.range(from.to_be_bytes()..).next() {
            let (key, _) = entry.map_err(|error| broken(&self.connector, &error))?;
            let Some(number) = key.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)) else {
                return Err(broken(&self.connector, &"a key of ids is cut short"));
            };
            if !summaries.iter().any(|summary| summary.number == number) {
                self.remove_run(number)?;
            }
            from = number + 1;
        }
        Ok(())
    }

    fn remove_run(&self, number: u64) -> Result<(), StateError> {
        for entry in self.tree.range(number.to_be_bytes().to_vec()..(number + 1).to_be_bytes().to_vec()) {
            let (key, _) = entry.map_err(|error| broken(&self.connector, &error))?;
            self.tree.remove(key).map_err(|error| broken(&self.connector, &error))?;
        }
        Ok(())
    }
}

/// Writes a run whose number of entries is known and whose entries come sorted.
struct RunWriter {
    tree: sled::Tree,
    connector: String,
    summary: RunSummary,
    filter: Filter,
    chunk: u32,
    bytes: Vec<u8>,
    pushed: u64,
}

impl RunWriter {
    fn new(ids: &Ids, entries: u64) -> Self {
        Self {
            tree: ids.tree.clone(),
            connector: ids.connector.clone(),
            summary: RunSummary { number: ids.next_run, entries },
            filter: Filter::new(entries),
            chunk: 0,
            bytes: Vec::new(),
            pushed: 0,
        }
    }

    fn push(&mut self, entry: &[u8; ENTRY_BYTES]) -> Result<(), StateError> {
        let mut key = [0; 16];
        key.copy_from_slice(&entry[..16]);
        let chunk = chunk_of(&key, self.summary.entries);
        if chunk != self.chunk {
            self.write_chunk()?;
            self.chunk = chunk;
        }
        self.bytes.extend_from_slice(entry);
        self.filter.add(&key);
        self.pushed += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Run, StateError> {
        self.write_chunk()?;
        if self.pushed != self.summary.entries {
            return Err(broken(&self.connector, &"a run of ids holds other ids than it was said to"));
        }
        for (piece, words) in (FILTER_FROM..).zip(self.filter.words.chunks(FILTER_PIECE_WORDS)) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            self.insert(piece, bytes)?;
        }
        Ok(Run { summary: self.summary, filter: self.filter })
    }

    fn write_chunk(&mut self) -> Result<(), StateError> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = self.bytes.clone();
        self.bytes.clear();
        self.insert(self.chunk, bytes)
    }

    fn insert(&self, chunk: u32, bytes: Vec<u8>) -> Result<(), StateError> {
        let key = chunk_key(self.summary.number, chunk);
        self.tree.insert(key, bytes).map(drop).map_err(|error| broken(&self.connector, &error))
    }
}

/// Goes through a run in order.
struct Cursor<'a> {
    tree: &'a sled::Tree,
    connector: &'a str,
    run: u64,
    chunks: u32,
    chunk: u32,
    bytes: sled::IVec,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(tree: &'a sled::Tree, connector: &'a str, summary: RunSummary) -> Result<Self, StateError> {
        let (run, chunks) = (summary.number, chunks(summary.entries));
        let mut cursor = Self { tree, connector, run, chunks, chunk: 0, bytes: sled::IVec::default(), at: 0 };
        cursor.load()?;
        Ok(cursor)
    }

    fn entry(&self) -> Option<&[u8; ENTRY_BYTES]> {
        self.bytes.as_chunks().0.get(self.at)
    }

    fn advance(&mut self) -> Result<(), StateError> {
        self.at += 1;
        if self.entry().is_none() { self.load() } else { Ok(()) }
    }

    fn load(&mut self) -> Result<(), StateError> {
        self.at = 0;
        self.bytes = sled::IVec::default();
        while self.chunk < self.chunks && self.bytes.is_empty() {
            let key = chunk_key(self.run, self.chunk);
            self.bytes = self.tree.get(key).map_err(|error| broken(self.connector, &error))?.unwrap_or_default();
            self.chunk += 1;
        }
        Ok(())
    }
}

/// A split-block Bloom filter: one bit in each of the eight words of one block (as Parquet's).
struct Filter {
    words: Vec<u32>,
}

impl Filter {
    const SALTS: [u32; BLOCK_WORDS] =
        [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

    fn new(entries: u64) -> Self {
        let blocks = (entries * FILTER_BITS_PER_ENTRY).div_ceil(BLOCK_WORDS as u64 * 32).max(1);
        Self { words: vec![0; blocks as usize * BLOCK_WORDS] }
    }

    fn add(&mut self, key: &[u8; 16]) {
        let (block, masks) = self.place(key);
        for (word, mask) in self.words[block..block + BLOCK_WORDS].iter_mut().zip(masks) {
            *word |= mask;
        }
    }

    fn may_hold(&self, key: &[u8; 16]) -> bool {
        let (block, masks) = self.place(key);
        self.words[block..block + BLOCK_WORDS].iter().zip(masks).all(|(word, mask)| word & mask != 0)
    }

    fn place(&self, key: &[u8; 16]) -> (usize, [u32; BLOCK_WORDS]) {
        let [.., a, b, c, d, e, f, g, h] = *key;
        let (high, low) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let blocks = (self.words.len() / BLOCK_WORDS) as u64;
        let block = (u64::from(high) * blocks) >> 32;
        (block as usize * BLOCK_WORDS, Self::SALTS.map(|salt| 1 << (low.wrapping_mul(salt) >> 27)))
    }
}

fn chunks(entries: u64) -> u32 {
    entries.div_ceil(CHUNK_ENTRIES).clamp(1, u64::from(FILTER_FROM) - 1) as u32
}

/// The chunk of an id in a run of so many entries; grows with the id, so that sorted entries fill chunks in order.
fn chunk_of(key: &[u8; 16], entries: u64) -> u32 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    let prefix = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    ((u128::from(prefix) * u128::from(chunks(entries))) >> 64) as u32
}

fn chunk_key(run: u64, chunk: u32) -> [u8; 12] {
    super::meta::page_key(run, chunk)
}

/// Runs of one class differ by less than a factor of eight.
fn class(entries: u64) -> u32 {
    entries.max(1).ilog2() / 3
}

fn entry(key: &[u8; 16], known: &Known) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(key);
    bytes[16..24].copy_from_slice(&known.ordinal.to_le_bytes());
    bytes[24..].copy_from_slice(&known.owner);
    bytes
}

fn known(entry: &[u8; ENTRY_BYTES]) -> Known {
    let (mut ordinal, mut owner) = ([0; 8], [0; 8]);
    ordinal.copy_from_slice(&entry[16..24]);
    owner.copy_from_slice(&entry[24..]);
    Known { ordinal: u64::from_le_bytes(ordinal), owner }
}
