//! The index's own structures against simple ones.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::collections::HashMap;

use super::{
    generation::Index,
    ids::{Ids, Known, duplicate_key},
    rows::Rows,
};
use crate::state::{
    keys::Names,
    row::{Copy, CopyState, Row, Step},
};

fn index() -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap().0;
    (folder, index)
}

#[test]
fn ids_are_found_through_every_merge_and_after_an_interruption() {
    let (_folder, index) = index();
    let names = Names::new(&[1; 32]);
    let mut ids = Ids::open(&index, "c", &[], 1).unwrap();
    let mut expected = HashMap::new();
    let mut summaries = (Vec::new(), 1);
    // Enough runs of enough sizes for merges of merges; filters of more than one piece.
    for round in 0..200_u64 {
        for at in 0..=(round % 40) * 20 {
            let key: [u8; 16] = names.name(&[&round.to_le_bytes(), &at.to_le_bytes()]);
            let known = Known { ordinal: round * 10_000 + at, owner: [round as u8; 8] };
            assert_eq!(ids.get(&key).unwrap(), None);
            ids.insert(key, known);
            expected.insert(key, known);
        }
        summaries = ids.write().unwrap();
        if round % 7 == 0 {
            ids.tidy().unwrap();
        }
        if round % 13 == 0 {
            // What was merged but not tidied is still there, and is removed now.
            ids = Ids::open(&index, "c", &summaries.0, summaries.1).unwrap();
        }
    }
    assert!(summaries.0.len() < 30, "{} runs", summaries.0.len());
    for (key, known) in &expected {
        assert_eq!(ids.get(key).unwrap().as_ref(), Some(known));
        assert_eq!(ids.get(&duplicate_key(key, &[9; 8])).unwrap(), None);
    }
    assert!(expected.len() > 70_000);
}

#[test]
fn an_id_taken_back_is_unknown() {
    let (_folder, index) = index();
    let mut ids = Ids::open(&index, "c", &[], 1).unwrap();
    ids.insert([1; 16], Known { ordinal: 1, owner: [0; 8] });
    ids.take_back(&[1; 16]);
    assert_eq!(ids.get(&[1; 16]).unwrap(), None);
    assert!(ids.write().unwrap().0.is_empty());
}

fn row(copies: usize) -> Row {
    let copy = |at: usize| Copy {
        destination: (at % 3) as u16,
        person: false,
        target: [at as u8; 16],
        state: CopyState::Intended([at as u8; 32]),
    };
    Row {
        window: 1,
        page: 2,
        position: 3,
        event: 0,
        flags: 0,
        of: None,
        duplicate: 0,
        entry: None,
        step: Step::Planned,
        copies: (0..copies).map(copy).collect(),
    }
}

#[test]
fn rows_of_every_size_are_read_back_with_their_neighbours() {
    let (_folder, index) = index();
    let mut rows = Rows::open(&index, "c").unwrap();
    let sizes = [0, 1, 17, 18, 19, 300, 700, 2, 0, 1_000];
    let mut expected: HashMap<u64, (u64, Row)> = HashMap::new();
    for group in 1..20_u64 {
        let mut changed: Vec<(u64, Row)> = (0..100_u64)
            .filter(|ordinal| (ordinal * 7 + group * 13) % 11 == 0)
            .map(|ordinal| (ordinal, row(sizes[((ordinal + group) % 10) as usize])))
            .collect();
        // A row never loses copies.
        for (ordinal, row) in &mut changed {
            if let Some((_, before)) = expected.get(ordinal)
                && before.copies.len() > row.copies.len()
            {
                row.copies = before.copies.clone();
                row.copies.iter_mut().for_each(|copy| copy.state = CopyState::Imported);
            }
        }
        rows.put(group, &changed.iter().map(|(ordinal, row)| (*ordinal, row)).collect::<Vec<_>>()).unwrap();
        if group % 3 == 0 {
            rows.tidy().unwrap();
        }
        for (ordinal, row) in changed {
            expected.insert(ordinal, (group, row));
        }
        for ordinal in 0..112 {
            let found = rows.get(ordinal).unwrap().map(|(_, row)| row);
            assert_eq!(found.as_ref(), expected.get(&ordinal).map(|(_, row)| row), "item {ordinal} in group {group}");
        }
    }
}
