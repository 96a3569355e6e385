//! `<data_dir>/people/people`: the book as a file, for its owner alone (mode 0600, its folder 0700).
//!
//! ```text
//! chancery people 1 <SHA-256 of everything after this line, 64 hex digits>
//! { "people": …, "tokens": …, "links": … }
//! ```
//!
//! It is replaced whole, synced before and after its name changes. A file that was changed by hand does not open: who may
//! do what is not guessed.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::account::Book;
use crate::item::{Failure, NextMove, hex, limits::PEOPLE_FILE_BYTES_MAX};

/// The folder below the data folder; `state backup` copies it.
pub(super) const FOLDER: &str = "people";
const FILE: &str = "people";
const HEADER: &str = "chancery people 1 ";

/// Reads the book; an empty one when there is no file.
pub(super) fn read(folder: &Path) -> Result<Book, Failure> {
    let path = folder.join(FILE);
    let refused = |why: &str, hint: &str| {
        let message = format!("`{}` cannot be used: {why}", path.display());
        Failure::new("people-file", NextMove::AskPerson, message).hint(hint)
    };
    let restore = "restore it from a backup; if there is none, move it away: `chancery people add` makes a new one";
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
        Err(error) => return Err(failure("read", &path, &error)),
    };
    let about = file.metadata().map_err(|error| failure("read", &path, &error))?;
    if about.mode() & 0o077 != 0 {
        let hint = format!("run `chmod 600 {}`, and think of who may have read or changed it", path.display());
        return Err(refused("others may read or change it", &hint));
    }
    if about.len() > PEOPLE_FILE_BYTES_MAX {
        return Err(refused("it is larger than it can be", restore));
    }
    let mut text = String::new();
    let read = file.take(PEOPLE_FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| failure("read", &path, &error))?;
    let Some((header, body)) = text.split_once('\n') else { return Err(refused("it is damaged", restore)) };
    let Some(digest) = header.strip_prefix(HEADER) else {
        return Err(refused("it is of a format that this chancery does not read", restore));
    };
    if digest != hex(&Sha256::digest(body)) {
        return Err(refused("it is damaged, or was changed by hand", restore));
    }
    serde_json::from_str(body).map_err(|_| refused("it is damaged", restore))
}

/// Writes the book: either the old file or the new one is there, whatever happens.
pub(super) fn write(folder: &Path, book: &Book) -> Result<(), Failure> {
    let path = folder.join(FILE);
    let try_write = || -> io::Result<()> {
        let body = serde_json::to_string_pretty(book)?;
        if body.len() as u64 + 128 > PEOPLE_FILE_BYTES_MAX {
            return Err(io::Error::other("it would be larger than it can be"));
        }
        let text = format!("{HEADER}{}\n{body}", hex(&Sha256::digest(&body)));
        if !folder.exists() {
            fs::DirBuilder::new().mode(0o700).create(folder)?;
            folder.parent().map_or(Ok(()), |above| fs::File::open(above)?.sync_all())?;
        }
        let aside = folder.join("people.new");
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        fs::File::open(folder)?.sync_all()
    };
    try_write().map_err(|error| failure("write", &path, &error))
}

fn failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let other =
        Failure::new("people-file", NextMove::AskPerson, format!("cannot {verb} `{}`: {error}", path.display()));
    Failure::of_disk(error, other.hint("check the rights on that folder, and the disk"))
}
