//! Every source of files beside one that crashes, one whose file is nonsense and one whose folder is not there: each does its own
//! work, and what is wrong with one is told of it alone.

use std::{fs, path::Path};

use super::guest;
use crate::support::exports::{Connector, Installation};

/// Sources, one of their cases, and further settings.
const SOURCES: &[(&str, &str, &str)] = &[
    ("mattermost", "unpacked", ""),
    ("sms-backup", "boxes", ", owner = \"anna@example.com\""),
    ("telegram-export", "direct-chat", ", owner = \"anna@example.com\", zone = \"UTC\""),
    ("whatsapp-cloud", "text-and-replies", ""),
];

/// Lays a case's files below `inbox/NAME`.
fn lay(installation: &Installation, name: &str, folder: &Path, below: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let below = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            lay(installation, name, &path, &below);
        } else {
            installation.put(&format!("inbox/{name}{below}"), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn one_that_is_broken_keeps_nobody_from_working() {
    let installation = Installation::new(&[]);
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
    for (name, case, _) in SOURCES {
        lay(&installation, name, &plugins.join(name).join("cases").join(case).join("inbox"), "");
    }
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
    for (name, ..) in SOURCES {
        let outcome = &outcomes[*name];
        assert_eq!(outcome.code(), "", "{name}: {outcome:?}");
        assert!(outcome.item("delivered") > 0 && outcome.copy("imported") > 0, "{name}: {outcome:?}");
    }
    assert_eq!(outcomes["crashing"].code(), "plugin-trap");
    assert_eq!((outcomes["nonsense"].code(), outcomes["nonsense"].item("parked")), ("", 1));
    assert_eq!(installation.parked("nonsense")[0].reason, "not-a-backup");
    assert!(!outcomes["gone"].code().is_empty(), "{:?}", outcomes["gone"]);
    let again = installation.sync(&[]).1;
    for (name, ..) in SOURCES {
        assert_eq!(again[*name].copy("imported"), 0, "{name} again");
    }
    installation.done(&["ledger", "verify"]);
}
