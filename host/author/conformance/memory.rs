//! Attachment bytes in memory.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

use crate::item::{BlobRef, BlobSink, BlobSource, BlobWriter};

/// Bytes of all blobs of a trial together.
const BYTES_MAX: usize = 256 << 20;

/// Blobs by their SHA-256.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<HashMap<[u8; 32], Vec<u8>>>>);

impl Memory {
    /// Keeps bytes.
    pub(super) fn keep(&self, bytes: Vec<u8>) -> io::Result<BlobRef> {
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        let blob = BlobRef { name: sha256, size: bytes.len() as u64, sha256 };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.values().map(Vec::len).sum::<usize>() + bytes.len() > BYTES_MAX {
            return Err(io::Error::other("the trial's attachments are too large together"));
        }
        kept.insert(sha256, bytes);
        Ok(blob)
    }
}

struct Writer {
    memory: Memory,
    bytes: Vec<u8>,
}

impl BlobWriter for Writer {
    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.bytes.len() + chunk.len() > BYTES_MAX {
            return Err(io::Error::other("an attachment of the trial is too large"));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<BlobRef> {
        self.memory.keep(self.bytes)
    }
}

impl BlobSink for Memory {
    fn create(&self) -> io::Result<Box<dyn BlobWriter>> {
        Ok(Box::new(Writer { memory: self.clone(), bytes: Vec::new() }))
    }
}

impl BlobSource for Memory {
    fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = kept.get(&blob.name).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(io::Cursor::new(bytes.clone())))
    }
}
