//! What becomes of each kind of item.

use kit::{CallOutcome, ConversationKind, Direction, Event};

use crate::host::{DAY, NOON, SETTINGS, Script};

const ANNA: &str = r#"{"user_id":"u1","phone":"4915112345678","name":"Anna Lind","email":"anna@example.com"}"#;
const BEN: &str = r#"{"user_id":null,"phone":"12124325249","name":null,"email":null}"#;

/// A direct message from Anna to Ben with these members besides.
fn message(members: &str) -> String {
    format!(
        r#"{{"id":"d1","key":"k1","network":"whatsapp","archiver":"phone","type":"message","event_time_ms":{NOON},
        "owner":{ANNA},"sender":{ANNA},"recipients":[{BEN}],"direction":"outgoing",
        "chat":{{"id":"x","mode":"chat","title":null}},"subject":"WhatsApp Message from 4915112345678 to 12124325249"{members}}}"#
    )
}

/// A message with another value for one member that it already has.
fn altered(from: &str, to: &str) -> String {
    let json = message(r#","text":"hi""#);
    assert!(json.contains(from), "{from}");
    json.replace(from, to)
}

fn one(json: &str) -> (kit::source::Page, kit::Item) {
    let page = Script::of_items(json).pull(SETTINGS, None).unwrap();
    assert_eq!((page.items.len(), page.unreadable.len()), (1, 0), "{:?}", page.unreadable);
    let item = page.items[0].clone();
    (page, item)
}

fn extension<'a>(item: &'a kit::Item, name: &str) -> Option<&'a str> {
    item.extensions.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_message_is_carried_whole() {
    let json =
        message(r#","text":"Grüße 👋","reply_to":"k0","original":null,"deletion":null,"call":null,"attachments":[]"#);
    let (page, item) = one(&json);
    assert_eq!((item.id.as_str(), item.event, item.revision, item.sent_at), ("k1", Event::Message, 0, NOON));
    assert_eq!(item.text.as_deref(), Some("Grüße 👋"));
    assert_eq!(item.direction, Some(Direction::Outgoing));
    assert_eq!(item.refers_to.as_ref().map(|r| (r.id.as_str(), r.event)), Some(("k0", Event::Message)));
    assert_eq!((item.sender, item.owner, item.participants.as_slice()), (Some(0), Some(0), &[0, 1][..]));
    assert_eq!(item.original.as_deref(), Some(json.as_bytes()), "byte for byte as the site wrote it");
    assert_eq!(
        page.people.iter().map(|p| (p.id.as_str(), p.internal)).collect::<Vec<_>>(),
        [("4915112345678", true), ("12124325249", false)]
    );
    assert_eq!(page.people[0].email.as_deref(), Some("anna@example.com"));
    assert_eq!(page.conversations[0].kind, ConversationKind::Direct);
    assert_eq!(page.conversations[0].extensions, [("network".to_owned(), "WhatsApp".to_owned())]);
    assert_eq!(extension(&item, "subject"), Some("WhatsApp Message from 4915112345678 to 12124325249"));
    assert!(page.cursor.is_none() && page.bookmark.is_none());
}

#[test]
fn types_become_events() {
    let cases = [
        (r#""message""#, Event::Message),
        ("null", Event::Message),
        (r#""call""#, Event::Call),
        (r#""file""#, Event::File),
        (r#""deletion""#, Event::Deletion),
        (r#""edit""#, Event::Edit),
        (r#""poll""#, Event::Other),
    ];
    for (kind, event) in cases {
        let json = altered(r#""type":"message""#, &format!(r#""type":{kind}"#));
        let (_, item) = one(&json);
        assert_eq!(item.event, event, "{kind}");
        assert_eq!(item.original.as_deref(), Some(json.as_bytes()), "{kind}");
    }
}

#[test]
fn deletions_name_the_original_and_carry_the_vendors_prefix() {
    let cases = [
        (r#"{"scope":"all","state":"READ"}"#, "DELETED - READ - "),
        (r#"{"scope":"all","state":"UNREAD"}"#, "DELETED - UNREAD - "),
        (r#"{"scope":"me","state":"UNKNOWN"}"#, "DELETED For Me - UNKNOWN - "),
        (r#"{"scope":"all","state":"\r\nBcc: x"}"#, "DELETED - UNKNOWN - "),
        ("null", "DELETED - UNKNOWN - "),
    ];
    for (deletion, prefix) in cases {
        let json = message(&format!(
            r#","text":null,"original":{{"key":"k0","text":"before"}},"reply_to":"k9","deletion":{deletion}"#
        ))
        .replace(r#""type":"message""#, r#""type":"deletion""#);
        let (_, item) = one(&json);
        assert_eq!(extension(&item, "subject-prefix"), Some(prefix));
        assert_eq!(item.previous_text.as_deref(), Some("before"));
        assert_eq!(item.refers_to.as_ref().map(|r| (r.id.as_str(), r.event)), Some(("k0", Event::Message)));
    }
}

#[test]
fn an_edit_has_both_texts() {
    let json = message(r#","text":"after","original":{"key":"k0","text":"before","type":"file"}"#)
        .replace(r#""type":"message""#, r#""type":"edit""#);
    let (_, item) = one(&json);
    assert_eq!((item.text.as_deref(), item.previous_text.as_deref()), (Some("after"), Some("before")));
    assert_eq!(item.refers_to.map(|r| r.event), Some(Event::File));
}

#[test]
fn calls_have_their_facts() {
    let cases = [
        (
            r#"{"media":"voice","outcome":"answered","duration_s":61}"#,
            Some((false, CallOutcome::Answered, Some(61_000))),
        ),
        (r#"{"media":"video","outcome":"missed","duration_s":null}"#, Some((true, CallOutcome::Missed, None))),
        (r#"{"media":"video","outcome":"declined"}"#, Some((true, CallOutcome::Declined, None))),
        (r#"{"media":"voice","outcome":"failed"}"#, Some((false, CallOutcome::Failed, None))),
        (
            r#"{"media":"hologram","outcome":"odd","duration_s":18446744073709551615}"#,
            Some((false, CallOutcome::Unknown, None)),
        ),
        ("null", None),
    ];
    for (call, expected) in cases {
        let json = message(&format!(r#","call":{call}"#)).replace(r#""type":"message""#, r#""type":"call""#);
        let (_, item) = one(&json);
        assert_eq!(item.call.map(|c| (c.video, c.outcome, c.duration_ms)), expected, "{call}");
    }
}

#[test]
fn the_short_form_works() {
    let json = format!(r#"{{"to":["4915112345678","12124325249"],"text":"hi","group":"Sales","time":{NOON}}}"#);
    let (page, item) = one(&json);
    assert!(item.id.starts_with("content:"), "{}", item.id);
    assert_eq!((item.sender, item.owner, item.participants.len()), (None, None, 2));
    assert_eq!(
        (page.conversations[0].kind, page.conversations[0].title.as_deref()),
        (ConversationKind::Group, Some("Sales"))
    );
    let (_, again) = one(&json.replace("[\"4915112345678\",\"12124325249\"]", "[\"12124325249\",\"4915112345678\"]"));
    assert_eq!(again.id, item.id, "the order of recipients is nobody's identity");
    let (_, other) = one(&json.replace("hi", "ho"));
    assert_ne!(other.id, item.id);
}

#[test]
fn every_owners_delivery_is_the_same_item() {
    let carl = r#"{"user_id":"u3","phone":"441234567890","name":"Carl","email":null}"#;
    let delivery = |id: &str, owner: &str, recipients: &str, chat: &str| {
        format!(
            r#"{{"id":"{id}","key":"k1","type":"message","event_time_ms":{NOON},"owner":{owner},"sender":{ANNA},
            "recipients":{recipients},"chat":{{"id":"{chat}","mode":"group","title":"Sales"}},"text":"hi"}}"#
        )
    };
    let both = [
        delivery("d1", ANNA, &format!("[{BEN},{carl}]"), "uuid-1"),
        delivery("d2", carl, &format!("[{carl},{BEN},{ANNA}]"), "uuid-2"),
    ]
    .join(",");
    let page = Script::of_items(&both).pull(SETTINGS, None).unwrap();
    let [first, second] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((first.id.as_str(), first.conversation), ("k1", second.conversation));
    assert_eq!(second.id, "k1");
    let owner = |item: &kit::Item| page.people[item.owner.unwrap() as usize].id.clone();
    assert_eq!((owner(first).as_str(), owner(second).as_str()), ("4915112345678", "441234567890"));
    assert_eq!((first.participants.len(), second.participants.len()), (3, 3));

    let trusting = SETTINGS.replace('}', r#","trust_group_id":true}"#);
    let page = Script::of_items(&both).pull(&trusting, None).unwrap();
    assert_ne!(page.items[0].conversation, page.items[1].conversation);
}

#[test]
fn a_person_met_twice_is_completed() {
    let json = altered(&format!(r#""sender":{ANNA}"#), r#""sender":{"phone":"+49 151 12345678"}"#);
    let (page, item) = one(&json);
    assert_eq!(item.participants.len(), 2);
    let sender = &page.people[item.sender.unwrap() as usize];
    assert_eq!(
        (sender.name.as_deref(), sender.internal, sender.phone.as_deref()),
        (Some("Anna Lind"), true, Some("+49 151 12345678"))
    );
}

#[test]
fn a_nameless_participant_is_counted() {
    let (_, item) = one(&altered(&format!(r#""recipients":[{BEN}]"#), r#""recipients":[{},{"name":" "}]"#));
    assert_eq!(extension(&item, "unidentified-participants"), Some("2"));
}

#[test]
fn what_cannot_be_read_is_handed_over_whole_and_the_others_go_on() {
    let time = format!(r#""event_time_ms":{NOON}"#);
    let at = |ms: i64| altered(&time, &format!(r#""event_time_ms":{ms}"#));
    let cases = [
        (at(1_230_767_999_999), Some("absurd-time")),
        (at(1_230_768_000_000), None),
        (at(DAY.end + 86_400_000), None),
        (at(DAY.end + 86_400_001), Some("absurd-time")),
        (at(i64::MAX), Some("absurd-time")),
        (at(i64::MIN), Some("absurd-time")),
        (altered(&time, r#""event_time_ms":99999999999999999999"#), Some("item-broken")),
        (altered(&time, r#""event_time_ms":"noon""#), Some("item-broken")),
        (altered(&time, r#""event_time_ms":null"#), Some("item-broken")),
        (altered(&format!("{time},"), ""), Some("item-broken")),
        (altered(r#""text":"hi""#, r#""text":{"secret":1}"#), Some("item-broken")),
        (altered(r#""text":"hi""#, r#""text":"\ud800""#), Some("item-broken")),
        (altered(r#""recipients":["#, r#""recipients":[7,"#), Some("item-broken")),
        (altered(r#""key":"k1""#, &format!(r#""key":"{}""#, "k".repeat(513))), Some("item-over-limit")),
        (altered("Anna Lind", &"n".repeat(4097)), Some("item-over-limit")),
        (altered(r#""title":null"#, &format!(r#""title":"{}""#, "t".repeat(4097))), Some("item-over-limit")),
        (altered(r#""recipients":["#, &format!(r#""recipients":[{}"#, "{},".repeat(4096))), Some("item-over-limit")),
        ("7".to_owned(), Some("item-broken")),
        (r#"{"id":"d1","text":"secret"}"#.to_owned(), Some("item-broken")),
    ];
    for (json, code) in cases {
        let sound = altered(r#""id":"d1","key":"k1""#, r#""id":"d2","key":"k2""#);
        let page = Script::of_items(&format!("{json},{sound}")).pull(SETTINGS, None).unwrap();
        let shown: String = json.chars().take(300).collect();
        assert_eq!(page.items.last().map(|item| item.id.as_str()), Some("k2"), "{shown}");
        let found = page.unreadable.first();
        assert_eq!(found.map(|u| u.code.as_str()), code, "{shown}");
        if let Some(found) = found {
            assert_eq!(found.original, json.as_bytes(), "{shown}");
            assert!(found.message.len() < 1024);
            assert!(found.id.starts_with("delivery:"), "{}", found.id);
            assert!(!found.message.contains("secret"), "{}", found.message);
            assert_eq!(found.sent_at, None);
        }
    }
}

#[test]
fn a_broken_delivery_is_not_taken_for_a_sound_one_of_the_same_event() {
    let broken = altered(r#""text":"hi""#, r#""text":7"#);
    let page = Script::of_items(&broken).pull(SETTINGS, None).unwrap();
    assert_eq!(page.unreadable[0].id, "delivery:d1");
    assert!(page.unreadable[0].message.contains("`text`"), "{}", page.unreadable[0].message);
}

#[test]
fn a_long_original_is_told_by_its_hash_or_kept_as_a_file() {
    let long = altered(r#""text":"hi""#, &format!(r#""text":"{}""#, "x".repeat(70_000)));
    let (_, item) = one(&long);
    assert_eq!((item.original.as_ref(), item.attachments.len()), (None, 0));
    assert_eq!(extension(&item, "original-bytes"), Some(long.len().to_string().as_str()));
    assert_eq!(extension(&item, "original-sha256").map(str::len), Some(64));

    let unknown = long.replace(r#""type":"message""#, r#""type":"poll""#);
    let mut host = Script::of_items(&unknown);
    let page = host.pull(SETTINGS, None).unwrap();
    assert_eq!(page.items[0].attachments[0].media_type.as_deref(), Some("application/json"));
    assert_eq!(host.blobs, [unknown.as_bytes()]);
}
