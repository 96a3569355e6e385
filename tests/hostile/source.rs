//! The hostile source.

use std::time::Duration;

use super::{HONEST, LIMITS, assert_diagnostic, expected, filtered, install, seen};
use crate::{
    bad_input::assert_sound,
    support::{
        exports::{Connector, Installation, expect_file},
        site::{Request, SLOW, Site},
    },
};

/// The guest.
const GUEST: &str = "misbehaving-source";
/// One day of windows, so that the guest's items lie in the past.
const WINDOW: &[&str] = &["--window", "2026-01-01..2026-01-02"];

/// Behaviours that end only after all attempts, each a back-off apart: a minute of waiting that the policy's own table
/// shows as well (`host/pipeline/policy.rs`).
const PATIENT: &[&str] = &[
    "bad-error",
    "cursor-forever",
    "fail-first",
    "fail-midway",
    "fail-other",
    "fail-rate-limited",
    "fail-retry",
    "sleep",
    "slow-body",
    "wrong-totals",
];

/// A behaviour in another function than `pull`.
const ELSEWHERE: &[(&str, &str)] = &[
    ("panic", "check"),
    ("allocate", "check"),
    ("loop", "check"),
    ("flood-log", "check"),
    ("forbidden-host", "check"),
    ("fail-denied", "check"),
    ("fail-misconfigured", "check"),
    ("panic", "totals"),
    ("recurse", "totals"),
];

/// Behaviours that do no harm, or whose harm stays theirs: their items are delivered.
const HARMLESS: &[&str] = &[
    "ok",
    "long-log-line",
    "no-totals",
    "non-utf8-original",
    "odd-names",
    "odd-text",
    "unreadable",
    "remembers",
    "second-thoughts",
    "header-injection",
    "past-items",
    "future-items",
    "time-overflow",
    "bad-roster",
];

/// Behaviours that try to get at what was not granted, and tell in an item each what came of it.
const REACHING: &[&str] = &[
    "big-request",
    "blob-misuse",
    "header-smuggling",
    "ipv4-in-ipv6-url",
    "loopback-url",
    "metadata-url",
    "odd-methods",
    "odd-urls",
    "outside-folder",
    "oversized-read",
    "read-clock",
    "read-machine",
    "unknown-credential",
    "userinfo-url",
];

#[test]
fn every_behaviour_of_a_hostile_source_ends_as_its_diagnostic_and_harms_nobody() {
    let installation = Installation::new(&[]);
    let site = Site::start(answer);
    let origin = site.origin();
    let behaviours = install(&installation, GUEST);
    let plugin = format!("{GUEST}.wasm");
    installation.put("inbox/chat.txt", HONEST);
    std::os::unix::fs::symlink("/etc", installation.path("inbox/link")).unwrap();
    std::os::unix::fs::symlink("../secret.zip", installation.path("inbox/link.zip")).unwrap();
    installation.put("secret", "nobody may read this");
    installation.put("inbox-and-more/secret", "nobody may read this");

    let in_pull = behaviours.iter().map(|name| (name.clone(), name.as_str(), "pull"));
    let elsewhere = ELSEWHERE.iter().map(|(name, function)| (format!("{name}-in-{function}"), *name, *function));
    let runs: Vec<(String, &str, &str)> =
        in_pull.chain(elsewhere).filter(|(_, behave, _)| !PATIENT.contains(behave)).collect();
    let parts: Vec<(String, String)> = runs
        .iter()
        .map(|(name, behave, during)| {
            // Those tell of one attempt at least.
            let items = match *behave {
                "panic-midway" => 1_500,
                behave if REACHING.contains(&behave) => 1,
                _ => 3,
            };
            let settings = format!(
                "behave = \"{behave}\", during = \"{during}\", items = {items}, site = \"{origin}\", folder = \"inbox\""
            );
            (settings, format!("folder = \"{name}\"\ncatch_all = \"anna@example.com\"\n"))
        })
        .collect();
    let grant = format!("folders = [\"inbox\"], origins = [\"{origin}\"]");
    let hostile = runs.iter().zip(&parts).map(|((name, ..), (settings, more))| Connector {
        name,
        source: &plugin,
        settings,
        more,
        grant: &grant,
        ..Connector::default()
    });
    // The honest one stands in the middle, so that others run before, beside and after it.
    let mut connectors: Vec<Connector<'_>> = hostile.collect();
    connectors.insert(connectors.len() / 2, Connector::default());
    // The site is granted, but it is on this machine, and no network is allowed: not one request may reach it.
    installation.configure(&connectors, LIMITS);

    let (ran, outcomes) = installation.sync(WINDOW);
    ran.expect(1);
    assert!(!ran.stderr.contains("panicked at host"), "the host itself does not panic: {}", ran.stderr);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "the honest one is unharmed: {:?}", outcomes["exports"]);
    let (mut text, mut wrong) = (String::new(), Vec::new());
    for (name, behave, during) in &runs {
        let outcome = &outcomes[name];
        match HARMLESS.contains(behave) || REACHING.contains(behave) {
            true if outcome.error.is_none() => {}
            true => wrong.push(format!("{name} does harm: {:?}", outcome.error)),
            false if outcome.error.is_none() => wrong.push(format!("{name} ended without an error: {outcome:?}")),
            // One item given three times is not the three that it says it has.
            false if *behave == "duplicate-ids" => assert_eq!(outcome.code(), "source-total-missing", "{name}"),
            // An account without an id is seen where it is asked for.
            false if *behave == "empty-account" => assert_diagnostic(outcome, name, GUEST, "check"),
            false => assert_diagnostic(outcome, name, GUEST, during),
        }
        text += &seen(&installation, name, outcome);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    expect_file(&expected("source.md"), &text);

    // What the attempts to get at something came to stands in mails of their own.
    let mails = installation.mails();
    for mail in &mails {
        assert_sound(mail);
        // A file of the granted folder may be read; asking for 4 GiB of it gives what is there.
        let escaped = mail.text().contains("escaped") && mail.folder != "oversized-read";
        assert!(!escaped, "{}: {}", mail.folder, mail.text());
        assert!(!mail.text().contains("nobody may read this"), "{}", mail.folder);
    }
    for tried in REACHING {
        assert!(mails.iter().any(|mail| mail.folder == *tried), "{tried} told what came of it");
    }
    assert_eq!(site.requests(), 0, "a loopback address is not dialled unless the operator allowed it");
    installation.done(&["ledger", "verify"]);
}

/// With the network allowed: what the site itself does to the host, or makes the guest do.
#[test]
fn what_a_granted_site_answers_harms_nobody() {
    // In `check` nothing is tried again, so that those end soon which are ended by a time limit.
    const BEHAVIOURS: [(&str, &str); 4] =
        [("big-body", "pull"), ("redirect", "pull"), ("request-storm", "check"), ("slow-body", "check")];
    let installation = Installation::new(&[]);
    let site = Site::start(answer);
    let origin = site.origin();
    install(&installation, GUEST);
    let plugin = format!("{GUEST}.wasm");
    installation.put("inbox/chat.txt", HONEST);
    let settings = BEHAVIOURS.map(|(behave, during)| {
        format!("behave = \"{behave}\", during = \"{during}\", items = 1, site = \"{origin}\", folder = \"inbox\"")
    });
    let grant = format!("folders = [\"inbox\"], origins = [\"{origin}\"]");
    let hostile = BEHAVIOURS.iter().zip(&settings).map(|((name, _), settings)| Connector {
        name,
        source: &plugin,
        settings,
        grant: &grant,
        ..Connector::default()
    });
    let mut connectors: Vec<Connector<'_>> = hostile.collect();
    connectors.insert(2, Connector::default());
    let limits = LIMITS.replace("call_time_max = \"20s\"", "call_time_max = \"4s\"");
    installation.configure(&connectors, &format!("{limits}[network]\nallowed_networks = [\"127.0.0.0/8\"]\n"));

    let mut text = String::new();
    let (ran, outcomes) = installation.sync(&[&["big-body", "redirect", "exports"], WINDOW].concat());
    ran.expect(1);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "the honest one is unharmed: {:?}", outcomes["exports"]);
    for name in ["big-body", "redirect"] {
        assert_diagnostic(&outcomes[name], name, GUEST, "pull");
        text += &seen(&installation, name, &outcomes[name]);
    }
    for name in ["request-storm", "slow-body"] {
        let ran = installation.run(&["connector", "check", name]);
        ran.expect(1);
        assert!(ran.took < Duration::from_secs(20), "it ends at its limit: {ran}");
        // Which of its limits a storm meets first depends on the machine.
        if name == "slow-body" {
            text += &filtered(&installation, &format!("## {name}\n{}", ran.stderr));
        }
    }
    assert!((10..5_000).contains(&site.requests()), "{} requests reached the site", site.requests());
    expect_file(&expected("network.md"), &text);
    installation.done(&["ledger", "verify"]);
}

fn answer(request: &Request) -> (String, Vec<u8>) {
    match request.line.split(' ').nth(1).unwrap_or_default() {
        "/redirect" => ("302 Found\r\nLocation: http://169.254.169.254/latest/meta-data".to_owned(), Vec::new()),
        "/big" => ("200 OK".to_owned(), vec![b'x'; (16 << 20) + 1]),
        "/slow" => (SLOW.to_owned(), vec![b'x'; 1_000]),
        _ => ("200 OK".to_owned(), b"yes".to_vec()),
    }
}
