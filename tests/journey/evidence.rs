//! What an operator can show to others: checkpoints kept elsewhere, a bundle with its proof, and what was held or erased.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Output},
};

use crate::support::{
    files::{self, children, name},
    program::Ran,
    shared,
    world::{CONNECTOR, World},
};

/// Adds lines to the configuration.
pub(super) fn configure_more(world: &World, more: &str) {
    let path = world.path("chancery.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}\n{more}\n")).unwrap();
}

/// A bundle of everything.
fn bundle(world: &World, out: &str) -> Ran {
    let ran = world.done(&["ledger", "bundle", CONNECTOR, "--window", "2020-01-01..2100-01-01", "--out", out]);
    assert!(ran.stderr.contains("in clear"), "{ran}");
    ran
}

/// The documented check of a bundle, with nothing of ours.
fn check(world: &World, bundle: &Path, key: &str) -> Output {
    Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check_bundle.py"))
        .arg(bundle)
        .arg(world.path(key))
        .output()
        .expect("`python3` runs; CHANCERY_TEST_SERVICES=1 needs it")
}

fn expect_checked(world: &World, bundle: &Path, key: &str) -> String {
    let output = check(world, bundle, key);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the tools that the documented check needs are to be used.
fn may_use_tools() -> bool {
    std::env::var_os("CHANCERY_TEST_SERVICES").is_some_and(|value| value == "1")
}

#[test]
fn checkpoints_are_copied_where_the_operator_says_and_a_missing_place_blocks_nothing() {
    let archived = shared::archived();
    let world = archived.before.copy();
    configure_more(&world, "[checkpoints]\ncopy_to = [{ kind = \"folder\", path = \"evidence\" }]");
    let ran = world.done(&["sync"]);
    assert!(ran.stdout.contains("checkpoint-copy-failed") && ran.stdout.contains("hint: mount or create"), "{ran}");
    archived.expect_same_end(&world, "mail is not concerned");
    world.run(&["doctor"]).expect(1);
    fs::create_dir(world.path("evidence")).unwrap();
    let ran = world.done(&["sync"]);
    assert!(!ran.stdout.contains("checkpoint-copy-failed"), "{ran}");
    let copies = children(&world.path("evidence").join(CONNECTOR));
    let own = children(&world.path("data/checkpoints").join(CONNECTOR));
    assert!(!copies.is_empty());
    assert_eq!(
        copies.iter().map(|path| name(path)).collect::<Vec<_>>(),
        own.iter().map(|path| name(path)).collect::<Vec<_>>()
    );
    let ran = world.done(&["ledger", "verify", "--against", "evidence"]);
    assert!(ran.stdout.contains(&format!("{} of its checkpoints are in the copies", own.len())), "{ran}");

    // The whole record is replaced by an older one that is in order by itself.
    let older = archived.before.copy();
    fs::create_dir(older.path("evidence")).unwrap();
    files::copy(&world.path("evidence"), &older.path("evidence"));
    older.done(&["ledger", "verify"]);
    let key = world.path("data/keys/host.pub");
    let ran = older.run(&["ledger", "verify", "--against", "evidence", "--key", key.to_str().unwrap()]);
    ran.expect(1);
    assert!(ran.stderr.contains("ledger-behind"), "{ran}");
    let copy = &copies[0];
    let note = fs::read_to_string(copy).unwrap();
    fs::write(copy, note.replace("fetched ", "fetched 1")).unwrap();
    let ran = world.run(&["ledger", "verify", "--against", "evidence"]);
    ran.expect(1);
    assert!(ran.stderr.contains("ledger-damaged"), "{ran}");
}

#[test]
fn checkpoints_are_mailed_once_into_a_mailbox_of_the_destination() {
    let archived = shared::archived();
    let world = archived.before.copy();
    configure_more(&world, "[checkpoints]\ncopy_to = [{ kind = \"mail\", mailbox = \"Evidence@example.com\" }]");
    let own = |world: &World| children(&world.path("data/checkpoints").join(CONNECTOR));
    let mailed = |world: &World| {
        let mails = world.mails().into_iter().filter(|mail| mail.mailbox == "evidence@example.com");
        let mut attached: Vec<Vec<u8>> =
            mails.map(|mail| mail.message().attachment(0).unwrap().contents().to_vec()).collect();
        attached.sort_unstable();
        attached
    };
    for _ in 0..2 {
        let ran = world.done(&["sync"]);
        assert!(!ran.stdout.contains("checkpoint-copy-failed"), "{ran}");
        let mut signed: Vec<Vec<u8>> = own(&world).iter().map(|path| fs::read(path).unwrap()).collect();
        signed.sort_unstable();
        assert!(!signed.is_empty() && mailed(&world) == signed, "each checkpoint once, byte for byte");
    }
    // A mailbox that nobody has is told, and keeps nothing from being delivered.
    let other = archived.before.copy();
    configure_more(&other, "[checkpoints]\ncopy_to = [{ kind = \"mail\", mailbox = \"evidence@example.org\" }]");
    let ran = other.done(&["sync"]);
    assert!(ran.stdout.contains("no destination of the connector has the mailbox"), "{ran}");
    archived.expect_same_end(&other, "mail is not concerned");
}

#[test]
fn checkpoints_are_posted_in_order_until_the_webhook_has_taken_each() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", server.local_addr().unwrap());
    let world = shared::archived().before.copy();
    configure_more(
        &world,
        &format!(
            "[checkpoints]\ncopy_to = [{{ kind = \"webhook\", url = \"{origin}/hook-4711\", token = {{ file = \"token\" }} }}]"
        ),
    );
    fs::write(world.path("token"), "canary-3c1f\n").unwrap();
    // The second document is refused once.
    let serving = std::thread::spawn(move || {
        let mut taken: Vec<serde_json::Value> = Vec::new();
        let mut refusals = 0;
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            if head.starts_with("GET /end") {
                return taken;
            }
            assert!(head.starts_with("POST /hook-4711 ") && head.contains("Bearer canary-3c1f"), "{head}");
            let refuse = taken.len() == 1 && refusals == 0;
            refusals += usize::from(refuse);
            if !refuse {
                taken.push(serde_json::from_str(body).unwrap());
            }
            let status = if refuse { "503 Later" } else { "204 Taken" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        taken
    });
    let ran = world.done(&["sync"]);
    assert!(ran.stdout.contains("checkpoint-copy-failed") && ran.stdout.contains("503"), "{ran}");
    assert!(!ran.stdout.contains("hook-4711") && !ran.stderr.contains("canary-3c1f"), "{ran}");
    for _ in 0..2 {
        let ran = world.done(&["sync"]);
        assert!(!ran.stdout.contains("checkpoint-copy-failed"), "{ran}");
    }
    write!(std::net::TcpStream::connect(&origin[7..]).unwrap(), "GET /end HTTP/1.1\r\n\r\n").unwrap();
    let taken = serving.join().unwrap();
    let own = children(&world.path("data/checkpoints").join(CONNECTOR));
    assert_eq!(taken.len(), own.len(), "each once: what was taken is not sent again");
    for path in own {
        let sent = taken.iter().find(|sent| sent["name"] == name(&path)).unwrap();
        assert_eq!(
            (&sent["connector"], &sent["checkpoint"]),
            (&CONNECTOR.into(), &fs::read_to_string(&path).unwrap().into())
        );
    }
}

/// A request with its body, as far as its length says.
pub(super) fn read_request(stream: &mut std::net::TcpStream) -> String {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut chunk).unwrap();
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

#[test]
fn kinds_of_places_that_are_not_offered_are_refused_by_name() {
    let world = shared::archived().before.copy();
    let configuration = fs::read_to_string(world.path("chancery.toml")).unwrap();
    for (entry, said) in [
        ("{ kind = \"webhook\", url = \"http://example.com\" }", "no URL of `https://`"),
        ("{ kind = \"webhook\", url = \"https://example.com\", token = \"canary\" }", "a secret is never written here"),
        ("{ kind = \"object-store\", bucket = \"b\" }", "`object-store`; this version offers `folder`"),
        ("{ kind = \"mail\", to = \"a@example.com\" }", "unknown key `to`"),
        ("{ kind = \"mail\" }", "needs `mailbox`"),
        ("{ kind = \"folder\" }", "needs `path`"),
        ("{ kind = \"folder\", path = \"x\", more = 1 }", "unknown key `more`"),
        ("{ path = \"x\" }", "needs `kind`"),
    ] {
        fs::write(world.path("chancery.toml"), &configuration).unwrap();
        configure_more(&world, &format!("[checkpoints]\ncopy_to = [{entry}]"));
        let ran = world.run(&["status"]);
        ran.expect(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("hint: "), "{entry}: {ran}");
        assert!(!ran.stderr.contains("canary"), "{entry}: {ran}");
    }
}

#[test]
fn a_bundle_holds_every_message_and_what_is_needed_to_check_it() {
    let archived = shared::archived();
    let world = archived.after.copy();
    bundle(&world, "bundle");
    let distinct: std::collections::BTreeSet<Vec<u8>> = world.mails().into_iter().map(|mail| mail.bytes).collect();
    assert_eq!(children(&world.path("bundle/mail")).len(), distinct.len());
    let summary = fs::read_to_string(world.path("bundle/summary.txt")).unwrap();
    assert!(summary.contains("of 0 the message is not in this bundle"), "{summary}");
    world.run(&["ledger", "bundle", CONNECTOR, "--day", "2026-11-01", "--out", "bundle"]).expect(2);
    world.run(&["ledger", "bundle", CONNECTOR, "--day", "1999-11-01", "--out", "other"]).expect(2);
    if !may_use_tools() {
        return;
    }
    let folder = world.path("bundle");
    let said = expect_checked(&world, &folder, "data/keys/host.pub");
    assert!(said.contains(&format!("{} messages", distinct.len())), "{said}");
    // Whatever is changed in it, one of the steps fails; the list of digests is made to fit each time.
    let other_key = archived.before.copy();
    other_key.done(&["ledger", "rotate-key", "--reason", "another key"]);
    assert!(!check(&other_key, &folder, "data/keys/host.pub").status.success(), "another host's key");
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let flip: Change = |mut bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    let cut: Change = |bytes| bytes[..bytes.len() / 2].to_vec();
    let last_line: Change = |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        (lines[..lines.len() - 1].join("\n") + "\n").into_bytes()
    };
    let message = format!("mail/{}", name(&children(&folder.join("mail"))[0]));
    let changes = [
        (message.as_str(), flip),
        ("proof/records.bin", flip),
        ("proof/records.bin", cut),
        ("proof/signed.txt", flip),
        ("proof/signed.sig", flip),
        ("proof/key.pem", flip),
        ("items.csv", last_line),
    ];
    for (file, change) in changes {
        let path = folder.join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, change(whole.clone())).unwrap();
        list_digests(&folder);
        assert!(!check(&world, &folder, "data/keys/host.pub").status.success(), "{file} was changed unnoticed");
        fs::write(&path, whole).unwrap();
    }
    list_digests(&folder);
    expect_checked(&world, &folder, "data/keys/host.pub");
    // After the key was replaced, a bundle signed before can be followed from the key one knows.
    fs::copy(world.path("data/keys/host.pub"), world.path("first.pub")).unwrap();
    world.done(&["ledger", "rotate-key", "--reason", "yearly"]);
    bundle(&world, "later");
    for key in ["first.pub", "data/keys/host.pub"] {
        expect_checked(&world, &world.path("later"), key);
        world.done(&["ledger", "verify", "--key", key]);
    }
}

fn list_digests(folder: &Path) {
    let listed = Command::new("sh")
        .args([
            "-c",
            "find . -type f ! -name SHA256SUMS | sed 's|^\\./||' | sort | xargs -d '\\n' sha256sum > SHA256SUMS",
        ])
        .current_dir(folder)
        .status();
    assert!(listed.unwrap().success());
}

#[test]
fn what_is_held_is_not_erased_and_what_is_erased_is_told() {
    let archived = shared::archived();
    let world = archived.after.copy();
    bundle(&world, "before");
    let rows = fs::read_to_string(world.path("before/copies.csv")).unwrap();
    let delivered = rows.lines().find(|row| row.contains(",imported,")).unwrap();
    let cells: Vec<&str> = delivered.split(',').collect();
    let (item, mailbox) = (cells[0], cells[3]);
    let erase = ["erase", CONNECTOR, item, "--reason", "asked for in letter 17"];
    for hold in [["--mailbox", mailbox], ["--case", "Miller v. Smith"]] {
        world.done(&[&["hold", "add"], &hold[..], &["--reason", "court order"]].concat());
        let ran = world.run(&erase);
        ran.expect(1);
        assert!(ran.stderr.contains("item-held") && ran.stderr.contains("hold list"), "{ran}");
        assert!(!ran.stderr.contains("Miller") && !ran.stderr.contains(mailbox), "{ran}");
        let list = world.done(&["hold", "list"]);
        assert!(list.stdout.contains(hold[1]) && list.stdout.contains("court order"), "{list}");
        world.done(&[&["hold", "release"], &hold[..], &["--reason", "settled"]].concat());
        world.run(&[&["hold", "release"], &hold[..], &["--reason", "again"]].concat()).expect(2);
    }
    // A hold on somebody else keeps nothing of this.
    world.done(&["hold", "add", "--mailbox", "nobody@example.com", "--reason", "court order"]);
    let mail = world.mail_files();
    let ran = world.done(&erase);
    assert!(ran.stdout.contains("not touched: the mails"), "{ran}");
    mail.expect_same(&world.mail_files(), "mails stay");
    assert!(world.done(&erase).stdout.contains("erased before"));
    world.done(&["ledger", "verify"]);
    world.done(&["state", "check"]);
    let report = world.done(&["report", CONNECTOR]);
    assert!(report.stdout.contains(&format!("what is private of item {item}")), "{report}");
    assert_eq!(world.counts(), archived.counts);
    let counts = world.sync();
    assert_eq!((counts.item("fetched"), counts.copy("available")), (0, 0), "it is still known: {counts:?}");
    bundle(&world, "after");
    let summary = fs::read_to_string(world.path("after/summary.txt")).unwrap();
    assert!(summary.contains(&format!("item {item}")) && summary.contains("letter 17"), "{summary}");
    let parked = archived.parked.len();
    assert!(parked > 0);
    if may_use_tools() {
        expect_checked(&world, &world.path("after"), "data/keys/host.pub");
    }
    // Nothing of a hold or a decision stands in the record in clear.
    for path in files::paths_below(&world.path("data/ledger")) {
        let bytes = fs::read(&path).unwrap();
        for secret in ["letter 17", "court order", "Miller", mailbox] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "`{secret}` stands in {}", path.display());
        }
    }
}
