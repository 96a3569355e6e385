//! The process dies by SIGKILL: what it wrote stays, what it meant to write does not come.

use chancery::pipeline::crash::POINTS;

use super::{AT_ONCE, Random, checker, each, seed, size};
use crate::support::{
    dovecot::{self, Dovecot},
    program::Running,
    shared::{self, Archived},
    world::World,
};

/// Random deaths of one world before a turn may end.
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
    each(&places, |place| {
        let world = archived.before.copy();
        die_at(&world, &place);
        checker::comes_to_the_same_end(&archived, &world, &place);
    });
}

#[test]
fn a_death_while_days_are_written_changes_nothing_in_the_end() {
    let archived = Archived::by_day();
    let mut places: Vec<&str> = POINTS.into_iter().filter(|point| !point.starts_with("stage:written")).collect();
    places.extend([
        "stage:recorded:3",
        "map:planned:3",
        "stage:recorded:4, deliver:intended",
        "deliver:intended, deliver:written",
    ]);
    each(&places, |place| {
        let world = archived.before.copy();
        place.split(", ").for_each(|place| die_at(&world, place));
        checker::comes_to_the_same_end(&archived, &world, place);
    });
    at_random(&archived, "kill by day");
}

#[test]
fn two_deaths_in_a_row_change_nothing_in_the_end() {
    let archived = shared::archived();
    let pairs = [
        "stage:recorded:3, deliver:written",
        "deliver:written:2, deliver:intended",
        "deliver:intended, deliver:intended",
        "deliver:written, deliver:written",
        "settle:recorded:2, window:closed",
    ];
    each(&pairs, |pair| {
        let world = archived.before.copy();
        pair.split(", ").for_each(|place| die_at(&world, place));
        checker::comes_to_the_same_end(&archived, &world, pair);
    });
}

#[test]
fn a_death_at_any_instant_changes_nothing_in_the_end() {
    at_random(&shared::archived(), "kill");
}

/// Some worlds in each of which the process dies a few times.
fn at_random(archived: &Archived, what: &str) {
    let seed = seed(what);
    let undisturbed = archived.before.copy().done(&["sync"]).took;
    let worlds = size(AT_ONCE, |campaign| campaign.div_ceil(DEATHS));
    let cases: Vec<u64> = (0..worlds as u64).collect();
    each(&cases, |case| {
        let world = archived.before.copy();
        let mut random = Random::of_case(seed, case);
        for _ in 0..DEATHS {
            let share = random.below(1_000) as u32;
            let mut running = Running::start(world.command(&["sync"]));
            running.wait_until(undisturbed * share / 1_000, || false);
            running.kill();
        }
        checker::comes_to_the_same_end(archived, &world, &format!("CHANCERY_TEST_SEED={seed}, {what} case {case}"));
    });
    println!("{what}: {} random deaths in {worlds} worlds", worlds * DEATHS);
}

#[test]
fn a_death_while_mail_goes_to_a_server_changes_nothing_in_the_end() {
    if !dovecot::is_wanted() {
        return;
    }
    let server = Dovecot::start("mdbox", "");
    let archived = Archived::small_at(&server);
    let points: Vec<&str> = POINTS.into_iter().filter(|point| point.starts_with("deliver:")).collect();
    // The copies of all its pages go at once, so that pages are also left while they are gathered.
    let places = [&points[..], &["stage:recorded:3", "map:planned:3", "convert:converted:3"]].concat();
    each(&places, |place| {
        let world = archived.before.copy();
        die_at(&world, place);
        checker::comes_to_the_same_end(&archived, &world, place);
    });
    at_random(&archived, "kill over IMAP");
}

/// Runs until that step, where the process ends itself.
pub(super) fn die_at(world: &World, place: &str) {
    let mut command = world.command(&["sync"]);
    command.env("CHANCERY_KILL_AT", place);
    Running::start(command).finish().expect_killed();
}
