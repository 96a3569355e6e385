//! The truth is true: it follows from what the site says, by the rules of the mapping, derived here a second time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use world::{
    ABSURD_TIME, Expectation, Faults, MAILBOX_UNKNOWN, Site, Story, StoryOptions, Totals, UNMAPPED, VolumeOptions,
};

use crate::client::Client;

async fn everything(story: Story) -> (Arc<Story>, Vec<Value>) {
    let story = Arc::new(story);
    let site = Site::start(Arc::clone(&story), Faults::none()).await.unwrap();
    let items = Client::signed_in(&site).await.items(story.span_ms(), 1000).await;
    (story, items)
}

#[tokio::test]
async fn same_options_same_bytes() {
    let options = StoryOptions { items: 400, ..StoryOptions::default() };
    let (first, first_items) = everything(Story::generate(&options)).await;
    let (second, second_items) = everything(Story::generate(&options)).await;
    assert_eq!(first_items, second_items);
    assert_eq!(first.mapping_csv(), second.mapping_csv());
    assert!(first.expectations().eq(second.expectations()));
    let (_, other_items) = everything(Story::generate(&StoryOptions { seed: 2, ..options })).await;
    assert_ne!(first_items, other_items);
}

#[tokio::test]
async fn numbers_balance_for_any_seed_and_size() {
    for (seed, items) in [(1, 1000), (3, 0), (4, 1), (5, 2), (6, 24), (7, 333)] {
        let (story, listed) =
            everything(Story::generate(&StoryOptions { seed, items, ..StoryOptions::default() })).await;
        let (start, end) = story.span_ms();
        let totals = story.totals(start, end);
        let ids: BTreeSet<_> = listed.iter().map(|item| item["id"].as_str().unwrap()).collect();
        let keys: BTreeSet<_> = listed.iter().map(|item| item["key"].as_str().unwrap()).collect();
        assert_eq!(totals.items, u64::from(items));
        assert_eq!(keys.len() as u64, totals.items);
        assert_eq!(ids.len() as u64, totals.deliveries);
        assert_eq!(totals.deliveries, totals.items + totals.duplicates);
        assert_eq!(listed.len() as u64, totals.deliveries + totals.repeats);
        assert_eq!(totals.items, totals.items_settled + totals.items_parked);
        let expected: BTreeSet<_> = story.expectations().map(|expectation| expectation.key).collect();
        assert_eq!(expected, keys.into_iter().map(str::to_owned).collect());
    }
}

#[tokio::test]
async fn the_default_story_has_everything_it_promises() {
    let (story, listed) = everything(Story::generate(&StoryOptions::default())).await;
    let (start, end) = story.span_ms();
    let totals = story.totals(start, end);
    assert_eq!(totals.repeats, 12);
    assert!(totals.deliveries > 4_000, "{totals:?}");
    assert!(totals.items_parked * 10 < totals.items, "parking is the exception: {totals:?}");
    let reasons: Vec<_> = totals.parked.keys().copied().collect();
    assert_eq!(reasons, [ABSURD_TIME, MAILBOX_UNKNOWN, UNMAPPED]);
    assert_eq!(totals.parked[ABSURD_TIME], 2);
    assert!(totals.copies_partial >= 4);

    let all = |pointer: &str| -> BTreeSet<String> {
        listed.iter().filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned)).collect()
    };
    let of = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(all("/type"), of(&["call", "deletion", "edit", "file", "message", "poll"]));
    assert_eq!(all("/deletion/state"), of(&["READ", "UNKNOWN", "UNREAD"]));
    assert_eq!(all("/deletion/scope"), of(&["all", "me"]));
    assert_eq!(all("/call/outcome"), of(&["answered", "declined", "failed", "missed"]));
    assert_eq!(all("/call/media"), of(&["video", "voice"]));
    assert_eq!(all("/chat/mode"), of(&["chat", "group"]));
    assert_eq!(all("/archiver"), of(&["cloud", "phone"]));
    let media: BTreeSet<_> = listed
        .iter()
        .flat_map(|item| item["attachments"].as_array().into_iter().flatten())
        .map(|file| file["media_type"].as_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    assert_eq!(media, of(&["application/pdf", "audio/ogg", "image/jpeg", "image/png", "text/vcard", "video/mp4"]));
    assert!(listed.iter().any(|item| item["reply_to"].is_string()));
    assert_eq!(listed.iter().filter(|item| item.get("owner").is_none()).count(), 2, "short forms");
    let group_ids: BTreeSet<_> = listed
        .iter()
        .filter(|item| item.pointer("/chat/title").and_then(Value::as_str) == Some("Sales Group"))
        .filter_map(|item| item.pointer("/chat/id")?.as_str())
        .collect();
    assert!(group_ids.len() > 1, "the vendor's group id differs from owner to owner");
}

/// Mailboxes reached, and people whose copies are parked with the reason.
type Fate<'a> = (BTreeSet<&'a str>, BTreeSet<(String, &'static str)>);

/// The rules of the mapping once more, from the outside: file first, then the e-mail property, each only when there
/// is such a mailbox; else outside, unless the person has a user id.
#[tokio::test]
async fn truth_follows_from_the_json_the_mapping_and_the_mailboxes() {
    let (story, listed) =
        everything(Story::generate(&StoryOptions { seed: 9, items: 1_000, ..StoryOptions::default() })).await;
    let csv = story.mapping_csv();
    let rows: BTreeMap<_, _> =
        csv.lines().skip(1).map(|row| row.trim_start_matches('+').split_once(',').unwrap()).collect();
    let mailboxes: BTreeSet<_> = story.mailboxes().collect();
    let (start, end) = story.span_ms();
    let mut found: BTreeMap<&str, Fate<'_>> = BTreeMap::new();
    for item in &listed {
        let (reached, parked) = found.entry(item["key"].as_str().unwrap()).or_default();
        if !(start..end).contains(&item["event_time_ms"].as_i64().unwrap()) {
            continue;
        }
        let recipients = item["recipients"].as_array().unwrap().iter();
        let others = [&item["owner"], &item["sender"]].into_iter().filter(|person| person.is_object());
        for person in recipients.chain(others) {
            let (phone, email) = (person["phone"].as_str().unwrap(), person["email"].as_str());
            let by_file = rows.get(phone).copied().filter(|mailbox| mailboxes.contains(mailbox));
            match by_file.or(email.filter(|email| mailboxes.contains(email))) {
                Some(mailbox) => {
                    reached.insert(mailbox);
                }
                None if person["user_id"].is_null() => {}
                None => {
                    let reason = if email.is_some() { MAILBOX_UNKNOWN } else { UNMAPPED };
                    parked.insert((phone.to_owned(), reason));
                }
            }
        }
    }
    for Expectation { key, mailboxes, parked, parked_whole, .. } in story.expectations() {
        let (reached, held) = &found[key.as_str()];
        assert_eq!(reached.iter().copied().collect::<Vec<_>>(), mailboxes.iter().collect::<Vec<_>>(), "{key}");
        let parked: BTreeSet<_> = parked.into_iter().map(|parked| (parked.person, parked.reason)).collect();
        assert_eq!(*held, parked, "{key}");
        assert_eq!(parked_whole.is_some(), mailboxes.is_empty(), "{key}");
    }
}

#[tokio::test]
async fn markers_stand_in_their_own_text_and_in_no_other() {
    let (story, listed) = everything(Story::generate(&StoryOptions { items: 600, ..StoryOptions::default() })).await;
    let texts: BTreeMap<_, _> =
        listed.iter().map(|item| (item["key"].as_str().unwrap(), item["text"].as_str().unwrap_or_default())).collect();
    let mut marked = 0;
    for expectation in story.expectations() {
        let Some(marker) = expectation.marker else { continue };
        let holders: Vec<_> = texts.iter().filter(|(_, text)| text.contains(&marker)).map(|(key, _)| *key).collect();
        assert_eq!(holders, [expectation.key.as_str()], "{marker}");
        marked += 1;
    }
    assert!(marked > 300, "{marked}");
}

#[tokio::test]
async fn deliveries_of_an_event_differ_in_small_things_only() {
    let (_, listed) = everything(Story::generate(&StoryOptions { items: 700, ..StoryOptions::default() })).await;
    let mut by_key: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for item in &listed {
        by_key.entry(item["key"].as_str().unwrap()).or_default().push(item);
    }
    let mut differing = 0;
    for deliveries in by_key.values() {
        let members = |item: &Value| -> BTreeSet<String> {
            let people = item["recipients"].as_array().unwrap().iter().chain([&item["sender"]]);
            people.filter_map(|person| person["phone"].as_str().map(str::to_owned)).collect()
        };
        let first = deliveries[0];
        for other in &deliveries[1..] {
            for member in ["key", "type", "event_time_ms", "text", "reply_to", "original", "deletion", "call"] {
                assert_eq!(first[member], other[member]);
            }
            assert_eq!(first["attachments"], other["attachments"]);
            assert_eq!(first["chat"]["title"], other["chat"]["title"]);
            assert_eq!(members(first), members(other));
            differing += usize::from(first["recipients"] != other["recipients"]);
        }
    }
    assert!(differing > 100, "{differing}");
}

#[tokio::test]
async fn quotes_edits_and_deletions_name_earlier_items_of_their_own_chat() {
    let (story, listed) = everything(Story::generate(&StoryOptions { items: 700, ..StoryOptions::default() })).await;
    let by_key: BTreeMap<_, _> = listed.iter().map(|item| (item["key"].as_str().unwrap(), item)).collect();
    let filed: BTreeMap<_, _> = story.expectations().map(|item| (item.key, item.filed_ms)).collect();
    for item in by_key.values() {
        let named = [item["reply_to"].as_str(), item.pointer("/original/key").and_then(Value::as_str)];
        for key in named.into_iter().flatten() {
            let original = by_key[key];
            assert_eq!(original["chat"]["title"], item["chat"]["title"]);
            assert!(filed[key] <= filed[item["key"].as_str().unwrap()]);
            if let Some(changed) = item.pointer("/original/text") {
                assert_eq!(*changed, original["text"]);
                assert_eq!(item["sender"]["phone"], original["sender"]["phone"]);
            }
        }
    }
}

#[test]
fn volume_is_the_same_by_arithmetic_and_by_counting() {
    let story = Story::volume(&VolumeOptions {
        items: 1_003,
        days: 2,
        deliveries_per_item: 2,
        attachment_every: 100,
        attachment_bytes: 11,
        oversize_limit_bytes: 10,
        ..VolumeOptions::default()
    });
    let (start, end) = story.span_ms();
    let noon = start + 43_200_000;
    for (from, to) in
        [(start, end), (start, noon), (noon, end), (noon, noon + 1), (end, end + 1), (0, i64::MAX), (9, 3)]
    {
        let held: Vec<_> = story.expectations().filter(|item| (from..to).contains(&item.filed_ms)).collect();
        let totals = story.totals(from, to);
        let copies =
            |items: &mut dyn Iterator<Item = &Expectation>| items.map(|item| item.mailboxes.len() as u64).sum();
        let expected = Totals {
            items: held.len() as u64,
            deliveries: held.iter().map(|item| u64::from(item.deliveries)).sum(),
            duplicates: held.len() as u64,
            items_settled: held.iter().filter(|item| item.is_settled()).count() as u64,
            copies: copies(&mut held.iter()),
            copies_partial: copies(&mut held.iter().filter(|item| item.partial)),
            ..Totals::default()
        };
        assert_eq!(totals, expected, "{from} {to}");
    }
}
