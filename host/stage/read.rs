//! Reading attachments: opened, and held against what was staged.

use std::io::{self, BufReader, Read};

use age::stream::StreamReader;
use sha2::{Digest, Sha256};

use crate::item::{BlobRef, Failure, NextMove};

/// An object's bytes in the clear.
pub(super) enum Opened {
    Sealed(Box<StreamReader<BufReader<Box<dyn Read + Send>>>>),
    /// Staged by an older chancery.
    Clear(Box<dyn Read + Send>),
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Sealed(reader) => reader.read(buffer),
            Self::Clear(reader) => reader.read(buffer),
        }
    }
}

/// An attachment being read. At its end it must have been what was staged: an object that somebody put in its place is
/// found out by its hash. Every error carries the failure that it is.
pub(super) struct Attachment {
    pub(super) bytes: Opened,
    pub(super) blob: BlobRef,
    pub(super) label: String,
    hasher: Sha256,
    size: u64,
}

impl Attachment {
    pub(super) fn new(bytes: Opened, blob: BlobRef, label: String) -> Self {
        Self { bytes, blob, label, hasher: Sha256::new(), size: 0 }
    }
}

impl Read for Attachment {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer).map_err(|error| lost(&self.label, &error))?;
        self.hasher.update(&buffer[..read]);
        self.size += read as u64;
        let is_end = read == 0 && !buffer.is_empty();
        if self.size > self.blob.size || is_end && self.hasher.clone().finalize()[..] != self.blob.sha256 {
            let error = io::Error::new(io::ErrorKind::InvalidData, "its content is not what was staged");
            return Err(lost(&self.label, &error));
        }
        Ok(read)
    }
}

/// What became of an attachment that cannot be read, as an error that carries it.
pub(super) fn lost(label: &str, error: &io::Error) -> io::Error {
    if let Some(failure) = Failure::within(error) {
        return failure.clone().into_io(error.kind());
    }
    let message = format!("a staged attachment in `{label}` cannot be read: {error}");
    Failure::new("stage-attachment-lost", NextMove::Stop, message)
        .hint("restore the stage from a backup, or run `chancery sync --window FROM..TO` to read the window again")
        .into_io(error.kind())
}
