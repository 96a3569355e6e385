//! A private Dovecot's mail, as a stranger's client reads it.

mod server;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

pub(crate) use server::{Dovecot, MASTER, PASSWORD};

use super::{
    files::{children, name},
    mail::Mail,
};

/// Whether servers are to be tested.
pub(crate) fn is_wanted() -> bool {
    let wanted = std::env::var_os("CHANCERY_TEST_SERVICES").is_some_and(|value| value == "1");
    if !wanted {
        println!("skipped: CHANCERY_TEST_SERVICES is not 1, and this needs Dovecot");
    }
    wanted
}

impl Dovecot {
    /// Every mailbox with this ending of its name, without it.
    pub(crate) fn mailboxes(&self, ending: &str) -> Vec<String> {
        let homes = children(&self.path("home"));
        homes.iter().filter_map(|home| Some(name(home).strip_suffix(ending)?.to_owned())).collect()
    }

    /// Every mail in the folder of these mailboxes.
    pub(crate) fn mails(&self, ending: &str, folder: &str) -> Vec<Mail> {
        let mailboxes = self.mailboxes(ending).into_iter();
        mailboxes
            .flat_map(|mailbox| {
                let rows = Client::sign_in(self.port, &format!("{mailbox}{ending}")).fetch(folder);
                rows.into_iter().map(move |row| Mail {
                    mailbox: mailbox.clone(),
                    folder: folder.to_owned(),
                    bytes: row.bytes,
                })
            })
            .collect()
    }
}

/// A message as the server shows it.
pub(crate) struct Row {
    pub(crate) bytes: Vec<u8>,
    /// The rest of the answer: UID, flags, internal date.
    pub(crate) said: String,
}

/// The least that can read mail: it shares nothing with what wrote it.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Signs in to a mailbox by its own name.
    pub(crate) fn sign_in(port: u16, mailbox: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut client = Self { stream: BufReader::new(stream) };
        client.line();
        client.expect(&format!("LOGIN \"{mailbox}\" {PASSWORD}"));
        client
    }

    /// Says a command and gives the lines before its OK.
    pub(crate) fn expect(&mut self, command: &str) -> Vec<String> {
        self.stream.get_mut().write_all(format!("t {command}\r\n").as_bytes()).unwrap();
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if let Some(status) = line.strip_prefix("t ") {
                assert!(status.starts_with("OK"), "{command}: {status}");
                return lines;
            }
            lines.push(line);
        }
    }

    /// Every message of a folder; none when there is no such folder.
    pub(crate) fn fetch(&mut self, folder: &str) -> Vec<Row> {
        if self.expect(&format!("LIST \"\" \"{folder}\"")).is_empty() {
            return Vec::new();
        }
        self.expect(&format!("EXAMINE \"{folder}\""));
        self.stream.get_mut().write_all(b"f UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n").unwrap();
        let mut rows = Vec::new();
        loop {
            let line = self.line();
            if line.starts_with("f ") {
                return rows;
            }
            let Some(size) = line.strip_suffix('}').and_then(|line| line.rsplit_once('{')) else { continue };
            let mut bytes = vec![0; size.1.parse().unwrap()];
            self.stream.read_exact(&mut bytes).unwrap();
            let rest = self.line();
            rows.push(Row { bytes, said: format!("{line}{rest}") });
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stream.read_line(&mut line).unwrap() > 0, "the server closed the connection");
        line.trim_end().to_owned()
    }
}

/// Gives a folder and what is in it to the user that mail belongs to.
pub(crate) fn hand_over(folder: &Path) {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let chown = |path: &Path| std::os::unix::fs::chown(path, Some(server::NOBODY), Some(server::NOBODY)).unwrap();
    for path in children(folder) {
        if path.is_dir() { hand_over(&path) } else { chown(&path) }
    }
    chown(folder);
}
