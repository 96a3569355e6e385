//! One process per data folder, by `flock`: the kernel lets go of it when the process ends, however it ends.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use super::error::StateError;

/// The data folder, held exclusively for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder, or says that somebody has it.
    pub(super) fn take(data_dir: &Path) -> Result<Self, StateError> {
        let path = data_dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(StateError::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StateError::Locked { path }),
            Err(error) => Err(StateError::Io { doing: "lock", path, source: error.into() }),
        }
    }

    /// Whether a running process holds the folder; a folder without a lock file is held by nobody.
    pub(super) fn is_taken(data_dir: &Path) -> bool {
        let Ok(file) = File::open(data_dir.join("lock")) else { return false };
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    }
}
