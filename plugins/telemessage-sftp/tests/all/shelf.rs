//! A host with zips on its shelf.

use std::collections::BTreeMap;

use kit::{
    Blob, Error, ErrorKind, Host, Source,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse, Page, PullRequest, Reading},
};
use telemessage_sftp::TelemessageSftp;

/// The settings of all tests.
pub(crate) const SETTINGS: &str = r#"{"path":"inbox"}"#;
/// A delivery's path; its day is 2 November 2026.
pub(crate) const ZIP: &str = "inbox/202611020000-TeleMessage_1_20261103010203.zip";

/// Zips by path, each a list of entries.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) zips: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    pub(crate) blobs: Vec<Vec<u8>>,
    /// Bytes over which the host refuses a blob.
    pub(crate) limit: Option<usize>,
    /// Bytes that were read out of archives.
    pub(crate) bytes_read: usize,
}

impl Shelf {
    /// One delivery of these mails, with a manifest that agrees.
    pub(crate) fn of(mails: &[&str]) -> Self {
        let names: Vec<String> = (1..=mails.len()).map(|number| format!("mail-{number}.eml")).collect();
        let manifest = format!("Count: {}\r\n{}\r\n", mails.len(), names.join("\r\n"));
        let mails = mails.iter().map(|mail| mail.replace('\n', "\r\n").into_bytes());
        let mut entries: Vec<(String, Vec<u8>)> = names.into_iter().zip(mails).collect();
        entries.push(("export.mf".to_owned(), manifest.into_bytes()));
        Self::default().with(entries)
    }

    pub(crate) fn with(mut self, entries: Vec<(String, Vec<u8>)>) -> Self {
        self.zips.insert(ZIP.to_owned(), entries);
        self
    }

    /// Reads one page of the delivery.
    pub(crate) fn pull(&mut self, cursor: Option<Vec<u8>>, max_items: u32) -> Result<Page, Error> {
        let request = PullRequest {
            reading: Reading::File(ZIP.to_owned()),
            account: "telemessage".into(),
            bookmark: None,
            cursor,
            max_items,
        };
        TelemessageSftp::pull(self, SETTINGS, request)
    }

    fn entry(&self, path: &str, index: u32) -> &(String, Vec<u8>) {
        &self.zips[path][index as usize]
    }
}

impl Host for Shelf {
    fn http_send(&mut self, _: HttpRequest) -> Result<HttpResponse, Error> {
        Err(Error::new(ErrorKind::Other, "not-wanted", "this plugin needs no network"))
    }

    fn http_fetch(&mut self, _: HttpRequest) -> Result<HttpFetched, Error> {
        Err(Error::new(ErrorKind::Other, "not-wanted", "this plugin needs no network"))
    }

    fn folder_entries(&mut self, under: &str) -> Result<Vec<FolderEntry>, Error> {
        assert_eq!(under, "inbox");
        Ok(self.zips.keys().map(|path| FolderEntry { path: path.clone(), size: 1, modified: 0 }).collect())
    }

    fn folder_read(&mut self, _: &str, _: u64, _: u32) -> Result<Vec<u8>, Error> {
        Err(Error::new(ErrorKind::Other, "not-wanted", "this plugin reads archives"))
    }

    fn folder_keep(&mut self, _: &str) -> Result<Blob, Error> {
        Err(Error::new(ErrorKind::Other, "not-wanted", "this plugin reads archives"))
    }

    fn archive_entries(&mut self, path: &str) -> Result<Vec<ArchiveEntry>, Error> {
        let entries = self.zips[path].iter().zip(0..);
        Ok(entries
            .map(|((name, bytes), index)| ArchiveEntry { index, name: name.clone(), size: bytes.len() as u64 })
            .collect())
    }

    fn archive_read(&mut self, path: &str, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        assert!(max <= 4 << 20);
        let bytes = &self.entry(path, index).1;
        let start = (offset as usize).min(bytes.len());
        let chunk = bytes[start..(start + max as usize).min(bytes.len())].to_vec();
        self.bytes_read += chunk.len();
        Ok(chunk)
    }

    fn archive_keep(&mut self, path: &str, index: u32) -> Result<Blob, Error> {
        let bytes = self.entry(path, index).1.clone();
        let writer = self.blob_create()?;
        for chunk in bytes.chunks(4 << 20) {
            self.blob_write(writer, chunk)?;
        }
        self.blob_finish(writer)
    }

    fn blob_create(&mut self) -> Result<u32, Error> {
        self.blobs.push(Vec::new());
        Ok(self.blobs.len() as u32 - 1)
    }

    fn blob_write(&mut self, writer: u32, chunk: &[u8]) -> Result<(), Error> {
        assert!(chunk.len() <= 4 << 20);
        self.blobs[writer as usize].extend(chunk);
        if self.limit.is_some_and(|limit| self.blobs[writer as usize].len() > limit) {
            let mut error = Error::new(ErrorKind::Rejected, "too-large", "over the limit");
            error.extensions.push(("limit".to_owned(), self.limit.unwrap().to_string()));
            return Err(error);
        }
        Ok(())
    }

    fn blob_finish(&mut self, writer: u32) -> Result<Blob, Error> {
        Ok(Blob { handle: writer, size: self.blobs[writer as usize].len() as u64, sha256: "0".repeat(64) })
    }
}
