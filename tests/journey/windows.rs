//! What is read beside the time line: backfills, and windows that are read again; and a clock that was moved.

use std::fs;

use serde_json::Value;
use world::{Expectation, StoryOptions, UNMAPPED};

use crate::support::{
    program::{Ran, Running},
    shared, truth,
    world::{CONNECTOR, Counts, DAY_MS, HOUR_MS, World},
};

fn days(days: u32, late_items: u32) -> World {
    let options = StoryOptions {
        seed: 5,
        items: 140,
        days,
        late_items,
        oversize_bytes: 700 << 10,
        oversize_limit_bytes: 600 << 10,
        ..StoryOptions::default()
    };
    World::new(options, 50)
}

/// Changes the configuration's text; fails when there is nothing to change.
fn change(world: &World, from: &str, to: &str) {
    let toml = fs::read_to_string(world.path("chancery.toml")).unwrap();
    assert!(toml.contains(from), "{toml}");
    fs::write(world.path("chancery.toml"), toml.replace(from, to)).unwrap();
}

fn instant(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap().to_string()
}

/// `backfill` of the story's days so far.
fn backfill(world: &World) -> Vec<String> {
    let (start_ms, end_ms) = world.story().span_ms();
    ["backfill", CONNECTOR, "--from", &instant(start_ms), "--to", &instant(end_ms), "--json"].map(str::to_owned).into()
}

fn run_after(world: &World, arguments: &[&str], variable: &str, value: &str) -> Ran {
    let mut command = world.command(arguments);
    command.env(variable, value);
    Running::start(command).finish()
}

fn windows(ran: &Ran) -> Vec<Value> {
    ran.json()["connectors"][0]["windows"].as_array().unwrap_or_else(|| panic!("no windows\n{ran}")).clone()
}

fn sum(windows: &[Value], path: &str) -> u64 {
    windows.iter().map(|window| window.pointer(path).and_then(Value::as_u64).unwrap()).sum()
}

fn status(world: &World) -> Value {
    world.done(&["status", "--json"]).json()["connectors"][0].clone()
}

#[test]
fn whatever_changed_a_backfill_of_what_was_delivered_imports_nothing() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let (parked, covered_until) = (world.parked(), status(&world)["covered_until"].clone());
    let (start_ms, end_ms) = world.story().span_ms();
    let totals = world.story().totals(start_ms, end_ms);
    let arguments = backfill(&world);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();

    let unmapped = world.story().expectations().flat_map(|item| item.parked).find(|copy| copy.reason == UNMAPPED);
    let row = format!("{},mended@example.com\n", unmapped.unwrap().person);
    let changes: [(&str, &dyn Fn()); 4] = [
        ("nothing", &|| {}),
        ("a setting", &|| {
            change(&world, "{ plugin = \"email\" }", "{ plugin = \"email\", settings = { html = false } }")
        }),
        ("a mapping", &|| {
            let mapping = fs::read_to_string(world.path("mapping.csv")).unwrap();
            fs::write(world.path("mapping.csv"), mapping + &row).unwrap();
        }),
        ("a converter", &|| {
            fs::write(world.path("other.wasm"), crate::bad_input::guest("misbehaving-converter")).unwrap();
            world.done(&["plugin", "approve", "other.wasm"]);
            change(&world, "{ plugin = \"email\", settings = { html = false } }", "{ plugin = \"other.wasm\" }");
        }),
    ];
    for (number, (what, apply)) in (1..).zip(&changes) {
        apply();
        let ran = world.done(&arguments);
        let windows = windows(&ran);
        assert!(windows.iter().all(|window| window["kind"] == "backfill" && window["state"] == "sealed"), "{ran}");
        let counts = ["/items/fetched", "/copies/available", "/late", "/under_way"].map(|path| sum(&windows, path));
        assert_eq!(counts, [0; 4], "{what}\n{ran}");
        assert_eq!(sum(&windows, "/items/seen"), totals.deliveries + totals.repeats, "{what}\n{ran}");
        archived.mail.expect_same(&world.mail_files(), what);
        assert_eq!(world.parked(), parked, "{what}");
        let status = status(&world);
        assert_eq!(status["covered_until"], covered_until, "{what}: the time line does not move");
        assert_eq!(status["backfill"]["windows"], number, "{what}: {status}");
        assert_eq!(status["backfill"]["new"], 0, "{what}: {status}");
    }
    world.done(&["ledger", "verify"]);
}

/// An installation that began with the last of three days.
fn begun_late() -> World {
    let world = days(3, 0);
    let (start_ms, end_ms) = world.story().span_ms();
    let since = format!("since = {}\n", instant(start_ms));
    change(&world, &since, &format!("since = {}\nlookback = \"0s\"\n", instant(end_ms - DAY_MS)));
    world.sync();
    world
}

#[test]
fn a_backfill_brings_what_was_before_the_first_window_and_goes_on_where_it_stopped() {
    let before = begun_late();
    let missing = before.mails().len();
    let arguments = backfill(&before);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let dry = before.done(&[&arguments[..], &["--dry-run"]].concat()).json();
    let (start_ms, end_ms) = before.story().span_ms();
    assert_eq!(
        sum(dry["windows"].as_array().unwrap(), "/source_total"),
        before.story().totals(start_ms, end_ms).deliveries,
        "a dry run says how much there is: {dry}"
    );
    assert_eq!(before.mails().len(), missing, "and reads nothing");

    let world = before.copy();
    let ran = world.done(&arguments);
    assert_eq!(windows(&ran).len(), 3, "a window a day\n{ran}");
    truth::expect_archived(&world);
    world.counts().expect_balance();

    for (place, windows_left) in [("window:opened:2", 2), ("deliver:written:2", 3), ("window:closed:2", 2)] {
        let stopped = before.copy();
        run_after(&stopped, &arguments, "CHANCERY_KILL_AT", place).expect_killed();
        // The time line does not wait for it, and does not do its work either.
        let open = status(&stopped)["open_windows"].clone();
        stopped.sync();
        assert_eq!(status(&stopped)["open_windows"], open, "{place}");
        if open == 1 {
            let words = stopped.done(&["status"]);
            assert!(words.stdout.contains("a backfill stopped before"), "{place}\n{words}");
        }
        let ran = stopped.done(&arguments);
        assert_eq!(windows(&ran).len(), windows_left, "{place}: it goes on where it stopped\n{ran}");
        world.mail_files().expect_same(&stopped.mail_files(), place);
        truth::expect_archived(&stopped);
        stopped.counts().expect_balance();
        assert_eq!(status(&stopped)["open_windows"], 0, "{place}");
        stopped.done(&["ledger", "verify"]);
    }
}

#[test]
fn a_backfill_that_makes_no_sense_is_refused() {
    let archived = shared::archived();
    let world = archived.before.copy();
    for (from, to, says) in [
        ("2026-10-02", "2026-10-01", "ends before it begins"),
        ("2026-10-01", "2999-01-01", "in the future"),
        ("1700-01-01", "2026-01-01", "days are more than"),
        ("yesterday", "2026-10-01", "yesterday"),
    ] {
        let ran = world.run(&["backfill", CONNECTOR, "--from", from, "--to", to]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains(says) && ran.stderr.contains("hint: "), "{ran}");
    }
    world.run(&["backfill", "nobody", "--from", "2026-10-01", "--to", "2026-10-02"]).expect(2);
}

#[test]
fn what_the_site_shows_late_is_found_by_reading_again_and_delivered_once() {
    let world = days(2, 12);
    // Only reading again can find it.
    change(&world, "folder = ", "lookback = \"0s\"\nfolder = ");
    let (_, end_ms) = world.story().span_ms();
    let then_ms = end_ms - HOUR_MS;
    let (early, late): (Vec<Expectation>, Vec<Expectation>) =
        world.story().expectations().partition(|item| item.visible_from_ms <= then_ms);
    let late_deliveries: u64 = late.iter().map(|item| u64::from(item.deliveries)).sum();
    assert!(late.len() >= 3, "{} late", late.len());
    world.site().set_now_ms(Some(then_ms));
    world.sync();
    truth::expect_mail(world.story(), &early, &world.mails());
    let before = world.mail_files();
    world.site().set_now_ms(None);
    assert_eq!(world.sync().item("fetched"), 0, "the time line does not look back here");

    // A week later.
    let week = (7 * DAY_MS + 3 * HOUR_MS).to_string();
    let passed = |arguments: &[&str], ms: &str| {
        let ran = run_after(&world, arguments, "CHANCERY_CLOCK_PASSED_MS", ms);
        ran.expect(0);
        ran
    };
    let dry = passed(&["sync", "--dry-run", "--json"], &week).json();
    let due = dry["connectors"][0]["due"].as_array().unwrap().clone();
    assert!(due.iter().any(|due| due["kind"] == "replay"), "{dry}");
    let ran = passed(&["sync", "--json"], &week);
    let (again, live): (Vec<Value>, Vec<Value>) = windows(&ran).into_iter().partition(|row| row["kind"] == "replay");
    assert!(again.len() >= 2 && live.len() >= 7, "{ran}");
    assert_eq!((sum(&again, "/items/fetched"), sum(&again, "/late")), (late_deliveries, late_deliveries), "{ran}");
    assert_eq!((sum(&live, "/items/fetched"), sum(&live, "/late")), (0, 0), "{ran}");
    before.expect_kept(&world.mail_files(), "late items");
    truth::expect_archived(&world);
    truth::expect_counts(&world.counts(), world.story());
    let mail = world.mail_files();

    // Once more on that day nothing is due again; after thirty days it ends in nothing new.
    let again = passed(&["sync", "--json"], &week);
    assert!(windows(&again).iter().all(|window| window["kind"] == "live"), "{again}");
    let month = (30 * DAY_MS + 3 * HOUR_MS).to_string();
    let ran = passed(&["sync", "--json"], &month);
    let again: Vec<Value> = windows(&ran).into_iter().filter(|window| window["kind"] == "replay").collect();
    assert!(sum(&again, "/items/seen") > 0, "{ran}");
    assert_eq!((sum(&again, "/items/fetched"), sum(&again, "/late")), (0, 0), "{ran}");
    mail.expect_same(&world.mail_files(), "after a month");
    let status = passed(&["status", "--json"], &month).json()["connectors"][0].clone();
    assert_eq!((&status["read_again"]["new"], &status["late"]), (&late_deliveries.into(), &late_deliveries.into()));
    let words = passed(&["report", CONNECTOR], &month);
    assert!(words.stdout.contains("(read again)") && words.stdout.contains(" late"), "{words}");
}

#[test]
fn windows_are_read_again_only_when_that_is_wanted() {
    let world = days(1, 0);
    change(&world, "folder = ", "reread_days = []\nfolder = ");
    world.sync();
    let ran = run_after(&world, &["sync", "--json"], "CHANCERY_CLOCK_PASSED_MS", &(8 * DAY_MS).to_string());
    ran.expect(0);
    assert!(windows(&ran).iter().all(|window| window["kind"] == "live"), "{ran}");
    change(&world, "reread_days = []", "reread_days = [0]");
    let refused = world.run(&["sync"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("`reread_days` has 0"), "{refused}");
}

#[test]
fn a_clock_that_was_moved_closes_nothing_until_somebody_looked() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let sync = |moved_ms: i64| run_after(&world, &["sync", "--json"], "CHANCERY_CLOCK_MOVED_MS", &moved_ms.to_string());
    let code = |ran: &Ran| ran.json()["connectors"][0]["error"]["code"].as_str().unwrap_or_default().to_owned();
    let covered = || status(&world)["covered_until"].clone();
    world.sync();
    let before = covered();
    for (what, moved_ms) in [("forward", 5 * HOUR_MS), ("and back", 0), ("back", -5 * HOUR_MS), ("forward again", 0)] {
        let ran = sync(moved_ms);
        ran.expect(1);
        assert_eq!(code(&ran), "clock-stepped", "{what}\n{ran}");
        assert_eq!(covered(), before, "{what}");
    }
    let ran = sync(0);
    ran.expect(0);
    assert_ne!(covered(), before, "set right, it goes on");

    // A clock that stays behind is refused for as long as it is.
    assert_eq!(code(&sync(-5 * HOUR_MS)), "clock-stepped");
    for _ in 0..2 {
        let ran = sync(-5 * HOUR_MS);
        ran.expect(1);
        assert_eq!(code(&ran), "clock-behind", "{ran}");
    }
    // One that was put forward and stays there is taken for right the second time.
    assert_eq!(code(&sync(5 * HOUR_MS)), "clock-stepped");
    sync(5 * HOUR_MS).expect(0);
    assert_eq!(
        Counts::read(&world.done(&["report", CONNECTOR, "--json"]).json()).without_seen(),
        archived.counts.without_seen()
    );
    world.done(&["ledger", "verify"]);
}
