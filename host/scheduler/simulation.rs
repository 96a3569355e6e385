//! Ten years of daily runs in every time zone there is, on the functions that decide about windows: no IO, one seed.
//!
//! What is simulated: a run at 02:00 local time of each day from 2026 to 2035, in every zone of the bundled IANA
//! database (names that stand for the same rules are run once), with days of downtime, restarts, a lid that is closed
//! before or in the middle of a run, clocks that wander and clocks that are moved, between runs and within them, and runs
//! that die with a window open. What is sampled: local times are taken from the zone's rules near every change of its
//! offset and on every 97th day, and by adding a day elsewhere; windows are read again in every 60th zone, for a year.
//!
//! What must hold: the windows of each zone are the whole time line, without gap or overlap; none is longer than a day;
//! none is closed while the clock is behind, or was moved since it was last looked at; every window is read again after
//! its last day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    Span, Timestamp,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    clock::{Past, Reading, doubt},
    due::{self, Line},
    reread::{self, Read},
};
use crate::{
    item::{Interval, limits, time::DAY_MS},
    state::WindowKind,
};

const SEED: u64 = 0x6368_616e_6365_7279;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const GRACE_MS: i64 = limits::GRACE.as_millis() as i64;
const STEP_MAX_MS: i64 = limits::CLOCK_STEP_MAX.as_millis() as i64;
const AFTER_MS: [i64; 3] = [DAY_MS, 7 * DAY_MS, 30 * DAY_MS];
const FIRST_DAY: Date = Date::constant(2026, 1, 1);
const DAYS: i32 = 3_652;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    /// From `low` up to, not including, `high`.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low).unsigned_abs()).cast_signed()
    }
}

/// When a zone's offset changes within the simulated years, with the offset before the first change.
type Rules = (i32, Vec<(i64, i32)>);

fn rules(zone: &TimeZone, first: Timestamp, last: Timestamp) -> Rules {
    let changes = zone.following(first).take_while(|change| change.timestamp() < last);
    (
        zone.to_offset(first).seconds(),
        changes.map(|change| (change.timestamp().as_millisecond(), change.offset().seconds())).collect(),
    )
}

/// 02:00 local time of each day.
fn local_runs(zone: &TimeZone, (offset, changes): &Rules) -> Vec<i64> {
    let by_the_rules = |day: i32| {
        let date = FIRST_DAY.checked_add(Span::new().days(day)).expect("a date");
        date.at(2, 0, 0, 0).to_zoned(zone.clone()).expect("an instant").timestamp().as_millisecond()
    };
    let first_ms = FIRST_DAY.at(2, 0, 0, 0).to_zoned(TimeZone::UTC).expect("an instant").timestamp().as_millisecond();
    let mut changes = changes.iter().peekable();
    let mut offset = *offset;
    (0..DAYS)
        .map(|day| {
            let at_ms = first_ms + i64::from(day) * DAY_MS - i64::from(offset) * 1_000;
            if changes.peek().is_some_and(|(change_ms, _)| at_ms > change_ms - 2 * DAY_MS) {
                let at_ms = by_the_rules(day);
                while let Some((_, after)) = changes.next_if(|(change_ms, _)| at_ms > change_ms + 2 * DAY_MS) {
                    offset = *after;
                }
                return at_ms;
            }
            if day % 97 == 0 {
                assert_eq!(at_ms, by_the_rules(day), "day {day}");
            }
            at_ms
        })
        .collect()
}

/// One window as the simulated ledger has it.
#[derive(Clone, Copy)]
struct Window {
    interval: Interval,
    is_closed: bool,
}

/// A machine with one connector.
struct Machine {
    random: Random,
    /// True time, and how far the wall clock is off.
    now_ms: i64,
    wrong_by_ms: i64,
    /// Runs until somebody sets a wrong clock right.
    runs_until_set: u32,
    started_ms: i64,
    boot: u8,
    // What the ledger holds.
    covered_until_ms: Option<i64>,
    recorded_at_ms: Option<i64>,
    remembered: Option<Reading>,
    /// How far the clock was really off when it was remembered, and in which start of the machine.
    really: (u8, i64),
    /// How far the clock was off when the run began.
    steady_by_ms: i64,
    windows: Vec<Window>,
    /// For the zones in which windows are read again.
    readings: Option<Vec<Read>>,
    tally: Tally,
}

/// What happened, to see that everything did.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    runs: u64,
    refused: u64,
    steps: u64,
    sleeps: u64,
    restarts: u64,
    days_down: u64,
    deaths: u64,
    left_open: u64,
    rereads: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.refused += other.refused;
        self.steps += other.steps;
        self.sleeps += other.sleeps;
        self.restarts += other.restarts;
        self.days_down += other.days_down;
        self.deaths += other.deaths;
        self.left_open += other.left_open;
        self.rereads += other.rereads;
    }
}

impl Machine {
    fn new(seed: u64, start_ms: i64, reads_again: bool) -> Self {
        Self {
            random: Random(seed),
            now_ms: start_ms,
            wrong_by_ms: 0,
            runs_until_set: 0,
            started_ms: start_ms - DAY_MS,
            boot: 1,
            covered_until_ms: None,
            recorded_at_ms: None,
            remembered: None,
            really: (0, 0),
            steady_by_ms: 0,
            windows: Vec::new(),
            readings: reads_again.then(Vec::new),
            tally: Tally::default(),
        }
    }

    fn read(&self) -> Reading {
        Reading {
            wall_ms: self.now_ms + self.wrong_by_ms,
            uptime_ms: self.now_ms - self.started_ms,
            boot: [self.boot; 16],
        }
    }

    /// What happens to a machine from one day to the next.
    fn live_on(&mut self, run_ms: i64) {
        let late_ms = if self.random.one_in(30) {
            self.tally.sleeps += 1;
            self.random.between(0, 9 * HOUR_MS)
        } else {
            self.random.between(0, MINUTE_MS)
        };
        self.now_ms = self.now_ms.max(run_ms + late_ms);
        if self.random.one_in(40) {
            self.tally.restarts += 1;
            self.boot = self.boot.wrapping_add(1).max(1);
            self.started_ms = self.now_ms - MINUTE_MS;
        }
        if self.runs_until_set > 0 {
            self.runs_until_set -= 1;
            if self.runs_until_set == 0 {
                self.wrong_by_ms = 0;
            }
        } else if self.random.one_in(60) {
            self.move_clock();
        } else {
            // It wanders, and is set by a little.
            self.wrong_by_ms = self.random.between(-STEP_MAX_MS / 2, STEP_MAX_MS / 2);
        }
    }

    fn move_clock(&mut self) {
        self.tally.steps += 1;
        let by_ms = self.random.between(2 * STEP_MAX_MS, 3 * DAY_MS);
        self.wrong_by_ms = if self.random.one_in(2) { by_ms } else { -by_ms };
        self.runs_until_set = self.random.between(1, 4) as u32;
    }

    /// What may happen while a window is read.
    fn read_window(&mut self) -> bool {
        self.now_ms += self.random.between(0, 2 * MINUTE_MS);
        if self.random.one_in(80) {
            self.tally.sleeps += 1;
            self.now_ms += self.random.between(HOUR_MS, 5 * HOUR_MS);
        }
        if self.random.one_in(120) {
            self.move_clock();
        }
        if self.random.one_in(60) {
            self.tally.deaths += 1;
            return false;
        }
        true
    }

    fn record(&mut self) {
        // Stamped as if nobody had moved the clock since the run began.
        let wall_ms = self.now_ms + self.steady_by_ms;
        self.recorded_at_ms = Some(self.recorded_at_ms.map_or(wall_ms, |before| before.max(wall_ms)));
    }

    /// One run, as `sync` does it.
    fn run(&mut self) {
        self.tally.runs += 1;
        let at_start = self.read();
        let (covered_until_ms, recorded_at_ms) = (self.covered_until_ms, self.recorded_at_ms);
        let found = doubt(&at_start, &Past { earlier: self.remembered, covered_until_ms, recorded_at_ms });
        let moved = self.stepped_since_remembered();
        (self.remembered, self.really) = (Some(at_start), (self.boot, self.wrong_by_ms));
        self.steady_by_ms = self.wrong_by_ms;
        if found.is_some() {
            self.tally.refused += 1;
            return;
        }
        assert!(!moved, "a run goes on although the clock was moved since the last one");
        for number in 0..self.windows.len() {
            if !self.windows[number].is_closed && !self.close(number, &at_start) {
                return;
            }
        }
        let line = Line {
            covered_until_ms: self.covered_until_ms,
            since_ms: None,
            now_ms: at_start.wall_ms,
            grace_ms: GRACE_MS,
        };
        for interval in due::windows(line) {
            self.record();
            if let Some(readings) = &mut self.readings {
                let opened_at_ms = self.now_ms + self.steady_by_ms;
                readings.push(Read { kind: WindowKind::Live, interval, opened_at_ms, is_closed: false });
            }
            self.windows.push(Window { interval, is_closed: false });
            self.covered_until_ms = Some(interval.end_ms);
            if !self.close(self.windows.len() - 1, &at_start) {
                return;
            }
        }
        self.read_again(&at_start);
    }

    /// Whether the clock was really moved, by more than it wanders, since it was last remembered in this start.
    fn stepped_since_remembered(&self) -> bool {
        let (boot, wrong_by_ms) = self.really;
        boot == self.boot && (self.wrong_by_ms - wrong_by_ms).abs() > STEP_MAX_MS
    }

    /// Reads a window to its end and closes it, if the clock allows.
    fn close(&mut self, number: usize, at_start: &Reading) -> bool {
        let wrong_by_ms = at_start.wall_ms - (at_start.uptime_ms + self.started_ms);
        if !self.read_window() {
            return false;
        }
        let interval = self.windows[number].interval;
        let now = self.read();
        let past = Past {
            earlier: Some(*at_start),
            covered_until_ms: Some(interval.end_ms),
            recorded_at_ms: self.recorded_at_ms,
        };
        if doubt(&now, &past).is_some() {
            self.tally.left_open += 1;
            return false;
        }
        assert!((self.wrong_by_ms - wrong_by_ms).abs() <= STEP_MAX_MS, "closed after a step within the run");
        assert!(interval.end_ms <= now.wall_ms, "closed before its end");
        self.windows[number].is_closed = true;
        self.record();
        if let Some(readings) = &mut self.readings {
            let live = readings.iter_mut().filter(|read| read.kind == WindowKind::Live);
            live.filter(|read| read.interval == interval).for_each(|read| read.is_closed = true);
        }
        true
    }

    fn read_again(&mut self, at_start: &Reading) {
        let Some(readings) = &mut self.readings else { return };
        for interval in reread::due(readings, &AFTER_MS, at_start.wall_ms) {
            self.tally.rereads += 1;
            let opened_at_ms = self.now_ms + self.steady_by_ms;
            readings.push(Read { kind: WindowKind::Replay, interval, opened_at_ms, is_closed: true });
        }
    }

    /// Lives through the days.
    fn live(&mut self, runs_ms: &[i64]) {
        let mut down = 0;
        for run_ms in runs_ms {
            if down > 0 {
                (down, self.tally.days_down) = (down - 1, self.tally.days_down + 1);
                continue;
            }
            if self.random.one_in(90) {
                down = self.random.between(1, 21);
            }
            self.live_on(*run_ms);
            self.run();
        }
    }

    /// The union of the windows is the time line.
    fn check(&self, zone: &str) {
        let first = self.windows.first().unwrap_or_else(|| panic!("{zone}: no window"));
        let mut end_ms = first.interval.start_ms;
        for Window { interval, .. } in &self.windows {
            assert_eq!(interval.start_ms, end_ms, "{zone}, seed {SEED:#x}: a gap or an overlap");
            let start_ms = interval.start_ms.expect("a start");
            assert!(start_ms < interval.end_ms && interval.end_ms - start_ms <= DAY_MS, "{zone}: {interval:?}");
            end_ms = Some(interval.end_ms);
        }
        assert_eq!(end_ms, self.covered_until_ms, "{zone}");
        let open = self.windows.iter().position(|window| !window.is_closed);
        assert!(open.is_none_or(|open| open + 40 >= self.windows.len()), "{zone}: a window stayed open for long");
    }

    /// Every window was read again after the last of its days, and none more often than it has days.
    fn check_readings(&self, zone: &str, until_ms: i64) {
        let Some(readings) = &self.readings else { return };
        let mut again: BTreeMap<i64, Vec<&Read>> = BTreeMap::new();
        for read in readings.iter().filter(|read| read.kind == WindowKind::Replay) {
            again.entry(read.interval.start_ms.expect("a start")).or_default().push(read);
        }
        for window in readings.iter().filter(|read| read.kind == WindowKind::Live && read.is_closed) {
            let Interval { start_ms: Some(start_ms), end_ms } = window.interval else { continue };
            let covering: Vec<&&Read> = again
                .range(start_ms - DAY_MS..=start_ms)
                .flat_map(|(_, reads)| reads)
                .filter(|read| read.interval.end_ms >= end_ms)
                .collect();
            let last_due_ms = end_ms + AFTER_MS[2];
            let read_late = covering.iter().any(|read| read.opened_at_ms >= last_due_ms);
            assert!(
                last_due_ms > until_ms || window.opened_at_ms >= last_due_ms || read_late,
                "{zone}: {:?} was not read again",
                window.interval
            );
            assert!(covering.len() <= AFTER_MS.len(), "{zone}: {:?} {} times", window.interval, covering.len());
        }
    }
}

/// A zone's rules with the first of the names that have them.
fn zones() -> Vec<(String, TimeZone, Rules)> {
    let database = TimeZoneDatabase::bundled();
    let at = |date: Date| date.to_zoned(TimeZone::UTC).expect("an instant").timestamp();
    let (first, last) = (at(FIRST_DAY), at(FIRST_DAY.checked_add(Span::new().days(DAYS)).expect("a date")));
    let (mut known, mut names) = (BTreeSet::new(), 0);
    let mut zones = Vec::new();
    for name in database.available() {
        let zone = database.get(name.as_str()).expect("a zone of the database");
        let rules = rules(&zone, first, last);
        names += 1;
        if known.insert(rules.clone()) {
            zones.push((name.to_string(), zone, rules));
        }
    }
    assert!(names > 500 && zones.len() > 50, "{names} names, {} rules", zones.len());
    zones
}

#[test]
fn ten_years_in_every_zone_are_one_time_line() {
    let zones = zones();
    let half = zones.len().div_ceil(2);
    let tally = std::thread::scope(|scope| {
        let threads = zones.chunks(half).map(|zones| {
            scope.spawn(move || {
                let mut tally = Tally::default();
                for (name, zone, rules) in zones {
                    let runs = local_runs(zone, rules);
                    let seed = name.bytes().fold(SEED, |seed, byte| seed.rotate_left(7) ^ u64::from(byte));
                    let mut machine = Machine::new(seed, runs[0] - HOUR_MS, false);
                    machine.live(&runs);
                    machine.check(name);
                    tally.add(&machine.tally);
                }
                tally
            })
        });
        threads.collect::<Vec<_>>().into_iter().fold(Tally::default(), |mut sum, thread| {
            sum.add(&thread.join().expect("a zone failed; what it said stands above"));
            sum
        })
    });
    for (what, count) in [
        ("refused", tally.refused),
        ("steps", tally.steps),
        ("sleeps", tally.sleeps),
        ("restarts", tally.restarts),
        ("days down", tally.days_down),
        ("deaths", tally.deaths),
        ("left open", tally.left_open),
    ] {
        assert!(count > 1_000, "{what}: {count} times is not worth the name; seed {SEED:#x}, {tally:?}");
    }
}

#[test]
fn every_window_is_read_again_after_its_last_day() {
    const RUNS: usize = 365;
    /// Runs without trouble at the end, so that what was put off is done.
    const QUIET: usize = 45;
    let mut rereads = 0;
    for (name, zone, rules) in zones().iter().step_by(60) {
        let runs = local_runs(zone, rules);
        let seed = name.bytes().fold(!SEED, |seed, byte| seed.rotate_left(7) ^ u64::from(byte));
        let mut machine = Machine::new(seed, runs[0] - HOUR_MS, true);
        machine.live(&runs[..RUNS]);
        machine.check(name);
        machine.wrong_by_ms = 0;
        for run_ms in &runs[RUNS..RUNS + QUIET] {
            machine.now_ms = machine.now_ms.max(*run_ms);
            machine.random = Random(0x5eed);
            machine.run();
        }
        machine.check_readings(name, runs[RUNS]);
        rereads += machine.tally.rereads;
    }
    assert!(rereads > 1_000, "{rereads}");
}
