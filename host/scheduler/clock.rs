//! The machine's clocks, and whether the wall clock can be trusted enough to close a window.
//!
//! A window says "everything until then is here". A clock that is wrong makes that a lie that nobody notices, so nothing
//! is closed while the wall clock is behind what is recorded, or has just been moved. Whether it was moved shows against
//! the time since the machine was started, which nobody sets and which goes on while it sleeps: a suspended laptop and
//! days without a turn are no steps. Across a restart of the machine only the ledger can tell, and it tells "behind".
//!
//! A step is refused once: the reading is kept, and the next turn goes on with the clock as it is by then.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use crate::{
    item::{Failure, NextMove, TimestampMs, limits, time::rfc3339},
    pipeline::Closing,
    state::ConnectorState,
};

/// How far the wall clock may step, or lie behind what is recorded: clocks are set by a little all the time.
const STEP_MAX_MS: i64 = limits::CLOCK_STEP_MAX.as_millis() as i64;

/// Where the reading of the last turns stands, below the data folder.
const FILE: &str = "clock";

/// Reads a clock, in milliseconds.
pub type ReadMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clocks, handed in: what decides about windows reads none by itself.
#[derive(Clone)]
pub struct Clocks {
    /// Milliseconds since 1970, as the machine believes.
    pub wall_ms: ReadMs,
    /// Milliseconds since the machine was started, sleep included.
    pub uptime_ms: ReadMs,
    /// Which start of the machine; all zero when that cannot be told.
    pub boot: [u8; 16],
}

impl Clocks {
    /// A wall clock that nobody moves: as it is now, and from here on as time passes.
    pub(super) fn steady(&self) -> Steady {
        let steady = Steady(Arc::default());
        steady.follow(self);
        steady
    }

    /// All of them at once.
    pub fn read(&self) -> Reading {
        Reading { wall_ms: (self.wall_ms)(), uptime_ms: (self.uptime_ms)(), boot: self.boot }
    }
}

/// A wall clock that nobody moves. The ledger is stamped with it, so that a clock that is moved while something is
/// written leaves no instant behind that has not come yet.
#[derive(Clone)]
pub(super) struct Steady(
    /// When the machine was started, by the wall clock as it was last followed.
    Arc<AtomicI64>,
);

impl Steady {
    /// Takes the wall clock as it is: a step was refused once, and a service outlasts it.
    pub(super) fn follow(&self, clocks: &Clocks) {
        let now = clocks.read();
        self.0.store(now.wall_ms.saturating_sub(now.uptime_ms), Ordering::Relaxed);
    }

    /// Reads it.
    pub(super) fn read_ms(&self, clocks: &Clocks) -> ReadMs {
        let (started_ms, uptime_ms) = (Arc::clone(&self.0), Arc::clone(&clocks.uptime_ms));
        Arc::new(move || started_ms.load(Ordering::Relaxed).saturating_add(uptime_ms()))
    }
}

/// What the clocks said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall_ms: TimestampMs,
    /// Time since the machine was started.
    pub uptime_ms: i64,
    /// Which start of the machine.
    pub boot: [u8; 16],
}

impl Reading {
    /// How far the wall clock was moved since an earlier reading, when that can be told.
    fn moved_since_ms(&self, earlier: &Self) -> Option<i64> {
        let comparable = self.boot == earlier.boot && self.boot != [0; 16] && self.uptime_ms >= earlier.uptime_ms;
        comparable.then(|| {
            let (wall, uptime) = (self.wall_ms.saturating_sub(earlier.wall_ms), self.uptime_ms - earlier.uptime_ms);
            wall.saturating_sub(uptime)
        })
    }

    fn to_bytes(self) -> Vec<u8> {
        [&self.wall_ms.to_le_bytes()[..], &self.uptime_ms.to_le_bytes(), &self.boot].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (wall, rest) = bytes.split_first_chunk::<8>()?;
        let (uptime, boot) = rest.split_first_chunk::<8>()?;
        let boot = boot.try_into().ok()?;
        Some(Self { wall_ms: i64::from_le_bytes(*wall), uptime_ms: i64::from_le_bytes(*uptime), boot })
    }
}

/// What stands against trusting the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is behind this instant, which is recorded as past.
    Behind {
        /// What is recorded.
        recorded_ms: TimestampMs,
    },
    /// It was moved by so much.
    Stepped {
        /// Forward, or back when negative.
        by_ms: i64,
    },
}

/// What is known of the past when a clock is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// An earlier reading of the same clocks.
    pub earlier: Option<Reading>,
    /// What is covered already, or is to be: an instant that must have passed.
    pub covered_until_ms: Option<TimestampMs>,
    /// When the ledger was last written.
    pub recorded_at_ms: Option<TimestampMs>,
}

/// Judges the clock by what is recorded and by how it went since an earlier reading.
pub fn doubt(now: &Reading, past: &Past) -> Option<Doubt> {
    let moved_ms = past.earlier.as_ref().and_then(|earlier| now.moved_since_ms(earlier));
    if let Some(by_ms) = moved_ms.filter(|by_ms| by_ms.abs() > STEP_MAX_MS) {
        return Some(Doubt::Stepped { by_ms });
    }
    let behind = |recorded_ms: TimestampMs, tolerance_ms: i64| {
        (now.wall_ms < recorded_ms.saturating_sub(tolerance_ms)).then_some(Doubt::Behind { recorded_ms })
    };
    past.covered_until_ms
        .and_then(|covered_ms| behind(covered_ms, 0))
        .or_else(|| past.recorded_at_ms.and_then(|recorded_ms| behind(recorded_ms, STEP_MAX_MS)))
}

fn failure(connector: &str, now: &Reading, doubt: Doubt) -> Failure {
    match doubt {
        Doubt::Behind { recorded_ms } => Failure::new(
            "clock-behind",
            NextMove::AskPerson,
            format!(
                "the clock says {}, but {} is recorded as past for connector `{connector}`; nothing is closed",
                rfc3339(now.wall_ms),
                rfc3339(recorded_ms)
            ),
        )
        .hint(format!("set the clock (`timedatectl`), then run `chancery sync {connector}` again")),
        Doubt::Stepped { by_ms } => Failure::new(
            "clock-stepped",
            NextMove::AskPerson,
            format!(
                "the clock was moved {} by {} minutes since it was last looked at for connector `{connector}`; nothing \
                 is closed in this turn",
                if by_ms < 0 { "back" } else { "forward" },
                by_ms.unsigned_abs() / 60_000
            ),
        )
        .hint(format!("look at the clock (`timedatectl`); if it is right now, run `chancery sync {connector}` again")),
    }
}

/// Looks at the clock when turns begin: whether it was moved since turns last began here. The reading stands in a file
/// of its own and not in a ledger, where a wrong one would stand for ever; without the file nothing can be told.
pub(super) fn look(data_dir: &Path, clocks: &Clocks) -> Option<Doubt> {
    let file = data_dir.join(FILE);
    let now = clocks.read();
    let earlier = fs::read(&file).ok().and_then(|bytes| Reading::from_bytes(&bytes));
    let temporary = file.with_extension("new");
    if let Err(error) = fs::write(&temporary, now.to_bytes()).and_then(|()| fs::rename(&temporary, &file)) {
        tracing::warn!("`{}` cannot be written ({error}): the next turn cannot tell a moved clock", file.display());
    }
    doubt(&now, &Past { earlier, ..Past::default() })
}

/// Judges the clock at the beginning of a connector's turn.
///
/// # Errors
/// `clock-behind` until it is set; `clock-stepped` when [`look`] found that it was moved.
pub(super) fn begin(
    connector: &str,
    state: &ConnectorState,
    clocks: &Clocks,
    moved: Option<Doubt>,
) -> Result<(), Failure> {
    let now = clocks.read();
    let past = Past { earlier: None, covered_until_ms: state.covered_until_ms()?, recorded_at_ms: state.last_at_ms()? };
    moved.or_else(|| doubt(&now, &past)).map_or(Ok(()), |doubt| Err(failure(connector, &now, doubt)))
}

/// Judges the clock again whenever a window is to be closed.
pub(super) struct Watch {
    connector: String,
    clocks: Clocks,
    /// What they said when the turn began.
    at_start: Reading,
}

impl Watch {
    /// Begins to watch.
    pub(super) fn new(connector: &str, clocks: &Clocks) -> Self {
        Self { connector: connector.to_owned(), clocks: clocks.clone(), at_start: clocks.read() }
    }
}

impl Closing for Watch {
    fn may_close(&self, end_ms: TimestampMs, recorded_at_ms: Option<TimestampMs>) -> Result<(), Failure> {
        let now = self.clocks.read();
        let past = Past { earlier: Some(self.at_start), covered_until_ms: Some(end_ms), recorded_at_ms };
        doubt(&now, &past).map_or(Ok(()), |doubt| Err(failure(&self.connector, &now, doubt)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const HOUR_MS: i64 = 60 * MINUTE_MS;

    fn at(wall_ms: i64, uptime_ms: i64, boot: u8) -> Reading {
        Reading { wall_ms, uptime_ms, boot: [boot; 16] }
    }

    #[test]
    fn the_steady_clock_goes_on_with_the_machine_until_it_is_told_to_follow() {
        let (clocks, wall_ms, uptime_ms) = clocks();
        let steady = clocks.steady();
        let read_ms = steady.read_ms(&clocks);
        uptime_ms.fetch_add(MINUTE_MS, Ordering::Relaxed);
        wall_ms.fetch_add(-5 * HOUR_MS, Ordering::Relaxed);
        assert_eq!(read_ms(), 1_000 * HOUR_MS + MINUTE_MS);
        steady.follow(&clocks);
        assert_eq!(read_ms(), 995 * HOUR_MS);
        uptime_ms.fetch_add(MINUTE_MS, Ordering::Relaxed);
        assert_eq!(read_ms(), 995 * HOUR_MS + MINUTE_MS);
    }

    #[test]
    fn a_turn_begins_only_with_a_clock_that_can_be_trusted() {
        let (clocks, wall_ms, _) = clocks();
        let folder = tempfile::tempdir().expect("a folder");
        crate::state::State::create(folder.path()).expect("a data folder");
        let (state, _) =
            crate::state::State::open_with_clock(folder.path(), clocks.steady().read_ms(&clocks)).expect("a state");
        let state = state.connector("c").expect("a connector");
        state.remember("x", b"y").expect("a record");
        let code = |moved| begin("c", &state, &clocks, moved).err().map(|failure| failure.code);
        assert_eq!(code(None), None);
        assert_eq!(code(Some(Doubt::Stepped { by_ms: HOUR_MS })).as_deref(), Some("clock-stepped"));
        wall_ms.fetch_add(-HOUR_MS, Ordering::Relaxed);
        assert_eq!(code(None).as_deref(), Some("clock-behind"), "the record was written an hour from now");
    }

    #[test]
    fn a_clock_is_trusted_unless_something_speaks_against_it() {
        let now = at(1_000 * HOUR_MS, 100 * HOUR_MS, 1);
        let past = |earlier, covered_until_ms, recorded_at_ms| Past { earlier, covered_until_ms, recorded_at_ms };
        let hours = |hours: i64| Some(hours * HOUR_MS);
        let table = [
            ("nothing is known", past(None, None, None), None),
            ("an hour passed", past(Some(at(999 * HOUR_MS, 99 * HOUR_MS, 1)), hours(999), hours(999)), None),
            (
                "a night asleep: the time since the start went on",
                past(Some(at(990 * HOUR_MS, 90 * HOUR_MS, 1)), hours(990), hours(990)),
                None,
            ),
            (
                "moved forward by an hour",
                past(Some(at(998 * HOUR_MS, 99 * HOUR_MS, 1)), hours(998), hours(998)),
                Some(Doubt::Stepped { by_ms: HOUR_MS }),
            ),
            (
                "moved back by an hour",
                past(Some(at(1_000 * HOUR_MS, 99 * HOUR_MS, 1)), None, hours(1_000)),
                Some(Doubt::Stepped { by_ms: -HOUR_MS }),
            ),
            ("set by five minutes", past(Some(at(999 * HOUR_MS - 5 * MINUTE_MS, 99 * HOUR_MS, 1)), None, None), None),
            (
                "set by a little more",
                past(Some(at(999 * HOUR_MS - 5 * MINUTE_MS - 1, 99 * HOUR_MS, 1)), None, None),
                Some(Doubt::Stepped { by_ms: 5 * MINUTE_MS + 1 }),
            ),
            ("another start of the machine", past(Some(at(5, 99 * HOUR_MS, 2)), None, hours(999)), None),
            ("a start that cannot be told", past(Some(at(5, 99 * HOUR_MS, 0)), None, None), None),
            ("a little behind the ledger", past(None, None, Some(now.wall_ms + 5 * MINUTE_MS)), None),
            ("behind the ledger", past(None, None, hours(1_001)), Some(Doubt::Behind { recorded_ms: 1_001 * HOUR_MS })),
            (
                "behind what is covered, by anything",
                past(None, Some(now.wall_ms + 1), None),
                Some(Doubt::Behind { recorded_ms: now.wall_ms + 1 }),
            ),
        ];
        for (name, past, expect) in table {
            assert_eq!(doubt(&now, &past), expect, "{name}");
        }
        let unknown = at(1_000 * HOUR_MS, 1, 0);
        assert_eq!(doubt(&unknown, &past(Some(at(5, 0, 0)), None, None)), None, "no boot, no comparison");
    }

    #[test]
    fn a_reading_survives_being_remembered() {
        let reading = at(-5, 7, 9);
        assert_eq!(Reading::from_bytes(&reading.to_bytes()), Some(reading));
        assert_eq!(Reading::from_bytes(&reading.to_bytes()[1..]), None);
    }

    /// Clocks of a test's own.
    fn clocks() -> (Clocks, Arc<AtomicI64>, Arc<AtomicI64>) {
        let (wall, uptime) = (Arc::new(AtomicI64::new(1_000 * HOUR_MS)), Arc::new(AtomicI64::new(HOUR_MS)));
        let read = |clock: &Arc<AtomicI64>| -> ReadMs {
            let clock = Arc::clone(clock);
            Arc::new(move || clock.load(Ordering::SeqCst))
        };
        (Clocks { wall_ms: read(&wall), uptime_ms: read(&uptime), boot: [1; 16] }, wall, uptime)
    }

    #[test]
    fn a_step_between_turns_is_refused_once_and_the_ledger_never_hears_of_it() {
        let (clocks, wall, uptime) = clocks();
        let folder = tempfile::tempdir().expect("a folder");
        let look = || look(folder.path(), &clocks);
        assert_eq!(look(), None, "the first time");
        wall.fetch_add(9 * HOUR_MS, Ordering::SeqCst);
        uptime.fetch_add(9 * HOUR_MS, Ordering::SeqCst);
        assert_eq!(look(), None, "a night");
        let steady = clocks.steady().read_ms(&clocks);
        let before_ms = steady();
        wall.fetch_add(24 * HOUR_MS, Ordering::SeqCst);
        assert_eq!(steady(), before_ms, "what is written now is stamped as if nobody had moved the clock");
        assert_eq!(look(), Some(Doubt::Stepped { by_ms: 24 * HOUR_MS }));
        assert_eq!(look(), None, "the next turn takes it as it is");
        wall.fetch_sub(24 * HOUR_MS, Ordering::SeqCst);
        assert_eq!(look(), Some(Doubt::Stepped { by_ms: -24 * HOUR_MS }), "set right again");
        fs::write(folder.path().join(FILE), b"rubbish").expect("written");
        assert_eq!(look(), None, "nothing can be told");
        assert_eq!(look(), None);
    }

    #[test]
    fn a_clock_that_is_moved_within_a_turn_closes_nothing() {
        let (clocks, wall, uptime) = clocks();
        let watch = Watch::new("c", &clocks);
        let end_ms = 999 * HOUR_MS;
        let code = |recorded| watch.may_close(end_ms, recorded).err().map(|failure| failure.code);
        let pass = |ms: i64| {
            wall.fetch_add(ms, Ordering::SeqCst);
            uptime.fetch_add(ms, Ordering::SeqCst);
        };
        pass(HOUR_MS);
        assert_eq!(code(Some(1_001 * HOUR_MS)), None, "a long turn");
        pass(12 * HOUR_MS);
        assert_eq!(code(None), None, "the lid was closed in the middle of it");
        wall.fetch_add(2 * HOUR_MS, Ordering::SeqCst);
        assert_eq!(code(None).as_deref(), Some("clock-stepped"), "forward");
        wall.fetch_sub(4 * HOUR_MS, Ordering::SeqCst);
        assert_eq!(code(None).as_deref(), Some("clock-stepped"), "back");
        wall.fetch_add(2 * HOUR_MS, Ordering::SeqCst);
        assert_eq!(code(None), None, "and as it was");
        assert_eq!(code(Some(1_014 * HOUR_MS)).as_deref(), Some("clock-behind"), "behind what was just written");
        let future = watch.may_close(1_014 * HOUR_MS, None).err().map(|failure| failure.code);
        assert_eq!(future.as_deref(), Some("clock-behind"), "its end has not come yet");
    }
}
