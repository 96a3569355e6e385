//! Mailboxes that people changed: what is found of it, and what a repair does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::support::{
    files::Files,
    program::Running,
    reconciled::{self, Copy, Finding, count, findings, repair},
    shared,
    world::{CONNECTOR, FOLDER, World},
};

/// A delivered copy with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivered {
    copy: Copy,
    file: PathBuf,
}

impl Deref for Delivered {
    type Target = Copy;

    fn deref(&self) -> &Copy {
        &self.copy
    }
}

/// The delivered copies by mailbox, each with its file.
fn delivered(world: &World) -> BTreeMap<String, Vec<Delivered>> {
    let mut by_mailbox: BTreeMap<String, Vec<Delivered>> = BTreeMap::new();
    let mut files: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for copy in reconciled::delivered(world) {
        let files = files.entry(copy.mailbox.clone()).or_insert_with(|| by_sha256(&folder(world, &copy.mailbox)));
        let file = files[&copy.sha256].clone();
        by_mailbox.entry(copy.mailbox.clone()).or_default().push(Delivered { copy, file });
    }
    by_mailbox
}

fn folder(world: &World, mailbox: &str) -> PathBuf {
    world.path("mail").join(mailbox).join(format!(".{FOLDER}"))
}

fn by_sha256(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = ["new", "cur"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    let files = entries.map(|entry| entry.unwrap().path());
    let hash = |path: &PathBuf| -> String {
        Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    files.map(|path| (hash(&path), path)).collect()
}

/// The mailbox with the most copies.
fn busiest(world: &World) -> Vec<Delivered> {
    let copies = delivered(world).into_values().max_by_key(Vec::len).unwrap();
    assert!(copies.len() >= 8, "{copies:?}");
    copies
}

/// One byte of the last line becomes another.
fn alter(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn each_change_is_found_and_the_lost_mail_alone_comes_back() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let clean = world.done(&["reconcile", CONNECTOR, "--json"]);
    assert_eq!(findings(&clean), BTreeSet::new());
    let counts = world.counts();
    assert_eq!(count(&clean, "found"), counts.copy("imported") + counts.copy("partial"));
    let mails = busiest(&world);
    let [lost, altered, moved, doubled, put_back, erased, kept, ..] = mails.as_slice() else { unreachable!() };

    let original = fs::read(&lost.file).unwrap();
    fs::remove_file(&lost.file).unwrap();
    alter(&altered.file);
    let mailbox = world.path("mail").join(&moved.mailbox);
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(mailbox.join(".Private").join(part)).unwrap();
    }
    fs::rename(&moved.file, mailbox.join(".Private/cur/1700000000.M1P1.host:2,S")).unwrap();
    fs::copy(&doubled.file, folder(&world, &doubled.mailbox).join("cur/1700000000.M2P1.host:2,")).unwrap();
    // A mail reader that files mail from `new` to `cur` changes nothing.
    let name = kept.file.file_name().unwrap().to_str().unwrap();
    fs::rename(&kept.file, folder(&world, &kept.mailbox).join(format!("cur/{name}:2,S"))).unwrap();
    for item in [put_back, erased] {
        world.done(&["erase", CONNECTOR, &item.item.to_string(), "--reason", "request 3"]);
    }
    // The erased item's other copies stay where they are; this one somebody deleted.
    fs::remove_file(&erased.file).unwrap();

    let ran = reconciled::reconcile(&world);
    ran.expect(1);
    let mut expected =
        BTreeSet::from([lost.is("missing"), altered.is("altered"), moved.is("moved"), doubled.is("doubled")]);
    let is_of = |item: &Delivered, row: &Finding| row.1 == item.item;
    let (of_erased, rest): (BTreeSet<_>, BTreeSet<_>) =
        findings(&ran).into_iter().partition(|row| is_of(put_back, row) || is_of(erased, row));
    assert_eq!(rest, expected, "{ran}");
    assert!(of_erased.contains(&put_back.is("erased-but-present")), "{ran}");
    assert!(
        of_erased.iter().all(|row| row.3 == "erased-but-present" && row.0 != erased.mailbox || is_of(put_back, row)),
        "{ran}"
    );
    assert_eq!(count(&ran, "erased"), 1, "{ran}");
    let words = world.run(&["reconcile", CONNECTOR]);
    words.expect(1);
    assert!(words.stdout.contains(&format!("missing: item {} copy {}", lost.item, lost.copy.copy)), "{words}");
    assert!(words.stdout.contains("hint: `chancery reconcile whatsapp --repair"), "{words}");
    assert!(words.stdout.contains("they were last read back at"), "{words}");

    let before = Files::below(&world.path("mail"));
    let ran = repair(&world);
    // What was altered is still altered, and that is a failure.
    ran.expect(1);
    assert_eq!(count(&ran, "repaired"), 1, "{ran}");
    let after = Files::below(&world.path("mail"));
    before.expect_kept(&after, "a repair");
    assert_eq!(before.added_in(&after).len(), 1, "one mail was written");
    let file = folder(&world, &lost.mailbox).join("new").join(lost.file.file_name().unwrap());
    assert_eq!(fs::read(file).unwrap(), original, "byte for byte");

    expected.remove(&lost.is("missing"));
    let ran = reconciled::reconcile(&world);
    let rest: BTreeSet<_> = findings(&ran).into_iter().filter(|row| !of_erased.contains(row)).collect();
    assert_eq!(rest, expected, "the second time it is there");
    assert_eq!(count(&repair(&world), "repaired"), 0, "nothing is left to repair");
    after.expect_same(&Files::below(&world.path("mail")), "a second repair");
    let synced = world.sync();
    assert_eq!((synced.item("fetched"), synced.copy("available")), (0, 0), "{synced:?}");
    after.expect_same(&Files::below(&world.path("mail")), "a turn afterwards");

    // The record: counts as before, one more act, and it all verifies and is rebuilt to the same.
    assert_eq!(world.counts().without_seen(), counts.without_seen());
    world.done(&["ledger", "verify"]);
    let shown = world.done(&["parked", "show", CONNECTOR, &lost.item.to_string()]);
    assert!(shown.stdout.contains("case 12"), "{shown}");
    world.done(&["state", "rebuild"]);
    assert_eq!(world.counts().without_seen(), counts.without_seen());
    let ran = reconciled::reconcile(&world);
    let rest: BTreeSet<_> = findings(&ran).into_iter().filter(|row| !of_erased.contains(row)).collect();
    assert_eq!(rest, expected, "the index says the same when it is built anew");
    world.done(&["ledger", "bundle", CONNECTOR, "--window", "2000-01-01..2090-01-01", "--out", "bundle"]);
    let summary = fs::read_to_string(world.path("bundle/summary.txt")).unwrap();
    let line = format!("written again: copy {} of item {}, at ", lost.copy.copy, lost.item);
    assert!(summary.contains(&line) && summary.contains("case 12 (written)"), "{summary}");
}

#[test]
fn a_death_in_a_repair_doubles_nothing() {
    let archived = shared::archived();
    for (place, written) in [("repair:intended", false), ("repair:written", true)] {
        let world = archived.after.copy();
        let lost = busiest(&world).swap_remove(0);
        fs::remove_file(&lost.file).unwrap();
        let mut command = world.command(&["reconcile", CONNECTOR, "--repair", "--reason", "case 12"]);
        command.env("CHANCERY_KILL_AT", place);
        Running::start(command).finish().expect_killed();
        assert_eq!(lost.file.exists(), written, "{place}");
        let ran = repair(&world);
        ran.expect(0);
        assert_eq!(count(&ran, "repaired"), u64::from(!written), "{place}\n{ran}");
        archived.mail.expect_same(&world.mail_files(), place);
        let ran = world.done(&["reconcile", CONNECTOR, "--json"]);
        assert_eq!(findings(&ran), BTreeSet::new(), "{place}");
        world.done(&["ledger", "verify"]);
    }
}

#[test]
fn what_is_not_staged_any_more_comes_from_another_mailbox_or_the_source() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let all = delivered(&world);
    let mailboxes_of = |item: u64| all.values().flatten().filter(|copy| copy.item == item).count();
    let mut single = all.values().flatten().filter(|copy| mailboxes_of(copy.item) == 1);
    let alone = single.next().expect("an item with one copy");
    let shared = all.values().flatten().find(|copy| mailboxes_of(copy.item) > 1).expect("an item with two copies");
    fs::remove_file(&alone.file).unwrap();
    fs::remove_file(&shared.file).unwrap();
    // The days that staged pages are kept are over, and the site does not answer.
    let text = fs::read_to_string(world.path("chancery.toml")).unwrap();
    fs::write(world.path("chancery.toml"), format!("{text}\n[stage]\nkeep_days = 0\n")).unwrap();
    world.done(&["stage", "purge"]);
    world.set_password("wrong");
    let ran = repair(&world);
    ran.expect(1);
    assert_eq!(count(&ran, "repaired"), 1, "{ran}");
    assert!(shared.file.exists() && !alone.file.exists(), "what another mailbox has came back");
    assert!(ran.stdout.contains("\"code\": \"login-refused\""), "{ran}");

    world.set_password(&world.story().credentials().password);
    let ran = repair(&world);
    ran.expect(0);
    assert_eq!(count(&ran, "repaired"), 1, "{ran}");
    archived.mail.expect_same(&world.mail_files(), "what the source was asked for again");
    world.done(&["ledger", "verify"]);
    let synced = world.sync();
    assert_eq!((synced.item("fetched"), synced.copy("available")), (0, 0), "{synced:?}");
}

#[test]
fn other_bytes_than_were_delivered_are_never_written() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let all = delivered(&world);
    let mailboxes_of = |item: u64| all.values().flatten().filter(|copy| copy.item == item).count();
    let alone = all.values().flatten().find(|copy| mailboxes_of(copy.item) == 1).expect("an item with one copy");
    fs::remove_file(&alone.file).unwrap();
    let text = fs::read_to_string(world.path("chancery.toml")).unwrap();
    let text = text.replace("plugin = \"email\"", "plugin = \"email\", settings = { html = false }");
    fs::write(world.path("chancery.toml"), text).unwrap();
    let ran = repair(&world);
    ran.expect(1);
    assert!(ran.stdout.contains("repair-differs"), "{ran}");
    let mut expected = archived.mail.clone();
    assert!(expected.forget(world.path("mail"), &alone.file));
    expected.expect_same(&world.mail_files(), "a repair that has other bytes");
    // A repair needs a reason, and a mailbox that is gone does not keep the others from being judged.
    world.run(&["reconcile", CONNECTOR, "--repair"]).expect(2);
    world.run(&["reconcile", CONNECTOR, "--repair", "--reason", " "]).expect(2);
    world.run(&["reconcile", CONNECTOR, "--destination", "imap"]).expect(2);
    world.run(&["reconcile", CONNECTOR, "--window", "2001-01-01..2001-01-02"]).expect(1);
    world.run(&["reconcile", CONNECTOR, "--destination", "maildir", "--json"]).expect(1);
    let gone = all.keys().find(|mailbox| **mailbox != alone.mailbox).unwrap();
    fs::remove_dir_all(world.path("mail").join(gone)).unwrap();
    let ran = reconciled::reconcile(&world);
    ran.expect(1);
    let document = ran.json();
    assert_eq!(document["not_judged"], 1, "{ran}");
    assert_eq!(document["judged"], all.len() as u64 - 1, "{ran}");
    assert!(ran.stdout.contains("mailbox-gone"), "{ran}");
}
