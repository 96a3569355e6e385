//! What becomes of each kind of mail.

use kit::{CallOutcome, Content, ConversationKind, Event, Item, source::Page};

use crate::shelf::Shelf;

/// A direct message.
pub(crate) const PLAIN: &str = "\
From: Anna Lind 16174354634 <anna@example.com>
To: Ben Ode 12124325249 <ben@example.org>
Date: Mon, 02 Nov 2026 12:00:00 +0000
Subject: WhatsApp Message from 16174354634 to 12124325249
Message-ID: <m1@telemessage.example>
Content-Type: text/plain; charset=utf-8

Hello Ben
";

/// A message with three files: an image, a text in Latin-1, a forwarded mail.
const FILES: &str = "\
From: Anna Lind 16174354634 <anna@example.com>
To: Ben Ode 12124325249 <ben@example.org>
Date: Mon, 02 Nov 2026 12:00:00 +0000
Subject: WhatsApp Message from 16174354634 to 12124325249
Message-ID: <m2@telemessage.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
--c
Content-Type: text/html

<p>Gr&uuml;&szlig;e</p>
--c--
--b
Content-Type: image/jpeg
Content-Disposition: attachment; filename*=utf-8''%C3%BC.jpg
Content-Transfer-Encoding: base64

/9j/4AAQ
--b
Content-Type: text/plain; charset=iso-8859-1
Content-Disposition: attachment; filename=\"note.txt\"
Content-Transfer-Encoding: base64

/A==
--b
Content-Type: message/rfc822
Content-Disposition: attachment; filename=\"old.eml\"

Subject: old

Old text
--b--
";

fn one(mail: &str) -> (Page, Item) {
    let page = Shelf::of(&[mail]).pull(None, 10).unwrap();
    assert_eq!((page.items.len(), page.unreadable.len()), (1, 0), "{:?}", page.unreadable);
    let item = page.items[0].clone();
    (page, item)
}

fn extension<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.extensions.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn subject(subject: &str) -> String {
    PLAIN.replace("WhatsApp Message from 16174354634 to 12124325249", subject)
}

#[test]
fn a_message_is_carried_whole() {
    let (page, item) = one(PLAIN);
    assert_eq!(
        (item.id.as_str(), item.event, item.sent_at),
        ("m1@telemessage.example", Event::Message, 1_793_620_800_000)
    );
    assert_eq!((item.text.as_deref(), item.zone.as_deref()), (Some("Hello Ben"), Some("UTC")));
    assert_eq!((item.sender, item.owner, item.participants.as_slice()), (Some(0), None, &[0, 1][..]));
    assert_eq!(item.original.as_deref(), Some(PLAIN.replace('\n', "\r\n").as_bytes()));
    let told: Vec<_> =
        page.people.iter().map(|p| (p.id.as_str(), p.name.as_deref().unwrap(), p.email.as_deref().unwrap())).collect();
    assert_eq!(told, [("16174354634", "Anna Lind", "anna@example.com"), ("12124325249", "Ben Ode", "ben@example.org")]);
    assert_eq!((page.conversations[0].kind, page.conversations[0].title.as_deref()), (ConversationKind::Direct, None));
    assert_eq!(page.conversations[0].extensions, [("network".to_owned(), "WhatsApp".to_owned())]);
}

#[test]
fn both_directions_are_one_conversation_and_a_group_is_another() {
    let back = PLAIN
        .replace("From:", "Was:")
        .replace("To:", "From:")
        .replace("Was:", "To:")
        .replace("from 16174354634 to 12124325249", "from 12124325249 to 16174354634");
    let (there, back) = (one(PLAIN).0, one(&back).0);
    assert_eq!(there.conversations, back.conversations);
    let (group, _) = one(&subject("WhatsApp Message from 16174354634 to Sales Group"));
    assert_eq!(
        (group.conversations[0].kind, group.conversations[0].title.as_deref()),
        (ConversationKind::Group, Some("Sales Group"))
    );
    assert_ne!(group.conversations[0].id, there.conversations[0].id);
}

#[test]
fn the_subject_gives_a_number_that_the_address_lacks() {
    let bare = PLAIN.replace("Anna Lind 16174354634", "Anna Lind").replace("Ben Ode 12124325249", "Ben Ode");
    let (page, _) = one(&bare);
    assert_eq!(page.people.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["16174354634", "12124325249"]);
    assert_eq!(page.conversations, one(PLAIN).0.conversations);
}

#[test]
fn nobody_in_the_headers_is_left_out() {
    let mail = PLAIN.replace("<anna@example.com>", "<anna@example.com>, Carl 33123456789 <carl@example.com>").replace(
        "Date:",
        "Cc: team: Dora <dora@example.com>, ;\nBcc: anna@example.com, 16174354634 <x@example.com>\nDate:",
    );
    let (page, item) = one(&mail);
    let ids: Vec<_> = page.people.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["16174354634", "33123456789", "12124325249", "dora@example.com", "anna@example.com"]);
    assert_eq!((item.sender, item.participants.len()), (Some(0), 5));
}

#[test]
fn files_are_cut_out_byte_for_byte() {
    let mut shelf = Shelf::of(&[FILES]);
    let page = shelf.pull(None, 10).unwrap();
    let item = &page.items[0];
    assert_eq!(item.text.as_deref(), Some("Grüße"));
    let told: Vec<_> = item
        .attachments
        .iter()
        .map(|a| (a.name.as_deref().unwrap(), a.media_type.as_deref().unwrap(), a.size))
        .collect();
    assert_eq!(
        told,
        [
            ("ü.jpg", "image/jpeg", Some(6)),
            ("note.txt", "text/plain", Some(1)),
            ("old.eml", "message/rfc822", Some(24)),
        ]
    );
    assert_eq!(shelf.blobs, [&b"\xff\xd8\xff\xe0\x00\x10"[..], b"\xfc", b"Subject: old\r\n\r\nOld text"]);
    assert!(item.attachments.iter().all(|a| matches!(a.content, Content::Present(_))));
}

#[test]
fn a_file_over_the_limit_is_withheld() {
    let mut shelf = Shelf { limit: Some(5), ..Shelf::of(&[FILES]) };
    let page = shelf.pull(None, 10).unwrap();
    let Content::Withheld(withheld) = &page.items[0].attachments[0].content else { panic!("{page:?}") };
    assert_eq!(
        (withheld.reason.as_str(), withheld.limit, page.items[0].attachments[0].size),
        ("too-large", Some(5), Some(6))
    );
}

#[test]
fn a_mail_too_big_to_read_is_handed_on_whole() {
    let big = FILES.replace("/9j/4AAQ", &"/9j/4AAQ".repeat(3_300_000));
    let mut shelf = Shelf::of(&[&big]);
    let page = shelf.pull(None, 10).unwrap();
    let item = &page.items[0];
    assert_eq!(
        (item.id.as_str(), item.event, item.text.as_deref()),
        ("m2@telemessage.example", Event::Message, Some("Grüße"))
    );
    let [attachment] = item.attachments.as_slice() else { panic!("{:?}", item.attachments) };
    assert_eq!(
        (attachment.name.as_deref(), attachment.media_type.as_deref()),
        (Some("mail-1.eml"), Some("message/rfc822"))
    );
    assert_eq!(shelf.blobs, [big.replace('\n', "\r\n").into_bytes()]);
    assert!(shelf.bytes_read < 2 << 20, "{}", shelf.bytes_read);
    assert_eq!(item.original, None);
}

#[test]
fn a_mail_with_too_many_files_is_handed_on_whole() {
    let part = "--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n";
    let many = FILES.replacen("--b\n", &format!("{}--b\n", part.repeat(300)), 1);
    let (_, item) = one(&many);
    assert_eq!(item.attachments.len(), 1);
    assert_eq!(item.attachments[0].media_type.as_deref(), Some("message/rfc822"));
}

#[test]
fn a_deletion_names_what_it_is_about() {
    let mail = subject("DELETED \u{2013} UNREAD \u{2013} WhatsApp File from 16174354634 to 12124325249")
        .replace("Subject: ", "Subject: =?utf-8?Q?")
        .replace(" to 12124325249\nMessage", " to 12124325249?=\nMessage")
        .replace('\u{2013}', "=E2=80=93")
        .replace("Hello Ben", "Original Message (Msg ID - 17-ab)\nHello Ben\nFiles:\nphoto.jpg");
    let (page, item) = one(&mail);
    assert_eq!(item.event, Event::Deletion, "{:?}", item.extensions);
    assert_eq!(extension(&item, "subject-prefix"), Some("DELETED - UNREAD - "));
    assert_eq!(extension(&item, "deletion-state"), Some("UNREAD"));
    assert_eq!(item.previous_text.as_deref(), Some("Hello Ben"));
    assert_eq!(item.refers_to.map(|r| (r.id, r.event)), Some(("17-ab".to_owned(), Event::File)));
    assert_eq!(page.conversations, one(PLAIN).0.conversations, "it stays in its conversation");
}

#[test]
fn in_reply_to_is_the_better_reference() {
    let (_, item) = one(&PLAIN.replace("Message-ID:", "In-Reply-To: <m0@telemessage.example>\nMessage-ID:"));
    assert_eq!(item.refers_to.map(|r| (r.id, r.event)), Some(("m0@telemessage.example".to_owned(), Event::Message)));
}

#[test]
fn calls_have_their_facts() {
    let cases = [
        ("WhatsApp Call", "Duration: 00:01:05", (false, CallOutcome::Answered, Some(65_000))),
        ("WhatsApp Video Call", "Duration: 0", (true, CallOutcome::Unknown, Some(0))),
        ("WhatsApp Missed Voice Call", "No answer", (false, CallOutcome::Missed, None)),
    ];
    for (head, text, expected) in cases {
        let mail = subject(&format!("{head} from 16174354634 to 12124325249")).replace("Hello Ben", text);
        let (page, item) = one(&mail);
        assert_eq!(item.call.map(|c| (c.video, c.outcome, c.duration_ms)), Some(expected), "{head}");
        assert_eq!((item.event, item.text.as_deref()), (Event::Call, Some(text)));
        assert_eq!(page.conversations[0].extensions[0].1, "WhatsApp");
    }
}

#[test]
fn details_about_a_user_are_apart_from_the_text_and_from_identity() {
    let anonymous = PLAIN.replace("Message-ID: <m1@telemessage.example>\n", "");
    let with = |details: &str| anonymous.replace("Hello Ben\n", &format!("Hello Ben\n\n{details}\n"));
    let (_, plain) = one(&anonymous);
    let (_, anna) = one(&with("First Name: Anna\nDepartment: Sales"));
    let (_, ben) = one(&with("First Name: Ben\nDepartment: Legal"));
    assert!(plain.id.starts_with("content:"), "{}", plain.id);
    assert_eq!((&anna.id, &ben.id), (&plain.id, &plain.id), "one event, however many archives it was found in");
    assert_eq!(
        (anna.text.as_deref(), extension(&anna, "user-details")),
        (Some("Hello Ben"), Some("First Name: Anna\nDepartment: Sales"))
    );
}

#[test]
fn a_content_id_depends_on_everything_that_was_said() {
    let anonymous = PLAIN.replace("Message-ID: <m1@telemessage.example>\n", "Cc: 33123456789 <c@example.com>\n");
    let id = |mail: &str| one(mail).1.id;
    let known = id(&anonymous);
    let same = anonymous.replace("Ben Ode 12124325249 <ben@example.org>", "X 33123456789 <c@example.com>");
    let same = same.replace("Cc: 33123456789 <c@example.com>", "Cc: Ben Ode 12124325249 <ben@example.org>");
    assert_eq!(id(&same), known, "the order of recipients is nobody's identity");
    for (from, to) in [
        ("Hello Ben", "Hello Ben!"),
        ("12:00:00", "12:00:01"),
        ("Anna Lind 16174354634", "Anna Lind 16174354635"),
        ("Cc: 33123456789", "Cc: 33123456780"),
        ("WhatsApp Message", "Signal Message"),
    ] {
        assert_ne!(id(&anonymous.replace(from, to)), known, "{from}");
    }
}

#[test]
fn an_unknown_subject_is_kept_and_not_dropped() {
    let mail = subject("Weekly summary");
    let (_, item) = one(&mail);
    assert_eq!((item.event, item.text.as_deref()), (Event::Other, Some("Hello Ben")));
    assert_eq!(item.original.as_deref(), Some(mail.replace('\n', "\r\n").as_bytes()));
    let mut long = Shelf::of(&[&mail.replace("Hello Ben", &"Hello Ben\n".repeat(10_000))]);
    let page = long.pull(None, 1).unwrap();
    assert_eq!((page.items[0].original.as_ref(), page.items[0].attachments.len()), (None, 1));
    assert_eq!(long.blobs.len(), 1);
}

#[test]
fn what_cannot_be_read_is_handed_over_whole_and_the_others_go_on() {
    let long_id = format!("<{}@x>", "i".repeat(600));
    let cases = [
        (PLAIN.replace("02 Nov 2026", "31 Dec 2008"), "absurd-time"),
        (PLAIN.replace("02 Nov 2026", "05 Nov 2026"), "absurd-time"),
        (PLAIN.replace("02 Nov 2026", "05 Nov 9999"), "no-date"),
        (PLAIN.replace("Date:", "X-Date:"), "no-date"),
        (PLAIN.replace("Mon, 02 Nov 2026 12:00:00 +0000", "yesterday"), "no-date"),
        (PLAIN.replace("<m1@telemessage.example>", &long_id), "item-over-limit"),
        (PLAIN.replace("Anna Lind", &"n".repeat(5000)), "item-over-limit"),
        ("\u{1}\u{2}\u{3}".to_owned(), "mail-broken"),
    ];
    for (mail, code) in cases {
        let page = Shelf::of(&[&mail, PLAIN]).pull(None, 10).unwrap();
        let shown: String = mail.chars().take(200).collect();
        assert_eq!((page.items.len(), page.unreadable.len()), (1, 1), "{shown}");
        let found = &page.unreadable[0];
        assert!(found.code == code || (code == "mail-broken" && found.code == "no-date"), "{shown}: {}", found.code);
        assert_eq!(found.original, mail.replace('\n', "\r\n").as_bytes());
        assert!(!found.message.contains("Hello"), "{}", found.message);
    }
}
