//! A host with a scripted site behind it.

use std::collections::BTreeMap;

use kit::{
    Blob, Error, ErrorKind, Host, Source, Window,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse, Page, PullRequest, Reading},
};
use telemessage::Telemessage;

/// The settings of most tests.
pub(crate) const SETTINGS: &str = r#"{"site":"https://gate.example.com","page_size":10}"#;
/// 2026-11-02T00:00:00Z and the day after it.
pub(crate) const DAY: Window = Window { start: 1_793_577_600_000, end: 1_793_664_000_000 };
/// An instant within [`DAY`].
pub(crate) const NOON: i64 = DAY.start + 43_200_000;

/// What the site answers to one URL.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Status, headers, body.
    Http(u16, Vec<(String, String)>, Vec<u8>),
    /// The host itself refuses or fails.
    Fails(Error),
}

impl Answer {
    /// 200 with JSON.
    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self::http(200, "application/json", body.into())
    }

    /// Any status with a content type.
    pub(crate) fn http(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Http(status, vec![("Content-Type".to_owned(), content_type.to_owned())], body.into())
    }
}

/// Answers by path and query (what follows the origin); remembers what was asked and written.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: BTreeMap<String, Answer>,
    pub(crate) asked: Vec<String>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

impl Script {
    /// A site that answers the first page of items with these, and nothing after it.
    pub(crate) fn of_items(items: &str) -> Self {
        Self::default().with(&items_url(10, None), Answer::json(format!(r#"{{"items":[{items}],"next":null}}"#)))
    }

    pub(crate) fn with(mut self, url: &str, answer: Answer) -> Self {
        self.answers.insert(url.to_owned(), answer);
        self
    }

    /// Reads one page.
    pub(crate) fn pull(&mut self, settings: &str, cursor: Option<Vec<u8>>) -> Result<Page, Error> {
        let request = PullRequest {
            reading: Reading::Window(DAY),
            account: "acme".into(),
            bookmark: None,
            cursor,
            max_items: 1000,
        };
        Telemessage::pull(self, settings, request)
    }

    fn answer(&mut self, request: &HttpRequest) -> Result<HttpResponse, Error> {
        assert_eq!(request.method, "GET");
        assert_eq!(request.credential.as_deref(), Some("telemessage"));
        let url = request.url.strip_prefix("https://gate.example.com").unwrap().to_owned();
        self.asked.push(url.clone());
        match self.answers.get(&url).cloned() {
            Some(Answer::Http(status, headers, body)) => Ok(HttpResponse { status, headers, body }),
            Some(Answer::Fails(error)) => Err(error),
            None => panic!("nobody scripted {url}"),
        }
    }

    fn keep(&mut self, bytes: Vec<u8>) -> Blob {
        let blob = Blob { handle: self.blobs.len() as u32, size: bytes.len() as u64, sha256: "0".repeat(64) };
        self.blobs.push(bytes);
        blob
    }
}

/// The URL of a page of items.
pub(crate) fn items_url(limit: u32, cursor: Option<&str>) -> String {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    format!("/v1/items?from={}&to={}&archiver=whatsapp&limit={limit}{cursor}", DAY.start, DAY.end)
}

impl Host for Script {
    fn http_send(&mut self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.answer(&request)
    }

    fn http_fetch(&mut self, request: HttpRequest) -> Result<HttpFetched, Error> {
        let HttpResponse { status, headers, body } = self.answer(&request)?;
        let blob = (status == 200).then(|| self.keep(body));
        Ok(HttpFetched { status, headers, blob, excerpt: Vec::new() })
    }

    fn folder_entries(&mut self, _: &str) -> Result<Vec<FolderEntry>, Error> {
        Err(not_wanted())
    }

    fn folder_read(&mut self, _: &str, _: u64, _: u32) -> Result<Vec<u8>, Error> {
        Err(not_wanted())
    }

    fn folder_keep(&mut self, _: &str) -> Result<Blob, Error> {
        Err(not_wanted())
    }

    fn archive_entries(&mut self, _: &str) -> Result<Vec<ArchiveEntry>, Error> {
        Err(not_wanted())
    }

    fn archive_read(&mut self, _: &str, _: u32, _: u64, _: u32) -> Result<Vec<u8>, Error> {
        Err(not_wanted())
    }

    fn archive_keep(&mut self, _: &str, _: u32) -> Result<Blob, Error> {
        Err(not_wanted())
    }

    fn blob_create(&mut self) -> Result<u32, Error> {
        self.blobs.push(Vec::new());
        Ok(self.blobs.len() as u32 - 1)
    }

    fn blob_write(&mut self, writer: u32, chunk: &[u8]) -> Result<(), Error> {
        self.blobs[writer as usize].extend(chunk);
        Ok(())
    }

    fn blob_finish(&mut self, writer: u32) -> Result<Blob, Error> {
        Ok(Blob { handle: writer, size: self.blobs[writer as usize].len() as u64, sha256: "0".repeat(64) })
    }
}

fn not_wanted() -> Error {
    Error::new(ErrorKind::Other, "not-wanted", "this plugin needs no files")
}
