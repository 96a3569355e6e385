//! What records become, and what never leaves the archive.

use kit::{CallOutcome, Event};
use shelf::Shelf;
use slack_export::SlackExport;

use crate::{EXPORT, SETTINGS, export, read};

#[test]
fn an_edit_is_a_new_revision() {
    let state = |edited: &str| {
        let day = format!(r#"[{{"user":"U1","ts":"1793577601.0001","text":"a"{edited}}}]"#);
        let item = read(&mut export(day), 10).items.remove(0).item;
        (item.id, item.revision)
    };
    let (id, first) = state("");
    let (edited_id, second) = state(r#","edited":{"user":"U1","ts":"1793577700.000000"}"#);
    let (_, third) = state(r#","edited":{"user":"U1","ts":"1793577800.000000"}"#);
    assert_eq!(id, edited_id);
    assert_eq!((first, second, third), (0, 1_793_577_700, 1_793_577_800));
}

#[test]
fn a_huddle_is_a_call() {
    let day = r#"[{"type":"message","subtype":"huddle_thread","user":"USLACKBOT","ts":"1793577601.0001","text":"",
      "room":{"created_by":"U1","participant_history":["U1","U2"],"date_start":1793577601,"date_end":1793577661}}]"#;
    let whole = read(&mut export(day), 10);
    let seen = &whole.items[0];
    let call = seen.item.call.unwrap();
    assert_eq!((seen.item.event, call.outcome, call.duration_ms), (Event::Call, CallOutcome::Answered, Some(60_000)));
    let ids: Vec<&str> = seen.item.participants.iter().map(|row| seen.people[*row as usize].id.as_str()).collect();
    assert_eq!(ids, ["USLACKBOT", "U1", "U2"]);
}

#[test]
fn a_mention_in_a_direct_chat_brings_nobody_in() {
    let day = br#"[{"user":"U1","ts":"1793577601.0001","text":"about <@U3>"}]"#;
    let host = |list: &str, folder: &str| {
        Shelf::archive(
            EXPORT,
            &[
                ("users.json", crate::USERS.as_bytes()),
                (list, br#"[{"id":"D1","name":"secret","members":["U1","U2"]}]"#),
                (&format!("{folder}/2026-11-02.json"), day),
            ],
        )
    };
    let people = |mut host: Shelf, settings: &str| -> Vec<String> {
        let whole = shelf::read::<SlackExport>(&mut host, settings, EXPORT, 10).unwrap();
        let seen = &whole.items[0];
        seen.item.participants.iter().map(|row| seen.people[*row as usize].id.clone()).collect()
    };
    assert_eq!(people(host("dms.json", "D1"), SETTINGS), ["U1", "U2"]);
    assert_eq!(people(host("groups.json", "secret"), SETTINGS), ["U1", "U2"]);
    assert_eq!(people(host("channels.json", "secret"), SETTINGS), ["U1", "U3"]);
    let all = r#"{"path":"inbox","public_channel_members":true}"#;
    assert_eq!(people(host("channels.json", "secret"), all), ["U1", "U3", "U2"]);
    assert_eq!(people(host("other.json", "secret"), SETTINGS), ["U1"]);
}

#[test]
fn no_token_leaves_the_archive() {
    let secret = "1-aGVsbG8-4711";
    let url = format!("https://files.slack.com/files-pri/T1-F1/a.png?pub=1&t=xoxe-{secret}");
    let escaped = url.replace('/', "\\/").replace('&', "\\u0026");
    let hidden = url.replace("t=xoxe", "t=xo\\u0078e");
    let file = |url: &str| {
        format!(
            r#"{{"id":"F1","name":"{url}","title":"{url}","mimetype":"a/{url}","url_private":"{url}","url_private_download":"{url}","thumb_360":"{url}"}}"#
        )
    };
    for url in [&url, &escaped, &hidden] {
        let good = format!(
            r#"{{"user":"{url}","username":"{url}","ts":"1793577601.0001","text":"<{url}|{url}>","subtype":"{url}","client_msg_id":"{url}",
            "edited":{{"user":"{url}","ts":"1"}},"thread_ts":"{url}","files":[{}],"reactions":[{{"name":"{url}","users":["{url}"]}}]}}"#,
            file(url)
        );
        let bad = format!(r#"{{"ts":"nothing","files":[{}]}}"#, file(url));
        let day = format!("[{good},{bad},{} ", &bad[..bad.len() - 1]);
        let users = format!(r#"[{{"id":"U1","profile":{{"real_name":"{url}","email":"{url}"}}}},{{"name":"{url}"}}]"#);
        let entries = [
            ("users.json", users.as_bytes()),
            ("canvases.json", &format!("[{}]", file(url)).into_bytes()),
            ("general/2026-11-02.json", day.as_bytes()),
            ("notes.txt", url.as_bytes()),
        ];
        let whole = read(&mut Shelf::archive(EXPORT, &entries), 3);
        assert!(whole.items.len() >= 2 && whole.unreadable.len() >= 4);
        let mut shown = format!("{:?}{:?}", whole.items, whole.unreadable);
        let originals = whole.items.iter().filter_map(|seen| seen.item.original.clone());
        for original in originals.chain(whole.unreadable.iter().map(|found| found.original.clone())) {
            shown += &String::from_utf8_lossy(&original);
        }
        assert!(!shown.contains("4711"), "{}", &shown[shown.find("4711").unwrap().saturating_sub(300)..]);
    }
}
