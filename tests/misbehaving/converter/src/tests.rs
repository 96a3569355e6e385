#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::collections::BTreeSet;

use kit::{
    Conversation, ConversationKind, Event, Person, Withheld,
    converter::{Attachment, Batch, Converter, Item, Message, Party, State},
};

use crate::{Misbehaving, behaviours, forge, tally};

#[test]
fn every_behaviour_has_one_name_and_the_descriptor_offers_it() {
    let names = behaviours();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let schema: serde_json::Value = serde_json::from_str(&Misbehaving::describe().settings_schema).unwrap();
    assert_eq!(schema["properties"]["behave"]["enum"], serde_json::json!(names));
}

#[test]
fn settings_that_cannot_be_used_fail_every_item() {
    for (settings, code) in [("", "bad-settings"), ("7", "bad-settings"), (r#"{"behave":"nice"}"#, "unknown-behaviour")]
    {
        let answer = Misbehaving::convert(Batch { settings: settings.to_owned(), ..batch() });
        let failure = answer.into_iter().next().unwrap().unwrap_err();
        assert_eq!((failure.code.as_str(), failure.items), (code, vec![0, 1]), "{settings}");
    }
}

#[test]
fn left_alone_it_writes_each_item_correctly() {
    for name in ["ok", "reads-all"] {
        assert_eq!(faults(name), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn every_forgery_and_false_tally_is_seen() {
    // Honest in form; only a second call, another batch, or the log tells.
    let unseen =
        ["non-deterministic", "batch-dependent", "uses-clock", "uses-random", "fails", "fails-second", "logs-texts"];
    let names = forge::BEHAVIOURS.iter().map(|(name, _)| *name).chain(tally::BEHAVIOURS.iter().map(|(name, _)| *name));
    for name in names.filter(|name| !unseen.contains(name)) {
        assert_ne!(faults(name), Vec::<&str>::new(), "{name} changes nothing");
    }
}

#[test]
fn what_should_differ_between_calls_or_batches_does() {
    assert_ne!(convert("non-deterministic", batch()), convert("non-deterministic", batch()));
    let mut shorter = batch();
    shorter.items.pop();
    assert_ne!(convert("batch-dependent", batch())[0], convert("batch-dependent", shorter.clone())[0]);
    assert_eq!(convert("ok", batch())[0], convert("ok", shorter)[0]);
}

fn convert(behave: &str, batch: Batch) -> crate::Answer {
    Misbehaving::convert(Batch { settings: format!(r#"{{"behave":"{behave}"}}"#), ..batch })
}

/// Two items; the first has attachments of every state.
fn batch() -> Batch {
    let person = Person { id: "+1 202 555 0101".to_owned(), ..Person::default() };
    let attachment =
        |state| Attachment { name: None, media_type: None, size: Some(5), sha256: Some("0".repeat(64)), state };
    let item = |id: &str, attachments| Item {
        id: id.to_owned(),
        event: Event::Message,
        revision: 0,
        conversation: 0,
        sender: Some(0),
        participants: vec![0],
        direction: None,
        sent_at: 1_700_000_000_000,
        zone: None,
        text: Some("hello\r\n--=_misbehaving".to_owned()),
        previous_text: None,
        refers_to: None,
        call: None,
        attachments,
        extensions: Vec::new(),
    };
    let withheld = State::Withheld(Withheld { reason: "too-large".to_owned(), limit: Some(4) });
    let states = [State::Present, withheld, State::Missing("omitted".to_owned()), State::Present];
    Batch {
        source: "misbehaving".to_owned(),
        account: "made-up".to_owned(),
        people: vec![Party { person, mailbox: None }],
        conversations: vec![Conversation {
            id: "chat".to_owned(),
            kind: ConversationKind::Group,
            title: None,
            extensions: Vec::new(),
        }],
        items: vec![item("one\r\nX: y", states.map(attachment).to_vec()), item("two", Vec::new())],
        settings: String::new(),
    }
}

/// Which rules of `wit/converter.wit` and of RFC 5322 the answer for [`batch`] breaks.
fn faults(behave: &str) -> Vec<&'static str> {
    let answer = convert(behave, batch());
    let mut covered = Vec::new();
    let mut ids = BTreeSet::new();
    if answer.iter().flatten().map(|message| message.skeleton.len()).sum::<usize>() > 16 << 20 {
        return vec!["size"];
    }
    let mut rules = Vec::new();
    for outcome in &answer {
        let items = match outcome {
            Ok(message) => {
                rules.extend(message_rules(message));
                rules.push(("message id of its own", ids.insert(field(message, "Message-ID: "))));
                &message.items
            }
            Err(failure) => {
                rules.push(("code", failure.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
                &failure.items
            }
        };
        rules.push(("covers something", !items.is_empty()));
        covered.extend_from_slice(items);
    }
    covered.sort_unstable();
    rules.push(("each item once", covered == [0, 1]));
    rules.into_iter().filter(|(_, kept)| !kept).map(|(rule, _)| rule).collect()
}

fn message_rules(message: &Message) -> Vec<(&'static str, bool)> {
    let bytes = &message.skeleton;
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let once = |name: &str| head.split("\r\n").filter(|line| line.starts_with(name)).count() == 1;
    let spliced: Vec<_> = message.splices.iter().map(|splice| (splice.item, splice.attachment)).collect();
    let due: &[_] = if message.items == [0] { &[(0, 0), (0, 3)] } else { &[] };
    vec![
        ("utf-8", str::from_utf8(bytes).is_ok()),
        ("crlf", !text.replace("\r\n", "").contains(['\r', '\n'])),
        ("no nul", !text.contains('\0')),
        ("lines", text.split("\r\n").all(|line| line.len() <= 998)),
        ("ascii head", head.is_ascii()),
        ("one date", once("Date: ")),
        ("one sender", once("From: ")),
        ("one message id", once("Message-ID: ") && !field(message, "Message-ID: ").contains(' ')),
        ("nobody else", !head.contains("\r\nBcc:")),
        ("head ends", text.contains("\r\n\r\n--")),
        ("splices", spliced == due),
        ("ascending", message.splices.windows(2).all(|pair| pair[0].offset < pair[1].offset)),
        ("in place", message.splices.iter().all(|splice| is_empty_base64_body(bytes, splice.offset as usize))),
    ]
}

fn is_empty_base64_body(skeleton: &[u8], offset: usize) -> bool {
    let Some((before, after)) = skeleton.split_at_checked(offset) else { return false };
    before.ends_with(b"Content-Transfer-Encoding: base64\r\n\r\n") && after.starts_with(b"\r\n--")
}

fn field(message: &Message, name: &str) -> String {
    let text = String::from_utf8_lossy(&message.skeleton);
    text.split("\r\n").find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
}
