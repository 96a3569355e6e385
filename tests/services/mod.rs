//! Programs that people read their mail with, on the journey's mail. Only when `CHANCERY_TEST_SERVICES=1`; a program
//! that is missing is then a failure. On Debian: `apt-get install notmuch mblaze dovecot-core exim4-daemon-light age nodejs npm`.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod archives;
mod azurite;
mod console;
mod imap;
mod languages;
mod smtp;
mod stage;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::support::{
    dovecot,
    files::{self, children, name},
    mail::Mail,
    shared,
    world::FOLDER,
};

/// The user that Dovecot reads as when the tests run as root, which it refuses to be.
const NOBODY: u32 = 65_534;

/// A copy of the journey's mail, for programs that leave something behind, and what is in it.
struct Archive {
    dir: TempDir,
    mails: Vec<Mail>,
}

impl Archive {
    /// None unless services are to be tested.
    fn wanted() -> Option<Self> {
        if std::env::var_os("CHANCERY_TEST_SERVICES").is_none_or(|value| value != "1") {
            return None;
        }
        let archived = shared::archived();
        let archive = Self { dir: tempfile::tempdir().unwrap(), mails: archived.after.mails() };
        fs::create_dir(archive.mail()).unwrap();
        files::copy(&archived.after.path("mail"), &archive.mail());
        assert!(archive.mails.len() > 100);
        Some(archive)
    }

    fn mail(&self) -> PathBuf {
        self.dir.path().join("mail")
    }

    fn mailboxes(&self) -> Vec<PathBuf> {
        children(&self.mail())
    }

    fn of<'a>(&'a self, mailbox: &'a Path) -> impl Iterator<Item = &'a Mail> {
        let address = name(mailbox);
        self.mails.iter().filter(move |mail| mail.mailbox == address)
    }

    fn distinct(&self, of: impl Fn(&Mail) -> String) -> usize {
        self.mails.iter().map(of).collect::<BTreeSet<_>>().len()
    }
}

/// What a command prints; fails with what it says when it cannot be run or fails.
fn output(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("`{program}` cannot be run: {error}; CHANCERY_TEST_SERVICES=1 needs it"));
    assert!(status.success(), "`{program}` said {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn notmuch_finds_each_message_and_a_thread_for_each_conversation() {
    let Some(archive) = Archive::wanted() else { return };
    let config = archive.dir.path().join("notmuch-config");
    let mail = archive.mail();
    let text = format!(
        "[database]\npath={}\n[user]\nname=Archive\nprimary_email=archive@example.com\n[new]\nignore=maildirfolder\n",
        mail.display()
    );
    fs::write(&config, text).unwrap();
    let notmuch = |arguments: &[&str]| output(Command::new("notmuch").env("NOTMUCH_CONFIG", &config).args(arguments));
    notmuch(&["new", "--quiet"]);
    let count = |what: &str| -> usize { notmuch(&["count", &format!("--output={what}"), "*"]).trim().parse().unwrap() };
    assert_eq!(count("files"), archive.mails.len());
    assert_eq!(count("messages"), archive.distinct(Mail::item), "a message an item");
    assert_eq!(count("threads"), archive.distinct(Mail::conversation), "a thread a conversation");
}

#[test]
fn mblaze_lists_and_shows_every_mail() {
    let Some(archive) = Archive::wanted() else { return };
    for mailbox in archive.mailboxes() {
        let listing = output(Command::new("mlist").arg(mailbox.join(format!(".{FOLDER}"))));
        let paths: Vec<&str> = listing.lines().collect();
        assert_eq!(paths.len(), archive.of(&mailbox).count(), "{}", mailbox.display());
        let ids = output(Command::new("mhdr").args(["-h", "message-id"]).args(&paths));
        let ids: BTreeSet<&str> = ids.lines().collect();
        assert_eq!(ids.len(), paths.len(), "each Message-ID once in {}", mailbox.display());
        let Some(with_file) = paths.iter().find(|path| {
            let bytes = fs::read(path).unwrap();
            bytes.windows(11).any(|window| window == b"attachment;")
        }) else {
            continue;
        };
        let structure = output(Command::new("mshow").arg("-t").arg(with_file));
        assert!(structure.contains("multipart/mixed") && structure.contains("text/plain"), "{structure}");
    }
}

#[test]
fn dovecot_reads_every_mailbox() {
    let Some(archive) = Archive::wanted() else { return };
    let folder = archive.dir.path();
    fs::create_dir(folder.join("home")).unwrap();
    let root = rustix::process::getuid().is_root();
    dovecot::hand_over(folder);
    let user = if root { NOBODY } else { rustix::process::getuid().as_raw() };
    let group = if root { NOBODY } else { rustix::process::getgid().as_raw() };
    let config = folder.join("dovecot.conf");
    let text = format!(
        "base_dir={dir}/run\nstate_dir={dir}/state\nlog_path=/dev/stderr\nprotocols=\nssl=no\nfirst_valid_uid=1\n\
         first_valid_gid=0\nmail_uid={user}\nmail_gid={group}\nmail_fsync=never\n\
         namespace inbox {{\n  inbox=yes\n  separator=/\n}}\n",
        dir = folder.display()
    );
    fs::write(&config, text).unwrap();
    for mailbox in archive.mailboxes() {
        let doveadm = |arguments: &[&str]| {
            let location = format!("mail_location=maildir:{}", mailbox.display());
            let mut command = Command::new("doveadm");
            command
                .env("USER", "archive")
                .env("HOME", folder.join("home"))
                .arg("-c")
                .arg(&config)
                .args(["-o", &location]);
            output(command.args(arguments))
        };
        let status = doveadm(&["mailbox", "status", "messages", FOLDER]);
        let expected: BTreeSet<(String, usize)> =
            archive.of(&mailbox).map(|mail| (mail.field("Message-ID"), mail.bytes.len())).collect();
        assert!(status.trim().ends_with(&format!("messages={}", expected.len())), "{status}");
        let rows = doveadm(&["-f", "json", "fetch", "hdr.message-id size.virtual", "mailbox", FOLDER, "all"]);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&rows).unwrap();
        let found: BTreeSet<(String, usize)> = rows
            .iter()
            .map(|row| {
                (
                    row["hdr.message-id"].as_str().unwrap().to_owned(),
                    row["size.virtual"].as_str().unwrap().parse().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{}", mailbox.display());
    }
}
