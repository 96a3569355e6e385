//! A host in memory, and the walk through all pages of a file.

use std::collections::BTreeMap;

use kit::{
    Blob, Error, ErrorKind, Host, Item, Person, Source as _,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse, PullRequest, Reading, Unreadable},
};
use sha2::{Digest as _, Sha256};
use whatsapp_export::WhatsappExport;

/// Files and archives by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) archives: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// Attachments over this size are refused.
    pub(crate) attachment_bytes_max: Option<usize>,
    /// Archive entries that cannot be unpacked, and the code that says why.
    pub(crate) damaged: BTreeMap<String, &'static str>,
    /// Where each archive's text was last read up to, and how often a read went back.
    positions: BTreeMap<(String, u32), u64>,
    pub(crate) backward_reads: usize,
    pub(crate) bytes_read: u64,
}

impl Fake {
    /// One text file.
    pub(crate) fn text(path: &str, text: impl AsRef<[u8]>) -> Self {
        Self { files: BTreeMap::from([(path.to_owned(), text.as_ref().to_vec())]), ..Self::default() }
    }

    /// One archive.
    pub(crate) fn zip(path: &str, entries: &[(&str, &[u8])]) -> Self {
        let entries = entries.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        Self { archives: BTreeMap::from([(path.to_owned(), entries)]), ..Self::default() }
    }

    /// Refuses a damaged entry.
    fn whole(&self, path: &str, index: u32) -> Result<(), Error> {
        let name = &self.archives[path][index as usize].0;
        self.damaged
            .get(name)
            .map_or(Ok(()), |code| Err(Error::new(ErrorKind::Rejected, code, "its checksum is wrong")))
    }

    fn blob(&self, bytes: &[u8]) -> Result<Blob, Error> {
        if self.attachment_bytes_max.is_some_and(|max| bytes.len() > max) {
            return Err(Error::new(ErrorKind::Rejected, "too-large", "over the connector's attachment limit"));
        }
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Blob { handle: 1, size: bytes.len() as u64, sha256 })
    }
}

fn missing(path: &str) -> Error {
    Error::new(ErrorKind::Rejected, "not-found", format!("there is no `{path}`"))
}

fn part(bytes: &[u8], offset: u64, max: u32) -> Vec<u8> {
    assert!(max <= 4 * 1024 * 1024, "the contract allows 4 MiB a read");
    let start = (offset as usize).min(bytes.len());
    bytes[start..(start + max as usize).min(bytes.len())].to_vec()
}

impl Host for Fake {
    fn http_send(&mut self, _: HttpRequest) -> Result<HttpResponse, Error> {
        panic!("an export needs no network")
    }
    fn http_fetch(&mut self, _: HttpRequest) -> Result<HttpFetched, Error> {
        panic!("an export needs no network")
    }
    fn folder_entries(&mut self, under: &str) -> Result<Vec<FolderEntry>, Error> {
        let sizes = self
            .files
            .iter()
            .map(|(path, bytes)| (path, bytes.len()))
            .chain(self.archives.keys().map(|path| (path, 22)));
        let mut entries: Vec<_> = sizes
            .filter(|(path, _)| path.starts_with(&format!("{under}/")))
            .map(|(path, size)| FolderEntry { path: path.clone(), size: size as u64, modified: 0 })
            .collect();
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }
    fn folder_read(&mut self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let read = part(self.files.get(path).ok_or_else(|| missing(path))?, offset, max);
        self.bytes_read += read.len() as u64;
        Ok(read)
    }
    fn folder_keep(&mut self, path: &str) -> Result<Blob, Error> {
        self.blob(self.files.get(path).ok_or_else(|| missing(path))?)
    }
    fn archive_entries(&mut self, path: &str) -> Result<Vec<ArchiveEntry>, Error> {
        let archive =
            self.archives.get(path).ok_or_else(|| Error::new(ErrorKind::Rejected, "zip-damaged", "no end record"))?;
        let entry = |(index, (name, bytes)): (usize, &(String, Vec<u8>))| ArchiveEntry {
            index: index as u32,
            name: name.clone(),
            size: bytes.len() as u64,
        };
        Ok(archive.iter().enumerate().map(entry).collect())
    }
    fn archive_read(&mut self, path: &str, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        self.whole(path, index)?;
        let read = part(&self.archives[path][index as usize].1, offset, max);
        let position = self.positions.entry((path.to_owned(), index)).or_default();
        self.backward_reads += usize::from(offset < *position);
        *position = offset + read.len() as u64;
        self.bytes_read += read.len() as u64;
        Ok(read)
    }
    fn archive_keep(&mut self, path: &str, index: u32) -> Result<Blob, Error> {
        self.whole(path, index)?;
        self.blob(&self.archives[path][index as usize].1)
    }
    fn blob_create(&mut self) -> Result<u32, Error> {
        panic!("an export makes no blobs of its own")
    }
    fn blob_write(&mut self, _: u32, _: &[u8]) -> Result<(), Error> {
        panic!("an export makes no blobs of its own")
    }
    fn blob_finish(&mut self, _: u32) -> Result<Blob, Error> {
        panic!("an export makes no blobs of its own")
    }
}

/// An item with what it refers to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) item: Item,
    pub(crate) people: Vec<Person>,
    pub(crate) conversation: kit::Conversation,
}

impl Seen {
    pub(crate) fn sender(&self) -> Option<&Person> {
        self.item.sender.map(|place| &self.people[place as usize])
    }
}

/// Everything that a file gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    pub(crate) items: Vec<Seen>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) pages: usize,
    /// What the last page gave to remember.
    pub(crate) bookmark: Option<Vec<u8>>,
}

/// Reads a whole file; every page with nothing but its cursor.
pub(crate) fn read(host: &mut Fake, settings: &str, path: &str, max_items: u32) -> Result<Whole, Error> {
    read_after(host, settings, path, max_items, None)
}

/// Reads a whole file, with the bookmark that the file before left.
pub(crate) fn read_after(
    host: &mut Fake,
    settings: &str,
    path: &str,
    max_items: u32,
    bookmark: Option<&[u8]>,
) -> Result<Whole, Error> {
    let mut whole = Whole::default();
    let mut cursor = None;
    let mut progress = 0;
    loop {
        let request = PullRequest {
            reading: Reading::File(path.to_owned()),
            account: "whatsapp".to_owned(),
            bookmark: bookmark.map(<[u8]>::to_vec),
            cursor,
            max_items,
        };
        let again = WhatsappExport::pull(host, settings, request.clone());
        let page = WhatsappExport::pull(host, settings, request)?;
        assert_eq!(Ok(&page), again.as_ref(), "the same cursor gives the same page");
        assert!(page.items.len() + page.unreadable.len() <= max_items as usize, "no more than asked for");
        assert!(
            page.cursor.as_ref().is_none_or(|cursor| cursor.len() <= 16 * 1024),
            "the contract's limit of a cursor"
        );
        assert!(page.progress.unwrap() >= progress && page.progress.unwrap() <= 1000, "progress only grows");
        progress = page.progress.unwrap();
        for item in page.items {
            assert!(item.participants.iter().all(|place| (*place as usize) < page.people.len()));
            assert!(item.sender.is_none_or(|sender| item.participants.contains(&sender)), "the sender takes part");
            assert!(item.participants.contains(&item.owner.unwrap()), "the owner takes part");
            assert!(item.original.as_ref().is_none_or(|original| original.len() <= 64 * 1024));
            let conversation = page.conversations[item.conversation as usize].clone();
            whole.items.push(Seen { item, people: page.people.clone(), conversation });
        }
        whole.unreadable.extend(page.unreadable);
        whole.pages += 1;
        cursor = page.cursor;
        assert_eq!(page.bookmark.is_some(), cursor.is_none(), "the last page, and only it, has a bookmark");
        if cursor.is_none() {
            whole.bookmark = page.bookmark;
            assert!(whole.bookmark.as_ref().is_some_and(|bookmark| bookmark.len() <= 64 * 1024), "its limit");
            return Ok(whole);
        }
    }
}

/// Settings with these further members.
pub(crate) fn settings(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(r#"{{"path":"inbox","owner":"anna@example.com"{comma}{more}}}"#)
}
