//! The signing key is replaced, and everything it ever signed still verifies, from whichever key one begins.

use super::*;

fn seal_one(connector: &ConnectorState, start_ms: i64) {
    let window = connector.open_window(live(start_ms, start_ms + 100)).unwrap();
    connector.stage_page(page(window, None, &[])).unwrap();
    connector.close_window(window, WindowClose::default()).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
}

#[test]
fn what_was_signed_before_and_after_a_rotation_verifies_with_either_key() {
    let world = World::new();
    let (state, connector) = world.connector();
    seal_one(&connector, 0);
    drop(connector);
    state.close().unwrap();
    let first = world.path().join("first.pub");
    fs::copy(world.path().join("keys/host.pub"), &first).unwrap();
    for round in 1..3 {
        let (public, _) = State::rotate_key(world.path(), "me", "yearly").unwrap();
        assert_eq!(fs::read_to_string(world.path().join("keys/host.pub")).unwrap().trim(), public);
        let (state, connector) = world.connector();
        seal_one(&connector, round * 100);
        // A ledger begun later begins with the chain of keys.
        state.connector(&format!("later{round}")).unwrap();
        drop(connector);
        state.close().unwrap();
    }
    let with = |key: Option<&Path>| verify(world.path(), &VerifyOptions { key, ..VerifyOptions::default() });
    let report = with(None).unwrap();
    assert_eq!(with(Some(&first)).unwrap(), report);
    assert!(report.ledgers.iter().all(|ledger| ledger.rotations == 2), "{report:?}");
    let other = World::new();
    assert_eq!(code(with(Some(&other.path().join("keys/host.pub")))), "ledger-damaged");
    let acts = world.open().0.acts().unwrap();
    assert_eq!(acts.iter().filter(|act| act.verb == "ledger rotate-key" && act.actor == "me").count(), 2);
}

#[test]
fn what_the_old_key_signs_after_its_rotation_is_found() {
    let world = World::new();
    let (state, connector) = world.connector();
    seal_one(&connector, 0);
    drop(connector);
    state.close().unwrap();
    let old = fs::read(world.path().join("keys/host.key")).unwrap();
    let old_public = fs::read(world.path().join("keys/host.pub")).unwrap();
    State::rotate_key(world.path(), "me", "it was seen").unwrap();
    let new_public = fs::read(world.path().join("keys/host.pub")).unwrap();
    let folder = world.path().join("keys");
    // A thief goes on with the old key, as if it had never been replaced.
    fs::write(folder.join("host.key"), old).unwrap();
    fs::write(folder.join("host.pub"), old_public).unwrap();
    for name in ["@host", "c"] {
        fs::remove_file(world.path().join("ledger").join(name).join("head")).unwrap();
    }
    let (state, connector) = world.connector();
    seal_one(&connector, 100);
    drop(connector);
    state.close().unwrap();
    fs::write(folder.join("host.pub"), new_public).unwrap();
    let error = verify(world.path(), &only("c")).unwrap_err();
    assert!(error.to_string().contains("signature is not this host's"), "{error}");
}

#[test]
fn a_rotation_that_was_cut_off_is_undone_or_completed() {
    let world = World::new();
    let (state, connector) = world.connector();
    seal_one(&connector, 0);
    drop(connector);
    state.close().unwrap();
    let before = tempfile::tempdir().unwrap();
    copy_folder(&world.path().join("keys"), before.path());
    State::rotate_key(world.path(), "me", "yearly").unwrap();
    let keys = world.path().join("keys");
    // Before the key was replaced: only the note of the rotation is there.
    let cut = World { folder: tempfile::tempdir().unwrap(), clock: Arc::clone(&world.clock) };
    copy_folder(world.path(), cut.path());
    fs::remove_dir_all(cut.path().join("ledger")).unwrap();
    fs::remove_dir_all(cut.path().join("index")).unwrap();
    fs::remove_dir_all(cut.path().join("checkpoints")).unwrap();
    for name in ["host.key", "host.pub"] {
        fs::copy(before.path().join(name), cut.path().join("keys").join(name)).unwrap();
    }
    drop(cut.connector());
    assert!(!cut.path().join("keys/0001.rotation").exists());
    // After it: the public half is still the old one.
    let new_public = fs::read(keys.join("host.pub")).unwrap();
    fs::copy(before.path().join("host.pub"), keys.join("host.pub")).unwrap();
    drop(world.connector());
    assert_eq!(fs::read(keys.join("host.pub")).unwrap(), new_public);
    verify(world.path(), &VerifyOptions::default()).unwrap();
}

#[test]
fn another_format_is_refused_with_its_number_and_the_way_on() {
    for (version, expected) in [(0_u16, "state-too-old"), (2, "state-too-new")] {
        let world = World::new();
        let (state, connector) = world.connector();
        connector.open_window(live(0, 100)).unwrap();
        drop(connector);
        state.close().unwrap();
        let path = world.path().join("ledger/c/0000000000000000.segment");
        let mut bytes = fs::read(&path).unwrap();
        bytes[8..10].copy_from_slice(&version.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..90]);
        bytes[90..94].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        let state = world.open().0;
        let error = state.connector("c").map(drop).unwrap_err();
        assert_eq!(error.code(), expected);
        assert!(error.to_string().contains(&format!("format {version}")), "{error}");
        assert!(error.hint().unwrap().contains("chancery"), "{error}");
    }
}
