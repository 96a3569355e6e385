//! The plugin as its host sees it.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use shelf::{Shelf, read};
use sms_backup::SmsBackup;

const SETTINGS: &str = r#"{"path":"inbox","owner":"anna@example.com","default_country":"49"}"#;
const FILE: &str = r#"<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>
<smses count="3">
  <sms address="0151 2345678" date="1793577600000" type="1" body="Hi &#55357;&#56832;" contact_name="Ben" />
  <sms address="+491512345678" date="1793577601000" type="2" body="Yes &amp; no" />
  <mms address="111~222" date="1793577602000" msg_box="2" m_id="x1"><parts>
    <part ct="text/plain" text="See" /><part ct="image/png" cl="a.png" data="aGVsbG8=" /></parts>
    <addrs><addr address="111" type="151" /></addrs></mms>
</smses>
"#;

#[test]
fn every_page_size_gives_the_same() {
    let all = read::<SmsBackup>(&mut Shelf::file("inbox/sms.xml", FILE), SETTINGS, "inbox/sms.xml", 100).unwrap();
    assert_eq!((all.items.len(), all.unreadable.len()), (3, 0));
    assert_eq!(all.items[0].item.text.as_deref(), Some("Hi 😀"));
    assert_eq!(all.items[0].conversation.id, "491512345678");
    assert_eq!(all.items[2].item.attachments[0].size, Some(5));
    for size in 1..5 {
        let paged =
            read::<SmsBackup>(&mut Shelf::file("inbox/sms.xml", FILE), SETTINGS, "inbox/sms.xml", size).unwrap();
        let ids = |whole: &shelf::Whole| whole.items.iter().map(|seen| seen.item.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&paged), ids(&all));
    }
}

#[test]
fn a_cut_anywhere_keeps_what_is_before() {
    let ends: Vec<usize> = FILE.match_indices("/>\n  <").map(|(at, _)| at + 2).take(2).collect();
    for cut in 0..FILE.len() {
        let host = Shelf::file("inbox/sms.xml", &FILE.as_bytes()[..cut]);
        if let Ok(whole) = read::<SmsBackup>(&mut host.clone(), SETTINGS, "inbox/sms.xml", 1) {
            assert!(whole.items.len() >= ends.iter().filter(|end| **end <= cut).count(), "cut at {cut}");
            let noticed = !whole.unreadable.is_empty();
            assert!(noticed || cut >= FILE.trim_end().len(), "cut at {cut}");
        }
    }
}

#[test]
fn a_broken_record_leaves_the_others() {
    let file = FILE.replace("Yes &amp; no\"", "Yes");
    let whole = read::<SmsBackup>(&mut Shelf::file("inbox/s.xml", file), SETTINGS, "inbox/s.xml", 2).unwrap();
    assert_eq!(whole.items.len(), 2);
    assert_eq!(whole.unreadable[0].code, "record-broken");
}

#[test]
fn cases_are_as_expected() {
    shelf::cases::<SmsBackup>(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), 8);
}

#[test]
fn corpora_are_read() {
    let Some(root) = std::env::var_os("CHANCERY_CORPORA") else { return };
    let expected = [
        ("shruggietech+sms-backup-restore-parser/minimal_sms.xml", 1),
        ("shruggietech+sms-backup-restore-parser/minimal_mms.xml", 1),
        ("shruggietech+sms-backup-restore-parser/minimal_calls.xml", 1),
        ("devadvance+sms-backup-reader-2/sms_small.xml", 12),
        ("devadvance+sms-backup-reader-2/sample_small.xml", 7),
        ("devadvance+sms-backup-reader-2/sample_mms.xml", 4),
        ("devadvance+sms-backup-reader-2/empty.xml", 0),
        // One record, which breaks off: it is parked.
        ("shruggietech+sms-backup-restore-parser/malformed.xml", 0),
    ];
    for (name, items) in expected {
        let bytes = std::fs::read(std::path::Path::new(&root).join(name)).unwrap();
        let found = read::<SmsBackup>(&mut Shelf::file("inbox/f.xml", bytes), SETTINGS, "inbox/f.xml", 5);
        let found = found.map(|whole| (whole.items.len(), whole.unreadable));
        assert_eq!(found.map(|(found, _)| found).ok(), Some(items), "{name}");
    }
}

/// The ids of a backup of this one record.
fn id_of(record: &str) -> String {
    let file = format!("<smses count=\"1\">{record}</smses>");
    let whole = read::<SmsBackup>(&mut Shelf::file("inbox/s.xml", file), SETTINGS, "inbox/s.xml", 5).unwrap();
    assert_eq!((whole.items.len(), whole.unreadable.len()), (1, 0), "{record}");
    whole.items[0].item.id.clone()
}

#[test]
fn a_message_has_one_id_in_every_backup() {
    let sms = |address: &str, box_number: &str| {
        id_of(&format!("<sms address=\"{address}\" date=\"1793577600000\" type=\"{box_number}\" body=\"Hi\" />"))
    };
    for same in ["0151 2345678", "00491512345678", "+49 (151) 234-5678", "151.234.5678"] {
        assert_eq!(sms(same, "1"), sms("+491512345678", "1"), "{same}");
    }
    for waited in ["4", "5", "6"] {
        assert_eq!(sms("+491512345678", waited), sms("+491512345678", "2"), "it was sent later");
    }
    assert_ne!(sms("+491512345678", "1"), sms("+491512345678", "2"));
    assert_ne!(sms("+491512345678", "3"), sms("+491512345678", "2"), "a draft is no message that was sent");
    assert_ne!(sms("+491512345678", "1"), sms("+491512345679", "1"));
    assert_ne!(sms("12345", "1"), sms("12346", "1"));
    assert_eq!(sms("Amazon", "1"), sms("AMAZON", "1"));
}

#[test]
fn hostile_records_cost_themselves_alone() {
    let long = "x".repeat(2 << 20);
    let many = "1~".repeat(2_000);
    let parts = "<part ct=\"image/png\" data=\"aA==\" />".repeat(300);
    let attributes: String = (0..300).map(|number| format!(" a{number}=\"\"")).collect();
    let texts: String =
        (0..6).map(|_| format!("<part ct=\"text/plain\" text=\"{}\" />", "y".repeat(900 << 10))).collect();
    let bad = [
        format!("<sms address=\"1\" date=\"1\" type=\"1\" body=\"{long}\" />"),
        format!("<mms address=\"{many}\" date=\"1\" msg_box=\"1\"></mms>"),
        format!("<mms address=\"1\" date=\"1\" msg_box=\"1\"><parts>{parts}</parts></mms>"),
        format!("<mms address=\"1\" date=\"1\" msg_box=\"1\"><parts>{texts}</parts></mms>"),
        format!("<sms address=\"1\" date=\"1\" type=\"1\"{attributes} />"),
        "<sms address=\"1\" date=\"99999999999999999999\" type=\"1\" body=\"a\" />".to_owned(),
        "<sms address=\"1\" date=\"-5\" type=\"1\" body=\"a\" />".to_owned(),
        "<sms address=\"1\" date=\"NaN\" type=\"1\" body=\"a\" />".to_owned(),
        "<sms address=\"1\" type=\"1\" body=\"a\" />".to_owned(),
    ];
    for record in bad {
        let good = "<sms address=\"1\" date=\"5\" type=\"1\" body=\"still here\" />";
        let file = format!("<smses count=\"3\">{good}{record}{good}</smses>");
        let whole = read::<SmsBackup>(&mut Shelf::file("inbox/s.xml", file), SETTINGS, "inbox/s.xml", 2).unwrap();
        let (items, parked) = (whole.items.len(), &whole.unreadable);
        let start = &record[..record.len().min(80)];
        assert_eq!(
            (items, parked.len()),
            (2, 1),
            "{start}: {:?}",
            parked.iter().map(|one| &one.message).collect::<Vec<_>>()
        );
        assert!(parked[0].original.len() <= 64 << 10 && !parked[0].message.contains("still here"));
    }
}

#[test]
fn odd_values_are_kept_as_items() {
    let name = "n".repeat(10_000);
    for record in [
        "<sms address=\"\" date=\"1\" type=\"1\" body=\"a\" />".to_owned(),
        "<sms date=\"1\" type=\"999\" body=\"a\" />".to_owned(),
        "<sms address=\"null\" date=\"1\" type=\"null\" body=\"null\" />".to_owned(),
        "<sms address=\"1\" date=\"1\" type=\"1\" body=\"a\0b&#0;&#x110000;&#xD800;\" />".to_owned(),
        format!("<sms address=\"{name}\" date=\"1\" type=\"1\" body=\"a\" contact_name=\"{name}\" />"),
        "<call number=\"1\" date=\"1\" type=\"8\" duration=\"99999999999999999999\" />".to_owned(),
        "<rcs address=\"1\" date=\"1\" body=\"of the future\" />".to_owned(),
        "<mms address=\"1\" date=\"1\" msg_box=\"1\"><parts><part ct=\"image/png\" data=\"not base64!\" /></parts></mms>"
            .to_owned(),
    ] {
        id_of(&record);
    }
    let mut bytes = b"<smses count=\"1\"><sms address=\"1\" date=\"1\" type=\"1\" body=\"".to_vec();
    bytes.extend([0xff, 0xfe, 0x00]);
    bytes.extend(b"\" /></smses>");
    let whole = read::<SmsBackup>(&mut Shelf::file("inbox/s.xml", bytes), SETTINGS, "inbox/s.xml", 5).unwrap();
    assert_eq!(whole.items.len(), 1);
}

#[test]
fn what_is_no_backup_is_refused() {
    let utf16: Vec<u8> = "<smses count=\"0\"/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, code) in [
        (utf16, "encoding-unknown"),
        (b"<?xml version='1.0' encoding='UTF-16'?><smses/>".to_vec(), "encoding-unknown"),
        (b"<html></html>".to_vec(), "not-a-backup"),
        (b"".to_vec(), "not-a-backup"),
        (b"no XML at all".to_vec(), "not-a-backup"),
    ] {
        let refused = read::<SmsBackup>(&mut Shelf::file("inbox/s.xml", bytes), SETTINGS, "inbox/s.xml", 5);
        assert_eq!(refused.err().map(|error| error.code).as_deref(), Some(code));
    }
}
