//! Whatever happens to the index or the process, the answers are those of the ledger.

use super::*;

type Step = Box<dyn Fn(&ConnectorState)>;

/// The steps of a connector's life, each of which leaves another state.
fn steps() -> Vec<Step> {
    let stage = |cursor: Option<&'static [u8]>, from: u32| {
        Box::new(move |connector: &ConnectorState| {
            let window = connector.open_windows().unwrap()[0].id;
            let ids: Vec<_> = (from..from + 20).map(|at| format!("i{}", at % 30)).collect();
            let owners = ["anna", "ben"];
            let observations: Vec<_> =
                (0..).zip(&ids).map(|(at, id)| observation(id, Some(owners[at as usize / 10]), at)).collect();
            let staged = StagedPage { page_name: [from as u8 + 1; 32], ..page(window, cursor, &observations) };
            connector.stage_page(staged).unwrap();
        }) as Step
    };
    let commit = |fill: fn(&mut Group)| {
        Box::new(move |connector: &ConnectorState| connector.commit(group(fill)).unwrap()) as Step
    };
    vec![
        Box::new(|connector| assert_eq!(connector.open_window(live(0, 100)).unwrap(), WindowId(1))),
        stage(Some(b"one"), 0),
        Box::new(|connector| connector.remember("account", b"4711").unwrap()),
        commit(|group| (1..=10).for_each(|ordinal| group.plan(plan(Ordinal(ordinal), &["anna", "cleo"])))),
        commit(|group| (1..=10).for_each(|ordinal| group.intend(Intent { copy: copy(ordinal, 0), sha256: [1; 32] }))),
        commit(|group| (1..=9).for_each(|ordinal| group.receipt(receipt(copy(ordinal, 0), Outcome::Imported)))),
        commit(|group| {
            group.fail(copy(10, 0), reason("refused"));
            group.fail(copy(9, 1), reason("too-large"));
            (11..=20).for_each(|ordinal| {
                group.plan(Plan { parked: Some(reason("unmapped")), ..plan(Ordinal(ordinal), &[]) })
            });
        }),
        stage(None, 20),
        commit(|group| {
            group.unpark_copy(copy(10, 0), mailbox("dora"));
            group.discard(copy(9, 1), "too old", "me");
            group.replan_item(plan(Ordinal(11), &["ben"]));
            group.discard(CopyKey::whole(Ordinal(12)), "spam", "me");
        }),
        Box::new(|connector| {
            let last = connector.windows().unwrap()[0].items.fetched;
            let rest = group(|group| {
                for ordinal in 21..=last {
                    group.plan(plan(Ordinal(ordinal), &[&format!("m{ordinal}")]));
                }
            });
            connector.commit(rest).unwrap();
        }),
        Box::new(|connector| {
            let file = FileMemory { path: "inbox/a.zip".into(), size: 1, modified_ms: 2, sha256: [3; 32] };
            let close = WindowClose { bookmark: Some(b"mark".to_vec()), source_total: Some(40), file: Some(file) };
            connector.close_window(WindowId(1), close).unwrap();
        }),
        Box::new(|connector| {
            let pending: Vec<_> = (1..=connector.window(WindowId(1)).unwrap().items.fetched)
                .flat_map(|ordinal| {
                    let copies = connector.item(Ordinal(ordinal)).unwrap().copies;
                    (0..)
                        .zip(copies)
                        .filter(|(_, row)| row.state == CopyStep::Planned)
                        .map(move |(at, _)| copy(ordinal, at))
                })
                .collect();
            deliver(connector, &pending);
        }),
        Box::new(|connector| assert!(connector.seal_if_settled(WindowId(1)).unwrap())),
        Box::new(|connector| connector.erase(Ordinal(1), "why", "me").unwrap()),
        Box::new(|connector| assert_eq!(connector.open_window(live(100, 200)).unwrap(), WindowId(2))),
    ]
}

/// Runs the steps; after each, `disturb` does something to the data folder, and every answer must stay.
fn undisturbed_by(disturb: impl Fn(&World, (State, Arc<ConnectorState>), usize)) {
    let world = World::new();
    for (index, step) in steps().iter().enumerate() {
        let (state, connector) = world.connector();
        let before_the_step = answers(&connector);
        step(&connector);
        let before = answers(&connector);
        assert_ne!(before, before_the_step, "step {index} leaves another state");
        disturb(&world, (state, connector), index);
        let (_state, connector) = world.connector();
        assert_eq!(answers(&connector), before, "after step {index}");
    }
    verify(world.path(), &VerifyOptions::default()).unwrap();
}

#[test]
fn a_process_that_dies_after_any_step_goes_on() {
    undisturbed_by(|_, state, _| drop(state));
}

#[test]
fn a_clean_stop_after_any_step_goes_on() {
    undisturbed_by(|_, (state, connector), _| {
        drop(connector);
        state.close().unwrap();
    });
}

#[test]
fn an_index_that_is_gone_is_built_again() {
    undisturbed_by(|world, state, _| {
        drop(state);
        fs::remove_dir_all(world.path().join("index")).unwrap();
        let (state, told) = world.open();
        assert!(told[0].text.contains("it was missing"), "{told:?}");
        state.connector("c").unwrap();
    });
}

#[test]
fn an_index_half_written_is_made_whole() {
    for parts in 0..=5 {
        let world = World::new();
        // Nothing is asked between the steps, so that the index stays as far behind as it may.
        for upto in 1..=steps().len() {
            let (state, connector) = world.connector();
            steps()[upto - 1](&connector);
            connector.crash_while_flushing(parts).unwrap();
            drop((state, connector));
        }
        let (state, connector) = world.connector();
        let mended = answers(&connector);
        drop((state, connector));
        fs::remove_dir_all(world.path().join("index")).unwrap();
        assert_eq!(answers(&world.connector().1), mended, "{parts} parts written");
    }
}

#[test]
fn an_index_of_garbage_is_built_again() {
    let world = World::new();
    let (state, connector) = world.connector();
    steps().iter().take(12).for_each(|step| step(&connector));
    let before = answers(&connector);
    drop((state, connector));
    type Spoil = fn(Vec<u8>) -> Vec<u8>;
    let spoils: [(&str, Spoil); 5] = [
        ("empty", |_| vec![]),
        ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("garbage", |bytes| (0..bytes.len()).map(|at| (at * 31 % 251) as u8).collect()),
        ("zeros at the end", |mut bytes| {
            let from = bytes.len() * 3 / 4;
            bytes[from..].fill(0);
            bytes
        }),
        ("garbage in the middle", |mut bytes| {
            let length = bytes.len();
            bytes[length / 3..length / 2].fill(0xa5);
            bytes
        }),
    ];
    for name in ["db", "conf", "snap"] {
        for (what, spoil) in &spoils {
            let copy = World { folder: tempfile::tempdir().unwrap(), clock: Arc::clone(&world.clock) };
            copy_folder(world.path(), copy.path());
            let mut spoilt = 0;
            let generation = list(&copy.path().join("index")).unwrap();
            for (_, folder) in generation.iter().filter(|(name, _)| name.starts_with("gen-")) {
                for (file, path) in list(folder).unwrap() {
                    if file.starts_with(name) {
                        fs::write(&path, spoil(fs::read(&path).unwrap())).unwrap();
                        spoilt += 1;
                    }
                }
            }
            // What sled does not notice at open it may notice later; then the next start builds the index anew.
            let mut starts = 0;
            loop {
                starts += 1;
                assert!(starts < 4, "{what} `{name}`: the index does not recover");
                let (state, _) = copy.open();
                let Ok(connector) = state.connector("c") else { continue };
                let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answers(&connector)));
                if let Ok(found) = found {
                    assert_eq!(found, before, "{what} `{name}` ({spoilt} files)");
                    break;
                }
            }
        }
    }
}

#[test]
fn two_processes_never_hold_one_folder() {
    let world = World::new();
    let (state, _) = world.open();
    assert_eq!(code(State::open(world.path())), "state-locked");
    assert_eq!(code(rebuild(world.path(), "me", None)), "state-locked");
    drop(state);
    State::open(world.path()).unwrap();
    assert_eq!(code(State::create(world.path())), "state-exists");
    assert_eq!(code(State::open(&world.path().join("nowhere"))), "state-not-initialised");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(code(State::open(empty.path())), "state-not-initialised");
}

#[test]
fn a_ledger_that_lost_records_stops_until_a_person_accepts_it() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    drop((state, connector));
    let backup = tempfile::tempdir().unwrap();
    copy_folder(&world.path().join("ledger"), backup.path());
    let (state, connector) = world.connector();
    connector.stage_page(page(window, None, &[observation("a", None, 0)])).unwrap();
    connector.commit(group(|group| group.plan(plan(Ordinal(1), &["anna"])))).unwrap();
    deliver(&connector, &[copy(1, 0)]);
    connector.close_window(window, WindowClose::default()).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
    state.close().unwrap();
    drop(connector);
    let older = |name: &str| {
        let copy = World { folder: tempfile::tempdir().unwrap(), clock: Arc::clone(&world.clock) };
        copy_folder(world.path(), copy.path());
        let head = fs::read(copy.path().join("ledger/c/head")).unwrap();
        fs::remove_dir_all(copy.path().join("ledger/c")).unwrap();
        if name != "all" {
            copy_folder(&backup.path().join("c"), &copy.path().join("ledger/c"));
        }
        if name == "head" {
            fs::write(copy.path().join("ledger/c/head"), head).unwrap();
            fs::remove_dir_all(copy.path().join("index")).unwrap();
        }
        copy
    };
    // The signed head knows more; the index knows more; the whole ledger is gone, and index and checkpoint know of it.
    for what in ["head", "index", "all"] {
        let world = older(what);
        let state = world.open().0;
        let error = state.connector("c").map(drop).unwrap_err();
        assert_eq!(error.code(), "ledger-behind", "{what}: {error}");
        assert!(error.hint().unwrap().contains("backup"), "accepting a loss is never the first advice");
        drop(state);
        assert_eq!(code(verify(world.path(), &only("c"))), "ledger-damaged", "a checkpoint stands alone");
        let told = rebuild(world.path(), "me", Some("the disk died")).unwrap();
        assert!(told.iter().any(|told| told.text.contains("are gone")), "{told:?}");
        let (_state, connector) = world.connector();
        assert_eq!(connector.windows().unwrap().len(), usize::from(what != "all"));
        let report = verify(world.path(), &only("c")).unwrap();
        assert_eq!(report.ledgers[0].superseded_files, 1);
    }
    // Nothing is known to be lost: a person's word is recorded all the same, for only a person knows of an old copy.
    let told = rebuild(world.path(), "me", Some("yesterday's copy")).unwrap();
    assert!(told.iter().any(|told| told.text.contains("none is known of")), "{told:?}");
    let (state, connector) = world.connector();
    assert!(connector.lost_at_ms().unwrap().is_some());
    let acts = state.acts().unwrap();
    assert_eq!((acts[0].verb.as_str(), acts[0].actor.as_str()), ("state rebuild --accept-loss", "me"));
    assert_eq!(code(rebuild(world.path(), "me", Some(" "))), "reason-missing");
}

#[test]
fn without_acceptance_a_rebuild_does_not_hide_a_loss() {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.open_window(live(0, 100)).unwrap();
    drop(connector);
    state.close().unwrap();
    for path in world.ledger_files().iter().filter(|path| !path.ends_with("head")) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(code(rebuild(world.path(), "me", None)), "ledger-behind");
}

#[test]
fn a_failed_write_stops_everything_until_the_next_start() {
    let world = World::new();
    let (state, connector) = world.connector();
    connector.open_window(live(0, 100)).unwrap();
    let before = answers(&connector);
    let path = world.path().join("ledger/c/0000000000000000.segment");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"somebody else"].concat()).unwrap();
    let error = connector.remember("account", b"1").unwrap_err();
    assert!(error.to_string().contains("somebody else has written to it"), "{error}");
    for result in [
        connector.remember("account", b"1"),
        connector.windows().map(drop),
        connector.commit(group(|group| group.plan(plan(Ordinal(1), &[])))),
    ] {
        assert_eq!(code(result), "state-poisoned");
    }
    drop((state, connector));
    assert_eq!(answers(&world.connector().1), before);
}

#[test]
fn a_checkpoint_that_was_never_written_is_written_at_the_next_start() {
    let world = World::new();
    let (state, connector) = world.connector();
    let window = connector.open_window(live(0, 100)).unwrap();
    connector.close_window(window, WindowClose::default()).unwrap();
    assert!(connector.seal_if_settled(window).unwrap());
    drop((state, connector));
    let folder = world.path().join("checkpoints/c");
    let (_, path) = list(&folder).unwrap().remove(0);
    let note = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    drop(world.connector());
    assert_eq!(fs::read(&path).unwrap(), note);
    assert!(String::from_utf8(note).unwrap().contains("items fetched 0 delivered 0"));
}

#[test]
fn what_the_system_refused_when_a_ledger_was_opened_is_not_tried_over() {
    let world = World::new();
    let in_the_way = world.path().join("ledger/c");
    fs::write(&in_the_way, b"").unwrap();
    let state = world.open().0;
    assert!(matches!(state.connector("c"), Err(StateError::Io { .. })));
    fs::remove_file(&in_the_way).unwrap();
    let Err(StateError::Poisoned { why, .. }) = state.connector("c") else { panic!("it was opened") };
    assert!(why.contains("ledger/c"), "{why}");
    assert!(!in_the_way.exists(), "nothing is written any more");
    state.connector("d").unwrap();
    state.close().unwrap();
    world.connector().0.close().unwrap();
}
