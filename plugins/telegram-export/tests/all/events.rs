//! Edits, files and owners across exports.

use kit::{
    Blob, Content, Direction, Error, ErrorKind, Host, Source as _,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse, PullRequest, Reading},
};
use shelf::Shelf;
use telegram_export::TelegramExport;

use crate::{EXPORT, SETTINGS, chat, message, read, read_text};

#[test]
fn a_later_export_with_an_edit_is_a_new_state() {
    let first = chat(&message(1, "at ten"));
    let edited = message(1, "at eleven").replace("\"text\"", "\"edited_unixtime\":\"1793610000\",\"text\"");
    let (first, second) = (read_text(first), read_text(chat(&edited)));
    let (first, second) = (&first.items[0].item, &second.items[0].item);
    assert_eq!((&first.id, first.revision), (&second.id, 0));
    assert_eq!((second.revision, second.text.as_deref()), (1_793_610_000, Some("at eleven")));
}

#[test]
fn files_over_the_limit_are_withheld() {
    let text = chat(&message(1, "look").replace("\"text\"", "\"file\":\"files/a.bin\",\"text\""));
    let mut host = Shelf::file(EXPORT, text).and("inbox/files/a.bin", [0; 100]);
    assert!(
        matches!(&read(&mut host, 1).items[0].item.attachments[0].content, Content::Present(blob) if blob.size == 100)
    );
    host.attachment_bytes_max = Some(50);
    assert!(
        matches!(&read(&mut host, 1).items[0].item.attachments[0].content, Content::Withheld(of) if of.reason == "too-large")
    );
}

#[test]
fn the_owner_is_found_behind_the_first_messages() {
    let ben = |id| message(id, "x").replace("user5", "user7").replace("Anna", "Ben");
    let text = chat(&[ben(1), ben(2), message(3, "y")].join(","));
    for max_items in 1..4 {
        let whole = read(&mut Shelf::file(EXPORT, &text), max_items);
        let ways: Vec<_> = whole.items.iter().map(|seen| seen.item.direction.unwrap()).collect();
        assert_eq!(ways, [Direction::Incoming, Direction::Incoming, Direction::Outgoing]);
        for seen in &whole.items {
            let owner = &seen.people[seen.item.owner.unwrap() as usize];
            assert_eq!((owner.id.as_str(), owner.name.as_deref()), ("user5", Some("Anna")));
            assert_eq!(seen.item.participants.len(), 2);
        }
    }
}

#[test]
fn an_address_is_the_mail_address_of_the_owner() {
    let settings = r#"{"path":"inbox","owner":"anna@example.com"}"#;
    let whole =
        shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, chat(&message(1, "a"))), settings, EXPORT, 1).unwrap();
    let anna = whole.items[0].sender().unwrap();
    assert_eq!((anna.id.as_str(), anna.email.as_deref()), ("user5", Some("anna@example.com")));
}

#[test]
fn two_owners_never_share_an_id() {
    let group = format!(r#"{{"type":"private_group","id":21,"messages":[{}]}}"#, message(1, "a"));
    let of = |owner: &str| {
        let settings = format!(r#"{{"path":"inbox","owner":"{owner}"}}"#);
        let whole = shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, &group), &settings, EXPORT, 1).unwrap();
        whole.items[0].item.id.clone()
    };
    assert_eq!((of("user5"), of("user6")), ("user5/chat21:1".to_owned(), "user6/chat21:1".to_owned()));
}

#[test]
fn what_it_says_of_itself_is_fixed() {
    let descriptor = TelegramExport::describe();
    assert_eq!(descriptor, TelegramExport::describe());
    let kit::PluginKind::Source(traits) = descriptor.kind else { panic!() };
    assert_eq!(traits.default_folder, "Telegram Archiver");
    let mut host = Shelf::file(EXPORT, "{}").and("inbox/photos/a.jpg", "x");
    let account = TelegramExport::check(&mut host, SETTINGS).unwrap();
    assert_eq!((account.id.as_str(), account.findings.len()), ("telegram", 1));
    assert!(TelegramExport::check(&mut host, r#"{"path":"inbox/none.json"}"#).is_err());
}

/// A host that says of a file that is not there what it says of one that may not be read.
struct Strict {
    shelf: Shelf,
    /// A file that is there and may not be read.
    forbidden: &'static str,
    /// What every file is said to hold.
    bytes: Option<u64>,
}

impl Host for Strict {
    fn folder_keep(&mut self, path: &str) -> Result<Blob, Error> {
        let error = || Error::new(ErrorKind::Misconfigured, "folder-unreadable", format!("`{path}` cannot be read"));
        let kept =
            if path == self.forbidden { Err(error()) } else { self.shelf.folder_keep(path).map_err(|_| error()) };
        kept.map(|blob| Blob { size: self.bytes.unwrap_or(blob.size), ..blob })
    }
    fn folder_entries(&mut self, under: &str) -> Result<Vec<FolderEntry>, Error> {
        self.shelf.folder_entries(under)
    }
    fn folder_read(&mut self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        self.shelf.folder_read(path, offset, max)
    }
    fn http_send(&mut self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.shelf.http_send(request)
    }
    fn http_fetch(&mut self, request: HttpRequest) -> Result<HttpFetched, Error> {
        self.shelf.http_fetch(request)
    }
    fn archive_entries(&mut self, path: &str) -> Result<Vec<ArchiveEntry>, Error> {
        self.shelf.archive_entries(path)
    }
    fn archive_read(&mut self, path: &str, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        self.shelf.archive_read(path, index, offset, max)
    }
    fn archive_keep(&mut self, path: &str, index: u32) -> Result<Blob, Error> {
        self.shelf.archive_keep(path, index)
    }
    fn blob_create(&mut self) -> Result<u32, Error> {
        self.shelf.blob_create()
    }
    fn blob_write(&mut self, writer: u32, chunk: &[u8]) -> Result<(), Error> {
        self.shelf.blob_write(writer, chunk)
    }
    fn blob_finish(&mut self, writer: u32) -> Result<Blob, Error> {
        self.shelf.blob_finish(writer)
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_taken_for_missing() {
    let file = |id, name: &str| message(id, "x").replace("\"text\"", &format!("\"file\":\"files/{name}\",\"text\""));
    let text = chat(&[file(1, "there"), file(2, "gone"), file(3, "gone")].join(","));
    let shelf = Shelf::file(EXPORT, text).and("inbox/files/there", "1");
    let pull = |forbidden| {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "telegram".to_owned(),
            bookmark: None,
            cursor: None,
            max_items: 10,
        };
        TelegramExport::pull(&mut Strict { shelf: shelf.clone(), forbidden, bytes: None }, SETTINGS, request)
    };
    let page = pull("").unwrap();
    let missing =
        page.items.iter().filter(|item| item.attachments[0].content == Content::Missing("not-found".to_owned()));
    assert_eq!(missing.count(), 2);
    assert_eq!(pull("inbox/files/there").unwrap_err().code, "folder-unreadable");
}

#[test]
fn what_is_not_read_is_told() {
    let mut host = Shelf::file("inbox/a/messages.html", "x").and("inbox/a.zip", "x");
    let findings = TelegramExport::check(&mut host, SETTINGS).unwrap().findings;
    assert_eq!(findings.len(), 3, "{findings:?}");
}

#[test]
fn groups_of_old_exports_are_those_of_new_ones() {
    let settings = r#"{"path":"inbox","owner":"user5","zone":"Europe/Berlin"}"#;
    let cases = [
        ("private_group", 4_294_967_317_i64, 21),
        ("private_supergroup", 8_589_934_614, 22),
        ("public_channel", 30, 30),
    ];
    for (kind, old, new) in cases {
        let of = |id: i64, time: &str, from: &str| {
            let record = format!(r#"{{"id":1,"type":"message",{time},"from_id":{from},"text":"a"}}"#);
            let text = format!(r#"{{"type":"{kind}","id":{id},"messages":[{record}]}}"#);
            let whole = shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, text), settings, EXPORT, 1).unwrap();
            (whole.items[0].item.id.clone(), whole.items[0].item.sent_at, whole.items[0].sender().cloned())
        };
        let old = of(old, r#""date":"2019-07-12T16:55:32""#, "7");
        let new = of(new, r#""date":"2019-07-12T16:55:32","date_unixtime":"1562943332""#, r#""user7""#);
        assert_eq!(old, new, "{kind}");
    }
}

#[test]
fn a_page_ends_after_large_files() {
    let file = |id| message(id, "x").replace("\"text\"", &format!("\"file\":\"files/{id}\",\"text\""));
    let text = chat(&[file(1), file(2), file(3)].join(","));
    let shelf = (1..4).fold(Shelf::file(EXPORT, text), |shelf, id| shelf.and(&format!("inbox/files/{id}"), "1"));
    let (mut cursor, mut ids) = (None, Vec::new());
    loop {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "telegram".to_owned(),
            bookmark: None,
            cursor,
            max_items: 10,
        };
        let host = &mut Strict { shelf: shelf.clone(), forbidden: "", bytes: Some(300 << 20) };
        let page = TelegramExport::pull(host, SETTINGS, request).unwrap();
        ids.push(page.items.into_iter().map(|item| item.id).collect::<Vec<_>>());
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, [vec!["user5/user7:1", "user5/user7:2"], vec!["user5/user7:3"]]);
}
