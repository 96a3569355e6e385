//! The record survives its index, and does not survive tampering unnoticed.

use std::{fs, path::Path};

use crate::support::{
    files::{self, name},
    shared,
    world::World,
};

/// Bytes flipped in each file of the record, spread over it.
const FLIPS: u64 = 24;

#[test]
fn an_index_that_is_gone_is_rebuilt_from_the_record_and_announced() {
    let archived = shared::archived();
    let world = archived.after.copy();
    fs::remove_dir_all(world.path("data/index")).unwrap();
    let status = world.done(&["status"]);
    assert!(status.stderr.contains("note: ") && status.stderr.contains("index"), "{status}");
    let again = world.done(&["status"]);
    assert!(!again.stderr.contains("note: "), "announced once\n{again}");
    assert_eq!(again.stdout, status.stdout);
    assert_eq!(world.parked(), archived.parked);
    assert_eq!(world.counts(), archived.counts);
    let counts = world.sync();
    assert_eq!((counts.item("fetched"), counts.copy("available")), (0, 0), "{counts:?}");
    archived.expect_same_end(&world, "after the rebuild");
}

#[test]
fn a_flipped_byte_is_found_and_located() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let record = world.path("data/ledger");
    let segments: Vec<_> = files::paths_below(&record)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment" || ending == "private"))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    assert!(segments.len() >= 2, "{segments:?}");
    for segment in segments {
        let bytes = fs::read(&segment).unwrap();
        let length = bytes.len() as u64;
        for flip in 0..FLIPS {
            // Beginning and end included, and bits in turn.
            let offset = flip * (length - 1) / (FLIPS - 1);
            let mut flipped = bytes.clone();
            flipped[offset as usize] ^= 1 << (flip % 8);
            fs::write(&segment, &flipped).unwrap();
            expect_located(&world, &segment, offset);
        }
        fs::write(&segment, &bytes).unwrap();
    }
    world.done(&["ledger", "verify"]);
    archived.expect_same_end(&world, "after everything was put back");
}

/// `ledger verify` fails, names the file, and a place at or before the flipped byte.
fn expect_located(world: &World, file: &Path, offset: u64) {
    let ran = world.run(&["ledger", "verify"]);
    let what = format!("byte {offset} of {}", name(file));
    assert_eq!(ran.code, Some(1), "{what}\n{ran}");
    let file_name = name(file);
    let stem = file_name.split('.').next().unwrap();
    assert!(ran.stderr.contains(stem) && ran.stderr.contains("hint: "), "{what}\n{ran}");
    let said = ran.stderr.split("byte ").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let said: u64 = said.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no place: {what}\n{ran}"));
    assert!(ran.stderr.contains(&file_name), "{what}\n{ran}");
    assert!(said <= offset, "{what}: the place is behind the damage\n{ran}");
}

#[test]
fn a_record_that_lost_its_end_is_noticed() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let last = files::paths_below(&world.path("data/ledger"))
        .into_iter()
        .rfind(|path| {
            path.extension().is_some_and(|ending| ending == "segment") && path.to_string_lossy().contains("whatsapp")
        })
        .unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() * 2 / 3]).unwrap();
    world.run(&["ledger", "verify"]).expect(1);
    let sync = world.run(&["sync"]);
    assert_ne!(sync.code, Some(0), "nothing goes on behind a record that is gone\n{sync}");
    assert!(sync.stdout.contains("ledger-behind") && sync.stdout.contains("hint: "), "{sync}");
    archived.mail.expect_same(&world.mail_files(), "nothing is sent twice");
}
