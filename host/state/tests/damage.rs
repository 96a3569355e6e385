//! Every byte counts: what is flipped, cut or missing is found and named.

use std::sync::Mutex;

use super::*;
use crate::state::ledger::{Ledger, LocalFiles, Part, Storage};

/// A small ledger with every kind of file: several segments, an erased item, checkpoints, a signed head.
pub(super) fn small() -> World {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.set_segment_bytes_max(900).unwrap();
    for round in 0..2 {
        let window = connector.open_window(live(round * 100, round * 100 + 100)).unwrap();
        let ids = [format!("a{round}"), format!("b{round}")];
        let observations = [observation(&ids[0], Some("anna"), 0), observation(&ids[1], None, 1)];
        connector.stage_page(page(window, None, &observations)).unwrap();
        let first = round as u64 * 2 + 1;
        connector
            .commit(group(|group| {
                group.plan(plan(Ordinal(first), &["anna"]));
                group.plan(Plan { parked: Some(reason("unmapped")), ..plan(Ordinal(first + 1), &[]) });
            }))
            .unwrap();
        deliver(&connector, &[copy(first, 0)]);
        connector.close_window(window, WindowClose::default()).unwrap();
        assert!(connector.seal_if_settled(window).unwrap());
    }
    connector.erase(Ordinal(1), "why", "me").unwrap();
    state.close().unwrap();
    world
}

#[test]
fn every_flipped_byte_is_found_and_its_place_named() {
    let world = small();
    let report = verify(world.path(), &only("c")).unwrap();
    let ledger = &report.ledgers[0];
    assert!(ledger.segments > 1, "{report:?}");
    assert_eq!((ledger.groups, ledger.facts, ledger.entries, ledger.erased), (15, 21, 9, 2), "{report:?}");
    let mut paths = world.ledger_files();
    paths.extend(list(&world.path().join("checkpoints/c")).unwrap().into_iter().map(|(_, path)| path));
    assert!(paths.len() > 6);
    for path in paths {
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            let error = verify(world.path(), &only("c")).expect_err(&format!("byte {at} of {}", path.display()));
            let text = error.to_string();
            match &error {
                StateError::Damaged { file, offset, record, .. } => {
                    assert_eq!(file, &path, "byte {at}: {text}");
                    assert!(*offset <= at as u64, "byte {at}: {text}");
                    assert!(at as u64 - offset < 1_000, "byte {at}: {text}");
                    assert!(*record > 0 || *offset == 0, "byte {at}: {text}");
                }
                StateError::Format { file, .. } => assert_eq!(file, &path),
                other => panic!("byte {at} of {}: {other}", path.display()),
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    verify(world.path(), &only("c")).unwrap();
}

#[test]
fn every_missing_or_added_byte_is_found() {
    let world = small();
    for path in world.ledger_files() {
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(verify(world.path(), &only("c")).is_err(), "{length} bytes of {}", path.display());
        }
        for more in [&b"\0"[..], b"signature", &[0; 100]] {
            fs::write(&path, [&whole, more].concat()).unwrap();
            assert!(verify(world.path(), &only("c")).is_err(), "{more:?} after {}", path.display());
        }
        fs::remove_file(&path).unwrap();
        // Without the head, a whole ledger is still whole: the head is for what is missing after it.
        assert_eq!(verify(world.path(), &only("c")).is_ok(), path.ends_with("head"), "{}", path.display());
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_ledger_that_is_gone_is_missed_by_its_checkpoints() {
    let world = small();
    fs::remove_dir_all(world.path().join("ledger/c")).unwrap();
    fs::remove_dir_all(world.path().join("index")).unwrap();
    let error = world.open().0.connector("c").map(drop).unwrap_err();
    assert_eq!(error.code(), "ledger-behind");
    assert!(error.to_string().contains("not one record"), "{error}");
}

#[test]
fn an_entry_overwritten_without_a_decision_is_found() {
    let world = small();
    let path = world.path().join("ledger/c/0000000000000000.private");
    let whole = fs::read(&path).unwrap();
    // The first page's entry begins after the header; zeros all through it look like an erased entry.
    let mut wiped = whole.clone();
    wiped[94..].fill(0);
    fs::write(&path, wiped).unwrap();
    let error = verify(world.path(), &only("c")).unwrap_err().to_string();
    assert!(error.contains("no decision to erase it is recorded"), "{error}");
}

#[test]
fn a_ledger_under_another_name_or_host_does_not_verify() {
    let world = small();
    let ledgers = world.path().join("ledger");
    fs::rename(ledgers.join("c"), ledgers.join("d")).unwrap();
    assert_eq!(code(verify(world.path(), &only("d"))), "ledger-damaged");
    fs::rename(ledgers.join("d"), ledgers.join("c")).unwrap();
    let other = World::new();
    fs::copy(other.path().join("keys/host.pub"), world.path().join("keys/host.pub")).unwrap();
    assert_eq!(code(verify(world.path(), &only("c"))), "ledger-damaged");
    assert_eq!(code(verify(world.path(), &only("e"))), "state-unknown");
}

#[test]
fn verification_needs_no_secret_and_runs_beside_a_host() {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.open_window(live(0, 100)).unwrap();
    let report = verify(world.path(), &VerifyOptions::default()).unwrap();
    assert_eq!(report.ledgers.last().unwrap().facts, 1);
    // The host writes the sidecar first: it may be ahead of the facts, but never behind.
    let private = world.path().join("ledger/c/0000000000000000.private");
    let whole = fs::read(&private).unwrap();
    fs::write(&private, [&whole[..], b"more"].concat()).unwrap();
    verify(world.path(), &VerifyOptions::default()).unwrap();
    fs::write(&private, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(code(verify(world.path(), &VerifyOptions::default())), "ledger-damaged");
    fs::write(&private, &whole).unwrap();
    state.close().unwrap();
    fs::write(&private, [&whole[..], b"more"].concat()).unwrap();
    assert_eq!(code(verify(world.path(), &VerifyOptions::default())), "ledger-damaged");
    fs::write(&private, &whole).unwrap();
    fs::remove_file(world.path().join("keys/host.key")).unwrap();
    fs::remove_file(world.path().join("keys/master.key")).unwrap();
    verify(world.path(), &VerifyOptions::default()).unwrap();
}

#[test]
fn a_torn_last_group_is_dropped_wherever_it_was_torn() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    connector.stage_page(page(window, Some(b"x"), &[observation("a", None, 0)])).unwrap();
    let [facts, private] =
        ["segment", "private"].map(|kind| world.path().join(format!("ledger/c/0000000000000000.{kind}")));
    let before = [fs::read(&facts).unwrap().len(), fs::read(&private).unwrap().len()];
    connector.commit(group(|group| group.plan(plan(Ordinal(1), &["anna"])))).unwrap();
    drop((state, connector));
    let whole = [fs::read(&facts).unwrap(), fs::read(&private).unwrap()];
    let folder = world.path().join("ledger/c");
    let open = || Ledger::open("c", Box::new(LocalFiles::create(&folder).unwrap()));
    // The sidecar is synced first, so it is whole or the segment has nothing new.
    for length in before[0]..whole[0].len() {
        fs::write(&facts, &whole[0][..length]).unwrap();
        fs::write(&private, &whole[1]).unwrap();
        let (ledger, dropped) = open().unwrap();
        assert_eq!(ledger.position().group, 2, "cut at {length}");
        let dropped = dropped.unwrap();
        assert_eq!(dropped.facts_bytes as usize, length - before[0]);
        assert_eq!(dropped.private_bytes as usize, whole[1].len() - before[1]);
        assert_eq!(fs::read(&facts).unwrap(), &whole[0][..before[0]]);
        assert_eq!(fs::read(&private).unwrap(), &whole[1][..before[1]]);
    }
    for length in before[1] + 1..whole[1].len() {
        fs::write(&facts, &whole[0][..before[0]]).unwrap();
        fs::write(&private, &whole[1][..length]).unwrap();
        assert_eq!(open().unwrap().1.unwrap().private_bytes as usize, length - before[1]);
    }
    // A power cut may also leave holes: blocks that were never written.
    for hole in before[0]..whole[0].len() {
        let mut torn = whole[0].clone();
        if torn[hole..].iter().all(|byte| *byte == 0) {
            continue;
        }
        torn[hole..].fill(0);
        fs::write(&facts, &torn).unwrap();
        fs::write(&private, &whole[1]).unwrap();
        assert_eq!(open().unwrap().0.position().group, 2, "zeros from {hole}");
    }
    // Or one in the middle: the commit is whole, and what it commits is not.
    let commit = whole[0].len() - 8 - 61;
    for hole in before[0]..commit {
        let mut torn = whole[0].clone();
        torn[hole] ^= 1;
        fs::write(&facts, &torn).unwrap();
        fs::write(&private, &whole[1]).unwrap();
        assert_eq!(open().unwrap().0.position().group, 2, "a hole at {hole}");
    }
    // Whole, nothing is dropped.
    fs::write(&facts, &whole[0]).unwrap();
    fs::write(&private, &whole[1]).unwrap();
    assert_eq!(open().unwrap().1, None);
    // A committed group whose sidecar is short was not torn: the sidecar was synced first.
    fs::write(&private, &whole[1][..whole[1].len() - 1]).unwrap();
    assert!(matches!(open(), Err(StateError::Damaged { .. })));
}

/// Files that say what is written to them once more.
struct Watched {
    files: LocalFiles,
    renewed: Arc<Mutex<Vec<(Part, u64)>>>,
}

impl Storage for Watched {
    fn segments(&self) -> Result<Vec<u64>, StateError> {
        self.files.segments()
    }

    fn create(&mut self, segment: u64, facts: &[u8], private: &[u8]) -> Result<(), StateError> {
        self.files.create(segment, facts, private)
    }

    fn append(&mut self, segment: u64, part: Part, offset: u64, bytes: &[u8]) -> Result<(), StateError> {
        self.files.append(segment, part, offset, bytes)
    }

    fn length(&self, segment: u64, part: Part) -> Result<u64, StateError> {
        self.files.length(segment, part)
    }

    fn read(&self, segment: u64, part: Part, offset: u64, bytes: &mut [u8]) -> Result<usize, StateError> {
        self.files.read(segment, part, offset, bytes)
    }

    fn renew(&mut self, segment: u64, part: Part, offset: u64) -> Result<(), StateError> {
        self.renewed.lock().unwrap().push((part, offset));
        self.files.renew(segment, part, offset)
    }

    fn truncate(&mut self, segment: u64, part: Part, length: u64) -> Result<(), StateError> {
        self.files.truncate(segment, part, length)
    }

    fn remove(&mut self, segment: u64) -> Result<(), StateError> {
        self.files.remove(segment)
    }

    fn erase(&mut self, segment: u64, offset: u64, length: u64) -> Result<(), StateError> {
        self.files.erase(segment, offset, length)
    }

    fn path(&self, segment: u64, part: Part) -> PathBuf {
        self.files.path(segment, part)
    }
}

#[test]
fn a_last_group_that_was_perhaps_not_synced_is_written_once_more() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    let sizes = || {
        let size = |kind| fs::metadata(world.path().join(format!("ledger/c/0000000000000000.{kind}"))).unwrap().len();
        [(Part::Private, size("private")), (Part::Facts, size("segment"))]
    };
    let before = sizes();
    connector.stage_page(page(window, Some(b"x"), &[observation("a", None, 0)])).unwrap();
    drop((state, connector));
    let files = world.ledger_files();
    let bytes = || files.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    let written = bytes();

    let renewed = Arc::new(Mutex::new(Vec::new()));
    let folder = world.path().join("ledger/c");
    let files = LocalFiles::create(&folder).unwrap();
    let (mut ledger, dropped) = Ledger::open("c", Box::new(Watched { files, renewed: Arc::clone(&renewed) })).unwrap();
    assert_eq!(dropped, None);
    let end = ledger.position();
    ledger.confirm(Some(&end)).unwrap();
    assert_eq!(*renewed.lock().unwrap(), [], "the signed head names it");
    ledger.confirm(None).unwrap();
    assert_eq!(*renewed.lock().unwrap(), before, "the sidecar first, each from where the group begins");
    assert_eq!(bytes(), written, "the same bytes");
}

#[test]
fn a_dropped_tail_is_recorded_and_announced() {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.open_window(live(0, 100)).unwrap();
    drop((state, connector));
    let path = world.path().join("ledger/c/0000000000000000.segment");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"half a group"].concat()).unwrap();
    assert_eq!(code(verify(world.path(), &only("c"))), "ledger-damaged");
    let (state, connector) = world.connector();
    let told = state.take_announcements();
    assert_eq!((told.len(), told[0].connector.as_deref()), (1, Some("c")));
    assert!(told[0].text.contains("(12 and 0 bytes)"), "{}", told[0].text);
    assert_eq!(connector.windows().unwrap().len(), 1);
    drop((state, connector));
    assert_eq!(verify(world.path(), &only("c")).unwrap().ledgers[0].facts, 2);
    let (state, _connector) = world.connector();
    assert_eq!(state.take_announcements(), []);
}

#[test]
fn damage_before_the_last_group_is_refused_with_its_place() {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.open_window(live(0, 100)).unwrap();
    let path = world.path().join("ledger/c/0000000000000000.segment");
    let first = fs::read(&path).unwrap().len();
    connector.remember("account", b"1").unwrap();
    drop((state, connector));
    let whole = fs::read(&path).unwrap();
    for at in 94..first {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        let state = world.open().0;
        let error = state.connector("c").map(drop).unwrap_err();
        assert!(
            matches!(&error, StateError::Damaged { file, record, .. } if file == &path && *record > 0),
            "byte {at}: {error}"
        );
        assert_eq!(fs::read(&path).unwrap(), flipped, "nothing is cut off");
        assert!(error.hint().unwrap().contains("backup"));
    }
}

#[test]
fn a_segment_whose_creation_was_cut_off_is_begun_again() {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.set_segment_bytes_max(1).unwrap();
    connector.open_window(live(0, 100)).unwrap();
    let before = answers(&connector);
    drop((state, connector));
    let folder = world.path().join("ledger/c");
    // The sidecar is created first; then the segment, whose header may be half there.
    for half in [None, Some(0), Some(50)] {
        fs::write(folder.join("0000000000000001.private"), b"half").unwrap();
        if let Some(length) = half {
            fs::write(folder.join("0000000000000001.segment"), vec![0; length]).unwrap();
        }
        let (state, connector) = world.connector();
        assert_eq!(answers(&connector), before);
        connector.set_segment_bytes_max(1).unwrap();
        connector.remember("account", b"1").unwrap();
        connector.remember("other", b"1").unwrap();
        drop((state, connector));
        verify(world.path(), &only("c")).unwrap();
        for (name, path) in list(&folder).unwrap() {
            if !name.starts_with("0000000000000000") {
                fs::remove_file(path).unwrap();
            }
        }
        fs::remove_dir_all(world.path().join("index")).unwrap();
    }
}
