//! The blobs of one call: numbers for a guest, staged bytes for the host.

use std::io;

use crate::item::{BlobRef, BlobSink, BlobWriter, Failure, NextMove, limits};

use super::{contract::v1::types, hex};

/// Blobs of one call: every item of the largest page with all its attachments would be far more than anybody sends.
const BLOBS_MAX: usize = 16_384;
/// Blobs a guest may be writing at once.
const WRITERS_MAX: usize = 16;
/// Code of failures that are the host's and not the guest's business.
pub(super) const STAGE_UNWRITABLE: &str = "stage-unwritable";

/// What one call has put into the stage. Numbers begin anew in every call, at a place that differs from call to call,
/// so that a number kept from another call is found out rather than taken for somebody else's bytes.
#[derive(Default)]
pub(super) struct BlobTable {
    /// The number of the first blob.
    base: u32,
    kept: Vec<BlobRef>,
    writers: Vec<Option<Writing>>,
}

/// A blob under way, and how much has been written.
struct Writing {
    writer: Box<dyn BlobWriter>,
    size: u64,
}

impl BlobTable {
    /// Forgets the last call's blobs and moves the numbers on.
    pub(super) fn begin(&mut self) {
        let used = u32::try_from(self.kept.len()).unwrap_or(u32::MAX);
        self.base = self.base.wrapping_add(used).wrapping_add(1);
        self.kept.clear();
        self.writers.clear();
    }

    /// Takes a staged blob in and gives the guest its number.
    pub(super) fn keep(&mut self, blob: BlobRef) -> Result<types::Blob, Failure> {
        if self.kept.len() >= BLOBS_MAX {
            let why = format!("one call keeps more than {BLOBS_MAX} attachments");
            return Err(Failure::new("too-many-attachments", NextMove::Reject, why));
        }
        let number = self.base.wrapping_add(u32::try_from(self.kept.len()).unwrap_or(u32::MAX));
        let shown = types::Blob { handle: number, size: blob.size, sha256: hex(&blob.sha256) };
        self.kept.push(blob);
        Ok(shown)
    }

    /// The staged blob of a number that this call gave out.
    pub(super) fn get(&self, number: u32) -> Option<&BlobRef> {
        self.kept.get(number.wrapping_sub(self.base) as usize)
    }

    /// Begins a blob that the guest writes itself.
    pub(super) fn create(&mut self, sink: &dyn BlobSink) -> Result<u32, Failure> {
        let free = self.writers.iter().position(Option::is_none);
        if free.is_none() && self.writers.len() >= WRITERS_MAX {
            let why = format!("more than {WRITERS_MAX} attachments are being written at once");
            return Err(Failure::new("too-many-attachments", NextMove::Reject, why));
        }
        let writing = Writing { writer: sink.create().map_err(|error| stage_failed(&error))?, size: 0 };
        let place = free.unwrap_or_else(|| {
            self.writers.push(None);
            self.writers.len() - 1
        });
        self.writers[place] = Some(writing);
        u32::try_from(place).map_err(|_| unknown_writer())
    }

    /// Appends to it.
    pub(super) fn write(&mut self, writer: u32, chunk: &[u8], bytes_max: u64) -> Result<(), Failure> {
        let place = self.writers.get_mut(writer as usize).ok_or_else(unknown_writer)?;
        let writing = place.as_mut().ok_or_else(unknown_writer)?;
        writing.size += chunk.len() as u64;
        if chunk.len() > limits::READ_BYTES_MAX as usize || writing.size > bytes_max {
            *place = None;
            let why =
                format!("an attachment is over {bytes_max} bytes, or a piece of it over {}", limits::READ_BYTES_MAX);
            return Err(Failure::new("too-large", NextMove::Reject, why));
        }
        writing.writer.write(chunk).map_err(|error| stage_failed(&error))
    }

    /// Ends it.
    pub(super) fn finish(&mut self, writer: u32) -> Result<types::Blob, Failure> {
        let writing = self.writers.get_mut(writer as usize).and_then(Option::take).ok_or_else(unknown_writer)?;
        let blob = writing.writer.finish().map_err(|error| stage_failed(&error))?;
        self.keep(blob)
    }
}

fn unknown_writer() -> Failure {
    Failure::new("blob-unknown", NextMove::Reject, "no attachment of that number is being written in this call")
}

/// The failure when the stage cannot be written. It ends the guest's call: a full disk is none of its business.
pub(super) fn stage_failed(error: &io::Error) -> Failure {
    Failure::new(
        STAGE_UNWRITABLE,
        NextMove::Retry { after: None },
        format!("an attachment could not be staged: {error}"),
    )
    .hint("see that the stage's folder can be written and has room (`chancery doctor`)")
}

/// A sink for calls that must not bring attachments (`check`, `roster`, `totals`).
pub(super) struct NoBlobs;

impl BlobSink for NoBlobs {
    fn create(&self) -> io::Result<Box<dyn BlobWriter>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this call brings no attachments"))
    }
}

#[cfg(test)]
pub(super) mod memory {
    //! A stage in memory, for tests.
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::{
        collections::BTreeMap,
        io::Read,
        sync::{Arc, Mutex},
    };

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::item::BlobSource;

    /// Keeps blobs by name, which here is their hash.
    #[derive(Clone, Default)]
    pub(in super::super) struct Memory(pub(in super::super) Arc<Mutex<BTreeMap<[u8; 32], Vec<u8>>>>);

    struct InMemory(Memory, Vec<u8>);

    impl BlobSink for Memory {
        fn create(&self) -> io::Result<Box<dyn BlobWriter>> {
            Ok(Box::new(InMemory(self.clone(), Vec::new())))
        }
    }

    impl BlobWriter for InMemory {
        fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
            self.1.extend_from_slice(chunk);
            Ok(())
        }

        fn finish(self: Box<Self>) -> io::Result<BlobRef> {
            let sha256 = Sha256::digest(&self.1).into();
            let size = self.1.len() as u64;
            self.0.0.lock().unwrap().insert(sha256, self.1);
            Ok(BlobRef { name: sha256, size, sha256 })
        }
    }

    impl BlobSource for Memory {
        fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn Read + Send>> {
            let bytes = self.0.lock().unwrap().get(&blob.name).cloned();
            Ok(Box::new(io::Cursor::new(bytes.ok_or(io::ErrorKind::NotFound)?)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn numbers_of_another_call_are_unknown() {
        let stage = memory::Memory::default();
        let mut table = BlobTable::default();
        let mut made = Vec::new();
        for _ in 0..3 {
            table.begin();
            let mut numbers = Vec::new();
            for text in ["a", "bc"] {
                let writer = table.create(&stage).unwrap();
                table.write(writer, text.as_bytes(), 10).unwrap();
                let blob = table.finish(writer).unwrap();
                assert_eq!(table.get(blob.handle).unwrap().size, text.len() as u64);
                assert!(table.finish(writer).is_err(), "finished twice");
                numbers.push(blob.handle);
            }
            made.push(numbers);
            for earlier in &made[..made.len() - 1] {
                assert!(earlier.iter().all(|number| table.get(*number).is_none()));
            }
        }
    }

    #[test]
    fn what_is_too_large_or_too_many_is_refused() {
        let stage = memory::Memory::default();
        let mut table = BlobTable::default();
        let writer = table.create(&stage).unwrap();
        table.write(writer, b"12345", 8).unwrap();
        assert_eq!(table.write(writer, b"6789", 8).unwrap_err().code, "too-large");
        assert_eq!(table.write(writer, b"6", 8).unwrap_err().code, "blob-unknown", "it is given up");
        for _ in 0..WRITERS_MAX {
            table.create(&stage).unwrap();
        }
        assert_eq!(table.create(&stage).unwrap_err().code, "too-many-attachments");
        assert_eq!(stage.0.lock().unwrap().len(), 0, "nothing unfinished is kept");
        assert_eq!(table.create(&NoBlobs).unwrap_err().code, "too-many-attachments");
        table.begin();
        assert_eq!(table.create(&NoBlobs).unwrap_err().code, STAGE_UNWRITABLE);
    }
}
