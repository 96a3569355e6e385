//! SMTP, against a private Exim.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use mail_parser::MessageParser;
use sha2::{Digest as _, Sha256};

use super::imap::certificate;
use crate::support::{
    dovecot,
    exim::{Exim, JOURNAL, SIZE_BYTES_MAX},
    exports::{Connector, Installation},
    mail::{Mail, hex},
    program::Running,
    shared, truth,
    world::{CONNECTOR, FOLDER, World},
};

const SENDER: &str = "chancery@example.com";

/// A journal report as a stranger reads it: the report, and the message in it with the mailbox it is for.
struct Report {
    outer: Vec<u8>,
    inner: Mail,
}

fn reports(server: &Exim) -> Vec<Report> {
    let read = |outer: Vec<u8>| {
        let parsed = MessageParser::default().parse(&outer).unwrap();
        assert!(parsed.header_raw("X-MS-Journal-Report").is_some());
        let envelope = parsed.body_text(0).unwrap().into_owned();
        let field = |name: &str| {
            let of = |line: &str| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
            envelope.lines().filter_map(of).collect::<Vec<_>>()
        };
        let [mailbox] = field("Recipient").try_into().unwrap();
        let bytes = parsed.attachments().next().unwrap().message().unwrap().raw_message().to_vec();
        let inner = Mail { mailbox, folder: FOLDER.to_owned(), bytes };
        assert_eq!(field("Message-Id"), [inner.field("Message-ID")]);
        let sender = inner.message().from().unwrap().first().unwrap().address().unwrap().to_owned();
        assert_eq!(field("Sender"), [sender]);
        let to: Vec<String> = inner.message().to().unwrap().iter().map(|to| to.address().unwrap().to_owned()).collect();
        assert_eq!(field("To"), to);
        Report { inner, outer }
    };
    server.messages().into_iter().map(read).collect()
}

/// The archived world's installation, with its copies sent to this server.
fn sending_to(server: &Exim, certificate: &str) -> World {
    let world = shared::archived().before.copy();
    world.configure();
    let file = world.path("chancery.toml");
    let text = fs::read_to_string(&file).unwrap();
    let smtp = format!(
        "kind = \"smtp\", host = \"localhost\", port = {}, credential = \"mail\", from = \"{SENDER}\", to = \"{JOURNAL}\"",
        server.tls_port
    );
    let text = text.replace("kind = \"maildir\", root = \"mail\"", &smtp);
    fs::write(&file, format!("{text}ca_file = \"{certificate}\"\n")).unwrap();
    world
}

/// Held against the independent reader, when `CHANCERY_MAIL_ORACLE` names the script.
fn expect_sound(root: &Path, mails: impl Iterator<Item = (String, Vec<u8>)>) {
    let Some(script) = std::env::var_os("CHANCERY_MAIL_ORACLE") else { return };
    for (number, (mailbox, bytes)) in mails.enumerate() {
        let folder = root.join(mailbox).join(".Mail/new");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(number.to_string()), bytes).unwrap();
    }
    let output = Command::new("python3").arg(script).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_item_arrives_unchanged_whatever_dies_and_what_comes_twice_is_said() {
    /// Copies that one death may double: a group.
    const GROUP: usize = 20;
    if !dovecot::is_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = certificate(folder.path());
    let server = Exim::start(&key, &cert);
    let world = sending_to(&server, &cert);
    let deaths = ["deliver:written", "deliver:intended:3", "deliver:written:2"];
    for place in deaths {
        let mut command = world.command(&["sync"]);
        command.env("CHANCERY_KILL_AT", place);
        Running::start(command).finish().expect_killed();
    }
    let ran = world.done(&["sync"]);
    assert!(ran.stderr.contains("are sent again"), "{ran}");

    let reports = reports(&server);
    let mut distinct: BTreeMap<(String, String), &Report> = BTreeMap::new();
    for report in &reports {
        let copy = (report.inner.mailbox.clone(), report.inner.field("Message-ID"));
        if let Some(first) = distinct.insert(copy, report) {
            assert!(first.outer == report.outer, "what comes twice is the same to the byte");
        }
    }
    let doubled = reports.len() - distinct.len();
    println!("{} reports, {doubled} of them twice after {} deaths", distinct.len(), deaths.len());
    assert!((1..=deaths.len() * GROUP).contains(&doubled), "{doubled} doubled");
    let mails: Vec<Mail> = distinct
        .values()
        .map(|report| Mail {
            mailbox: report.inner.mailbox.clone(),
            folder: FOLDER.to_owned(),
            bytes: report.inner.bytes.clone(),
        })
        .collect();
    let expected: Vec<_> = world.story().expectations().collect();
    truth::expect_mail(world.story(), &expected, &mails);
    truth::expect_parked(&expected, &world.parked());
    let arrived = reports.len();
    assert_eq!(world.sync().copy("available"), 0);
    assert_eq!(server.messages().len(), arrived, "a further turn sends nothing");

    // What the record committed is what arrived.
    let bundled = world.done(&["ledger", "bundle", CONNECTOR, "--window", "2020-01-01..2100-01-01", "--out", "bundle"]);
    assert!(bundled.stderr.contains("cannot be read back") && bundled.stderr.contains("hint: "), "{bundled}");
    let items: serde_json::Value = serde_json::from_slice(&fs::read(world.path("bundle/items.json")).unwrap()).unwrap();
    let copies = items.as_array().unwrap().iter().flat_map(|item| item["copies"].as_array().unwrap());
    let committed: BTreeSet<String> = copies.filter_map(|copy| copy["sha256"].as_str().map(str::to_owned)).collect();
    let sent: BTreeSet<String> = mails.iter().map(|mail| hex(&Sha256::digest(&mail.bytes))).collect();
    assert!(sent.len() > 50);
    assert_eq!(sent, committed);
    world.done(&["ledger", "verify"]);

    expect_sound(&folder.path().join("inner"), mails.iter().map(|mail| (mail.mailbox.clone(), mail.bytes.clone())));
    let outer = distinct.values().map(|report| (JOURNAL.to_owned(), report.outer.clone()));
    expect_sound(&folder.path().join("outer"), outer);
}

/// Two messages of an exported chat go to Anna.
const CHAT: &str = "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n";

fn configure(installation: &Installation, destination: &str, network: &str) {
    let destinations = format!(
        "[{{ kind = \"smtp\", {destination}, credential = \"mail\", from = \"{SENDER}\", mailboxes = {{ addresses = [\"anna@example.com\"] }} }}]"
    );
    let connector = Connector { destinations: &destinations, ..Connector::default() };
    let more = format!(
        "[credential.mail]\nscheme = \"basic\"\nusername = \"{}\"\npassword = {{ file = \"mail-password\" }}\n\n\
         [network]\nallowed_networks = [\"127.0.0.0/8\", \"::1/128\"]\n{network}\n",
        dovecot::MASTER
    );
    installation.configure(&[connector], &more);
}

#[test]
fn what_is_wrong_is_told_and_loses_nothing() {
    if !dovecot::is_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = certificate(folder.path());
    let server = Exim::start(&key, &cert);
    let installation = Installation::new(&[]);
    installation.put("inbox/chat.txt", CHAT);
    installation.put("mail-password", dovecot::PASSWORD);
    let (tls, starttls) = (server.tls_port, server.starttls_port);
    let to = |port: u16, security: &str, to: &str| {
        format!("host = \"localhost\", port = {port}, security = \"{security}\", to = \"{to}\"")
    };
    let trusting = format!("ca_file = \"{cert}\"");
    let refused = |code: &str, says: &str| {
        let checked = installation.run(&["connector", "check", "exports"]);
        checked.expect(1);
        assert!(checked.stdout.contains("BAD") && checked.stdout.contains(says), "{checked}");
        let (ran, outcomes) = installation.sync(&[]);
        assert_eq!(outcomes["exports"].code(), code, "{ran}");
        assert!(!format!("{ran}{checked}").contains("wrong-secret"), "{ran}");
        assert!(installation.parked("exports").is_empty(), "{ran}");
    };
    configure(&installation, &to(tls, "tls", JOURNAL), "");
    refused("certificate-untrusted", "ca_file");
    configure(&installation, &to(tls, "tls", "nobody@archive.example"), &trusting);
    refused("smtp-address-refused", "not for you");
    installation.put("mail-password", "wrong-secret");
    configure(&installation, &to(tls, "tls", JOURNAL), &trusting);
    refused("sign-in-refused", "535");
    installation.put("mail-password", dovecot::PASSWORD);
    configure(&installation, &to(starttls, "starttls", JOURNAL), &trusting);
    let checked = installation.done(&["connector", "check", "exports"]).stdout;
    let size = SIZE_BYTES_MAX.to_string();
    for part in ["STARTTLS, its certificate is trusted", "signed in", &size, JOURNAL, "cannot be asked"] {
        assert!(checked.contains(part), "`{part}` in {checked}");
    }
    assert!(server.messages().is_empty(), "a check sends nothing");
    installation.done(&["sync", "--strict"]);
    assert_eq!(reports(&server).len(), 2);
    let log = server.log();
    assert!(log.contains("P=esmtpsa"), "encrypted and signed in: {log}");
}
