//! Plugins that are not there, not whole, not what they are asked to be, or not what was approved.

use std::fs;

use crate::support::exports::{Connector, Installation};

/// A plugin that cannot be used.
struct Case {
    name: &'static str,
    /// Bytes of `plugins/mine.wasm`; none: the file is not there.
    wasm: Option<fn() -> Vec<u8>>,
    code: &'static str,
    /// Part of the message.
    says: &'static str,
}

#[rustfmt::skip] // A table reads as one.
const CASES: &[Case] = &[
    Case { name: "not there", wasm: None, code: "plugin-unreadable", says: "mine.wasm" },
    Case { name: "empty", wasm: Some(Vec::new), code: "plugin-corrupt", says: "mine.wasm" },
    Case { name: "no wasm", wasm: Some(|| b"#!/bin/sh\necho hello\n".to_vec()), code: "plugin-corrupt", says: "mine.wasm" },
    Case { name: "cut", wasm: Some(|| { let mut wasm = guest("misbehaving-source"); wasm.truncate(wasm.len() / 2); wasm }), code: "plugin-corrupt", says: "mine.wasm" },
    Case { name: "rotten", wasm: Some(rotten), code: "plugin-corrupt", says: "mine.wasm" },
    Case { name: "a module, no component", wasm: Some(|| b"\0asm\x01\0\0\0".to_vec()), code: "plugin-not-component", says: "component" },
    Case { name: "a component that exports nothing", wasm: Some(|| b"\0asm\x0d\0\x01\0".to_vec()), code: "plugin-world", says: "mine.wasm" },
    Case { name: "another world", wasm: Some(|| guest("misbehaving-converter")), code: "plugin-world", says: "converter" },
    Case { name: "another version", wasm: Some(|| with_version("0.9.0")), code: "plugin-contract-version", says: "0.9.0" },
];

#[test]
fn a_plugin_that_cannot_be_used_is_refused_and_the_other_connector_goes_on() {
    let installation = Installation::new(&[]);
    installation.put("inbox/chat.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n");
    fs::create_dir(installation.path("plugins")).unwrap();
    let names: Vec<String> = CASES.iter().map(|case| case.name.replace([' ', ','], "-")).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("plugins/{name}/mine.wasm")).collect();
    let mut connectors = vec![Connector::default()];
    for ((case, name), path) in CASES.iter().zip(&names).zip(&paths) {
        if let Some(wasm) = case.wasm {
            installation.put(path, wasm());
        }
        connectors.push(Connector { name, source: path, settings: "", ..Connector::default() });
    }
    installation.configure(&connectors, "");

    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(2);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "{ran}");
    for ((case, name), path) in CASES.iter().zip(&names).zip(&paths) {
        let (code, message, hint) = outcomes[name].error.clone().unwrap_or_else(|| panic!("{}: {ran}", case.name));
        assert_eq!(code, case.code, "{}: {message}", case.name);
        assert!(message.contains(case.says), "{}: {message}", case.name);
        assert!(!hint.is_empty(), "{}: {message}", case.name);
        for command in ["inspect", "approve"] {
            let ran = installation.run(&["plugin", command, path]);
            // A converter is no source, but it is a plugin.
            if case.name != "another world" {
                ran.expect(2);
                assert!(ran.stderr.contains(case.code) && ran.stderr.contains("\nhint: "), "{}: {ran}", case.name);
            }
        }
    }
    // Nobody who was refused left anything in a ledger.
    installation.done(&["ledger", "verify"]);
}

#[test]
fn a_plugin_nobody_knows_is_refused_with_those_there_are() {
    let installation = Installation::new(&[Connector { source: "whatsap-export", ..Connector::default() }]);
    let ran = installation.run(&["sync"]);
    ran.expect(2);
    assert!(ran.stderr.contains("whatsap-export") || ran.stdout.contains("whatsap-export"), "{ran}");
    let (ran, outcomes) = installation.sync(&[]);
    let (code, _, hint) = outcomes["exports"].error.clone().unwrap();
    assert_eq!(code, "plugin-unknown", "{ran}");
    assert!(hint.contains("`whatsapp-export`") && hint.contains(".wasm"), "{hint}");

    installation.configure(&[Connector::default()], "");
    installation.done(&["sync"]);
}

#[test]
fn a_plugin_of_ones_own_runs_once_it_is_approved_and_not_when_it_changes() {
    let source = Connector { name: "mine", source: "mine.wasm", settings: "", grant: "", ..Connector::default() };
    let installation = Installation::new(&[Connector {
        more: "since = 2026-01-01T00:00:00Z\ncatch_all = \"anna@example.com\"",
        ..source
    }]);
    installation.put("mine.wasm", guest("misbehaving-source"));
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(2);
    let (code, message, hint) = outcomes["mine"].error.clone().unwrap();
    assert_eq!(code, "plugin-not-approved", "{ran}");
    assert!(message.contains("not approved yet") && hint.contains("chancery plugin approve"), "{message} {hint}");

    installation.done(&["plugin", "approve", "mine.wasm"]);
    let (ran, _) = installation.sync(&["mine", "--window", "2026-01-01..2026-01-02"]);
    ran.expect(0);
    assert_eq!(installation.mails_of("anna@example.com").len(), 3, "{ran}");

    // The same plugin, another build: a section that nobody reads is enough.
    let mut changed = guest("misbehaving-source");
    changed.extend_from_slice(b"\0\x05\x04note");
    installation.put("mine.wasm", changed);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(2);
    let (code, message, _) = outcomes["mine"].error.clone().unwrap();
    assert_eq!(code, "plugin-not-approved", "{ran}");
    assert!(message.contains("digest"), "{message}");
    installation.done(&["plugin", "approve", "mine.wasm"]);
    installation.done(&["sync", "mine", "--window", "2026-01-01..2026-01-02"]);

    installation.put("chancery.lock", "version = 2\n");
    let ran = installation.run(&["sync"]);
    ran.expect(2);
    let (_, outcomes) = installation.sync(&[]);
    assert_eq!(outcomes["mine"].code(), "lock-unreadable");
}

/// A hostile guest's bytes; the source is honest unless its settings say otherwise.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let found = bundle::MISBEHAVING.iter().find(|plugin| plugin.name == name);
    found.expect("the hostile guests are built with the feature `misbehaving`").wasm.to_vec()
}

/// One bit of code is another.
fn rotten() -> Vec<u8> {
    let mut wasm = guest("misbehaving-source");
    let middle = wasm.len() / 2;
    wasm[middle..middle + 64].fill(0xff);
    wasm
}

/// The same component, of a contract that does not exist; the length stays, so that it is whole.
fn with_version(version: &str) -> Vec<u8> {
    let mut wasm = guest("misbehaving-source");
    let (from, to) = (b"@1.0.0", format!("@{version}"));
    assert_eq!(from.len(), to.len());
    let mut found = 0;
    for at in 0..wasm.len() - from.len() {
        if wasm[at..].starts_with(from) {
            wasm[at..at + from.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "the contract's version stands in the component");
    wasm
}

#[test]
fn a_converter_that_fails_at_most_of_a_batch_stops_the_window_and_one_that_fails_at_some_does_not() {
    let chat: String = (10..40).map(|minute| format!("23/06/2023, 10:{minute} - Anna: Line {minute}.\n")).collect();
    let made = || {
        let installation = Installation::new(&[]);
        installation.put("broken.wasm", guest("misbehaving-converter"));
        installation.done(&["plugin", "approve", "broken.wasm"]);
        installation.put("inbox/chat.txt", &chat);
        installation
    };
    let installation = made();
    let connector = |settings, more| Connector {
        converter: "broken.wasm",
        converter_settings: settings,
        more,
        ..Connector::default()
    };
    installation.configure(&[connector("behave = \"fails\"", "")], "");
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    let outcome = &outcomes["exports"];
    assert_eq!(outcome.code(), "plugin-failing", "{ran}");
    let (_, message, hint) = outcome.error.clone().unwrap();
    assert!(message.contains("converter") && message.contains("30 of 30") && message.contains("made-up"), "{message}");
    assert!(hint.contains("failures_percent_max"), "{hint}");
    assert_eq!((installation.parked("exports"), installation.mails().len()), (vec![], 0));
    let status = installation.done(&["status", "--json"]).json()["connectors"][0].clone();
    assert_eq!((&status["open_windows"], &status["under_way"]), (&1.into(), &30.into()), "{status}");
    assert_eq!(status["items"]["fetched"], 0, "what nothing became of yet stands apart: {status}");
    let words = installation.done(&["status"]);
    assert!(words.stdout.contains("30 under way") && words.stdout.contains("still open"), "{words}");

    // Half of them is not most of them.
    let some = made();
    some.configure(&[connector("behave = \"fails-second\"", "")], "");
    let (ran, outcomes) = some.sync(&[]);
    ran.expect(0);
    assert_eq!((outcomes["exports"].item("delivered"), outcomes["exports"].item("parked")), (15, 15), "{ran}");

    // Whoever wants them parked says so.
    let all = made();
    all.configure(&[connector("behave = \"fails\"", "failures_percent_max = 100")], "");
    let (ran, outcomes) = all.sync(&[]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("parked"), 30, "{ran}");

    // Mended, everything is delivered.
    installation.configure(&[Connector::default()], "");
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 30, "{ran}");
    installation.done(&["ledger", "verify"]);
}
