//! Seeded random runs against a model simple enough to be right by looking at it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// xorshift64*: enough to choose, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Planned,
    Intended,
    Imported,
    Partial,
    Skipped,
    Parked,
    Discarded,
}

#[derive(Clone)]
struct Item {
    window: u64,
    of: Option<u64>,
    planned: bool,
    parked: bool,
    excluded: bool,
    copies: Vec<(u16, Target, Step)>,
}

#[derive(Default)]
struct Model {
    /// Index + 1 is the ordinal.
    items: Vec<Item>,
    ids: BTreeMap<String, u64>,
    owners: BTreeSet<(String, String)>,
    /// Window: seen, finished, closed.
    windows: Vec<(u64, bool, bool)>,
}

impl Model {
    fn counts(&self, window: u64) -> (ItemCounts, u64, Vec<CopyCounts>) {
        let mut items = ItemCounts { seen: self.windows[window as usize - 1].0, ..ItemCounts::default() };
        let mut in_flight = 0;
        let mut copies = vec![CopyCounts::default(); 2];
        for item in self.items.iter().filter(|item| item.window == window) {
            items.fetched += 1;
            let any = |steps: &[Step]| item.copies.iter().any(|(.., step)| steps.contains(step));
            let count = if !item.planned || any(&[Step::Planned, Step::Intended]) {
                &mut in_flight
            } else if item.parked || any(&[Step::Parked]) {
                &mut items.parked
            } else if item.excluded || any(&[Step::Discarded]) {
                &mut items.excluded
            } else if item.of.is_some() {
                &mut items.duplicate
            } else {
                &mut items.delivered
            };
            *count += 1;
            for (destination, _, step) in &item.copies {
                let counts = &mut copies[usize::from(*destination)];
                counts.available += 1;
                *match step {
                    Step::Planned | Step::Intended => &mut counts.pending,
                    Step::Imported => &mut counts.imported,
                    Step::Partial => &mut counts.partial,
                    Step::Skipped => &mut counts.skipped,
                    Step::Parked | Step::Discarded => &mut counts.failed,
                } += 1;
            }
        }
        (items, in_flight, copies)
    }

    fn reached(&self, of: u64) -> Vec<&(u16, Target, Step)> {
        (1..)
            .zip(&self.items)
            .filter(|(ordinal, item)| *ordinal == of || item.of == Some(of))
            .flat_map(|(_, item)| &item.copies)
            .collect()
    }
}

struct Run {
    dice: Dice,
    model: Model,
    seed: u64,
}

impl Run {
    fn act(&mut self, connector: &ConnectorState) {
        match self.dice.roll(12) {
            0 => self.open_window(connector),
            1..=3 => self.stage(connector),
            4..=6 => self.plan(connector),
            7..=9 => self.step(connector),
            10 => self.park_decision(connector),
            _ => self.close(connector),
        }
    }

    fn open_window(&mut self, connector: &ConnectorState) {
        let start = connector.covered_until_ms().unwrap().unwrap_or(0);
        let id = connector.open_window(live(start, start + 10)).unwrap();
        self.model.windows.push((0, false, false));
        assert_eq!(id.0, self.model.windows.len() as u64);
    }

    fn stage(&mut self, connector: &ConnectorState) {
        let Some(window) = (1..).zip(&self.model.windows).find(|(_, (_, finished, _))| !finished).map(|(id, _)| id)
        else {
            return;
        };
        let ids: Vec<(String, String)> = (0..self.dice.roll(40))
            .map(|_| (format!("id{}", self.dice.roll(300)), format!("owner{}", self.dice.roll(5))))
            .collect();
        let observations: Vec<_> = (0..).zip(&ids).map(|(at, (id, owner))| observation(id, Some(owner), at)).collect();
        let last = self.dice.roll(4) == 0;
        let cursor = format!("cursor{}", self.model.items.len());
        let staged = page(WindowId(window), (!last).then_some(cursor.as_bytes()), &observations);
        let standings = connector.stage_page(staged).unwrap();
        for (standing, (id, owner)) in standings.iter().zip(&ids) {
            let next = self.model.items.len() as u64 + 1;
            let first = self.model.ids.get(id).copied();
            let fresh = self.model.owners.insert((id.clone(), owner.clone()));
            let expected = match (first, fresh) {
                (None, _) => Standing::New(Ordinal(next)),
                (Some(of), true) => Standing::Duplicate { ordinal: Ordinal(next), of: Ordinal(of) },
                (Some(of), false) => Standing::Seen { of: Ordinal(of) },
            };
            assert_eq!(*standing, expected, "seed {}", self.seed);
            if let Standing::Seen { .. } = expected {
                self.model.windows[window as usize - 1].0 += 1;
                continue;
            }
            self.model.ids.entry(id.clone()).or_insert(next);
            self.model.items.push(Item {
                window,
                of: first,
                planned: false,
                parked: false,
                excluded: false,
                copies: vec![],
            });
        }
        self.model.windows[window as usize - 1].1 = last;
    }

    fn plan(&mut self, connector: &ConnectorState) {
        let mut group = Group::new();
        for index in 0..self.model.items.len() {
            if self.model.items[index].planned || self.dice.roll(3) == 0 {
                continue;
            }
            let ordinal = index as u64 + 1;
            self.plan_one(&mut group, ordinal, false);
        }
        connector.commit(group).unwrap();
    }

    fn plan_one(&mut self, group: &mut Group, ordinal: u64, again: bool) {
        let index = ordinal as usize - 1;
        let of = self.model.items[index].of;
        let mut plan = plan(Ordinal(ordinal), &[]);
        let fate = self.dice.roll(8);
        match fate {
            0 => plan.parked = Some(reason("unmapped")),
            1 => plan.excluded = Some("rule".into()),
            _ => {
                for _ in 0..=self.dice.roll(4) {
                    let destination = self.dice.roll(2) as u16;
                    let person = self.dice.roll(6) == 0;
                    let name = format!("m{}", self.dice.roll(6));
                    let target = if person { Target::Person(name) } else { mailbox(&name) };
                    let same = |held: &(u16, Target, Step)| held.0 == destination && held.1 == target;
                    if self.model.reached(of.unwrap_or(ordinal)).into_iter().any(same) {
                        continue;
                    }
                    let parked = (person || self.dice.roll(5) == 0).then(|| reason("refused"));
                    let step = if parked.is_some() { Step::Parked } else { Step::Planned };
                    self.model.items[index].copies.push((destination, target.clone(), step));
                    plan.copies.push(PlannedCopy { destination, target, parked });
                }
                if plan.copies.is_empty() && of.is_none() {
                    plan.excluded = Some("rule".into());
                }
            }
        }
        let item = &mut self.model.items[index];
        (item.planned, item.parked, item.excluded) = (true, plan.parked.is_some(), plan.excluded.is_some());
        if again { group.replan_item(plan) } else { group.plan(plan) }
    }

    fn step(&mut self, connector: &ConnectorState) {
        let mut group = Group::new();
        for (index, item) in self.model.items.iter_mut().enumerate() {
            for (at, (.., step)) in item.copies.iter_mut().enumerate() {
                let key = copy(index as u64 + 1, at as u16);
                if !matches!(step, Step::Planned | Step::Intended) || self.dice.roll(4) == 0 {
                    continue;
                }
                if self.dice.roll(8) == 0 {
                    group.fail(key, reason("bounced"));
                    *step = Step::Parked;
                    continue;
                }
                if *step == Step::Planned || self.dice.roll(5) == 0 {
                    group.intend(Intent { copy: key, sha256: [index as u8; 32] });
                    *step = Step::Intended;
                }
                let (outcome, next) = match self.dice.roll(6) {
                    0 => (Outcome::Partial, Step::Partial),
                    1 => (Outcome::Skipped, Step::Skipped),
                    2 | 3 => (Outcome::Imported, Step::Imported),
                    _ => continue,
                };
                let token = if self.dice.roll(2) == 0 { vec![] } else { vec![at as u8; 9] };
                group.receipt(Receipt { copy: key, outcome, token });
                *step = next;
            }
        }
        connector.commit(group).unwrap();
    }

    fn park_decision(&mut self, connector: &ConnectorState) {
        let mut group = Group::new();
        for index in 0..self.model.items.len() {
            let ordinal = index as u64 + 1;
            if self.model.items[index].parked {
                match self.dice.roll(4) {
                    0 => {
                        group.discard(CopyKey::whole(Ordinal(ordinal)), "why", "me");
                        let item = &mut self.model.items[index];
                        (item.parked, item.excluded) = (false, true);
                    }
                    1 => self.plan_one(&mut group, ordinal, true),
                    _ => {}
                }
                continue;
            }
            for at in 0..self.model.items[index].copies.len() {
                let (destination, target, step) = self.model.items[index].copies[at].clone();
                if step != Step::Parked {
                    continue;
                }
                let key = copy(ordinal, at as u16);
                match self.dice.roll(4) {
                    0 => {
                        group.discard(key, "why", "me");
                        self.model.items[index].copies[at].2 = Step::Discarded;
                    }
                    1 => {
                        let free = mailbox(&format!("free{}", self.dice.roll(9)));
                        let next = if matches!(target, Target::Mailbox(_)) && self.dice.roll(2) == 0 {
                            target.clone()
                        } else {
                            free
                        };
                        let first = self.model.items[index].of.unwrap_or(ordinal);
                        if next != target
                            && self.model.reached(first).iter().any(|held| held.0 == destination && held.1 == next)
                        {
                            continue;
                        }
                        group.unpark_copy(key, next.clone());
                        (self.model.items[index].copies[at].1, self.model.items[index].copies[at].2) =
                            (next, Step::Planned);
                    }
                    _ => {}
                }
            }
        }
        connector.commit(group).unwrap();
    }

    fn close(&mut self, connector: &ConnectorState) {
        for index in 0..self.model.windows.len() {
            let id = WindowId(index as u64 + 1);
            let (_, finished, closed) = self.model.windows[index];
            let staged = self.model.items.iter().any(|item| item.window == id.0 && !item.planned);
            if !closed {
                let result = connector
                    .close_window(id, WindowClose { bookmark: Some(vec![index as u8]), ..WindowClose::default() });
                let pages = connector.window(id).unwrap().pages;
                let expected = (finished || pages == 0) && !staged;
                assert_eq!(result.is_ok(), expected, "seed {}: {result:?}", self.seed);
                self.model.windows[index].2 = expected;
                self.model.windows[index].1 |= expected;
            }
            let pending = self.model.counts(id.0).1 > 0;
            let closed = self.model.windows[index].2;
            assert_eq!(connector.seal_if_settled(id).unwrap(), closed && !pending, "seed {}", self.seed);
        }
    }

    fn compare(&self, connector: &ConnectorState) {
        for (index, (.., closed)) in self.model.windows.iter().enumerate() {
            let id = index as u64 + 1;
            let row = connector.window(WindowId(id)).unwrap();
            let (items, in_flight, mut copies) = self.model.counts(id);
            while copies.last() == Some(&CopyCounts::default()) {
                copies.pop();
            }
            assert_eq!(
                (row.items, row.in_flight, row.copies),
                (items, in_flight, copies),
                "seed {} window {id}",
                self.seed
            );
            assert_eq!(row.state != WindowState::Open, *closed, "seed {} window {id}", self.seed);
        }
        for (ordinal, item) in (1..).zip(&self.model.items) {
            let row = connector.item(Ordinal(ordinal)).unwrap();
            let states: Vec<_> = row
                .copies
                .iter()
                .map(|copy| match &copy.state {
                    CopyStep::Planned => Step::Planned,
                    CopyStep::Intended { .. } => Step::Intended,
                    CopyStep::Done(Outcome::Imported) => Step::Imported,
                    CopyStep::Done(Outcome::Partial) => Step::Partial,
                    CopyStep::Done(Outcome::Skipped) => Step::Skipped,
                    CopyStep::Parked { .. } => Step::Parked,
                    CopyStep::Discarded => Step::Discarded,
                })
                .collect();
            let expected: Vec<_> = item.copies.iter().map(|(.., step)| *step).collect();
            assert_eq!(states, expected, "seed {} item {ordinal}", self.seed);
        }
        let parked: usize = self
            .model
            .items
            .iter()
            .map(|item| {
                usize::from(item.parked) + item.copies.iter().filter(|(.., step)| *step == Step::Parked).count()
            })
            .sum();
        assert_eq!(connector.parked(None, usize::MAX).unwrap().len(), parked, "seed {}", self.seed);
    }
}

#[test]
fn random_lives_balance_and_survive_whatever_happens_between() {
    for seed in 1..=8 {
        let world = World::new();
        let mut run = Run { dice: Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)), model: Model::default(), seed };
        for _ in 0..12 {
            let (state, connector) = world.connector();
            connector.set_segment_bytes_max(6_000).unwrap();
            for _ in 0..12 {
                run.act(&connector);
            }
            run.compare(&connector);
            let before = answers(&connector);
            match run.dice.roll(4) {
                0 => drop(connector),
                1 => {
                    drop(connector);
                    state.close().unwrap();
                    verify(world.path(), &VerifyOptions::default()).unwrap();
                    let (_state, connector) = world.connector();
                    assert_eq!(answers(&connector), before, "seed {seed}, closed");
                    continue;
                }
                2 => {
                    // More, and a crash in the middle of writing it to the index.
                    for _ in 0..6 {
                        run.act(&connector);
                    }
                    connector.crash_while_flushing(run.dice.roll(6) as usize).unwrap();
                    drop((state, connector));
                    let (_state, connector) = world.connector();
                    run.compare(&connector);
                    continue;
                }
                _ => {
                    drop((state, connector));
                    fs::remove_dir_all(world.path().join("index")).unwrap();
                    let (_state, connector) = world.connector();
                    assert_eq!(answers(&connector), before, "seed {seed}, index gone");
                    continue;
                }
            }
        }
        assert!(run.model.items.len() > 50, "seed {seed} did little");
        verify(world.path(), &VerifyOptions::default()).unwrap();
    }
}
