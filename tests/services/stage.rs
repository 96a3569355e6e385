//! The stage in an object store: nothing in it can be read, and whatever happens to it, nothing is lost or doubled.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    process::Command,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use world::StoryOptions;

use super::azurite::Azurite;
use crate::support::{
    files::children,
    program::Running,
    shared::{self, PAGE_SIZE},
    truth,
    world::{CONNECTOR, World},
};

/// The journey's story, all of its files under the limit: one of them is over what is sent in one piece.
fn options() -> StoryOptions {
    StoryOptions {
        seed: 7,
        items: 110,
        oversize_bytes: 6 << 20,
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
    known.retain(|word| word.len() >= LETTERS_MIN);
    known
}

/// Words by how they begin: a search for hundreds of them in megabytes.
struct Search<'a> {
    begins: Vec<bool>,
    words: HashMap<&'a [u8], Vec<&'a [u8]>>,
}

impl<'a> Search<'a> {
    fn new(known: &'a BTreeSet<Vec<u8>>) -> Self {
        let mut search = Self { begins: vec![false; 1 << 16], words: HashMap::new() };
        for word in known {
            search.begins[usize::from(word[0]) << 8 | usize::from(word[1])] = true;
            search.words.entry(&word[..LETTERS_MIN]).or_default().push(word);
        }
        search
    }

    fn found(&self, bytes: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, pair) in bytes.windows(2).enumerate() {
            if !self.begins[usize::from(pair[0]) << 8 | usize::from(pair[1])] {
                continue;
            }
            let words = bytes.get(at..at + LETTERS_MIN).and_then(|begin| self.words.get(begin));
            let here = words.into_iter().flatten().filter(|word| bytes[at..].starts_with(word));
            found.extend(here.map(|word| String::from_utf8_lossy(word).into_owned()));
        }
        found
    }
}

/// What is shorter stands in random bytes by chance.
const LETTERS_MIN: usize = 6;

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
    let search = Search::new(&known);
    let blobs = azurite.names("stage");
    assert!(blobs.len() > 10, "{blobs:?}");
    for name in &blobs {
        assert_eq!(search.found(name.as_bytes()), BTreeSet::new(), "{name}");
        let bytes = azurite.get("stage", name);
        assert!(bytes.starts_with(b"age-encryption.org/v1"), "{name}");
        assert_eq!(search.found(&bytes), BTreeSet::new(), "{name}");
    }
    // The same search does find what is there to be found.
    let beginnings = world.mails();
    let beginnings = beginnings.iter().map(|mail| &mail.bytes[..mail.bytes.len().min(8 << 10)]);
    let in_mail: BTreeSet<String> = beginnings.flat_map(|bytes| search.found(bytes)).collect();
    assert!(in_mail.len() > 100, "{in_mail:?}");
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
    assert!(missing.stdout.contains("(store-container-missing)") && missing.stdout.contains("hint: "), "{missing}");
    azurite.make("stage");
    let wrong = STANDARD.encode([7; 64]);
    fs::write(world.path("azure-key"), &wrong).unwrap();
    let denied = world.run(&["sync"]);
    denied.expect(1);
    assert!(denied.stdout.contains("(store-denied)") && denied.stdout.contains("hint: "), "{denied}");
    assert!(![&denied.stdout, &denied.stderr].iter().any(|text| text.contains(&wrong)), "{denied}");
    assert_eq!(world.counts().item("fetched"), 0, "nothing was pulled");
    let doctor = world.run(&["doctor"]);
    assert!(doctor.stdout.contains("store-denied"), "{doctor}");
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
        assert!(lost.stdout.contains(&format!("({reason})")) && lost.stdout.contains("hint: "), "{lost}");
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
    assert!(ended.stdout.contains("(store-unreachable)") && ended.stdout.contains("hint: "), "{ended}");
    let before = world.counts();
    assert!(before.item("fetched") < 400, "{before:?}");
    azurite.start();
    world.sync();
    truth::expect_archived(&world);
    world.done(&["ledger", "verify"]);
}

/// With Debian's `age`, which shares no code with what sealed it.
#[test]
fn an_escrow_holder_opens_what_is_staged_with_the_plain_tool() {
    if std::env::var_os("CHANCERY_TEST_SERVICES").is_none_or(|value| value != "1") {
        return;
    }
    let world = shared::archived().before.copy();
    let escrow = world.path("escrow.key");
    super::output(Command::new("age-keygen").arg("-o").arg(&escrow));
    let recipient = super::output(Command::new("age-keygen").arg("-y").arg(&escrow));
    let config = world.path("chancery.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[stage]\nrecipients = [\"{}\"]\n", recipient.trim())).unwrap();
    world.sync();
    let story = world.story();
    let files = story.expectations().flat_map(|item| item.attachments);
    let known: BTreeSet<String> = files.filter_map(|file| Some(story.attachment(&file.id)?.sha256())).collect();
    let staged = children(&world.path(&format!("data/stage/{CONNECTOR}/attachments")));
    assert!(staged.len() > 3, "{staged:?}");
    for key in [escrow, world.path("data/keys/stage.key")] {
        for path in &staged {
            let opened = Command::new("age").arg("--decrypt").arg("-i").arg(&key).arg(path).output().unwrap();
            assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
            let sha256: String = Sha256::digest(&opened.stdout).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(known.contains(&sha256), "{}", path.display());
        }
    }
}

/// The most memory that a process has had, in KiB.
fn peak_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_file_of_100_mb_goes_through_the_store_with_flat_memory() {
    let Some(azurite) = Azurite::wanted() else { return };
    azurite.make("stage");
    let large = StoryOptions { items: 24, oversize_bytes: 105 << 20, oversize_limit_bytes: 200 << 20, ..options() };
    let world = World::new(large, PAGE_SIZE);
    azurite.holds_stage_of(&world, "stage", 7, "");
    let mut running = Running::start(world.command(&["sync"]));
    let (id, mut peak) = (running.id(), 0);
    running.wait_until(Duration::from_secs(140), || {
        peak = peak.max(peak_kib(id).unwrap_or(0));
        false
    });
    running.finish().expect(0);
    println!("peak of `sync` with a file of 105 MB through an object store: {} MB", peak >> 10);
    assert!(peak > 10 << 10 && peak < 150 << 10, "{peak} KiB");
    let sizes: Vec<usize> = azurite.names("stage").iter().map(|name| azurite.get("stage", name).len()).collect();
    assert!(sizes.iter().any(|size| *size > 105 << 20), "it lies there whole: {sizes:?}");
    let counts = world.counts();
    counts.expect_balance();
    assert_eq!(counts.copy("pending"), 0);
    world.done(&["ledger", "verify"]);
}
