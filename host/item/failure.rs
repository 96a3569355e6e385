//! A failure as a value: what failed and what the host does next.

use std::{io, time::Duration};

/// What follows a failure. Decided once, from the failure's kind; see `pipeline::policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextMove {
    /// Try again, not before this wait.
    Retry {
        /// The least wait the other side asked for.
        after: Option<Duration>,
    },
    /// This input will never work: park it.
    Reject,
    /// A person must act (sign in, change a setting, grant): stop this connector's turn, keep everything.
    AskPerson,
    /// A defect of ours or of a plugin: stop this connector's turn, keep everything.
    Stop,
}

/// Why something could not be done, for a person and for the policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Stable kebab-case reason; `chancery explain CODE` knows those of the host.
    pub code: String,
    /// What failed, on what, why: one sentence, or lines for a diagnostic. No message text, no secret.
    pub message: String,
    /// The next command or configuration line.
    pub hint: Option<String>,
    /// What follows.
    pub next: NextMove,
}

impl Failure {
    /// A failure with a stable code and what follows.
    pub fn new(code: impl Into<String>, next: NextMove, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: None, next }
    }

    /// Adds the next command or configuration line.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As an error of IO, for where only those pass; [`Failure::within`] finds it again.
    pub fn into_io(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }

    /// For a staged attachment that cannot be read: what the stage said of it, or that it is lost.
    pub fn of_attachment(error: &io::Error) -> Self {
        if let Some(failure) = Self::within(error) {
            return failure.clone();
        }
        let message = format!("a staged attachment cannot be read: {error}");
        Self::new("stage-attachment-lost", NextMove::Stop, message)
            .hint("restore the stage folder from a backup, then run `chancery sync` again")
    }

    /// For a folder that cannot be read or written: what the error carries, a full disk, a missing right; else `other`,
    /// whose message stands in each case but the first.
    pub fn of_disk(error: &io::Error, other: Self) -> Self {
        if let Some(failure) = Self::within(error) {
            return failure.clone();
        }
        let (code, hint) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ("disk-full", "free space there, then run `chancery sync` again: nothing is lost")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
                "no-permission",
                "give the user that runs chancery the right to write there, then run `chancery sync` again",
            ),
            _ => return other,
        };
        Self::new(code, NextMove::AskPerson, other.message).hint(hint)
    }

    /// The failure that an error of IO carries.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_says_has_one_meaning() {
        let away = || Failure::new("store-unreachable", NextMove::Retry { after: None }, "away");
        let table: [(io::Error, &str, NextMove, &str); 4] = [
            (io::ErrorKind::StorageFull.into(), "disk-full", NextMove::AskPerson, "writing failed"),
            (io::ErrorKind::PermissionDenied.into(), "no-permission", NextMove::AskPerson, "writing failed"),
            (io::ErrorKind::Interrupted.into(), "x-io", NextMove::Stop, "writing failed"),
            (away().into_io(io::ErrorKind::TimedOut), "store-unreachable", NextMove::Retry { after: None }, "away"),
        ];
        for (error, code, next, message) in table {
            let failure = Failure::of_disk(&error, Failure::new("x-io", NextMove::Stop, "writing failed"));
            assert_eq!((&*failure.code, failure.next, &*failure.message), (code, next, message));
        }
    }
}
