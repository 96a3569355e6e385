//! A private Exim on ports of its own: the server of another archive, with what it took as files.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    dovecot::{MASTER, PASSWORD, hand_over},
    files::children,
};

/// The user it runs as when the tests run as root.
const NOBODY: u32 = 65_534;
/// The one address it takes mail for.
pub(crate) const JOURNAL: &str = "journal@archive.example";
/// The largest message it takes.
pub(crate) const SIZE_BYTES_MAX: u64 = 200_000_000;

/// A running server. One may sign in once the connection is encrypted, and must.
pub(crate) struct Exim {
    dir: TempDir,
    child: Child,
    /// Encrypted from the first byte.
    pub(crate) tls_port: u16,
    /// Encrypted by STARTTLS.
    pub(crate) starttls_port: u16,
}

impl Exim {
    /// Starts one with this key and certificate.
    pub(crate) fn start(key: &str, certificate: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = rustix::process::getuid().is_root();
        let (user, group) = match root {
            true => (NOBODY, NOBODY),
            false => (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()),
        };
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for folder in ["spool", "mail", "log"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            hand_over(&dir.path().join(folder));
        }
        let tls = dir.path().join("tls");
        fs::create_dir(&tls).unwrap();
        fs::copy(key, tls.join("key.pem")).unwrap();
        fs::copy(certificate, tls.join("cert.pem")).unwrap();
        hand_over(&tls);
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [free(), free()].map(|listener| listener.local_addr().unwrap().port());
        let [tls_port, starttls_port] = ports;
        let text = format!(
            "primary_hostname = localhost\nexim_user = {user}\nexim_group = {group}\ndeliver_drop_privilege = true\n\
             spool_directory = {dir}/spool\nlog_file_path = {dir}/log/%slog\npid_file_path = {dir}/spool/pid\n\
             local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {tls_port} : {starttls_port}\n\
             tls_on_connect_ports = {tls_port}\ntls_advertise_hosts = *\ntls_certificate = {dir}/tls/cert.pem\n\
             tls_privatekey = {dir}/tls/key.pem\nauth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}\n\
             host_lookup =\nrfc1413_query_timeout = 0s\nsmtp_accept_queue_per_connection = 0\nkeep_environment =\nmessage_size_limit = {SIZE_BYTES_MAX}\n\
             acl_smtp_rcpt = rcpt\nacl_smtp_data = data\nbegin acl\n\
             rcpt:\n  accept authenticated = *\n    recipients = {JOURNAL}\n  deny message = not for you\n\
             data:\n  accept\n\
             begin routers\nall:\n  driver = accept\n  transport = maildir\n\
             begin transports\nmaildir:\n  driver = appendfile\n  directory = {dir}/mail\n  maildir_format\n  use_crlf\n  user = {user}\n  group = {group}\n\
             begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_set_id = $auth2\n  \
             server_condition = ${{if and{{{{eq{{$auth2}}{{{MASTER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}\n",
            dir = dir.path().display(),
        );
        let config = dir.path().join("exim.conf");
        fs::write(&config, text).unwrap();
        let child = program(&config)
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("`exim4` cannot be run: {error}; CHANCERY_TEST_SERVICES=1 needs it"));
        let server = Self { dir, child, tls_port, starttls_port };
        let started = Instant::now();
        while ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            assert!(started.elapsed() < Duration::from_secs(30), "exim does not start: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What it says of itself.
    pub(crate) fn log(&self) -> String {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let logs = children(&self.dir.path().join("log")).into_iter().map(read);
        read(self.dir.path().join("stderr")) + &logs.collect::<String>()
    }

    /// Every message it took, once all of them are filed, without the field that it put before each.
    pub(crate) fn messages(&self) -> Vec<Vec<u8>> {
        let config = self.dir.path().join("exim.conf");
        let started = Instant::now();
        loop {
            let queued = program(&config).arg("-bpc").output().unwrap();
            if String::from_utf8_lossy(&queued.stdout).trim() == "0" {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "its queue does not empty: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        let taken = children(&self.dir.path().join("mail/new")).into_iter().map(|path| fs::read(path).unwrap());
        taken
            .map(|bytes| {
                // One field, folded.
                assert!(bytes.starts_with(b"Received: "));
                let ends = bytes.windows(3).position(|three| three.starts_with(b"\r\n") && !b" \t".contains(&three[2]));
                bytes[ends.unwrap() + 2..].to_vec()
            })
            .collect()
    }
}

fn program(config: &Path) -> Command {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("exim4");
    command.env("PATH", path).arg("-C").arg(config);
    command
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
