//! Whoever can write the files, but has no key, is found out: records swapped, inserted, replayed or rewritten with every
//! checksum and the whole chain made to fit. What only a copy kept elsewhere can show is shown by that copy.

use super::{damage::small, *};
use crate::state::{fact::Fact, ledger::rewriting};

const SEGMENT: &str = "ledger/c/0000000000000000.segment";

/// The groups of the first segment, each a list of records as they stand, the commit last.
fn groups(world: &World) -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
    let bytes = fs::read(world.path().join(SEGMENT)).unwrap();
    let (header, mut rest) = bytes.split_at(94);
    let mut groups = vec![Vec::new()];
    while !rest.is_empty() {
        let length = 8 + u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        let (record, after) = rest.split_at(length);
        groups.last_mut().unwrap().push(record.to_vec());
        if record[8] == 0xff {
            groups.push(Vec::new());
        }
        rest = after;
    }
    groups.pop();
    (header.to_vec(), groups)
}

fn write(world: &World, header: &[u8], groups: &[Vec<Vec<u8>>]) {
    let records: Vec<u8> = groups.iter().flatten().flatten().copied().collect();
    fs::write(world.path().join(SEGMENT), [header, &records].concat()).unwrap();
}

/// One large segment, sealed windows, a signed head.
fn one_segment() -> World {
    let world = World::new();
    let (state, connector) = world.connector();
    for round in 0..2 {
        let window = connector.open_window(live(round * 100, round * 100 + 100)).unwrap();
        let ids = [format!("a{round}"), format!("b{round}")];
        let observations = [observation(&ids[0], None, 0), observation(&ids[1], None, 1)];
        connector.stage_page(page(window, None, &observations)).unwrap();
        let first = round as u64 * 2 + 1;
        connector
            .commit(group(|group| (first..first + 2).for_each(|item| group.plan(plan(Ordinal(item), &["anna"])))))
            .unwrap();
        deliver(&connector, &[copy(first, 0), copy(first + 1, 0)]);
        connector.close_window(window, WindowClose::default()).unwrap();
        assert!(connector.seal_if_settled(window).unwrap());
    }
    state.close().unwrap();
    world
}

fn expect_found(world: &World, what: &str) {
    let error = verify(world.path(), &only("c")).expect_err(what);
    assert!(matches!(error.code(), "ledger-damaged" | "ledger-behind"), "{what}: {error}");
}

#[test]
fn records_swapped_inserted_repeated_or_left_out_are_found() {
    let world = one_segment();
    let (header, whole) = groups(&world);
    let mut tried = 0;
    let mut expect = |groups: &[Vec<Vec<u8>>], what: String| {
        write(&world, &header, groups);
        expect_found(&world, &what);
        tried += 1;
    };
    for at in 0..whole.len() {
        for other in at + 1..whole.len() {
            let mut swapped = whole.clone();
            swapped.swap(at, other);
            expect(&swapped, format!("groups {at} and {other} swapped"));
        }
        let mut repeated = whole.clone();
        repeated.insert(at, whole[at].clone());
        expect(&repeated, format!("group {at} repeated"));
        let mut replayed = whole.clone();
        replayed.push(whole[at].clone());
        expect(&replayed, format!("group {at} replayed at the end"));
        let mut left_out = whole.clone();
        left_out.remove(at);
        expect(&left_out, format!("group {at} left out"));
        for record in 0..whole[at].len() {
            let mut without = whole.clone();
            without[at].remove(record);
            expect(&without, format!("record {record} of group {at} left out"));
            let mut twice = whole.clone();
            twice[at].insert(record, whole[at][record].clone());
            expect(&twice, format!("record {record} of group {at} repeated"));
            for other in record + 1..whole[at].len() {
                if whole[at][record] != whole[at][other] {
                    let mut swapped = whole.clone();
                    swapped[at].swap(record, other);
                    expect(&swapped, format!("records {record} and {other} of group {at} swapped"));
                }
            }
        }
        let mut moved = whole.clone();
        let record = moved[at].remove(0);
        let last = (at + 1) % whole.len();
        moved[last].insert(0, record);
        expect(&moved, format!("the first record of group {at} moved to another"));
        // The ledger ends early, exactly between two groups.
        expect(&whole[..at], format!("cut off before group {at}"));
    }
    assert!(tried > 150, "{tried}");
    write(&world, &header, &whole);
    verify(world.path(), &only("c")).unwrap();
}

#[test]
fn a_ledger_written_anew_without_the_key_is_found_even_when_its_whole_chain_fits() {
    let world = one_segment();
    let (header, whole) = groups(&world);
    let mut facts: Vec<Vec<Vec<u8>>> =
        whole.iter().map(|group| group.iter().map(|record| record[8..].to_vec()).collect()).collect();
    // Every group but those that seal: a changed fact, all checksums, group numbers and the chain right.
    for at in 0..facts.len() {
        let kept = facts[at][0].clone();
        if matches!(Fact::parse(&kept), Ok(Fact::WindowSealed { .. })) {
            continue;
        }
        let forged = match Fact::parse(&kept).unwrap() {
            Fact::Intended { ordinal, copy, .. } => Fact::Intended { ordinal, copy, sha256: [9; 32] },
            Fact::Received { ordinal, copy, .. } => Fact::Received { ordinal, copy, outcome: 2, sealed: None },
            Fact::WindowClosed { window, .. } => {
                Fact::WindowClosed { window, source_total: Some(7), bookmark: false, file: None, sealed: None }
            }
            Fact::WindowOpened { window, kind, start_ms, pins, sealed, .. } => {
                Fact::WindowOpened { window, kind, start_ms, end_ms: 1_000, pins, sealed }
            }
            Fact::PageStaged { window, page, name, first, items, last, sealed, .. } => {
                Fact::PageStaged { window, page, name, first, items, seen: 5, last, sealed }
            }
            Fact::Planned { ordinal, again, copies, sealed, .. } => {
                Fact::Planned { ordinal, again, parked: None, excluded: Some("forged"), copies, sealed }
            }
            other => other,
        };
        let forged = postcard::to_stdvec(&forged).unwrap();
        assert_ne!(forged, kept, "group {at}");
        facts[at][0] = forged;
        let records = rewriting::chained("c", &facts);
        fs::write(world.path().join(SEGMENT), [&header[..], &records].concat()).unwrap();
        expect_found(&world, &format!("group {at} forged"));
        facts[at][0] = kept;
    }
    // The same rewriting of what was there gives the same bytes: it is a faithful forger.
    let again = rewriting::chained("c", &facts);
    assert_eq!([&header[..], &again].concat(), fs::read(one_way_back(&world, &header, &whole)).unwrap());
}

#[test]
fn a_rotation_to_a_foreign_key_is_found_although_it_is_well_signed() {
    let note_of = |world: &World| fs::read(world.path().join("keys/0001.rotation")).unwrap();
    let world = one_segment();
    State::rotate_key(world.path(), "me", "yearly").unwrap();
    let (state, connector) = world.connector();
    drop(connector);
    state.close().unwrap();
    verify(world.path(), &only("c")).unwrap();
    let (header, whole) = groups(&world);
    let mut facts: Vec<Vec<Vec<u8>>> =
        whole.iter().map(|group| group.iter().map(|record| record[8..].to_vec()).collect()).collect();
    // A forger replaces his own first key by his own second one, after everything that the host signed.
    let forger = one_segment();
    State::rotate_key(forger.path(), "forger", "").unwrap();
    let foreign = postcard::to_stdvec(&Fact::KeyRotated { note: &note_of(&forger) }).unwrap();
    let mut commit = facts.last().unwrap().last().unwrap().clone();
    let group = u64::from_le_bytes(commit[1..9].try_into().unwrap()) + 1;
    commit[1..9].copy_from_slice(&group.to_le_bytes());
    commit[9..13].copy_from_slice(&1_u32.to_le_bytes());
    facts.push(vec![foreign, commit]);
    let records = rewriting::chained("c", &facts);
    fs::write(world.path().join(SEGMENT), [&header[..], &records].concat()).unwrap();
    let error = verify(world.path(), &only("c")).unwrap_err().to_string();
    assert!(error.contains("not of the key in force here"), "{error}");
}

fn one_way_back(world: &World, header: &[u8], whole: &[Vec<Vec<u8>>]) -> PathBuf {
    write(world, header, whole);
    verify(world.path(), &only("c")).unwrap();
    world.path().join(SEGMENT)
}

#[test]
fn a_whole_folder_rolled_back_is_shown_by_a_copy_kept_elsewhere() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    state.close().unwrap();
    drop(connector);
    let before = tempfile::tempdir().unwrap();
    copy_folder(world.path(), before.path());
    let (state, connector) = world.connector();
    connector.stage_page(page(window, None, &[])).unwrap();
    connector.close_window(window, WindowClose::default()).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
    state.close().unwrap();
    let copies = tempfile::tempdir().unwrap();
    copy_folder(&world.path().join("checkpoints"), copies.path());
    let against = [copies.path().to_owned()];
    let options = VerifyOptions { connector: Some("c"), copies: &against, ..VerifyOptions::default() };
    assert_eq!(verify(world.path(), &options).unwrap().ledgers[0].copies_matched, 1);
    // Ledger, sidecar, head, index and checkpoints, all of them older: by themselves they are in order.
    verify(before.path(), &only("c")).unwrap();
    assert_eq!(code(verify(before.path(), &options)), "ledger-behind");
    // Accepting it in the ledger explains the copy, and says so for ever.
    rebuild(before.path(), "me", Some("an old snapshot was put back")).unwrap();
    assert_eq!(verify(before.path(), &options).unwrap().ledgers[0].superseded_files, 1);
    // It explains nothing that was signed after it: taking the folder back once more is found again.
    let again = tempfile::tempdir().unwrap();
    copy_folder(before.path(), again.path());
    let (state, _) = State::open(before.path()).unwrap();
    let connector = state.connector("c").unwrap();
    connector.stage_page(page(window, None, &[])).unwrap();
    connector.close_window(window, WindowClose::default()).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
    state.close().unwrap();
    copy_folder(&before.path().join("checkpoints"), copies.path());
    let report = verify(before.path(), &options).unwrap();
    assert_eq!((report.ledgers[0].copies_matched, report.ledgers[0].superseded_files), (1, 1));
    verify(again.path(), &only("c")).unwrap();
    assert_eq!(code(verify(again.path(), &options)), "ledger-behind");
    // A copy that was changed is no copy.
    let (_, file) = list(&copies.path().join("c")).unwrap().remove(0);
    let note = fs::read(&file).unwrap();
    for at in 0..note.len() {
        let mut flipped = note.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&file, flipped).unwrap();
        assert_eq!(code(verify(world.path(), &options)), "ledger-damaged", "byte {at}");
    }
}

#[test]
fn sealed_entries_cannot_change_places() {
    let world = small();
    let path = world.path().join("ledger/c/0000000000000000.private");
    let whole = fs::read(&path).unwrap();
    // Any two stretches of one length, as two entries of one size would be.
    for length in [16, 48] {
        let (first, second) = (94, 94 + length);
        let mut swapped = whole.clone();
        swapped[first..first + length].copy_from_slice(&whole[second..second + length]);
        swapped[second..second + length].copy_from_slice(&whole[first..first + length]);
        fs::write(&path, swapped).unwrap();
        expect_found(&world, "entries swapped");
    }
}

#[test]
fn the_ledger_of_another_connector_is_not_taken_for_this_one() {
    let world = one_segment();
    fs::rename(world.path().join("ledger/c"), world.path().join("ledger/d")).unwrap();
    let error = verify(world.path(), &only("d")).unwrap_err();
    assert!(error.to_string().contains("the header names another connector"), "{error}");
}
