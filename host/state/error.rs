//! What the state could not do, for the caller's decision and for the person who reads it at night.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::item::{Failure, NextMove};

/// Why the state refused or failed. [`StateError::code`] is stable; [`StateError::hint`] is the next step.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process holds the data folder.
    #[error("the data folder `{}` is in use by another chancery process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The folder holds no keys.
    #[error("the data folder `{}` has not been set up: `{}` is missing", data_dir.display(), missing.display())]
    NotInitialised {
        /// The folder.
        data_dir: PathBuf,
        /// What is missing.
        missing: PathBuf,
    },
    /// `create` met existing keys or records.
    #[error("`{}` exists already; a data folder is never set up twice", path.display())]
    AlreadyInitialised {
        /// What exists.
        path: PathBuf,
    },
    /// A key file cannot be used.
    #[error("the key file `{}` cannot be used: {why}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The operating system refused.
    #[error("could not {doing} `{}`: {source}", path.display())]
    Io {
        /// What was being done, as a verb ("sync").
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A record that was acknowledged is not what was written.
    #[error("`{}` is damaged at byte {offset} (record {record}): {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Offset of the damaged part in bytes.
        offset: u64,
        /// Number of the record in its file, from 1; 0 for the file's header or a file without records.
        record: u64,
        /// What does not hold.
        what: String,
    },
    /// Another version wrote this.
    #[error("`{}` was written in format {version}, this version reads format {known}", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// Its format.
        version: u16,
        /// The one known here.
        known: u16,
    },
    /// Acknowledged records are gone: the ledger is shorter than its signed head, its index or a checkpoint say.
    #[error("the ledger of connector `{connector}` has lost acknowledged records: {why}")]
    LedgerBehind {
        /// The connector.
        connector: String,
        /// What shows it.
        why: String,
    },
    /// The index cannot be read; it is rebuilt at the next start.
    #[error("the index of connector `{connector}` is broken: {what}")]
    Index {
        /// The connector.
        connector: String,
        /// What does not hold.
        what: String,
    },
    /// The request contradicts what is recorded; nothing was written.
    #[error("{what}")]
    Refused {
        /// Stable code.
        code: &'static str,
        /// One sentence.
        what: String,
    },
    /// A person asked for something that may not be; nothing was changed.
    #[error("{what}")]
    NotAllowed {
        /// Stable code, in the table of reasons.
        code: &'static str,
        /// One sentence.
        what: String,
        /// The next step.
        hint: String,
    },
    /// Something that was asked for is not recorded.
    #[error("{what} is not in the ledger of connector `{connector}`")]
    Unknown {
        /// The connector.
        connector: String,
        /// What was asked for.
        what: String,
    },
    /// An earlier write failed, so nothing more is written or answered.
    #[error("the state of connector `{connector}` has stopped after a failed write: {why}")]
    Poisoned {
        /// The connector.
        connector: String,
        /// The first failure.
        why: String,
    },
    /// The state was closed.
    #[error("the state of connector `{connector}` is closed")]
    Closed {
        /// The connector.
        connector: String,
    },
}

impl StateError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// A decision without a reason, or nobody who takes it.
    pub fn reason_missing(what: &str) -> Self {
        Self::NotAllowed {
            code: "reason-missing",
            what: format!("{what} needs a reason and who decides it"),
            hint: "say why: `--reason \"…\"`; it stands in the ledger".into(),
        }
    }

    pub(super) fn refused(code: &'static str, what: impl Into<String>) -> Self {
        Self::Refused { code, what: what.into() }
    }

    /// The stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "state-locked",
            Self::NotInitialised { .. } => "state-not-initialised",
            Self::AlreadyInitialised { .. } => "state-exists",
            Self::Key { .. } => "state-key",
            Self::Io { .. } => "state-io",
            Self::Damaged { .. } => "ledger-damaged",
            Self::Format { version, known, .. } if version < known => "state-too-old",
            Self::Format { .. } => "state-too-new",
            Self::LedgerBehind { .. } => "ledger-behind",
            Self::Index { .. } => "index-broken",
            Self::Refused { code, .. } | Self::NotAllowed { code, .. } => code,
            Self::Unknown { .. } => "state-unknown",
            Self::Poisoned { .. } => "state-poisoned",
            Self::Closed { .. } => "state-closed",
        }
    }

    /// The next step for the operator, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Locked { .. } => "wait until the other process ends, or stop it (a service: `systemctl stop chancery`); then run the command again".into(),
            Self::NotInitialised { .. } => "run `chancery init`".into(),
            Self::AlreadyInitialised { .. } => "choose another `data_dir`, or use this one as it is".into(),
            Self::Key { path, .. } => {
                format!("restore `{}` from a backup and run `chmod 600` on it; without its keys a ledger cannot be read", path.display())
            }
            Self::Io { .. } => "check the disk (space, permissions, health), then start again: nothing half-written counts".into(),
            Self::Damaged { .. } => {
                "restore the named file from a backup and run `chancery ledger verify`; do not delete it, it is the record".into()
            }
            Self::Format { version, known, .. } if version < known => {
                format!("run `chancery state export DIR` with the chancery that wrote format {version}, then `chancery state import DIR` with one that reads both")
            }
            Self::Format { version, .. } => {
                format!("use the newer chancery that wrote format {version}; there is no way back to an older one but a backup made with it")
            }
            Self::LedgerBehind { .. } => "restore `data/ledger` from a backup; nothing is read or sent until the records are back. If they are gone for good: `chancery state rebuild --accept-loss --reason \"…\"` records that, and everything is looked for before it is sent again".into(),
            Self::Index { .. } => "start again: the index is rebuilt from the ledger".into(),
            Self::Poisoned { .. } => "see the first failure, mend its cause and start again".into(),
            Self::NotAllowed { hint, .. } => hint.clone(),
            Self::Refused { .. } | Self::Unknown { .. } | Self::Closed { .. } => return None,
        })
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        // Whatever the state cannot do ends the connector's turn: its record is what everything else rests on.
        let next = match &error {
            StateError::Refused { .. } | StateError::Unknown { .. } | StateError::Closed { .. } => NextMove::Stop,
            _ => NextMove::AskPerson,
        };
        let failure = match &error {
            // One row explains them all: that the state was asked for it at all is the defect.
            StateError::Refused { code, what } => Self::new("state-refused", next, format!("{what} ({code})")),
            _ => Self::new(error.code(), next, error.to_string()),
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
