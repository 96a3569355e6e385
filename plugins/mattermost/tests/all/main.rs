//! The plugin as its host sees it: exports in, pages and errors out.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::fmt::Write as _;

use mattermost::Mattermost;
use shelf::{Shelf, Whole};

const SETTINGS: &str = r#"{"path":"inbox"}"#;
const EXPORT: &str = "inbox/export.zip";
const HEAD: &str = r#"{"type":"version","version":1}
{"type":"team","team":{"name":"acme","display_name":"Acme"}}
{"type":"channel","channel":{"team":"acme","name":"general","display_name":"General","type":"O"}}
{"type":"channel","channel":{"team":"acme","name":"board","display_name":"Board","type":"P"}}
{"type":"user","user":{"username":"anna","email":"anna@example.com","first_name":"Anna","last_name":"A","teams":[{"name":"acme","channels":[{"name":"general"},{"name":"board"}]}]}}
{"type":"user","user":{"username":"ben","email":"ben@example.com","nickname":"Benny","teams":[{"name":"acme","channels":[{"name":"general"},{"name":"board"}]}]}}
{"type":"user","user":{"username":"carla","email":"carla@example.com","teams":null}}
"#;
const POSTS: &str = r#"{"type":"post","post":{"team":"acme","channel":"general","user":"anna","message":"hello @ben","create_at":1700000000000,"edit_at":1700000009000,"reactions":[{"user":"ben","emoji_name":"+1","create_at":1700000001000}],"replies":[{"user":"ben","message":"hi","create_at":1700000002000,"attachments":[{"path":"2023/a.txt"}]}]}}
{"type":"post","post":{"team":"acme","channel":"board","user":"ben","type":"system_join_channel","message":"ben joined","create_at":1700000003000}}
{"type":"direct_post","direct_post":{"channel_members":["carla","anna"],"user":"carla","message":"secret","create_at":1700000004000}}
"#;

fn read(lines: &str, page: u32) -> Result<Whole, kit::Error> {
    let mut host =
        Shelf::archive(EXPORT, &[("import.jsonl", lines.as_bytes()), ("data/2023/a.txt", b"a file"), ("data/x", b"")]);
    shelf::read::<Mattermost>(&mut host, SETTINGS, EXPORT, page)
}

fn ids(whole: &Whole) -> Vec<String> {
    whole.items.iter().map(|seen| seen.item.id.clone()).collect()
}

#[test]
fn a_thread_becomes_items_of_its_own() {
    let whole = read(&format!("{HEAD}{POSTS}"), 100).unwrap();
    assert_eq!(whole.unreadable.len(), 0);
    assert_eq!(
        ids(&whole),
        [
            "acme/general:1700000000000:anna",
            "acme/general:1700000000000:anna:reaction:+1:ben",
            "acme/general:1700000002000:ben",
            "acme/board:1700000003000:ben",
            "direct/anna+carla:1700000004000:carla",
        ]
    );
    let [post, reaction, reply, join, direct] = whole.items.as_slice() else { panic!("five") };
    assert_eq!((post.item.revision, post.conversation.title.as_deref()), (1_700_000_009, Some("General")));
    let people = |seen: &shelf::Seen| {
        let of = |row: &u32| seen.people[*row as usize].email.clone().unwrap();
        let mut names: Vec<String> = seen.item.participants.iter().map(of).collect();
        names.sort();
        names
    };
    assert_eq!(people(post), ["anna@example.com", "ben@example.com"], "who is mentioned in a public channel");
    assert_eq!(people(reply), ["ben@example.com"]);
    assert_eq!(people(join), ["anna@example.com", "ben@example.com"], "all of a private channel");
    assert_eq!(people(direct), ["anna@example.com", "carla@example.com"]);
    let root = reply.item.refers_to.as_ref().unwrap();
    assert_eq!((root.id.as_str(), root.revision), (post.item.id.as_str(), 1_700_000_009));
    assert_eq!(reaction.item.refers_to.as_ref().unwrap(), root);
    assert_eq!((join.item.event, reaction.item.event), (kit::Event::Membership, kit::Event::Reaction));
    assert_eq!(reply.item.attachments[0].size, Some(6));
    assert_eq!(reply.item.attachments[0].name.as_deref(), Some("a.txt"));
    assert!(!String::from_utf8(post.item.original.clone().unwrap()).unwrap().contains("replies"));
}

#[test]
fn every_page_size_gives_the_same() {
    let lines = format!("{HEAD}{POSTS}{POSTS}");
    let all = read(&lines, 100).unwrap();
    assert_eq!(all.items.len(), 10, "posts of one moment are numbered");
    for size in 1..12 {
        assert_eq!(ids(&read(&lines, size).unwrap()), ids(&all), "pages of {size}");
    }
    let beside = Shelf::file("inbox/e/import.jsonl", &lines).and("inbox/e/data/2023/a.txt", "a file");
    let unpacked = shelf::read::<Mattermost>(&mut beside.clone(), SETTINGS, "inbox/e/import.jsonl", 3).unwrap();
    assert_eq!(ids(&unpacked), ids(&all));
    assert!(unpacked.items.iter().all(|seen| seen.item.attachments.iter().all(|file| file.size == Some(6))));
}

#[test]
fn members_of_public_channels_take_part_when_that_is_wanted() {
    let settings = r#"{"path":"inbox","public_channel_members":true}"#;
    let mut host = Shelf::archive(EXPORT, &[("import.jsonl", format!("{HEAD}{POSTS}").as_bytes())]);
    let whole = shelf::read::<Mattermost>(&mut host, settings, EXPORT, 100).unwrap();
    assert!(whole.items[..3].iter().all(|seen| seen.item.participants.len() == 2));
    assert_eq!(whole.items[2].item.attachments[0].content, kit::Content::Missing("not-found".to_owned()));
}

#[test]
fn a_cut_anywhere_keeps_what_is_before() {
    let lines = format!("{HEAD}{POSTS}");
    for cut in 0..lines.len() {
        let Ok(whole) = read(&lines[..cut], 2) else {
            assert!(cut < HEAD.lines().next().unwrap().len(), "refused at {cut}");
            continue;
        };
        let whole_lines = lines[..cut].matches('\n').count().saturating_sub(HEAD.lines().count());
        assert!(whole.items.len() >= [0, 3, 4, 5][whole_lines], "cut at {cut}");
        let is_clean = lines[..cut].ends_with('\n') || lines.as_bytes()[cut] == b'\n';
        assert_eq!(whole.unreadable.is_empty(), is_clean, "cut at {cut}");
    }
}

#[test]
fn wrong_types_cost_themselves_alone() {
    for (from, to) in [
        (r#""user":"anna""#, r#""user":7"#),
        (r#""create_at":1700000000000"#, r#""create_at":"x""#),
        (r#""create_at":1700000000000"#, r#""create_at":-5"#),
        (r#""create_at":1700000000000"#, r#""create_at":1e300"#),
        (r#""create_at":1700000001000"#, r#""create_at":null"#),
        (r#""emoji_name":"+1""#, r#""emoji_name":[]"#),
        (r#""team":"acme","channel":"general","user":"anna""#, r#""team":{},"channel":"general","user":"anna""#),
        (r#""channel_members":["carla","anna"]"#, r#""channel_members":"all""#),
        (r#""message":"hello @ben""#, r#""message":{"a":1}"#),
        (r#""replies":[{"#, r#""replies":[7,null,[],{"#),
        (r#""attachments":[{"path":"2023/a.txt"}]"#, r#""attachments":[{"path":"../../etc/passwd"},{"path":7},3]"#),
        (r#""username":"ben""#, r#""username":[1]"#),
        (r#""type":"direct_post""#, r#""type":7"#),
    ] {
        let lines = format!("{HEAD}{POSTS}");
        assert!(lines.contains(from), "{from}");
        for size in [1, 100] {
            let whole = read(&lines.replacen(from, to, 1), size).unwrap();
            assert!(whole.items.len() >= 2, "{to}: {:?}", ids(&whole));
            let parked = whole.unreadable.iter().map(|of| of.original.len()).sum::<usize>();
            let is_kept = whole.items.len() >= 5 || parked > 0;
            assert!(is_kept, "{to}: {} items", whole.items.len());
        }
    }
}

#[test]
fn what_is_not_known_is_kept() {
    let lines = format!(
        "{HEAD}{}\n{}\n\n\u{0}\n{}\n",
        r#"{"type":"poll","poll":{"create_at":1700000005000,"question":"who?"}}"#,
        r#"{"type":"weather","weather":"sunny"}"#,
        r#"{"type":"post","post":{"team":"gone","channel":"gone","user":"nobody","message":"still","create_at":1700000006000,"future":true}}"#
    );
    let whole = read(&lines, 2).unwrap();
    assert_eq!(whole.items.len(), 2);
    assert_eq!(whole.items[0].item.event, kit::Event::Other);
    assert!(String::from_utf8(whole.items[0].item.original.clone().unwrap()).unwrap().contains("who?"));
    assert!(!whole.items[1].people[0].internal);
    let codes: Vec<&str> = whole.unreadable.iter().map(|of| of.code.as_str()).collect();
    assert_eq!(codes, ["unknown-type", "line-broken"]);
}

#[test]
fn what_is_no_export_is_refused() {
    for lines in ["", "\n", "{}\n", "no JSON", "[]", r#"{"type":"post"}"#, "\u{feff}{\"type\":\"version\"}"] {
        let refused = read(lines, 10).err().map(|error| error.code);
        assert_eq!(refused.as_deref(), Some("not-a-mattermost-export"), "{lines}");
    }
    let mut empty = Shelf::archive(EXPORT, &[("readme.txt", b"")]);
    let refused = shelf::read::<Mattermost>(&mut empty, SETTINGS, EXPORT, 10).err().map(|error| error.code);
    assert_eq!(refused.as_deref(), Some("not-a-mattermost-export"));
}

#[test]
fn a_thread_of_more_replies_than_a_page_goes_over_several() {
    let mut replies = String::new();
    for number in 0..2_500 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            replies,
            r#"{comma}{{"user":"ben","message":"{number}","create_at":{}}}"#,
            1_600_000_000_000_u64 + number
        )
        .unwrap();
    }
    let post = format!(
        r#"{{"type":"post","post":{{"team":"acme","channel":"general","user":"anna","message":"?","create_at":1599999999999,"replies":[{replies}]}}}}"#
    );
    let whole = read(&format!("{HEAD}{post}\n{POSTS}"), 1_000).unwrap();
    assert_eq!(whole.items.len(), 2_501 + 5);
    let unique: std::collections::BTreeSet<String> = ids(&whole).into_iter().collect();
    assert_eq!(unique.len(), whole.items.len());
}

#[test]
fn a_large_export_is_read_once_and_forwards() {
    let mut lines = HEAD.to_owned();
    for number in 0..20_000_u64 {
        writeln!(
            lines,
            r#"{{"type":"post","post":{{"team":"acme","channel":"general","user":"anna","message":"message number {number}","create_at":{}}}}}"#,
            1_700_000_000_000 + number
        )
        .unwrap();
    }
    let size = lines.len() as u64;
    let mut host = Shelf::archive(EXPORT, &[("import.jsonl", lines.as_bytes())]);
    let (mut cursor, mut items, mut pages) = (None, 0, 0);
    loop {
        let request = kit::source::PullRequest {
            reading: kit::source::Reading::File(EXPORT.to_owned()),
            account: "mattermost".to_owned(),
            bookmark: None,
            cursor: cursor.take(),
            max_items: 1_000,
        };
        let page = <Mattermost as kit::Source>::pull(&mut host, SETTINGS, request).unwrap();
        items += page.items.len();
        pages += 1;
        assert!(page.cursor.as_ref().is_none_or(|cursor| cursor.len() < 12_000));
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!((items, pages), (20_000, 21));
    // Each page begins with the chunk that its line is in; users and channels were read once.
    assert!(host.bytes_read < size + 25 * (1 << 20), "{} bytes of {size}", host.bytes_read);
}

#[test]
fn cases_are_as_expected() {
    shelf::cases::<Mattermost>(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), 4);
}
