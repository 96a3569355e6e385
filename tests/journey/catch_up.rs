//! Days that were missed are read oldest first; items that come late are found by looking back.

use std::collections::BTreeSet;

use world::{Expectation, StoryOptions};

use crate::support::{
    truth,
    world::{CONNECTOR, DAY_MS, HOUR_MS, World},
};

fn days(days: u32) -> World {
    let options = StoryOptions {
        seed: 3,
        items: 160,
        days,
        late_items: 12,
        oversize_bytes: 700 << 10,
        oversize_limit_bytes: 600 << 10,
        ..StoryOptions::default()
    };
    World::new(options, 50)
}

#[test]
fn every_missed_day_is_archived_once_oldest_first() {
    let world = days(4);
    let dry = world.done(&["sync", "--dry-run", "--json"]).json();
    let due = dry["connectors"][0]["due"].as_array().unwrap().len();
    assert!(due >= 5, "four days and what came since: {dry}");
    assert!(!world.path("mail").exists(), "a dry run reads nothing");

    let ran = world.done(&["sync", "--json"]);
    let windows = ran.json()["connectors"][0]["windows"].as_array().unwrap().clone();
    assert!(windows.len() >= due, "{ran}");
    let instant =
        |text: &serde_json::Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (start_ms, _) = world.story().span_ms();
    for (day, window) in (0..).zip(&windows[..4]) {
        let day_ms = start_ms + day * DAY_MS;
        assert_eq!((instant(&window["start"]), instant(&window["end"])), (day_ms, day_ms + DAY_MS), "{ran}");
        let totals = world.story().totals(day_ms, day_ms + DAY_MS);
        assert!(totals.items > 10);
        assert_eq!(window["items"]["fetched"], totals.deliveries, "day {day}\n{ran}");
        assert_eq!(window["items"]["delivered"], totals.items_settled, "day {day}\n{ran}");
    }
    truth::expect_archived(&world);
    truth::expect_counts(&world.counts(), world.story());

    let status = world.done(&["status"]);
    assert!(status.stdout.contains("archived until") && status.stdout.contains("(0 open)"), "{status}");
    let third_day = jiff::Timestamp::from_millisecond(start_ms + 2 * DAY_MS).unwrap().to_string();
    let report = world.done(&["report", CONNECTOR, "--day", &third_day[..10], "--json"]).json();
    let touching = report["windows"].as_array().unwrap();
    assert!(!touching.is_empty() && touching.len() < windows.len(), "{report}");
}

#[test]
fn items_that_come_late_are_found_by_looking_back() {
    let world = days(2);
    let (_, end_ms) = world.story().span_ms();
    let then_ms = end_ms - HOUR_MS;
    let (early, late): (Vec<Expectation>, Vec<Expectation>) =
        world.story().expectations().partition(|expectation| expectation.visible_from_ms <= then_ms);
    assert!(late.len() >= 3 && early.len() > 100, "{} late", late.len());

    world.site().set_now_ms(Some(then_ms));
    world.sync();
    truth::expect_mail(world.story(), &early, &world.mails());
    let before = world.mail_files();

    world.site().set_now_ms(None);
    let counts = world.sync();
    let first_deliveries: u64 = late.iter().map(|item| u64::from(item.deliveries)).sum();
    assert_eq!(counts.item("fetched"), first_deliveries, "only what came late is new: {counts:?}");
    before.expect_kept(&world.mail_files(), "late items");
    truth::expect_archived(&world);
    truth::expect_counts(&world.counts(), world.story());

    let mail = world.mail_files();
    let again = world.sync();
    assert_eq!(again.item("fetched"), 0, "{again:?}");
    mail.expect_same(&world.mail_files(), "a third turn");
    let ids: BTreeSet<_> = late.iter().map(|item| item.key.clone()).collect();
    assert_eq!(ids.len(), late.len());
}
