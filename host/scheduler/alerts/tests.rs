//! Histories and what they raise; what is said of it over a week; what a restart remembers; signatures.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    path::Path,
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
};

use secrecy::SecretString;

use super::{
    Alarm, Book, Event, book,
    conditions::{Facts, Window, alarms},
    deliver::{message, signature},
};
use crate::{
    config::{AlertPlace, AlertsConfig, Schedule},
    item::{limits, time::DAY_MS},
    state::State,
};

const HOUR_MS: i64 = 3_600_000;
/// A Monday.
const FIRST_MS: i64 = 1_767_571_200_000;

fn config() -> AlertsConfig {
    AlertsConfig {
        remind_ms: DAY_MS,
        overdue_ms: 2 * HOUR_MS,
        user_silent_days: Some(7),
        parked_new_min: 10,
        credential_days: 30,
        disk_bytes_min: 0,
        summary: None,
        send_to: Vec::<AlertPlace>::new(),
    }
}

/// A window a day, with so many items, read at 00:15.
fn history(counts: &[u64]) -> Facts {
    let window = |(day, count): (i64, &u64)| Window {
        line_start_ms: Some(FIRST_MS + day * DAY_MS),
        opened_at_ms: FIRST_MS + (day + 1) * DAY_MS + HOUR_MS / 4,
        open: false,
        fetched: *count,
        parked: 0,
    };
    Facts {
        connector: "c".to_owned(),
        schedule: Some(Schedule::parse("daily at 00:15").unwrap()),
        grace_ms: HOUR_MS / 4,
        covered_until_ms: (!counts.is_empty()).then(|| end_ms(counts)),
        windows: (0..).zip(counts).map(window).collect(),
        turn_failed: None,
        paused: false,
        mapping_refused: false,
        silent_people: 0,
    }
}

fn end_ms(counts: &[u64]) -> i64 {
    FIRST_MS + counts.len() as i64 * DAY_MS
}

fn codes(facts: &Facts, now_ms: i64) -> Vec<String> {
    alarms(facts, &config(), now_ms).into_iter().map(|alarm| alarm.code).collect()
}

/// Five working days and a weekend, so many times.
fn weeks(times: usize) -> Vec<u64> {
    [100, 110, 90, 105, 95, 0, 0].repeat(times)
}

#[test]
fn histories_raise_what_they_show_and_nothing_else() {
    let with = |tail: &[u64]| [weeks(5), tail.to_vec()].concat();
    for (name, counts, late_ms, expect) in [
        ("nothing yet", vec![], 0, vec![]),
        ("as usual", weeks(5), HOUR_MS, vec![]),
        ("a usual Monday", with(&[97]), HOUR_MS, vec![]),
        ("a Monday far below", with(&[10]), HOUR_MS, vec!["count-low"]),
        ("a Monday a little below", with(&[60]), HOUR_MS, vec![]),
        ("a weekend is no silence", with(&[100, 110, 90, 105, 95, 0, 0]), HOUR_MS, vec![]),
        ("no Monday, not silent for longer than over a weekend", with(&[0]), HOUR_MS, vec!["count-low"]),
        ("silent after a weekend", with(&[0, 0]), HOUR_MS, vec!["connector-silent", "count-low"]),
        ("too little history for a low day", [weeks(3), vec![10]].concat(), HOUR_MS, vec![]),
        ("too little history for silence", vec![5, 5, 5, 5, 5, 0, 0, 0, 0], HOUR_MS, vec![]),
        ("few items say little", [[10, 10, 10, 10, 10, 10, 10].repeat(5), vec![1]].concat(), HOUR_MS, vec![]),
        ("just not overdue", weeks(5), DAY_MS + 2 * HOUR_MS, vec![]),
        ("overdue", weeks(5), DAY_MS + 3 * HOUR_MS, vec!["connector-overdue"]),
    ] {
        assert_eq!(codes(&history(&counts), end_ms(&counts) + late_ms), expect, "{name}");
    }
}

#[test]
fn what_is_noted_of_a_connector_is_raised() {
    let counts = weeks(5);
    let now_ms = end_ms(&counts) + HOUR_MS;
    let raised = |change: fn(&mut Facts)| {
        let mut facts = history(&counts);
        change(&mut facts);
        codes(&facts, now_ms)
    };
    assert_eq!(raised(|facts| facts.turn_failed = Some("login-refused".to_owned())), ["turn-failed"]);
    assert_eq!(raised(|facts| facts.mapping_refused = true), ["mapping-not-adopted"]);
    assert_eq!(raised(|facts| facts.silent_people = 1), ["users-silent"]);
    assert_eq!(raised(|facts| facts.windows.last_mut().unwrap().parked = 10), ["parked-growing"]);
    assert!(raised(|facts| facts.windows.last_mut().unwrap().parked = 9).is_empty());
    // What was parked long ago does not grow.
    assert!(raised(|facts| facts.windows[0].parked = 1_000).is_empty());
    assert_eq!(raised(|facts| facts.windows[3].open = true), ["connector-overdue"]);
}

#[test]
fn over_a_week_each_is_said_once_then_daily_and_when_it_is_mended() {
    let mut book = Book::default();
    let mut said = Vec::new();
    for hour in 0..7 * 24 {
        let now_ms = FIRST_MS + hour * HOUR_MS;
        // The service is down from the second hour of the third day to the fifth day.
        let covered = if (50..96).contains(&hour) { 48 } else { hour - hour % 24 };
        let mut facts = history(&weeks(1));
        facts.windows.clear();
        facts.covered_until_ms = Some(FIRST_MS + covered * HOUR_MS);
        facts.mapping_refused = hour == 130;
        for (event, alarm) in book.news(&alarms(&facts, &config(), now_ms), DAY_MS, now_ms) {
            said.push((hour, event, alarm.code.clone()));
            book.take(event, alarm, now_ms);
        }
    }
    let overdue = |hour, event| (hour, event, "connector-overdue".to_owned());
    let mapping = |hour, event| (hour, event, "mapping-not-adopted".to_owned());
    assert_eq!(
        said,
        [
            overdue(75, Event::Fired),
            overdue(96, Event::Cleared),
            mapping(130, Event::Fired),
            mapping(131, Event::Cleared)
        ]
    );
    assert!(book.standing.is_empty());
}

fn alarm(code: &str) -> Alarm {
    Alarm { code: code.to_owned(), connector: Some("c".to_owned()), text: "it is so".to_owned(), hint: "do".to_owned() }
}

#[test]
fn a_restart_neither_repeats_nor_forgets() {
    let world = tempfile::tempdir().unwrap();
    State::create(world.path()).unwrap();
    let clock = Arc::new(AtomicI64::new(FIRST_MS));
    let reopen = |path: &Path| {
        let clock = Arc::clone(&clock);
        State::open_with_clock(path, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap().0
    };
    let mut events = Vec::new();
    // What is the matter at each look, a restart between any two.
    for (hour, codes) in
        [(0, vec!["a"]), (1, vec!["a", "b"]), (2, vec!["a", "b"]), (24, vec!["a"]), (25, vec!["a"]), (26, vec![])]
    {
        let now_ms = FIRST_MS + hour * HOUR_MS;
        clock.store(now_ms, Ordering::Relaxed);
        let state = reopen(world.path());
        let found: Vec<Alarm> = codes.into_iter().map(alarm).collect();
        for (event, alarm) in Book::read(&state).unwrap().news(&found, DAY_MS, now_ms) {
            book::record(&state, event, &alarm).unwrap();
            events.push((hour, event, alarm.code));
        }
        state.close().unwrap();
    }
    let expect = [
        (0, Event::Fired, "a"),
        (1, Event::Fired, "b"),
        (24, Event::Reminded, "a"),
        (24, Event::Cleared, "b"),
        (26, Event::Cleared, "a"),
    ];
    assert_eq!(events, expect.map(|(hour, event, code)| (hour, event, code.to_owned())));
    let state = reopen(world.path());
    book::record_told(&state, "webhook x", 4).unwrap();
    let book = Book::read(&state).unwrap();
    assert_eq!((book.notices.len(), book.told.get("webhook x")), (5, Some(&4)));
    assert_eq!(book.notices[2].number, 3);
    assert_eq!(book.notices[0].alarm, alarm("a"));
}

#[test]
fn a_signature_is_of_timestamp_and_body() {
    let key = SecretString::from("key");
    // printf '1700000000.{"alerts":[]}' | openssl dgst -sha256 -hmac key
    let signed = signature(&key, 1_700_000_000, "{\"alerts\":[]}").unwrap();
    assert_eq!(signed, "b0aa5536a9927ab6b898c707f5f913880c92777818370328f77d16884867d69e");
    assert_ne!(signed, signature(&key, 1_700_000_001, "{\"alerts\":[]}").unwrap());
    assert_ne!(signed, signature(&SecretString::from("other"), 1_700_000_000, "{\"alerts\":[]}").unwrap());
}

#[test]
fn a_mail_says_what_fired_and_is_the_same_again() {
    let mut book = Book::default();
    book.take(Event::Fired, alarm("disk-low"), FIRST_MS);
    book.take(Event::Cleared, alarm("disk-low"), FIRST_MS + 1);
    book.take(Event::Summary, alarm("summary"), FIRST_MS + 1);
    assert!(book.standing.is_empty());
    assert_eq!(book.summary_ms, None, "it was cut off before the host's notice");
    let mut of_host = book.notices[2].alarm.clone();
    of_host.connector = None;
    let mut whole = Book::default();
    whole.take(Event::Summary, of_host, FIRST_MS + 1);
    assert_eq!(whole.summary_ms, Some(FIRST_MS + 1));
    let (first, at_ms) = message("ops@example.com", &book.notices).unwrap();
    let (again, _) = message("ops@example.com", &book.notices).unwrap();
    assert_eq!((&first.skeleton, at_ms), (&again.skeleton, FIRST_MS + 1));
    let parsed = mail_parser::MessageParser::default().parse(&first.skeleton[..]).unwrap();
    let text = parsed.body_text(0).unwrap();
    assert!(text.contains("#1 fired: disk-low (c)") && text.contains("#2 cleared"), "{text}");
    assert!(text.contains("#3 summary (c)"), "{text}");
    assert_eq!(text.matches("hint: do").count(), 2);
    assert!(limits::ALERT_NOTICES_PER_MESSAGE_MAX >= book.notices.len());
}
