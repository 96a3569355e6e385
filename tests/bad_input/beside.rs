//! Every source of files beside one that crashes, one whose file is nonsense and one whose folder is not there: each does its own
//! work, and what is wrong with one is told of it alone.

use std::{collections::BTreeSet, fs, path::Path};

use super::guest;
use crate::support::{
    deliveries,
    exports::{Connector, Installation},
};

/// Sources, one of their cases, and further settings.
const SOURCES: &[(&str, &str, &str)] = &[
    ("mattermost", "unpacked", ""),
    ("slack-export", "messages-and-threads", ""),
    ("sms-backup", "boxes", ", owner = \"anna@example.com\""),
    ("telegram-export", "direct-chat", ", owner = \"anna@example.com\", zone = \"UTC\""),
    ("whatsapp-cloud", "text-and-replies", ""),
];

/// The files of a folder, by their paths in it; a folder that is called as a zip file becomes one.
fn files(folder: &Path, below: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() && name.ends_with(".zip") {
            let mut inside = files(&path, "");
            inside.sort();
            found.push((name, deliveries::zip(inside)));
        } else if path.is_dir() {
            found.extend(files(&path, &format!("{name}/")));
        } else {
            found.push((name, fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn one_that_is_broken_keeps_nobody_from_working() {
    let installation = Installation::new(&[]);
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
    for (name, case, _) in SOURCES {
        for (file, bytes) in files(&plugins.join(name).join("cases").join(case).join("inbox"), "") {
            installation.put(&format!("inbox/{name}/{file}"), bytes);
        }
    }
    // The sources that keep no cases as folders.
    installation.put("inbox/whatsapp-export/WhatsApp Chat with Ben.txt", "23/06/2023, 10:15 - Anna: Hello.\n");
    installation.put(
        &format!("inbox/telemessage-sftp/{}", deliveries::NAME),
        deliveries::delivery(&["From: Anna Schmidt <anna@example.com>\nTo: Ben Carter <ben@example.com>\n\
            Date: Mon, 2 Nov 2026 10:16:00 +0000\nMessage-ID: <2@telemessage.example>\n\
            Subject: WhatsApp Message from 4915112345679 to 4915112345678\n\nThanks.\n"]),
    );
    // The business's number; whom the mapping does not know goes to everybody's mailbox.
    installation.put("mapping.csv", "External User ID,Microsoft 365 User Mailbox\n15550001111,anna@example.com\n");
    installation.put("inbox/nonsense/sms.xml", "this is no backup");
    installation.put("crashing.wasm", guest("misbehaving-source"));
    installation.done(&["plugin", "approve", "crashing.wasm"]);
    let settings: Vec<String> =
        SOURCES.iter().map(|(name, _, more)| format!("path = \"inbox/{name}\"{more}")).collect();
    let grants: Vec<String> = SOURCES.iter().map(|(name, ..)| format!("folders = [\"inbox/{name}\"]")).collect();
    let everybody = "catch_all = \"anna@example.com\"";
    let mut connectors: Vec<Connector<'_>> = SOURCES
        .iter()
        .zip(settings.iter().zip(&grants))
        .map(|((name, ..), (settings, grant))| Connector {
            name,
            source: name,
            settings,
            grant,
            mapping: Some("mapping.csv"),
            more: everybody,
            ..Connector::default()
        })
        .collect();
    let mut names: Vec<&str> = SOURCES.iter().map(|(name, ..)| *name).collect();
    for (name, settings, grant, more) in [
        (
            "whatsapp-export",
            "path = \"inbox/whatsapp-export\", owner = \"anna@example.com\"",
            "folders = [\"inbox/whatsapp-export\"]",
            "",
        ),
        (
            "telemessage-sftp",
            "path = \"inbox/telemessage-sftp\", archiver = \"signal\"",
            "folders = [\"inbox/telemessage-sftp\"]",
            "accepted_terms = \"1\"",
        ),
    ] {
        names.push(name);
        connectors.push(Connector { name, source: name, settings, grant, more, ..Connector::default() });
    }
    connectors.push(Connector {
        name: "crashing",
        source: "crashing.wasm",
        settings: "behave = \"panic\"",
        grant: "",
        more: "since = 2026-01-01T00:00:00Z",
        ..Connector::default()
    });
    connectors.push(Connector {
        name: "nonsense",
        source: "sms-backup",
        settings: "path = \"inbox/nonsense\", owner = \"anna@example.com\"",
        grant: "folders = [\"inbox/nonsense\"]",
        ..Connector::default()
    });
    connectors.push(Connector {
        name: "gone",
        source: "sms-backup",
        settings: "path = \"inbox/gone\", owner = \"anna@example.com\"",
        grant: "folders = [\"inbox/gone\"]",
        ..Connector::default()
    });
    installation.configure(&connectors, "");
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    for name in &names {
        let outcome = &outcomes[*name];
        assert_eq!(outcome.code(), "", "{name}: {outcome:?}");
        assert!(outcome.item("delivered") > 0 && outcome.copy("imported") > 0, "{name}: {outcome:?}");
    }
    assert_eq!(outcomes["crashing"].code(), "plugin-trap");
    assert_eq!((outcomes["nonsense"].code(), outcomes["nonsense"].item("parked")), ("", 1));
    assert_eq!(installation.parked("nonsense")[0].reason, "not-a-backup");
    assert!(!outcomes["gone"].code().is_empty(), "{:?}", outcomes["gone"]);
    let again = installation.sync(&[]).1;
    for name in &names {
        assert_eq!(again[*name].copy("imported"), 0, "{name} again");
    }
    installation.done(&["ledger", "verify"]);
    let folders: BTreeSet<String> = installation.mails().into_iter().map(|mail| mail.folder).collect();
    let expected =
        ["Mattermost", "SMS", "Signal", "Slack", "Telegram", "WhatsApp"].map(|app| format!("{app} Archiver"));
    assert_eq!(folders.into_iter().collect::<Vec<_>>(), expected, "each app's folder, the family's by its archiver");
}
