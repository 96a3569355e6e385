//! The plugin as its host sees it: exports in, pages and errors out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod corpora;
mod events;
mod hostile;
mod pages;

use std::path::Path;

use shelf::{Shelf, Whole};
use slack_export::SlackExport;

const SETTINGS: &str = r#"{"path":"inbox"}"#;
const EXPORT: &str = "inbox/export.zip";
const USERS: &str = r#"[{"id":"U1","name":"anna","profile":{"real_name":"Anna","email":"anna@example.com","phone":"+49 151 1"}},
  {"id":"U2","name":"ben","profile":{"real_name":"Ben","email":"ben@example.com"}},{"id":"U3","name":"carla"}]"#;
const CHANNELS: &str = r#"[{"id":"C1","name":"general","members":["U1","U2","U3"]}]"#;

/// An export with one public channel, `general`, and this file of a day in it.
fn export(day: impl AsRef<[u8]>) -> Shelf {
    Shelf::archive(
        EXPORT,
        &[
            ("users.json", USERS.as_bytes()),
            ("channels.json", CHANNELS.as_bytes()),
            ("general/2026-11-02.json", day.as_ref()),
        ],
    )
}

fn read(host: &mut Shelf, max_items: u32) -> Whole {
    shelf::read::<SlackExport>(host, SETTINGS, EXPORT, max_items).unwrap()
}

/// Ids of items and codes of what is unreadable.
fn told(whole: &Whole) -> (Vec<String>, Vec<String>) {
    let ids = whole.items.iter().map(|seen| seen.item.id.clone()).collect();
    (ids, whole.unreadable.iter().map(|found| found.code.clone()).collect())
}

#[test]
fn cases_come_out_as_expected() {
    shelf::cases::<SlackExport>(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), 8);
}
