//! Real exports, where `CHANCERY_CORPORA` names the folder that holds them.

use std::{collections::BTreeMap, fs, io::Read as _, path::PathBuf};

use shelf::{Shelf, Whole};

use crate::{EXPORT, read};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(std::env::var_os("CHANCERY_CORPORA")?);
    Some(fs::read(folder.join("rusq+slackdump").join(name)).unwrap())
}

fn unpack(bytes: Vec<u8>) -> Shelf {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        if entry.is_dir() {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        entries.push((entry.name().unwrap().into_owned(), bytes));
    }
    let mut host = Shelf::default();
    host.archives.insert(EXPORT.to_owned(), entries);
    host
}

fn events(whole: &Whole) -> BTreeMap<&'static str, usize> {
    let mut events = BTreeMap::new();
    for seen in &whole.items {
        *events.entry(seen.item.event.name()).or_default() += 1;
    }
    events
}

/// Records of the days' files and reactions in them, counted by another reader of JSON.
fn counted(host: &Shelf) -> (usize, usize) {
    let (mut records, mut reactions) = (0, 0);
    for (name, bytes) in &host.archives[EXPORT] {
        if !name.contains('/') {
            continue;
        }
        let day: Vec<serde_json::Value> = serde_json::from_slice(bytes).unwrap();
        records += day.len();
        for reaction in day.iter().filter_map(|record| record["reactions"].as_array()).flatten() {
            reactions += reaction["users"].as_array().map_or(0, Vec::len);
        }
    }
    (records, reactions)
}

/// | file | records | items | difference |
/// |---|---|---|---|
/// | `source_export.zip` | 16 in 4 days | 16 | none: 14 messages, 1 tombstone, 1 join |
#[test]
fn the_export_of_slackdump() {
    let Some(bytes) = corpus("source_export.zip") else { return };
    let mut host = unpack(bytes);
    let (records, reactions) = counted(&host);
    assert_eq!((records, reactions), (16, 0));
    for max_items in [1, 5, 1_000] {
        let whole = read(&mut host, max_items);
        assert_eq!(whole.unreadable, []);
        assert_eq!(whole.items.len(), records + reactions);
        assert_eq!(events(&whole), BTreeMap::from([("deletion", 1), ("membership", 1), ("message", 14)]));
        let files: usize = whole.items.iter().map(|seen| seen.item.attachments.len()).sum();
        assert_eq!(files, 2, "records with files");
        assert!(whole.items.iter().all(|seen| seen.conversation.id == "CO69735E8A"));
        assert_eq!(whole.items.iter().filter(|seen| seen.item.revision > 0).count(), 1, "one was edited");
        let named = whole.items.iter().filter(|seen| seen.sender().is_some_and(|person| person.name.is_some()));
        assert_eq!(named.count(), 16, "every sender is a listed user");
    }
}

/// | file | records | items | difference |
/// |---|---|---|---|
/// | `contrib_sample.json` | 7 messages | 7 | the file is of slackdump's own form: its `messages` are put into a day's file here |
#[test]
fn the_sample_of_slackdump() {
    let Some(bytes) = corpus("contrib_sample.json") else { return };
    let sample: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let day = serde_json::to_vec_pretty(&sample["messages"]).unwrap();
    let mut host = Shelf::archive(EXPORT, &[("users.json", b"[]"), ("everything/2019-07-25.json", &day)]);
    let whole = read(&mut host, 3);
    assert_eq!(counted(&host), (7, 0));
    assert_eq!(whole.unreadable, []);
    assert_eq!(events(&whole), BTreeMap::from([("membership", 2), ("message", 5)]));
}
