//! Crash campaigns: whatever strikes the program, the next turn ends as if nothing had happened.
//!
//! `kill` ends the process at every named step and at random instants, `power` cuts the power (what was not synced may
//! be gone), `fault` lets one system call fail, or two. One `checker` decides for all of them; the simulated site knows
//! the truth. `trace` reads what `strace` saw, `disk` models what a disk may hold after a power cut.
//!
//! Plain runs take a seeded sample. `CHANCERY_CAMPAIGN=1000` makes a campaign of it: so many random kills and faults, and
//! half as many power cuts. Every campaign prints its seed, and `CHANCERY_TEST_SEED` repeats it: every case says in its
//! name what its random choices begin with. What needs `strace` runs where `CHANCERY_TEST_SERVICES=1` says that it must be
//! there.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod checker;
mod disk;
mod fault;
mod kill;
mod power;
mod trace;

use std::{
    env, fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::support::{shared::Archived, world::World};

/// Runs until the second group of copies is written and its receipts are not, where the process ends itself.
pub(crate) fn die_after_writing(world: &World) {
    kill::die_at(world, "deliver:written");
}

/// Fails unless the next turn comes to the end of an undisturbed run.
pub(crate) fn expect_same_end(archived: &Archived, world: &World, what: &str) {
    checker::comes_to_the_same_end(archived, world, what);
}

/// Worlds under way at once: while one waits for the disk, another computes.
const AT_ONCE: usize = 4;

/// `long` cases in a campaign of that size, else `short`.
fn size(short: usize, long: impl Fn(usize) -> usize) -> usize {
    env::var("CHANCERY_CAMPAIGN").map_or(short, |text| long(text.parse().expect("CHANCERY_CAMPAIGN is a number")))
}

/// The seed of this run, printed.
fn seed(campaign: &str) -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let seed = env::var("CHANCERY_TEST_SEED").map_or_else(|_| now(), |text| text.parse().expect("a number"));
    println!("{campaign}: CHANCERY_TEST_SEED={seed}");
    seed
}

/// Whether `strace` is to be used. Where programs besides ours are tested, a missing one is a failure.
fn strace_is_wanted() -> bool {
    if env::var_os("CHANCERY_TEST_SERVICES").is_none() {
        println!("skipped: CHANCERY_TEST_SERVICES is not set, and this needs strace");
        return false;
    }
    let version = Command::new("strace").arg("--version").output();
    assert!(version.is_ok_and(|output| output.status.success()), "`strace` is not installed");
    true
}

/// Runs every case, some at once; fails, naming them, when any did.
fn each<T: Clone + fmt::Display + Send + Sync>(cases: &[T], run: impl Fn(T) + Sync) {
    /// A long campaign says how far it is each time so many cases are done.
    const SHOWN_EVERY: usize = 50;
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = catch_unwind(AssertUnwindSafe(|| run(case.clone())));
                    if outcome.is_err() {
                        println!("failed: {case}");
                        failed.lock().unwrap().push(case.to_string());
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(SHOWN_EVERY) {
                        println!("{done} of {} cases are done, {} failed", cases.len(), failed.lock().unwrap().len());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}; what each said stands above", failed.len(), cases.len());
}

/// SplitMix64: the same seed, the same campaign.
struct Random(u64);

impl Random {
    /// A stream of its own for one case of a campaign.
    fn of_case(seed: u64, case: u64) -> Self {
        let mut random = Self(seed ^ case.rotate_left(40));
        random.below(u64::MAX);
        random
    }

    /// A number less than `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// True so many times out of a hundred.
    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
