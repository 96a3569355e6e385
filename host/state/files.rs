//! Writing files so that they are there after a power cut.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::error::StateError;

/// Creates a folder that only its owner may enter; an existing one is left as it is.
pub(super) fn create_folder(path: &Path) -> Result<(), StateError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(StateError::io("create", path)(error)),
    }
    if let Some(parent) = path.parent() { sync_folder(parent) } else { Ok(()) }
}

/// Makes names created or removed in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StateError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(StateError::io("sync", path))
}

/// Creates a file that must not exist yet, with these bytes, synced; its folder is not.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<File, StateError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(StateError::io("create", path))?;
    file.write_all(bytes).map_err(StateError::io("write", path))?;
    file.sync_all().map_err(StateError::io("sync", path))?;
    Ok(file)
}

/// Replaces a file whole: either the old bytes or the new ones are there, whatever happens.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let aside = path.with_file_name(name);
    remove_if_there(&aside)?;
    write_new(&aside, bytes)?;
    fs::rename(&aside, path).map_err(StateError::io("rename to", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes a file; one that is not there is no error.
pub(super) fn remove_if_there(path: &Path) -> Result<(), StateError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StateError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Reads a file; none when it is not there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

/// The entries of a folder, sorted by name; none when there is no such folder.
pub(super) fn list(path: &Path) -> Result<Vec<(String, PathBuf)>, StateError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(StateError::io("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StateError::io("list", path))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push((name, entry.path()));
        }
    }
    names.sort();
    Ok(names)
}
