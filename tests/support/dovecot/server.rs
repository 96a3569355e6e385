//! A private Dovecot on a port of its own. The benchmarks start it as well.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The user that mail belongs to when the tests run as root, which Dovecot refuses to be.
pub(crate) const NOBODY: u32 = 65_534;
/// The account that may open every mailbox.
pub(crate) const MASTER: &str = "archive";
/// Its password, and everybody's.
pub(crate) const PASSWORD: &str = "mail-secret-1";

/// A running server. Any user name is a mailbox, at first an empty one.
#[derive(Debug)]
pub(crate) struct Dovecot {
    dir: TempDir,
    child: Child,
    pub(crate) port: u16,
}

impl Dovecot {
    /// Starts one that keeps mail so (`mdbox`, `maildir`), with further settings.
    pub(crate) fn start(storage: &str, more: &str) -> Arc<Self> {
        Self::start_under(&[], storage, more)
    }

    /// As [`Dovecot::start`], as the child of another program.
    pub(crate) fn start_under(program: &[&str], storage: &str, more: &str) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let root = rustix::process::getuid().is_root();
        let (user, group) = if root {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
            (NOBODY, NOBODY)
        } else {
            (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let unprivileged = if root { String::new() } else { own_user() };
        let text = format!(
            "base_dir={dir}/run\nstate_dir={dir}/state\nlog_path={dir}/error.log\ninfo_log_path={dir}/info.log\n\
             protocols=imap\nlisten=127.0.0.1\nssl=no\ndisable_plaintext_auth=no\nauth_mechanisms=plain login\n\
             first_valid_uid=1\nfirst_valid_gid=0\nmail_uid={user}\nmail_gid={group}\nmail_location={storage}:~/mail\n\
             auth_master_user_separator=*\nauth_verbose=yes\n{unprivileged}\
             passdb {{\n  driver=static\n  mechanisms=plain login\n  args=password={PASSWORD}\n  master=yes\n}}\n\
             passdb {{\n  driver=static\n  mechanisms=plain login\n  args=password={PASSWORD}\n}}\n\
             userdb {{\n  driver=static\n  args=uid={user} gid={group} home={dir}/home/%u\n}}\n\
             service imap-login {{\n  inet_listener imap {{\n    address=127.0.0.1\n    port={port}\n  }}\n  inet_listener imaps {{\n    port=0\n  }}\n  chroot=\n}}\n\
             service anvil {{\n  chroot=\n}}\nservice stats {{\n  chroot=\n}}\n\
             namespace inbox {{\n  inbox=yes\n  separator=/\n}}\n{more}\n",
            dir = dir.path().display(),
        );
        let config = dir.path().join("dovecot.conf");
        fs::write(&config, text).unwrap();
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let words = [program, &["dovecot", "-F", "-c"]].concat();
        let child = Command::new(words[0])
            .env("PATH", path)
            .args(&words[1..])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("`dovecot` cannot be run: {error}; CHANCERY_TEST_SERVICES=1 needs it"));
        let server = Self { dir, child, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "dovecot does not start: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Arc::new(server)
    }

    /// A path in its folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// What it says of itself.
    pub(crate) fn log(&self) -> String {
        let read = |path: &str| fs::read_to_string(self.path(path)).unwrap_or_default();
        format!("{}{}{}", read("stderr"), read("error.log"), read("info.log"))
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let _ = Command::new("doveadm").env("PATH", path).arg("-c").arg(self.path("dovecot.conf")).arg("stop").output();
        let stopped = Instant::now();
        while stopped.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings with which a user who is not root runs one.
fn own_user() -> String {
    let id = |flag: &str| {
        let output = Command::new("id").arg(flag).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    format!(
        "default_internal_user={user}\ndefault_login_user={user}\ndefault_internal_group={group}\n",
        user = id("-un"),
        group = id("-gn")
    )
}
