#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
use std::{io::Write as _, os::unix::fs::symlink};

use super::{super::blobs::memory::Memory, *};

/// A configuration's folder with an `inbox`, and a secret beside it.
fn world() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("inbox/anna@example.com")).unwrap();
    fs::create_dir_all(dir.path().join("inbox-of-others")).unwrap();
    fs::write(dir.path().join("inbox/b.txt"), "0123456789").unwrap();
    fs::write(dir.path().join("inbox/anna@example.com/chat.txt"), "hello").unwrap();
    fs::write(dir.path().join("inbox-of-others/x.txt"), "x").unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    symlink("../secret", dir.path().join("inbox/link")).unwrap();
    symlink("..", dir.path().join("inbox/up")).unwrap();
    dir
}

fn folders(dir: &tempfile::TempDir) -> Folders {
    Folders::new(dir.path(), vec!["inbox/".to_owned()])
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn files_are_listed_by_path_without_links_and_pipes() {
    let dir = world();
    pipe(&dir.path().join("inbox/pipe"));
    let folders = folders(&dir);
    let paths = |under: &str| folders.list(under).unwrap().into_iter().map(|stamp| stamp.path).collect::<Vec<_>>();
    assert_eq!(paths("inbox"), ["inbox/anna@example.com/chat.txt", "inbox/b.txt"]);
    assert_eq!(paths("inbox/"), paths("inbox"));
    assert_eq!(paths("./inbox/anna@example.com"), ["inbox/anna@example.com/chat.txt"]);
    assert_eq!(folders.list("inbox").unwrap()[1].size, 10);
    let all = Folders::new(dir.path(), vec![".".to_owned()]);
    assert_eq!(all.list(".").unwrap().len(), 4, "the base folder itself");
}

#[test]
fn nothing_outside_the_grant_is_reached() {
    let dir = world();
    pipe(&dir.path().join("inbox/pipe"));
    let folders = folders(&dir);
    let table = [
        "secret",
        "inbox/../secret",
        "inbox/./b.txt",
        "inbox//b.txt",
        "inbox/link",
        "inbox/up/secret",
        "inbox/pipe",
        "inbox",
        "inbox/anna@example.com",
        "inbox-of-others/x.txt",
        "/etc/passwd",
        "inbox/../../etc/passwd",
        "",
        "..",
        "inbox/b.txt\0",
    ];
    for path in table {
        let failure = folders.read(path, 0, 10).unwrap_err();
        assert_eq!(failure.code, "folder-denied", "{path}: {failure}");
        assert!(folders.hash(path).is_err(), "{path}");
        assert!(folders.keep(path, 10, &Memory::default()).is_err(), "{path}");
    }
    for under in ["", ".", "..", "inbox/..", "inbox/up", "inbox-of-others", "/"] {
        assert!(folders.list(under).is_err(), "{under}");
    }
    let failure = folders.read("other/x.zip", 0, 1).unwrap_err();
    let hint = failure.hint.unwrap();
    assert_eq!(hint, "if it should be, in that connector: `grant = { source = { folders = [\"inbox\", \"other\"] } }`");
    assert_eq!(Folders::none().list("inbox").unwrap_err().code, "folder-denied");
}

#[test]
fn a_file_is_read_in_pieces_hashed_and_kept() {
    let dir = world();
    let folders = folders(&dir);
    for (offset, max, expect) in [
        (0, 4, "0123"),
        (4, 4, "4567"),
        (8, 4, "89"),
        (10, 4, ""),
        (99, 4, ""),
        (2, 3, "234"),
        (0, u32::MAX, "0123456789"),
    ] {
        assert_eq!(folders.read("inbox/b.txt", offset, max).unwrap(), expect.as_bytes(), "{offset}");
    }
    let stage = Memory::default();
    let kept = folders.keep("inbox/b.txt", 10, &stage).unwrap();
    assert_eq!((kept.size, kept.sha256), (10, folders.hash("inbox/b.txt").unwrap()));
    assert_eq!(folders.keep("inbox/b.txt", 9, &stage).unwrap_err().code, "too-large");
    let failure = folders.read("inbox/absent.txt", 0, 1).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("folder-unreadable", NextMove::AskPerson));
    let failure = Folders::new(dir.path(), vec!["gone".to_owned()]).list("gone").unwrap_err();
    assert!(failure.hint.unwrap().contains("mkdir -p"), "{}", failure.message);
}

#[test]
fn a_file_that_changes_is_noticed() {
    let dir = world();
    let folders = folders(&dir);
    let path = dir.path().join("inbox/b.txt");
    let stamp = folders.list("inbox").unwrap().remove(1);
    folders.expect(&stamp);
    folders.read("inbox/b.txt", 0, 4).unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    for _ in 0..2 {
        let failure = folders.read("inbox/b.txt", 4, 4).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("file-changed", NextMove::Retry { after: None }));
    }
    assert_eq!(folders.keep("inbox/b.txt", 99, &Memory::default()).unwrap_err().code, "file-changed");
    assert_eq!(folders.hash("inbox/b.txt").unwrap_err().code, "file-changed");
    folders.forget();
    assert_eq!(folders.read("inbox/b.txt", 10, 9).unwrap(), b"more", "a new turn, a new snapshot");

    let stamp = FileStamp { modified_ms: stamp.modified_ms - 1_000, size: 14, ..stamp };
    folders.expect(&stamp);
    assert_eq!(folders.read("inbox/b.txt", 0, 1).unwrap_err().code, "file-changed", "same size, other time");
}

#[test]
fn a_name_that_is_not_utf8_is_an_error_and_not_left_out() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = world();
    fs::write(dir.path().join("inbox").join(std::ffi::OsStr::from_bytes(b"\xff.txt")), "x").unwrap();
    assert_eq!(folders(&dir).list("inbox").unwrap_err().code, "file-name-unreadable");
}
