//! Opening and listing below an open folder without following a link, whoever renames what meanwhile.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags},
    io::Errno,
};

use super::{FileStamp, unreadable};
use crate::item::{Failure, NextMove, limits};

/// Folders within folders that are looked into.
const DEPTH_MAX: usize = 32;

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(OFlags::NOCTTY);

/// Opens `path`, which the caller has checked to be plain (no empty, `.` or `..` part).
pub(super) fn open(folder: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(folder, path, FLAGS | flags, Mode::empty(), resolve) {
        // Older kernels do not have it, and some sandboxes forbid it.
        Err(Errno::NOSYS | Errno::PERM) => open_stepwise(folder, path, flags),
        result => result,
    }
}

/// The same one part at a time: each is opened relative to the one before, and none may be a link.
fn open_stepwise(folder: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut parts = path.split('/').peekable();
    let mut current = folder.try_clone_to_owned().map_err(|_| Errno::MFILE)?;
    while let Some(part) = parts.next() {
        let wanted = if parts.peek().is_some() { OFlags::DIRECTORY } else { flags };
        current = match rustix::fs::openat(&current, part, FLAGS | wanted, Mode::empty()) {
            // With DIRECTORY the kernel says of a link that it is no folder.
            Err(Errno::NOTDIR) if is_link(current.as_fd(), part) => return Err(Errno::LOOP),
            result => result?,
        };
    }
    Ok(current)
}

fn is_link(folder: BorrowedFd<'_>, name: &str) -> bool {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// Collects the plain files below a folder, by path. Links, devices, pipes and sockets are left out.
///
/// # Errors
/// When a folder cannot be read, a name is not UTF-8 (it could not be named to a guest, and leaving it out would lose
/// it), or there are too many files or levels.
pub(super) fn walk(
    folder: BorrowedFd<'_>,
    path: &str,
    depth: usize,
    found: &mut BTreeMap<String, FileStamp>,
) -> Result<(), Failure> {
    let fail = |error: Errno| unreadable(path, &error.into());
    let too_many = |what: String| Failure::new("too-many-files", NextMove::AskPerson, what);
    if depth > DEPTH_MAX {
        return Err(too_many(format!("`{path}` lies more than {DEPTH_MAX} folders deep")));
    }
    for entry in Dir::read_from(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = match entry.file_name().to_str() {
            Ok("." | "..") => continue,
            Ok(name) => name,
            Err(_) => {
                let shown = entry.file_name().to_string_lossy().escape_debug().to_string();
                let why = format!("a file name in `{path}` is not UTF-8: `{shown}`");
                return Err(Failure::new("file-name-unreadable", NextMove::AskPerson, why).hint("rename it"));
            }
        };
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            // It went away while we looked: it is not in this listing.
            Err(Errno::NOENT) => continue,
            stat => stat.map_err(|error| unreadable(&path, &error.into()))?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => match open(folder, name, OFlags::DIRECTORY) {
                Err(Errno::NOENT) => {}
                Err(error) => return Err(unreadable(&path, &error.into())),
                Ok(inner) => walk(inner.as_fd(), &path, depth + 1, found)?,
            },
            FileType::RegularFile => {
                let modified_ms = stat.st_mtime * 1_000 + i64::try_from(stat.st_mtime_nsec / 1_000_000).unwrap_or(0);
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                found.insert(path.clone(), FileStamp { path, size, modified_ms });
            }
            _ => tracing::debug!(%path, "neither file nor folder: left out"),
        }
        if found.len() > limits::ENTRIES_MAX {
            return Err(too_many(format!("the folder holds more than {} files", limits::ENTRIES_MAX)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    type Open = fn(BorrowedFd<'_>, &str, OFlags) -> rustix::io::Result<OwnedFd>;

    #[test]
    fn links_are_followed_by_neither_way_of_opening() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "x").unwrap();
        fs::write(dir.path().join("outside"), "secret").unwrap();
        symlink("../outside", root.join("out")).unwrap();
        symlink("a/b/file", root.join("in")).unwrap();
        symlink("a", root.join("folder")).unwrap();
        symlink("/", root.join("slash")).unwrap();
        let folder = fs::File::open(&root).unwrap();
        for (name, open) in [("openat2", open as Open), ("stepwise", open_stepwise as Open)] {
            let found = |path: &str, flags| open(folder.as_fd(), path, flags).map(drop);
            assert_eq!(found("a/b/file", OFlags::empty()), Ok(()), "{name}");
            assert_eq!(found("a/b", OFlags::DIRECTORY), Ok(()), "{name}");
            assert_eq!(found("a/c", OFlags::empty()), Err(Errno::NOENT), "{name}");
            for link in ["out", "in", "folder/b/file", "slash/etc/passwd"] {
                assert_eq!(found(link, OFlags::empty()), Err(Errno::LOOP), "{name} {link}");
            }
            assert!(found("folder", OFlags::DIRECTORY).is_err(), "{name}");
        }
    }
}
