//! An older copy of the record is put back: nothing is lost, and nothing that was sent since is sent again, wherever a
//! mail reader has moved it.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{
    files::{self, children, name},
    program::Running,
    shared,
    world::{FOLDER, World},
};

/// Copies of each mail, by mailbox and file name without a reader's flags.
fn copies(world: &World) -> BTreeMap<(String, String), usize> {
    let mut copies = BTreeMap::new();
    for mailbox in children(&world.path("mail")) {
        for part in ["new", "cur"] {
            for file in children(&mailbox.join(format!(".{FOLDER}")).join(part)) {
                let base = name(&file).split([':', ',']).next().unwrap().to_owned();
                *copies.entry((name(&mailbox), base)).or_default() += 1;
            }
        }
    }
    copies
}

/// What mail readers do: every second mail is read and moved to `cur/` with a flag.
fn read_some(world: &World) {
    let mut moved = 0;
    for mailbox in children(&world.path("mail")) {
        let folder = mailbox.join(format!(".{FOLDER}"));
        for file in children(&folder.join("new")).into_iter().step_by(2) {
            let seen = folder.join("cur").join(format!("{}:2,S", name(&file)));
            fs::rename(&file, seen).unwrap();
            moved += 1;
        }
    }
    assert!(moved > 20);
}

/// A world that was cut off in the middle of its first turn.
fn cut_off() -> World {
    let world = shared::archived().before.copy();
    let mut command = world.command(&["sync"]);
    command.env("CHANCERY_KILL_AT", "deliver:written:2");
    Running::start(command).finish().expect_killed();
    world
}

fn replace(world: &World, part: &str, by: &Path) {
    let path = world.path(part);
    fs::remove_dir_all(&path).unwrap();
    fs::create_dir(&path).unwrap();
    files::copy(by, &path);
}

/// The turn after a restore finds what is there and sends the rest.
fn comes_to_the_same_end(world: &World, what: &str) {
    let before = copies(world);
    let counts = world.sync();
    assert!(counts.copy("skipped") > 20, "{what}: {counts:?}");
    let after = copies(world);
    assert!(after.values().all(|count| *count == 1), "{what}: a mail is there twice");
    assert_eq!(after, before, "{what}");
    let again = world.sync();
    assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{what}: {again:?}");
    world.done(&["ledger", "verify"]);
    world.done(&["state", "check"]);
}

#[test]
fn yesterdays_backup_put_back_doubles_nothing() {
    let archived = shared::archived();
    let world = cut_off();
    let said = world.done(&["state", "backup", "backup", "--with-keys"]);
    assert!(said.stderr.contains("warning: the secret keys"), "{said}");
    world.run(&["state", "backup", "backup"]).expect(2);
    world.sync();
    let files: Vec<_> = copies(&world).into_keys().collect();
    assert_eq!(files.len(), archived.after.mails().len());
    read_some(&world);
    let ended = world.copy();

    // Put back by the command, on a host that has nothing.
    replace(&world, "data", &world.path("backup/mappings"));
    fs::remove_dir_all(world.path("data")).unwrap();
    let said = world.done(&["state", "import", "backup"]);
    assert!(said.stderr.contains("goes on from a backup"), "{said}");
    world.run(&["state", "import", "backup"]).expect(2);
    comes_to_the_same_end(&world, "imported");

    // Put back by hand.
    let world = ended;
    replace(&world, "data", &world.path("backup"));
    comes_to_the_same_end(&world, "copied back");
}

#[test]
fn a_backup_without_keys_needs_them_from_elsewhere_and_a_changed_one_is_refused() {
    let world = shared::archived().after.copy();
    world.done(&["state", "export", "moved"]);
    assert!(!world.path("moved/keys/master.key").exists() && !world.path("moved/keys/host.key").exists());
    world.done(&["ledger", "verify", "--data", "moved", "--key", "data/keys/host.pub"]);
    let keys = world.path("kept-keys");
    fs::rename(world.path("data/keys"), &keys).unwrap();
    fs::remove_dir_all(world.path("data")).unwrap();
    let ran = world.run(&["state", "import", "moved"]);
    ran.expect(2);
    assert!(ran.stderr.contains("keys"), "{ran}");
    fs::create_dir_all(world.path("data")).unwrap();
    fs::rename(&keys, world.path("data/keys")).unwrap();
    let page = files::paths_below(&world.path("moved/ledger")).pop().unwrap();
    let whole = fs::read(&page).unwrap();
    fs::write(&page, &whole[..whole.len() - 1]).unwrap();
    let ran = world.run(&["state", "import", "moved"]);
    ran.expect(1);
    assert!(ran.stderr.contains("manifest"), "{ran}");
    fs::write(&page, whole).unwrap();
    world.done(&["state", "import", "moved"]);
    assert_eq!(world.counts(), shared::archived().counts);
}

#[test]
fn a_ledger_older_than_its_index_stops_the_host_until_the_loss_is_accepted() {
    let world = cut_off();
    // What an administrator's copy job keeps, without chancery knowing.
    for part in ["ledger", "stage"] {
        fs::create_dir(world.path(&format!("old-{part}"))).unwrap();
        files::copy(&world.path(&format!("data/{part}")), &world.path(&format!("old-{part}")));
    }
    world.sync();
    read_some(&world);
    for part in ["ledger", "stage"] {
        replace(&world, &format!("data/{part}"), &world.path(&format!("old-{part}")));
    }
    let mail = world.mail_files();
    let sync = world.run(&["sync"]);
    assert_ne!(sync.code, Some(0), "{sync}");
    assert!(sync.stdout.contains("ledger-behind") && sync.stdout.contains("state rebuild --accept-loss"), "{sync}");
    world.run(&["state", "check"]).expect(1);
    world.run(&["state", "rebuild"]).expect(1);
    world.run(&["state", "rebuild", "--accept-loss"]).expect(2);
    mail.expect_same(&world.mail_files(), "nothing is sent meanwhile");
    let said = world.done(&["state", "rebuild", "--accept-loss", "--reason", "the disk of Tuesday died"]);
    assert!(said.stderr.contains("are gone"), "{said}");
    assert!(!said.stderr.contains("Tuesday"), "{said}");
    comes_to_the_same_end(&world, "loss accepted");
}
