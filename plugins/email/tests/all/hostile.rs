//! Input that no friendly source writes, and what must hold for it.

use email::Email;
use kit::{
    Conversation, ConversationKind, Event, Person,
    converter::{Batch, Item, Party},
};
use shelf::{
    batches::{self, assert_well_formed},
    hostile::hostile_batch,
};

/// One answer an item, in order.
fn convert(batch: &Batch) -> Vec<Result<kit::converter::Message, kit::converter::Failure>> {
    let converted = batches::convert::<Email>(batch);
    assert!((0..).zip(&converted).all(|(index, outcome)| batches::items(outcome) == [index]));
    converted
}

#[test]
fn hostile_batches_give_well_formed_messages() {
    for seed in 0..40 {
        let batch = hostile_batch(seed, 64);
        for outcome in convert(&batch) {
            assert_well_formed(&batch, &outcome.unwrap());
        }
    }
}

#[test]
fn cutting_a_batch_changes_no_byte() {
    let batch = hostile_batch(7, 64);
    let whole = convert(&batch);
    for length in [1, 3, 17] {
        let mut cut = Vec::new();
        for items in batch.items.chunks(length) {
            let part = Batch { items: items.to_vec(), ..batch.clone() };
            cut.extend(convert(&part).into_iter().map(|outcome| outcome.unwrap().skeleton));
        }
        let whole: Vec<_> = whole.iter().map(|outcome| outcome.as_ref().unwrap().skeleton.clone()).collect();
        assert!(whole == cut, "batches of {length}");
    }
    let mut turned = batch.clone();
    turned.items.reverse();
    let skeletons = |outcomes: Vec<Result<kit::converter::Message, _>>| -> Vec<Vec<u8>> {
        outcomes.into_iter().map(|outcome: Result<_, kit::converter::Failure>| outcome.unwrap().skeleton).collect()
    };
    let mut backwards = skeletons(convert(&turned));
    backwards.reverse();
    assert!(backwards == skeletons(whole), "the order of items");
}

fn one_item(text: Option<String>) -> Batch {
    let person = |id: &str| Party { person: Person { id: id.to_owned(), ..Person::default() }, mailbox: None };
    Batch {
        source: "test".to_owned(),
        account: "a".to_owned(),
        people: vec![person("anna"), person("ben")],
        conversations: vec![Conversation {
            id: "c".to_owned(),
            kind: ConversationKind::Direct,
            title: None,
            extensions: Vec::new(),
        }],
        items: vec![Item {
            id: "i".to_owned(),
            event: Event::Message,
            revision: 0,
            conversation: 0,
            sender: Some(0),
            participants: vec![0, 1],
            direction: None,
            sent_at: 0,
            zone: None,
            text,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
        }],
        settings: String::new(),
    }
}

#[test]
fn indices_that_lead_nowhere_are_failures() {
    for (code, change) in [
        ("index-out-of-range", (|item| item.conversation = 9) as fn(&mut Item)),
        ("index-out-of-range", |item| item.sender = Some(2)),
        ("index-out-of-range", |item| item.participants.push(u32::MAX)),
        ("time-out-of-range", |item| item.sent_at = i64::MAX),
        ("time-out-of-range", |item| item.sent_at = -3_000_000_000_000),
    ] {
        let mut batch = one_item(Some("secret words".to_owned()));
        batch.items.push(batch.items[0].clone());
        change(&mut batch.items[0]);
        let outcomes = convert(&batch);
        let failure = outcomes[0].as_ref().unwrap_err();
        assert_eq!(failure.code, code);
        assert!(!failure.message.contains("secret"));
        assert!(outcomes[1].is_ok(), "the other item suffers");
    }
}

#[test]
fn settings_that_cannot_be_read_fail_every_item() {
    let batch = Batch { settings: "{\"html\":3}".to_owned(), ..one_item(None) };
    assert_eq!(convert(&batch)[0].as_ref().unwrap_err().code, "settings-invalid");
}

#[test]
fn long_texts_are_written_or_refused() {
    const MIB: usize = 1024 * 1024;
    for (text, fits, html) in [
        ("x".repeat(MIB / 2), true, true),
        ("<".repeat(MIB / 2), true, true),
        ("line of text\n".repeat(MIB / 10), true, false),
        ("日本".repeat(2 * MIB - MIB / 10), true, false),
        ("x".repeat(15 * MIB), true, false),
        ("日本".repeat(2 * MIB + MIB / 10), false, false),
        ("x".repeat(16 * MIB), false, false),
        ("=\0".repeat(25 * MIB), false, false),
    ] {
        let bytes = text.len();
        let batch = one_item(Some(text));
        let outcome = convert(&batch).pop().unwrap();
        match outcome {
            Ok(message) => {
                assert!(fits, "{bytes} bytes were written");
                assert!(message.skeleton.len() <= mail::SKELETON_BYTES_MAX);
                assert_well_formed(&batch, &message);
                assert_eq!(message.skeleton.windows(9).any(|window| window == b"text/html"), html);
            }
            Err(failure) => {
                assert!(!fits, "{bytes} bytes were refused");
                assert_eq!(failure.code, "message-too-large");
            }
        }
    }
}

#[test]
fn many_participants_are_addressed_once() {
    let mut batch = one_item(Some("hello".to_owned()));
    batch.people = (0..5000)
        .map(|number| Party {
            person: Person { id: number.to_string(), name: Some(format!("Person {number}")), ..Person::default() },
            mailbox: Some(format!("User{}@example.com", number % 2500)),
        })
        .collect();
    batch.items[0].participants = (0..5000).collect();
    let message = convert(&batch).pop().unwrap().unwrap();
    assert_well_formed(&batch, &message);
    let text = String::from_utf8(message.skeleton).unwrap();
    let to = text.split("\r\nTo: ").nth(1).unwrap().split("\r\nDate: ").next().unwrap();
    assert_eq!(to.matches('@').count(), 2499, "everyone but the sender, once");
}
