//! What must hold after whatever happened, once it is over.

use crate::support::{shared::Archived, world::World};

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
    assert_eq!(world.parked(), archived.parked, "{what}: what is parked");

    let again = world.sync();
    assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{what}: {again:?}");
    mail.expect_same(&world.mail_files(), what);
    assert_eq!(checkpoints(world), checkpoints(&archived.after), "{what}: sealed windows");
}

/// How many windows the ledger, which must verify, says were sealed.
fn checkpoints(world: &World) -> String {
    let verified = world.done(&["ledger", "verify"]);
    let line = verified.stdout.lines().find(|line| line.starts_with("ok: whatsapp: "));
    let line = line.unwrap_or_else(|| panic!("no line of the connector: {verified}"));
    line.rsplit(", ").next().unwrap().to_owned()
}
