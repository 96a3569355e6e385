//! Sources that ask over HTTP: read with once, kept as a case, and tried against what was recorded.

use std::fs;

use super::{bad, chancery, house, misbehaving, report, run_in};
use crate::support::{
    shared::Archived,
    site::{Request, Site},
    world::CONNECTOR,
};

#[test]
fn a_source_that_asks_badly_is_found_by_a_recorded_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let source = misbehaving(folder.path(), "source");
    let case = folder.path().join("cases/one");
    fs::create_dir_all(&case).unwrap();
    let line = |url: &str, status: u16, body: &str| {
        format!(
            "{{\"method\":\"GET\",\"url\":\"https://archive.example.com{url}\",\"status\":{status},\"body\":\"{body}\"}}\n"
        )
    };
    fs::write(case.join("exchange.jsonl"), line("/count", 200, "[25]")).unwrap();
    fs::write(case.join("window.json"), "{\"start\":\"2026-03-01\",\"end\":\"2026-03-02\",\"page_items\":10}").unwrap();
    let cases = folder.path().join("cases").to_str().unwrap().to_owned();
    let try_it = |behaviour: &str, more: &[&str]| {
        fs::write(case.join("settings.json"), format!("{{\"behave\":\"{behaviour}\"}}")).unwrap();
        report(&[&["test", &source, "--cases", &cases], more].concat())
    };
    let (found, exit) = try_it("asks", &["--update"]);
    assert_eq!((exit, bad(&found)), (Some(0), vec![]), "{found:#}");
    assert_eq!(fs::read_to_string(case.join("expected.jsonl")).unwrap().lines().count(), 25);
    assert_eq!(try_it("asks", &[]).1, Some(0));
    for (behaviour, about) in [
        ("asks-and-swallows", "loss"),
        ("asks-and-gives-up", "faults"),
        ("asks-and-hurries", "retry-after"),
        ("asks-and-trusts", "faults"),
        ("asks-and-remembers", "recovery"),
        ("asks-and-tells", "discretion"),
        ("asks-and-quotes", "discretion"),
        ("asks-anew", "exchange"),
    ] {
        let (found, exit) = try_it(behaviour, &[]);
        assert_eq!(exit, Some(1), "{behaviour}: {found:#}");
        assert!(bad(&found).iter().any(|bad| bad == about), "{behaviour} is not found by {about}: {found:#}");
    }
    for (file, text) in [("exchange.jsonl", "{\"method\":1}"), ("window.json", "{\"start\":\"today\"}")] {
        let kept = fs::read(case.join(file)).unwrap();
        fs::write(case.join(file), text).unwrap();
        let output = chancery(&["plugin", "test", &source, "--cases", &cases]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(file) && said.contains("hint:"), "{said}");
        fs::write(case.join(file), kept).unwrap();
    }
}

#[test]
fn a_source_over_http_is_run_once_and_what_it_heard_becomes_a_case() {
    let archived = Archived::small();
    let world = archived.before.copy();
    let (start_ms, end_ms) = world.story().span_ms();
    let instant = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
    let window = format!("{}..{}", instant(start_ms), instant(end_ms));
    let ran = world.done(&["plugin", "run", "--connector", CONNECTOR, "--window", &window, "--record", "cases/day"]);
    let totals = world.story().totals(start_ms, end_ms);
    assert!(ran.stdout.lines().count() as u64 >= totals.deliveries, "{ran}");
    assert!(ran.stderr.contains("GET http://") && ran.stderr.contains("of memory"), "{ran}");
    assert!(world.mails().is_empty(), "nothing is delivered");
    let kept = fs::read_to_string(world.path("cases/day/exchange.jsonl")).unwrap();
    for secret in [&world.story().credentials().password, "Bearer"] {
        assert!(!kept.contains(secret) && !ran.stderr.contains(secret), "a secret is in the record");
    }
    let cases = world.path("cases").to_str().unwrap().to_owned();
    let (found, exit) = report(&["test", "telemessage", "--cases", &cases]);
    assert_eq!((exit, bad(&found)), (Some(0), vec![]), "{found:#}");
    let again = world.run(&["plugin", "run", "--connector", CONNECTOR, "--window", &window, "--record", "cases/day"]);
    assert!(again.code != Some(0) && again.stderr.contains("is there already"), "{again}");
}

#[test]
fn a_source_of_no_connector_reaches_what_its_settings_name() {
    let house = house();
    let source = misbehaving(house.path(), "source");
    let site = Site::start(|request: &Request| match request.line.as_str() {
        "GET /count HTTP/1.1" => ("200 OK".to_owned(), b"[12]".to_vec()),
        _ => ("404 Not Found".to_owned(), Vec::new()),
    });
    let settings = format!("{{\"behave\":\"asks\",\"site\":\"{}\"}}", site.origin());
    let window = ["--window", "2026-03-01..2026-03-02"];
    let run = |more: &[&str]| run_in(house.path(), &[&["plugin", "run"][..], more].concat());
    let (exit, said) = run(&[&[&source, "--settings", &settings], &window[..]].concat());
    assert!(exit != Some(0) && said.contains("allowed_networks"), "{said}");
    let config = house.path().join("chancery.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[network]\nallowed_networks = [\"127.0.0.0/8\"]\n")).unwrap();
    let (exit, said) = run(&[&[&source, "--settings", &settings, "--record", "cases/one"], &window[..]].concat());
    assert!(exit == Some(0) && said.contains("12 items, 0 unreadable, 1 pages, 1 requests"), "{said}");
    assert!(said.contains(&format!("GET {}/count -> 200", site.origin())), "{said}");
    assert!(house.path().join("cases/one/exchange.jsonl").exists() && !house.path().join("mail").exists());
    // Another address than it was told of is another one's.
    let other = Site::start(|_: &Request| ("200 OK".to_owned(), b"[12]".to_vec()));
    let settings = format!("{{\"behave\":\"asks\",\"site\":\"{}\"}}", other.origin());
    let (exit, said) = run(&[&[&source, "--settings", &settings, "--credential", "nobodys"], &window[..]].concat());
    assert!(exit != Some(0) && said.contains("nobodys") && other.requests() == 0, "{said}");
    let settings = "{\"site\":\"https://archive.example.com\"}";
    let (exit, said) = run(&[&["telemessage", "--settings", settings], &window[..]].concat());
    assert!(exit != Some(0) && said.contains("terms-not-accepted") && said.contains("--connector"), "{said}");
    for (more, says) in [
        (&[&*source, "--settings", settings][..], "--window"),
        (&[&*source, "--settings", "[]", "--window", "2026-03-01..2026-03-02"][..], "no JSON object"),
        (&["users", "--window", "2026-03-01..2026-03-02"][..], "but it is a mapper"),
    ] {
        let (exit, said) = run(more);
        assert!(exit != Some(0) && said.contains(says), "{more:?}: {said}");
    }
}
