//! `chancery:connector/source` and what a source may import.

use crate::{descriptor::Descriptor, types::*};

/// A request. See `wit/source.wit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<Vec<u8>>,
    /// Name of the credential to attach.
    pub credential: Option<String>,
}

/// An answer of any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// An answer whose body the host keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpFetched {
    /// Status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body, for 200.
    pub blob: Option<Blob>,
    /// The start of the body otherwise.
    pub excerpt: Vec<u8>,
}

/// A file of a granted folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// Path.
    pub path: String,
    /// Size.
    pub size: u64,
    /// Last change.
    pub modified: Timestamp,
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// Number.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Size unpacked.
    pub size: u64,
}

/// What a source may ask of its host. The component implements it by imports, tests by a fake.
pub trait Host {
    /// `http.send`.
    fn http_send(&mut self, request: HttpRequest) -> Result<HttpResponse, Error>;
    /// `http.fetch`.
    fn http_fetch(&mut self, request: HttpRequest) -> Result<HttpFetched, Error>;
    /// `folder.entries`.
    fn folder_entries(&mut self, under: &str) -> Result<Vec<FolderEntry>, Error>;
    /// `folder.read`.
    fn folder_read(&mut self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Error>;
    /// `folder.keep`.
    fn folder_keep(&mut self, path: &str) -> Result<Blob, Error>;
    /// `archive.entries`.
    fn archive_entries(&mut self, path: &str) -> Result<Vec<ArchiveEntry>, Error>;
    /// `archive.read`.
    fn archive_read(&mut self, path: &str, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Error>;
    /// `archive.keep`.
    fn archive_keep(&mut self, path: &str, index: u32) -> Result<Blob, Error>;
    /// `blobs.create`.
    fn blob_create(&mut self) -> Result<u32, Error>;
    /// `blobs.write`.
    fn blob_write(&mut self, writer: u32, chunk: &[u8]) -> Result<(), Error>;
    /// `blobs.finish`.
    fn blob_finish(&mut self, writer: u32) -> Result<Blob, Error>;
}

/// What `check` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Stable id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Findings.
    pub findings: Vec<String>,
}

/// What the source says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Observations.
    pub observations: u64,
    /// Room to grow.
    pub extensions: Extensions,
}

/// What one `pull` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A window.
    Window(Window),
    /// Since the bookmark.
    Since,
    /// One file.
    File(String),
}

/// A `pull`'s question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// What to read.
    pub reading: Reading,
    /// The account's id.
    pub account: String,
    /// From the previous window's last page.
    pub bookmark: Option<Vec<u8>>,
    /// Where the previous page ended.
    pub cursor: Option<Vec<u8>>,
    /// The most items.
    pub max_items: u32,
}

/// Something that could not be made an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Stable id.
    pub id: String,
    /// Reason code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// When, where known.
    pub sent_at: Option<Timestamp>,
    /// The bytes.
    pub original: Vec<u8>,
}

/// What one `pull` returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// People.
    pub people: Vec<Person>,
    /// Conversations.
    pub conversations: Vec<Conversation>,
    /// Items.
    pub items: Vec<Item>,
    /// Unreadable.
    pub unreadable: Vec<Unreadable>,
    /// Next page; none on the last.
    pub cursor: Option<Vec<u8>>,
    /// To remember.
    pub bookmark: Option<Vec<u8>>,
    /// 0 to 1000.
    pub progress: Option<u32>,
}

/// A source's logic. Stateless: everything it needs is in its arguments.
pub trait Source {
    /// `describe`.
    fn describe() -> Descriptor;
    /// `check`.
    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error>;
    /// `roster`.
    fn roster(host: &mut dyn Host, settings: &str) -> Result<Option<Vec<Person>>, Error>;
    /// `totals`.
    fn totals(host: &mut dyn Host, settings: &str, account: &str, window: Window) -> Result<Option<Counts>, Error>;
    /// `pull`.
    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error>;
}
