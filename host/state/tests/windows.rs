//! What windows, pages and files are remembered by: each answer with what would tell it from a wrong one.

use super::*;
use crate::item::limits::BOOKMARK_BYTES_MAX;

fn kind(kind: WindowKind, start_ms: i64, end_ms: i64) -> WindowOpen {
    let mut open = WindowOpen { kind, ..live(start_ms, end_ms) };
    if kind == WindowKind::Snapshot {
        open.interval.start_ms = None;
        open.subject = Some("inbox/chat.txt".to_owned());
    }
    open
}

fn close(bookmark: Option<&[u8]>) -> WindowClose {
    WindowClose { bookmark: bookmark.map(<[u8]>::to_vec), source_total: None, file: None }
}

fn memory(path: &str) -> FileMemory {
    FileMemory { path: path.to_owned(), size: 7, modified_ms: 8, sha256: [9; 32] }
}

/// Opens a window, stages one last page of these items and returns it.
fn read(connector: &ConnectorState, open: WindowOpen, page_name: [u8; 32], ids: &[&str]) -> WindowId {
    let window = connector.open_window(open).unwrap();
    let observations: Vec<Observation<'_>> = (0..).zip(ids).map(|(at, id)| observation(id, None, at)).collect();
    let bookmark = Some(&b"mark"[..]);
    connector.stage_page(StagedPage { page_name, bookmark, ..page(window, None, &observations) }).unwrap();
    window
}

#[test]
fn only_the_time_line_says_how_far_it_came_and_only_it_and_files_move_the_bookmark() {
    let world = World::new();
    let (_state, connector) = world.connector();
    assert_eq!(connector.covered_until_ms().unwrap(), None);
    for (kind_of, start_ms, end_ms, covered, mark, expect) in [
        (WindowKind::Backfill, 0, 50, None, "backfill", None),
        (WindowKind::Live, 100, 200, Some(200), "live", Some("live")),
        (WindowKind::Replay, 100, 200, Some(200), "replay", Some("live")),
        (WindowKind::Snapshot, 0, 300, Some(200), "snapshot", Some("snapshot")),
    ] {
        let window = read(&connector, kind(kind_of, start_ms, end_ms), [1; 32], &[]);
        connector.close_window(window, close(Some(mark.as_bytes()))).unwrap();
        assert_eq!(connector.covered_until_ms().unwrap(), covered, "{kind_of:?}");
        assert_eq!(connector.bookmark().unwrap().as_deref(), expect.map(str::as_bytes), "{kind_of:?}");
        let row = connector.window(window).unwrap();
        let subject = (kind_of == WindowKind::Snapshot).then_some("inbox/chat.txt");
        assert_eq!(row.subject.as_deref(), subject, "{kind_of:?}");
        assert_eq!(row.bookmark, None, "what a closed window's last page said is not asked for any more");
        assert_eq!(row.kind.name(), ["live", "snapshot", "backfill", "replay"][usize::from(kind_of.number())]);
    }
}

#[test]
fn a_bookmark_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let world = World::new();
    let (_state, connector) = world.connector();
    let window = read(&connector, live(0, 100), [1; 32], &[]);
    let refused = connector.close_window(window, close(Some(&vec![b'x'; BOOKMARK_BYTES_MAX + 1]))).unwrap_err();
    assert!(refused.to_string().contains("bookmark"), "{refused}");
    connector.close_window(window, close(Some(&vec![b'x'; BOOKMARK_BYTES_MAX]))).unwrap();
    assert_eq!(connector.bookmark().unwrap().map(|bookmark| bookmark.len()), Some(BOOKMARK_BYTES_MAX));
}

#[test]
fn each_file_is_remembered_by_its_own_path() {
    let world = World::new();
    let (_state, connector) = world.connector();
    for path in ["inbox/a.txt", "inbox/b.txt"] {
        assert_eq!(connector.file_memory(path).unwrap(), None);
        let open = WindowOpen { subject: Some(path.to_owned()), ..kind(WindowKind::Snapshot, 0, 100) };
        let window = read(&connector, open, [1; 32], &[]);
        connector.close_window(window, WindowClose { file: Some(memory(path)), ..close(None) }).unwrap();
    }
    for path in ["inbox/a.txt", "inbox/b.txt"] {
        assert_eq!(connector.file_memory(path).unwrap(), Some(memory(path)));
    }
    assert_eq!(connector.file_memory("inbox/c.txt").unwrap(), None);
}

#[test]
fn pages_are_kept_while_their_window_is_open_or_something_of_them_is_under_way_or_parked() {
    let world = World::new();
    let (_state, connector) = world.connector();
    use PageNeed::{Parked, Pending};
    let needs = || {
        let needed = connector.needed_pages(i64::MAX, 0).unwrap();
        needed.into_iter().map(|(name, need)| (name[0], need)).collect::<Vec<_>>()
    };
    let settled = |window| connector.pages(window).unwrap().iter().map(|page| page.settled).collect::<Vec<_>>();
    let delivered = read(&connector, live(0, 100), [1; 32], &["a"]);
    let parked = read(&connector, live(100, 200), [2; 32], &["b"]);
    let empty = read(&connector, live(200, 300), [3; 32], &[]);
    assert_eq!((needs(), settled(delivered)), (vec![(1, Pending), (2, Pending), (3, Pending)], vec![false]));
    connector.commit(group(|group| group.plan(plan(Ordinal(1), &["anna"])))).unwrap();
    let whole = Plan { copies: vec![], parked: Some(reason("unmapped")), ..plan(Ordinal(2), &[]) };
    connector.commit(group(|group| group.plan(whole))).unwrap();
    for window in [delivered, parked, empty] {
        connector.close_window(window, close(None)).unwrap();
    }
    assert_eq!(needs(), [(1, Pending), (2, Parked)], "one is under way, one is parked, the empty one is nobody's");
    assert_eq!((settled(delivered), settled(parked), settled(empty)), (vec![false], vec![true], vec![true]));
    deliver(&connector, &[copy(1, 0)]);
    assert_eq!((needs(), settled(delivered)), (vec![(2, Parked)], vec![true]));
    let row = connector.window(delivered).unwrap();
    let settled_at_ms = row.sealed_at_ms.or(row.closed_at_ms).unwrap();
    let need = |now_ms| connector.needed_pages(now_ms, 1).unwrap().get(&[1; 32]).copied();
    assert_eq!((need(settled_at_ms), need(settled_at_ms + 1)), (Some(PageNeed::Until(settled_at_ms + 1)), None));
}

#[test]
fn outcomes_keep_their_names_and_numbers() {
    let table =
        [(Outcome::Imported, "imported", 0), (Outcome::Partial, "partial", 1), (Outcome::Skipped, "skipped", 2)];
    for (outcome, name, number) in table {
        assert_eq!((outcome.name(), outcome.number()), (name, number));
    }
    let mut facts = Group::new();
    assert!((facts.is_empty(), facts.len()) == (true, 0));
    facts.plan(plan(Ordinal(1), &[]));
    facts.fail(copy(1, 0), reason("x"));
    assert!((facts.is_empty(), facts.len()) == (false, 2));
}
