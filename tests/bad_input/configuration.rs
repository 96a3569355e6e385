//! Configurations that cannot be meant: each is refused whole, before any state is touched, with what would be right.

use crate::support::exports::{Connector, Installation};

/// Text that replaces another in a sound configuration.
struct Case {
    name: &'static str,
    from: &'static str,
    to: &'static str,
    /// Parts of the error.
    says: &'static [&'static str],
    /// Part of the hint.
    hint: &'static str,
}

/// A sound configuration of every part.
const SOUND: &str = r#"data_dir = "data"
include = ["connectors.d/*.toml"]

[[connector]]
name = "exports"
schedule = "daily at 02:00 Europe/Berlin"
folder = "WhatsApp Archiver"
settle = "0s"
source = { plugin = "whatsapp-export", settings = { path = "inbox", owner = "anna@example.com" } }
mapper = { plugin = "users", settings = { automatic = true }, file = "mapping.csv" }
converter = { plugin = "email" }
destinations = [{ kind = "maildir", root = "mail", mailboxes = { domains = ["example.com"] } }]
grant = { source = { folders = ["inbox"] } }

[credential.archive]
scheme = "bearer"
origins = ["https://archive.example.com"]
token = { env = "ARCHIVE_TOKEN" }
"#;

#[rustfmt::skip] // A table reads as one.
const CASES: &[Case] = &[
    Case { name: "unknown key at the top", from: "data_dir = ", to: "data_folder = ", says: &["chancery.toml", "line 1", "data_folder"], hint: "docs/configuration.md" },
    Case { name: "unknown key of a connector", from: "schedule = ", to: "shedule = ", says: &["line 6", "shedule"], hint: "docs/configuration.md" },
    Case { name: "unknown key of a destination", from: "root = \"mail\"", to: "root = \"mail\", rot = 1", says: &["rot"], hint: "docs/configuration.md" },
    Case { name: "no TOML", from: "[[connector]]", to: "[[connector]", says: &["line 4"], hint: "docs/configuration.md" },
    Case { name: "a value of another type", from: "\"0s\"", to: "0", says: &["line 8", "string"], hint: "docs/configuration.md" },
    Case { name: "no duration", from: "\"0s\"", to: "\"soon\"", says: &["settle", "soon"], hint: "" },
    Case { name: "no schedule", from: "daily at 02:00 Europe/Berlin", to: "now and then", says: &["now and then", "daily at 02:00"], hint: "" },
    Case { name: "no zone", from: "02:00 Europe/Berlin", to: "02:00 Europe/Atlantis", says: &["Europe/Atlantis"], hint: "" },
    Case { name: "a name that is no name", from: "name = \"exports\"", to: "name = \"../exports\"", says: &["../exports"], hint: "lower-case" },
    Case { name: "no destination", from: "[{ kind = \"maildir\", root = \"mail\", mailboxes = { domains = [\"example.com\"] } }]", to: "[]", says: &["no destination"], hint: "maildir" },
    Case { name: "no mailboxes", from: ", mailboxes = { domains = [\"example.com\"] }", to: "", says: &["mailboxes"], hint: "" },
    Case { name: "an unknown kind of destination", from: "kind = \"maildir\"", to: "kind = \"mbox\"", says: &["mbox", "maildir"], hint: "docs/configuration.md" },
    Case { name: "imap without encryption", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", security = \"none\", credential = \"archive\"", says: &["mail.example.com", "without encryption", "starttls"], hint: "" },
    Case { name: "imap with a credential nobody defined", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", credential = \"other\"", says: &["exports", "other"], hint: "[credential.other]" },
    Case { name: "imap with a credential of another scheme", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", credential = \"archive\"", says: &["archive", "basic"], hint: "" },
    Case { name: "imap with a master user and a token", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", credential = \"archive\", mechanism = \"xoauth2\", master = \"*\"", says: &["master", "plain"], hint: "" },
    Case { name: "imap with no connection", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", credential = \"archive\", connections_max = 0", says: &["connections_max"], hint: "" },
    Case { name: "imap with an unknown mechanism", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", credential = \"archive\", mechanism = \"cram\"", says: &["cram", "xoauth2"], hint: "docs/configuration.md" },
    Case { name: "imap with credentials and mailboxes", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"imap\", host = \"mail.example.com\", credential = { \"a@b.org\" = \"archive\" }", says: &["mailboxes", "leave"], hint: "" },
    Case { name: "smtp without encryption", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"smtp\", host = \"smtp.example.com\", security = \"none\", from = \"a@b.org\", to = \"c@d.org\"", says: &["smtp.example.com", "without encryption", "starttls"], hint: "" },
    Case { name: "smtp to what is no address", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"smtp\", host = \"smtp.example.com\", from = \"a@b.org\", to = \"c@d.org>\\r\\nDATA\"", says: &["`to = ", "no address"], hint: "" },
    Case { name: "smtp from nobody", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"smtp\", host = \"smtp.example.com\", to = \"c@d.org\"", says: &["from"], hint: "docs/configuration.md" },
    Case { name: "smtp with a credential of another scheme", from: "kind = \"maildir\", root = \"mail\"", to: "kind = \"smtp\", host = \"smtp.example.com\", from = \"a@b.org\", to = \"c@d.org\", credential = \"archive\"", says: &["archive", "smtp", "basic"], hint: "" },
    Case { name: "smtp into mailboxes that exist", from: "root = \"mail\", mailboxes = { domains = [\"example.com\"] }", to: "root = \"mail\", mailboxes = { domains = [\"example.com\"] } }, { kind = \"smtp\", host = \"smtp.example.com\", from = \"a@b.org\", to = \"c@d.org\", mailboxes = { existing = true }", says: &["smtp", "no mailboxes of its own"], hint: "" },
    Case { name: "a credential nobody defined", from: "source = { plugin = \"whatsapp-export\"", to: "source = { plugin = \"whatsapp-export\", credential = \"other\"", says: &["exports", "other"], hint: "[credential.other]" },
    Case { name: "a credential without its secret", from: "token = { env = \"ARCHIVE_TOKEN\" }", to: "", says: &["credential.archive", "token"], hint: "" },
    Case { name: "a secret in clear", from: "token = { env = \"ARCHIVE_TOKEN\" }", to: "token = \"hunter2\"", says: &["line 18"], hint: "docs/configuration.md" },
    Case { name: "an unknown scheme", from: "scheme = \"bearer\"", to: "scheme = \"carrier-pigeon\"", says: &["carrier-pigeon", "bearer"], hint: "docs/configuration.md" },
    Case { name: "a pattern of includes", from: "connectors.d/*.toml", to: "*/*.toml", says: &["*/*.toml"], hint: "folder/*.toml" },
];

#[test]
fn a_configuration_that_cannot_be_meant_is_refused_before_state_is_touched() {
    let installation = Installation::new(&[]);
    installation.put("mapping.csv", "External User ID,Microsoft 365 User Mailbox\n");
    installation.put("inbox/chat.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n");
    for Case { name, from, to, says, hint } in CASES {
        assert_eq!(SOUND.matches(from).count(), 1, "{name}: replaces one thing");
        installation.put("chancery.toml", SOUND.replace(from, to));
        for command in [&["sync"][..], &["plan"], &["connector", "list"]] {
            let ran = installation.run(command);
            ran.expect(2);
            let (error, said) = ran.stderr.split_once("\nhint: ").unwrap_or((&ran.stderr, ""));
            assert!(error.starts_with("error: "), "{name}: {ran}");
            says.iter().for_each(|part| assert!(error.contains(part), "{name}: says `{part}`? {ran}"));
            assert!(said.contains(hint), "{name}: hints at `{hint}`? {ran}");
            assert!(!ran.stderr.contains("hunter2"), "{name}: a secret is never repeated: {ran}");
        }
        assert!(installation.mails().is_empty(), "{name}");
    }
    installation.put("chancery.toml", SOUND);
    installation.done(&["sync", "--strict"]);
    assert_eq!(installation.mails().len(), 2);
}

/// Settings and grants, which only the plugin's own descriptor can judge.
#[test]
fn settings_that_do_not_fit_are_refused_with_the_place_to_look() {
    let sound = Connector::default();
    let cases: &[(&str, Connector<'_>, &str, &str)] = &[
        (
            "unknown setting",
            Connector { settings: "path = \"inbox\", owner = \"anna@example.com\", pat = 1", ..sound },
            "settings",
            "pat",
        ),
        ("missing setting", Connector { settings: "path = \"inbox\"", ..sound }, "settings", "owner"),
        ("wrong type", Connector { settings: "path = 1, owner = \"anna@example.com\"", ..sound }, "settings", "path"),
        (
            "not one of the values",
            Connector { settings: "path = \"inbox\", owner = \"anna@example.com\", date_order = \"dym\"", ..sound },
            "settings",
            "date_order",
        ),
        (
            "no address",
            Connector { settings: "path = \"inbox\", owner = \"anna\"", ..sound },
            "owner-not-an-address",
            "owner",
        ),
        (
            "no such zone",
            Connector { settings: "path = \"inbox\", owner = \"anna@example.com\", zone = \"Mars/North\"", ..sound },
            "unknown-zone",
            "Mars/North",
        ),
        (
            "a folder that is not granted",
            Connector { grant: "folders = [\"other\"]", ..sound },
            "folder-denied",
            "inbox",
        ),
        ("no grant at all", Connector { grant: "", ..sound }, "folder-denied", "inbox"),
        (
            "a folder that is not there",
            Connector {
                settings: "path = \"inbax\", owner = \"anna@example.com\"",
                grant: "folders = [\"inbax\"]",
                ..sound
            },
            "folder-unreadable",
            "inbax",
        ),
        (
            "a grant that leads out",
            Connector { settings: "path = \"inbox/../../etc\", owner = \"anna@example.com\"", ..sound },
            "folder-denied",
            "etc",
        ),
        (
            "an origin that is none",
            Connector { grant: "folders = [\"inbox\"], origins = [\"archive.example.com\"]", ..sound },
            "grant-origin",
            "https://",
        ),
        ("mapper settings", Connector { mapper: "automatic = \"yes\"", ..sound }, "settings", "automatic"),
        ("a region that is none", Connector { mapper: "default_region = \"XX\"", ..sound }, "unknown-region", "XX"),
        (
            "a mapping file that is not there",
            Connector { mapping: Some("nowhere.csv"), ..sound },
            "mapping-unreadable",
            "nowhere.csv",
        ),
        ("a converter where a mapper belongs", Connector { converter: "users", ..sound }, "plugin-world", "users"),
    ];
    let installation = Installation::new(&[]);
    installation.put("inbox/chat.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n");
    let mut wrong = Vec::new();
    for (name, connector, code, says) in cases {
        installation.configure(std::slice::from_ref(connector), "");
        let (ran, outcomes) = installation.sync(&[]);
        let (found, message, hint) = outcomes["exports"].error.clone().unwrap_or_default();
        let right = found == *code && message.contains(says) && !hint.is_empty() && ran.code == Some(2);
        if !right {
            wrong.push(format!("{name}: exit {:?}, {found}: {message}\n  hint: {hint}", ran.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    installation.configure(&[sound], "");
    installation.done(&["sync", "--strict"]);
    assert_eq!(installation.mails().len(), 2);
}

#[test]
fn a_missing_secret_is_named_with_the_command_that_sets_it() {
    const CREDENTIAL: &str = "[credential.archive]\nscheme = \"login\"\norigins = [\"https://archive.example.com\"]\nusername = \"archive\"\n";
    let installation = Installation::new(&[]);
    let connector = |credential: &str| {
        format!(
            "data_dir = \"data\"\n[[connector]]\nname = \"whatsapp\"\naccepted_terms = \"1\"\n\
             source = {{ plugin = \"telemessage\", settings = {{ site = \"https://archive.example.com\" }}, credential = \"archive\" }}\n\
             mapper = {{ plugin = \"users\" }}\nconverter = {{ plugin = \"email\" }}\n\
             destinations = [{{ kind = \"maildir\", root = \"mail\", mailboxes = {{ domains = [\"example.com\"] }} }}]\n\
             grant = {{ source = {{ origins = [\"https://archive.example.com\"] }} }}\n{CREDENTIAL}password = {credential}\n"
        )
    };
    for (password, says, hint) in [
        ("{ env = \"NO_SUCH_VARIABLE\" }", "NO_SUCH_VARIABLE", "chancery secret set"),
        ("{ file = \"no-such-file\" }", "no-such-file", "put the secret alone in that file"),
        ("{ store = \"archive\" }", "archive", "chancery secret set archive"),
    ] {
        installation.put("chancery.toml", connector(password));
        let (ran, outcomes) = installation.sync(&[]);
        ran.expect(2);
        let (code, message, said) = outcomes["whatsapp"].error.clone().unwrap();
        assert_eq!(code, "secret-missing", "{ran}");
        assert!(message.contains(says) && said.contains(hint), "{message}\n{said}");
    }
}

#[test]
fn what_is_not_there_is_said_before_anything_is_made() {
    let installation = Installation::new(&[Connector::default()]);
    for (arguments, says) in [
        (&["--config", "nowhere.toml", "sync"][..], "nowhere.toml"),
        (&["sync", "nobody"], "nobody"),
        (&["report", "nobody"], "nobody"),
        (&["parked", "list", "nobody"], "nobody"),
        (&["connector", "check", "nobody"], "nobody"),
        (&["sync", "--window", "yesterday"], "yesterday"),
        (&["sync", "--window", "2026-11-02..2026-11-01"], "ends before it begins"),
        (&["mapping", "check", "nowhere.csv"], "nowhere.csv"),
        (&["parked", "discard", "exports", "--because", "x"], "say what to discard"),
        (&["connector", "add", "--from", "nowhere.toml"], "nowhere.toml"),
    ] {
        let ran = installation.run(arguments);
        ran.expect(2);
        assert!(ran.stderr.contains(says), "{ran}");
        assert!(ran.stderr.contains("hint: "), "{ran}");
    }
    assert!(!installation.path("mail").exists(), "nothing was delivered");
    installation.put("elsewhere/chancery.toml", SOUND);
    let ran = installation.run(&["--config", "elsewhere/chancery.toml", "sync"]);
    assert_eq!(ran.code, Some(2), "a data folder that was never made: {ran}");
    assert!(ran.stderr.contains("chancery init"), "{ran}");
}
