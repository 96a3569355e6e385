//! Archives of mail in an object store.

use std::{fs, io::Cursor};

use super::azurite::{Azurite, KEY};
use crate::support::{
    archives,
    mail::Mail,
    program::Running,
    reconciled::{self, count},
    shared, truth,
    world::{CONNECTOR, World},
};

const CONTAINER: &str = "archives";

fn into_container(azurite: &Azurite) -> World {
    azurite.make(CONTAINER);
    let world = shared::archived().before.copy();
    world.configure();
    let file = world.path("chancery.toml");
    let text = fs::read_to_string(&file).unwrap();
    let store = format!("kind = \"eml\", store = {{ {} }}", azurite.keys(CONTAINER));
    let changed = text.replace("kind = \"maildir\", root = \"mail\"", &store);
    assert_ne!(changed, text);
    fs::write(&file, changed).unwrap();
    fs::write(world.path("azure-key"), KEY).unwrap();
    world
}

fn archives_in(azurite: &Azurite) -> Vec<String> {
    azurite.names(CONTAINER).into_iter().filter(|name| name.ends_with(".zip")).collect()
}

fn messages(azurite: &Azurite) -> Vec<Mail> {
    let names = archives_in(azurite);
    names.iter().flat_map(|name| archives::messages(Cursor::new(azurite.get(CONTAINER, name)))).collect()
}

#[test]
fn everything_is_in_the_container_once_whatever_dies() {
    let Some(azurite) = Azurite::wanted() else { return };
    let world = into_container(&azurite);
    let die = |place: &str| {
        let mut command = world.command(&["sync"]);
        command.env("CHANCERY_KILL_AT", place);
        Running::start(command).finish().expect_killed();
    };
    die("deliver:written");
    // Whoever died between an archive and the manifest beside it.
    let manifests: Vec<String> =
        azurite.names(CONTAINER).into_iter().filter(|name| name.ends_with(".manifest.csv")).collect();
    assert_eq!(manifests.len(), 1, "{manifests:?}");
    azurite.delete(CONTAINER, &manifests[0]);
    die("deliver:intended:3");
    die("deliver:written:2");
    world.sync();
    let expected: Vec<_> = world.story().expectations().collect();
    truth::expect_mail(world.story(), &expected, &messages(&azurite));
    truth::expect_parked(&expected, &world.parked());
    let before = azurite.names(CONTAINER);
    let again = world.sync();
    assert_eq!(again.copy("available"), 0, "{again:?}");
    assert_eq!(azurite.names(CONTAINER), before);
    let scratch = world.path(&format!("data/archives/{CONNECTOR}/0"));
    assert_eq!(fs::read_dir(scratch).unwrap().count(), 0, "nothing stays on this machine");

    let checked = world.done(&["connector", "check", CONNECTOR]).stdout;
    assert!(checked.contains(&format!("holds {} archives", archives_in(&azurite).len())), "{checked}");
    world.done(&["ledger", "bundle", CONNECTOR, "--window", "2020-01-01..2100-01-01", "--out", "bundle"]);
    let summary = fs::read_to_string(world.path("bundle/summary.txt")).unwrap();
    assert!(summary.contains("of 0 the message is not in this bundle"), "{summary}");

    let clean = world.done(&["reconcile", CONNECTOR, "--json"]);
    assert_eq!(count(&clean, "found"), messages(&azurite).len() as u64, "{clean}");
    let gone = archives_in(&azurite).remove(0);
    azurite.delete(CONTAINER, &gone);
    azurite.delete(CONTAINER, &format!("{gone}.manifest.csv"));
    let ran = reconciled::reconcile(&world);
    ran.expect(1);
    assert!(count(&ran, "missing") > 0, "{ran}");
    reconciled::repair(&world).expect(0);
    truth::expect_mail(world.story(), &expected, &messages(&azurite));
    world.done(&["ledger", "verify"]);
}

#[test]
fn a_store_that_is_not_there_refuses_or_is_away_holds_copies_back_and_says_why() {
    let Some(mut azurite) = Azurite::wanted() else { return };
    let world = into_container(&azurite);
    let file = world.path("chancery.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("container = \"archives\"", "container = \"nowhere\"")).unwrap();
    let missing = world.run(&["connector", "check", CONNECTOR]);
    missing.expect(1);
    assert!(missing.stdout.contains("(store-container-missing)") && missing.stdout.contains("hint: "), "{missing}");
    fs::write(&file, &text).unwrap();
    fs::write(world.path("azure-key"), "d3Jvbmc=").unwrap();
    let denied = world.run(&["sync"]);
    denied.expect(1);
    assert!(denied.stdout.contains("(store-denied)") && denied.stdout.contains("hint: "), "{denied}");
    fs::write(world.path("azure-key"), KEY).unwrap();
    azurite.stop();
    let away = world.run(&["connector", "check", CONNECTOR]);
    away.expect(1);
    assert!(away.stdout.contains("(store-unreachable)") && away.stdout.contains("hint: "), "{away}");
    azurite.start();
    world.sync();
    let expected: Vec<_> = world.story().expectations().collect();
    truth::expect_mail(world.story(), &expected, &messages(&azurite));
}
