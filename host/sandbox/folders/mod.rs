//! Files below the folders an operator granted: listed, read and kept without ever leaving them.
//!
//! The granted folder itself is opened as the operator wrote it; everything below is opened relative to it, without
//! following links, so that neither `..` nor a link nor a rename in between leads elsewhere. Only plain files and
//! folders exist for a guest.

mod beneath;

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{FileExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use super::archive::Archive;
use crate::item::{BlobRef, BlobSink, Failure, NextMove, limits};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// A file and what tells whether it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// Path relative to the configuration, beginning with the granted folder's.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Last change, milliseconds since the epoch.
    pub modified_ms: i64,
}

/// The folders that one connector's source may read.
#[derive(Debug)]
pub struct Folders {
    granted: Vec<Granted>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Granted {
    /// As granted, without slashes at the end; `""` for `.`.
    name: String,
    path: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    /// What files looked like when the snapshot began.
    expected: HashMap<String, (u64, i64)>,
    /// The file last read from: sources read one file from start to end.
    file: Option<(String, Opened)>,
    /// The archive last read from, with its decompressor.
    archive: Option<(String, Archive)>,
}

/// An open plain file and what it looked like when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) size: u64,
    modified_ms: i64,
}

impl Folders {
    /// The folders `granted`, relative to `base_dir`. They are opened when they are used, so that one that is not
    /// there yet is no error here.
    pub fn new(base_dir: &Path, granted: Vec<String>) -> Self {
        let granted = granted.into_iter().map(|granted| {
            let name = granted.trim_end_matches('/').trim_start_matches("./");
            let name = if name == "." { "" } else { name };
            Granted { path: base_dir.join(&granted), name: name.to_owned() }
        });
        Self { granted: granted.collect(), state: Mutex::default() }
    }

    /// No folders.
    pub fn none() -> Self {
        Self { granted: Vec::new(), state: Mutex::default() }
    }

    /// Remembers what a file looked like when its snapshot began: reading it fails once it differs.
    pub fn expect(&self, stamp: &FileStamp) {
        let mut state = self.lock();
        state.expected.insert(stamp.path.clone(), (stamp.size, stamp.modified_ms));
        state.file = None;
        state.archive = None;
    }

    /// Forgets open files and expectations; called when a turn ends.
    pub fn forget(&self) {
        *self.lock() = State::default();
    }

    /// The plain files below `under`, by path.
    ///
    /// # Errors
    /// `folder-denied`, `folder-unreadable`, `too-many-files`.
    pub fn list(&self, under: &str) -> Result<Vec<FileStamp>, Failure> {
        let (granted, below) = self.find(under)?;
        let folder = self.open_granted(granted)?;
        let folder = match below {
            "" => folder,
            below => beneath::open(folder.as_fd(), below, OFlags::DIRECTORY)
                .map_err(|error| unreadable(under, &error.into()))?,
        };
        let mut found = BTreeMap::new();
        beneath::walk(folder.as_fd(), under.trim_end_matches('/').trim_start_matches("./"), 0, &mut found)?;
        Ok(found.into_values().collect())
    }

    /// SHA-256 of a whole file.
    ///
    /// # Errors
    /// As for reading.
    pub fn hash(&self, path: &str) -> Result<[u8; 32], Failure> {
        let mut hasher = Sha256::new();
        self.each_chunk(path, u64::MAX, |chunk| {
            hasher.update(chunk);
            Ok(())
        })?;
        Ok(hasher.finalize().into())
    }

    /// Up to `max` bytes from `offset`; empty at the end.
    ///
    /// # Errors
    /// `folder-denied`, `folder-unreadable`, `file-changed`.
    pub fn read(&self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Failure> {
        let mut state = self.lock();
        if state.file.as_ref().is_none_or(|(open, _)| open != path) {
            state.file = Some((path.to_owned(), self.open(path, &state)?));
        }
        let Some((_, opened)) = &state.file else { return Ok(Vec::new()) };
        let left = opened.size.saturating_sub(offset).min(u64::from(max.min(limits::READ_BYTES_MAX)));
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(0)];
        let read = opened.file.read_exact_at(&mut bytes, offset);
        let changed = opened.check_unchanged(path);
        if changed.is_err() {
            state.file = None;
        }
        changed?;
        read.map_err(|error| unreadable(path, &error))?;
        Ok(bytes)
    }

    /// The whole file as a blob of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// As for reading; `too-large`; when the sink cannot be written.
    pub fn keep(&self, path: &str, bytes_max: u64, sink: &dyn BlobSink) -> Result<BlobRef, Failure> {
        let mut writer = sink.create().map_err(|error| super::blobs::stage_failed(&error))?;
        self.each_chunk(path, bytes_max, |chunk| {
            writer.write(chunk).map_err(|error| super::blobs::stage_failed(&error))
        })?;
        writer.finish().map_err(|error| super::blobs::stage_failed(&error))
    }

    /// Works on the archive at `path`, which stays open for the next call.
    pub(super) fn with_archive<R>(
        &self,
        path: &str,
        work: impl FnOnce(&mut Archive) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let mut state = self.lock();
        if state.archive.as_ref().is_none_or(|(open, _)| open != path) {
            state.archive = Some((path.to_owned(), Archive::open(path, self.open(path, &state)?)?));
        }
        let Some((_, archive)) = &mut state.archive else { return Err(denied_path(path, "it is not open")) };
        let result = work(archive);
        // A damaged archive may look so only because it was changed meanwhile, which is the better reason.
        let unchanged = archive.check_unchanged();
        if result.is_err() || unchanged.is_err() {
            state.archive = None;
        }
        unchanged?;
        result
    }

    fn each_chunk(
        &self,
        path: &str,
        bytes_max: u64,
        mut work: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let opened = self.open(path, &self.lock())?;
        if opened.size > bytes_max {
            let why = format!("`{path}` has {} bytes, over the limit of {bytes_max}", opened.size);
            return Err(Failure::new("too-large", NextMove::Reject, why));
        }
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        while offset < opened.size {
            let wanted = usize::try_from(opened.size - offset).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            let read = opened.file.read_exact_at(&mut chunk[..wanted], offset);
            opened.check_unchanged(path)?;
            read.map_err(|error| unreadable(path, &error))?;
            work(&chunk[..wanted])?;
            offset += wanted as u64;
        }
        opened.check_unchanged(path)
    }

    fn open(&self, path: &str, state: &State) -> Result<Opened, Failure> {
        let (granted, below) = self.find(path)?;
        if below.is_empty() {
            return Err(denied_path(path, "it is a folder"));
        }
        let folder = self.open_granted(granted)?;
        // Without NONBLOCK, opening a named pipe would wait for ever.
        let file =
            beneath::open(folder.as_fd(), below, OFlags::NONBLOCK).map_err(|error| unreadable(path, &error.into()))?;
        let opened = Opened::new(File::from(file)).map_err(|why| denied_path(path, &why))?;
        match state.expected.get(path) {
            Some(expected) if *expected != (opened.size, opened.modified_ms) => Err(changed(path)),
            _ => Ok(opened),
        }
    }

    fn open_granted(&self, granted: &Granted) -> Result<OwnedFd, Failure> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(&granted.path, flags, Mode::empty()).map_err(|error| {
            let path = granted.path.display();
            let message = format!("the folder `{path}` cannot be opened: {}", io::Error::from(error));
            Failure::new("folder-unreadable", NextMove::AskPerson, message).hint(format!("make it: `mkdir -p {path}`"))
        })
    }

    /// The granted folder that `path` lies in, and the path below it.
    fn find<'a>(&self, path: &'a str) -> Result<(&Granted, &'a str), Failure> {
        let plain = path.trim_end_matches('/').trim_start_matches("./");
        let plain = if plain == "." { "" } else { plain };
        let below = |granted: &Granted| match plain.strip_prefix(granted.name.as_str()) {
            Some("") => Some(""),
            Some(rest) if granted.name.is_empty() => Some(rest),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        };
        let found = self.granted.iter().find_map(|granted| Some((granted, below(granted)?)));
        let Some((granted, below)) = found else {
            let folder = plain.rsplit_once('/').map_or(plain, |(folder, _)| folder);
            let folders: Vec<_> = self.granted.iter().map(|granted| granted.name.as_str()).chain([folder]).collect();
            return Err(Failure::new(
                "folder-denied",
                NextMove::AskPerson,
                format!("`{}` is in no granted folder", path.escape_debug()),
            )
            .hint(format!(
                "if it should be, in that connector: `grant = {{ source = {{ folders = {folders:?} }} }}`"
            )));
        };
        if !below.is_empty() && below.split('/').any(|name| matches!(name, "" | "." | "..")) || below.contains('\0') {
            return Err(denied_path(path, "it is not a plain path"));
        }
        Ok((granted, below))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn new(file: File) -> Result<Self, String> {
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is not a plain file".to_owned());
        }
        Ok(Self { file, size: metadata.len(), modified_ms: modified_ms(&metadata) })
    }

    /// Fails when the file is not what it was when it was opened; asked after every read.
    pub(super) fn check_unchanged(&self, path: &str) -> Result<(), Failure> {
        let metadata = self.file.metadata().map_err(|error| unreadable(path, &error))?;
        match (metadata.len(), modified_ms(&metadata)) == (self.size, self.modified_ms) {
            true => Ok(()),
            false => Err(changed(path)),
        }
    }
}

fn modified_ms(metadata: &fs::Metadata) -> i64 {
    metadata.mtime() * 1_000 + metadata.mtime_nsec() / 1_000_000
}

fn changed(path: &str) -> Failure {
    Failure::new("file-changed", NextMove::Retry { after: None }, format!("`{path}` changed while it was being read"))
        .hint("it is read again once it has been left alone; copy exports in under another name and rename them")
}

fn denied_path(path: &str, why: &str) -> Failure {
    Failure::new("folder-denied", NextMove::Reject, format!("`{}` is not read: {why}", path.escape_debug()))
}

/// A file that is not there is not tried again by itself: somebody removed it, or a setting names it wrongly.
pub(super) fn unreadable(path: &str, error: &io::Error) -> Failure {
    let link = [rustix::io::Errno::LOOP, rustix::io::Errno::XDEV].map(|errno| Some(errno.raw_os_error()));
    if link.contains(&error.raw_os_error()) {
        return denied_path(path, "it is a link, or behind one");
    }
    let next = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => NextMove::AskPerson,
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => NextMove::Reject,
        _ => NextMove::Retry { after: None },
    };
    Failure::new("folder-unreadable", next, format!("`{}` cannot be read: {error}", path.escape_debug()))
}

#[cfg(test)]
mod tests;
