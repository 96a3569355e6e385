//! Logs as people might have them: each file of `cases/` with what must be said of it beside it. `BLESS=1` writes what was
//! said.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{fs, path::PathBuf};

use super::*;
use crate::report::summary::Items;

/// Windows as a connector would have them: 2 to 5 November 2026, each ending at 01:00 UTC, the last one still open.
fn windows() -> ConnectorSummary {
    let window = |day: i64, kind, state, fetched, imported, partial, failed| {
        let end: Timestamp = "2026-11-02T01:00:00Z".parse().unwrap();
        let end_ms = end.as_millisecond() + day * 86_400_000;
        let copies = Copies { available: imported + partial + failed, imported, partial, failed, ..Copies::default() };
        assert!(copies.balance());
        WindowSummary {
            start: Some(end_ms - 86_400_000),
            end: Some(end_ms),
            kind,
            state,
            items: Items { fetched, delivered: fetched, ..Items::default() },
            under_way: 0,
            late: 0,
            copies,
            destinations: vec![copies],
        }
    };
    let windows = vec![
        window(0, "live", "sealed", 10, 20, 0, 2),
        window(1, "live", "sealed", 12, 1_200, 4, 0),
        window(1, "replay", "sealed", 1, 2, 0, 0),
        window(2, "live", "sealed", 0, 0, 0, 0),
        window(3, "live", "open", 3, 1, 0, 0),
    ];
    ConnectorSummary { name: "whatsapp".to_owned(), windows, error: None, warnings: Vec::new() }
}

fn said(bytes: &[u8]) -> String {
    match Log::read(bytes) {
        Ok(log) => {
            let comparison = Comparison::of(&windows(), log);
            let (compared, fewer) = (comparison.compared(), comparison.fewer());
            format!("{}{compared} days compared, {fewer} with fewer here\n", comparison.text())
        }
        Err(LogProblem { line, column, message }) => format!("line {line}, column {column}: {message}\n"),
    }
}

#[test]
fn every_log_comes_to_what_is_expected() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "host/report/compare/cases"].iter().collect();
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    cases.sort();
    assert!(cases.len() >= 15, "the cases are there");
    for case in cases {
        let (found, expected) = (said(&fs::read(&case).unwrap()), case.with_extension("txt"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&expected).unwrap(), "{}", case.display());
    }
}

#[test]
fn no_log_makes_the_reader_fall() {
    let whole = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/host/report/compare/cases/table.csv")).unwrap();
    for at in 0..whole.len() {
        let _cut = said(&whole[..at]);
        let mut bent = whole.clone();
        bent[at] ^= 0x91;
        let _bent = said(&bent);
    }
}

#[test]
fn several_destinations_are_not_added_up_and_files_have_no_day() {
    let mut summary = windows();
    summary.windows.truncate(1);
    let counts = summary.windows[0].copies;
    summary.windows[0].copies.add(counts);
    summary.windows[0].destinations = vec![counts, counts];
    let mut file = summary.windows[0].clone();
    file.start = None;
    summary.windows.push(file);
    let log = Log::read(b"No items ingested on 11/02/2026.\n").unwrap();
    let comparison = Comparison::of(&summary, log);
    assert_eq!(comparison.days[0].difference, Some(20));
    assert_eq!(comparison.notes.len(), 2, "{:?}", comparison.notes);
}
