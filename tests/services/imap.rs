//! IMAP, against a private Dovecot.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::Command,
    sync::Arc,
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD as STANDARD, BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use world::StoryOptions;

use crate::support::{
    deliveries,
    dovecot::{self, Client, Dovecot},
    exports::{Connector, Installation},
    mail,
    program::{self, Running},
    reconciled::{self, count, findings},
    shared::Archived,
    truth,
    world::{CONNECTOR, FOLDER, World},
};

/// Kinds of storage and what the server offers: with MULTIAPPEND, without it, and without any literal that does not ask.
const SERVERS: [(&str, &str, &str); 4] = [
    ("mdbox", "", "MULTIAPPEND"),
    ("maildir", "", "MULTIAPPEND"),
    ("mdbox", "imap_capability=IMAP4rev1 LITERAL+ UIDPLUS SASL-IR AUTH=PLAIN", "no MULTIAPPEND"),
    ("maildir", "imap_capability=IMAP4rev1 UIDPLUS AUTH=PLAIN", "neither LITERAL+"),
];

#[test]
fn every_item_is_in_each_mailbox_once_with_the_bytes_of_the_record() {
    if !dovecot::is_wanted() {
        return;
    }
    let in_maildirs = Archived::small();
    for (storage, more, ladder) in SERVERS {
        let server = Dovecot::start(storage, more);
        let checked = Archived::small_at(&server);
        let world = &checked.after;
        // The truth was compared while it was made; a second turn finds nothing and changes nothing.
        let again = world.sync();
        assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{storage} {more}: {again:?}");
        checked.mail.expect_same(&world.mail_files(), storage);
        truth::expect_archived(world);
        assert_eq!(checked.counts.copies, in_maildirs.counts.copies, "{storage} {more}");
        world.done(&["ledger", "verify"]);
        // The record's hashes find each message: what was committed is what is there.
        world.done(&["ledger", "bundle", CONNECTOR, "--window", "2020-01-01..2100-01-01", "--out", "bundle"]);
        let summary = std::fs::read_to_string(world.path("bundle/summary.txt")).unwrap();
        assert!(summary.contains("of 0 the message is not in this bundle"), "{storage} {more}: {summary}");
        let said = world.done(&["connector", "check", CONNECTOR]).stdout;
        for part in ["reached on this machine", ladder, "is there", "APPENDLIMIT"] {
            assert!(said.contains(part), "{storage} {more}: `{part}` in {said}");
        }
    }
}

#[test]
fn a_message_is_read_and_dated_as_the_item() {
    if !dovecot::is_wanted() {
        return;
    }
    let server = Dovecot::start("mdbox", "");
    let archived = Archived::small_at(&server);
    let world = &archived.after;
    for mailbox in server.mailboxes(world.ending()) {
        let mut client = Client::sign_in(server.port, &format!("{mailbox}{}", world.ending()));
        let subscribed = client.expect("LSUB \"\" \"*\"").join("\n");
        assert!(subscribed.contains(FOLDER), "{mailbox}: {subscribed}");
        for row in client.fetch(FOLDER) {
            assert!(row.said.contains("\\Seen"), "{}", row.said);
            let mail = mail_parser::MessageParser::default().parse(&row.bytes).unwrap().date().unwrap().to_timestamp();
            let shown = row.said.split("INTERNALDATE \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let shown =
                jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", shown.trim()).unwrap().to_timestamp().unwrap();
            assert_eq!(shown.as_second(), mail, "{}", row.said);
        }
    }
    drop(archived);
}

#[test]
fn a_mailbox_made_anew_with_its_mail_gets_nothing_again() {
    if !dovecot::is_wanted() {
        return;
    }
    let server = Dovecot::start("maildir", "");
    let small = Archived::small_at(&server);
    let world = small.before.copy();
    crate::crash::die_after_writing(&world);
    let ending = world.ending().to_owned();
    let before = world.mails().len();
    assert!(before > 0, "something was written before the death");
    let validity = |mailbox: &str| {
        let mut client = Client::sign_in(server.port, &format!("{mailbox}{ending}"));
        client.expect(&format!("STATUS \"{FOLDER}\" (UIDVALIDITY MESSAGES)"))
    };
    for mailbox in server.mailboxes(&ending) {
        let was = validity(&mailbox);
        // Dovecot gives a new UIDVALIDITY when its own files are gone; the mails stay.
        let home = server.path(&format!("home/{mailbox}{ending}/mail"));
        let folder = home.join(format!(".{FOLDER}"));
        for file in ["dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"] {
            let _ = std::fs::remove_file(folder.join(file));
        }
        let _ = std::fs::remove_file(home.join("dovecot-uidvalidity"));
        // In the same second it would be the same.
        let started = std::time::Instant::now();
        while started.elapsed() < std::time::Duration::from_millis(1_100) {
            std::thread::yield_now();
        }
        let is = validity(&mailbox);
        assert_ne!(was, is, "{mailbox}");
        let messages = |status: &[String]| status.concat().split("MESSAGES ").nth(1).map(str::to_owned);
        assert_eq!(messages(&was).is_some(), messages(&is).is_some());
    }
    crate::crash::expect_same_end(&small, &world, "a changed UIDVALIDITY");
}

/// Two messages of an exported chat go to Anna.
const CHAT: &str = "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n";
const ANNA: &str = "anna@example.com";
const BASIC: &str =
    "[credential.mail]\nscheme = \"basic\"\nusername = \"archive\"\npassword = { file = \"mail-password\" }\n";

/// An installation that sends the chat to this destination.
fn installation(destination: &str, folder: &str, more: &str) -> Installation {
    let installation = Installation::new(&[]);
    installation.put("inbox/chat.txt", CHAT);
    installation.put("mail-password", dovecot::PASSWORD);
    configure(&installation, destination, folder, more);
    installation
}

fn configure(installation: &Installation, destination: &str, folder: &str, more: &str) {
    let destinations = format!("[{{ kind = \"imap\", {destination} }}]");
    let folder = format!("folder = \"{folder}\"");
    let connector = Connector { destinations: &destinations, more: &folder, ..Connector::default() };
    // A later section may hold what the network needs besides.
    let network = if more.contains("[network]") { "" } else { "[network]\n" };
    let allowed = "allowed_networks = [\"127.0.0.0/8\", \"::1/128\"]\n";
    installation.configure(&[connector], &format!("{more}\n{network}{allowed}"));
}

/// A certificate for `localhost` and its key.
pub(super) fn certificate(folder: &std::path::Path) -> (String, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (key, cert) = (path("key.pem"), path("cert.pem"));
    let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    let extensions = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
    let made = Command::new("openssl").args(arguments).args(extensions).args(["-keyout", &key, "-out", &cert]).output();
    assert!(made.is_ok_and(|output| output.status.success()), "CHANCERY_TEST_SERVICES=1 needs `openssl`");
    (key, cert)
}

#[test]
fn a_certificate_a_password_and_a_name_that_are_wrong_are_told_and_lose_nothing() {
    if !dovecot::is_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = certificate(folder.path());
    let server = Dovecot::start("mdbox", &format!("ssl=yes\nssl_cert=<{cert}\nssl_key=<{key}"));
    let port = server.port;
    let to = |host: &str| {
        format!(
            "host = \"{host}\", port = {port}, security = \"starttls\", credential = \"mail\", master = \"*\", mailboxes = {{ addresses = [\"{ANNA}\"] }}"
        )
    };
    let trusting = format!("{BASIC}\n[network]\nca_file = \"{cert}\"\n");
    let installation = installation(&to("localhost"), FOLDER, BASIC);
    let refused = |code: &str, says: &str| {
        let checked = installation.run(&["connector", "check", "exports"]);
        checked.expect(1);
        assert!(checked.stdout.contains("BAD") && checked.stdout.contains(says), "{checked}");
        let (ran, outcomes) = installation.sync(&[]);
        assert_eq!(outcomes["exports"].code(), code, "{ran}");
        assert!(!format!("{ran}{checked}").contains("wrong-secret"), "{ran}");
        assert!(installation.parked("exports").is_empty(), "{ran}");
    };
    refused("certificate-untrusted", "ca_file");
    configure(&installation, &to("127.0.0.1"), FOLDER, &trusting);
    refused("certificate-untrusted", "127.0.0.1");
    configure(&installation, &to("localhost"), FOLDER, &trusting);
    installation.put("mail-password", "wrong-secret");
    refused("sign-in-refused", "mailbox-denied");
    installation.put("mail-password", dovecot::PASSWORD);
    let checked = installation.done(&["connector", "check", "exports"]).stdout;
    assert!(checked.contains("STARTTLS, its certificate is trusted"), "{checked}");
    installation.done(&["sync", "--strict"]);
    assert_eq!(server.mails("", FOLDER).len(), 2);
}

#[test]
fn a_full_mailbox_parks_its_copies_with_what_mends_it() {
    if !dovecot::is_wanted() {
        return;
    }
    let quota = "mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\nplugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:bytes=100\n}";
    let server = Dovecot::start("mdbox", quota);
    let port = server.port;
    let destination = format!(
        "host = \"127.0.0.1\", port = {port}, security = \"none\", credential = \"mail\", master = \"*\", mailboxes = {{ addresses = [\"{ANNA}\"] }}"
    );
    let installation = installation(&destination, FOLDER, BASIC);
    installation.run(&["sync", "--strict"]).expect(3);
    let parked = installation.parked("exports");
    assert_eq!(parked.len(), 2, "{parked:?}");
    assert!(parked.iter().all(|row| row.reason == "mailbox-full" && row.hint.contains("parked retry")), "{parked:?}");
    assert!(server.mails("", FOLDER).is_empty());
}

#[test]
fn tokens_are_renewed_and_a_folder_may_be_called_anything() {
    if !dovecot::is_wanted() {
        return;
    }
    let keys = tempfile::tempdir().unwrap();
    let place = |path: &str| keys.path().join(path);
    std::fs::create_dir_all(place("keys/default/HS256")).unwrap();
    std::fs::set_permissions(keys.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(place("keys/default/HS256/default"), STANDARD.encode(JWT_SECRET)).unwrap();
    let settings = format!(
        "introspection_mode=local\nlocal_validation_key_dict=fs:posix:prefix={}/\nusername_attribute=email\n",
        place("keys").display()
    );
    std::fs::write(place("oauth2.conf.ext"), settings).unwrap();
    let more = format!(
        "auth_mechanisms=plain login xoauth2 oauthbearer\npassdb {{\n  driver=oauth2\n  mechanisms=xoauth2 oauthbearer\n  args={}\n}}",
        place("oauth2.conf.ext").display()
    );
    let server = Dovecot::start("maildir", &more);
    for (mechanism, folder, expect) in [
        ("xoauth2", "Prüfung/Größe & mehr", "Pr&APw-fung-Gr&APYA3w-e &- mehr"),
        ("oauthbearer", "WhatsApp Archiver", "WhatsApp Archiver"),
    ] {
        let tokens = token_server();
        let credential = format!(
            "[credential.anna]\nscheme = \"oauth2\"\ntoken_url = \"http://127.0.0.1:{tokens}/token\"\nclient_id = \"chancery\"\nsecret = {{ file = \"mail-password\" }}\nscope = \"{ANNA}\"\n"
        );
        let port = server.port;
        let destination = format!(
            "host = \"127.0.0.1\", port = {port}, security = \"none\", mechanism = \"{mechanism}\", credential = {{ \"{ANNA}\" = \"anna\" }}"
        );
        let installation = installation(&destination, folder, &credential);
        let ran = installation.run(&["sync", "--strict"]);
        assert_eq!(ran.code, Some(0), "{mechanism}: {ran}\n{}", server.log());
        let rows = Client::sign_in(port, ANNA).fetch(expect);
        assert_eq!(rows.len(), 2, "{mechanism}: {}", server.log());
    }
}

const JWT_SECRET: &[u8] = b"a secret that signs tokens";

/// Gives tokens for whom `scope` names; the first has run out already.
fn token_server() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap() == 0 || line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut form = vec![0; length];
            stream.read_exact(&mut form).unwrap();
            let form = String::from_utf8(form).unwrap();
            assert!(form.contains("grant_type=client_credentials"), "{form}");
            let body = format!("{{\"access_token\":\"{}\",\"expires_in\":3600}}", jwt(number > 0));
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    port
}

fn jwt(is_valid: bool) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (from, until) = if is_valid { (now - 60, now + 3600) } else { (now - 7200, now - 3600) };
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let head = part("{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
    let claims =
        part(&format!("{{\"sub\":\"{ANNA}\",\"email\":\"{ANNA}\",\"iat\":{from},\"nbf\":{from},\"exp\":{until}}}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(JWT_SECRET).unwrap();
    mac.update(format!("{head}.{claims}").as_bytes());
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[test]
fn a_server_of_another_family_takes_each_message_once() {
    if !dovecot::is_wanted() {
        return;
    }
    let program = std::env::var_os("CHANCERY_PYMAP");
    let program = program.expect("CHANCERY_TEST_SERVICES=1 needs CHANCERY_PYMAP: see CONTRIBUTING.md");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--no-tls", "--no-service", "admin"]);
    command.args(["--no-service", "managesieve"]);
    command.args(["dict", "--demo-user", ANNA, "--demo-password", dovecot::PASSWORD]);
    let pymap = Running::start(command);
    let started = std::time::Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "pymap does not start");
    }
    let own = format!(
        "[credential.anna]\nscheme = \"basic\"\nusername = \"{ANNA}\"\npassword = {{ file = \"mail-password\" }}\n"
    );
    let destination =
        format!("host = \"127.0.0.1\", port = {port}, security = \"none\", credential = {{ \"{ANNA}\" = \"anna\" }}");
    let installation = installation(&destination, FOLDER, &own);
    let mut killed = program::command(&installation.path(""), &["sync"]);
    killed.env("CHANCERY_KILL_AT", "deliver:written");
    Running::start(killed).finish().expect_killed();
    installation.done(&["sync", "--strict"]);
    let rows = Client::sign_in(port, ANNA).fetch(FOLDER);
    assert_eq!(rows.len(), 2);
    let checked = installation.done(&["connector", "check", "exports"]).stdout;
    assert!(checked.contains("MULTIAPPEND, LITERAL+"), "{checked}");
    installation.done(&["ledger", "bundle", "exports", "--window", "2020-01-01..2100-01-01", "--out", "bundle"]);
    let summary = std::fs::read_to_string(installation.path("bundle/summary.txt")).unwrap();
    assert!(summary.contains("of 0 the message is not in this bundle"), "{summary}");
    pymap.kill();
}

#[test]
fn a_thousand_messages_cost_the_server_a_few_syncs() {
    const MESSAGES: usize = 3_000;
    /// Syncs a message.
    const SYNCS_MAX: f64 = 0.02;
    if !dovecot::is_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary").display().to_string();
    let strace = ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", &summary];
    let server = Dovecot::start_under(&strace, "mdbox", "");
    let port = server.port;
    let destination = format!(
        "host = \"127.0.0.1\", port = {port}, security = \"none\", credential = \"mail\", master = \"*\", mailboxes = {{ addresses = [\"{ANNA}\"] }}"
    );
    let installation = installation(&destination, FOLDER, BASIC);
    let line = |number: usize| {
        let (hour, minute) = (number / 60 % 24, number % 60);
        format!("{:02}/06/2023, {hour:02}:{minute:02} - Anna: Message {number}.\n", 13 + number / 1440)
    };
    installation.put("inbox/chat.txt", (0..MESSAGES).map(line).collect::<String>());
    installation.done(&["sync", "--strict"]);
    assert_eq!(server.mails("", FOLDER).len(), MESSAGES);
    drop(server);
    let calls = calls(&summary);
    let each = calls as f64 / MESSAGES as f64;
    println!("syncs of the server: {calls} for {MESSAGES} messages in one mailbox, {each:.4} each");
    assert!(calls > 0 && each <= SYNCS_MAX, "{calls}");
}

/// The calls in strace's summary of syncs.
fn calls(summary: &str) -> usize {
    let text = std::fs::read_to_string(summary).unwrap();
    let counted = text.lines().filter(|line| line.ends_with("sync"));
    counted.map(|line| line.split_whitespace().nth(3).unwrap().parse::<usize>().unwrap()).sum()
}

/// Each command is made durable by itself, so that pages are gathered until a mailbox has something to say.
#[test]
fn small_pages_cost_the_server_what_large_ones_do() {
    if !dovecot::is_wanted() {
        return;
    }
    let syncs = |page_size: u32| {
        let folder = tempfile::tempdir().unwrap();
        let summary = folder.path().join("summary").display().to_string();
        let strace = ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", &summary];
        let server = Dovecot::start_under(&strace, "mdbox", "");
        let options = StoryOptions { items: 240, oversize_bytes: 700 << 10, ..StoryOptions::default() };
        let world = World::new_at(options, page_size, Some(Arc::clone(&server)), "email");
        world.done(&["sync"]);
        let mails = world.mails().len();
        assert!(mails > 240, "{mails}");
        drop((world, server));
        calls(&summary)
    };
    let (large, small) = (syncs(1_000), syncs(16));
    println!("syncs of the server: {large} with one page, {small} with many");
    assert!(small <= large + large / 2, "{small} syncs with small pages, {large} with large ones");
}

#[test]
fn a_large_attachment_flows_through_a_little_memory() {
    /// What it may take, and what the attachment holds.
    const PEAK_KIB_MAX: u64 = 150 << 10;
    const BYTES: usize = 100 << 20;
    if !dovecot::is_wanted() {
        return;
    }
    let server = Dovecot::start("mdbox", "");
    let port = server.port;
    let destination = format!(
        "host = \"127.0.0.1\", port = {port}, security = \"none\", credential = \"mail\", master = \"*\", mailboxes = {{ addresses = [\"{ANNA}\"] }}"
    );
    let installation = installation(&destination, FOLDER, BASIC);
    std::fs::remove_file(installation.path("inbox/chat.txt")).unwrap();
    let chat = "23/06/2023, 10:15 - Anna: VID-20230623-WA0001.mp4 (file attached)\n".as_bytes().to_vec();
    let film: Vec<u8> = (0..BYTES as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    installation.put(
        "inbox/chat.zip",
        deliveries::zip([("chat.txt".to_owned(), chat), ("VID-20230623-WA0001.mp4".to_owned(), film)]),
    );
    let mut running = Running::start(program::command(&installation.path(""), &["sync", "--strict"]));
    let status = format!("/proc/{}/status", running.id());
    let mut peak_kib = 0;
    running.wait_until(std::time::Duration::from_secs(140), || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak_kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(peak_kib);
        false
    });
    running.finish().expect(0);
    println!("peak RSS with an attachment of 100 MiB over IMAP: {peak_kib} KiB");
    let mails = server.mails("", FOLDER);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].message().attachments().next().unwrap().contents().len(), BYTES);
    assert!((1..=PEAK_KIB_MAX).contains(&peak_kib), "{peak_kib} KiB");
}

#[test]
fn what_people_did_to_their_mail_is_found_and_what_they_lost_comes_back() {
    if !dovecot::is_wanted() {
        return;
    }
    for storage in ["mdbox", "maildir"] {
        let server = Dovecot::start(storage, "");
        let small = Archived::small_at(&server);
        let world = &small.after;
        let clean = world.done(&["reconcile", CONNECTOR, "--json"]);
        let counts = world.counts();
        assert_eq!(count(&clean, "found"), counts.copy("imported") + counts.copy("partial"), "{storage}\n{clean}");

        let mailboxes = server.mailboxes(world.ending()).into_iter();
        let signed_in = |mailbox: &String| Client::sign_in(server.port, &format!("{mailbox}{}", world.ending()));
        let mailbox = mailboxes.max_by_key(|mailbox| signed_in(mailbox).fetch(FOLDER).len()).unwrap();
        let mut client = signed_in(&mailbox);
        let rows = client.fetch(FOLDER);
        let copies = reconciled::delivered(world);
        let of = |number: usize| {
            let sha256 = mail::hex(&sha2::Digest::finalize(sha2::Digest::chain_update(
                <Sha256 as sha2::Digest>::new(),
                &rows[number].bytes,
            )));
            copies.iter().find(|copy| copy.mailbox == mailbox && copy.sha256 == sha256).expect("it was delivered")
        };
        let (lost, moved, doubled, altered) = (of(0), of(1), of(2), of(3));
        client.expect("CREATE Private");
        client.expect(&format!("SELECT \"{FOLDER}\""));
        let changed = String::from_utf8(rows[3].bytes.clone()).unwrap().replace("Subject: ", "Subject: Re: ");
        client.expect(&format!("APPEND \"{FOLDER}\" {{{}+}}\r\n{changed}", changed.len()));
        client.expect(&format!("COPY 3 \"{FOLDER}\""));
        client.expect("COPY 2 Private");
        client.expect("STORE 1,2,4 +FLAGS (\\Deleted)");
        client.expect("EXPUNGE");

        let ran = reconciled::reconcile(world);
        ran.expect(1);
        let mut expected = std::collections::BTreeSet::from([
            lost.is("missing"),
            moved.is("moved"),
            doubled.is("doubled"),
            altered.is("altered"),
        ]);
        assert_eq!(findings(&ran), expected, "{storage}\n{ran}");
        let ran = reconciled::repair(world);
        ran.expect(1);
        assert_eq!(count(&ran, "repaired"), 1, "{storage}\n{ran}");
        let back = signed_in(&mailbox).fetch(FOLDER).into_iter().filter(|row| row.bytes == rows[0].bytes).count();
        assert_eq!(back, 1, "{storage}: byte for byte");
        expected.remove(&lost.is("missing"));
        assert_eq!(findings(&reconciled::reconcile(world)), expected, "{storage}");
        let synced = world.sync();
        assert_eq!((synced.item("fetched"), synced.copy("available")), (0, 0), "{storage}: {synced:?}");
        world.done(&["ledger", "verify"]);
    }
}
