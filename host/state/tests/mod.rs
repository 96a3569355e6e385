//! The room as its callers meet it. Every test has its own data folder and its own clock.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod damage;
mod journey;
mod keys;
mod model;
mod recovery;
mod repairs;
mod sled_failures;
mod tampering;
mod windows;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tempfile::TempDir;

use super::*;
use crate::item::{Event, Interval, Resolution};

/// A data folder, and a clock that goes on by one at every look.
struct World {
    folder: TempDir,
    clock: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        State::create(folder.path()).unwrap();
        Self { folder, clock: Arc::new(AtomicI64::new(1_000)) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn open(&self) -> (State, Vec<Announcement>) {
        let clock = Arc::clone(&self.clock);
        State::open_with_clock(self.path(), Arc::new(move || clock.fetch_add(1, Ordering::Relaxed))).unwrap()
    }

    /// Opens state and the connector `c`.
    fn connector(&self) -> (State, Arc<ConnectorState>) {
        let state = self.open().0;
        let connector = state.connector("c").unwrap();
        (state, connector)
    }

    fn ledger_files(&self) -> Vec<PathBuf> {
        list(&self.path().join("ledger/c")).unwrap().into_iter().map(|(_, path)| path).collect()
    }
}

/// Verifies one ledger.
fn only(connector: &str) -> VerifyOptions<'_> {
    VerifyOptions { connector: Some(connector), ..VerifyOptions::default() }
}

fn live(start_ms: i64, end_ms: i64) -> WindowOpen {
    let interval = Interval { start_ms: Some(start_ms), end_ms };
    WindowOpen { kind: WindowKind::Live, interval, pins: Pins::default(), subject: None }
}

fn observation<'a>(id: &'a str, owner: Option<&'a str>, position: u32) -> Observation<'a> {
    Observation {
        id,
        event: Event::Message,
        revision: 0,
        owner,
        sent_at_ms: Some(5),
        position,
        unreadable: false,
        late: false,
    }
}

fn page<'a>(window: WindowId, cursor: Option<&'a [u8]>, observations: &'a [Observation<'a>]) -> StagedPage<'a> {
    StagedPage { window, page_name: [7; 32], cursor, bookmark: None, observations }
}

fn mailbox(name: &str) -> Target {
    Target::Mailbox(format!("{name}@example.com"))
}

fn reason(code: &str) -> ParkReason {
    ParkReason { code: code.into(), message: format!("why {code}") }
}

fn plan(ordinal: Ordinal, mailboxes: &[&str]) -> Plan {
    let copies =
        mailboxes.iter().map(|name| PlannedCopy { destination: 0, target: mailbox(name), parked: None }).collect();
    let resolutions = mailboxes.iter().map(|name| Resolution::Mailbox(format!("{name}@example.com"))).collect();
    Plan { ordinal, resolutions, copies, parked: None, excluded: None }
}

fn copy(ordinal: u64, copy: u16) -> CopyKey {
    CopyKey { ordinal: Ordinal(ordinal), copy }
}

fn group(fill: impl FnOnce(&mut Group)) -> Group {
    let mut group = Group::new();
    fill(&mut group);
    group
}

fn receipt(key: CopyKey, outcome: Outcome) -> Receipt {
    Receipt { copy: key, outcome, token: vec![] }
}

/// Intends and receives copies.
fn deliver(connector: &ConnectorState, copies: &[CopyKey]) {
    let intents = group(|group| copies.iter().for_each(|copy| group.intend(Intent { copy: *copy, sha256: [1; 32] })));
    connector.commit(intents).unwrap();
    let receipts = group(|group| copies.iter().for_each(|copy| group.receipt(receipt(*copy, Outcome::Imported))));
    connector.commit(receipts).unwrap();
}

/// Every answer there is, as text.
fn answers(connector: &ConnectorState) -> String {
    let mut text = String::new();
    let windows = connector.windows().unwrap();
    for window in &windows {
        writeln!(text, "{window:#?}").unwrap();
        for page in connector.pages(window.id).unwrap() {
            writeln!(text, "{page:?}").unwrap();
            for item in connector.page_items(window.id, page.seq).unwrap() {
                assert_eq!(connector.item(item.ordinal).unwrap(), item);
                let private = connector.item_private(item.ordinal).unwrap();
                let found = private.as_ref().map(|private| connector.find(&private.id).unwrap());
                let reached = connector.reached(item.ordinal).unwrap();
                writeln!(text, "{item:?}\n{private:?}\n{found:?}\n{reached:?}").unwrap();
            }
        }
    }
    let mut after = None;
    loop {
        let parked = connector.parked(after, 3).unwrap();
        writeln!(text, "{parked:?}").unwrap();
        match parked.last() {
            Some(last) => after = Some(last.key),
            None => break,
        }
    }
    writeln!(text, "open {:?}", connector.open_windows().unwrap().len()).unwrap();
    writeln!(text, "live {:?}", connector.needed_pages(i64::MAX, 0).unwrap()).unwrap();
    writeln!(text, "bookmark {:?}", connector.bookmark().unwrap()).unwrap();
    writeln!(text, "covered {:?}", connector.covered_until_ms().unwrap()).unwrap();
    writeln!(text, "remembered {:?}", connector.recall("account").unwrap()).unwrap();
    writeln!(text, "file {:?}", connector.file_memory("inbox/a.zip").unwrap()).unwrap();
    text
}

fn code<T: std::fmt::Debug>(result: Result<T, StateError>) -> &'static str {
    result.unwrap_err().code()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
