//! Places where a test kills the process, to see that the next run ends the same.
//!
//! In builds with debug assertions the environment variable `CHANCERY_KILL_AT` (`deliver:written` or
//! `deliver:written:3` for the third time) makes the process end by SIGKILL there. Release builds hold none of this.

/// The places of a repair; they lie on no other journey.
pub const REPAIR_POINTS: [&str; 2] = ["repair:intended", "repair:written"];

/// The places, in the order of the journey.
pub const POINTS: [&str; 11] = [
    "window:opened",
    "fetch:pulled",
    "stage:written",
    "stage:recorded",
    "map:planned",
    "convert:converted",
    "deliver:intended",
    "deliver:written",
    "settle:recorded",
    "window:closed",
    "window:sealed",
];

/// Says that the journey reached this place.
#[cfg(debug_assertions)]
pub(super) fn point(name: &'static str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static MET: AtomicU64 = AtomicU64::new(0);

    debug_assert!(POINTS.contains(&name) || REPAIR_POINTS.contains(&name), "`{name}` is in the list of places");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("CHANCERY_KILL_AT").ok()?;
        let (name, times) = match text.rsplit_once(':') {
            Some((name, times)) if times.parse::<u64>().is_ok() => (name.to_owned(), times.parse().unwrap_or(1)),
            _ => (text, 1),
        };
        Some((name, times))
    });
    let Some((wanted, times)) = wanted else { return };
    if wanted == name && MET.fetch_add(1, Ordering::SeqCst) + 1 == *times {
        let _no_return = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

/// Says nothing.
#[cfg(not(debug_assertions))]
pub(super) fn point(_: &'static str) {}
