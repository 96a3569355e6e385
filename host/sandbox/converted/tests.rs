#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
use super::{super::diagnostic::Label, *};
use crate::item::{Attachment, AttachmentState, BatchItem, Content, Event, Item};

fn item(id: &str, attachments: usize) -> Item {
    let attachment = |number: usize| Attachment {
        name: None,
        media_type: None,
        size: None,
        content: Content::Present(BlobRef { name: [u8::try_from(number).unwrap(); 32], size: 3, sha256: [0; 32] }),
        extensions: Vec::new(),
    };
    Item {
        id: id.into(),
        event: Event::Message,
        revision: 0,
        conversation: 0,
        sender: None,
        owner: None,
        participants: Vec::new(),
        direction: None,
        sent_at_ms: 0,
        zone: None,
        text: None,
        previous_text: None,
        refers_to: None,
        call: None,
        attachments: (0..attachments).map(attachment).collect(),
        original: None,
        extensions: Vec::new(),
    }
}

/// Three items: without attachments, with two present, with one present and one withheld.
fn items() -> Vec<Item> {
    vec![item("a", 0), item("b", 2), item("c", 2)]
}

fn batch(items: &[Item]) -> Batch<'_> {
    let withheld = AttachmentState::Withheld { reason: "too-large", limit_bytes: None };
    let states = [vec![], vec![AttachmentState::Present; 2], vec![withheld, AttachmentState::Present]];
    let batch_item =
        |(item, attachments)| BatchItem { item, conversation: 0, sender: None, participants: Vec::new(), attachments };
    let items = items.iter().zip(states).map(batch_item).collect();
    Batch { source: "s", account: "a", settings: "{}", people: Vec::new(), conversations: Vec::new(), items }
}

/// A message for an item with so many attachment parts, spliced in order.
fn message(item: u32, attachments: &[u32]) -> converter::Message {
    let mut skeleton = format!("Date: x\r\nFrom: x\r\nMessage-ID: <{item}@x>\r\n\r\n");
    let mut splices = Vec::new();
    for attachment in attachments {
        skeleton += "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        splices.push(converter::Splice {
            offset: u32::try_from(skeleton.len()).unwrap(),
            item,
            attachment: *attachment,
        });
        skeleton += "\r\n";
    }
    skeleton += "--b--\r\n";
    converter::Message { skeleton: skeleton.into_bytes(), splices, items: vec![item], extensions: Vec::new() }
}

fn failure(items: &[u32]) -> converter::Failure {
    converter::Failure { items: items.to_vec(), code: "no-date".into(), message: "It has no date.".into() }
}

type Answers = Vec<Result<converter::Message, converter::Failure>>;

fn good() -> Answers {
    vec![Ok(message(0, &[])), Ok(message(1, &[0, 1])), Ok(message(2, &[1]))]
}

fn check(answers: Answers, grouping: Grouping) -> Result<Taken, String> {
    let items = items();
    let label = Label { name: "email".into(), version: Some("0.1.0".into()), digest: [0; 32] };
    let call = Call { plugin: &label, function: "convert", connector: None, position: None };
    take(answers, &batch(&items), grouping, &call)
}

#[test]
fn good_answers_are_taken_with_their_blobs() {
    let taken = check(good(), Grouping::Item).unwrap();
    assert!(taken.all_good);
    let message = taken.answers[1].result.as_ref().unwrap();
    assert_eq!(&*message.message_id, "<1@x>");
    assert_eq!(message.splices.iter().map(|splice| splice.blob.name[0]).collect::<Vec<_>>(), [0, 1]);
    let any_order = vec![Err(failure(&[2, 0])), Ok(message_of_one())];
    let taken = check(any_order, Grouping::Item).unwrap();
    assert_eq!(taken.answers[0].items, [0, 2], "ascending");
    let refused = taken.answers[0].result.as_ref().unwrap_err();
    assert_eq!((refused.code.as_str(), refused.next), ("no-date", NextMove::Reject));
    assert_eq!(refused.message, "from plugin `email` 0.1.0: It has no date.");
    assert!(taken.all_good, "a refusal breaks no rule");
}

fn message_of_one() -> converter::Message {
    message(1, &[0, 1])
}

#[test]
fn every_item_is_answered_exactly_once() {
    let two_items = || {
        let mut both = message(1, &[0, 1]);
        both.items = vec![1, 0];
        both
    };
    let table: Vec<(Answers, Grouping, &str)> = vec![
        (vec![], Grouping::Item, "item 0 is not answered"),
        (good().into_iter().take(2).collect(), Grouping::Item, "item 2 is not answered"),
        (good().into_iter().chain([Err(failure(&[1]))]).collect(), Grouping::Item, "item 1 is answered twice"),
        (vec![Err(failure(&[0, 1, 2, 0]))], Grouping::Item, "item 0 is answered twice"),
        (vec![Err(failure(&[0, 1, 2, 3]))], Grouping::Item, "answer 0 names item 3, the batch has 3"),
        (vec![Err(failure(&[]))], Grouping::Item, "answer 0 names no item"),
        (vec![Ok(two_items()), Ok(message(2, &[1]))], Grouping::Item, "answer 0 is one message for 2 items"),
    ];
    for (answers, grouping, expect) in table {
        let why = check(answers, grouping).unwrap_err();
        assert!(why.starts_with(expect), "{why}");
    }
    let taken = check(vec![Ok(two_items()), Ok(message(2, &[1]))], Grouping::ConversationDay).unwrap();
    assert_eq!((taken.answers[0].items.as_slice(), taken.all_good), (&[0, 1][..], true));
}

#[test]
fn a_message_that_breaks_a_rule_costs_its_own_items_only() {
    type Change = fn(&mut converter::Message);
    let table: &[(Change, &str)] = &[
        (|message| message.skeleton.clear(), "does not end with CRLF"),
        (|message| message.splices.reverse(), "splice 1: the offsets do not ascend"),
        (|message| message.splices[1].offset = message.splices[0].offset, "splice 1: the offsets do not ascend"),
        (|message| message.splices.truncate(1), "attachment 1 of item 1 is left out"),
        (|message| message.splices.clear(), "attachment 0 of item 1 is left out"),
        (
            |message| message.splices[1].attachment = 0,
            "splice 1: attachment 0 of item 1 is not present here, or already in",
        ),
        (|message| message.splices[1].attachment = 7, "splice 1: attachment 7 of item 1 is not present"),
        (|message| message.splices[1].item = 2, "splice 1: attachment 1 of item 2 is not present here"),
        (|message| message.splices[1].offset = u32::MAX, "splice 1: its offset is not in the body"),
        (|message| message.splices[0].offset = 0, "splice 0: its offset is not in the body"),
        (|message| message.splices[1].offset += 1, "splice 1: its offset is not the empty body of a part"),
        (
            |message| {
                message.skeleton = String::from_utf8_lossy(&message.skeleton).replace("<1@x>", "<0@x>").into_bytes()
            },
            "`message-id` is that of another message",
        ),
    ];
    for (change, expect) in table {
        let mut answers = good();
        if let Ok(message) = &mut answers[1] {
            change(message);
        }
        let taken = check(answers, Grouping::Item).unwrap();
        assert!(!taken.all_good, "{expect}");
        let failure = taken.answers[1].result.as_ref().unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("plugin-bad-output", NextMove::Reject));
        assert!(failure.message.contains(expect) && failure.message.contains("item 1 (`b`)"), "{failure}");
        assert!(taken.answers[0].result.is_ok() && taken.answers[2].result.is_ok(), "{expect}");
    }
    let mut answers = good();
    answers[2] = Ok(message(2, &[0, 1]));
    let taken = check(answers, Grouping::Item).unwrap();
    let why = taken.answers[2].result.as_ref().unwrap_err();
    assert!(why.message.contains("attachment 0 of item 2 is not present"), "withheld bytes stay out: {why}");
}
