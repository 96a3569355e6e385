//! Which sled folder is in use: `index/CURRENT` names `index/gen-<n>`, and switching is one rename.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{
    item::limits::INDEX_OPEN_TIME_MAX,
    state::{
        error::StateError,
        files::{create_folder, list, read_if_there, remove_if_there, replace},
    },
};

const FORMAT: &[u8] = b"chancery index 2";
const CACHE_BYTES: u64 = 4 << 20;
const FLUSH_MS: u64 = 500;

/// The open index of a data folder.
#[derive(Clone)]
pub(in crate::state) struct Index {
    db: sled::Db,
}

impl Index {
    /// Opens the generation in use. One that is missing, broken, of another format or too slow to open is left behind
    /// for an empty one; the reason is returned when there was something to lose.
    pub(in crate::state) fn open(data_dir: &Path) -> Result<(Self, Option<String>), StateError> {
        Self::open_within(data_dir, INDEX_OPEN_TIME_MAX)
    }

    /// As [`Index::open`], with another time limit.
    pub(in crate::state) fn open_within(
        data_dir: &Path,
        limit: Duration,
    ) -> Result<(Self, Option<String>), StateError> {
        let folder = data_dir.join("index");
        create_folder(&folder)?;
        let why = match current(&folder)? {
            None => String::from("it was missing"),
            Some(number) => match Self::try_open(&folder, number, limit)? {
                Ok(index) => {
                    remove_others(&folder, number);
                    return Ok((index, None));
                }
                Err(why) => why,
            },
        };
        let number = generations(&folder)?.into_iter().max().unwrap_or(0) + 1;
        let path = generation(&folder, number);
        create_folder(&path)?;
        let db = open_sled(&path, true).map_err(|what| StateError::Index { connector: "*".into(), what })?;
        replace(&folder.join("CURRENT"), format!("{number}\n").as_bytes())?;
        remove_if_there(&folder.join("REBUILD"))?;
        remove_others(&folder, number);
        Ok((Self { db }, Some(why)))
    }

    /// Opens the generation in use as it is, or says why the next start begins a new one.
    pub(in crate::state) fn probe(data_dir: &Path) -> Result<Result<Self, String>, StateError> {
        let folder = data_dir.join("index");
        match current(&folder)? {
            None => Ok(Err("it is missing".into())),
            Some(number) => Self::try_open(&folder, number, INDEX_OPEN_TIME_MAX),
        }
    }

    fn try_open(folder: &Path, number: u64, limit: Duration) -> Result<Result<Self, String>, StateError> {
        if let Some(reason) = read_if_there(&folder.join("REBUILD"))? {
            return Ok(Err(String::from_utf8_lossy(&reason).trim().to_owned()));
        }
        let path = generation(folder, number);
        if !path.is_dir() {
            return Ok(Err("it was missing".into()));
        }
        let (sender, receiver) = mpsc::channel();
        // sled may spin for ever on a damaged folder; the thread is then left behind, the generation too.
        let opening = thread::Builder::new().name("index-open".into()).spawn(move || {
            let opened = std::panic::catch_unwind(|| open_sled(&path, false));
            // The receiver may have given up; what was opened is then dropped here.
            let _ = sender.send(opened.unwrap_or_else(|_| Err("sled panicked while opening it".into())));
        });
        opening.map_err(StateError::io("start a thread to open", folder))?;
        Ok(match receiver.recv_timeout(limit) {
            Ok(opened) => opened.map(|db| Self { db }),
            Err(_) => Err(format!("it did not open within {} s", limit.as_secs())),
        })
    }

    /// A tree.
    pub(super) fn tree(&self, connector: &str, name: &str) -> Result<sled::Tree, StateError> {
        self.db.open_tree(format!("{connector}/{name}")).map_err(|error| broken(connector, &error))
    }

    /// Asks that the next start rebuild the index. Best effort: whoever calls this has a greater trouble to report.
    pub(in crate::state) fn mark_broken(folder: &Path, why: &str) {
        if let Err(error) = fs::write(folder.join("index/REBUILD"), format!("{why}\n")) {
            tracing::warn!(%error, "could not mark the index for a rebuild");
        }
    }

    /// Hands everything to the operating system.
    pub(in crate::state) fn flush(&self) -> Result<(), StateError> {
        self.db.flush().map(drop).map_err(|error| broken("*", &error))
    }

    /// Lets go of it. sled syncs once more and panics where that fails.
    pub(in crate::state) fn close(self) -> Result<(), StateError> {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(self)))
            .map_err(|_| broken("*", &"it could not be synced when it was closed"))
    }

    /// Empties the index: the next open begins a new generation.
    pub(in crate::state) fn discard(data_dir: &Path) -> Result<(), StateError> {
        let folder = data_dir.join("index");
        create_folder(&folder)?;
        replace(&folder.join("REBUILD"), b"a person asked for it\n")
    }
}

/// An error of sled's as ours.
pub(super) fn broken(connector: &str, error: &dyn std::fmt::Display) -> StateError {
    StateError::Index { connector: connector.into(), what: error.to_string() }
}

fn open_sled(path: &Path, fresh: bool) -> Result<sled::Db, String> {
    let db = sled::Config::new()
        .path(path)
        .mode(sled::Mode::LowSpace)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(FLUSH_MS))
        .open()
        .map_err(|error| error.to_string())?;
    if fresh {
        db.insert("format", FORMAT).map_err(|error| error.to_string())?;
        db.flush().map_err(|error| error.to_string())?;
    }
    match db.get("format").map_err(|error| error.to_string())? {
        Some(format) if format == FORMAT => Ok(db),
        _ => Err("it is empty or of another version".into()),
    }
}

fn current(folder: &Path) -> Result<Option<u64>, StateError> {
    let bytes = read_if_there(&folder.join("CURRENT"))?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.trim().parse().ok()))
}

fn generation(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("gen-{number}"))
}

fn generations(folder: &Path) -> Result<Vec<u64>, StateError> {
    let names = list(folder)?;
    Ok(names.iter().filter_map(|(name, _)| name.strip_prefix("gen-")?.parse().ok()).collect())
}

/// Removes generations left behind; one that cannot be removed only takes space.
fn remove_others(folder: &Path, number: u64) {
    for other in generations(folder).unwrap_or_default() {
        if other != number
            && let Err(error) = fs::remove_dir_all(generation(folder, other))
        {
            tracing::warn!(%error, generation = other, "could not remove an index left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn an_index_that_does_not_open_in_time_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        drop(Index::open(folder.path()).unwrap());
        let (_index, why) = Index::open_within(folder.path(), Duration::ZERO).unwrap();
        assert_eq!(why.as_deref(), Some("it did not open within 0 s"));
        assert!(folder.path().join("index/gen-2").is_dir());
    }

    #[test]
    fn a_mark_asks_for_one_rebuild() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Index::open(folder.path()).unwrap().1.as_deref(), Some("it was missing"));
        assert_eq!(Index::open(folder.path()).unwrap().1, None);
        Index::mark_broken(folder.path(), "a row was gone");
        assert_eq!(Index::open(folder.path()).unwrap().1.as_deref(), Some("a row was gone"));
        assert_eq!(Index::open(folder.path()).unwrap().1, None);
    }
}
