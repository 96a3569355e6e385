//! A message ready to be written: a skeleton and the attachments the host streams into it.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use super::blob::{BlobRef, BlobSource};

/// Bytes of an attachment encoded at a time: a multiple of 57, so that every chunk is whole base64 lines.
const CHUNK_BYTES: usize = 57 * 1024;

/// Where an attachment's base64 goes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Offset in the skeleton.
    pub offset: u32,
    /// The bytes.
    pub blob: BlobRef,
}

/// One RFC 5322 message: a skeleton whose splices the sandbox has checked (ascending, in range, each once).
///
/// Invariant: `message_id` is the skeleton's only Message-ID, angle brackets included.
#[derive(Clone, Debug)]
pub struct Message {
    /// Headers and bodies without the attachments' bytes, CRLF. Shared, because it goes into several mailboxes.
    pub skeleton: Arc<[u8]>,
    /// Attachments, ascending by offset.
    pub splices: Arc<[Splice]>,
    /// `<…@…>`.
    pub message_id: Arc<str>,
}

impl Message {
    /// Size of the whole message in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.skeleton.len() as u64 + self.splices.iter().map(|splice| base64_size_bytes(splice.blob.size)).sum::<u64>()
    }

    /// Writes the whole message.
    ///
    /// # Errors
    /// When `out` cannot be written, or a blob is gone, cannot be read or has another size than was staged.
    pub fn write_to(&self, out: &mut dyn Write, blobs: &dyn BlobSource) -> io::Result<()> {
        let mut written = 0;
        for splice in self.splices.iter() {
            let offset = splice.offset as usize;
            out.write_all(&self.skeleton[written..offset])?;
            written = offset;
            write_base64(out, blobs, &splice.blob)?;
        }
        out.write_all(&self.skeleton[written..])
    }

    /// SHA-256 of the whole message: what a delivery intent commits to.
    ///
    /// # Errors
    /// As [`Message::write_to`].
    pub fn sha256(&self, blobs: &dyn BlobSource) -> io::Result<[u8; 32]> {
        if self.splices.is_empty() {
            return Ok(Sha256::digest(&self.skeleton).into());
        }
        let mut hasher = Sha256::new();
        self.write_to(&mut hasher, blobs)?;
        Ok(hasher.finalize().into())
    }
}

/// Size of `size` bytes as base64 in lines of 76 characters, each ended by CRLF.
pub fn base64_size_bytes(size: u64) -> u64 {
    let characters = size.div_ceil(3) * 4;
    characters + 2 * characters.div_ceil(76)
}

fn write_base64(out: &mut dyn Write, blobs: &dyn BlobSource, blob: &BlobRef) -> io::Result<()> {
    let mut reader = blobs.open(blob)?.take(blob.size + 1);
    let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(blob.size).unwrap_or(CHUNK_BYTES) + 1)];
    let mut encoded = Vec::new();
    let mut total = 0;
    loop {
        let read = read_full(&mut reader, &mut chunk[..])?;
        total += read as u64;
        if read == 0 {
            break;
        }
        encoded.clear();
        encodify::base64::MIME.encode_append(&chunk[..read], &mut encoded);
        if !encoded.ends_with(b"\r\n") {
            encoded.extend_from_slice(b"\r\n");
        }
        out.write_all(&encoded)?;
        if read < chunk.len() {
            break;
        }
    }
    if total == blob.size {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a staged attachment has {total} bytes, {} were staged", blob.size),
    ))
}

fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    struct Bytes(Vec<u8>);
    impl BlobSource for Bytes {
        fn open(&self, _: &BlobRef) -> io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(io::Cursor::new(self.0.clone())))
        }
    }

    fn message(size: u64) -> Message {
        Message {
            skeleton: Arc::from(&b"H: v\r\n\r\n\r\n--b--\r\n"[..]),
            splices: Arc::from([Splice { offset: 8, blob: BlobRef { name: [0; 32], size, sha256: [0; 32] } }]),
            message_id: "<x@y>".into(),
        }
    }

    #[test]
    fn spliced_base64_decodes_to_the_blob_and_has_the_foretold_size() {
        use base64::Engine as _;
        for size in [0_usize, 1, 2, 3, 56, 57, 58, 114, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000] {
            let bytes: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
            let message = message(size as u64);
            let mut out = Vec::new();
            message.write_to(&mut out, &Bytes(bytes.clone())).unwrap();
            assert_eq!(out.len() as u64, message.size_bytes(), "size {size}");
            let body = &out[8..out.len() - 9];
            assert!(body.split(|b| *b == b'\n').all(|line| line.len() <= 77), "lines of {size}");
            let joined: Vec<u8> = body.iter().copied().filter(|b| !b"\r\n".contains(b)).collect();
            assert_eq!(base64::engine::general_purpose::STANDARD.decode(joined).unwrap(), bytes, "size {size}");
        }
    }

    #[test]
    fn a_blob_of_another_size_than_staged_is_refused() {
        for held in [9_usize, 11] {
            let error = message(10).write_to(&mut Vec::new(), &Bytes(vec![1; held])).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "held {held}");
        }
    }
}
