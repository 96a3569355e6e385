//! A ledger in a local folder.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::state::{
    error::StateError,
    files::{create_folder, list, remove_if_there, sync_folder, write_new},
};

use super::{Part, Storage};

/// The two files of each segment in one folder; those of the segment last used stay open.
pub(in crate::state) struct LocalFiles {
    folder: PathBuf,
    open: Option<(u64, File, File)>,
}

impl LocalFiles {
    /// The folder, created when it is not there.
    pub(in crate::state) fn create(folder: &Path) -> Result<Self, StateError> {
        create_folder(folder)?;
        Ok(Self::read_only(folder))
    }

    /// The folder as it is; nothing is created.
    pub(in crate::state) fn read_only(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: None }
    }

    fn writable(&mut self, segment: u64, part: Part) -> Result<&File, StateError> {
        if self.open.as_ref().is_none_or(|(number, ..)| *number != segment) {
            let open = |part| {
                let path = self.path(segment, part);
                OpenOptions::new().read(true).write(true).open(&path).map_err(StateError::io("open", &path))
            };
            self.open = Some((segment, open(Part::Facts)?, open(Part::Private)?));
        }
        match (&self.open, part) {
            (Some((_, facts, _)), Part::Facts) => Ok(facts),
            (Some((_, _, private)), Part::Private) => Ok(private),
            (None, _) => Err(StateError::refused("ledger-closed", "the ledger's files are not open")),
        }
    }

    /// Runs `read` on the file, open already or opened for this.
    fn reading<T>(
        &self,
        segment: u64,
        part: Part,
        read: impl FnOnce(&File) -> std::io::Result<T>,
    ) -> Result<T, StateError> {
        let path = self.path(segment, part);
        let result = match (&self.open, part) {
            (Some((number, facts, _)), Part::Facts) if *number == segment => read(facts),
            (Some((number, _, private)), Part::Private) if *number == segment => read(private),
            _ => File::open(&path).and_then(|file| read(&file)),
        };
        result.map_err(StateError::io("read", &path))
    }
}

impl Storage for LocalFiles {
    fn segments(&self) -> Result<Vec<u64>, StateError> {
        let names = list(&self.folder)?;
        Ok(names
            .iter()
            .filter_map(|(name, _)| name.strip_suffix(".segment"))
            .filter(|digits| digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .filter_map(|digits| digits.parse().ok())
            .collect())
    }

    fn create(&mut self, segment: u64, facts: &[u8], private: &[u8]) -> Result<(), StateError> {
        // The sidecar first: a segment is never there without it.
        let path = self.path(segment, Part::Private);
        remove_if_there(&path)?;
        let private_file = write_new(&path, private)?;
        sync_folder(&self.folder)?;
        let facts_file = write_new(&self.path(segment, Part::Facts), facts)?;
        sync_folder(&self.folder)?;
        self.open = Some((segment, facts_file, private_file));
        Ok(())
    }

    fn append(&mut self, segment: u64, part: Part, offset: u64, bytes: &[u8]) -> Result<(), StateError> {
        let path = self.path(segment, part);
        let file = self.writable(segment, part)?;
        let length = file.metadata().map_err(StateError::io("look at", &path))?.len();
        if length != offset {
            let what = format!("the file has {length} bytes instead of {offset}: somebody else has written to it");
            return Err(StateError::Damaged { file: path, offset, record: 0, what });
        }
        file.write_all_at(bytes, offset).map_err(StateError::io("append to", &path))?;
        file.sync_data().map_err(StateError::io("sync", &path))
    }

    fn length(&self, segment: u64, part: Part) -> Result<u64, StateError> {
        self.reading(segment, part, |file| file.metadata().map(|metadata| metadata.len()))
    }

    fn read(&self, segment: u64, part: Part, offset: u64, bytes: &mut [u8]) -> Result<usize, StateError> {
        self.reading(segment, part, |file| {
            let mut filled = 0;
            while filled < bytes.len() {
                match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(filled)
        })
    }

    fn renew(&mut self, segment: u64, part: Part, offset: u64) -> Result<(), StateError> {
        let path = self.path(segment, part);
        let folder = self.folder.clone();
        let file = self.writable(segment, part)?;
        let length = file.metadata().map_err(StateError::io("look at", &path))?.len();
        let mut bytes = vec![0; length.saturating_sub(offset) as usize];
        file.read_exact_at(&mut bytes, offset).map_err(StateError::io("read", &path))?;
        file.write_all_at(&bytes, offset).map_err(StateError::io("write once more to", &path))?;
        file.sync_all().map_err(StateError::io("sync", &path))?;
        sync_folder(&folder)
    }

    fn truncate(&mut self, segment: u64, part: Part, length: u64) -> Result<(), StateError> {
        let path = self.path(segment, part);
        let file = self.writable(segment, part)?;
        file.set_len(length).map_err(StateError::io("truncate", &path))?;
        file.sync_all().map_err(StateError::io("sync", &path))
    }

    fn remove(&mut self, segment: u64) -> Result<(), StateError> {
        self.open = None;
        remove_if_there(&self.path(segment, Part::Facts))?;
        sync_folder(&self.folder)?;
        remove_if_there(&self.path(segment, Part::Private))?;
        sync_folder(&self.folder)
    }

    fn erase(&mut self, segment: u64, offset: u64, length: u64) -> Result<(), StateError> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let path = self.path(segment, Part::Private);
        // Not the kept handles: those are of the segment that is being appended to.
        let file = OpenOptions::new().write(true).open(&path).map_err(StateError::io("open", &path))?;
        let mut at = 0;
        while at < length {
            let size = (length - at).min(ZEROS.len() as u64) as usize;
            file.write_all_at(&ZEROS[..size], offset + at).map_err(StateError::io("overwrite", &path))?;
            at += size as u64;
        }
        file.sync_data().map_err(StateError::io("sync", &path))
    }

    fn path(&self, segment: u64, part: Part) -> PathBuf {
        let kind = if part == Part::Facts { "segment" } else { "private" };
        self.folder.join(format!("{segment:016}.{kind}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn read(files: &LocalFiles, segment: u64, part: Part, offset: u64, size: usize) -> Vec<u8> {
        let mut bytes = vec![b'?'; size];
        let filled = files.read(segment, part, offset, &mut bytes).unwrap();
        bytes.truncate(filled);
        bytes
    }

    #[test]
    fn an_older_segment_is_read_from_its_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LocalFiles::create(folder.path()).unwrap();
        files.create(0, b"old facts", b"old private").unwrap();
        files.create(1, b"new", b"also new").unwrap();
        assert_eq!(read(&files, 0, Part::Facts, 0, 99), b"old facts");
        assert_eq!(read(&files, 0, Part::Private, 4, 3), b"pri");
        assert_eq!(read(&files, 1, Part::Facts, 0, 99), b"new");
        assert_eq!(read(&files, 1, Part::Private, 0, 99), b"also new");
        assert_eq!(files.length(0, Part::Facts).unwrap(), 9);
    }

    #[test]
    fn an_older_segment_is_written_to_in_its_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LocalFiles::create(folder.path()).unwrap();
        files.create(0, b"first", b"").unwrap();
        files.create(1, b"other", b"").unwrap();
        files.append(0, Part::Facts, 5, b" and more").unwrap();
        assert_eq!(read(&files, 0, Part::Facts, 0, 99), b"first and more");
        assert_eq!(read(&files, 1, Part::Facts, 0, 99), b"other");
    }

    #[test]
    fn only_whole_names_are_segments() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LocalFiles::create(folder.path()).unwrap();
        files.create(7, b"", b"").unwrap();
        for stray in ["7.segment", "000000000000000x.segment", "00000000000000008.segment", "0000000000000009.bak"] {
            std::fs::write(folder.path().join(stray), "").unwrap();
        }
        assert_eq!(files.segments().unwrap(), [7]);
    }

    /// Longer than what is overwritten at once, and in the middle: the neighbours stay.
    #[test]
    fn erasing_overwrites_exactly_its_range() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LocalFiles::create(folder.path()).unwrap();
        files.create(0, b"", &[1; 20_000]).unwrap();
        for (offset, length) in [(10, 100), (5_000, 10_000), (19_999, 1)] {
            files.erase(0, offset, length).unwrap();
        }
        let expect: Vec<u8> = (0..20_000)
            .map(|at| u8::from(!((10..110).contains(&at) || (5_000..15_000).contains(&at) || at == 19_999)))
            .collect();
        assert!(read(&files, 0, Part::Private, 0, 30_000) == expect);
    }
}
