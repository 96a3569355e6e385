//! Copies that are written again: what may be recorded of it, and what it leaves as it was.

use std::collections::BTreeSet;

use super::*;
use crate::state::{Act, Mailbox, Receipts, Repair, RepairOutcome, Repaired};

const SHA256: [u8; 32] = [1; 32];

fn repair(copy: CopyKey) -> Group {
    let (reason, actor) = ("case 12".to_owned(), "ann".to_owned());
    group(|group| group.repair(Repair { copy, sha256: SHA256, reason, actor }))
}

fn repaired(copy: CopyKey, outcome: RepairOutcome, token: &[u8]) -> Group {
    group(|group| group.repaired(Repaired { copy, outcome, token: token.to_vec() }))
}

/// Items 1 and 2 are delivered to `a` and `b`, item 3 is planned for `a`, and the window is closed.
fn delivered(connector: &ConnectorState) -> WindowId {
    let window = connector.open_window(live(0, 100)).unwrap();
    let observations = [("x", 0), ("y", 1), ("z", 2)].map(|(id, at)| observation(id, None, at));
    connector.stage_page(page(window, None, &observations)).unwrap();
    connector.commit(group(|group| (1..=3).for_each(|item| group.plan(plan(Ordinal(item), &["a", "b"]))))).unwrap();
    deliver(connector, &[copy(1, 0), copy(1, 1), copy(2, 0), copy(2, 1)]);
    window
}

fn close(connector: &ConnectorState, window: WindowId) {
    deliver(connector, &[copy(3, 0), copy(3, 1)]);
    connector.close_window(window, WindowClose { bookmark: None, source_total: None, file: None }).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
}

/// What was delivered into the mailbox of this name.
fn receipts_of(connector: &ConnectorState, name: &str) -> Receipts {
    let target = connector.mailbox_key(&format!("{name}@example.com"));
    connector.receipts(&BTreeSet::from([Mailbox { destination: 0, target }]), None).unwrap()
}

#[test]
fn only_what_was_delivered_is_repaired_and_a_repair_ends_once_it_was_begun() {
    let world = World::new();
    let (_state, connector) = world.connector();
    let window = delivered(&connector);
    let written = RepairOutcome::Written;
    for (name, asked, expect) in [
        ("it is planned", repair(copy(3, 0)), "copy-step"),
        ("there is no such copy", repair(copy(1, 7)), "copy-unknown"),
        ("there is no such item", repair(copy(9, 0)), "item-unknown"),
        ("it was never begun", repaired(copy(1, 0), written, b""), "repair-unknown"),
    ] {
        assert_eq!(code(connector.commit(asked)), expect, "{name}");
    }
    let nameless = Repair { copy: copy(1, 0), sha256: SHA256, reason: " ".into(), actor: "ann".into() };
    assert_eq!(code(connector.commit(group(|group| group.repair(nameless)))), "reason-missing");
    connector.commit(repair(copy(1, 0))).unwrap();
    let long = connector.commit(repaired(copy(1, 0), written, &[0; 65]));
    assert_eq!(code(long), "token-too-large");
    connector.commit(repaired(copy(1, 0), written, b"token")).unwrap();
    assert_eq!(code(connector.commit(repaired(copy(1, 0), written, b""))), "repair-unknown", "it ends once");
    close(&connector, window);
    let private = connector.item_private(Ordinal(1)).unwrap().unwrap();
    assert_eq!(private.tokens.get(&0).map(Vec::as_slice), Some(&b"token"[..]));
    assert_eq!(private.decisions, [("ann".to_owned(), "case 12".to_owned())]);
}

#[test]
fn a_repair_changes_no_count_and_its_window_is_sealed_anew() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = delivered(&connector);
    close(&connector, window);
    let before = connector.window(window).unwrap();
    connector.commit(repair(copy(2, 1))).unwrap();
    connector.commit(repaired(copy(2, 1), RepairOutcome::Written, b"")).unwrap();
    let groups = connector.last_group().unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
    assert_eq!(connector.last_group().unwrap(), groups + 1, "what happened since is in a checkpoint of its own");
    let after = connector.window(window).unwrap();
    assert_eq!((after.items, &after.copies, after.state), (before.items, &before.copies, before.state));
    let receipts = receipts_of(&connector, "b");
    let repairs: Vec<(u64, u32)> = receipts.copies.iter().map(|row| (row.copy.ordinal.0, row.repairs)).collect();
    assert_eq!(BTreeSet::from_iter(repairs), BTreeSet::from([(1, 0), (2, 1), (3, 0)]));
    let told = answers(&connector);
    drop(connector);
    state.close().unwrap();
    verify(world.path(), &only("c")).unwrap();
    rebuild(world.path(), "ann", None).unwrap();
    let (_state, connector) = world.connector();
    assert_eq!(answers(&connector), told, "a rebuilt index says the same");
}

#[test]
fn receipts_are_gathered_by_mailbox_window_and_what_became_of_them_since() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = delivered(&connector);
    let of = |name: &str| Mailbox { destination: 0, target: connector.mailbox_key(&format!("{name}@example.com")) };
    let all = connector.delivered(None).unwrap();
    assert_eq!(
        all.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([(of("a"), 2), (of("b"), 2)]),
        "not the planned"
    );
    close(&connector, window);
    assert_eq!(connector.delivered(Some(&BTreeSet::from([window]))).unwrap().values().sum::<u64>(), 6);
    assert!(connector.delivered(Some(&BTreeSet::from([WindowId(9)]))).unwrap().is_empty());
    state.erase("c", Ordinal(2), "ann", "request 3").unwrap();
    let refused = connector.commit(repair(copy(2, 0)));
    assert_eq!(code(refused), "item-erased", "what was erased is not repaired");
    connector.commit(repair(copy(1, 0))).unwrap();
    let act = Act { actor: "ann".into(), verb: "reconcile".into(), subject: "all".into(), ..Act::default() };
    connector.record_act(&act).unwrap();
    let receipts = receipts_of(&connector, "a");
    let mut rows: Vec<_> = receipts
        .copies
        .iter()
        .map(|row| (row.copy.ordinal.0, row.sha256 == SHA256, row.is_erased, row.repair_begun))
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [(1, true, false, true), (2, true, true, false), (3, true, false, false)]);
    assert!(receipts.last_reconciled_at_ms.is_some());
    assert_eq!(connector.address(&receipts.copies).unwrap().as_deref(), Some("a@example.com"));
    let erased: Vec<_> = receipts.copies.into_iter().filter(|row| row.is_erased).collect();
    assert_eq!(connector.address(&erased).unwrap(), None);
    // A repair that a death left open ends in the next process.
    drop(connector);
    state.close().unwrap();
    let (_state, connector) = world.connector();
    assert!(receipts_of(&connector, "a").copies.iter().any(|row| row.repair_begun));
    connector.commit(repaired(copy(1, 0), RepairOutcome::WasThere, b"")).unwrap();
    assert!(!receipts_of(&connector, "a").copies.iter().any(|row| row.repair_begun));
}
