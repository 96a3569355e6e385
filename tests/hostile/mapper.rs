//! The hostile mapper, asked about the honest chat.

use super::{HONEST, LIMITS, SOME_LIMIT, expected, install, seen};
use crate::support::exports::{Connector, Installation, expect_file};

/// The guest.
const GUEST: &str = "misbehaving-mapper";

/// Behaviours that keep the rules in form.
const HARMLESS: &[&str] = &["ok", "asks-for-odd-addresses", "long-log-line", "other-every-time"];

/// Ends only after all attempts, a back-off apart.
const PATIENT: &[&str] = &["refuses", "sleep"];

/// Behaviours that are also tried while the file is loaded.
const DURING_LOAD: &[&str] = &["abort", "allocate", "loop", "panic", "recurse"];

#[test]
fn every_behaviour_of_a_hostile_mapper_ends_and_harms_nobody() {
    let installation = Installation::new(&[]);
    let behaviours = install(&installation, GUEST);
    let plugin = format!("{GUEST}.wasm");
    installation.put("inbox/chat.txt", HONEST);
    let resolving = behaviours.iter().filter(|name| !PATIENT.contains(&name.as_str()));
    let runs: Vec<(String, &str, &str)> = resolving
        .map(|name| (name.clone(), name.as_str(), "resolve"))
        .chain(DURING_LOAD.iter().map(|name| (format!("{name}-in-load"), *name, "load")))
        .collect();
    let parts: Vec<(String, String)> = runs
        .iter()
        .map(|(name, behave, during)| {
            (format!("behave = \"{behave}\", during = \"{during}\""), format!("folder = \"{name}\""))
        })
        .collect();
    let hostile = runs.iter().zip(&parts).map(|((name, ..), (mapper, more))| Connector {
        name,
        mapper_plugin: &plugin,
        mapper,
        more,
        ..Connector::default()
    });
    let mut connectors: Vec<Connector<'_>> = hostile.collect();
    connectors.insert(connectors.len() / 2, Connector::default());
    installation.configure(&connectors, LIMITS);

    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    assert!(!ran.stderr.contains("panicked at host"), "the host itself does not panic: {}", ran.stderr);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "the honest one is unharmed: {:?}", outcomes["exports"]);
    let mut text = String::new();
    for (name, behave, during) in &runs {
        let outcome = &outcomes[name];
        if !SOME_LIMIT.contains(behave) {
            assert_eq!(outcome.error.is_none(), HARMLESS.contains(behave), "{name}: {outcome:?}");
        }
        if let Some((code, message, hint)) = &outcome.error {
            // A file with problems is not adopted, whatever its mapper says of them.
            let function = if behave.contains("problem") { "load" } else { during };
            assert!(
                message.contains(GUEST) && message.contains(&format!("`{function}`")) && !hint.is_empty(),
                "{name} ({code}): {message}"
            );
        }
        text += &seen(&installation, name, outcome);
    }
    expect_file(&expected("mapper.md"), &text);
    assert!(installation.mails().iter().all(|mail| mail.mailbox == "anna@example.com"), "nobody else got mail");
    installation.done(&["ledger", "verify"]);

    // With a mapper that keeps the rules, what was stopped goes on, and nothing comes twice.
    let mended: Vec<Connector<'_>> = connectors
        .iter()
        .map(|connector| Connector { mapper_plugin: "users", mapper: "automatic = true", ..*connector })
        .collect();
    installation.configure(&mended, LIMITS);
    let (ran, _) = installation.sync(&[]);
    ran.expect(0);
    for (name, ..) in &runs {
        let mails = installation.mails().iter().filter(|mail| mail.folder == *name).count();
        assert_eq!(mails, 2, "{name}: two items in Anna's mailbox");
    }
}
