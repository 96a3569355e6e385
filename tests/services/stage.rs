//! The stage in an object store: nothing in it can be read, and whatever happens to it, nothing is lost or doubled.

use std::{collections::BTreeSet, fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use world::StoryOptions;

use super::azurite::Azurite;
use crate::support::{
    program::Running,
    shared::PAGE_SIZE,
    truth,
    world::{CONNECTOR, World},
};

/// The journey's story, all of its files under the limit: one of them is over what is sent in one piece.
fn options() -> StoryOptions {
    StoryOptions {
        seed: 7,
        items: 110,
        oversize_bytes: 12 << 20,
        oversize_limit_bytes: 40 << 20,
        expired_attachments: 1,
        repeats: 8,
        ..StoryOptions::default()
    }
}

/// What nobody may find: texts, names, numbers, addresses, file names, and hashes of files in every usual form.
fn known(world: &World) -> BTreeSet<Vec<u8>> {
    let story = world.story();
    let mut known: BTreeSet<Vec<u8>> = BTreeSet::new();
    for person in story.people() {
        known.extend([person.phone.clone(), person.name()].map(String::into_bytes));
    }
    known.extend(story.mailboxes().map(|address| address.as_bytes().to_vec()));
    for expectation in story.expectations() {
        known.extend(expectation.marker.map(String::into_bytes));
        known.insert(expectation.key.into_bytes());
        for file in expectation.attachments {
            let Some(attachment) = story.attachment(&file.id) else { continue };
            let sha256 = attachment.sha256();
            let raw: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&sha256[2 * at..2 * at + 2], 16).unwrap()).collect();
            known.extend([sha256.into_bytes(), STANDARD.encode(&raw).into_bytes(), raw, file.name.into_bytes()]);
        }
    }
    known.insert(CONNECTOR.as_bytes().to_vec());
    // What is shorter stands in random bytes by chance.
    known.retain(|word| word.len() >= 6);
    known
}

fn found(known: &BTreeSet<Vec<u8>>, bytes: &[u8]) -> Vec<String> {
    let known = known.iter().filter(|word| memchr::memmem::find(bytes, word).is_some());
    known.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[test]
fn nothing_in_the_container_can_be_read_and_it_is_empty_in_the_end() {
    let Some(azurite) = Azurite::wanted() else { return };
    azurite.make("stage");
    azurite.make("evidence");
    let world = World::new(options(), PAGE_SIZE);
    let copies = format!("\n[checkpoints]\ncopy_to = [{{ {} }}]\n", azurite.keys("evidence"));
    azurite.holds_stage_of(&world, "stage", 7, &copies);
    world.sync();
    truth::expect_archived(&world);

    let known = known(&world);
    assert!(known.len() > 200, "{}", known.len());
    let blobs = azurite.names("stage");
    assert!(blobs.len() > 10, "{blobs:?}");
    for name in &blobs {
        assert_eq!(found(&known, name.as_bytes()), [""; 0], "{name}");
        let bytes = azurite.get("stage", name);
        assert!(bytes.starts_with(b"age-encryption.org/v1"), "{name}");
        assert_eq!(found(&known, &bytes), [""; 0], "{name}");
    }
    // The same search does find what is there to be found.
    let mail: Vec<u8> = world.mails().iter().flat_map(|mail| mail.bytes.clone()).collect();
    let in_mail = found(&known, &mail).len();
    assert!(in_mail > 100, "{in_mail}");
    // The files that are staged here are drafted elsewhere, and nothing of them stays.
    assert_eq!(fs::read_dir(world.path(&format!("data/stage/{CONNECTOR}/tmp"))).unwrap().count(), 0);
    let evidence = azurite.names("evidence");
    assert!(!evidence.is_empty(), "checkpoints were copied");
    for name in evidence {
        let file = name.rsplit('/').next().unwrap();
        let ours = fs::read(world.path(&format!("data/checkpoints/{CONNECTOR}/{file}"))).unwrap();
        assert_eq!(azurite.get("evidence", &name), ours, "{name}");
    }

    let listed = world.done(&["stage", "list", "--json"]).json();
    let rows = listed[0]["staged"].as_array().unwrap().clone();
    let words: BTreeSet<&str> = rows.iter().map(|row| row["needed_for"].as_str().unwrap()).collect();
    assert!(words.contains("kept until") && words.contains("parked"), "{listed}");
    let sum = |key: &str| rows.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("pages") + sum("attachments"), blobs.len() as u64, "{listed}");

    // With no days to keep, a turn leaves what is parked, and nothing when that is given up.
    azurite.holds_stage_of(&world, "stage", 0, "");
    world.sync();
    let left = azurite.names("stage");
    assert!(!left.is_empty() && left.len() < blobs.len(), "{left:?}");
    let reasons: BTreeSet<String> = world.parked().into_iter().map(|row| row.reason).collect();
    for reason in reasons {
        world.done(&["parked", "discard", CONNECTOR, "--reason", &reason, "--because", "the test is over"]);
    }
    world.sync();
    assert_eq!(azurite.names("stage"), [""; 0]);
    world.done(&["ledger", "verify"]);
}

#[test]
fn a_wrong_key_and_a_container_that_is_not_there_each_have_their_reason() {
    let Some(azurite) = Azurite::wanted() else { return };
    let world = World::new(options(), PAGE_SIZE);
    azurite.holds_stage_of(&world, "stage", 0, "");
    let missing = world.run(&["sync"]);
    missing.expect(1);
    assert!(missing.stderr.contains("(stage-container-missing)") && missing.stderr.contains("hint: "), "{missing}");
    azurite.make("stage");
    let wrong = STANDARD.encode([7; 64]);
    fs::write(world.path("azure-key"), &wrong).unwrap();
    let denied = world.run(&["sync"]);
    denied.expect(1);
    assert!(denied.stderr.contains("(stage-denied)") && denied.stderr.contains("hint: "), "{denied}");
    assert!(!denied.stderr.contains(&wrong), "{denied}");
    assert_eq!(world.counts().item("fetched"), 0, "nothing was pulled");
    let doctor = world.run(&["doctor"]);
    assert!(doctor.stdout.contains("stage-denied"), "{doctor}");
    fs::write(world.path("azure-key"), super::azurite::KEY).unwrap();
    world.sync();
    truth::expect_archived(&world);
}

#[test]
fn a_lost_blob_has_its_reason_and_what_is_put_back_is_delivered() {
    let Some(azurite) = Azurite::wanted() else { return };
    azurite.make("stage");
    let world = World::new(options(), PAGE_SIZE);
    azurite.holds_stage_of(&world, "stage", 0, "");
    // Dies with pages that are staged and not delivered.
    let mut command = world.command(&["sync"]);
    command.env("CHANCERY_KILL_AT", "stage:recorded:3");
    Running::start(command).finish().expect_killed();
    for (folder, reason) in [("/pages/", "stage-page-lost"), ("/attachments/", "stage-attachment-lost")] {
        let blobs: Vec<(String, Vec<u8>)> = azurite
            .names("stage")
            .into_iter()
            .filter(|name| name.contains(folder))
            .map(|name| (name.clone(), azurite.get("stage", &name)))
            .collect();
        assert!(!blobs.is_empty(), "{folder}");
        blobs.iter().for_each(|(name, _)| azurite.delete("stage", name));
        let lost = world.run(&["sync"]);
        lost.expect(1);
        assert!(lost.stderr.contains(&format!("({reason})")) && lost.stderr.contains("hint: "), "{lost}");
        blobs.iter().for_each(|(name, bytes)| azurite.put("stage", name, bytes));
    }
    world.sync();
    truth::expect_archived(&world);
    world.done(&["ledger", "verify"]);
}

#[test]
fn a_store_that_stops_in_the_middle_ends_the_turn_and_a_later_one_finishes() {
    let Some(mut azurite) = Azurite::wanted() else { return };
    azurite.make("stage");
    let world = World::new(StoryOptions { items: 400, oversize_bytes: 1 << 20, ..options() }, 8);
    azurite.holds_stage_of(&world, "stage", 0, "");
    let mut running = Running::start(world.command(&["sync"]));
    assert!(
        !running.wait_until(Duration::from_secs(100), || azurite.names("stage").len() > 3),
        "the turn is too short"
    );
    azurite.stop();
    let ended = running.finish();
    ended.expect(1);
    assert!(ended.stderr.contains("(stage-unreachable)") && ended.stderr.contains("hint: "), "{ended}");
    let before = world.counts();
    assert!(before.item("fetched") < 400, "{before:?}");
    azurite.start();
    world.sync();
    truth::expect_archived(&world);
    world.done(&["ledger", "verify"]);
}
