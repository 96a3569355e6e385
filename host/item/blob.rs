//! Attachment bytes: where they are, how they get there, how they are read.

use std::io;

use serde::{Deserialize, Serialize};

/// Bytes that the stage holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlobRef {
    /// The stage's name for them: an HMAC under the connector's key, so that a known file is not recognisable.
    pub name: [u8; 32],
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// Takes attachment bytes on their way in. The stage implements it for one page.
pub trait BlobSink: Send + Sync {
    /// Begins a blob.
    ///
    /// # Errors
    /// When the stage cannot be written.
    fn create(&self) -> io::Result<Box<dyn BlobWriter>>;
}

/// One blob being written. Dropped without [`BlobWriter::finish`], it leaves nothing behind.
pub trait BlobWriter: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// When the stage cannot be written.
    fn write(&mut self, chunk: &[u8]) -> io::Result<()>;

    /// Ends it; durable once the page is committed.
    ///
    /// # Errors
    /// When the stage cannot be written.
    fn finish(self: Box<Self>) -> io::Result<BlobRef>;
}

/// Reads staged attachment bytes.
pub trait BlobSource: Send + Sync {
    /// Opens a blob for sequential reading.
    ///
    /// # Errors
    /// When it is gone or cannot be read.
    fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn io::Read + Send>>;
}
