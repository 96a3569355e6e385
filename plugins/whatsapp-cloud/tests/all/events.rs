//! What becomes of what, where the cases do not show it.

use kit::{CallOutcome, ConversationKind, Direction, Event, PluginKind, Source as _};
use serde_json::json;
use shelf::Shelf;
use whatsapp_cloud::WhatsappCloud;

use crate::{SETTINGS, body, extension, message, read, said, single};

#[test]
fn people_are_numbers_or_user_ids() {
    let seen = single(&said("wamid.A", "a"));
    let sender = seen.sender().unwrap();
    assert_eq!((sender.id.as_str(), sender.name.as_deref()), ("4915112345678", Some("Anna")));
    assert_eq!(sender.phone.as_deref(), Some("4915112345678"));
    assert_eq!(sender.extensions, [("user-id".to_owned(), "DE.77".to_owned())]);
    let owner = &seen.people[seen.item.owner.unwrap() as usize];
    assert_eq!((owner.id.as_str(), owner.phone.as_deref(), owner.internal), ("15550001111", Some("15550001111"), true));
    let hidden =
        json!({ "messages": [{ "from_user_id": "DE.77", "id": "x", "timestamp": "1793577600", "type": "text" }] });
    assert_eq!(single(&body("messages", hidden.clone())).sender().unwrap().id, "4915112345678");
    let mut nameless = body("messages", hidden);
    nameless["entry"][0]["changes"][0]["value"]["contacts"] = json!([]);
    let seen = single(&nameless);
    assert_eq!((seen.sender().unwrap().id.as_str(), &seen.sender().unwrap().phone), ("DE.77", &None));
    assert_eq!(seen.conversation.id, "900:DE.77");
}

#[test]
fn what_the_number_itself_sent_is_outgoing() {
    let seen =
        single(&message(json!({ "from": "+1 555 000 1111", "to": "49160", "type": "text", "text": { "body": "a" } })));
    assert_eq!(seen.item.direction, Some(Direction::Outgoing));
    assert_eq!(seen.item.sender, seen.item.owner);
    assert_eq!(seen.conversation.id, "900:49160");
    let seen = single(&message(json!({ "group_id": "g", "type": "text", "text": { "body": "a" } })));
    assert_eq!((seen.conversation.id.as_str(), seen.conversation.kind), ("900:group:g", ConversationKind::Group));
    assert_eq!(seen.item.direction, Some(Direction::Incoming));
}

#[test]
fn calls_end_in_many_ways() {
    let call = |members: serde_json::Value| {
        let mut call = json!({ "id": "wacid.1", "event": "terminate", "timestamp": "1793577600", "from": "1", "to": "15550001111" });
        call.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        single(&body("calls", json!({ "calls": [call] }))).item.call.unwrap()
    };
    let outcome = |members| call(members).outcome;
    assert_eq!(outcome(json!({ "status": "COMPLETED", "duration": 5 })), CallOutcome::Answered);
    assert_eq!(outcome(json!({ "status": "COMPLETED" })), CallOutcome::Missed);
    assert_eq!(outcome(json!({ "status": "REJECTED" })), CallOutcome::Declined);
    assert_eq!(outcome(json!({ "status": ["FAILED"] })), CallOutcome::Failed);
    assert_eq!(outcome(json!({})), CallOutcome::Unknown);
    assert_eq!(call(json!({ "duration": "5" })).duration_ms, Some(5_000));
    assert_eq!(call(json!({ "duration": u64::MAX })).duration_ms, None);
}

#[test]
fn what_has_no_id_gets_one_that_stays() {
    let body = message(json!({ "id": null, "type": "text", "text": { "body": "a" } }));
    assert_eq!(single(&body).item.id, single(&body).item.id);
    let other = message(json!({ "id": null, "type": "text", "text": { "body": "b" } }));
    assert_ne!(single(&body).item.id, single(&other).item.id);
}

#[test]
fn links_to_media_are_no_secrets_any_more() {
    let url = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&hash=SECRET";
    let image = json!({ "type": "image", "image": { "id": "1", "mime_type": "image/jpeg", "url": url } });
    let mut bodies = vec![message(image).to_string()];
    bodies.push(bodies[0].replace('/', "\\/"));
    bodies.push(bodies[0].replace("1793577600", "never"));
    bodies.push(bodies[0][..bodies[0].len() - 2].to_owned());
    for body in bodies {
        let whole = read(&body, 10);
        assert_eq!(whole.items.len() + whole.unreadable.len(), 1);
        assert!(!format!("{whole:?}").contains("SECRET"));
        let originals = whole.items.iter().filter_map(|seen| seen.item.original.clone());
        for original in originals.chain(whole.unreadable.iter().map(|found| found.original.clone())) {
            assert!(!String::from_utf8_lossy(&original).contains("SECRET"), "{body}");
            assert!(String::from_utf8_lossy(&original).contains("?REDACTED"), "{body}");
        }
    }
}

#[test]
fn an_original_is_what_stood_there() {
    let text = said("wamid.A", "a").to_string().replace("\"type\":\"text\"", "\"type\" : \"text\",\"n\":1.50");
    let item = read(&text, 1).items.remove(0).item;
    let original = String::from_utf8(item.original.unwrap()).unwrap();
    assert!(text.contains(&original) && original.contains("\"n\":1.50"));
}

#[test]
fn kinds_that_nobody_knows_are_messages_when_somebody_sent_them() {
    let seen = single(&message(json!({ "type": "hologram", "hologram": { "size": 7 } })));
    assert_eq!((seen.item.event, seen.item.text.as_deref()), (Event::Message, Some("[hologram]")));
    assert_eq!(extension(&seen, "kind"), Some("hologram"));
    let seen = single(&body("moods", json!({ "moods": [{ "timestamp": "1793577600" }] })));
    assert_eq!(seen.item.event, Event::Other);
}

#[test]
fn it_says_what_it_is_and_what_it_found() {
    let descriptor = WhatsappCloud::describe();
    let PluginKind::Source(traits) = descriptor.kind else { panic!("it is a source") };
    assert_eq!((descriptor.name.as_str(), traits.default_folder.as_str()), ("whatsapp-cloud", "WhatsApp Archiver"));
    let mut host = Shelf::file("spool/a.JSON", "{}").and("spool/media/1.jpg", "x");
    let account = WhatsappCloud::check(&mut host, SETTINGS).unwrap();
    assert_eq!(account.findings, ["`spool` holds 1 files of webhook bodies, 1 kB, and 1 other files."]);
    assert_eq!(WhatsappCloud::roster(&mut host, SETTINGS), Ok(None));
}
