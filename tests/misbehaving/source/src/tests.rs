#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::collections::BTreeSet;

use kit::{
    Blob, Content, Error, ErrorKind, Extensions, Host, Source, Window,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse, Page, PullRequest, Reading},
};

use crate::{Misbehaving, behaviours, lie, reach};

const WINDOW: Window = Window { start: 1_700_000_000_000, end: 1_700_000_086_400 };

#[test]
fn every_behaviour_has_one_kebab_case_name() {
    let names = behaviours();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))));
}

#[test]
fn the_descriptor_offers_every_behaviour_and_never_changes() {
    let descriptor = Misbehaving::describe();
    let schema: serde_json::Value = serde_json::from_str(&descriptor.settings_schema).unwrap();
    assert_eq!(schema["properties"]["behave"]["enum"], serde_json::json!(behaviours()));
    assert_eq!(descriptor, Misbehaving::describe());
}

#[test]
fn settings_that_cannot_be_used_are_errors() {
    for (settings, code) in [
        ("", "bad-settings"),
        ("7", "bad-settings"),
        (r#"{"items":-1}"#, "bad-settings"),
        (r#"{"behave":7}"#, "bad-settings"),
        (r#"{"behave":"be-nice"}"#, "unknown-behaviour"),
    ] {
        assert_eq!(pull_with(settings, None).unwrap_err().code, code, "{settings}");
    }
}

#[test]
fn left_alone_it_delivers_every_item_once_within_the_contract() {
    let settings = r#"{"behave":"ok","items":5}"#;
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = pull_with(settings, cursor).unwrap();
        assert_eq!(faults(&page), Vec::<&str>::new());
        ids.extend(page.items.into_iter().map(|item| item.id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids.len(), 5);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 5);
    let totals = Misbehaving::totals(&mut Refusing, settings, "misbehaving", WINDOW).unwrap().unwrap();
    assert_eq!(totals.observations, 5);
}

#[test]
fn every_lie_breaks_the_contract() {
    // A gigabyte is for the guest only; `large-return` is the same code.
    for (name, _) in lie::BEHAVIOURS.iter().filter(|(name, _)| *name != "huge-return") {
        let page = pull_with(&format!(r#"{{"behave":"{name}"}}"#), None).unwrap();
        assert_ne!(faults(&page), Vec::<&str>::new(), "{name} is no lie");
    }
}

#[test]
fn no_oddity_breaks_the_contract() {
    for (name, _) in lie::ODDITIES {
        let page = pull_with(&format!(r#"{{"behave":"{name}"}}"#), None).unwrap();
        assert_eq!(faults(&page), Vec::<&str>::new(), "{name} is a lie");
    }
}

#[test]
fn what_the_host_refuses_is_reported_as_refused() {
    // These two look at the machine itself, which a native test does not hide from them.
    for (name, _) in reach::BEHAVIOURS.iter().filter(|(name, _)| !["read-machine", "read-clock"].contains(name)) {
        match pull_with(&format!(r#"{{"behave":"{name}"}}"#), None) {
            Ok(page) => {
                assert_ne!(page.items, Vec::new(), "{name} tried nothing");
                for item in page.items {
                    assert_eq!(item.text.as_deref(), Some("refused: Denied refused"), "{name}: {}", item.id);
                }
            }
            Err(error) => assert_eq!(error.code, "refused", "{name}"),
        }
    }
}

#[test]
fn another_function_misbehaves_when_asked_to() {
    let settings = r#"{"behave":"fail-denied","during":"check"}"#;
    assert_eq!(Misbehaving::check(&mut Refusing, settings).unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(Misbehaving::roster(&mut Refusing, settings), Ok(None));
    assert!(pull_with(settings, None).is_ok());
}

fn pull_with(settings: &str, cursor: Option<Vec<u8>>) -> Result<Page, Error> {
    let request = PullRequest {
        reading: Reading::Window(WINDOW),
        account: "misbehaving".to_owned(),
        bookmark: None,
        cursor,
        max_items: 3,
    };
    Misbehaving::pull(&mut Refusing, settings, request)
}

/// Which rules of `wit/types.wit` and `wit/source.wit` a page breaks, as far as it can be told without a host.
fn faults(page: &Page) -> Vec<&'static str> {
    let mut ids = BTreeSet::new();
    let mut rules = vec![
        ("items", page.items.len() <= 3),
        ("cursor", page.cursor.as_ref().is_none_or(|cursor| cursor.len() <= 16 << 10)),
        ("bookmark", page.bookmark.as_ref().is_none_or(|mark| mark.len() <= 64 << 10 && page.cursor.is_none())),
        ("progress", page.progress.is_none_or(|progress| progress <= 1_000)),
    ];
    for person in &page.people {
        rules.push(("person id", is_line(&person.id)));
        rules.push(("person name", person.name.as_deref().is_none_or(|name| name.len() <= 4 << 10)));
    }
    for conversation in &page.conversations {
        rules.push(("conversation id", is_line(&conversation.id)));
    }
    for unreadable in &page.unreadable {
        rules.push(("unreadable", is_line(&unreadable.id) && unreadable.original.len() <= 64 << 10));
    }
    for item in &page.items {
        let known = |index: &u32| (*index as usize) < page.people.len();
        let distinct: BTreeSet<_> = item.participants.iter().collect();
        let named = item.sender.iter().chain(&item.owner);
        rules.extend([
            ("id", is_line(&item.id) && ids.insert((&item.id, item.event as u8, item.revision))),
            ("conversation", (item.conversation as usize) < page.conversations.len()),
            ("sender and owner", named.clone().all(|index| known(index) && distinct.contains(index))),
            ("participants", item.participants.iter().all(known) && distinct.len() == item.participants.len()),
            ("many participants", item.participants.len() <= 4_096),
            ("time", (WINDOW.start..WINDOW.end).contains(&item.sent_at)),
            ("text", item.text.as_ref().is_none_or(|text| text.len() <= 16 << 20)),
            ("original", item.original.as_ref().is_none_or(|original| original.len() <= 64 << 10)),
            ("extensions", extensions_keep_the_rules(&item.extensions)),
            ("attachments", item.attachments.len() <= 256),
        ]);
        for attachment in &item.attachments {
            rules.push(("content", matches!(&attachment.content, Content::Missing(code) if is_code(code))));
        }
    }
    rules.into_iter().filter(|(_, kept)| !kept).map(|(rule, _)| rule).collect()
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.len() <= 512 && !text.contains(char::is_control)
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn extensions_keep_the_rules(extensions: &Extensions) -> bool {
    extensions.len() <= 64 && extensions.iter().all(|(name, value)| is_code(name) && value.len() <= 4 << 10)
}

/// A host that grants nothing.
struct Refusing;

fn refused<T>() -> Result<T, Error> {
    Err(Error::new(ErrorKind::Denied, "refused", "nothing is granted"))
}

impl Host for Refusing {
    fn http_send(&mut self, _: HttpRequest) -> Result<HttpResponse, Error> {
        refused()
    }
    fn http_fetch(&mut self, _: HttpRequest) -> Result<HttpFetched, Error> {
        refused()
    }
    fn folder_entries(&mut self, _: &str) -> Result<Vec<FolderEntry>, Error> {
        refused()
    }
    fn folder_read(&mut self, _: &str, _: u64, _: u32) -> Result<Vec<u8>, Error> {
        refused()
    }
    fn folder_keep(&mut self, _: &str) -> Result<Blob, Error> {
        refused()
    }
    fn archive_entries(&mut self, _: &str) -> Result<Vec<ArchiveEntry>, Error> {
        refused()
    }
    fn archive_read(&mut self, _: &str, _: u32, _: u64, _: u32) -> Result<Vec<u8>, Error> {
        refused()
    }
    fn archive_keep(&mut self, _: &str, _: u32) -> Result<Blob, Error> {
        refused()
    }
    fn blob_create(&mut self) -> Result<u32, Error> {
        refused()
    }
    fn blob_write(&mut self, _: u32, _: &[u8]) -> Result<(), Error> {
        refused()
    }
    fn blob_finish(&mut self, _: u32) -> Result<Blob, Error> {
        refused()
    }
}
