//! Real bodies, where `CHANCERY_CORPORA` names the folder that holds them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;
use shelf::{Shelf, Whole};
use whatsapp_cloud::WhatsappCloud;

use crate::SETTINGS;

/// File, bodies, items, and items by event.
type Expected = (&'static str, usize, usize, &'static [(&'static str, usize)]);

const PATH: &str = "spool/body.json";

/// The bodies of a file, each by its name in it.
fn corpus(name: &str) -> Option<BTreeMap<String, Value>> {
    let folder = PathBuf::from(std::env::var_os("CHANCERY_CORPORA")?);
    let bytes = fs::read(folder.join("david-lev+pywa").join(name)).unwrap();
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// Reads each body as a file of its own, and all of them as lines of one.
fn read_all(bodies: &BTreeMap<String, Value>) -> BTreeMap<String, Whole> {
    let mut all = BTreeMap::new();
    for (name, body) in bodies {
        let mut host = Shelf::file(PATH, serde_json::to_vec_pretty(body).unwrap());
        all.insert(name.clone(), shelf::read::<WhatsappCloud>(&mut host, SETTINGS, PATH, 1).unwrap());
    }
    let lines: String = bodies.values().map(|body| format!("{body}\n")).collect();
    let together = crate::read(lines, 1_000);
    let apart: usize = all.values().map(|whole| whole.items.len()).sum();
    assert_eq!(together.items.len(), apart);
    assert_eq!(together.unreadable, []);
    all
}

/// Elements of the lists of a body's values, counted without the plugin.
fn counted(body: &Value) -> usize {
    let mut count = 0;
    for change in body["entry"].as_array().unwrap().iter().flat_map(|entry| entry["changes"].as_array().unwrap()) {
        for list in ["messages", "statuses", "calls", "errors"] {
            count += change["value"][list].as_array().map_or(0, Vec::len);
        }
    }
    count
}

/// | file | bodies | elements | items | difference |
/// |---|---|---|---|---|
/// | `message.json` | 23 | 24 | 24 | none: one body has errors beside its message |
/// | `message_status.json` | 7 | 7 | 7 | none |
/// | `edited_message.json` | 1 | 1 | 1 | none |
/// | `system.json` | 2 | 2 | 2 | none |
/// | `call_connect.json` | 2 | 2 | 2 | none |
/// | `call_permission_update.json` | 2 | 2 | 2 | none |
#[test]
fn every_element_of_the_bodies_of_pywa_is_an_item() {
    let expected: [Expected; 6] = [
        ("message.json", 23, 24, &[("message", 20), ("other", 1), ("reaction", 3)]),
        ("message_status.json", 7, 7, &[("other", 7)]),
        ("edited_message.json", 1, 1, &[("edit", 1)]),
        ("system.json", 2, 2, &[("notice", 2)]),
        ("call_connect.json", 2, 2, &[("other", 2)]),
        ("call_permission_update.json", 2, 2, &[("message", 2)]),
    ];
    for (name, bodies_expected, items_expected, events_expected) in expected {
        let Some(bodies) = corpus(name) else { return };
        assert_eq!(bodies.len(), bodies_expected, "{name}");
        let mut events: BTreeMap<&str, usize> = BTreeMap::new();
        for (case, whole) in read_all(&bodies) {
            assert_eq!(whole.unreadable, [], "{name} {case}");
            assert_eq!(whole.items.len(), counted(&bodies[&case]), "{name} {case}");
            for seen in &whole.items {
                *events.entry(seen.item.event.name()).or_default() += 1;
                assert!(!String::from_utf8_lossy(seen.item.original.as_ref().unwrap()).contains("hash="), "{case}");
            }
        }
        assert_eq!(events.values().sum::<usize>(), items_expected, "{name}");
        assert_eq!(events, events_expected.iter().copied().collect(), "{name}");
    }
}

#[test]
fn kinds_of_the_bodies_of_pywa_are_told_apart() {
    let Some(bodies) = corpus("message.json") else { return };
    let all = read_all(&bodies);
    let item = |case: &str| &all[case].items[0];
    let told = |pointer: &str| {
        let found = bodies["text"].pointer(&format!("/entry/0/changes/0/value/{pointer}"));
        found.and_then(Value::as_str).unwrap().to_owned()
    };
    let from = told("messages/0/from");
    assert_eq!(item("text").item.text, Some(told("messages/0/text/body")));
    assert_eq!(item("text").sender().unwrap().id, from);
    assert_eq!(item("text").conversation.id, format!("{}:{from}", told("metadata/phone_number_id")));
    assert_eq!(item("text").item.sent_at, told("messages/0/timestamp").parse::<i64>().unwrap() * 1_000);
    let with_files = all.values().filter(|whole| !whole.items[0].item.attachments.is_empty()).count();
    assert_eq!(with_files, 8, "image twice, video, document, audio, voice, two stickers");
    assert_eq!(crate::extension(item("unreaction_empty"), "removed"), Some("true"));
    assert_eq!(crate::extension(item("unreaction_no_emoji"), "removed"), Some("true"));
    assert_eq!(crate::extension(item("forwarded_many_times"), "forwarded"), Some("many-times"));
    assert!(item("reply").item.refers_to.is_some());
}
