//! Golden cases from end to end: every folder of `cases/` is an installation before its first turn, with what must come
//! of it beside it.
//!
//! `chancery.toml` and whatever it names (a folder whose name ends in `.zip` stands for an archive of what is in it), and
//! `expected.txt`: the counts, what is parked, and each mail as a reader sees it. `UPDATE_CASES=1` writes what came out.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use mail_parser::MimeHeaders as _;

use crate::support::{
    deliveries,
    exports::{Counts, Installation, date_seconds, expect_file, head},
    files::{children, name, paths_below},
    mail::Mail,
};

/// Fields of a mail's head that a case shows.
const FIELDS: &[&str] =
    &["Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "X-Chancery-Event", "X-Chancery-Conversation"];

#[test]
fn every_case_comes_to_what_is_expected() {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/cases"].iter().collect();
    let cases = children(&root);
    assert!(cases.len() >= 5, "the cases are there");
    for case in cases {
        let installation = Installation::new(&[]);
        lay(&installation, &case, "");
        let shown = run(&installation);
        expect_file(&case.join("expected.txt"), &shown);
    }
}

/// Copies a case's files into an installation, and packs what stands for an archive.
fn lay(installation: &Installation, from: &Path, to: &str) {
    for path in children(from) {
        let target = format!("{to}{}", name(&path));
        if name(&path) == "expected.txt" {
            continue;
        } else if path.is_dir() && target.ends_with(".zip") {
            let inside = |file: &PathBuf| file.strip_prefix(&path).unwrap().to_string_lossy().into_owned();
            let files = paths_below(&path).into_iter().map(|file| (inside(&file), content(&file)));
            installation.put(&target, deliveries::zip(files));
        } else if path.is_dir() {
            lay(installation, &path, &format!("{target}/"));
        } else {
            installation.put(&target, content(&path));
        }
    }
}

/// A file's bytes; mails and manifests are kept with LF and used with CRLF.
fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let has_line_ends = matches!(path.extension().and_then(|ending| ending.to_str()), Some("eml" | "mf"));
    if !has_line_ends {
        return bytes;
    }
    String::from_utf8(bytes).unwrap().replace('\n', "\r\n").into_bytes()
}

/// One turn, and everything that people see of it; a second turn must bring nothing.
fn run(installation: &Installation) -> String {
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    let mut shown = String::new();
    for (name, outcome) in &outcomes {
        assert_eq!(outcome.error, None, "{ran}");
        let _infallible =
            writeln!(shown, "{name}: items {}; copies {}", counts(&outcome.items), counts(&outcome.copies));
        for row in installation.parked(name) {
            let _infallible = writeln!(shown, "parked ({}): {}\n  hint: {}", row.reason, row.message, row.hint);
        }
    }
    let mails = installation.mails();
    shown.extend(in_mailboxes(&mails));

    let (ran, again) = installation.sync(&[]);
    ran.expect(0);
    assert!(again.values().all(|outcome| outcome.item("fetched") == 0), "a second turn brings nothing: {ran}");
    assert_eq!(installation.mails().len(), mails.len());
    installation.done(&["ledger", "verify"]);
    shown
}

fn counts(counts: &Counts) -> String {
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Each mail once, by time, with the mailboxes that hold it: the same bytes in every one.
fn in_mailboxes(mails: &[Mail]) -> Vec<String> {
    let mut holders: BTreeMap<(i64, &[u8]), Vec<String>> = BTreeMap::new();
    for mail in mails {
        let holder = format!("{} / {}", mail.mailbox, mail.folder);
        holders.entry((date_seconds(mail), &mail.bytes)).or_default().push(holder);
    }
    let of = |bytes: &[u8]| mails.iter().find(|mail| mail.bytes == bytes).map(mail).unwrap_or_default();
    holders.into_iter().map(|((_, bytes), holders)| format!("\n== {}\n{}", holders.join(", "), of(bytes))).collect()
}

/// A mail as a reader sees it, without the facts below the line, which the converter's own cases show.
fn mail(mail: &Mail) -> String {
    let mut shown = String::new();
    for line in head(mail).iter().filter(|line| FIELDS.iter().any(|field| line.starts_with(&format!("{field}: ")))) {
        let _infallible = writeln!(shown, "{line}");
    }
    let message = mail.message();
    for part in message.attachments() {
        let (name, size) = (part.attachment_name().unwrap_or("-"), part.contents().len());
        let media_type = part.content_type().map_or_else(String::new, |media_type| {
            format!("{}/{}", media_type.ctype(), media_type.subtype().unwrap_or_default())
        });
        let _infallible = writeln!(shown, "file: {name} {media_type} {size} bytes");
    }
    let text = mail.text();
    let written = text.split("\n----------------------------------------\n").next().unwrap_or_default();
    shown + "\n" + written.trim_end() + "\n"
}
