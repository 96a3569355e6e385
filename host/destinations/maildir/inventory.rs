//! What a mailbox holds: the archive's folder whole, and of the other folders what bears a mark.

use std::{
    collections::HashSet,
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{MaildirSettings, Trouble, folder};
use crate::{
    destinations::{Asked, Lies, Mark, Note, Sighting},
    item::{Failure, NextMove},
};

/// Bytes of a message's beginning that are looked at before it is read whole.
const START_BYTES: u64 = 64 << 10;

pub(super) fn inventory(
    settings: &MaildirSettings,
    mailbox: &str,
    asked: Asked<'_>,
    note: &mut Note<'_>,
) -> Result<(), Failure> {
    let home = settings.root.join(mailbox);
    if !home.is_dir() {
        let message = format!("there is no mailbox of that name below `{}`", settings.root.display());
        return Err(Failure::new("mailbox-gone", NextMove::Reject, message)
            .hint("restore it from a backup, or look whether the file system is mounted"));
    }
    let archive = folder::path(&settings.root, mailbox, &settings.folder);
    let done = match asked {
        Asked::Folder(_) => each_file(&archive, |path| {
            if let Some(file) = open(path)? {
                note(Sighting::read(Lies::InFolder, file)?);
            }
            Ok(())
        }),
        Asked::Elsewhere(marks) => elsewhere(&home, &archive, marks, note),
    };
    done.map_err(|error| Trouble::Before(error).failure("reading mail back", &settings.root))
}

fn elsewhere(home: &Path, archive: &Path, marks: &HashSet<Mark>, note: &mut Note<'_>) -> io::Result<()> {
    let mut folders = vec![home.to_owned()];
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        // Maildir++: every folder is one beside the others, and its name begins with a dot.
        if entry.file_name().as_encoded_bytes().starts_with(b".") && entry.path() != archive {
            folders.push(entry.path());
        }
    }
    for folder in folders {
        each_file(&folder, |path| {
            let Some(mut file) = open(path)? else { return Ok(()) };
            let mut start = Vec::new();
            (&mut file).take(START_BYTES).read_to_end(&mut start)?;
            if Mark::read(&start).is_some_and(|mark| marks.contains(&mark)) {
                note(Sighting::read(Lies::Elsewhere, start.chain(file))?);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The messages of a folder. One that is not there has none.
///
/// A reader that moves a message from `new` to `cur` meanwhile, or changes its flags, makes no second one of it: the same
/// file under the same base name is shown once. (The same file under two names is two: servers copy by linking.)
fn each_file(folder: &Path, mut show: impl FnMut(PathBuf) -> io::Result<()>) -> io::Result<()> {
    let hashes = RandomState::new();
    let mut shown: HashSet<u64> = HashSet::new();
    for part in ["new", "cur"] {
        let entries = match fs::read_dir(folder.join(part)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let file = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            let name = entry.file_name();
            let base = name.as_encoded_bytes().split(|byte| matches!(byte, b':' | b',')).next();
            if file.is_file() && shown.insert(hashes.hash_one((file.ino(), base))) {
                show(entry.path())?;
            }
        }
    }
    Ok(())
}

/// None: a reader moved it or changed its flags since the folder was listed. Then it is listed under its new name too,
/// but for a moment in which it may be under neither: nothing is written for that without asking for its name again.
fn open(path: PathBuf) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
