//! What is expected, as files: compared, or written with `--update`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Finding, Trial};
use crate::item::{Failure, NextMove};

/// What cannot be done to a file.
pub(super) fn trouble(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::new("author-case", NextMove::AskPerson, format!("cannot {what} `{}`: {error}", path.display()))
        .hint("name the folder of cases with `--cases DIR`; docs/plugin-authors.md shows one")
}

/// The cases of a folder, by name.
pub(super) fn cases(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| trouble(folder, "read", &error))?;
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| trouble(folder, "read", &error))?.path();
        if path.is_dir() {
            cases.push(path);
        }
    }
    cases.sort();
    Ok(cases)
}

/// A file of a case, where there is one.
pub(super) fn file(case: &Path, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let path = case.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(trouble(&path, "read", &error)),
    }
}

/// A case's settings; without any, those of the trial.
pub(super) fn settings(case: &Path, trial: &Trial<'_>) -> Result<String, Failure> {
    let own = file(case, "settings.json")?;
    Ok(own.map_or_else(|| trial.settings.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Holds what came out against a file of a case.
pub(super) fn compare(case: &Path, name: &str, came_out: &[u8], update: bool) -> Result<Option<Finding>, Failure> {
    let path = case.join(name);
    if update {
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, came_out));
        made.map_err(|error| trouble(&path, "write", &error))?;
        return Ok(None);
    }
    let Some(expected) = file(case, name)? else {
        let text = format!("`{}` is not there to compare with", path.display());
        return Ok(Some(Finding::bad("golden", text, "look at what comes out, then keep it: `plugin test --update`")));
    };
    if expected == came_out {
        return Ok(None);
    }
    let line = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let at = expected.iter().zip(came_out).take_while(|(one, other)| one == other).count();
    let text = format!("`{}` differs, first in line {}", path.display(), line(expected.get(..at).unwrap_or_default()));
    Ok(Some(Finding::bad(
        "golden",
        text,
        "if the change is meant, keep it: `plugin test --update`, and say it in your changelog",
    )))
}
