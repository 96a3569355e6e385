//! Public exports of the other formats, through `chancery sync` into mailboxes: as many items as the file has records, and each
//! text of it in some mail.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::plain;
use crate::support::exports::{Connector, Installation};

/// Files of one source, and what comes of them.
struct Format {
    source: &'static str,
    settings: &'static str,
    /// Files of the corpora, and where they are laid below `inbox`.
    files: &'static [(&'static str, &'static str)],
    /// Keys whose values are texts that people wrote.
    texts: &'static [&'static str],
    /// Items, and what is parked with its reason; why that is not what one counts in the file stands in the plugin's own test.
    items: u64,
    parked: &'static [&'static str],
}

const FORMATS: &[Format] = &[
    Format {
        source: "slack-export",
        settings: "path = \"inbox/slack-export\"",
        files: &[("rusq+slackdump/source_export.zip", "export.zip")],
        texts: &["text"],
        items: 16,
        parked: &[],
    },
    Format {
        source: "sms-backup",
        settings: "path = \"inbox/sms-backup\", owner = \"anna@example.com\"",
        files: &[
            ("shruggietech+sms-backup-restore-parser/minimal_sms.xml", "a.xml"),
            ("shruggietech+sms-backup-restore-parser/minimal_mms.xml", "b.xml"),
            ("shruggietech+sms-backup-restore-parser/minimal_calls.xml", "c.xml"),
            ("shruggietech+sms-backup-restore-parser/malformed.xml", "d.xml"),
            ("devadvance+sms-backup-reader-2/empty.xml", "e.xml"),
            ("devadvance+sms-backup-reader-2/sms_small.xml", "f.xml"),
            ("devadvance+sms-backup-reader-2/sample_small.xml", "g.xml"),
            ("devadvance+sms-backup-reader-2/sample_mms.xml", "h.xml"),
        ],
        texts: &["body", "text"],
        // 26 messages and calls; the one record of `malformed.xml` breaks off, and so does the file.
        items: 28,
        parked: &["record-broken", "truncated"],
    },
    Format {
        source: "telegram-export",
        settings: "path = \"inbox/telegram-export\", owner = \"anna@example.com\", zone = \"UTC\"",
        files: &[
            ("joweich+chat-miner/telegram_test_single_export.json", "one/result.json"),
            ("mlomb+chat-analytics/telegram_DM_2A_7M.json", "two/result.json"),
        ],
        texts: &["text"],
        items: 10,
        parked: &[],
    },
    Format {
        source: "whatsapp-cloud",
        settings: "path = \"inbox/whatsapp-cloud\"",
        files: &[
            ("david-lev+pywa/call_connect.json", "call_connect.jsonl"),
            ("david-lev+pywa/call_permission_update.json", "call_permission_update.jsonl"),
            ("david-lev+pywa/edited_message.json", "edited_message.jsonl"),
            ("david-lev+pywa/message.json", "message.jsonl"),
            ("david-lev+pywa/message_status.json", "message_status.jsonl"),
            ("david-lev+pywa/system.json", "system.jsonl"),
        ],
        texts: &["body", "caption"],
        // The two bodies of a call have one id; one status has names of placeholders instead of numbers, which nobody has.
        items: 37,
        parked: &["unmapped"],
    },
];

#[test]
fn public_exports_of_other_formats_arrive_whole_and_once() {
    let Some(corpora) = std::env::var_os("CHANCERY_CORPORA").map(PathBuf::from) else { return };
    let installation = Installation::new(&[]);
    let mut rows = BTreeSet::new();
    for format in FORMATS {
        for (file, at) in format.files {
            let bytes = bodies(&fs::read(corpora.join(file)).unwrap(), at);
            installation.put(&format!("inbox/{}/{at}", format.source), &bytes);
            rows.extend(people(&corpora.join(file), &bytes));
        }
    }
    let mapping: String = rows.into_iter().map(|key| format!("{key},anna@example.com\n")).collect();
    installation.put("map.csv", format!("External User ID,Microsoft 365 User Mailbox\n{mapping}"));
    let grants: Vec<String> = FORMATS.iter().map(|format| format!("folders = [\"inbox/{}\"]", format.source)).collect();
    let connectors: Vec<Connector<'_>> = FORMATS
        .iter()
        .zip(&grants)
        .map(|(format, grant)| Connector {
            name: format.source,
            source: format.source,
            settings: format.settings,
            grant,
            mapper: "automatic = true, ids = \"text\"",
            mapping: Some("map.csv"),
            ..Connector::default()
        })
        .collect();
    installation.configure(&connectors, "");
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    for format in FORMATS {
        let outcome = &outcomes[format.source];
        let parked: Vec<String> = installation.parked(format.source).into_iter().map(|row| row.reason).collect();
        assert_eq!(
            (outcome.item("fetched"), parked),
            (format.items, words(format.parked)),
            "{}: {outcome:?}",
            format.source
        );
    }
    let mails = installation.mails();
    let pool: String = mails.iter().map(|mail| flat(&mail.text())).collect();
    let missing: Vec<String> = FORMATS
        .iter()
        .flat_map(|format| format.files.iter().map(move |(file, at)| (format, file, at)))
        // What is parked is kept in the stage, and in no mail.
        .filter(|(_, file, _)| !file.ends_with("/malformed.xml"))
        .flat_map(|(format, file, at)| texts(&fs::read(corpora.join(file)).unwrap(), at, format.texts))
        .filter(|text| !pool.contains(&flat(text)))
        .collect();
    assert!(missing.is_empty(), "texts that are in no mail: {missing:#?}");
    let (_, outcomes) = installation.sync(&[]);
    for format in FORMATS {
        assert_eq!(outcomes[format.source].copy("imported"), 0, "{} again", format.source);
    }
    assert_eq!(installation.mails().len(), mails.len(), "nothing comes twice");
    installation.done(&["ledger", "verify"]);
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Text as it is compared: without what a mail may write otherwise.
fn flat(text: &str) -> String {
    plain(text).chars().filter(|character| !character.is_whitespace()).collect()
}

/// The webhooks of a collection, a line each; whatever else as it is. The collections are objects and lists of bodies, of which
/// many have the same message ids, which Meta gives once: here each gets its own.
fn bodies(bytes: &[u8], at: &str) -> Vec<u8> {
    if !at.ends_with(".jsonl") {
        return bytes.to_vec();
    }
    fn found(value: &Value, lines: &mut String) {
        match value {
            Value::Object(object) if object.contains_key("entry") => {
                let number = lines.lines().count();
                *lines += &format!("{}\n", value.to_string().replace("wamid.", &format!("wamid.{number}.")));
            }
            Value::Object(object) => object.values().for_each(|value| found(value, lines)),
            Value::Array(values) => values.iter().for_each(|value| found(value, lines)),
            _ => {}
        }
    }
    let mut lines = String::new();
    found(&serde_json::from_slice(bytes).unwrap(), &mut lines);
    lines.into_bytes()
}

/// Whom the mapping is to know: users of a Slack workspace, numbers of a business.
fn people(file: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if file.extension().is_some_and(|ending| ending == "zip") {
        let users: Value = serde_json::from_slice(&entry(bytes, "users.json")).unwrap();
        collect(&users, &["id"], &mut found);
    } else {
        if file.extension().is_none_or(|ending| ending != "json") {
            return found;
        }
        for body in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().flatten() {
            collect(&body, &["display_phone_number"], &mut found);
        }
    }
    let keys = found.into_iter().map(|key| key.trim_start_matches('+').replace([' ', '-'], ""));
    keys.filter(|key| !key.is_empty()).collect()
}

fn entry(zip: &[u8], name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut archive.by_name(name).unwrap(), &mut bytes).unwrap();
    bytes
}

/// The texts of a file's records.
fn texts(bytes: &[u8], at: &str, keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    if at.ends_with(".zip") {
        let names: Vec<String> = zip::ZipArchive::new(std::io::Cursor::new(bytes))
            .unwrap()
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        for name in names.iter().filter(|name| name.contains('/') && name.ends_with(".json")) {
            let day: Value = serde_json::from_slice(&entry(bytes, name)).unwrap();
            let messages = day.as_array().unwrap().iter();
            found.extend(messages.filter_map(|message| Some(message.get(keys[0])?.as_str()?.to_owned())));
        }
    } else if at.ends_with(".xml") {
        found.extend(attributes(&String::from_utf8_lossy(bytes), keys));
    } else {
        collect(&serde_json::from_slice(bytes).unwrap(), keys, &mut found);
    }
    // What is written with markup is a list of parts in a mail's text, and stands there without it.
    let plain = |text: &String| !text.contains(['<', '*', '_', '`']) && !text.trim().is_empty();
    found.retain(plain);
    found
}

/// The values of these attributes that hold no entities.
fn attributes(text: &str, names: &[&str]) -> Vec<String> {
    let of = |name: &&str| {
        let begins = format!(" {name}=\"");
        let values = text.split(&begins).skip(1).filter_map(|rest| rest.split('"').next());
        values.filter(|value| *value != "null" && !value.contains('&')).map(str::to_owned).collect::<Vec<_>>()
    };
    names.iter().flat_map(of).collect()
}

/// The texts at these keys, at any depth.
fn collect(value: &Value, keys: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if keys.contains(&key.as_str()) => found.push(text.clone()),
                    _ => collect(value, keys, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, keys, found)),
        _ => {}
    }
}
