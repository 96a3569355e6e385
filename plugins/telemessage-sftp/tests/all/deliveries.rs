//! A delivery as a whole: manifest, pages, the folder.

use kit::{
    ErrorKind, PluginKind, ReadingMode, Source,
    source::{PullRequest, Reading},
};
use telemessage_sftp::TelemessageSftp;

use crate::{
    mails::PLAIN,
    shelf::{SETTINGS, Shelf, ZIP},
};

#[test]
fn nothing_is_taken_when_the_manifest_disagrees() {
    let good = Shelf::of(&[PLAIN, PLAIN, PLAIN]).zips[ZIP].clone();
    type Change = fn(&mut Vec<(String, Vec<u8>)>);
    let cases: [(&str, Change); 8] = [
        ("expected 3 mails, found 2; missing `mail-2.eml`", |entries| {
            entries.remove(1);
        }),
        ("empty `mail-2.eml`", |entries| entries[1].1.clear()),
        ("missing `mail-2.eml`; not listed `Mail-2.eml`", |entries| entries[1].0 = "Mail-2.eml".into()),
        ("expected 3 mails, found 4; not listed `more.eml`", |entries| {
            entries.push(("more.eml".into(), b"x".to_vec()));
        }),
        ("not listed `photo.jpg`", |entries| entries.push(("photo.jpg".into(), b"x".to_vec()))),
        ("it has no manifest (`.mf`)", |entries| {
            entries.pop();
        }),
        ("it has 2 manifests (`.mf`)", |entries| entries.push(("b.MF".into(), b"Count: 0".to_vec()))),
        ("it has no `Count:`", |entries| entries[3].1 = Vec::new()),
    ];
    for (what, change) in cases {
        let mut entries = good.clone();
        change(&mut entries);
        let mut shelf = Shelf::default().with(entries);
        let error = shelf.pull(None, 100).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "manifest-mismatch"), "{what}");
        assert!(error.message.contains(what) && error.message.contains(ZIP), "{what}: {}", error.message);
        assert!(error.message.len() <= 1024 && error.hint.is_some());
    }
}

#[test]
fn a_manifest_names_what_lies_beside_it() {
    let mut entries = Shelf::of(&[PLAIN]).zips[ZIP].clone();
    for (name, _) in &mut entries {
        *name = format!("export/{name}");
    }
    assert_eq!(Shelf::default().with(entries).pull(None, 10).unwrap().items.len(), 1);
}

#[test]
fn an_empty_delivery_is_one() {
    let page = Shelf::of(&[]).pull(None, 10).unwrap();
    assert_eq!((page.items.len(), page.cursor, page.progress), (0, None, Some(1000)));
}

#[test]
fn pages_follow_each_other_by_cursor_alone() {
    let mails: Vec<String> = (0..7).map(|n| PLAIN.replace("<m1@", &format!("<m{n}@"))).collect();
    let mails: Vec<&str> = mails.iter().map(String::as_str).collect();
    let mut ids = Vec::new();
    let mut progress = Vec::new();
    let mut cursor = None;
    loop {
        let page = Shelf::of(&mails).pull(cursor.clone(), 3).unwrap();
        assert_eq!(Shelf::of(&mails).pull(cursor, 3).unwrap(), page, "asked again, the same");
        ids.extend(page.items.into_iter().map(|item| item.id));
        progress.extend(page.progress);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..7).map(|n| format!("m{n}@telemessage.example")).collect();
    assert_eq!((ids, progress), (expected, vec![428, 857, 1000]));
}

#[test]
fn a_page_ends_before_it_is_too_heavy() {
    let heavy = PLAIN.replace("Hello Ben", &"x".repeat(9 << 20));
    let mut shelf = Shelf::of(&[&heavy, &heavy, PLAIN]);
    let page = shelf.pull(None, 100).unwrap();
    assert_eq!((page.items.len(), page.cursor), (1, Some(vec![1, 0, 0, 0, 1, 0, 0, 0, 3])));
    assert_eq!(shelf.pull(Some(vec![1, 0, 0, 0, 1, 0, 0, 0, 3]), 100).unwrap().items.len(), 2);
}

#[test]
fn a_zip_that_changed_under_way_is_refused() {
    let error = Shelf::of(&[PLAIN, PLAIN]).pull(Some(vec![1, 0, 0, 0, 1, 0, 0, 0, 3]), 1).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "file-changed"));
    let request =
        PullRequest { reading: Reading::Since, account: "a".into(), bookmark: None, cursor: None, max_items: 1 };
    let error = TelemessageSftp::pull(&mut Shelf::default(), SETTINGS, request).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Misconfigured, "reading-unknown"));
}

#[test]
fn check_tells_of_missing_numbers() {
    let mut shelf = Shelf::default();
    for name in [
        "202611020000-TeleMessage_1_1.zip",
        "202611020000-TeleMessage_3_1.zip",
        "202611030000-TeleMessage_1_1.zip",
        "chat.zip",
        "readme.txt",
    ] {
        shelf.zips.insert(format!("inbox/{name}"), Vec::new());
    }
    let account = TelemessageSftp::check(&mut shelf, SETTINGS).unwrap();
    assert_eq!(account.id, "telemessage");
    assert_eq!(
        account.findings,
        [
            "deliveries: 3, of 2 days",
            "zip files not named as a delivery: 1; they are read if they have a manifest",
            "warning: day 20261102: no file between number 1 and number 3",
        ]
    );
}

#[test]
fn the_descriptor_is_complete() {
    let descriptor = TelemessageSftp::describe();
    let PluginKind::Source(traits) = descriptor.kind else { panic!("a source") };
    assert_eq!((descriptor.name.as_str(), traits.reading), ("telemessage-sftp", ReadingMode::Whole));
    assert_eq!(
        (traits.folder_setting.as_deref(), traits.file_endings.as_slice()),
        (Some("path"), &[".zip".to_owned()][..])
    );
    assert_eq!(TelemessageSftp::roster(&mut Shelf::default(), SETTINGS), Ok(None));
}
