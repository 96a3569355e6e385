//! Into archives of files, read back by a reader of zip files.

use std::{
    collections::BTreeSet,
    fs::{self, File},
};

use zip::ZipArchive;

use crate::support::{
    archives,
    files::paths_below,
    mail::Mail,
    program::Running,
    reconciled::{self, count},
    shared, truth,
    world::{CONNECTOR, World},
};

fn into_archives() -> World {
    let world = shared::archived().before.copy();
    world.configure();
    let file = world.path("chancery.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("kind = \"maildir\", root = \"mail\"", "kind = \"eml\", root = \"archives\""))
        .unwrap();
    world
}

/// Every message of every archive.
fn messages(world: &World) -> Vec<Mail> {
    let paths = paths_below(&world.path("archives"));
    paths.iter().flat_map(|path| archives::messages(File::open(path).unwrap())).collect()
}

#[test]
fn everything_is_in_an_archive_once_whatever_dies() {
    let world = into_archives();
    for place in ["deliver:written", "deliver:intended:3", "deliver:written:2"] {
        let mut command = world.command(&["sync"]);
        command.env("CHANCERY_KILL_AT", place);
        Running::start(command).finish().expect_killed();
    }
    world.sync();
    let expected: Vec<_> = world.story().expectations().collect();
    truth::expect_mail(world.story(), &expected, &messages(&world));
    truth::expect_parked(&expected, &world.parked());
    let before = paths_below(&world.path("archives"));
    let again = world.sync();
    assert_eq!(again.copy("available"), 0, "{again:?}");
    assert_eq!(paths_below(&world.path("archives")), before);

    world.done(&["connector", "check", CONNECTOR]);
    world.done(&["ledger", "bundle", CONNECTOR, "--window", "2020-01-01..2100-01-01", "--out", "bundle"]);
    let bundled =
        paths_below(&world.path("bundle")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "eml"));
    let distinct: BTreeSet<_> = messages(&world).into_iter().map(|mail| mail.bytes).collect();
    assert_eq!(bundled.count(), distinct.len());
}

#[test]
fn a_damaged_archive_is_named_and_nothing_is_written_twice() {
    let world = into_archives();
    let mut command = world.command(&["sync"]);
    command.env("CHANCERY_KILL_AT", "deliver:written:2");
    Running::start(command).finish().expect_killed();
    let archives = paths_below(&world.path("archives"));
    let whole = fs::read(&archives[0]).unwrap();
    fs::write(&archives[0], &whole[..whole.len() / 2]).unwrap();
    let ran = world.run(&["sync"]);
    ran.expect(1);
    let name = archives[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(ran.stdout.contains("eml-damaged") && ran.stdout.contains(&name) && ran.stdout.contains("hint: "), "{ran}");
    fs::write(&archives[0], whole).unwrap();
    world.sync();
    let expected: Vec<_> = world.story().expectations().collect();
    truth::expect_mail(world.story(), &expected, &messages(&world));
}

#[test]
fn an_archive_that_is_gone_is_written_again_and_one_that_rots_is_left_alone() {
    let world = into_archives();
    world.sync();
    let clean = world.done(&["reconcile", CONNECTOR, "--json"]);
    let mails = messages(&world);
    assert_eq!(count(&clean, "found"), mails.len() as u64, "{clean}");
    let archives = paths_below(&world.path("archives"));
    let held = |path: &std::path::Path| {
        let archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
        archive.len() as u64 - 1
    };
    let lost = held(&archives[0]);
    fs::remove_file(&archives[0]).unwrap();
    // A byte of the first file's packed text.
    let mut bytes = fs::read(&archives[1]).unwrap();
    let name = u16::from_le_bytes([bytes[26], bytes[27]]) + u16::from_le_bytes([bytes[28], bytes[29]]);
    bytes[30 + usize::from(name) + 40] ^= 1;
    fs::write(&archives[1], bytes).unwrap();
    let ran = reconciled::reconcile(&world);
    ran.expect(1);
    let (missing, altered) = (count(&ran, "missing"), count(&ran, "altered"));
    assert_eq!(missing + altered, lost + 1, "{ran}");
    assert!(altered <= 1, "{ran}");
    let ran = reconciled::repair(&world);
    ran.expect(1);
    assert_eq!(count(&ran, "repaired"), lost, "{ran}");
    let left: Vec<_> = paths_below(&world.path("archives")).into_iter().filter(|path| *path != archives[1]).collect();
    let whole = |path: &std::path::PathBuf| ZipArchive::new(File::open(path).unwrap()).is_ok();
    assert!(left.iter().all(whole));
    let ran = reconciled::reconcile(&world);
    ran.expect(1);
    assert_eq!(count(&ran, "missing") + count(&ran, "altered"), 1, "{ran}");
    world.done(&["ledger", "verify"]);
}
