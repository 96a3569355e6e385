//! Real exports, where `CHANCERY_CORPORA` names the folder that holds them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use shelf::{Shelf, Whole};
use telegram_export::TelegramExport;

use crate::{EXPORT, read};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(std::env::var_os("CHANCERY_CORPORA")?);
    Some(fs::read(folder.join(name)).unwrap())
}

fn events(whole: &Whole) -> BTreeMap<&'static str, usize> {
    let mut events = BTreeMap::new();
    for seen in &whole.items {
        *events.entry(seen.item.event.name()).or_default() += 1;
    }
    events
}

/// | file | messages | items | difference |
/// |---|---|---|---|
/// | `telegram_test_single_export.json` | 2 | 2 | none; it has neither numbers nor user ids, so names are ids |
///
/// `telegram_target.json` is what another reader makes of it: the texts and authors are compared with it. Its texts join the
/// parts with a space, which the export does not have.
#[test]
fn the_export_of_chat_miner() {
    let Some(bytes) = corpus("joweich+chat-miner/telegram_test_single_export.json") else { return };
    let Some(target) = corpus("joweich+chat-miner/telegram_target.json") else { return };
    let target: Vec<serde_json::Value> = serde_json::from_slice(&target).unwrap();
    for max_items in [1, 100] {
        let whole = read(&mut Shelf::file(EXPORT, &bytes), max_items);
        assert_eq!(whole.unreadable, []);
        assert_eq!(whole.items.len(), target.len());
        for (seen, target) in whole.items.iter().zip(&target) {
            assert_eq!(seen.sender().unwrap().id, target["author"].as_str().unwrap());
            let text = target["message"].as_str().unwrap().replace(": ", ":");
            assert_eq!(seen.item.text.as_deref(), Some(text.as_str()));
            let at = jiff::Timestamp::from_millisecond(seen.item.sent_at).unwrap().to_string();
            assert_eq!(at, format!("{}Z", target["timestamp"].as_str().unwrap()));
        }
    }
    // What another reader made of a chat is no export.
    let Some(bytes) = corpus("joweich+chat-miner/telegram_target.json") else { return };
    let error =
        shelf::read::<TelegramExport>(&mut Shelf::file(EXPORT, &bytes), crate::SETTINGS, EXPORT, 1).unwrap_err();
    assert_eq!(error.code, "not-a-telegram-export");
}

/// | file | rows | items | difference |
/// |---|---|---|---|
/// | `telegram_DM_2A_7M.json` | 8 | 8 | none: 6 messages, 1 notice (joined Telegram), 1 call of 56 s |
///
/// Three rows have local times only, so a zone is asked for.
#[test]
fn the_export_of_chat_analytics() {
    let Some(bytes) = corpus("mlomb+chat-analytics/telegram_DM_2A_7M.json") else { return };
    let host = Shelf::file(EXPORT, &bytes);
    let error = shelf::read::<TelegramExport>(&mut host.clone(), crate::SETTINGS, EXPORT, 10).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (kit::ErrorKind::Misconfigured, "zone-needed"));
    let settings = r#"{"path":"inbox","zone":"Europe/Berlin"}"#;
    for max_items in [1, 3, 100] {
        let whole = shelf::read::<TelegramExport>(&mut host.clone(), settings, EXPORT, max_items).unwrap();
        assert_eq!(whole.unreadable, []);
        assert_eq!(events(&whole), BTreeMap::from([("call", 1), ("message", 6), ("notice", 1)]));
        let call = whole.items.iter().find_map(|seen| seen.item.call).unwrap();
        assert_eq!((call.outcome, call.duration_ms), (kit::CallOutcome::Answered, Some(56_000)));
        let sent = whole.items.iter().filter(|seen| seen.item.direction == Some(kit::Direction::Outgoing)).count();
        assert_eq!(sent, 5, "rows of Alice, who is not the other one of the chat");
        let missing: Vec<_> = whole.items.iter().flat_map(|seen| &seen.item.attachments).collect();
        assert_eq!(missing.len(), 2);
        assert!(missing.iter().all(|file| file.content == kit::Content::Missing("not-in-export".to_owned())));
    }
}
