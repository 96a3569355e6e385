//! Sources that ask over HTTP: read with once, kept as a case, and tried against what was recorded.

use std::fs;

use super::{bad, chancery, misbehaving, report};
use crate::support::{shared::Archived, world::CONNECTOR};

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
