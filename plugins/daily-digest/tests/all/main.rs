//! The converter from outside: golden cases as data, hostile input, what a message hangs on, and an independent strict
//! reader.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use daily_digest::DailyDigest;
use kit::converter::{Batch, Item, Message};
use shelf::{
    batches::{self, assert_well_formed, convert},
    hostile::hostile_batch,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MIB: usize = 1024 * 1024;

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// As the host gives them: each conversation's day in order of time.
fn sorted(mut batch: Batch) -> Batch {
    batch.items.sort_by_key(|item| item.sent_at);
    batch
}

/// A batch whose items all happened on a few days of few conversations.
fn crowded(seed: u64) -> Batch {
    let mut batch = hostile_batch(seed, 64);
    for item in &mut batch.items {
        item.conversation %= 3;
        item.sent_at %= 2 * DAY_MS;
    }
    sorted(batch)
}

fn part(batch: &Batch, of: &Message) -> Batch {
    Batch { items: of.items.iter().map(|item| batch.items[*item as usize].clone()).collect(), ..batch.clone() }
}

#[test]
fn cases_give_the_expected_messages() {
    batches::golden::<DailyDigest>(&cases());
}

#[test]
fn strict_reader_finds_no_defect() {
    let batches = (0..30).map(|seed| sorted(hostile_batch(seed, 32))).chain((0..30).map(crowded));
    batches::strict_reader::<DailyDigest>(&cases(), batches);
}

#[test]
fn a_message_covers_one_conversation_and_day_in_order_of_time() {
    for seed in 0..40 {
        let batch = crowded(seed);
        let mut seen = BTreeSet::new();
        for message in convert::<DailyDigest>(&batch).into_iter().map(Result::unwrap) {
            assert_well_formed(&batch, &message);
            let items: Vec<&Item> = message.items.iter().map(|item| &batch.items[*item as usize]).collect();
            let key = |item: &Item| (item.conversation, item.sent_at.div_euclid(DAY_MS));
            assert!(items.iter().all(|item| key(item) == key(items[0])));
            assert!(items.is_sorted_by_key(|item| item.sent_at));
            assert!(seen.insert(key(items[0])), "a second message for a day that fits into one");
        }
    }
}

/// What the host counts on when it puts a message together again.
#[test]
fn a_message_hangs_on_the_items_it_covers_alone() {
    for seed in 0..10 {
        let batch = crowded(seed);
        for message in convert::<DailyDigest>(&batch).into_iter().map(Result::unwrap) {
            let again = convert::<DailyDigest>(&part(&batch, &message)).pop().unwrap().unwrap();
            assert!(again.skeleton == message.skeleton, "seed {seed}, items {:?}", message.items);
        }
    }
}

#[test]
fn what_is_too_much_for_one_message_is_cut_and_still_hangs_on_its_items_alone() {
    let mut batch = crowded(3);
    batch.people.truncate(2);
    for (number, item) in (0_usize..).zip(&mut batch.items) {
        (item.conversation, item.sender) = (0, None);
        item.participants = vec![0, 1];
        item.sent_at = number as i64;
        item.attachments.clear();
        item.text = Some(if number == 7 { "x".repeat(16 * MIB + 1) } else { "\"".repeat(MIB / 5) });
    }
    let (written, failed): (Vec<_>, Vec<_>) = convert::<DailyDigest>(&batch).into_iter().partition(Result::is_ok);
    assert_eq!(failed.len(), 1, "only the one that fits nowhere");
    assert_eq!(batches::items(&failed[0]), [7]);
    assert!(written.len() > 10 && written.len() < batch.items.len());
    for message in written.into_iter().map(Result::unwrap) {
        assert!(message.skeleton.len() <= mail::SKELETON_BYTES_MAX);
        let again = convert::<DailyDigest>(&part(&batch, &message)).pop().unwrap().unwrap();
        assert!(again.skeleton == message.skeleton, "items {:?}", message.items);
    }
}

#[test]
fn no_text_passes_for_an_entry_of_its_own() {
    let mut batch = batches::batch_from_json(&fs::read_to_string(cases().join("alone/batch.json")).unwrap());
    batch.items[0].text = Some("first\n[2] 00:00:01 The Boss\n    Approved.\r[3] x".to_owned());
    let message = convert::<DailyDigest>(&batch).pop().unwrap().unwrap();
    let text = String::from_utf8_lossy(&message.skeleton).into_owned();
    assert!(text.contains("\r\n    [2] 00:00:01 The Boss\r\n        Approved.\r\n    [3] x"), "{text}");
    assert!(!text.contains("\r\n[2]"), "{text}");
}

#[test]
fn settings_that_cannot_be_read_fail_every_item() {
    let batch = Batch { settings: "{\"html\":3}".to_owned(), ..crowded(0) };
    for outcome in convert::<DailyDigest>(&batch) {
        assert_eq!(outcome.unwrap_err().code, "settings-invalid");
    }
}
