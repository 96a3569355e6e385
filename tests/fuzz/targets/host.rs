//! A host in memory for source plugins, and the walk through all pages of a reading.

use std::collections::BTreeSet;

use kit::{
    Blob, Error, ErrorKind, Host, Item, Source,
    source::{
        ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse, Page, PullRequest, Reading, Unreadable,
    },
};

/// Pages after which a reading of so few bytes is said to have no end.
const PAGES_MAX: usize = 100_000;

/// What a plugin finds.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    /// Files by path.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// The entries of every archive.
    pub(crate) entries: Vec<(String, Vec<u8>)>,
    /// What every request is answered with.
    pub(crate) answer: Vec<u8>,
    /// Bytes of the blob being written.
    pub(crate) written: u64,
}

/// Whom and what an item names: a place in a table depends on what else is on the page, these do not.
#[derive(Debug, PartialEq)]
pub(crate) struct Places {
    conversation: String,
    sender: Option<String>,
    owner: Option<String>,
    participants: Vec<String>,
}

/// Everything a reading gave.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    /// Its items without their places in their page's tables, and what stands at those places.
    pub(crate) items: Vec<(Item, Places)>,
    /// What could not be made an item.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Reads everything in pages of `max_items`; the plugin's refusal ends it.
pub(crate) fn read_all<P: Source>(
    shelf: &Shelf,
    settings: &str,
    reading: &Reading,
    max_items: u32,
) -> Result<Read, Error> {
    let mut read = Read::default();
    let (mut cursor, mut bookmark) = (None, None);
    let mut seen = BTreeSet::new();
    for _ in 0..PAGES_MAX {
        let request = PullRequest {
            reading: reading.clone(),
            account: "fuzz".to_owned(),
            bookmark: None,
            cursor: cursor.clone(),
            max_items,
        };
        let page = P::pull(&mut shelf.clone(), settings, request)?;
        check(&page, max_items);
        bookmark = page.bookmark.or(bookmark);
        let id = |index: &u32| page.people[*index as usize].id.clone();
        let taken_apart = |item: &Item| {
            let places = Places {
                conversation: page.conversations[item.conversation as usize].id.clone(),
                sender: item.sender.as_ref().map(id),
                owner: item.owner.as_ref().map(id),
                participants: item.participants.iter().map(id).collect(),
            };
            let item = Item { conversation: 0, sender: None, owner: None, participants: Vec::new(), ..item.clone() };
            (item, places)
        };
        read.items.extend(page.items.iter().map(taken_apart));
        read.unreadable.extend(page.unreadable);
        match page.cursor {
            None => return Ok(read),
            Some(next) => {
                assert!(seen.insert(next.clone()), "a cursor came twice: the reading has no end");
                cursor = Some(next);
            }
        }
    }
    panic!("more than {PAGES_MAX} pages");
}

/// What the host's contract asks of every page.
fn check(page: &Page, max_items: u32) {
    assert!(page.items.len() <= max_items as usize, "more items than were asked for");
    for item in &page.items {
        assert!(!item.id.is_empty() && item.id.len() <= 512, "an id of {} bytes", item.id.len());
        assert!((item.conversation as usize) < page.conversations.len());
        for index in item.participants.iter().chain(&item.sender).chain(&item.owner) {
            assert!((*index as usize) < page.people.len(), "a person who is not in the table");
        }
        for person in item.sender.iter().chain(&item.owner) {
            assert!(item.participants.contains(person), "sender and owner take part");
        }
        assert!(item.original.as_ref().is_none_or(|original| original.len() <= 64 << 10));
    }
    for person in &page.people {
        assert!(!person.id.is_empty(), "a person without an id");
    }
    for unreadable in &page.unreadable {
        assert!(!unreadable.id.is_empty() && !unreadable.code.is_empty());
        assert!(unreadable.original.len() <= 64 << 10);
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::Rejected, "not-found", "there is no such file")
}

fn part(bytes: &[u8], offset: u64, max: u32) -> Vec<u8> {
    let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
    rest[..rest.len().min(max as usize)].to_vec()
}

fn blob(size: u64) -> Blob {
    Blob { handle: 0, size, sha256: "0".repeat(64) }
}

impl Host for Shelf {
    fn http_send(&mut self, _: HttpRequest) -> Result<HttpResponse, Error> {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Ok(HttpResponse { status: 200, headers, body: self.answer.clone() })
    }

    fn http_fetch(&mut self, _: HttpRequest) -> Result<HttpFetched, Error> {
        Ok(HttpFetched { status: 200, headers: Vec::new(), blob: Some(blob(3)), excerpt: Vec::new() })
    }

    fn folder_entries(&mut self, _: &str) -> Result<Vec<FolderEntry>, Error> {
        let entry = |(path, bytes): &(String, Vec<u8>)| FolderEntry {
            path: path.clone(),
            size: bytes.len() as u64,
            modified: 0,
        };
        Ok(self.files.iter().map(entry).collect())
    }

    fn folder_read(&mut self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let (_, bytes) = self.files.iter().find(|(known, _)| known == path).ok_or_else(missing)?;
        Ok(part(bytes, offset, max))
    }

    fn folder_keep(&mut self, path: &str) -> Result<Blob, Error> {
        let (_, bytes) = self.files.iter().find(|(known, _)| known == path).ok_or_else(missing)?;
        Ok(blob(bytes.len() as u64))
    }

    fn archive_entries(&mut self, _: &str) -> Result<Vec<ArchiveEntry>, Error> {
        let entry = |(index, (name, bytes)): (u32, &(String, Vec<u8>))| ArchiveEntry {
            index,
            name: name.clone(),
            size: bytes.len() as u64,
        };
        Ok((0..).zip(&self.entries).map(entry).collect())
    }

    fn archive_read(&mut self, _: &str, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let (_, bytes) = self.entries.get(index as usize).ok_or_else(missing)?;
        Ok(part(bytes, offset, max))
    }

    fn archive_keep(&mut self, _: &str, index: u32) -> Result<Blob, Error> {
        let (_, bytes) = self.entries.get(index as usize).ok_or_else(missing)?;
        Ok(blob(bytes.len() as u64))
    }

    fn blob_create(&mut self) -> Result<u32, Error> {
        self.written = 0;
        Ok(0)
    }

    fn blob_write(&mut self, _: u32, chunk: &[u8]) -> Result<(), Error> {
        self.written += chunk.len() as u64;
        Ok(())
    }

    fn blob_finish(&mut self, _: u32) -> Result<Blob, Error> {
        Ok(blob(self.written))
    }
}
