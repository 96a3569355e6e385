//! Weeks of a service with everything that happens to one, on the functions that decide: no IO, no waiting.
//!
//! What is simulated: the loop of [`super::Service::run`] with six connectors in five zones, two turns at once, in each
//! week of 2026 in which some zone changes its offset. In each week the service is stopped for a day and a half, dies in
//! the middle of turns, is given another configuration, sleeps with the machine, has a source that answers nothing, and
//! a clock that is moved ahead and set right again.
//!
//! What must hold: where nothing happens, each instant of a schedule begins exactly one turn; the windows of each
//! connector are the whole time line without gap or overlap, all closed, none before its end. The instants are counted
//! here without croner.

use std::collections::BTreeMap;

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, Time, time},
    tz::TimeZone,
};

use super::{occurrence::Timetable, plan::Plan};
use crate::{
    config::Schedule,
    item::{Failure, NextMove, limits, time::DAY_MS},
    scheduler::{
        clock::{Doubt, Past, Reading, doubt},
        due::{self, Line},
        turns::LastTurn,
    },
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const GRACE_MS: i64 = limits::GRACE.as_millis() as i64;
const JITTER_MS: i64 = limits::JITTER.as_millis() as i64;
const SLEEP_MAX_MS: i64 = limits::SERVICE_SLEEP_MAX.as_millis() as i64;
/// A turn that waits for places begins so much later at most.
const QUEUE_MS: i64 = 25 * MINUTE_MS;

/// A connector: its name, its zone, and when it looks; none: at every full hour.
const CONNECTORS: [(&str, &str, Option<Time>); 6] = [
    ("berlin", "Europe/Berlin", Some(time(2, 30, 0, 0))),
    ("boston", "America/New_York", Some(time(2, 30, 0, 0))),
    ("lord-howe", "Australia/Lord_Howe", Some(time(2, 0, 0, 0))),
    ("pune", "Asia/Kolkata", Some(time(23, 55, 0, 0))),
    ("hours", "Europe/Berlin", None),
    ("nobody", "UTC", Some(time(3, 0, 0, 0))),
];

/// What happens to a machine, for how long.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// The service does not run; what it was doing is left.
    Down,
    /// The machine sleeps.
    Asleep,
    /// The source of every connector gives no answer.
    NoAnswer,
    /// The clock is moved, and set right at the end.
    WrongBy(i64),
    /// Another configuration: the same schedules, others in between.
    Reload,
}

/// When, from the week's beginning, how long, and how long it takes until all is as usual.
const TROUBLES: [(i64, i64, i64, Trouble); 7] = [
    // It starts before the machine has set its clock.
    (0, 20 * MINUTE_MS, 5 * HOUR_MS, Trouble::WrongBy(2 * HOUR_MS)),
    (15 * HOUR_MS + 3 * MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, Trouble::Down),
    (28 * HOUR_MS, 5 * HOUR_MS, HOUR_MS, Trouble::Asleep),
    (47 * HOUR_MS, 36 * HOUR_MS, 2 * HOUR_MS, Trouble::Down),
    (100 * HOUR_MS + 30 * MINUTE_MS, 3 * HOUR_MS, 2 * HOUR_MS, Trouble::NoAnswer),
    (120 * HOUR_MS + 30 * MINUTE_MS, 4 * HOUR_MS, 5 * HOUR_MS, Trouble::WrongBy(2 * HOUR_MS)),
    (140 * HOUR_MS + 30 * MINUTE_MS, 0, HOUR_MS, Trouble::Reload),
];

/// What the ledger of a connector holds.
#[derive(Default)]
struct Ledger {
    covered_until_ms: Option<i64>,
    recorded_at_ms: Option<i64>,
    /// Start and end of each window, and whether it is closed.
    windows: Vec<(i64, i64, bool)>,
    /// When each turn began, and of those that were done.
    began_ms: Vec<i64>,
    done_ms: Vec<i64>,
}

/// A turn under way.
struct Turn {
    name: String,
    ends_ms: i64,
    at_start: Reading,
    moved: Option<Doubt>,
}

/// A machine with one service.
struct Machine {
    /// True time.
    now_ms: i64,
    wrong_by_ms: i64,
    booted_ms: i64,
    /// How far the clock was off that the ledgers are stamped by.
    steady_by_ms: i64,
    since_ms: i64,
    answers: bool,
    plan: Plan,
    turns: Vec<Turn>,
    earlier: Option<Reading>,
    /// What stands in files.
    saved: BTreeMap<String, LastTurn>,
    ledgers: BTreeMap<String, Ledger>,
}

impl Machine {
    fn read(&self) -> Reading {
        let (wall_ms, uptime_ms) = (self.now_ms + self.wrong_by_ms, self.now_ms - self.booted_ms);
        Reading { wall_ms, uptime_ms, boot: [1; 16] }
    }

    fn configure(&mut self, without: Option<&str>) {
        let timetables = CONNECTORS.into_iter().filter(|(name, ..)| without != Some(name)).map(|(name, zone, at)| {
            let text = at.map_or(format!("hourly {zone}"), |at| format!("daily at {} {zone}", at.strftime("%H:%M")));
            let schedule = Schedule::parse(&text).expect("a schedule");
            (name.to_owned(), Some(Timetable::new(name, schedule, JITTER_MS)))
        });
        let saved = &self.saved;
        self.plan.configure(timetables, 2, &BTreeMap::new(), |name| saved.get(name).cloned().unwrap_or_default());
    }

    fn start(&mut self) {
        (self.plan, self.turns, self.steady_by_ms) = (Plan::default(), Vec::new(), self.wrong_by_ms);
        self.configure(None);
        // The reading of the last turns lies in a file.
        self.look();
    }

    /// One round of the loop; when the next is.
    fn look(&mut self) -> i64 {
        let now = self.read();
        if let Some(doubt) = doubt(&now, &Past { earlier: self.earlier, ..Past::default() }) {
            self.plan.moved(doubt, now.wall_ms);
        }
        self.earlier = Some(now);
        let look = self.plan.look(now.wall_ms);
        for (name, moved) in look.begin {
            if moved.is_none() {
                self.steady_by_ms = self.wrong_by_ms;
            }
            let begun = self.ledgers.entry(name.clone()).or_default();
            begun.began_ms.push(now.wall_ms);
            self.saved.entry(name.clone()).or_default().begin(now.wall_ms);
            let takes_ms = MINUTE_MS * (1 + (self.now_ms / MINUTE_MS + name.len() as i64) % 9);
            self.turns.push(Turn { name, ends_ms: self.now_ms + takes_ms, at_start: now, moved });
        }
        let wait_ms = look.next_ms.map_or(SLEEP_MAX_MS, |next_ms| (next_ms - now.wall_ms + 1).clamp(1, SLEEP_MAX_MS));
        self.now_ms + wait_ms
    }

    /// Lives until then.
    fn live_until(&mut self, until_ms: i64) {
        while self.now_ms < until_ms {
            let next_ms = self.look();
            let ended_ms = self.turns.iter().map(|turn| turn.ends_ms).min().unwrap_or(i64::MAX);
            self.now_ms = next_ms.min(ended_ms).min(until_ms).max(self.now_ms);
            let now_ms = self.now_ms;
            for turn in self.turns.extract_if(.., |turn| turn.ends_ms <= now_ms).collect::<Vec<_>>() {
                let failure = self.end(&turn).err();
                if let Some(ledger) = self.ledgers.get_mut(&turn.name).filter(|_| failure.is_none()) {
                    ledger.done_ms.push(turn.at_start.wall_ms);
                }
                let wall_ms = self.read().wall_ms;
                self.plan.ended(&turn.name, wall_ms, failure.as_ref());
                self.saved.entry(turn.name).or_default().end(wall_ms, failure.as_ref());
            }
        }
    }

    /// What the turn did, as `sync` does it.
    fn end(&mut self, turn: &Turn) -> Result<(), Failure> {
        let refused = |_| Failure::new("clock-stepped", NextMove::AskPerson, "x");
        let (now, stamp_ms) = (self.read(), self.now_ms + self.steady_by_ms);
        let ledger = self.ledgers.get_mut(&turn.name).expect("it began");
        let Ledger { covered_until_ms, recorded_at_ms, windows, .. } = ledger;
        let past = Past { earlier: None, covered_until_ms: *covered_until_ms, recorded_at_ms: *recorded_at_ms };
        turn.moved.or_else(|| doubt(&turn.at_start, &past)).map_or(Ok(()), |doubt| Err(refused(doubt)))?;
        if !self.answers {
            return Err(Failure::new("no-answer", NextMove::Retry { after: None }, "x"));
        }
        let line = Line {
            covered_until_ms: *covered_until_ms,
            since_ms: Some(self.since_ms),
            now_ms: turn.at_start.wall_ms,
            grace_ms: GRACE_MS,
        };
        windows
            .extend(due::windows(line).iter().map(|window| (window.start_ms.expect("a start"), window.end_ms, false)));
        for (_, end_ms, is_closed) in windows.iter_mut().filter(|(.., is_closed)| !is_closed) {
            *covered_until_ms = Some(covered_until_ms.unwrap_or(*end_ms).max(*end_ms));
            let past =
                Past { earlier: Some(turn.at_start), covered_until_ms: Some(*end_ms), recorded_at_ms: *recorded_at_ms };
            doubt(&now, &past).map_or(Ok(()), |doubt| Err(refused(doubt)))?;
            assert!(*end_ms <= now.wall_ms, "closed before its end");
            *is_closed = true;
            *recorded_at_ms = Some(recorded_at_ms.unwrap_or(stamp_ms).max(stamp_ms));
        }
        Ok(())
    }

    fn suffer(&mut self, trouble: Trouble, for_ms: i64) {
        let until_ms = self.now_ms + for_ms;
        match trouble {
            Trouble::Down => {
                self.now_ms = until_ms;
                self.start();
            }
            Trouble::Asleep => self.now_ms = until_ms,
            Trouble::NoAnswer => {
                self.answers = false;
                self.live_until(until_ms);
                self.answers = true;
            }
            Trouble::WrongBy(by_ms) => {
                self.wrong_by_ms = by_ms;
                self.live_until(until_ms);
                self.wrong_by_ms = 0;
            }
            Trouble::Reload => {
                self.configure(Some("nobody"));
                self.live_until(until_ms + MINUTE_MS);
                self.configure(None);
            }
        }
    }
}

/// When a connector is to be looked at within these days, by the rules of its zone.
fn instants(zone: &TimeZone, at: Option<Time>, from: Date, days: i32) -> Vec<i64> {
    let first = from.to_zoned(TimeZone::UTC).expect("an instant").timestamp().as_millisecond();
    let Some(at) = at else { return (0..i64::from(days) * 24).map(|hour| first + hour * HOUR_MS).collect() };
    let of_day = |day: i32| {
        let date = from.checked_add(day.days()).expect("a date");
        let local = zone.to_ambiguous_zoned(date.to_datetime(at));
        if local.is_ambiguous() && local.clone().earlier().expect("an instant").datetime() != date.to_datetime(at) {
            // It does not exist on this day: the first instant after the gap.
            let before = local.earlier().expect("an instant").timestamp();
            let gap = zone.following(before).next().expect("the clock is moved");
            return gap.timestamp().as_millisecond();
        }
        local.compatible().expect("an instant").timestamp().as_millisecond()
    };
    (-1..=days).map(of_day).collect()
}

/// A week from this day.
fn week(from: Date) {
    let start_ms = from.to_zoned(TimeZone::UTC).expect("an instant").timestamp().as_millisecond();
    let mut machine = Machine {
        now_ms: start_ms,
        wrong_by_ms: 2 * HOUR_MS,
        booted_ms: start_ms - HOUR_MS,
        steady_by_ms: 0,
        since_ms: start_ms - 3 * DAY_MS,
        answers: true,
        plan: Plan::default(),
        turns: Vec::new(),
        earlier: None,
        saved: BTreeMap::new(),
        ledgers: BTreeMap::new(),
    };
    machine.start();
    for (after_ms, for_ms, _, trouble) in TROUBLES {
        machine.live_until(start_ms + after_ms);
        machine.suffer(trouble, for_ms);
    }
    let end_ms = start_ms + 8 * DAY_MS;
    machine.live_until(end_ms);

    let usual = |at_ms: i64| {
        at_ms > start_ms
            && at_ms + QUEUE_MS < end_ms
            && TROUBLES.iter().all(|(after_ms, for_ms, then_ms, _)| {
                let from_ms = start_ms + after_ms;
                at_ms + QUEUE_MS < from_ms || at_ms > from_ms + for_ms + then_ms
            })
    };
    for (name, zone, at) in CONNECTORS {
        let zone = TimeZone::get(zone).expect("a zone");
        let ledger = &machine.ledgers[name];
        let instants = instants(&zone, at, from, 9);
        let mut looked = 0;
        for pair in instants.windows(2).filter(|pair| usual(pair[0])) {
            let until_ms = pair[1].min(pair[0] + QUEUE_MS);
            let turns = [&ledger.began_ms, &ledger.done_ms]
                .map(|turns| turns.iter().filter(|began_ms| (pair[0]..until_ms).contains(began_ms)).count());
            let at = Timestamp::from_millisecond(pair[0]).expect("an instant");
            assert_eq!(turns, [1, 1], "{name}, the week from {from}: turns that began and were done for {at}");
            looked += 1;
        }
        assert!(looked >= 3, "{name}, {from}: {looked} instants without trouble prove little");
        let mut covered_ms = machine.since_ms;
        for (from_ms, until_ms, is_closed) in &ledger.windows {
            assert_eq!(*from_ms, covered_ms, "{name}, the week from {from}: a gap or an overlap");
            assert!(is_closed, "{name}, the week from {from}: left open");
            covered_ms = *until_ms;
        }
        let last_ms = instants.iter().rev().find(|at_ms| **at_ms + QUEUE_MS < end_ms).expect("an instant");
        assert!(covered_ms >= last_ms - GRACE_MS, "{name}, the week from {from}: not up to its last look");
        let turns = ledger.began_ms.len();
        let explained = instants.len() + 3 * TROUBLES.len();
        assert!(turns <= explained, "{name}, the week from {from}: {turns} turns, {explained} would do");
    }
}

#[test]
fn a_week_of_troubles_reads_everything_once_in_every_zone() {
    for from in [
        Date::constant(2026, 3, 5),
        Date::constant(2026, 3, 26),
        Date::constant(2026, 4, 2),
        Date::constant(2026, 6, 1),
        Date::constant(2026, 10, 1),
        Date::constant(2026, 10, 22),
        Date::constant(2026, 10, 29),
    ] {
        week(from);
    }
}
