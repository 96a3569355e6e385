//! Disks that are full, folders that may not be written, data folders in use or damaged.
//!
//! A small tmpfs stands for a full disk where the test may mount one; elsewhere a limit on the size of files does.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::exports::{Connector, Installation};

/// Some other user than root, whom file permissions do not bind.
const NOBODY: u32 = 65_534;

/// A chat of many messages, so that one group fills a small disk.
fn long_chat(messages: u32) -> String {
    (0..messages)
        .map(|number| {
            format!(
                "23/06/2023, {:02}:{:02} - Ben: Message {number}, {}\n",
                10 + number / 60 % 12,
                number % 60,
                "blah ".repeat(200)
            )
        })
        .collect()
}

/// A small disk, mounted at a folder until dropped.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    fn mount(at: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={bytes},mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self { at: at.to_owned() })
    }

    fn grow(&self, bytes: u64) {
        let size = format!("remount,size={bytes}");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.at).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _left_behind_at_worst = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[test]
fn a_full_disk_of_mail_ends_the_turn_and_space_lets_it_go_on() {
    let installation = Installation::new(&[Connector::default()]);
    let Some(disk) = SmallDisk::mount(&installation.path("mail"), 256 << 10) else {
        return too_large_files(installation);
    };
    installation.put("inbox/chat.txt", long_chat(600));
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    let (code, message, hint) = outcomes["exports"].error.clone().unwrap();
    assert_eq!(code, "disk-full", "{ran}");
    assert!(message.contains("mail") && hint.contains("free space"), "{message} {hint}");
    assert!(!ran.stderr.contains("blah"), "no message text in messages");

    disk.grow(64 << 20);
    let (ran, _) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(installation.mails().len(), 600, "each once");
    whole(&installation, 600);
}

/// The same, where nothing can be mounted: a limit on the size of each file.
fn too_large_files(installation: Installation) {
    println!("no tmpfs can be mounted here: a limit on the size of files stands for a full disk");
    installation.put(
        "inbox/chat.txt",
        format!("23/06/2023, 10:15 - Ben: {}\n23/06/2023, 10:16 - Ben: b\n", "blah ".repeat(1 << 19)),
    );
    let mut limited = Command::new("sh");
    // Ignored, the signal becomes an error of the write. Blocks are of 512 bytes: 1 MiB.
    limited.args([
        "-c",
        "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --config chancery.toml sync",
        env!("CARGO_BIN_EXE_chancery"),
    ]);
    let output = limited.current_dir(installation.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    installation.done(&["sync", "--strict"]);
    whole(&installation, 2);
}

#[test]
fn a_full_disk_of_data_ends_the_command_and_space_lets_it_go_on() {
    let installation = Installation::new(&[Connector::default()]);
    // What `init` made moves onto the small disk.
    fs::rename(installation.path("data"), installation.path("made")).unwrap();
    let Some(disk) = SmallDisk::mount(&installation.path("data"), 16 << 20) else {
        return println!(
            "skipped: no tmpfs can be mounted here, and a limit on the size of files would end sled instead"
        );
    };
    copy(&installation.path("made"), &installation.path("data"));
    installation.put("inbox/a.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n");
    installation.done(&["sync"]);
    let ballast = installation.path("data/ballast");
    installation.put("inbox/b.txt", long_chat(300));
    // All but a little is gone.
    let mut file = fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    drop(file);

    let ran = installation.run(&["sync"]);
    ran.expect(1);
    assert!(ran.stderr.contains("hint: ") || ran.stdout.contains("hint: "), "{ran}");
    assert!(!ran.stderr.contains("panicked"), "{ran}");

    fs::remove_file(&ballast).unwrap();
    disk.grow(128 << 20);
    installation.done(&["sync", "--strict"]);
    assert_eq!(installation.mails().len(), 302, "each once");
    whole(&installation, 302);
}

#[test]
fn a_folder_without_rights_is_named_and_rights_let_it_go_on() {
    let installation = Installation::new(&[Connector::default()]);
    installation.put("inbox/chat.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n");
    let as_root = rustix::process::geteuid().is_root();
    let as_nobody = |command: &mut Command| {
        if as_root {
            command.uid(NOBODY).gid(NOBODY);
        }
    };
    if as_root {
        give(&installation.path(""), NOBODY);
    }
    for (path, is_file) in [("inbox/chat.txt", true), ("inbox", false), ("mail", false), ("data", false)] {
        let path = installation.path(path);
        if !is_file {
            fs::create_dir_all(&path).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let ran = installation.run_as(&["sync"], as_nobody);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(matches!(ran.code, Some(1 | 2)), "{}: {ran}", path.display());
        assert!(said.contains("ermission denied") && said.contains("hint: "), "{}: {ran}", path.display());
        fs::set_permissions(&path, fs::Permissions::from_mode(if is_file { 0o644 } else { 0o755 })).unwrap();
        if as_root {
            give(&path, NOBODY);
        }
    }
    installation.run_as(&["sync", "--strict"], as_nobody).expect(0);
    if as_root {
        give(&installation.path(""), 0);
    }
    whole(&installation, 2);
}

#[test]
fn a_data_folder_in_use_is_left_alone() {
    let installation = Installation::new(&[Connector::default()]);
    installation.put("inbox/chat.txt", long_chat(2_000));
    std::thread::scope(|scope| {
        let runs = [0, 1].map(|_| scope.spawn(|| installation.run(&["sync"])));
        let runs = runs.map(|run| run.join().unwrap());
        let done = runs.iter().filter(|ran| ran.code == Some(0)).count();
        // They may also have come one after the other.
        assert!(done >= 1, "{} {}", runs[0], runs[1]);
        for ran in runs.iter().filter(|ran| ran.code != Some(0)) {
            assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("data"), "{ran}");
        }
    });
    installation.done(&["sync", "--strict"]);
    whole(&installation, 2_000);
}

/// Everything is there once, and the ledger verifies.
fn whole(installation: &Installation, mails: usize) {
    assert_eq!(installation.mails().len(), mails);
    let report = installation.done(&["report", "exports", "--json"]).json();
    assert_eq!(report["items"]["delivered"], mails);
    assert_eq!(report["copies"]["pending"], 0);
    assert_eq!(report["copies"]["failed"], 0);
    installation.done(&["ledger", "verify"]);
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap().success());
}

fn give(path: &Path, user: u32) {
    assert!(Command::new("chown").arg("-R").arg(format!("{user}:{user}")).arg(path).status().unwrap().success());
}
