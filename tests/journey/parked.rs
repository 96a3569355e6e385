//! Mending what parked copies lack, trying them again, and giving up on the rest.

use std::{collections::BTreeSet, fs};

use world::{Expectation, MAILBOX_UNKNOWN, UNMAPPED};

use crate::support::{
    files, shared, truth,
    world::{CONNECTOR, Counts, DOMAIN, World},
};

/// The mailbox that the mended mapping gives to somebody who had none.
fn mended_mailbox(phone: &str) -> String {
    format!("mended.{phone}@{DOMAIN}")
}

/// Adds a row for everybody whose copies are parked for `reason`; returns their numbers.
fn mend_mapping(world: &World, reason: &str) -> BTreeSet<String> {
    let persons: BTreeSet<String> = world
        .story()
        .expectations()
        .flat_map(|expectation| expectation.parked)
        .filter(|parked| parked.reason == reason)
        .map(|parked| parked.person)
        .collect();
    let mut csv = fs::read_to_string(world.path("mapping.csv")).unwrap();
    for phone in &persons {
        csv.push_str(&format!("{phone},{}\n", mended_mailbox(phone)));
    }
    fs::write(world.path("mapping.csv"), csv).unwrap();
    persons
}

/// What must have become of everything after these people got mailboxes.
fn mended(world: &World, persons: &BTreeSet<String>) -> Vec<Expectation> {
    let mended = world.story().expectations().map(|mut expectation| {
        for parked in std::mem::take(&mut expectation.parked) {
            if persons.contains(&parked.person) {
                expectation.mailboxes.insert(mended_mailbox(&parked.person));
                expectation.parked_whole = None;
            } else {
                expectation.parked.push(parked);
            }
        }
        expectation
    });
    mended.collect()
}

fn copies_of(persons: &BTreeSet<String>, world: &World) -> u64 {
    let parked = world.story().expectations().flat_map(|expectation| expectation.parked);
    parked.filter(|parked| persons.contains(&parked.person)).count() as u64
}

#[test]
fn a_retry_delivers_what_was_missing_and_nothing_else() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let persons = mend_mapping(&world, UNMAPPED);
    let check = world.done(&["mapping", "check", "mapping.csv"]);
    for phone in &persons {
        assert!(check.stdout.contains(&mended_mailbox(phone)), "the check shows the new rows\n{check}");
    }
    let freed = copies_of(&persons, &world);
    assert!(freed > 1, "the story has unmapped people");

    let retried = world.done(&["parked", "retry", CONNECTOR]);
    assert!(retried.stdout.contains(&format!("{freed} delivered")), "{retried}");

    let expected = mended(&world, &persons);
    truth::expect_mail(world.story(), &expected, &world.mails());
    archived.mail.expect_kept(&world.mail_files(), "a retry");
    let added = archived.mail.added_in(&world.mail_files()).len() as u64;
    let folders = persons.len() as u64; // Each new mailbox brings the marker of its folder.
    assert_eq!(added, freed + folders, "nothing else was written");
    let left: BTreeSet<_> = world
        .parked()
        .into_iter()
        .map(|row| (row.source_user, row.reason))
        .filter(|(user, _)| !user.is_empty())
        .collect();
    let planted = truth::planted(&expected).into_iter().map(|(_, user, reason)| (user, reason));
    assert_eq!(left, planted.filter(|(user, _)| !user.is_empty()).collect());

    let counts = world.counts();
    counts.expect_balance();
    expect_moved(&archived.counts, &counts, freed);
    let settled = |expected: &[Expectation]| expected.iter().filter(|item| item.is_settled()).count() as u64;
    assert_eq!(counts.item("delivered"), settled(&expected));
    world.done(&["ledger", "verify"]);

    // A second retry finds nothing to do, and a turn brings nothing twice.
    let mail = world.mail_files();
    world.done(&["parked", "retry", CONNECTOR]);
    world.sync();
    mail.expect_same(&world.mail_files(), "after a second retry");
    assert_eq!(world.counts().without_seen(), counts.without_seen());
}

/// Copies moved from failed to imported (or partial), and nothing else did.
fn expect_moved(before: &Counts, after: &Counts, moved: u64) {
    assert_eq!(after.copy("available"), before.copy("available"));
    assert_eq!(after.copy("failed") + moved, before.copy("failed"));
    let arrived = |counts: &Counts| counts.copy("imported") + counts.copy("partial");
    assert_eq!(arrived(after), arrived(before) + moved);
    assert_eq!(after.copy("skipped") + after.copy("pending"), 0);
    assert_eq!(after.item("fetched"), before.item("fetched"));
}

#[test]
fn a_retry_of_one_reason_leaves_the_others() {
    let archived = shared::archived();
    let world = archived.after.copy();
    mend_mapping(&world, UNMAPPED);
    let ran = world.done(&["parked", "retry", CONNECTOR, "--reason", MAILBOX_UNKNOWN]);
    assert!(ran.stdout.contains(": 0 delivered"), "{ran}");
    archived.mail.expect_same(&world.mail_files(), "a retry of what was not mended");
    assert_eq!(world.parked(), archived.parked, "everything is still parked");
}

#[test]
fn giving_up_needs_a_reason_that_stands_in_the_record() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let refused: [&[&str]; 4] = [
        &["parked", "discard", CONNECTOR, "--reason", MAILBOX_UNKNOWN],
        &["parked", "discard", CONNECTOR, "--reason", MAILBOX_UNKNOWN, "--because", ""],
        &["parked", "discard", CONNECTOR, "--reason", MAILBOX_UNKNOWN, "--because", "  "],
        &["parked", "discard", CONNECTOR, "--because", "tidying up"],
    ];
    let before = world.parked();
    for arguments in refused {
        world.run(arguments).expect(2);
        assert_eq!(world.parked(), before, "{arguments:?}");
    }

    let gone = before.iter().filter(|row| row.reason == MAILBOX_UNKNOWN).count() as u64;
    assert!(gone > 0);
    let because = "left the company in May, told by HR";
    let discard = ["parked", "discard", CONNECTOR, "--reason", MAILBOX_UNKNOWN, "--because", because];
    let ran = world.done(&discard);
    assert!(ran.stdout.contains(&format!("discarded {gone}")), "{ran}");
    let left: Vec<_> = before.iter().filter(|row| row.reason != MAILBOX_UNKNOWN).cloned().collect();
    assert_eq!(world.parked(), left);
    archived.mail.expect_same(&world.mail_files(), "giving up sends nothing");
    let counts = world.counts();
    counts.expect_balance();
    assert_eq!(counts.item("fetched"), archived.counts.item("fetched"));
    world.done(&["ledger", "verify"]);

    // It does not come back, neither by a retry nor by a turn.
    world.done(&["parked", "retry", CONNECTOR]);
    world.sync();
    assert_eq!(world.parked(), left);
    assert_eq!(world.counts().without_seen(), counts.without_seen());
    archived.mail.expect_same(&world.mail_files(), "what was given up stays so");
}

#[test]
fn showing_what_is_parked_keeps_its_text_to_itself() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let expected: Vec<Expectation> = world.story().expectations().collect();
    for row in world.parked() {
        let shown = world.done(&["parked", "show", CONNECTOR, &row.item.to_string()]);
        assert!(shown.stdout.contains(&row.source_id) && shown.stdout.contains(&row.reason), "{shown}");
        let of = expected.iter().find(|item| row.source_id.contains(&item.key)).unwrap();
        if let Some(marker) = &of.marker {
            assert!(!shown.stdout.contains(marker) && !shown.stderr.contains(marker), "{shown}");
        }
    }
    let csv = world.done(&["parked", "list", CONNECTOR, "--csv"]).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().get(2), Some("reason"));
    assert_eq!(reader.records().map(Result::unwrap).count(), world.parked().len());
    let nothing = world.run(&["parked", "show", CONNECTOR, "999999"]);
    assert!(nothing.code == Some(1) || nothing.code == Some(2), "{nothing}");
    assert!(nothing.stderr.contains("error: "), "{nothing}");
}

#[test]
fn a_file_of_the_same_name_with_other_bytes_is_never_taken_for_the_mail() {
    let archived = shared::archived();
    let world = archived.before.copy();
    // One mail of the undisturbed run, found by its place: the mailbox holds something else there.
    let whole = files::paths_below(&archived.after.path("mail"));
    let mail = whole.iter().find(|path| path.to_string_lossy().contains("/new/")).unwrap();
    let place = world.path("mail").join(mail.strip_prefix(archived.after.path("mail")).unwrap());
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "something else").unwrap();
    world.sync();
    let conflicts = || world.parked().iter().filter(|parked| parked.reason == "mailbox-conflict").count();
    assert_eq!(conflicts(), 1);
    world.done(&["parked", "retry", CONNECTOR, "--reason", "mailbox-conflict"]);
    assert_eq!(conflicts(), 1, "it is still there");
    assert_eq!(fs::read_to_string(&place).unwrap(), "something else");
    fs::remove_file(&place).unwrap();
    world.done(&["parked", "retry", CONNECTOR, "--reason", "mailbox-conflict"]);
    assert_eq!(conflicts(), 0);
    archived.expect_same_end(&world, "after the file was moved away");
}
