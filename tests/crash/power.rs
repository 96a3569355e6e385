//! The power fails: every call of a recorded turn is a place where it can, and what was not synced may be gone.

use std::{
    fmt,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    Random, checker,
    disk::Disk,
    each, seed, size, strace_is_wanted,
    trace::{self, Call},
};
use crate::support::shared::Archived;

/// What was going on: items of a page, and how earlier turns ended, each at a named step or in the n-th sync of some
/// thread. With few items of a page groups are small, and mail is synced file by file.
type Scenario = (u32, Vec<Ending>);

#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The process died at this step.
    DiedAt(&'static str),
    /// The process died in a sync: what it wrote can be read and is not safe.
    DiedInSync(&'static str, u64),
    /// A sync failed. What it should have made safe stays unsafe, whatever is synced later.
    FailedInSync(&'static str, u64),
}

fn scenarios(random: &mut Random, further: usize) -> Vec<Scenario> {
    use Ending::{DiedAt, DiedInSync, FailedInSync};
    let mut scenarios = vec![
        (8, vec![]),
        (60, vec![]),
        (8, vec![DiedAt("deliver:intended:2")]),
        (60, vec![DiedAt("deliver:written")]),
        (8, vec![DiedAt("stage:recorded:2"), DiedAt("settle:recorded")]),
        (8, vec![DiedAt("window:closed"), DiedAt("window:sealed")]),
    ];
    for number in 0..further {
        let page_size = *random.pick(&[8, 60]);
        // The ledger syncs by fdatasync, mail and stage by syncfs, small groups of mail and folders by fsync.
        let call = *random.pick(&["fdatasync", "syncfs", "fsync"]);
        let nth = 1 + random.below(if call == "fsync" { 60 } else { 12 });
        let ending = if number % 2 == 0 { DiedInSync(call, nth) } else { FailedInSync(call, nth) };
        scenarios.push((page_size, vec![ending]));
    }
    scenarios
}

/// A turn that was recorded, with the turns before it that died.
struct Recording {
    name: String,
    before: Disk,
    calls: Vec<Call>,
}

/// A place in a recording, and the seed of what is lost there.
#[derive(Clone)]
struct Cut {
    recording: usize,
    calls: usize,
    seed: u64,
    what: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

#[test]
fn a_power_cut_anywhere_changes_nothing_in_the_end() {
    if !strace_is_wanted() {
        return;
    }
    let archived = Archived::small();
    let seed = seed("power");
    let scenarios = scenarios(&mut Random::of_case(seed, 1), size(4, |campaign| campaign / 50));
    let recordings: Vec<Recording> = scenarios.iter().map(|scenario| record(&archived, scenario)).collect();
    let cuts = cuts(&recordings, seed, size(24, |campaign| campaign.div_ceil(2)));
    let done = AtomicUsize::new(0);
    each(&cuts, |cut| {
        let world = archived.before.beside();
        let recording = &recordings[cut.recording];
        let lost = strike(recording, &cut, &world.path(""));
        checker::comes_to_the_same_end(&archived, &world, &format!("{cut}: {lost}"));
        done.fetch_add(1, Ordering::Relaxed);
    });
    println!("power: {} cuts in {} recordings", done.into_inner(), recordings.len());
}

/// A call that a death cut off may have had its effect without being recorded, and two threads' calls may be recorded in
/// another order than they had: then it is recorded anew.
fn record(archived: &Archived, scenario: &Scenario) -> Recording {
    const ATTEMPTS_MAX: usize = 8;
    let mut attempts = (0..ATTEMPTS_MAX).map(|_| try_record(archived, scenario));
    attempts.find_map(Result::ok).unwrap_or_else(|| try_record(archived, scenario).unwrap())
}

fn try_record(archived: &Archived, (page_size, endings): &Scenario) -> Result<Recording, String> {
    let world = archived.before.copy_with_pages(*page_size);
    let root = world.path("").canonicalize().unwrap();
    let before = Disk::of(&root);
    let mut disk = before.clone();
    let mut calls: Vec<Call> = Vec::new();
    let turns = endings.iter().map(|ending| Some(*ending)).chain([None]);
    for ending in turns {
        let inject = |call: &str, what: &str, nth| format!("inject={call}:{what}:when={nth}");
        let (ran, more) = match ending {
            None => trace::record(&world, &[], None),
            Some(Ending::DiedAt(place)) => trace::record(&world, &[], Some(place)),
            Some(Ending::DiedInSync(call, nth)) => {
                trace::record(&world, &["-e", &inject(call, "signal=KILL", nth)], None)
            }
            Some(Ending::FailedInSync(call, nth)) => {
                trace::record(&world, &["-e", &inject(call, "error=EIO", nth)], None)
            }
        };
        match ending {
            Some(Ending::DiedAt(_)) => assert!(ran.code != Some(0), "{ran}"),
            // Perhaps no thread got so far.
            Some(_) => {}
            None => drop(ran.expect(0)),
        }
        let earlier = calls.last().map_or(0, |call| call.ended + 1);
        let more =
            more.into_iter().map(|call| Call { begun: call.begun + earlier, ended: call.ended + earlier, ..call });
        let more = more.filter(|call| {
            (call.result.is_some() || call.injected) && (call.name == "sync" || call.inside(&root).is_some())
        });
        let more: Vec<Call> = more.collect();
        more.iter().try_for_each(|call| disk.apply(call))?;
        // What was recorded, played, comes to what the folder holds: nothing was missed.
        disk.expect_seen_is(&root)?;
        calls.extend(more);
    }
    let name = format!("{page_size} items a page, {endings:?}");
    let syncs = calls.iter().filter(|call| is_sync(call)).count();
    println!("power: recorded {} calls, {syncs} of them syncs: {name}", calls.len());
    Ok(Recording { name, before, calls })
}

fn is_sync(call: &Call) -> bool {
    matches!(call.name.as_str(), "fsync" | "fdatasync" | "syncfs" | "sync")
}

/// As many places as wanted: first those before and after each sync, then random ones; a sample of the first where not
/// all are wanted.
fn cuts(recordings: &[Recording], seed: u64, wanted: usize) -> Vec<Cut> {
    let mut random = Random(seed);
    let mut at_syncs = Vec::new();
    for (index, recording) in recordings.iter().enumerate() {
        let syncs = (0..recording.calls.len()).filter(|at| is_sync(&recording.calls[*at]));
        at_syncs.extend(syncs.flat_map(|at| [(index, at), (index, at + 1)]));
    }
    let mut places = Vec::new();
    while places.len() < wanted {
        // A quarter of a sample is random: a sync is not the only thing that can go wrong.
        if at_syncs.is_empty() || wanted < 100 && places.len() % 4 == 3 {
            let recording = random.below(recordings.len() as u64) as usize;
            places.push((recording, random.below(recordings[recording].calls.len() as u64 + 1) as usize));
        } else {
            places.push(at_syncs.swap_remove(random.below(at_syncs.len() as u64) as usize));
        }
    }
    let cut = |(number, (recording, calls)): (usize, (usize, usize))| {
        let Recording { name, calls: all, .. } = &recordings[recording];
        let next = all.get(calls).map_or("the end", |call| call.name.as_str());
        let what =
            format!("CHANCERY_TEST_SEED={seed}, cut {number}: {name}, call {calls} of {}, before {next}", all.len());
        Cut { recording, calls, seed: Random::of_case(seed, number as u64).0, what }
    };
    places.into_iter().enumerate().map(cut).collect()
}

/// Leaves in an empty folder what the disk holds after the cut.
fn strike(recording: &Recording, cut: &Cut, folder: &Path) -> String {
    let (done, rest) = recording.calls.split_at(cut.calls);
    let mut disk = recording.before.clone();
    done.iter().for_each(|call| disk.apply(call).expect("it was played before"));
    let now = done.last().map_or(0, |call| call.ended);
    let under_way: Vec<&Call> = rest.iter().filter(|call| call.begun < now).collect();
    disk.cut(&under_way, &mut Random(cut.seed), folder)
}
