//! One writer a mailbox, across all connectors of the host.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// The locks of every (destination identity, mailbox).
#[derive(Default)]
pub struct MailboxLocks {
    locks: Mutex<HashMap<(String, String), Lock>>,
}

/// Holds the mailboxes it was taken for until dropped.
pub struct MailboxGuard {
    _held: Vec<OwnedMutexGuard<()>>,
}

impl MailboxLocks {
    /// Waits until every one of these mailboxes is ours. They are taken in order, so two callers never wait for each
    /// other.
    pub async fn hold(&self, identity: &str, mailboxes: BTreeSet<&str>) -> MailboxGuard {
        let wanted: Vec<Lock> = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            // Mailboxes nobody holds or waits for are forgotten, so that the table does not grow for ever.
            if locks.len() > 10_000 {
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            mailboxes
                .into_iter()
                .map(|mailbox| Arc::clone(locks.entry((identity.to_owned(), mailbox.to_owned())).or_default()))
                .collect()
        };
        let mut held = Vec::with_capacity(wanted.len());
        for lock in wanted {
            held.push(lock.lock_owned().await);
        }
        MailboxGuard { _held: held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mailbox_is_held_by_one_and_others_go_on() {
        let locks = MailboxLocks::default();
        let first = locks.hold("m", BTreeSet::from(["a", "b"])).await;
        let second = locks.hold("m", BTreeSet::from(["c"])).await;
        let blocked = locks.hold("m", BTreeSet::from(["b", "c"]));
        tokio::pin!(blocked);
        assert!(futures::poll!(&mut blocked).is_pending(), "b is held");
        drop(first);
        assert!(futures::poll!(&mut blocked).is_pending(), "c is held");
        drop(second);
        let _third = blocked.await;
    }
}
