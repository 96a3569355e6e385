//! Zip archives from strangers: what is dangerous in them is refused here once, for all sources.
//!
//! The directory is read by the `zip` crate; entries are unpacked here, because a source reads an entry in pieces over
//! many calls and the decompressor must outlive each of them. Sizes in a directory are claims: their sum is checked
//! when the archive is opened, and an entry that unpacks to more than it claims is cut off.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use flate2::bufread::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::folders::Opened;
use crate::item::{BlobRef, BlobSink, Failure, NextMove, limits};

/// Bytes of an archive's directory; memory for it is spent before its entries can be counted.
const DIRECTORY_BYTES_MAX: u64 = 24 << 20;
/// Bytes of packed data read at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// Bytes unpacked at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// File type bits of a Unix mode.
const TYPE_MASK: u32 = 0o170_000;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its number in the archive's directory.
    pub(super) index: u32,
    pub(super) name: String,
    /// Size unpacked, as the directory claims.
    pub(super) size: u64,
}

/// An open archive whose directory was found to be harmless.
pub(super) struct Archive {
    path: String,
    opened: Opened,
    file: Arc<File>,
    directory: ZipArchive<Budgeted>,
    entries: Arc<[Entry]>,
    reading: Option<Unpacking>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Archive {
    /// Reads and checks the directory. `path` is for messages.
    ///
    /// # Errors
    /// `zip-damaged`, `zip-encrypted`, `zip-unsafe-name`, `zip-link`, `zip-bomb`, `zip-unsupported`.
    pub(super) fn open(path: &str, opened: Opened) -> Result<Self, Failure> {
        let failed = |error: &io::Error| super::folders::unreadable(path, error);
        let file = Arc::new(opened.file.try_clone().map_err(|error| failed(&error))?);
        let reader = Budgeted { file: Arc::clone(&file), size: opened.size, at: 0, left: DIRECTORY_BYTES_MAX };
        let mut directory = ZipArchive::new(reader).map_err(|error| damaged(path, &error))?;
        let entries = check(path, &mut directory, opened.size)?.into();
        Ok(Self { path: path.to_owned(), opened, file, directory, entries, reading: None })
    }

    /// The files in stored order, folders left out.
    pub(super) fn entries(&self) -> Arc<[Entry]> {
        Arc::clone(&self.entries)
    }

    /// Fails when the archive's file changed since it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), Failure> {
        self.opened.check_unchanged(&self.path)
    }

    /// Up to `max` bytes of an entry from `offset`; empty at the end.
    pub(super) fn read(&mut self, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Failure> {
        let path = self.path.clone();
        let unpacking = self.unpack_from(index, offset)?;
        let wanted = usize::try_from(max.min(limits::READ_BYTES_MAX)).unwrap_or(0);
        let left = usize::try_from(unpacking.entry.size - offset.min(unpacking.entry.size)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; wanted.min(left)];
        let mut filled = 0;
        while filled < bytes.len() {
            match unpacking.fill(&path, &mut bytes[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        if unpacking.at == unpacking.entry.size {
            unpacking.finish(&path)?;
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// A whole entry as a blob of at most `bytes_max` bytes.
    pub(super) fn keep(&mut self, index: u32, bytes_max: u64, sink: &dyn BlobSink) -> Result<BlobRef, Failure> {
        let path = self.path.clone();
        let unpacking = self.unpack_from(index, 0)?;
        if unpacking.entry.size > bytes_max {
            let Entry { name, size, .. } = &unpacking.entry;
            let why = format!(
                "entry {index} of `{path}` (`{}`) has {size} bytes, over the limit of {bytes_max}",
                name.escape_debug()
            );
            return Err(Failure::new("too-large", NextMove::Reject, why));
        }
        let mut writer = sink.create().map_err(|error| super::blobs::stage_failed(&error))?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match unpacking.fill(&path, &mut chunk)? {
                0 => break,
                read => writer.write(&chunk[..read]).map_err(|error| super::blobs::stage_failed(&error))?,
            }
        }
        unpacking.finish(&path)?;
        writer.finish().map_err(|error| super::blobs::stage_failed(&error))
    }

    /// The decompressor of an entry at `offset`: the kept one when it has not passed it, else a new one.
    fn unpack_from(&mut self, index: u32, offset: u64) -> Result<&mut Unpacking, Failure> {
        let kept = self.reading.take().filter(|kept| kept.entry.index == index && kept.at <= offset);
        let mut unpacking = match kept {
            Some(kept) => kept,
            None => self.start(index)?,
        };
        let mut skipped = vec![0; if unpacking.at < offset { CHUNK_BYTES } else { 0 }];
        while unpacking.at < offset.min(unpacking.entry.size) {
            let wanted = usize::try_from(offset - unpacking.at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            if unpacking.fill(&self.path, &mut skipped[..wanted])? == 0 {
                break;
            }
        }
        Ok(self.reading.insert(unpacking))
    }

    fn start(&mut self, index: u32) -> Result<Unpacking, Failure> {
        let path = &self.path;
        let Ok(at) = self.entries.binary_search_by_key(&index, |entry| entry.index) else {
            return Err(Failure::new(
                "zip-entry-missing",
                NextMove::Reject,
                format!("`{path}` has no file number {index}"),
            ));
        };
        let entry = self.entries[at].clone();
        let packed = self.directory.by_index_raw(index as usize).map_err(|error| damaged(path, &error))?;
        let start = packed.data_start().ok_or_else(|| damaged(path, &ZipError::FileNotFound))?;
        let section = Section { file: Arc::clone(&self.file), at: start, left: packed.compressed_size() };
        let section = BufReader::with_capacity(BUFFER_BYTES, section);
        let unpacked: Box<dyn Read + Send> = match packed.compression() {
            CompressionMethod::Stored => Box::new(section),
            _ => Box::new(DeflateDecoder::new(section)),
        };
        Ok(Unpacking {
            entry,
            unpacked,
            at: 0,
            sum: crc32fast::Hasher::new(),
            sum_claimed: packed.crc32(),
            ended: false,
        })
    }
}

/// One entry on its way out.
struct Unpacking {
    entry: Entry,
    unpacked: Box<dyn Read + Send>,
    at: u64,
    sum: crc32fast::Hasher,
    sum_claimed: u32,
    /// Its end was reached and its checksum compared.
    ended: bool,
}

impl Unpacking {
    /// Unpacks into `buffer`, never beyond the claimed size. 0 at the end.
    fn fill(&mut self, path: &str, buffer: &mut [u8]) -> Result<usize, Failure> {
        let left = usize::try_from(self.entry.size - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = loop {
            match self.unpacked.read(&mut buffer[..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.damaged(path, &error.to_string())),
                Ok(read) => break read,
            }
        };
        if read == 0 && wanted > 0 {
            return Err(self.damaged(path, "it ends early"));
        }
        self.sum.update(&buffer[..read]);
        self.at += read as u64;
        Ok(read)
    }

    /// At the claimed end: nothing more may come, and the checksum must be right.
    fn finish(&mut self, path: &str) -> Result<(), Failure> {
        if self.ended {
            return Ok(());
        }
        match self.unpacked.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => {
                let Entry { index, name, size } = &self.entry;
                let why =
                    format!("entry {index} of `{path}` (`{}`) claims {size} bytes and holds more", name.escape_debug());
                return Err(Failure::new("zip-bomb", NextMove::Reject, why));
            }
            Err(error) => return Err(self.damaged(path, &error.to_string())),
        }
        if self.sum.clone().finalize() != self.sum_claimed {
            return Err(self.damaged(path, "its checksum is wrong"));
        }
        self.ended = true;
        Ok(())
    }

    fn damaged(&self, path: &str, why: &str) -> Failure {
        let Entry { index, name, .. } = &self.entry;
        Failure::new(
            "zip-damaged",
            NextMove::Reject,
            format!("entry {index} of `{path}` (`{}`) is damaged: {why}", name.escape_debug()),
        )
        .hint("copy the archive again; if it stays so, export anew")
    }
}

/// Checks every entry, whether or not it will be read: an archive is good or it is not.
fn check(path: &str, directory: &mut ZipArchive<Budgeted>, packed_bytes: u64) -> Result<Vec<Entry>, Failure> {
    let refuse =
        |code: &str, why: String| Err(Failure::new(code, NextMove::Reject, format!("`{path}` is not read: {why}")));
    if directory.len() > limits::ENTRIES_MAX {
        return refuse("zip-bomb", format!("it holds more than {} entries", limits::ENTRIES_MAX));
    }
    if directory.has_duplicate_names() {
        return refuse("zip-damaged", "two entries have the same name".to_owned());
    }
    let mut entries = Vec::with_capacity(directory.len());
    let mut unpacked_bytes = 0_u64;
    for index in 0..directory.len() {
        let entry = directory.by_index_data(index).map_err(|error| damaged(path, &error))?;
        // Many writers store UTF-8 without saying so; CP437 is what the format then means.
        let name = match std::str::from_utf8(entry.name_raw()) {
            Ok(name) => name.to_owned(),
            Err(_) => entry.name().map_err(|error| damaged(path, &error))?.into_owned(),
        };
        let shown = || format!("entry {index} (`{}`)", super::diagnostic::cut(&name, 200).escape_debug());
        if entry.encrypted() {
            return refuse("zip-encrypted", format!("{} is encrypted; unpack it with its password first", shown()));
        }
        let kind = entry.unix_mode().unwrap_or(0) & TYPE_MASK;
        if entry.is_symlink() || !matches!(kind, 0 | 0o100_000 | 0o040_000) {
            return refuse("zip-link", format!("{} is a link or device", shown()));
        }
        if !is_safe(name.strip_suffix('/').unwrap_or(&name)) {
            return refuse("zip-unsafe-name", format!("the name of {} leads out of the archive", shown()));
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return refuse("zip-unsupported", format!("{} is packed with {}", shown(), entry.compression()));
        }
        unpacked_bytes = unpacked_bytes.saturating_add(entry.size());
        if !name.ends_with('/') {
            entries.push(Entry { index: u32::try_from(index).unwrap_or(u32::MAX), size: entry.size(), name });
        }
    }
    let bytes_max = packed_bytes.saturating_mul(limits::UNPACK_RATIO_MAX).min(limits::UNPACK_BYTES_MAX);
    if unpacked_bytes > bytes_max {
        return refuse(
            "zip-bomb",
            format!("{packed_bytes} bytes would unpack to {unpacked_bytes}, over the limit of {bytes_max}"),
        );
    }
    if directory.has_overlapping_files().map_err(|error| damaged(path, &error))? {
        return refuse("zip-bomb", "its entries overlap".to_owned());
    }
    Ok(entries)
}

/// Whether a name stays below wherever it is put, on any system.
fn is_safe(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    let parts = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    parts && !drive && !name.contains(['\\', '\0']) && name.len() <= limits::NAME_BYTES_MAX
}

fn damaged(path: &str, error: &ZipError) -> Failure {
    Failure::new("zip-damaged", NextMove::Reject, format!("`{path}` is damaged or no zip archive: {error}"))
        .hint("copy it again; if it stays so, export anew")
}

/// Reads an archive's directory, but only so much of it.
struct Budgeted {
    file: Arc<File>,
    size: u64,
    at: u64,
    left: u64,
}

impl Read for Budgeted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other("its directory is too large"))?;
        Ok(read)
    }
}

impl Seek for Budgeted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the start"))?;
        Ok(self.at)
    }
}

/// The packed bytes of one entry.
struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
