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
fn a_raised_limit_frees_what_was_too_large_and_the_secret_is_not_needed() {
    let archived = shared::archived();
    let world = archived.before.copy();
    let limit = |from: &str, to: &str| {
        let toml = fs::read_to_string(world.path("chancery.toml")).unwrap();
        assert!(toml.contains(from), "{toml}");
        fs::write(world.path("chancery.toml"), toml.replace(from, to)).unwrap();
    };
    // Not even the shortest message fits.
    limit("message_bytes_max = 614400", "message_bytes_max = 400");
    world.sync();
    let too_large =
        |world: &World| world.parked().iter().filter(|row| row.reason == "message-too-large").count() as u64;
    let parked = too_large(&world);
    assert!(parked > 100, "{parked}");
    assert_eq!(world.mails().len(), 0);

    fs::remove_file(world.path("archive-password")).unwrap();
    let rows = world.parked();
    let has_other_reasons = |item| rows.iter().any(|row| row.item == item && row.reason != "message-too-large");
    let row = rows.iter().find(|row| !has_other_reasons(row.item)).unwrap();
    let again = world.done(&["parked", "retry", CONNECTOR, "--item", &row.item.to_string()]);
    assert!(again.stdout.contains(": 0 delivered"), "the limit is what it was\n{again}");
    assert_eq!(too_large(&world), parked);

    limit("message_bytes_max = 400", "message_bytes_max = 614400");
    let one = world.done(&["parked", "retry", CONNECTOR, "--item", &row.item.to_string()]);
    let left = too_large(&world);
    assert!(left < parked && one.stdout.contains(&format!("{} delivered, 0 still parked", parked - left)), "{one}");
    assert_eq!(world.mails().len() as u64, parked - left, "that item and no other");

    let all = world.done(&["parked", "retry", CONNECTOR, "--reason", "message-too-large"]);
    assert!(all.stdout.contains(&format!("tried {left}: {left} delivered, 0 still parked")), "{all}");
    archived.mail.expect_same(&world.mail_files(), "everything is where it belongs");
    assert_eq!(world.counts().without_seen(), archived.counts.without_seen());
    world.done(&["ledger", "verify"]);
}

#[test]
fn an_item_is_retried_for_the_reason_that_was_named_and_no_other() {
    let archived = shared::archived();
    let world = archived.after.copy();
    // Somebody whose copy is parked beside a copy that is parked for another reason would tell; else all of a reason do.
    let persons = mend_mapping(&world, UNMAPPED);
    let unmapped = copies_of(&persons, &world);
    let all = world.parked().len() as u64;
    let ran = world.done(&["parked", "retry", CONNECTOR, "--reason", UNMAPPED]);
    assert!(ran.stdout.contains(&format!("{unmapped} delivered")), "{ran}");
    let of_other_reasons = archived.parked.iter().filter(|row| row.reason != UNMAPPED).count();
    assert_eq!(world.parked().iter().filter(|row| row.reason != UNMAPPED).count(), of_other_reasons);
    assert!((world.parked().len() as u64) < all);
}

#[test]
fn a_retry_that_is_interrupted_is_completed_by_the_next_turn() {
    let archived = shared::archived();
    let mended = archived.after.copy();
    mend_mapping(&mended, UNMAPPED);
    let undisturbed = mended.copy();
    undisturbed.done(&["parked", "retry", CONNECTOR]);
    for place in ["convert:converted", "deliver:intended", "deliver:written"] {
        for next in [&["sync"][..], &["parked", "retry", CONNECTOR]] {
            let world = mended.copy();
            let mut command = world.command(&["parked", "retry", CONNECTOR]);
            command.env("CHANCERY_KILL_AT", place);
            crate::support::program::Running::start(command).finish().expect_killed();
            world.counts().expect_balance();
            world.done(next);
            world.done(&["parked", "retry", CONNECTOR]);
            let what = format!("{place}, then {next:?}");
            undisturbed.mail_files().expect_same(&world.mail_files(), &what);
            assert_eq!(world.counts().copy("pending"), 0, "{what}");
            assert_eq!(world.parked(), undisturbed.parked(), "{what}");
            world.done(&["ledger", "verify"]);
        }
    }
}

#[test]
fn who_gave_up_on_an_item_and_why_can_be_looked_up() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let item = archived.parked.iter().find(|row| row.reason == MAILBOX_UNKNOWN).unwrap().item.to_string();
    let because = "left the company in May";
    let mut command = world.command(&["parked", "discard", CONNECTOR, "--item", &item, "--because", because]);
    command.env("USER", "vera");
    crate::support::program::Running::start(command).finish().expect(0);
    let shown = world.done(&["parked", "show", CONNECTOR, &item]);
    assert!(shown.stdout.contains("vera (uid ") && shown.stdout.contains(because), "{shown}");
    let ledger = fs::read_dir(world.path("data/ledger").join(CONNECTOR)).unwrap();
    for file in ledger.map(|entry| entry.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        let is_there = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!is_there(because) && !is_there("vera"), "{} has it in clear", file.display());
    }
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
