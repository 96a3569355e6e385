//! From the first look to the last page.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use chancery::item::limits;
use rustix::process::Signal;
use world::{Fault, Faults, Route};

use super::{SERVE, quiet};
use crate::support::{
    served::Served,
    shared,
    world::{CONNECTOR, DAY_MS},
};

/// Every page takes so long that there is time to interrupt it.
fn slowly() -> Faults {
    let slow = Fault::SlowBody { piece_bytes: 4 << 10, pause: Duration::from_millis(20) };
    Faults::none().on(Route::Items, .., slow)
}

#[test]
fn a_new_service_looks_at_once_and_tells_how_it_stands() {
    let archived = shared::archived();
    let world = archived.before.copy();
    let mut served = Served::start(world.command(&SERVE));
    served.wait("the first turn", |served| served.turns(CONNECTOR, "done") > 0.0);
    assert_eq!(served.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(served.get("/nothing").0, 404);
    let metrics = served.metrics();
    let metric = |name: &str, outcome: &str| metrics[&format!("{name}{{connector=\"{CONNECTOR}\",{outcome}}}")];
    assert_eq!(metric("chancery_items", "outcome=\"fetched\""), archived.counts.item("fetched") as f64);
    let imported = metric("chancery_copies", "destination=\"maildir\",outcome=\"imported\"");
    assert_eq!(imported, archived.counts.copy("imported") as f64);
    let next = metrics[&format!("chancery_connector_next_timestamp_seconds{{connector=\"{CONNECTOR}\"}}")];
    assert!(next * 1_000.0 > jiff::Timestamp::now().as_millisecond() as f64, "it waits for its schedule");

    // Whoever may ask learns nothing of anybody.
    let (_, text) = served.get("/metrics");
    let mapping = world.story().mapping_csv();
    let numbers = mapping.lines().skip(1).map(|row| row.split(',').next().unwrap());
    for secret in world.story().mailboxes().chain(numbers).chain([&*world.story().credentials().username]) {
        assert!(secret.len() > 5 && !text.contains(secret), "{secret} is in\n{text}");
    }

    let ran = served.stop();
    ran.expect(0);
    assert!(ran.stderr.contains("stopped; no turn was under way"), "{ran}");
    archived.expect_same_end(&world, "after the first look of a service");
}

#[test]
fn a_stop_in_the_middle_leaves_a_turn_between_two_pages() {
    let archived = shared::archived();
    let world = archived.before.copy_with(slowly());
    let mut stops = 0;
    for pages in 1..=3 {
        let mut served = Served::start(world.command(&SERVE));
        let items = format!("chancery_turn_items{{connector=\"{CONNECTOR}\"}}");
        let least = f64::from(pages);
        served.wait("some pages", |served| served.metric(&items) >= least || served.turns(CONNECTOR, "done") > 0.0);
        let ran = served.stop();
        ran.expect(0);
        stops += u32::from(ran.stderr.contains(&format!("gone on with at the next start: {CONNECTOR}")));
        let status = world.done(&["status", "--json"]).json();
        if status["connectors"][0]["turn"]["ended"].is_null() {
            assert_eq!(status["connectors"][0]["turn"]["failures"], 0, "a stop is no failure: {status}");
        }
    }
    assert!(stops >= 2, "{stops} turns were interrupted");
    world.site().set_faults(Faults::none());
    let mut served = Served::start(world.command(&SERVE));
    served.wait("the rest", |served| served.turns(CONNECTOR, "done") > 0.0);
    served.stop().expect(0);
    archived.expect_same_end(&world, "after stops in the middle");
}

#[test]
fn what_was_due_while_no_service_ran_is_looked_at_once_at_the_start() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let passed = |days: i64| {
        let mut command = world.command(&SERVE);
        command.env("CHANCERY_CLOCK_PASSED_MS", (days * DAY_MS).to_string());
        Served::start(command)
    };
    quiet(&world);
    let served = passed(0);
    let doing = world.done(&["status", "--json"]).json()["connectors"][0]["service"]["doing"]["state"].clone();
    assert_eq!(doing, "idle", "{}", served.log());
    served.stop().expect(0);

    let mut served = passed(3);
    served.wait("the days that were missed", |served| served.turns(CONNECTOR, "done") > 0.0);
    assert_eq!(served.get("/healthz").0, 200);
    served.stop().expect(0);
    let report = world.done(&["report", CONNECTOR, "--json"]).json();
    let windows = report["windows"].as_array().unwrap();
    let live: Vec<_> = windows.iter().filter(|window| window["kind"] == "live").collect();
    for pair in live.windows(2) {
        assert_eq!(pair[0]["end"], pair[1]["start"], "{report}");
    }
    let end: jiff::Timestamp = live.last().unwrap()["end"].as_str().unwrap().parse().unwrap();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    assert!(end.as_millisecond() > now_ms + 2 * DAY_MS, "{report}");
}

/// The second page does not come.
fn stuck() -> Faults {
    let stuck = Fault::SlowBody { piece_bytes: 1, pause: Duration::from_millis(200) };
    Faults::none().on(Route::Items, 2.., stuck)
}

#[test]
fn a_turn_that_comes_to_no_end_is_cut_off() {
    let archived = shared::archived();
    let world = archived.before.copy_with(stuck());
    let mut served = Served::start(world.command(&SERVE));
    served.wait("a page that does not come", |_| world.site().requests().to(Route::Items) >= 2);
    let signalled = Instant::now();
    let ran = served.stop();
    ran.expect(0);
    assert!(signalled.elapsed() < limits::STOP_TIME_MAX + Duration::from_secs(10), "{ran}");
    assert!(ran.stderr.contains(&format!("gone on with at the next start: {CONNECTOR}")), "{ran}");
    world.site().set_faults(Faults::none());
    let mut served = Served::start(world.command(&SERVE));
    served.wait("the rest", |served| served.turns(CONNECTOR, "done") > 0.0);
    served.stop().expect(0);
    archived.expect_same_end(&world, "after a turn that was cut off");
}

#[test]
fn a_second_signal_ends_at_once() {
    let archived = shared::archived();
    let world = archived.before.copy_with(stuck());
    let mut served = Served::start(world.command(&SERVE));
    served.wait("a page that does not come", |_| world.site().requests().to(Route::Items) >= 2);
    served.signal(Signal::TERM);
    served.wait("the first signal", |served| served.log().contains("a second signal ends at once"));
    assert_eq!(served.get("/healthz"), (503, "the service is stopping\n".to_owned()));
    let signalled = Instant::now();
    served.signal(Signal::INT);
    let ran = served.finish();
    ran.expect(1);
    assert!(signalled.elapsed() < Duration::from_secs(8), "{ran}");
    assert!(ran.stderr.contains("the next start goes on there"), "{ran}");
    world.site().set_faults(Faults::none());
    world.sync();
    archived.expect_same_end(&world, "after a second signal");
}

#[test]
fn a_failed_turn_is_tried_again_and_an_overdue_connector_is_no_health() {
    let world = shared::archived().before.copy();
    world.set_password("wrong");
    let mut served = Served::start(world.command(&SERVE));
    served.wait("a turn that fails", |served| served.turns(CONNECTOR, "failed") > 0.0);
    assert_eq!(served.get("/healthz").0, 200, "not overdue yet");
    let status = world.done(&["status", "--json"]).json();
    let connector = &status["connectors"][0];
    assert_eq!(connector["service"]["doing"]["state"], "retrying", "{status}");
    assert_eq!(connector["turn"]["failures"], 1, "{status}");
    let next: jiff::Timestamp = connector["service"]["next"].as_str().unwrap().parse().unwrap();
    let wait = next.duration_since(jiff::Timestamp::now());
    assert!(wait.as_secs() > 3_000 && wait.as_secs() <= 3_600, "a wrong password is not tried every minute: {status}");
    served.stop().expect(0);

    let mut command = world.command(&SERVE);
    command.env("CHANCERY_CLOCK_PASSED_MS", (3 * DAY_MS).to_string());
    let mut served = Served::start(command);
    served.wait("another that fails", |served| served.turns(CONNECTOR, "failed") > 0.0);
    let (status, text) = served.get("/healthz");
    assert_eq!(status, 503, "{text}");
    assert!(text.starts_with(&format!("connector {CONNECTOR} is overdue since ")), "{text}");
    assert_eq!(served.metric("chancery_healthy"), 0.0);
    served.stop().expect(0);
}

#[test]
fn an_address_in_use_is_said_before_anything_is_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let world = shared::archived().before.copy();
    let ran = world.run(&["serve", "--listen", &address]);
    ran.expect(2);
    assert!(ran.stderr.contains(&format!("the service cannot listen at `{address}`")), "{ran}");
    assert!(ran.stderr.contains("hint: name another address with `--listen ADDR:PORT`"), "{ran}");
    assert!(!world.path("data/turns").exists() && !world.path("data/service.socket").exists(), "{ran}");
    world.run(&["serve", "--listen", "nowhere"]).expect(2);
}

#[test]
fn a_service_goes_on_when_nobody_listens_to_what_it_says() {
    let world = shared::archived().after.copy();
    quiet(&world);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut running = world.command(&SERVE).stdout(writer).spawn().unwrap();
    let began = Instant::now();
    while !world.path("data/service.socket").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not start");
        thread::sleep(Duration::from_millis(20));
    }
    world.done(&["status"]);
    assert_eq!(running.try_wait().unwrap(), None, "it runs");
    running.kill().unwrap();
    running.wait().unwrap();
}
