//! A host in memory.

use std::collections::BTreeMap;

use kit::{
    Blob, Error, ErrorKind, Host,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse},
};
use sha2::{Digest as _, Sha256};

/// The most that a source may read at once.
const READ_BYTES_MAX: u32 = 4 * 1024 * 1024;

/// Files and archives by path.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Archives: names and bytes of their entries, in stored order.
    pub archives: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// Attachments over this size are refused.
    pub attachment_bytes_max: Option<usize>,
    /// Archive entries that cannot be unpacked, and the code that says why.
    pub damaged: BTreeMap<String, &'static str>,
    /// What was written as blobs.
    pub blobs: Vec<Vec<u8>>,
    /// Where each entry was last read up to.
    pub positions: BTreeMap<(String, u32), u64>,
    /// How often a read of an archive went back, which unpacks it anew.
    pub backward_reads: usize,
    /// How often an archive's entries were listed.
    pub archive_listings: usize,
    /// Bytes that were read of files and entries.
    pub bytes_read: u64,
}

impl Shelf {
    /// One file.
    pub fn file(path: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self { files: BTreeMap::from([(path.to_owned(), bytes.as_ref().to_vec())]), ..Self::default() }
    }

    /// One archive.
    pub fn archive(path: &str, entries: &[(&str, &[u8])]) -> Self {
        let entries = entries.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        Self { archives: BTreeMap::from([(path.to_owned(), entries)]), ..Self::default() }
    }

    /// This, and another file.
    #[must_use]
    pub fn and(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), bytes.as_ref().to_vec());
        self
    }

    fn entry(&self, path: &str, index: u32) -> Result<&[u8], Error> {
        let (name, bytes) = self
            .archives
            .get(path)
            .and_then(|entries| entries.get(index as usize))
            .ok_or_else(|| missing(&format!("{path}, entry {index}")))?;
        match self.damaged.get(name) {
            Some(code) => Err(Error::new(ErrorKind::Rejected, code, "its checksum is wrong")),
            None => Ok(bytes),
        }
    }

    fn blob(&self, bytes: &[u8]) -> Result<Blob, Error> {
        if self.attachment_bytes_max.is_some_and(|max| bytes.len() > max) {
            return Err(Error::new(ErrorKind::Rejected, "too-large", "over the connector's attachment limit"));
        }
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Blob { handle: 1, size: bytes.len() as u64, sha256 })
    }

    fn whole(&self, path: &str) -> Result<&[u8], Error> {
        self.files.get(path).map(Vec::as_slice).ok_or_else(|| missing(path))
    }
}

fn missing(path: &str) -> Error {
    Error::new(ErrorKind::Rejected, "not-found", format!("there is no `{path}`"))
}

fn part(bytes: &[u8], offset: u64, max: u32) -> Vec<u8> {
    assert!(max <= READ_BYTES_MAX, "the contract allows 4 MiB a read");
    let start = usize::try_from(offset).unwrap().min(bytes.len());
    bytes[start..(start + max as usize).min(bytes.len())].to_vec()
}

impl Host for Shelf {
    fn http_send(&mut self, _: HttpRequest) -> Result<HttpResponse, Error> {
        panic!("a source of files needs no network")
    }
    fn http_fetch(&mut self, _: HttpRequest) -> Result<HttpFetched, Error> {
        panic!("a source of files needs no network")
    }
    fn folder_entries(&mut self, under: &str) -> Result<Vec<FolderEntry>, Error> {
        let sizes = self.files.iter().map(|(path, bytes)| (path, bytes.len()));
        let sizes = sizes.chain(self.archives.keys().map(|path| (path, 22)));
        let mut entries: Vec<_> = sizes
            .filter(|(path, _)| path.starts_with(&format!("{under}/")))
            .map(|(path, size)| FolderEntry { path: path.clone(), size: size as u64, modified: 0 })
            .collect();
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }
    fn folder_read(&mut self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let read = part(self.whole(path)?, offset, max);
        self.bytes_read += read.len() as u64;
        Ok(read)
    }
    fn folder_keep(&mut self, path: &str) -> Result<Blob, Error> {
        self.blob(self.whole(path)?)
    }
    fn archive_entries(&mut self, path: &str) -> Result<Vec<ArchiveEntry>, Error> {
        self.archive_listings += 1;
        let archive =
            self.archives.get(path).ok_or_else(|| Error::new(ErrorKind::Rejected, "zip-damaged", "no end record"))?;
        let entry = |(index, (name, bytes)): (u32, &(String, Vec<u8>))| ArchiveEntry {
            index,
            name: name.clone(),
            size: bytes.len() as u64,
        };
        Ok((0..).zip(archive).map(entry).collect())
    }
    fn archive_read(&mut self, path: &str, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let read = part(self.entry(path, index)?, offset, max);
        let position = self.positions.entry((path.to_owned(), index)).or_default();
        self.backward_reads += usize::from(offset < *position);
        *position = offset + read.len() as u64;
        self.bytes_read += read.len() as u64;
        Ok(read)
    }
    fn archive_keep(&mut self, path: &str, index: u32) -> Result<Blob, Error> {
        self.blob(self.entry(path, index)?)
    }
    fn blob_create(&mut self) -> Result<u32, Error> {
        self.blobs.push(Vec::new());
        Ok(u32::try_from(self.blobs.len()).unwrap() - 1)
    }
    fn blob_write(&mut self, writer: u32, chunk: &[u8]) -> Result<(), Error> {
        assert!(chunk.len() <= READ_BYTES_MAX as usize, "the contract allows 4 MiB a write");
        let max = self.attachment_bytes_max;
        let blob = &mut self.blobs[writer as usize];
        blob.extend_from_slice(chunk);
        if max.is_some_and(|max| blob.len() > max) {
            return Err(Error::new(ErrorKind::Rejected, "too-large", "over the connector's attachment limit"));
        }
        Ok(())
    }
    fn blob_finish(&mut self, writer: u32) -> Result<Blob, Error> {
        self.blob(&self.blobs[writer as usize])
    }
}
