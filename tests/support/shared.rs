//! A small world that was archived once, for the tests that begin where that ended or compare with it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use world::StoryOptions;

use super::{
    dovecot::Dovecot,
    files::Files,
    truth,
    world::{Counts, Parked, World},
};

/// An undisturbed run: before, after, and what came of it.
pub(crate) struct Archived {
    /// Set up, its plugins compiled, nothing read yet.
    pub(crate) before: World,
    /// After one turn.
    pub(crate) after: World,
    /// The mail tree of `after`.
    pub(crate) mail: Files,
    /// The counts of `after`.
    pub(crate) counts: Counts,
    /// What is parked in `after`.
    pub(crate) parked: Vec<Parked>,
}

/// Items of a page: few, so that a turn has many.
pub(crate) const PAGE_SIZE: u32 = 20;

/// The archived world. It is made once as long as somebody holds it; copies of it are cheap.
pub(crate) fn archived() -> Arc<Archived> {
    static ARCHIVED: Mutex<Weak<Archived>> = Mutex::new(Weak::new());
    // A test that failed while it made one left the weak reference as it was.
    let mut archived = ARCHIVED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(archived) = archived.upgrade() {
        return archived;
    }
    let made = Arc::new(Archived::make(110, 8, PAGE_SIZE, None, "email"));
    *archived = Arc::downgrade(&made);
    made
}

impl Archived {
    /// Few items, yet every planted peculiarity: for campaigns of many runs.
    pub(crate) fn small() -> Self {
        Self::make(36, 3, 8, None, "email")
    }

    /// A small one whose mail is on a server.
    pub(crate) fn small_at(server: &Arc<Dovecot>) -> Self {
        Self::make(36, 3, 8, Some(Arc::clone(server)), "email")
    }

    /// One whose mailboxes have a message a conversation and day.
    pub(crate) fn by_day() -> Self {
        Self::make(110, 8, PAGE_SIZE, None, "daily-digest")
    }

    fn make(items: u32, repeats: u32, page_size: u32, server: Option<Arc<Dovecot>>, converter: &'static str) -> Self {
        let options = StoryOptions {
            seed: 7,
            items,
            // Large enough for a notice, small enough to be sent a hundred times.
            oversize_bytes: 700 << 10,
            oversize_limit_bytes: 600 << 10,
            expired_attachments: 1,
            repeats,
            ..StoryOptions::default()
        };
        let before = World::new_at(options, page_size, server, converter);
        before.done(&["plan"]);
        let after = before.copy();
        let counts = after.sync();
        if converter == "email" {
            truth::expect_archived(&after);
            truth::expect_counts(&counts, before.story());
        } else {
            truth::expect_archived_by_day(&after);
            counts.expect_balance();
        }
        let mail = after.mail_files();
        let counts = after.counts();
        let parked = after.parked();
        Self { before, after, mail, counts, parked }
    }

    /// Fails unless a world came to the same end: the same mail, byte for byte, and the same counts.
    pub(crate) fn expect_same_end(&self, world: &World, what: &str) {
        self.mail.expect_same(&world.mail_files(), what);
        let counts = world.counts();
        assert_eq!(counts.without_seen(), self.counts.without_seen(), "{what}");
        world.done(&["ledger", "verify"]);
    }
}
