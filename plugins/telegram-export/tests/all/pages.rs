//! Pages: the same items however they are cut, little read twice, and files that end early.

use kit::{
    Event, Source as _,
    source::{Page, PullRequest, Reading},
};
use shelf::Shelf;
use telegram_export::TelegramExport;

use crate::{EXPORT, SETTINGS, chat, message, read, read_text, told};

/// An account with every part that is read: contacts, lists, chats, broken records, reactions.
const ACCOUNT: &str = r#"{
 "about": "Here is the data you requested.",
 "personal_information": {
  "user_id": 5,
  "first_name": "Anna",
  "phone_number": "+49 151 5"
 },
 "contacts": {
  "about": "Your contacts",
  "list": [
   {
    "user_id": 7,
    "first_name": "Ben",
    "phone_number": "+49 151 7"
   }
  ]
 },
 "sessions": {"list": [{"last_ip": "192.0.2.1"}]},
 "stories": [
  {
   "date_unixtime": "1793600000",
   "media": "(Photo not included.)"
  }
 ],
 "chats": {
  "about": "Your chats",
  "list": [
   {
    "name": "Ben",
    "type": "personal_chat",
    "id": 7,
    "messages": [
     {
      "id": 1,
      "type": "message",
      "date": "2026-11-02T10:00:00",
      "date_unixtime": "1793610000",
      "from": "Ben",
      "from_id": "user7",
      "text": ["é \"]}[{", {"type": "bold", "text": "two\\"}],
      "reactions": [
       {
        "type": "emoji",
        "count": 2,
        "emoji": "x",
        "recent": [
         {
          "from": "Anna",
          "from_id": "user5",
          "date": "2026-11-02T10:01:00"
         },
         {
          "from": "Ben",
          "from_id": "user7",
          "date": "2026-11-02T10:02:00"
         }
        ]
       }
      ]
     },
     {
      "id": 2,
      "type": "unsupported"
     },
     {
      "id": 3,
      "type": "service",
      "date_unixtime": "1793610060",
      "actor": "Anna",
      "actor_id": "user5",
      "action": "phone_call",
      "duration_seconds": 5
     }
    ]
   },
   {
    "name": "Team",
    "type": "private_supergroup",
    "id": 22,
    "messages": [
     {
      "id": 1,
      "type": "message",
      "date_unixtime": "1793610000",
      "from_id": "user8",
      "text": "team"
     }
    ]
   },
   {
    "name": "Empty",
    "type": "private_group",
    "id": 23,
    "messages": []
   }
  ]
 },
 "left_chats": {
  "list": [
   {
    "name": "News",
    "type": "public_channel",
    "id": 30,
    "messages": [
     {
      "id": 9,
      "type": "message",
      "date_unixtime": "1793610000",
      "from": "News",
      "from_id": "channel30",
      "text": "news"
     }
    ]
   }
  ]
 },
 "future": [[1], {"a": 2}]
}
"#;

#[test]
fn every_page_size_gives_the_same() {
    let whole = read_text(ACCOUNT);
    assert_eq!((whole.items.len(), whole.unreadable.len(), whole.pages), (7, 2, 1));
    assert_eq!(told(&whole).1, ["unsupported-message", "unknown-section"]);
    let ben = &whole.items[1];
    assert_eq!(ben.sender().unwrap().phone.as_deref(), Some("491517"));
    assert_eq!(ben.item.text.as_deref(), Some("é \"]}[{two\\"));
    for max_items in 1..12 {
        let paged = read(&mut Shelf::file(EXPORT, ACCOUNT), max_items);
        assert_eq!(told(&paged), told(&whole), "{max_items}");
        let items = |whole: &shelf::Whole| -> Vec<_> {
            let seen = whole.items.iter();
            seen.map(|seen| (seen.item.clone(), seen.sender().cloned(), seen.conversation.clone()))
                .map(|(mut item, sender, conversation)| {
                    // Rows of a page's tables are another page's business.
                    (item.conversation, item.sender, item.owner, item.participants) = (0, None, None, Vec::new());
                    (item, sender, conversation)
                })
                .collect()
        };
        assert_eq!(items(&paged), items(&whole), "{max_items}");
        assert_eq!(paged.unreadable, whole.unreadable);
    }
}

#[test]
fn a_file_cut_anywhere_keeps_what_stands_before_the_cut() {
    for text in [ACCOUNT.to_owned(), ACCOUNT.replace('\n', ""), chat(&[message(1, "a"), message(2, "b")].join(","))] {
        let whole = told(&read_text(&text)).0;
        let mut before = 0;
        for end in 0..text.len() {
            let mut host = Shelf::file(EXPORT, &text.as_bytes()[..end]);
            let (ids, codes) = match shelf::read::<TelegramExport>(&mut host, SETTINGS, EXPORT, 100) {
                Ok(cut) => told(&cut),
                // Before anything of an export was met.
                Err(error) => {
                    assert_eq!((before, error.code.as_str()), (0, "not-a-telegram-export"), "{end}");
                    continue;
                }
            };
            assert_eq!(ids, whole[..ids.len()], "{end}");
            assert!(ids.len() >= before, "{end}: what was there is there in a longer file");
            // A record is there as soon as its last byte is.
            assert!(ids.len() == before || text.as_bytes()[end - 1] == b'}', "{end}");
            before = ids.len();
            let is_whole = text.as_bytes()[end..].trim_ascii().is_empty();
            assert_eq!(codes.iter().any(|code| code == "file-truncated"), !is_whole, "{end}: {codes:?}");
        }
        assert_eq!(before, whole.len());
    }
}

#[test]
fn the_same_said_twice_is_two_items() {
    let said = r#"{"type":"message","date_unixtime":"1793610000","from":"Ben","text":"ok"}"#;
    let text = format!(r#"{{"messages":[{said},{said},{said}]}}"#);
    let whole = told(&read_text(&text)).0;
    assert!(whole[1] == format!("{}:1", whole[0]) && whole[2] == format!("{}:2", whole[0]), "{whole:?}");
    assert_eq!(told(&read(&mut Shelf::file(EXPORT, &text), 1)).0, whole);
}

fn pages(host: &mut Shelf, max_items: u32) -> Vec<Page> {
    let (mut cursor, mut pages) = (None, Vec::new());
    loop {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "telegram".to_owned(),
            bookmark: None,
            cursor,
            max_items,
        };
        let page = TelegramExport::pull(host, SETTINGS, request).unwrap();
        cursor = page.cursor.clone();
        pages.push(page);
        if cursor.is_none() {
            return pages;
        }
    }
}

#[test]
fn a_big_chat_is_read_in_parts() {
    let messages: Vec<String> =
        (0..20_000).map(|id| message(id % 100, &format!("{id} {}", "lorem ".repeat(30)))).collect();
    let text = chat(&messages.join(",\n"));
    let mut host = Shelf::file(EXPORT, &text);
    let items: usize = pages(&mut host, 1_000).iter().map(|page| page.items.len()).sum();
    assert_eq!(items, 20_000);
    assert!(host.bytes_read < text.len() as u64 * 3, "{} of {}", host.bytes_read, text.len());
}

#[test]
fn a_section_of_any_size_is_passed_over_in_pages() {
    let big = format!("[{}1]", "[\"]\"],".repeat(3 << 20));
    let text = format!(
        r#"{{"future":{big},"personal_information":{{"user_id":5}},"chats":{{"list":[{}]}}}}"#,
        chat(&message(1, "a"))
    );
    let pages = pages(&mut Shelf::file(EXPORT, &text), 100);
    assert!(pages.len() >= 2, "{}", pages.len());
    assert_eq!(pages.iter().map(|page| page.items.len()).sum::<usize>(), 1);
    let codes: Vec<&str> = pages.iter().flat_map(|page| &page.unreadable).map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["unknown-section"]);
}

#[test]
fn one_call_moves_little() {
    // Many chats in which nobody but the other one wrote: each is looked through for the owner.
    let ben = |id: u32| {
        format!(r#"{{"id":{id},"date_unixtime":"1793610000","from_id":"user7","text":"{}"}}"#, "x".repeat(1 << 20))
    };
    let silent = chat(&(0..20).map(ben).collect::<Vec<_>>().join(","));
    let list = format!(r#"{{"chats":{{"list":[{}]}}}}"#, vec![silent; 4].join(","));
    let mut host = Shelf::file(EXPORT, &list);
    let settings = r#"{"path":"inbox","owner":"anna@example.com"}"#;
    let (mut cursor, mut items) = (None, 0);
    loop {
        let before = host.bytes_read;
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "telegram".to_owned(),
            bookmark: None,
            cursor,
            max_items: 1_000,
        };
        let page = TelegramExport::pull(&mut host, settings, request).unwrap();
        assert!(host.bytes_read - before < 60 << 20, "{}", host.bytes_read - before);
        assert!(page.items.iter().all(|item| item.event == Event::Other));
        (items, cursor) = (items + page.items.len(), page.cursor);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(items, 80);
}

#[test]
fn foreign_cursors_are_refused() {
    for cursor in [&b""[..], b"{}", &[1; 31], b"{\"version\":2}"] {
        let request = PullRequest {
            reading: Reading::File(EXPORT.to_owned()),
            account: "telegram".to_owned(),
            bookmark: None,
            cursor: Some(cursor.to_vec()),
            max_items: 10,
        };
        let error = TelegramExport::pull(&mut Shelf::file(EXPORT, ACCOUNT), SETTINGS, request).unwrap_err();
        assert_eq!(error.code, "cursor-unknown");
    }
    let since =
        PullRequest { account: String::new(), reading: Reading::Since, bookmark: None, cursor: None, max_items: 1 };
    assert_eq!(TelegramExport::pull(&mut Shelf::default(), SETTINGS, since).unwrap_err().code, "wrong-reading");
}
