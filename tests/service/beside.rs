//! Commands beside a running service, and pauses with and without one.

use std::fs;

use super::{SERVE, quiet};
use crate::support::{
    served::Served,
    shared,
    world::{CONNECTOR, World},
};

#[test]
fn two_hosts_never_share_a_data_folder() {
    let world = shared::archived().after.copy();
    quiet(&world);
    let reading = [
        &["report", CONNECTOR, "--json"][..],
        &["report", CONNECTOR, "--csv"],
        &["report", "nobody"],
        &["parked", "list", CONNECTOR],
        &["parked", "show", CONNECTOR, "999999"],
        &["mapping", "check", "mapping.csv"],
        &["mapping", "check", "nowhere.csv"],
        &["hold", "list"],
        &["connector", "check", CONNECTOR],
    ];
    let said = |arguments: &&[&str]| {
        let ran = world.run(arguments);
        // A service names files by their whole path.
        let folder = format!("{}/", world.folder().display());
        (ran.code, ran.stdout.replace(&folder, ""), ran.stderr.replace(&folder, ""))
    };
    let alone: Vec<_> = reading.iter().map(said).collect();
    assert!(alone.iter().any(|(code, ..)| *code == Some(0)) && alone.iter().any(|(code, ..)| *code == Some(2)));
    let served = Served::start(world.command(&SERVE));
    for (arguments, alone) in reading.iter().zip(&alone) {
        assert_eq!(&said(arguments), alone, "{arguments:?} says the same with a service and without");
    }
    for arguments in [
        &["sync"][..],
        &SERVE,
        &["state", "backup", "copy"],
        &["backfill", CONNECTOR, "--from", "2026-01-01", "--to", "2026-01-02"],
    ] {
        let ran = world.run(arguments);
        ran.expect(1);
        assert!(ran.stderr.contains("state-locked"), "{ran}");
        assert!(ran.stderr.contains("hint: a service (`chancery serve`) runs here"), "{ran}");
    }
    // What needs no lock goes on.
    for arguments in [&["ledger", "verify"][..], &["connector", "list"], &["connector", "show", CONNECTOR], &["status"]]
    {
        world.done(arguments);
    }
    assert!(world.done(&["status"]).stdout.contains("now             "), "the service itself answers");
    served.stop().expect(0);
    assert!(!world.done(&["status"]).stdout.contains("now             "));
    world.done(&["sync"]);
}

#[test]
fn a_pause_holds_with_a_service_and_without_and_outlasts_the_index() {
    let archived = shared::archived();
    let world = archived.before.copy();
    let paused = |world: &World| world.done(&["status", "--json"]).json()["connectors"][0]["paused"].clone();
    world.run(&["connector", "pause", "nobody"]).expect(2);
    let ran = world.done(&["connector", "pause", CONNECTOR, "--reason", "the vendor works on it"]);
    assert!(ran.stdout.contains(&format!("paused `{CONNECTOR}`")), "{ran}");
    assert!(world.done(&["connector", "pause", CONNECTOR]).stdout.contains("was paused before"));
    let pause = paused(&world);
    assert_eq!(pause["reason"], "the vendor works on it", "{pause}");
    assert!(pause["by"].as_str().unwrap().contains("uid "), "{pause}");

    // A turn of everything leaves it out and says so.
    let ran = world.done(&["sync", "--json"]);
    assert_eq!(ran.json()["connectors"].as_array().unwrap().len(), 0, "{ran}");
    assert!(ran.stderr.contains(&format!("note: `{CONNECTOR}` is left out")), "{ran}");
    archived.before.mail_files().expect_same(&world.mail_files(), "a turn without connectors");

    fs::remove_dir_all(world.path("data/index")).unwrap();
    assert_eq!(paused(&world), pause, "the index knows nothing of it");

    let mut served = Served::start(world.command(&SERVE));
    assert_eq!(served.metric(&format!("chancery_connector_paused{{connector=\"{CONNECTOR}\"}}")), 1.0);
    let status = world.done(&["status"]).stdout;
    assert!(status.contains("now             paused") && status.contains("the vendor works on it"), "{status}");
    assert_eq!(served.metric(&format!("chancery_connector_running{{connector=\"{CONNECTOR}\"}}")), 0.0);

    // Resumed and paused while the service runs: what was missed is due at once.
    assert!(world.done(&["connector", "resume", CONNECTOR]).stdout.contains("resumed"));
    assert!(world.done(&["connector", "resume", CONNECTOR]).stdout.contains("was not paused"));
    served.wait("what was missed", |served| served.turns(CONNECTOR, "done") > 0.0);
    world.done(&["connector", "pause", CONNECTOR]);
    served.stop().expect(0);
    assert!(paused(&world)["since"].is_string());
    let ran = world.done(&["sync", CONNECTOR, "--json"]);
    assert!(ran.stderr.contains("it is read because it is named"), "{ran}");
    assert_eq!(ran.json()["connectors"][0]["name"], CONNECTOR, "{ran}");
    archived.expect_same_end(&world, "after pauses");
}

#[test]
fn what_is_parked_is_tried_again_and_given_up_beside_a_service_as_without_one() {
    let archived = shared::archived();
    let [alone, beside] = [archived.after.copy(), archived.after.copy()];
    let reason = alone.parked()[0].reason.clone();
    for world in [&alone, &beside] {
        quiet(world);
    }
    let acts = [
        &["parked", "retry", CONNECTOR][..],
        &["parked", "retry", CONNECTOR, "--reason", &reason],
        &["parked", "retry", "nobody"],
        &["parked", "discard", CONNECTOR, "--because", "everything"],
        &["parked", "discard", CONNECTOR, "--reason", &reason, "--because", "the vendor lost it"],
        &["parked", "list", CONNECTOR, "--json"],
        &["hold", "add", "--case", "x-1", "--reason", "the court asks"],
        &["hold", "release", "--case", "x-1", "--reason", "it is over"],
        &["hold", "list"],
    ];
    let said = |world: &World, arguments: &[&str]| {
        let ran = world.run(arguments);
        (ran.code, ran.stdout)
    };
    let expect: Vec<_> = acts.iter().map(|arguments| said(&alone, arguments)).collect();
    let served = Served::start(beside.command(&SERVE));
    for (arguments, expect) in acts.iter().zip(&expect) {
        assert_eq!(&said(&beside, arguments), expect, "{arguments:?} beside a service");
    }
    served.stop().expect(0);
    assert!(beside.parked().iter().all(|row| row.reason != reason), "given up");
    alone.mail_files().expect_same(&beside.mail_files(), "retries beside a service");
    beside.done(&["ledger", "verify"]);
}
