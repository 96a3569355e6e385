//! A file as a row of bytes, read in chunks.

use kit::{Error, Host};

use crate::limits::CHUNK_BYTES;

/// The bytes of a file from a place on.
pub(crate) struct Input<'a> {
    /// Also asked for files beside this one.
    pub(crate) host: &'a mut dyn Host,
    /// Its path.
    pub(crate) path: &'a str,
    /// The chunk at hand, and where in the file it begins.
    chunk: Vec<u8>,
    chunk_start: u64,
    at: usize,
    ended: bool,
}

impl<'a> Input<'a> {
    /// The file at `path` from `offset` on.
    pub(crate) fn new(host: &'a mut dyn Host, path: &'a str, offset: u64) -> Self {
        Self { host, path, chunk: Vec::new(), chunk_start: offset, at: 0, ended: false }
    }

    /// Goes on at `offset`.
    pub(crate) fn seek(&mut self, offset: u64) {
        let inside = offset.checked_sub(self.chunk_start).and_then(|at| usize::try_from(at).ok());
        match inside.filter(|at| *at <= self.chunk.len()) {
            Some(at) => self.at = at,
            None => {
                self.chunk.clear();
                (self.chunk_start, self.at, self.ended) = (offset, 0, false);
            }
        }
    }

    /// The next byte; none at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, Error> {
        if self.at >= self.chunk.len() {
            if self.ended {
                return Ok(None);
            }
            let start = self.position();
            let read = self.host.folder_read(self.path, start, CHUNK_BYTES)?;
            self.ended = read.is_empty();
            if !self.ended {
                (self.chunk, self.chunk_start, self.at) = (read, start, 0);
            }
        }
        Ok(self.chunk.get(self.at).copied())
    }

    /// What is left of the chunk at hand.
    pub(crate) fn rest_of_chunk(&self) -> &[u8] {
        self.chunk.get(self.at..).unwrap_or_default()
    }

    /// Goes on by so many bytes of the chunk at hand.
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.chunk.len());
    }

    /// Where in the file the next byte is.
    pub(crate) fn position(&self) -> u64 {
        self.chunk_start.saturating_add(self.at as u64)
    }

    /// The first bytes of what is left.
    pub(crate) fn rest(&mut self, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while bytes.len() < bytes_max && self.peek()?.is_some() {
            let chunk = self.rest_of_chunk();
            let take = chunk.len().min(bytes_max.saturating_sub(bytes.len()));
            bytes.extend_from_slice(chunk.get(..take).unwrap_or_default());
            self.advance(take);
        }
        Ok(bytes)
    }
}
