//! Readings that end in odd places.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
use super::{
    super::{
        Batch,
        local::LocalFiles,
        record::{file_header, frame, push_commit},
        writer::read_entry,
    },
    *,
};
use crate::state::fact::{EntryRef, Fact};

const CONNECTOR: &str = "test";

/// A segment with one group of two facts and what follows it.
fn segment(after: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, LocalFiles) {
    let start = Position::start(CONNECTOR);
    let mut records = Vec::new();
    frame(&mut records, b"\x01one");
    frame(&mut records, b"\x01two");
    let commit = Commit { group: 1, facts: 2, at_ms: 0, private: start.private, chain: [0; 32] };
    push_commit(&mut records, &start.chain, commit);
    after(&mut records);
    let folder = tempfile::tempdir().unwrap();
    let mut files = LocalFiles::create(folder.path()).unwrap();
    let facts = [file_header(Part::Facts, CONNECTOR, &start), records].concat();
    files.create(0, &facts, &file_header(Part::Private, CONNECTOR, &start)).unwrap();
    (folder, files)
}

#[test]
fn where_reading_stopped_is_named_exactly() {
    let (_folder, files) = segment(|records| {
        frame(records, b"\x01three");
        frame(records, b"\x01four, torn");
        records.pop();
    });
    let mut groups = Groups::new(&files, CONNECTOR, Position::start(CONNECTOR)).unwrap();
    let after = match groups.next().unwrap() {
        Reading::Group(group) => {
            let file = std::fs::read(files.path(0, Part::Facts)).unwrap();
            assert_eq!(group.raw(), &file[FILE_HEADER_BYTES as usize..group.after.offset as usize]);
            let second = FILE_HEADER_BYTES + (FRAME_BYTES + 4) as u64;
            assert_eq!((group.place(0), group.place(1)), ((1, FILE_HEADER_BYTES), (2, second)));
            group.after
        }
        _ => panic!("the first group is whole"),
    };
    match groups.next().unwrap() {
        Reading::Unfinished { position, offset, record, .. } => {
            assert_eq!(position, after);
            // Two facts and their commit, a whole record, and the torn one.
            assert_eq!((offset, record), (after.offset + (FRAME_BYTES + 6) as u64, 5));
        }
        _ => panic!("the second has no commit"),
    }
}

#[test]
fn a_record_longer_than_what_is_read_at_once_is_read_whole() {
    let start = Position::start(CONNECTOR);
    let long = vec![1; 2 * CHUNK_BYTES + 7];
    let mut records = Vec::new();
    frame(&mut records, &long);
    push_commit(
        &mut records,
        &start.chain,
        Commit { group: 1, facts: 1, at_ms: 0, private: start.private, chain: [0; 32] },
    );
    let folder = tempfile::tempdir().unwrap();
    let mut files = LocalFiles::create(folder.path()).unwrap();
    let facts = [file_header(Part::Facts, CONNECTOR, &start), records].concat();
    files.create(0, &facts, &file_header(Part::Private, CONNECTOR, &start)).unwrap();
    let mut groups = Groups::new(&files, CONNECTOR, start).unwrap();
    match groups.next().unwrap() {
        Reading::Group(group) => assert!(group.bodies().eq([&long[..]])),
        _ => panic!("the group is whole"),
    }
}

#[test]
fn a_sealed_entry_that_is_cut_short_is_named_where_it_ends() {
    let (_folder, files) = segment(|_| {});
    let entry = EntryRef { segment: 0, offset: FILE_HEADER_BYTES - 3, bytes: 5 };
    match read_entry(&files, &entry) {
        Err(StateError::Damaged { file, offset, .. }) => {
            assert_eq!((file, offset), (files.path(0, Part::Private), FILE_HEADER_BYTES));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read_entry(&files, &EntryRef { bytes: 3, ..entry }).unwrap().len(), 3);
}

#[test]
fn a_batch_knows_whether_it_holds_anything_and_how_much_it_may() {
    let mut batch = Batch::default();
    assert!(batch.is_empty());
    let fact = Fact::KeyRotated { note: b"note" };
    batch.push(&fact).unwrap();
    assert!(!batch.is_empty());
    batch.private().resize(GROUP_BYTES_MAX / 2, 0);
    batch.push(&fact).unwrap();
    batch.private().push(0);
    assert_eq!(batch.push(&fact).unwrap_err().code(), "group-too-large");
    batch.clear();
    assert!(batch.is_empty() && batch.private().is_empty());
    batch.push(&fact).unwrap();
}

#[test]
fn a_segment_that_is_not_there_is_damage_and_a_new_ledger_is_none() {
    for (there, segment, is_new) in
        [(&[][..], 0, true), (&[], 1, false), (&[1], 0, false), (&[0], 1, false), (&[0, 2], 1, false)]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LocalFiles::create(folder.path()).unwrap();
        there.iter().for_each(|&segment| files.create(segment, b"", b"").unwrap());
        let position = Position { segment, ..Position::start(CONNECTOR) };
        let mut groups = Groups::new(&files, CONNECTOR, position).unwrap();
        match groups.next() {
            Ok(Reading::End(end)) => assert!(is_new && end == position, "{there:?}, from {segment}"),
            Err(StateError::Damaged { what, .. }) => {
                assert!(!is_new && what.contains("missing"), "{there:?}, from {segment}: {what}");
            }
            _ => panic!("{there:?}, from {segment}"),
        }
    }
}
