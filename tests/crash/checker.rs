//! What must hold after whatever happened, once it is over.

use crate::support::{
    shared::Archived,
    world::{CONNECTOR, Parked, World},
};

/// Fails unless the next turn completes and comes to the end of an undisturbed run: every copy in its mailbox exactly
/// once with the same bytes, or parked with the same one reason; the same counts, which balance; as many sealed windows;
/// a ledger that verifies. One more turn finds nothing to do and changes nothing.
pub(super) fn comes_to_the_same_end(archived: &Archived, world: &World, what: &str) {
    let recovered = world.run(&["sync"]);
    assert!(recovered.code == Some(0), "{what}: the turn after it failed: {recovered}");
    let mail = world.mail_files();
    archived.mail.expect_same(&mail, what);
    let counts = world.counts();
    counts.expect_balance();
    assert_eq!(counts.without_seen(), archived.counts.without_seen(), "{what}: counts");
    // Numbers of items depend on how they came to pages.
    let parked = |mut parked: Vec<Parked>| {
        parked.iter_mut().for_each(|row| row.item = 0);
        parked.sort();
        parked
    };
    assert_eq!(parked(world.parked()), parked(archived.parked.clone()), "{what}: what is parked");

    let again = world.sync();
    assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{what}: {again:?}");
    mail.expect_same(&world.mail_files(), what);
    assert_eq!(checkpoints(world), windows(world), "{what}: sealed windows, of all");
}

/// How many checkpoints the ledger holds, which must verify.
fn checkpoints(world: &World) -> u64 {
    let verified = world.done(&["ledger", "verify"]);
    let line = verified.stdout.lines().find(|line| line.starts_with(&format!("ok: {CONNECTOR}: ")));
    let count = line.and_then(|line| line.rsplit(", ").next()?.strip_suffix(" checkpoints")?.parse().ok());
    count.unwrap_or_else(|| panic!("no count of checkpoints: {verified}"))
}

/// How many windows there are; none may be open.
fn windows(world: &World) -> u64 {
    let status = world.done(&["status", "--json"]).json();
    let row = &status["connectors"][0];
    assert_eq!((row["name"].as_str(), row["open_windows"].as_u64()), (Some(CONNECTOR), Some(0)), "{status}");
    row["windows"].as_u64().unwrap()
}
