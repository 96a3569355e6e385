//! Zips built here, and then bent where a writer would not.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{fs, io::Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    super::{blobs::memory::Memory, folders::Folders},
    *,
};

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        match name.strip_suffix('/') {
            Some(folder) => writer.add_directory(folder, options()).unwrap(),
            None => writer.start_file(*name, options()).unwrap(),
        }
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Text that does not pack to nothing.
fn text(bytes: usize) -> Vec<u8> {
    (0_u64..)
        .flat_map(|number| format!("{} ", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes())
        .take(bytes)
        .collect()
}

/// A granted folder with one archive in it.
struct World {
    dir: tempfile::TempDir,
    folders: Folders,
}

const PATH: &str = "inbox/chat.zip";

impl World {
    fn new(zip: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inbox")).unwrap();
        fs::write(dir.path().join(PATH), zip).unwrap();
        let folders = Folders::new(dir.path(), vec!["inbox".to_owned()]);
        Self { dir, folders }
    }

    fn entries(&self) -> Result<Vec<Entry>, Failure> {
        self.folders.with_archive(PATH, |archive| Ok(archive.entries().to_vec()))
    }

    fn read(&self, index: u32, offset: u64, max: u32) -> Result<Vec<u8>, Failure> {
        self.folders.with_archive(PATH, |archive| archive.read(index, offset, max))
    }

    /// The code with which opening fails, or reading everything there is.
    fn code(&self) -> String {
        let read = |entry: Entry| {
            let mut offset = 0;
            loop {
                let read = self.read(entry.index, offset, 1 << 20)?;
                if read.is_empty() {
                    return Ok(());
                }
                offset += read.len() as u64;
            }
        };
        match self.entries().and_then(|entries| entries.into_iter().try_for_each(read)) {
            Ok(()) => "good".to_owned(),
            Err(failure) => {
                assert_eq!(failure.next, NextMove::Reject, "{failure}");
                assert!(failure.message.contains(PATH), "{failure}");
                failure.code
            }
        }
    }
}

/// Replaces bytes wherever they stand: in the local header and in the directory.
fn patched(mut zip: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let places: Vec<_> = memchr::memmem::find_iter(&zip, old).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| zip[at..at + new.len()].copy_from_slice(new));
    zip
}

/// Overwrites a field of the directory's entries: `signature` to the field, in bytes.
fn with_directory_field(mut zip: Vec<u8>, offset: usize, value: &[u8]) -> Vec<u8> {
    let places: Vec<_> = memchr::memmem::find_iter(&zip, b"PK\x01\x02").collect();
    places.into_iter().for_each(|at| zip[at + offset..at + offset + value.len()].copy_from_slice(value));
    zip
}

#[test]
fn files_are_listed_in_stored_order_and_read_in_any() {
    let long = text(700_000);
    let world = World::new(&zip(&[("b/", b""), ("b/chat.txt", &long), ("a.jpg", b"picture"), ("empty", b"")]));
    let entry = |index, name: &str, size| Entry { index, name: name.to_owned(), size };
    assert_eq!(world.entries().unwrap(), [entry(1, "b/chat.txt", 700_000), entry(2, "a.jpg", 7), entry(3, "empty", 0)]);

    let mut whole = Vec::new();
    while let piece = world.read(1, whole.len() as u64, 99_999).unwrap()
        && !piece.is_empty()
    {
        whole.extend(piece);
    }
    assert_eq!(whole, long);
    for (index, offset, max, expect) in
        [(2, 0, 3, &b"pic"[..]), (2, 5, 9, b"re"), (2, 1, 2, b"ic"), (2, 7, 1, b""), (2, 99, 1, b""), (3, 0, 1, b"")]
    {
        assert_eq!(world.read(index, offset, max).unwrap(), expect, "{index} from {offset}");
    }
    assert_eq!(world.read(1, 500_000, 10).unwrap(), long[500_000..500_010], "forwards");
    assert_eq!(world.read(1, 10, 10).unwrap(), long[10..20], "and back");

    let stage = Memory::default();
    let keep = |index, bytes_max| world.folders.with_archive(PATH, |archive| archive.keep(index, bytes_max, &stage));
    let kept = keep(1, 700_000).unwrap();
    assert_eq!(stage.0.lock().unwrap()[&kept.name], long);
    assert_eq!(keep(3, 0).unwrap().size, 0);
    assert_eq!(keep(1, 699_999).unwrap_err().code, "too-large");
    for absent in [0, 4, u32::MAX] {
        assert_eq!(world.read(absent, 0, 1).unwrap_err().code, "zip-entry-missing", "{absent}");
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let plain = "aa/bb/cc.txt";
    for name in [
        "/a/bb/cc.txt",
        "../bb/cc.txt",
        "aa/../cc.txt",
        "aa/bbb/../..",
        "aa\\bb\\cc.txt",
        "C:/bb/cc.txt",
        "aa//b/cc.txt",
        "./a/bb/cc.tx",
        "aa/bb/c\0.txt",
    ] {
        let zip = patched(zip(&[(plain, b"x")]), plain.as_bytes(), name.as_bytes());
        assert_eq!(World::new(&zip).code(), "zip-unsafe-name", "{name}");
    }
    let zip = patched(zip(&[(plain, b"x")]), plain.as_bytes(), "aa/b…/c…".as_bytes());
    assert_eq!(World::new(&zip).entries().unwrap()[0].name, "aa/b…/c…", "UTF-8 that does not say so");
}

#[test]
fn what_is_no_plain_file_is_refused() {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    writer.add_symlink("link", "/etc/passwd", options()).unwrap();
    assert_eq!(World::new(&writer.finish().unwrap().into_inner()).code(), "zip-link");
    for mode in [0o120_777_u32, 0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        let bent = with_directory_field(zip(&[("a", b"x")]), 38, &(mode << 16).to_le_bytes());
        // The high byte of "made by" says Unix, so that the mode counts.
        let bent = with_directory_field(bent, 5, &[3]);
        assert_eq!(World::new(&bent).code(), "zip-link", "{mode:o}");
    }
    let encrypted = with_directory_field(zip(&[("a", b"x")]), 8, &[1, 0]);
    assert_eq!(World::new(&encrypted).code(), "zip-encrypted");
    let bzip2 = with_directory_field(zip(&[("a", b"x")]), 10, &[12, 0]);
    assert_eq!(World::new(&bzip2).code(), "zip-unsupported");
}

#[test]
fn bombs_are_refused_by_what_they_claim_and_by_what_they_do() {
    let zeros = vec![0; 50 << 20];
    assert_eq!(World::new(&zip(&[("zeros", &zeros)])).code(), "zip-bomb", "ratio");

    let long = text(100_000);
    let good = zip(&[("a", &long)]);
    let claims = |size: u32| with_directory_field(good.clone(), 24, &size.to_le_bytes());
    assert_eq!(World::new(&claims(99_999)).code(), "zip-bomb", "holds more than it claims");
    assert_eq!(World::new(&claims(0)).code(), "zip-bomb", "claims to be empty");
    assert_eq!(World::new(&claims(100_001)).code(), "zip-damaged", "holds less than it claims");
    assert_eq!(World::new(&claims(u32::MAX - 1)).code(), "zip-bomb", "claims too much");
    let stage = Memory::default();
    let kept = World::new(&claims(99_999)).folders.with_archive(PATH, |archive| archive.keep(0, u64::MAX, &stage));
    assert_eq!(kept.unwrap_err().code, "zip-bomb");
    assert!(stage.0.lock().unwrap().is_empty());

    // Two entries over the same bytes: the second directory entry is pointed at the first's data.
    let two = zip(&[("a", &long), ("b", &long)]);
    let second = memchr::memmem::rfind(&two, b"PK\x01\x02").unwrap();
    let mut overlapping = two;
    overlapping[second + 42..second + 46].fill(0);
    assert_eq!(World::new(&overlapping).code(), "zip-bomb", "overlap");
}

#[test]
fn damage_is_noticed() {
    let long = text(100_000);
    let good = zip(&[("a", &long), ("b", b"short")]);
    assert_eq!(World::new(&good).code(), "good");
    for cut in [0, 10, good.len() / 2, good.len() - 1] {
        assert_eq!(World::new(&good[..cut]).code(), "zip-damaged", "cut at {cut}");
    }
    let mut flipped = good.clone();
    flipped[1_000] ^= 0x10;
    assert_eq!(World::new(&flipped).code(), "zip-damaged", "flipped bit");
    let wrong_sum = with_directory_field(good.clone(), 16, &[1, 2, 3, 4]);
    assert_eq!(World::new(&wrong_sum).code(), "zip-damaged", "checksum");
    assert_eq!(World::new(b"WhatsApp chat").code(), "zip-damaged", "no archive at all");
    let twice = patched(zip(&[("aa", b"1"), ("ab", b"2")]), b"ab", b"aa");
    assert_eq!(World::new(&twice).code(), "zip-damaged", "one name twice");
}

#[test]
fn an_archive_that_changes_while_it_is_read_is_noticed() {
    let world = World::new(&zip(&[("a", &text(100_000))]));
    world.read(0, 0, 10).unwrap();
    fs::write(world.dir.path().join(PATH), zip(&[("a", b"other")])).unwrap();
    assert_eq!(world.read(0, 10, 10).unwrap_err().code, "file-changed");
}
