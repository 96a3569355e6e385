//! What waits between source and mailbox: listed, saved, kept for its days, purged, sealed with a new key.

use std::{collections::BTreeMap, fs, path::PathBuf};

use sha2::{Digest as _, Sha256};

use crate::support::{
    files::paths_below,
    shared,
    world::{CONNECTOR, World},
};

/// Objects and bytes by what they are needed for.
fn staged(world: &World) -> BTreeMap<String, (u64, u64)> {
    let listed = world.done(&["stage", "list", CONNECTOR, "--json"]).json();
    let rows = listed[0]["staged"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row["needed_for"].as_str().unwrap().to_owned()).or_default();
        sum.0 += row["pages"].as_u64().unwrap() + row["attachments"].as_u64().unwrap();
        sum.1 += row["bytes"].as_u64().unwrap();
    }
    sums
}

fn objects(world: &World) -> usize {
    paths_below(&world.path(&format!("data/stage/{CONNECTOR}"))).len()
}

fn keep_days(world: &World, days: u32) {
    let path = world.path("chancery.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}\n[stage]\nkeep_days = {days}\n")).unwrap();
}

#[test]
fn what_is_settled_is_kept_for_its_days_and_purged_on_demand() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let before = staged(&world);
    let words: Vec<&str> = before.keys().map(String::as_str).collect();
    assert_eq!(words, ["kept until", "left out of mailboxes", "parked"], "{before:?}");
    assert_eq!(before.values().map(|(objects, _)| objects).sum::<u64>() as usize, objects(&world));
    let text = world.done(&["stage", "list"]);
    assert!(text.stdout.contains("kept until 20") && text.stdout.contains("parked "), "{text}");

    let (kept, bytes) = before["kept until"];
    let purged = world.done(&["stage", "purge", CONNECTOR]);
    assert!(purged.stdout.contains(&format!("removed {kept} objects, {bytes} bytes")), "{purged}");
    let mut left = before.clone();
    left.remove("kept until");
    assert_eq!(staged(&world), left);
    // What is parked still has what it needs.
    let row = &world.parked()[0];
    world.done(&["parked", "retry", CONNECTOR, "--item", &row.item.to_string()]);

    // Without days to keep, the turn itself does it. What it staged again has another size: age adds something random.
    let world = archived.after.copy();
    keep_days(&world, 0);
    world.sync();
    let objects = |staged: BTreeMap<String, (u64, u64)>| -> Vec<_> {
        staged.into_iter().map(|(word, (objects, _))| (word, objects)).collect()
    };
    assert_eq!(objects(staged(&world)), objects(left));
}

#[test]
fn a_file_that_mailboxes_have_a_notice_for_is_saved_whole_and_nothing_is_overwritten() {
    let archived = shared::archived();
    let world = archived.after.copy();
    keep_days(&world, 0);
    world.sync();
    let expectations = world.story().expectations();
    let withheld = |file: &world::ExpectedFile| file.withheld && file.size > 600 << 10;
    let planted = expectations.flat_map(|item| item.attachments).find(withheld).expect("the story has a large file");
    let sha256 = world.story().attachment(&planted.id).unwrap().sha256();
    let shown = |item: &u64| world.done(&["parked", "show", CONNECTOR, &item.to_string()]).stdout.contains(" partial");
    let mut partial = (1..=archived.counts.item("fetched")).filter(shown);
    let folder = loop {
        let item = partial.next().expect("one of them has the large file").to_string();
        let folder = format!("saved-{item}");
        let ran = world.run(&["parked", "show", CONNECTOR, &item, "--save", &folder]);
        if ran.code != Some(0) {
            // Its file expired on the site: there is nothing to be kept, so its page is gone.
            assert!(ran.stderr.contains("stage-page-lost") || ran.stderr.contains("has no file"), "{ran}");
            continue;
        }
        let again = world.run(&["parked", "show", CONNECTOR, &item, "--save", &folder]);
        again.expect(2);
        assert!(again.stderr.contains("exists already; nothing was written"), "{again}");
        break folder;
    };
    let saved: Vec<_> = paths_below(&world.path(&folder));
    let hash = |path: &PathBuf| -> String {
        Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert!(
        saved.iter().any(|path| hash(path) == sha256 && path.ends_with(format!("01-{}", planted.name))),
        "{saved:?}"
    );
}

#[test]
fn a_new_key_seals_what_comes_and_the_old_one_goes_when_it_is_not_needed() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let secrets = |world: &World| {
        let text = fs::read_to_string(world.path("data/keys/stage.key")).unwrap();
        text.lines().filter(|line| line.starts_with("AGE-SECRET-KEY-1")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = secrets(&world);
    assert_eq!(before.len(), 1, "init made one");
    let refused = world.run(&["stage", "rotate-key", "--reason", " "]);
    refused.expect(2);
    let rotated = world.done(&["stage", "rotate-key", "--reason", "yearly"]);
    assert!(rotated.stdout.contains("sealed for age1") && rotated.stdout.contains("1 kept"), "{rotated}");
    let after = secrets(&world);
    assert_eq!((after.len(), &after[0]), (2, &before[0]));

    // What the old key sealed is still read.
    world.done(&["state", "check"]);
    let row = &world.parked()[0];
    world.done(&["parked", "retry", CONNECTOR, "--item", &row.item.to_string()]);
    // An installation without the old key cannot, and says so.
    let without = world.copy();
    fs::write(without.path("data/keys/stage.key"), format!("{}\n", after[1])).unwrap();
    let lost = without.run(&["state", "check"]);
    lost.expect(1);
    assert!(lost.stderr.contains("(stage-page-lost)") && lost.stderr.contains("no key"), "{lost}");
    world.done(&["ledger", "verify"]);
}

#[test]
fn a_data_folder_without_a_key_gets_one_and_is_told() {
    let world = shared::archived().before.copy();
    fs::remove_file(world.path("data/keys/stage.key")).unwrap();
    let ran = world.done(&["sync"]);
    assert!(ran.stderr.contains("note: the stage is sealed from now on"), "{ran}");
    let again = world.done(&["sync"]);
    assert!(!again.stderr.contains("sealed from now on"), "{again}");
}
