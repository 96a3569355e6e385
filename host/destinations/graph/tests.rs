//! The JSON that messages become, case by case.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Delivery, Shape,
    shape::{Content, Shaped, item_property, item_value, sha256_property, shape},
};
use crate::item::{BlobRef, Message, Splice};

const SETTINGS: fn() -> Shape = || Shape { message_class: "IPM.Note.Chancery".to_owned(), attach_original: false };

/// A message with these header lines and this rest; `@@` marks where an attachment goes in.
fn delivery(header: &str, rest: &str) -> Delivery {
    let text = format!("{header}Message-ID: <v1.00@chancery.invalid>\r\n{rest}");
    let mut skeleton = String::new();
    let mut splices = Vec::new();
    for piece in text.split("@@") {
        if !skeleton.is_empty() {
            let number = splices.len() as u8;
            let blob = BlobRef { name: [number; 32], size: 5, sha256: [number; 32] };
            splices.push(Splice { offset: skeleton.len() as u32, blob });
        }
        skeleton.push_str(piece);
    }
    let message = Message {
        skeleton: skeleton.into_bytes().into(),
        splices: splices.into(),
        message_id: "<v1.00@chancery.invalid>".into(),
    };
    Delivery { mailbox: Arc::from("anna@example.com"), message, received_at_ms: 1_793_520_000_123 }
}

fn shaped(header: &str, rest: &str) -> Shaped {
    shape(&delivery(header, rest), &SETTINGS(), [0xab; 32]).unwrap()
}

fn property<'a>(json: &'a Value, id: &str) -> Option<&'a str> {
    let properties = json["singleValueExtendedProperties"].as_array().unwrap();
    properties.iter().find(|property| property["id"] == id).and_then(|property| property["value"].as_str())
}

const FROM: &str = "Date: Sun, 1 Nov 2026 08:00:00 +0000\r\nFrom: \"Anna Lind\" <anna@example.com>\r\n";

#[test]
fn a_message_has_its_flags_dates_threads_and_keys() {
    let header = format!(
        "{FROM}To: Ben <ben@example.com>,\r\n \"+49 151\" <49151@phone.invalid>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nIn-Reply-To: <v1.aa@x>\r\nReferences: <c1.bb@x>\r\n <v1.aa@x>\r\nX-Other: 1\r\nX-Chancery-Item: i%20d\r\nX-Chancery-Event: message\r\n"
    );
    let Shaped { json, files } = shaped(&header, "\r\nHello\r\n");
    assert_eq!(json["subject"], "Grüße");
    assert_eq!(json["body"], json!({ "contentType": "text", "content": "Hello\r\n" }));
    let anna = json!({ "emailAddress": { "name": "Anna Lind", "address": "anna@example.com" } });
    assert_eq!((&json["from"], &json["sender"]), (&anna, &anna));
    assert_eq!(json["toRecipients"][1]["emailAddress"], json!({ "name": "+49 151", "address": "49151@phone.invalid" }));
    assert_eq!(json["internetMessageId"], "<v1.00@chancery.invalid>");
    assert_eq!(json["isRead"], true);
    let names: Vec<&str> = json["internetMessageHeaders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| header["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["X-Chancery-Item", "X-Chancery-Event"]);
    for (id, value) in [
        ("Integer 0x0E07", "1"),
        ("SystemTime 0x0E06", "2026-11-01T08:00:00.123Z"),
        ("SystemTime 0x0039", "2026-11-01T08:00:00.123Z"),
        ("String 0x001A", "IPM.Note.Chancery"),
        ("String 0x1039", "<c1.bb@x> <v1.aa@x>"),
        ("String 0x1042", "<v1.aa@x>"),
        (&item_property(), &item_value("<v1.00@chancery.invalid>")),
        (&sha256_property(), &"ab".repeat(32)),
    ] {
        assert_eq!(property(&json, id), Some(value), "{id}");
    }
    assert!(
        item_value("x").bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()),
        "case is not compared"
    );
    assert!(files.is_empty());
}

#[test]
fn five_headers_are_the_most() {
    let marks: String = (0..9).map(|number| format!("X-Chancery-{number}: {number}\r\n")).collect();
    let json = shaped(&format!("{FROM}{marks}"), "\r\n\r\n").json;
    assert_eq!(json["internetMessageHeaders"].as_array().unwrap().len(), 5);
}

#[test]
fn bodies_and_people_of_every_sort() {
    let alternative = "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>K=C3=B6ln</p>\r\n--a--\r\n";
    let json = shaped(FROM, alternative).json;
    assert_eq!(json["body"]["contentType"], "html");
    assert!(json["body"]["content"].as_str().unwrap().starts_with("<p>Köln</p>"), "{json}");
    let nobody = shaped(&format!("{FROM}To: undisclosed-recipients:;\r\n"), "\r\nx\r\n").json;
    assert_eq!(nobody["toRecipients"], json!([]));
    assert!(nobody.get("internetMessageHeaders").is_none() && property(&nobody, "String 0x1039").is_none());
    let empty = shaped(FROM, "\r\n\r\n").json;
    assert_eq!((&empty["subject"], &empty["body"]["contentType"]), (&json!(""), &json!("text")));
}

#[test]
fn staged_files_are_told_from_those_that_are_written_out() {
    let part = |kind: &str, name: &str, body: &str| {
        format!(
            "--m\r\nContent-Type: {kind}\r\nContent-Disposition: attachment{name}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
        )
    };
    let rest = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nsee the files\r\n{}{}{}{}--m--\r\n",
        part("image/jpeg", ";\r\n filename*=utf-8''%C3%9Cber.jpg", "@@"),
        part("application/json", "; filename=\"item.json\"", "e30="),
        part("text/plain", "; filename=\"notes.txt\"", "@@"),
        part("application/octet-stream", "", "@@"),
    );
    let files = shaped(FROM, &rest).files;
    let found: Vec<(&str, &str, u64)> =
        files.iter().map(|file| (file.name.as_str(), file.content_type.as_str(), file.size)).collect();
    assert_eq!(
        found,
        [
            ("Über.jpg", "image/jpeg", 5),
            ("item.json", "application/json", 2),
            ("notes.txt", "text/plain", 5),
            ("attachment", "application/octet-stream", 5),
        ]
    );
    assert_eq!(files[1].content, Content::Held(b"{}".to_vec()));
    for (file, number) in [(0, 0_u8), (2, 1), (3, 2)] {
        assert!(matches!(&files[file].content, Content::Staged(blob) if blob.name == [number; 32]), "{file}");
    }
    let settings = Shape { attach_original: true, ..SETTINGS() };
    let copy = delivery(FROM, &rest);
    let files = shape(&copy, &settings, [0; 32]).unwrap().files;
    let original = files.last().unwrap();
    assert_eq!((original.name.as_str(), original.size), ("original.eml", copy.message.size_bytes()));
    assert_eq!(original.content, Content::Original);
}

#[test]
fn a_message_that_is_one_file_is_read() {
    let rest = "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n@@\r\n";
    let Shaped { files, .. } = shaped(FROM, rest);
    assert_eq!(files.len(), 1);
    assert!(matches!(files[0].content, Content::Staged(_)));
}
