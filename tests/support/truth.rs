//! Compares what was archived with what the story says must have become of each item.

use std::collections::{BTreeMap, BTreeSet};

use world::{Expectation, ExpectedFile, Story};

use super::{
    mail::{self, Mail},
    world::{Counts, FOLDER, Parked, World},
};

/// Fails unless every item of the story is in every mailbox it belongs to exactly once and whole, and everything else
/// is parked for the planted reason.
pub(crate) fn expect_archived(world: &World) {
    let expected: Vec<Expectation> = world.story().expectations().collect();
    expect_mail(world.story(), &expected, &world.mails());
    expect_parked(&expected, &world.parked());
}

/// Fails unless every item of the story is in every mailbox it belongs to exactly once and whole, with the others of its
/// conversation and day, and everything else is parked for the planted reason.
pub(crate) fn expect_archived_by_day(world: &World) {
    let expected: Vec<Expectation> = world.story().expectations().collect();
    expect_days(world.story(), &expected, &world.mails());
    expect_parked(&expected, &world.parked());
}

/// Fails unless each expected item is an entry of one mail of each of its mailboxes, and no mail has others.
pub(crate) fn expect_days(story: &Story, expected: &[Expectation], mails: &[Mail]) {
    let mut entries: BTreeMap<(&str, String), Vec<&Mail>> = BTreeMap::new();
    for mail in mails {
        for item in items_of(mail) {
            entries.entry((&mail.mailbox, item)).or_default().push(mail);
        }
    }
    let mut files_of: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for expectation in expected {
        for mailbox in &expectation.mailboxes {
            let found = entries.remove(&(mailbox, expectation.key.clone())).unwrap_or_default();
            let [mail] = found.as_slice() else {
                panic!("{} is in {} mails of {mailbox}", expectation.key, found.len())
            };
            let text = mail.text();
            assert_eq!(mail.folder, FOLDER);
            let marker = expectation.marker.as_ref();
            assert!(marker.is_none_or(|marker| text.contains(marker.as_str())), "{}: its text", expectation.key);
            let day = |seconds: i64| seconds.div_euclid(86_400);
            let date_s = mail.message().date().map(|date| date.to_timestamp()).expect("a mail has a date");
            assert_eq!(day(date_s), day(expectation.filed_ms.div_euclid(1000)), "{}: its day", expectation.key);
            let withheld = expectation.attachments.iter().filter(|file| file.withheld);
            let noticed = |file: &ExpectedFile| has_notice(&text.replace("\n    ", "\n"), &file.name);
            assert!(withheld.clone().all(noticed), "{}: no notice in\n{text}", expectation.key);
            files_of.entry(mailbox).or_default().extend(files(story, expectation));
        }
    }
    assert!(entries.is_empty(), "{:?} belong nowhere", entries.keys());
    for (mailbox, mut wanted) in files_of {
        wanted.sort_by(|one, other| one.1.cmp(&other.1));
        let mails = mails.iter().filter(|mail| mail.mailbox == mailbox);
        let mut found: Vec<(String, String)> = mails.flat_map(Mail::attachments).collect();
        found.sort_by(|one, other| one.1.cmp(&other.1));
        let hashes = |files: &[(String, String)]| files.iter().map(|(_, sha256)| sha256.clone()).collect::<Vec<_>>();
        assert_eq!(hashes(&found), hashes(&wanted), "the files of {mailbox}");
    }
}

/// The ids of a digest's entries, from the facts at its end.
pub(crate) fn items_of(mail: &Mail) -> Vec<String> {
    let text = mail.text();
    let (_, facts) = text.rsplit_once("\n----------------------------------------\n").expect("facts below a rule");
    let ids = facts.lines().filter_map(|line| line.strip_prefix("    Item: "));
    ids.map(|id| id.split(", revision ").next().unwrap_or_default().to_owned()).collect()
}

/// Fails unless the mails are exactly the expected ones.
pub(crate) fn expect_mail(story: &Story, expected: &[Expectation], mails: &[Mail]) {
    let mut problems = Vec::new();
    let mut by_copy = mail::by_copy(mails);
    for expectation in expected {
        for mailbox in &expectation.mailboxes {
            let found = by_copy.remove(&(mailbox.clone(), expectation.key.clone())).unwrap_or_default();
            match found.as_slice() {
                [mail] => {
                    let wrong = problems_of(story, expectation, mail);
                    problems.extend(
                        wrong.into_iter().map(|problem| format!("{} in {mailbox}: {problem}", expectation.key)),
                    );
                }
                _ => problems.push(format!("{} is {} times in {mailbox}", expectation.key, found.len())),
            }
        }
    }
    problems.extend(by_copy.keys().map(|(mailbox, item)| format!("{item} does not belong into {mailbox}")));
    assert!(problems.is_empty(), "{} problems, such as {:#?}", problems.len(), &problems[..problems.len().min(8)]);
}

fn problems_of(story: &Story, expected: &Expectation, mail: &Mail) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    let text = mail.text();
    let date_s = mail.message().date().map(|date| date.to_timestamp());
    check(mail.folder == FOLDER, "wrong folder");
    check(mail.field("X-Chancery-Event") == expected.event, "wrong event");
    check(date_s == Some(expected.filed_ms.div_euclid(1000)), "wrong date");
    check(expected.marker.as_ref().is_none_or(|marker| text.contains(marker.as_str())), "its text is not there");
    let withheld: Vec<&ExpectedFile> = expected.attachments.iter().filter(|file| file.withheld).collect();
    check(withheld.iter().all(|file| has_notice(&text, &file.name)), "no notice stands for a missing file");
    let (found, planned) = (mail.attachments(), files(story, expected));
    let same = |((found, sha256), (name, planned)): (&(String, String), &(String, String))| {
        sha256 == planned && is_name(found, name)
    };
    if found.len() != planned.len() || !found.iter().zip(&planned).all(same) {
        problems.push(format!("attachments {found:?} instead of {planned:?}"));
    }
    problems
}

/// The name as sent, or one that is too long for a header and was cut in the middle.
pub(crate) fn is_name(found: &str, sent: &str) -> bool {
    match found.split_once('…') {
        Some((head, tail)) if found != sent => {
            found.chars().count() >= 100 && sent.starts_with(head) && sent.ends_with(tail)
        }
        _ => found == sent,
    }
}

/// A line that says that the file is not there.
fn has_notice(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        (line.starts_with("Attachment not included: ") || line.starts_with("Attachment missing: "))
            && line.contains(name)
    })
}

/// Names and SHA-256 of the files that must be there, sorted.
pub(crate) fn files(story: &Story, expected: &Expectation) -> Vec<(String, String)> {
    let present = expected.attachments.iter().filter(|file| !file.withheld);
    let mut files: Vec<(String, String)> = present
        .map(|file| (file.name.clone(), story.attachment(&file.id).expect("the site has the file").sha256()))
        .collect();
    files.sort();
    files
}

/// Fails unless exactly the planted copies and items are parked, each for its reason and with a hint.
pub(crate) fn expect_parked(expected: &[Expectation], parked: &[Parked]) {
    let key_of = |row: &Parked| {
        // What a source could not read has an id of the source's making that contains the item's key.
        let keys = expected.iter().map(|expectation| &expectation.key).filter(|key| row.source_id.contains(*key));
        let keys: Vec<&String> = keys.collect();
        assert_eq!(keys.len(), 1, "{row:?}");
        keys[0].clone()
    };
    let found: BTreeSet<(String, String, String)> =
        parked.iter().map(|row| (key_of(row), row.source_user.clone(), row.reason.clone())).collect();
    assert_eq!(found.len(), parked.len(), "something is parked twice: {parked:#?}");
    assert_eq!(found, planted(expected));
    for row in parked {
        assert!(!row.message.is_empty() && !row.hint.is_empty(), "{row:?}");
    }
}

/// Key, participant and reason of everything that must be parked.
pub(crate) fn planted(expected: &[Expectation]) -> BTreeSet<(String, String, String)> {
    let mut planted = BTreeSet::new();
    for Expectation { key, parked, parked_whole, .. } in expected {
        for copy in parked {
            planted.insert((key.clone(), copy.person.clone(), copy.reason.to_owned()));
        }
        if let (Some(reason), []) = (parked_whole, parked.as_slice()) {
            planted.insert((key.clone(), String::new(), (*reason).to_owned()));
        }
    }
    planted
}

/// Fails unless the counts of everything that was read balance and are the story's.
pub(crate) fn expect_counts(counts: &Counts, story: &Story) {
    counts.expect_balance();
    let (start_ms, end_ms) = story.span_ms();
    let totals = story.totals(start_ms, end_ms);
    let parked_copies: usize = story.expectations().map(|expectation| expectation.parked.len()).sum();
    let parked_copies = parked_copies as u64;
    let expect = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let items = [
        ("fetched", totals.deliveries),
        ("delivered", totals.items_settled),
        ("parked", totals.items_parked),
        ("duplicate", totals.duplicates),
        ("excluded", 0),
    ];
    let copies = [
        ("available", totals.copies + parked_copies),
        ("imported", totals.copies - totals.copies_partial),
        ("partial", totals.copies_partial),
        ("skipped", 0),
        ("failed", parked_copies),
        ("pending", 0),
    ];
    let counts = counts.without_seen();
    assert_eq!((counts.items, counts.copies), (expect(&items), expect(&copies)));
}
