//! The hostile converter, fed from a delivery with files.

use super::{HONEST, LIMITS, SOME_LIMIT, expected, install, seen};
use crate::support::{
    deliveries,
    exports::{Connector, Installation, expect_file, head},
};

/// The guest.
const GUEST: &str = "misbehaving-converter";

/// Two files in one mail, so that there is an order of splices to break, and one over the limit; then a mail without.
const MAILS: &[&str] = &[
    "From: Anna Schmidt <anna@example.com>\nTo: Ben Carter <ben@example.com>\nDate: Mon, 2 Nov 2026 10:15:00 +0000\n\
     Message-ID: <1@telemessage.example>\nSubject: WhatsApp Message from 4915112345678 to 4915112345679\nMIME-Version: 1.0\n\
     Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nTwo files.\n--b\nContent-Type: image/jpeg\n\
     Content-Disposition: attachment; filename=one.jpg\nContent-Transfer-Encoding: base64\n\nAQIDBA==\n--b\n\
     Content-Type: image/jpeg\nContent-Disposition: attachment; filename=two.jpg\nContent-Transfer-Encoding: base64\n\nBQYHCA==\n--b\n\
     Content-Type: image/jpeg\nContent-Disposition: attachment; filename=large.jpg\nContent-Transfer-Encoding: base64\n\n\
     CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ\n--b--\n",
    "From: Ben Carter <ben@example.com>\nTo: Anna Schmidt <anna@example.com>\nDate: Mon, 2 Nov 2026 10:16:00 +0000\n\
     Message-ID: <2@telemessage.example>\nSubject: WhatsApp Message from 4915112345679 to 4915112345678\n\nThanks.\n",
];

/// Behaviours whose answer keeps the rules in form; what is wrong with them only a second call shows, and the ledger,
/// which pins the bytes' hash with the intent, would.
const HARMLESS: &[&str] = &[
    "ok",
    "batch-dependent",
    "non-deterministic",
    "uses-clock",
    "uses-random",
    "reads-all",
    "reads-beyond",
    "long-log-line",
    // What is logged goes nowhere while calls end well.
    "logs-texts",
];

/// Ends only after all attempts, a back-off apart.
const PATIENT: &[&str] = &["sleep"];

#[test]
fn every_behaviour_of_a_hostile_converter_parks_or_ends_and_harms_nobody() {
    let installation = Installation::new(&[]);
    let behaviours = install(&installation, GUEST);
    let plugin = format!("{GUEST}.wasm");
    installation.put("inbox/chat.txt", HONEST);
    installation.put(&format!("deliveries/{}", deliveries::NAME), deliveries::delivery(MAILS));

    let runs: Vec<&String> = behaviours.iter().filter(|name| !PATIENT.contains(&name.as_str())).collect();
    let parts: Vec<(String, String)> = runs
        .iter()
        .map(|name| (format!("behave = \"{name}\""), format!("folder = \"{name}\"\naccepted_terms = \"1\"")))
        .collect();
    let hostile = runs.iter().zip(&parts).map(|(name, (converter_settings, more))| Connector {
        name,
        source: "telemessage-sftp",
        settings: "path = \"deliveries\"",
        grant: "folders = [\"deliveries\"]",
        converter: &plugin,
        converter_settings,
        more,
        ..Connector::default()
    });
    let mut connectors: Vec<Connector<'_>> = hostile.collect();
    connectors.insert(connectors.len() / 2, Connector::default());
    let limits = LIMITS.replace("attachment_bytes_max = 8388608", "attachment_bytes_max = 50");
    installation.configure(&connectors, &limits);

    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    assert!(!ran.stderr.contains("panicked at host"), "the host itself does not panic: {}", ran.stderr);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "the honest one is unharmed: {:?}", outcomes["exports"]);
    let mut text = String::new();
    for name in &runs {
        let outcome = &outcomes[*name];
        let unharmed = outcome.error.is_none() && outcome.item("parked") == 0;
        if !SOME_LIMIT.contains(&name.as_str()) {
            assert_eq!(unharmed, HARMLESS.contains(&name.as_str()), "{name}: {outcome:?}");
        }
        if let Some((code, message, hint)) = &outcome.error {
            assert!(
                message.contains(GUEST) && message.contains("`convert`") && !hint.is_empty(),
                "{name} ({code}): {message}"
            );
        }
        text += &seen(&installation, name, outcome);
    }
    expect_file(&expected("converter.md"), &text);

    for mail in installation.mails() {
        let head = head(&mail).join("\n").to_ascii_lowercase();
        assert!(!head.contains("eve@forbidden.example") && !head.contains("\nbcc:"), "{}: {head}", mail.folder);
    }
    installation.done(&["ledger", "verify"]);

    // With a converter that keeps the rules, what was parked is freed and what was stopped goes on, nothing twice.
    let mended: Vec<Connector<'_>> = connectors
        .iter()
        .map(|connector| Connector { converter: "email", converter_settings: "", ..*connector })
        .collect();
    installation.configure(&mended, &limits);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    for name in runs.iter().filter(|name| !HARMLESS.contains(&name.as_str())) {
        installation.done(&["parked", "retry", name]);
        assert_eq!(installation.parked(name), [], "{name}: {:?}", outcomes[*name]);
        let mails = installation.mails().iter().filter(|mail| mail.folder == **name).count();
        assert_eq!(mails, 4, "{name}: two items in two mailboxes");
    }
}
