//! An installation of a test's own: a folder with configuration, inbox and mail, and the real program run in it.
//!
//! For connectors that read files, and for everything that must fail: each run has a time limit, its output is kept,
//! and whatever is not as expected is shown with it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    files,
    mail::{self, Mail},
    program::{self, Ran, Running},
};

/// The folder of mail that the configurations here name.
const MAIL: &str = "mail";

/// Where the program keeps compiled plugins.
const CACHE: &str = "data/cache";

/// The bundled plugins, compiled by the program itself, once.
static COMPILED: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let installation = Installation { dir: tempfile::tempdir().unwrap() };
    installation.done(&["init"]);
    let deliveries = Connector {
        name: "deliveries",
        source: "telemessage-sftp",
        settings: "path = \"inbox\"",
        more: "accepted_terms = \"1\"",
        ..Connector::default()
    };
    installation.configure(&[Connector::default(), deliveries], "");
    installation.done(&["plan"]);
    let kept = |path: PathBuf| (files::name(&path), fs::read(path).unwrap());
    files::children(&installation.path(CACHE)).into_iter().map(kept).collect()
});

/// A folder with `chancery.toml`, `inbox/`, `data/` and `mail/`, removed when the test ends.
pub(crate) struct Installation {
    dir: TempDir,
}

impl Installation {
    /// An installation with these connectors.
    pub(crate) fn new(connectors: &[Connector<'_>]) -> Self {
        let installation = Self { dir: tempfile::tempdir().unwrap() };
        installation.done(&["init"]);
        fs::create_dir(installation.path("inbox")).unwrap();
        installation.configure(connectors, "");
        installation.warm(&COMPILED);
        installation
    }

    /// Lays compiled plugins where the program would keep them: compiling them anew costs a test seconds.
    fn warm(&self, compiled: &[(String, Vec<u8>)]) {
        let cache = self.path(CACHE);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&cache).unwrap();
        for (name, code) in compiled {
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(cache.join(name)).unwrap();
            file.write_all(code).unwrap();
        }
    }

    /// Writes `chancery.toml` with these connectors and whatever else.
    pub(crate) fn configure(&self, connectors: &[Connector<'_>], more: &str) {
        let connectors: String = connectors.iter().map(Connector::toml).collect();
        // Tables come last in TOML.
        self.put("chancery.toml", format!("data_dir = \"data\"\n\n{connectors}\n{more}\n"));
    }

    /// A path in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file, its folders included.
    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Runs the program here.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_as(arguments, |_| {})
    }

    /// Runs it and expects that it says 0.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        ran.expect(0);
        ran
    }

    /// Runs it after `change` (a variable, another user).
    pub(crate) fn run_as(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
        let mut command = program::command(self.dir.path(), arguments);
        change(&mut command);
        Running::start(command).finish()
    }

    /// `sync` with these further arguments, its JSON by connector.
    pub(crate) fn sync(&self, arguments: &[&str]) -> (Ran, BTreeMap<String, Outcome>) {
        let ran = self.run(&[&["sync", "--json"], arguments].concat());
        let outcomes = outcomes(&ran);
        (ran, outcomes)
    }

    /// What is parked: reason code, source id, message and hint of each.
    pub(crate) fn parked(&self, connector: &str) -> Vec<Parked> {
        let rows = self.done(&["parked", "list", connector, "--json"]).json();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let parked = |row: &Value| Parked {
            reason: text(row, "reason"),
            source_id: text(row, "source_id"),
            message: text(row, "message"),
            hint: text(row, "hint"),
        };
        rows.as_array().unwrap().iter().map(parked).collect()
    }

    /// Every delivered mail, by path.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        mail::read(&self.path(MAIL))
    }

    /// The mails of one mailbox.
    pub(crate) fn mails_of(&self, mailbox: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.mailbox == mailbox).collect()
    }
}

/// One `[[connector]]`; what a test does not care for has a sensible default.
#[derive(Clone, Copy)]
pub(crate) struct Connector<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The source plugin.
    pub(crate) source: &'a str,
    /// The source's settings, as the inside of an inline table.
    pub(crate) settings: &'a str,
    /// Name of the credential that its requests may carry.
    pub(crate) credential: Option<&'a str>,
    /// The mapper plugin.
    pub(crate) mapper_plugin: &'a str,
    /// The mapper's settings, likewise.
    pub(crate) mapper: &'a str,
    /// The mapping file.
    pub(crate) mapping: Option<&'a str>,
    /// The converter plugin.
    pub(crate) converter: &'a str,
    /// The converter's settings, likewise.
    pub(crate) converter_settings: &'a str,
    /// The inside of `grant.source`.
    pub(crate) grant: &'a str,
    /// Further keys, a line each.
    pub(crate) more: &'a str,
    /// The whole list of destinations.
    pub(crate) destinations: &'a str,
}

impl Default for Connector<'_> {
    /// Reads WhatsApp exports from `inbox`, owned by Anna, into Maildirs of `example.com`.
    fn default() -> Self {
        Self {
            name: "exports",
            source: "whatsapp-export",
            settings: "path = \"inbox\", owner = \"anna@example.com\"",
            credential: None,
            mapper_plugin: "users",
            mapper: "automatic = true",
            mapping: None,
            converter: "email",
            converter_settings: "",
            grant: "folders = [\"inbox\"]",
            more: "",
            destinations: "[{ kind = \"maildir\", root = \"mail\", mailboxes = { domains = [\"example.com\"] } }]",
        }
    }
}

impl Connector<'_> {
    fn toml(&self) -> String {
        let Self { name, source, settings, mapper_plugin, mapper, converter, converter_settings, .. } = self;
        let Self { grant, more, destinations, .. } = self;
        let credential = self.credential.map(|name| format!(", credential = \"{name}\"")).unwrap_or_default();
        let file = self.mapping.map(|file| format!(", file = \"{file}\"")).unwrap_or_default();
        // Files count at once unless a test is about that.
        let settle = if more.contains("settle") { "" } else { "settle = \"0s\"\n" };
        format!(
            "[[connector]]\nname = \"{name}\"\n{settle}{more}\n\
             source = {{ plugin = \"{source}\", settings = {{ {settings} }}{credential} }}\n\
             mapper = {{ plugin = \"{mapper_plugin}\", settings = {{ {mapper} }}{file} }}\n\
             converter = {{ plugin = \"{converter}\", settings = {{ {converter_settings} }} }}\n\
             destinations = {destinations}\n\
             grant = {{ source = {{ {grant} }} }}\n\n"
        )
    }
}

/// What `sync --json` says of one connector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Sums over its windows.
    pub(crate) items: Counts,
    /// Sums over its windows.
    pub(crate) copies: Counts,
    /// Why its turn ended early: code, message, hint.
    pub(crate) error: Option<(String, String, String)>,
}

/// Counts by name; those that are 0 are left out.
pub(crate) type Counts = BTreeMap<String, u64>;

impl Outcome {
    /// The error's code, or nothing.
    pub(crate) fn code(&self) -> &str {
        self.error.as_ref().map_or("", |(code, ..)| code)
    }

    /// Items counted so.
    pub(crate) fn item(&self, name: &str) -> u64 {
        self.items.get(name).copied().unwrap_or(0)
    }

    /// Copies counted so.
    pub(crate) fn copy(&self, name: &str) -> u64 {
        self.copies.get(name).copied().unwrap_or(0)
    }
}

fn outcomes(ran: &Ran) -> BTreeMap<String, Outcome> {
    let document = ran.json();
    let connectors = document["connectors"].as_array().unwrap_or_else(|| panic!("no connectors\n{ran}"));
    connectors.iter().map(|connector| (connector["name"].as_str().unwrap().to_owned(), outcome(connector))).collect()
}

fn outcome(connector: &Value) -> Outcome {
    let mut outcome = Outcome::default();
    for window in connector["windows"].as_array().unwrap() {
        for (sums, counts) in [(&mut outcome.items, &window["items"]), (&mut outcome.copies, &window["copies"])] {
            for (name, count) in counts.as_object().unwrap() {
                let count = count.as_u64().unwrap();
                if count > 0 {
                    *sums.entry(name.clone()).or_default() += count;
                }
            }
        }
    }
    let text = |key: &str| connector["error"][key].as_str().unwrap_or_default().to_owned();
    outcome.error = connector.get("error").map(|_| (text("code"), text("message"), text("hint")));
    outcome
}

/// A row of `parked list`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parked {
    pub(crate) reason: String,
    pub(crate) source_id: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// The lines of a mail's head, unfolded.
pub(crate) fn head(mail: &Mail) -> Vec<String> {
    let text = String::from_utf8_lossy(&mail.bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

/// A mail's date, in seconds since the epoch.
pub(crate) fn date_seconds(mail: &Mail) -> i64 {
    mail.message().date().expect("a mail has a date").to_timestamp()
}

/// Compares with a file of the suite, or writes it when `UPDATE_CASES` is set.
pub(crate) fn expect_file(path: &Path, got: &str) {
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, got).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected != got {
        let first = expected.lines().zip(got.lines()).position(|(one, other)| one != other);
        let first = first.unwrap_or_else(|| expected.lines().count().min(got.lines().count()));
        let shown = |text: &str| text.lines().skip(first.saturating_sub(2)).take(12).collect::<Vec<_>>().join("\n");
        panic!(
            "{} differs from line {} on (UPDATE_CASES=1 writes it anew)\n--- expected\n{}\n--- got\n{}",
            path.display(),
            first + 1,
            shown(&expected),
            shown(got)
        );
    }
}
