//! One system call fails, for every kind of call and every n: with the error of a broken disk, a full one, and one that
//! became read-only. Then two of them. What failed is reported, nothing is written over a failed sync, and once the
//! fault is gone the same command completes.
//!
//! `strace` counts calls by thread, so the n-th call of each thread fails until the process ends. The program decides
//! which thread does what; the trace says which call was struck.

use std::{
    collections::BTreeSet,
    fmt,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    Random, checker, each, seed, size, strace_is_wanted,
    trace::{self, Call},
};
use crate::support::{program::Ran, shared::Archived, world::World};

/// Kinds of calls, and whether only calls on files of the installation are meant: others are the program's own.
const KINDS: [(&str, bool); 9] = [
    ("fsync,fdatasync,syncfs", false),
    ("rename,renameat,renameat2", false),
    ("mkdir,mkdirat", false),
    ("unlink,unlinkat,rmdir", false),
    ("pwrite64,ftruncate", false),
    ("write,writev", true),
    ("read,pread64", true),
    ("getdents64", true),
    ("open,openat", true),
];
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EROFS"];
/// Calls that are traced besides, to see what follows a fault.
const WATCHED: &str = "write,writev,pwrite64,ftruncate,fsync,fdatasync,syncfs,rename,renameat,renameat2,mkdir,mkdirat";
/// Faults of one kind after which a sweep must have come to its end.
const SWEEP_MAX: usize = 2_000;

/// Which call fails, how.
#[derive(Clone, Debug)]
struct Fault {
    kind: usize,
    error: &'static str,
    nth: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} number {} fails with {}", KINDS[self.kind].0, self.nth, self.error)
    }
}

/// What a campaign struck.
#[derive(Default)]
struct Struck {
    runs: AtomicUsize,
    calls: Mutex<BTreeSet<String>>,
}

#[test]
fn a_call_that_fails_changes_nothing_in_the_end() {
    if !strace_is_wanted() {
        return;
    }
    let archived = Archived::small();
    let paths = touched(&archived);
    let struck = Struck::default();
    if size(0, |campaign| campaign) >= 1_000 {
        let lanes: Vec<Fault> =
            (0..KINDS.len()).flat_map(|kind| ERRORS.map(|error| Fault { kind, error, nth: 1 })).collect();
        each(&lanes, |first| {
            let swept = (1..SWEEP_MAX).find(|nth| {
                let fault = Fault { nth: *nth, ..first.clone() };
                !strike(&archived, &paths, &[fault], &struck)
            });
            let swept = swept.expect("a sweep ends");
            println!("fault: {} with {}: every number below {swept}", KINDS[first.kind].0, first.error);
        });
    } else {
        let seed = seed("fault");
        let mut random = Random(seed);
        let faults: Vec<Fault> = (0..size(18, |campaign| campaign)).map(|case| sample(&mut random, case)).collect();
        each(&faults, |fault| {
            strike(&archived, &paths, &[fault], &struck);
        });
    }
    report(&struck);
}

#[test]
fn two_calls_that_fail_change_nothing_in_the_end() {
    if !strace_is_wanted() {
        return;
    }
    let archived = Archived::small();
    let paths = touched(&archived);
    let struck = Struck::default();
    let seed = seed("pairs of faults");
    let cases: Vec<u64> = (0..size(6, |campaign| campaign / 10) as u64).collect();
    each(&cases, |case| {
        let mut random = Random::of_case(seed, case);
        // Of two kinds: `strace` counts by kind.
        let kind = random.below(KINDS.len() as u64) as usize;
        let other = kind + 1 + random.below(KINDS.len() as u64 - 1) as usize;
        let pair = [sample(&mut random, kind), sample(&mut random, other)];
        strike(&archived, &paths, &pair, &struck);
    });
    report(&struck);
}

/// A fault of the kinds in turn, early ones more often: most calls are made a few times.
fn sample(random: &mut Random, case: usize) -> Fault {
    let most = *random.pick(&[4, 16, 64]);
    Fault { kind: case % KINDS.len(), error: ERRORS[random.below(3) as usize], nth: 1 + random.below(most) as usize }
}

fn report(struck: &Struck) {
    let calls = struck.calls.lock().unwrap();
    let runs = struck.runs.load(Ordering::Relaxed);
    println!("fault: {runs} runs were struck, at {} different calls by kind and file", calls.len());
    assert!(runs > 0, "no fault struck: the campaign shows nothing");
}

/// The paths below the installation that an undisturbed turn touches.
fn touched(archived: &Archived) -> BTreeSet<String> {
    let world = archived.before.copy();
    let root = world.path("").canonicalize().unwrap();
    let kinds = KINDS.map(|(calls, _)| calls).join(",");
    let (ran, calls) = trace::run(&world, &["sync"], &["-s", "0", "-e", &format!("trace={kinds}")], None);
    ran.expect(0);
    let paths = calls.iter().filter(|call| call.result.is_some()).filter_map(|call| call.inside(&root));
    // What the sandbox keeps of compiled plugins is read once, and a stage's temporary files are named anew each time.
    paths
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|path| !path.is_empty() && !path.contains("/tmp/"))
        .collect()
}

/// Runs a turn with these faults and then checks what comes of it. False when none of them struck.
fn strike(archived: &Archived, paths: &BTreeSet<String>, faults: &[Fault], struck: &Struck) -> bool {
    let world = archived.before.copy();
    let root = world.path("").canonicalize().unwrap();
    let what = faults.iter().map(Fault::to_string).collect::<Vec<_>>().join(", ");
    let (ran, calls) = run(&world, &root, paths, faults);
    let hit: Vec<&Call> = calls.iter().filter(|call| call.injected).collect();
    if !hit.is_empty() {
        struck.runs.fetch_add(1, Ordering::Relaxed);
        let names = hit.iter().map(|call| format!("{} {:?}", call.name, call.inside(&root)));
        struck.calls.lock().unwrap().extend(names);
    }
    assert!(matches!(ran.code, Some(0..=2)), "{what}: {ran}");
    // sled panics where its own sync fails; that is caught.
    let panics = ran.stderr.lines().filter(|line| line.contains("panicked at") && !line.contains("/sled-0.34.7/"));
    assert_eq!(panics.count(), 0, "{what}: {ran}");
    if ran.code != Some(0) {
        let has_hint = ran.stderr.contains("hint: ") || ran.stdout.contains("hint: ");
        assert!(has_hint, "{what}: an error without a hint: {ran}");
    }
    expect_stopped(&calls, &root, &what, &ran);
    checker::comes_to_the_same_end(archived, &world, &what);
    !hit.is_empty()
}

fn run(world: &World, root: &Path, paths: &BTreeSet<String>, faults: &[Fault]) -> (Ran, Vec<Call>) {
    let kinds: Vec<&str> = faults.iter().map(|fault| KINDS[fault.kind].0).collect();
    let mut options = vec!["-s".to_owned(), "0".to_owned()];
    if faults.iter().any(|fault| KINDS[fault.kind].1) {
        options.extend(["-e".to_owned(), format!("trace={}", kinds.join(","))]);
        for path in paths {
            options.extend(["-P".to_owned(), root.join(path).to_string_lossy().into_owned()]);
            options.extend(["-P".to_owned(), path.clone()]);
        }
    } else {
        options.extend(["-e".to_owned(), format!("trace={},{WATCHED}", kinds.join(","))]);
    }
    for fault in faults {
        options.extend([
            "-e".to_owned(),
            format!("inject={}:error={}:when={}", KINDS[fault.kind].0, fault.error, fault.nth),
        ]);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    trace::run(world, &["sync"], &options, None)
}

/// After a failed sync nobody knows what the disk holds, and after a failed write of the ledger neither: nothing more
/// may be written there by that process.
fn expect_stopped(calls: &[Call], root: &Path, what: &str, ran: &Ran) {
    for (index, failed) in calls.iter().enumerate().filter(|(_, call)| call.injected) {
        let Some(area) = area(failed, root) else { continue };
        let is_sync = matches!(failed.name.as_str(), "fsync" | "fdatasync" | "syncfs");
        if !(is_sync || failed.name == "pwrite64" && area.contains("ledger/")) {
            continue;
        }
        let writes = |call: &&Call| {
            matches!(
                call.name.as_str(),
                "write" | "writev" | "pwrite64" | "ftruncate" | "rename" | "renameat" | "renameat2"
            )
        };
        let later = calls[index..].iter().filter(|call| call.begun > failed.ended && call.result.is_some());
        let later: Vec<&Call> =
            later.filter(writes).filter(|call| self::area(call, root).as_deref() == Some(&*area)).collect();
        assert!(later.is_empty(), "{what}: written after {} failed in {area}: {:?}\n{ran}", failed.name, later[0]);
    }
}

/// The part of the installation whose files hang together.
fn area(call: &Call, root: &Path) -> Option<String> {
    let path = call.inside(root)?.to_string_lossy().into_owned();
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["data", "ledger", connector, ..] => Some(format!("data/ledger/{connector}")),
        ["data", "stage", ..] => Some("data/stage".to_owned()),
        ["mail", ..] => Some("mail".to_owned()),
        _ => None,
    }
}
