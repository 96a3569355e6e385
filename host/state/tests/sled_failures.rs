//! Every way in which sled is known to fail ends in an index built anew, announced, within a time limit, and the answers
//! stay those of the ledger.
//!
//! An opening of sled's that never returns leaves a thread behind that cannot be ended, so each case runs in a process of
//! its own, which can. What the index writes stays under sled's threshold for values in files of their own (`blobs/`),
//! which is checked too: those files are never synced, and what sled does without one differs from case to case.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::*;

/// Names the case in the process of its own.
const CASE: &str = "CHANCERY_SLED_CASE";
/// A case that takes longer hangs.
const CASE_TIME_MAX: Duration = Duration::from_secs(120);
/// What opening may take here instead of the product's minute.
const OPEN_TIME_MAX: Duration = Duration::from_secs(3);

/// Runs a case in a process of its own and fails when that fails or hangs.
fn alone(case: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "state::tests::sled_failures::one_case", "--nocapture"])
        .env(CASE, case)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > CASE_TIME_MAX {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{case}: it hangs");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    assert!(status.success(), "{case}: {status}");
}

#[test]
fn an_opening_that_never_returns() {
    alone("hanging open");
}

#[test]
fn a_missing_blob() {
    alone("missing blob");
}

#[test]
fn an_empty_blob() {
    alone("empty blob");
}

#[test]
fn an_emptied_snapshot() {
    alone("emptied snapshot");
}

#[test]
fn a_log_that_was_cut() {
    alone("cut log");
}

#[test]
fn a_flipped_byte() {
    alone("flipped byte");
}

/// Does nothing but in a process that [`alone`] started.
#[test]
fn one_case() {
    let Ok(case) = std::env::var(CASE) else { return };
    let world = World::new();
    let (state, connector) = world.connector();
    fill(&connector);
    let before = answers(&connector);
    drop(connector);
    state.close().unwrap();
    let generation = list(&world.path().join("index")).unwrap().into_iter().find(|(name, _)| name.starts_with("gen-"));
    let (_, generation) = generation.unwrap();
    assert!(list(&generation.join("blobs")).unwrap().is_empty(), "the index has values that sled never syncs");
    if case.ends_with("blob") {
        // The index keeps its values under sled's threshold; this one stands for what a defect might write.
        let db = sled::Config::new().path(&generation).mode(sled::Mode::LowSpace).open().unwrap();
        db.insert("large", vec![7_u8; 2 << 20]).unwrap();
        db.flush().unwrap();
    } else {
        // sled writes its snapshot when it opens.
        drop(world.connector());
    }
    let spoil = |part: &str, change: &dyn Fn(&Path)| {
        let files = list(&generation.join(part)).unwrap_or_default();
        let files: Vec<PathBuf> = files.into_iter().map(|(_, path)| path).collect();
        assert!(!files.is_empty(), "there is nothing to spoil in `{part}`");
        files.iter().for_each(|file| change(file));
    };
    let rebuilds = match case.as_str() {
        "missing blob" => {
            spoil("blobs", &|file| fs::remove_file(file).unwrap());
            false
        }
        "empty blob" => {
            spoil("blobs", &|file| fs::write(file, b"").unwrap());
            false
        }
        "hanging open" => {
            // Opening a pipe that nobody writes to waits for ever.
            let conf = generation.join("conf");
            fs::remove_file(&conf).unwrap();
            assert!(Command::new("mkfifo").arg(&conf).status().unwrap().success());
            true
        }
        "emptied snapshot" => {
            let snapshots: Vec<_> =
                list(&generation).unwrap().into_iter().filter(|(name, _)| name.starts_with("snap")).collect();
            assert!(!snapshots.is_empty());
            snapshots.iter().for_each(|(_, path)| fs::write(path, b"").unwrap());
            true
        }
        "cut log" => {
            let log = generation.join("db");
            let whole = fs::read(&log).unwrap();
            let written = whole.iter().rposition(|byte| *byte != 0).unwrap();
            fs::write(&log, &whole[..written / 2]).unwrap();
            false
        }
        "flipped byte" => {
            let log = generation.join("db");
            let mut bytes = fs::read(&log).unwrap();
            let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            bytes[written / 2] ^= 0x10;
            fs::write(&log, bytes).unwrap();
            false
        }
        other => panic!("no such case: {other}"),
    };
    let started = Instant::now();
    let mut announced = false;
    // sled may notice only in use what it did not notice at open; then the next start builds the index anew.
    for start in 1.. {
        assert!(start < 4, "the index does not recover");
        let clock = Arc::clone(&world.clock);
        let clock: Clock = Arc::new(move || clock.fetch_add(1, Ordering::Relaxed));
        let (state, told) = State::open_within(world.path(), clock, OPEN_TIME_MAX).unwrap();
        announced |= told.iter().any(|told| told.text.contains("the index is rebuilt from the ledgers"));
        let Ok(connector) = state.connector("c") else { continue };
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answers(&connector)));
        let Ok(found) = found else { continue };
        assert_eq!(found, before, "{case}");
        break;
    }
    assert!(announced || !rebuilds, "{case}: the rebuild was not announced");
    assert!(started.elapsed() < OPEN_TIME_MAX + Duration::from_secs(20), "{case}: {:?}", started.elapsed());
    // The thread that spins ends with this process.
    std::process::exit(0);
}

/// A few hundred items, some parked.
fn fill(connector: &ConnectorState) {
    let window = connector.open_window(live(0, 100)).unwrap();
    let ids: Vec<String> = (0..300).map(|at| format!("item {at}")).collect();
    let observations: Vec<_> = (0..).zip(&ids).map(|(at, id)| observation(id, Some("anna"), at)).collect();
    connector.stage_page(page(window, None, &observations)).unwrap();
    let plans = group(|group| {
        for ordinal in 1..=300 {
            let whole = plan(Ordinal(ordinal), &["anna", "ben"]);
            let parked = Plan { parked: Some(reason("unmapped")), ..plan(Ordinal(ordinal), &[]) };
            group.plan(if ordinal % 7 == 0 { parked } else { whole });
        }
    });
    connector.commit(plans).unwrap();
    let copies: Vec<_> = (1..=300).filter(|ordinal| ordinal % 7 != 0).map(|ordinal| copy(ordinal, 0)).collect();
    deliver(connector, &copies);
}
