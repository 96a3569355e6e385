//! The process dies at each step of the journey, and at random instants: the next turn ends the same as if nothing had
//! happened, with the same mail, byte for byte, and the same counts.
//!
//! `CHANCERY_TEST_SEED` repeats a random run; each prints its seed when it fails.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use chancery::pipeline::crash::POINTS;

use crate::support::{
    program::Running,
    shared::{self, Archived},
    world::World,
};

/// Worlds under way at once: while one waits for the disk, another computes.
const AT_ONCE: usize = 4;
/// Random deaths of one run before it may end.
const DEATHS: usize = 3;

#[test]
fn a_death_at_any_step_changes_nothing_in_the_end() {
    let archived = shared::archived();
    let mut places: Vec<String> = Vec::new();
    for point in POINTS {
        places.push(point.to_owned());
        // A turn of this world has two windows and many pages.
        let later = if point.starts_with("window:") { &[2][..] } else { &[2, 5] };
        places.extend(later.iter().map(|nth| format!("{point}:{nth}")));
    }
    each(places, |place| dies_at(&archived, &place));
}

fn dies_at(archived: &Archived, place: &str) {
    let world = archived.before.copy();
    let mut command = world.command(&["sync"]);
    command.env("CHANCERY_KILL_AT", place);
    Running::start(command).finish().expect_killed();
    comes_to_the_same_end(archived, &world, place);
}

#[test]
fn two_deaths_in_a_row_change_nothing_in_the_end() {
    let archived = shared::archived();
    let pairs = [
        ("stage:recorded:3", "deliver:written"),
        ("deliver:written:2", "deliver:intended"),
        ("deliver:intended", "deliver:intended"),
        ("deliver:written", "deliver:written"),
        ("settle:recorded:2", "window:closed"),
    ];
    each(pairs.into(), |(first, second)| {
        let world = archived.before.copy();
        for place in [first, second] {
            let mut command = world.command(&["sync"]);
            command.env("CHANCERY_KILL_AT", place);
            Running::start(command).finish().expect_killed();
        }
        comes_to_the_same_end(&archived, &world, &format!("{first}, {second}"));
    });
}

#[test]
fn a_death_at_any_instant_changes_nothing_in_the_end() {
    let archived = shared::archived();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let seed = std::env::var("CHANCERY_TEST_SEED").map_or_else(|_| now(), |text| text.parse().expect("a number"));
    println!("CHANCERY_TEST_SEED={seed}");
    let undisturbed = {
        let world = archived.before.copy();
        world.done(&["sync"]).took
    };
    each((0..AT_ONCE as u64).collect(), |run| {
        let world = archived.before.copy();
        let mut random = Random(seed ^ (run << 32));
        for _ in 0..DEATHS {
            let share = random.below(1_000) as u32;
            let mut running = Running::start(world.command(&["sync"]));
            running.wait_until(undisturbed * share / 1_000, || false);
            running.kill();
        }
        comes_to_the_same_end(&archived, &world, &format!("CHANCERY_TEST_SEED={seed}, run {run}"));
    });
}

/// The next turn completes; one more has nothing to do.
fn comes_to_the_same_end(archived: &Archived, world: &World, what: &str) {
    world.done(&["sync"]);
    archived.expect_same_end(world, what);
    let again = world.sync();
    assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{what}: {again:?}");
    archived.expect_same_end(world, what);
}

/// Runs every case, some at once; fails, naming them, when any did.
fn each<T: Clone + fmt::Debug + Send + Sync>(cases: Vec<T>, run: impl Fn(T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = catch_unwind(AssertUnwindSafe(|| run(case.clone())));
                    if outcome.is_err() {
                        failed.lock().unwrap().push(case.clone());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "failed: {failed:?}; what each said stands above");
}

/// SplitMix64: the same seed, the same deaths.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
