//! The plugin as its host sees it: exports in, pages and errors out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod corpora;
mod events;
mod hostile;
mod pages;

use std::path::Path;

use shelf::{Shelf, Whole};
use telegram_export::TelegramExport;

const SETTINGS: &str = r#"{"path":"inbox"}"#;
const EXPORT: &str = "inbox/result.json";

/// A chat with Ben (7), exported by Anna (5), with these messages.
fn chat(messages: &str) -> String {
    format!(r#"{{"name":"Ben","type":"personal_chat","id":7,"messages":[{messages}]}}"#)
}

/// A message that Anna wrote.
fn message(id: u32, text: &str) -> String {
    format!(
        r#"{{"id":{id},"type":"message","date":"2026-11-02T09:00:00","date_unixtime":"17936000{id:02}","from":"Anna","from_id":"user5","text":"{text}"}}"#
    )
}

fn read(host: &mut Shelf, max_items: u32) -> Whole {
    shelf::read::<TelegramExport>(host, SETTINGS, EXPORT, max_items).unwrap()
}

fn read_text(text: impl AsRef<[u8]>) -> Whole {
    read(&mut Shelf::file(EXPORT, text), 100)
}

/// Ids of items and codes of what is unreadable.
fn told(whole: &Whole) -> (Vec<String>, Vec<String>) {
    let ids = whole.items.iter().map(|seen| seen.item.id.clone()).collect();
    (ids, whole.unreadable.iter().map(|found| found.code.clone()).collect())
}

#[test]
fn cases_come_out_as_expected() {
    shelf::cases::<TelegramExport>(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), 8);
}
