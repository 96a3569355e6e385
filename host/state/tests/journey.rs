//! One connector from the first window to the seal, and everything that must be refused on the way.

use super::*;

#[test]
fn items_go_from_staged_to_sealed_and_every_answer_fits() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    let observations = [
        observation("a", Some("anna"), 0),
        observation("b", None, 1),
        observation("a", Some("ben"), 2),
        observation("a", Some("anna"), 3),
    ];
    let standings = connector.stage_page(page(window, Some(b"next"), &observations)).unwrap();
    assert_eq!(
        standings,
        [
            Standing::New(Ordinal(1)),
            Standing::New(Ordinal(2)),
            Standing::Duplicate { ordinal: Ordinal(3), of: Ordinal(1) },
            Standing::Seen { of: Ordinal(1) },
        ]
    );
    let row = connector.window(window).unwrap();
    assert_eq!((row.cursor.as_deref(), row.read_to_end, row.in_flight), (Some(&b"next"[..]), false, 3));
    let last = StagedPage { bookmark: Some(b"mark"), page_name: [0; 32], ..page(window, None, &[]) };
    connector.stage_page(last).unwrap();
    let row = connector.window(window).unwrap();
    assert_eq!((row.cursor, row.read_to_end, row.bookmark.as_deref()), (None, true, Some(&b"mark"[..])));

    let mut parked = plan(Ordinal(2), &["anna"]);
    parked.copies.push(PlannedCopy {
        destination: 1,
        target: Target::Person("49".into()),
        parked: Some(reason("unmapped")),
    });
    connector
        .commit(group(|group| {
            group.plan(plan(Ordinal(1), &["anna", "ben"]));
            group.plan(parked);
            group.plan(plan(Ordinal(3), &["cleo"]));
        }))
        .unwrap();
    assert_eq!(connector.reached(Ordinal(1)).unwrap().len(), 3);
    assert!(connector.reached(Ordinal(1)).unwrap().contains(&(0, connector.mailbox_key("cleo@EXAMPLE.com"))));
    connector
        .close_window(window, WindowClose { bookmark: Some(b"mark".to_vec()), source_total: Some(3), file: None })
        .unwrap();
    assert_eq!(connector.bookmark().unwrap().as_deref(), Some(&b"mark"[..]));
    assert!(!connector.seal_if_settled(window).unwrap());
    deliver(&connector, &[copy(1, 0), copy(1, 1), copy(2, 0), copy(3, 0)]);
    // The turn died here; the next one does what is left.
    connector.seal_settled().unwrap();

    let row = connector.window(window).unwrap();
    assert_eq!(row.state, WindowState::Sealed);
    assert_eq!(row.items, ItemCounts { fetched: 3, delivered: 1, parked: 1, duplicate: 1, excluded: 0, seen: 1 });
    assert_eq!(
        row.copies,
        [
            CopyCounts { available: 4, imported: 4, ..CopyCounts::default() },
            CopyCounts { available: 1, failed: 1, ..CopyCounts::default() },
        ]
    );
    let parked = connector.parked(None, 10).unwrap();
    assert_eq!((parked.len(), parked[0].key, parked[0].code.as_str()), (1, copy(2, 1), "unmapped"));
    let private = connector.item_private(Ordinal(2)).unwrap().unwrap();
    assert_eq!((private.id.as_str(), private.messages[&1].as_str()), ("b", "why unmapped"));

    // The mapping was mended.
    connector.commit(group(|group| group.unpark_copy(copy(2, 1), mailbox("ben")))).unwrap();
    assert_eq!(connector.window(window).unwrap().copies[1].pending, 1);
    connector.commit(group(|group| group.intend(Intent { copy: copy(2, 1), sha256: [2; 32] }))).unwrap();
    let token = Receipt { token: b"1793.x".to_vec(), ..receipt(copy(2, 1), Outcome::Partial) };
    connector.commit(group(|group| group.receipt(token))).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
    assert!(connector.seal_if_settled(window).unwrap(), "nothing new, nothing written");
    let private = connector.item_private(Ordinal(2)).unwrap().unwrap();
    assert_eq!(private.targets, [mailbox("anna"), mailbox("ben")]);
    assert_eq!(private.tokens[&1], b"1793.x");
    assert!(private.messages.is_empty());
    assert_eq!(connector.window(window).unwrap().items.delivered, 2);
    // A copy is there only in part: what it lacks may be in the stage.
    let needed = connector.needed_pages(i64::MAX, 0).unwrap();
    assert!(!needed.is_empty() && needed.values().all(|need| *need == PageNeed::Partial), "{needed:?}");
    assert_eq!(connector.find("a").unwrap(), Some(Ordinal(1)));
    assert_eq!(connector.find("c").unwrap(), None);
    assert_eq!(connector.find_exact("a", Event::Call, 0).unwrap(), None);
    state.close().unwrap();
    assert_eq!(code(connector.windows()), "state-closed");

    let report = verify(world.path(), &VerifyOptions::default()).unwrap();
    let ledger = &report.ledgers[1];
    assert_eq!((ledger.name.as_str(), ledger.checkpoints, ledger.checkpoint_files, ledger.erased), ("c", 2, 2, 0));
}

#[test]
fn what_stands_on_disk_in_clear_names_nobody() {
    let world = World::new();
    let (state, connector) = world.connector();
    let snapshot = WindowOpen {
        kind: WindowKind::Snapshot,
        interval: Interval { start_ms: None, end_ms: 9 },
        pins: Pins::default(),
        subject: Some("inbox/secretfile.zip".into()),
    };
    let window = connector.open_window(snapshot).unwrap();
    let observations = [observation("secretid", Some("secretowner"), 0)];
    let staged = StagedPage { bookmark: Some(b"secretbookmark"), ..page(window, Some(b"secretcursor"), &observations) };
    connector.stage_page(staged).unwrap();
    connector.stage_page(page(window, None, &[])).unwrap();
    connector.commit(group(|group| group.plan(plan(Ordinal(1), &["secretmailbox"])))).unwrap();
    connector
        .commit(group(|group| {
            group.fail(copy(1, 0), ParkReason { code: "secret code!".into(), message: "secretmessage".into() })
        }))
        .unwrap();
    connector.commit(group(|group| group.discard(copy(1, 0), "secretreason", "secretactor"))).unwrap();
    let file = FileMemory { path: "secretpath".into(), size: 1, modified_ms: 2, sha256: [3; 32] };
    connector
        .close_window(
            window,
            WindowClose { bookmark: Some(b"secretmark".to_vec()), file: Some(file), ..WindowClose::default() },
        )
        .unwrap();
    connector.remember("secretkey", b"secretvalue").unwrap();
    state.record_act(Act { actor: "secretactor".into(), ..Act::default() }).unwrap();
    let version = state.keep_mapping(b"secretphone,secretmailbox").unwrap();
    assert_eq!(state.mapping(&version).unwrap(), b"secretphone,secretmailbox");
    assert_eq!(state.keep_mapping(b"secretphone,secretmailbox").unwrap(), version);
    state.close().unwrap();

    let mut folders = vec![world.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"secret"), "{}", path.display());
        }
    }
    assert!(files > 8);
}

#[test]
fn what_contradicts_the_record_is_refused_and_changes_nothing() {
    let world = World::new();
    let (_state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    let observations = [observation("a", None, 0), observation("b", None, 1), observation("c", None, 2)];
    connector.stage_page(page(window, Some(b"x"), &observations)).unwrap();
    connector
        .commit(group(|group| {
            group.plan(plan(Ordinal(1), &["anna"]));
            group.plan(Plan { parked: Some(reason("unmapped")), ..plan(Ordinal(2), &[]) });
        }))
        .unwrap();
    let before = answers(&connector);
    let snapshot = WindowKind::Snapshot;
    type Attempt<'a> = Box<dyn Fn() -> Result<(), StateError> + 'a>;
    let cases: Vec<(&str, Attempt<'_>)> = vec![
        ("window-interval", Box::new(|| connector.open_window(live(101, 200)).map(drop))),
        ("window-interval", Box::new(|| connector.open_window(live(100, 100)).map(drop))),
        (
            "window-interval",
            Box::new(|| connector.open_window(WindowOpen { kind: snapshot, ..live(100, 200) }).map(drop)),
        ),
        ("window-unknown", Box::new(|| connector.stage_page(page(WindowId(9), None, &observations)).map(drop))),
        ("window-not-read", Box::new(|| connector.close_window(window, WindowClose::default()))),
        ("item-step", Box::new(|| connector.commit(group(|group| group.plan(plan(Ordinal(1), &["ben"])))))),
        ("item-step", Box::new(|| connector.commit(group(|group| group.replan_item(plan(Ordinal(1), &["ben"])))))),
        ("item-step", Box::new(|| connector.commit(group(|group| group.replan_item(plan(Ordinal(3), &["ben"])))))),
        ("item-unknown", Box::new(|| connector.commit(group(|group| group.plan(plan(Ordinal(4), &["ben"])))))),
        ("plan-empty", Box::new(|| connector.commit(group(|group| group.plan(plan(Ordinal(3), &[])))))),
        (
            "plan-contradicts",
            Box::new(|| {
                connector.commit(group(|group| {
                    group.plan(Plan { excluded: Some("rule".into()), ..plan(Ordinal(3), &["ben"]) });
                }))
            }),
        ),
        ("copy-known", Box::new(|| connector.commit(group(|group| group.plan(plan(Ordinal(3), &["ben", "ben"])))))),
        (
            "copy-without-mailbox",
            Box::new(|| {
                connector.commit(group(|group| {
                    let copies = vec![PlannedCopy { destination: 0, target: Target::Person("x".into()), parked: None }];
                    group.plan(Plan { copies, ..plan(Ordinal(3), &[]) });
                }))
            }),
        ),
        (
            "plan-destination",
            Box::new(|| {
                connector.commit(group(|group| {
                    let copies = vec![PlannedCopy { destination: 64, target: mailbox("ben"), parked: None }];
                    group.plan(Plan { copies, ..plan(Ordinal(3), &[]) });
                }))
            }),
        ),
        (
            "copy-step",
            Box::new(|| connector.commit(group(|group| group.receipt(receipt(copy(1, 0), Outcome::Imported))))),
        ),
        ("copy-step", Box::new(|| connector.commit(group(|group| group.unpark_copy(copy(1, 0), mailbox("ben")))))),
        (
            "copy-step",
            Box::new(|| {
                connector.commit(group(|group| {
                    // The first two would be fine: a group holds whole or not at all.
                    group.plan(plan(Ordinal(3), &["ben"]));
                    group.intend(Intent { copy: copy(1, 0), sha256: [1; 32] });
                    group.intend(Intent { copy: copy(1, 0), sha256: [2; 32] });
                }))
            }),
        ),
        ("copy-unknown", Box::new(|| connector.commit(group(|group| group.fail(copy(1, 1), reason("x")))))),
        (
            "token-too-large",
            Box::new(|| {
                connector.commit(group(|group| {
                    group.intend(Intent { copy: copy(1, 0), sha256: [1; 32] });
                    group.receipt(Receipt { token: vec![0; 65], ..receipt(copy(1, 0), Outcome::Imported) });
                }))
            }),
        ),
        (
            "discard-reason",
            Box::new(|| connector.commit(group(|group| group.discard(CopyKey::whole(Ordinal(2)), " ", "me")))),
        ),
        ("copy-step", Box::new(|| connector.commit(group(|group| group.discard(copy(1, 0), "why", "me"))))),
        (
            "item-step",
            Box::new(|| connector.commit(group(|group| group.discard(CopyKey::whole(Ordinal(1)), "why", "me")))),
        ),
        ("item-not-settled", Box::new(|| connector.erase(Ordinal(1), "why", "me"))),
        ("item-not-settled", Box::new(|| connector.erase(Ordinal(2), "why", "me"))),
        ("state-unknown", Box::new(|| connector.item(Ordinal(4)).map(drop))),
        ("state-unknown", Box::new(|| connector.window(WindowId(2)).map(drop))),
    ];
    let ledger: Vec<_> = world.ledger_files().iter().map(|path| fs::read(path).unwrap()).collect();
    for (index, (expected, attempt)) in cases.iter().enumerate() {
        assert_eq!(code(attempt()), *expected, "case {index}");
        assert_eq!(answers(&connector), before, "case {index}: {expected}");
    }
    let after: Vec<_> = world.ledger_files().iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(ledger, after, "a refused request leaves nothing");

    // Read to its end, the window still waits for the third item's plan, and takes no further page.
    connector.stage_page(page(window, None, &[])).unwrap();
    assert_eq!(code(connector.stage_page(page(window, None, &[]))), "window-read-to-end");
    assert_eq!(code(connector.close_window(window, WindowClose::default())), "window-not-planned");
    connector
        .commit(group(|group| group.plan(Plan { excluded: Some("rule".into()), ..plan(Ordinal(3), &[]) })))
        .unwrap();
    connector.close_window(window, WindowClose::default()).unwrap();
    assert_eq!(code(connector.close_window(window, WindowClose::default())), "window-not-open");
    assert_eq!(connector.open_window(live(100, 200)).unwrap(), WindowId(2));
}

#[test]
fn an_item_is_known_by_id_event_and_revision() {
    let world = World::new();
    let (_state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    let base = observation("a", None, 0);
    let observations = [
        Observation { unreadable: true, ..base },
        base,
        Observation { revision: 1, ..base },
        Observation { event: Event::Edit, ..base },
        Observation { unreadable: true, ..base },
        base,
        Observation { owner: Some(""), ..base },
    ];
    let standings = connector.stage_page(page(window, None, &observations)).unwrap();
    assert_eq!(
        standings,
        [
            Standing::New(Ordinal(1)),
            Standing::New(Ordinal(2)),
            Standing::New(Ordinal(3)),
            Standing::New(Ordinal(4)),
            Standing::Seen { of: Ordinal(1) },
            Standing::Seen { of: Ordinal(2) },
            Standing::Duplicate { ordinal: Ordinal(5), of: Ordinal(2) },
        ]
    );
    assert_eq!(connector.find_exact("a", Event::Message, 1).unwrap(), Some(Ordinal(3)));
}

#[test]
fn a_mailbox_gets_an_item_once_however_often_it_is_observed() {
    let world = World::new();
    let (_state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    let owners: Vec<String> = (0..50).map(|owner| format!("owner{owner}")).collect();
    let observations: Vec<_> = (0..).zip(&owners).map(|(at, owner)| observation("a", Some(owner), at)).collect();
    connector.stage_page(page(window, None, &observations)).unwrap();
    connector.commit(group(|group| group.plan(plan(Ordinal(1), &["anna"])))).unwrap();
    for ordinal in 2..=50 {
        assert_eq!(code(connector.commit(group(|group| group.plan(plan(Ordinal(ordinal), &["anna"]))))), "copy-known");
        let name = format!("m{ordinal}");
        let fresh: &[&str] = if ordinal % 2 == 0 { &[] } else { &[&name] };
        connector.commit(group(|group| group.plan(plan(Ordinal(ordinal), fresh)))).unwrap();
    }
    assert_eq!(connector.reached(Ordinal(1)).unwrap().len(), 25);
    assert_eq!(connector.reached(Ordinal(50)).unwrap().len(), 25, "asked through a duplicate");
    let row = connector.window(window).unwrap();
    assert_eq!((row.items.fetched, row.items.duplicate, row.in_flight), (50, 25, 25));
}

#[test]
fn an_item_with_a_copy_for_every_participant_of_the_largest_group_fits() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    connector.stage_page(page(window, None, &[observation("a", None, 0)])).unwrap();
    let copies: Vec<_> = (0..4096)
        .flat_map(|at| (0..3).map(move |destination| (at, destination)))
        .map(|(at, destination)| PlannedCopy { destination, target: mailbox(&format!("m{at}")), parked: None })
        .collect();
    let count = copies.len() as u16;
    connector.commit(group(|group| group.plan(Plan { copies, ..plan(Ordinal(1), &[]) }))).unwrap();
    let keys: Vec<_> = (0..count).map(|at| copy(1, at)).collect();
    connector.needed_pages(i64::MAX, 0).unwrap();
    deliver(&connector, &keys[..5000]);
    connector.needed_pages(i64::MAX, 0).unwrap();
    deliver(&connector, &keys[5000..]);
    let before = answers(&connector);
    assert_eq!(connector.window(window).unwrap().copies[2].imported, 4096);
    drop((state, connector));
    assert_eq!(answers(&world.connector().1), before);
    let more = (0..4097 * 3).map(|_| PlannedCopy { destination: 0, target: mailbox("m"), parked: None }).collect();
    let world = World::new();
    let (_state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    connector.stage_page(page(window, None, &[observation("a", None, 0)])).unwrap();
    assert_eq!(
        code(connector.commit(group(|group| group.plan(Plan { copies: more, ..plan(Ordinal(1), &[]) })))),
        "plan-too-large"
    );
}

#[test]
fn what_was_erased_is_gone_and_accounted_for() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    connector.stage_page(page(window, None, &[observation("a", None, 0), observation("b", None, 1)])).unwrap();
    connector
        .commit(group(|group| {
            group.plan(plan(Ordinal(1), &["anna"]));
            group.plan(plan(Ordinal(2), &["anna"]));
        }))
        .unwrap();
    deliver(&connector, &[copy(1, 0), copy(2, 0)]);
    let kept = connector.item_private(Ordinal(2)).unwrap();
    connector.erase(Ordinal(1), "a court said so", "dpo").unwrap();
    connector.erase(Ordinal(1), "once more", "dpo").unwrap();
    assert_eq!(connector.item_private(Ordinal(1)).unwrap(), None);
    assert_eq!(connector.item_private(Ordinal(2)).unwrap(), kept);
    assert_eq!(connector.find("a").unwrap(), Some(Ordinal(1)), "it must not come again");
    let before = answers(&connector);
    state.close().unwrap();
    let report = verify(world.path(), &only("c")).unwrap();
    assert_eq!(report.ledgers[0].erased, 2);
    fs::remove_dir_all(world.path().join("index")).unwrap();
    assert_eq!(answers(&world.connector().1), before);
}

#[test]
fn acts_are_read_back_in_order() {
    let world = World::new();
    let (state, _) = world.open();
    for (at, verb) in ["init", "plugin approve", "parked discard"].into_iter().enumerate() {
        let act =
            Act { at_ms: 0, actor: "anna".into(), verb: verb.into(), subject: format!("s{at}"), reason: String::new() };
        state.record_act(act).unwrap();
    }
    drop(state);
    let (state, _) = world.open();
    let acts = state.acts().unwrap();
    assert_eq!(
        acts.iter().map(|act| act.verb.as_str()).collect::<Vec<_>>(),
        ["init", "plugin approve", "parked discard"]
    );
    assert!(acts.is_sorted_by_key(|act| act.at_ms));
    assert_eq!(acts[2].subject, "s2");
}
