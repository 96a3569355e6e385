//! A simulated site, and an installation that archives it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use world::{Faults, Site, Story, StoryOptions};

use super::{
    dovecot::{self, Dovecot, MASTER},
    files::{self, Files},
    mail::{self, Mail},
    program::{self, Ran, Running},
};

/// The connector's name.
pub(crate) const CONNECTOR: &str = "whatsapp";
/// Its folder in the mailboxes.
pub(crate) const FOLDER: &str = "WhatsApp Archiver";
/// The organisation's domain: every address in it is a mailbox.
pub(crate) const DOMAIN: &str = "example.com";

/// Milliseconds of an hour.
pub(crate) const HOUR_MS: i64 = 60 * 60 * 1000;
/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// Where the sites live. Their threads outlast every test.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts")
});

/// A folder with `chancery.toml`, `mapping.csv`, `data/` and `mail/`, and the site its connector reads. The folder is
/// removed when the test ends.
pub(crate) struct World {
    dir: TempDir,
    site: Arc<Site>,
    setup: Setup,
    /// Of its mailboxes' names on a server.
    ending: String,
}

/// What a test may want to have otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Items of a page.
    pub(crate) page_size: u32,
    /// Largest message, in bytes.
    pub(crate) message_bytes_max: u64,
    /// Where mail goes; none: Maildirs in the installation.
    pub(crate) server: Option<Arc<Dovecot>>,
    /// The converter plugin.
    pub(crate) converter: &'static str,
}

/// Installations that share a mail server tell their mailboxes apart by an ending of their names.
static ENDINGS: AtomicU32 = AtomicU32::new(1);

fn ending() -> String {
    format!("-w{}", ENDINGS.fetch_add(1, Ordering::Relaxed))
}

/// A story of so many days that ended at least an hour and at most two hours ago: the host's clock is the real one.
pub(crate) fn recent(options: StoryOptions) -> StoryOptions {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let hour_ms = now_ms.div_euclid(HOUR_MS) * HOUR_MS;
    StoryOptions { day_start_ms: hour_ms - HOUR_MS - i64::from(options.days) * DAY_MS, ..options }
}

impl World {
    /// A new installation, set up and not used yet, for a story of recent days.
    pub(crate) fn new(options: StoryOptions, page_size: u32) -> Self {
        Self::new_at(options, page_size, None, "email")
    }

    /// As [`World::new`], with mail on a server where there is one, written by this converter.
    pub(crate) fn new_at(
        options: StoryOptions,
        page_size: u32,
        server: Option<Arc<Dovecot>>,
        converter: &'static str,
    ) -> Self {
        let options = recent(options);
        let setup = Setup { page_size, message_bytes_max: options.oversize_limit_bytes, server, converter };
        let site = start(Arc::new(Story::generate(&options)), Faults::none());
        let world = Self { dir: tempfile::tempdir().unwrap(), site, setup, ending: ending() };
        world.run(&["init"]).expect(0);
        fs::write(world.path("mapping.csv"), world.story().mapping_csv()).unwrap();
        world.set_password(&world.story().credentials().password);
        world.configure();
        world
    }

    /// Another installation in the same state, with the same site.
    pub(crate) fn copy(&self) -> Self {
        let copy = self.beside();
        files::copy(self.dir.path(), copy.dir.path());
        if self.setup.server.is_some() {
            copy.configure();
        }
        copy
    }

    /// An empty folder beside the same site.
    pub(crate) fn beside(&self) -> Self {
        let (site, setup) = (Arc::clone(&self.site), self.setup.clone());
        Self { dir: tempfile::tempdir().unwrap(), site, setup, ending: ending() }
    }

    /// Another installation in the same state that reads so many items a page.
    pub(crate) fn copy_with_pages(&self, page_size: u32) -> Self {
        let mut copy = self.copy();
        copy.setup.page_size = page_size;
        copy.configure();
        copy
    }

    /// Another installation in the same state, whose site tells the same story with these faults.
    pub(crate) fn copy_with(&self, faults: Faults) -> Self {
        let mut copy = self.copy();
        copy.site = start(Arc::clone(self.story()), faults);
        copy.configure();
        copy
    }

    /// Writes `chancery.toml`.
    pub(crate) fn configure(&self) {
        self.configure_for(&self.site.url());
    }

    /// Writes `chancery.toml` for a site that may be somewhere else.
    pub(crate) fn configure_for(&self, site: &str) {
        let Setup { page_size, converter, .. } = &self.setup;
        let destination = self.destination();
        fs::write(self.path("mail-password"), dovecot::PASSWORD).unwrap();
        let (start_ms, _) = self.story().span_ms();
        let since = jiff::Timestamp::from_millisecond(start_ms).unwrap();
        let username = &self.story().credentials().username;
        let text = format!(
            r#"data_dir = "data"

[[connector]]
name = "{CONNECTOR}"
schedule = "daily at 02:00 Europe/Berlin"
since = {since}
folder = "{FOLDER}"
accepted_terms = "1"
source = {{ plugin = "telemessage", settings = {{ site = "{site}", page_size = {page_size} }}, credential = "telemessage" }}
mapper = {{ plugin = "users", settings = {{ automatic = true, internal = ["{DOMAIN}"] }}, file = "mapping.csv" }}
converter = {{ plugin = "{converter}" }}
destinations = [{{ {destination} }}]
grant = {{ source = {{ origins = ["{site}"] }} }}

[credential.telemessage]
scheme = "login"
origins = ["{site}"]
username = "{username}"
password = {{ file = "archive-password" }}

[credential.mail]
scheme = "basic"
username = "{MASTER}"
password = {{ file = "mail-password" }}

[network]
allowed_networks = ["127.0.0.0/8"]
"#
        );
        fs::write(self.path("chancery.toml"), text).unwrap();
    }

    /// Where mail goes, as the configuration says it.
    fn destination(&self) -> String {
        let Setup { message_bytes_max, server, .. } = &self.setup;
        let kind = match server {
            None => "kind = \"maildir\", root = \"mail\"".to_owned(),
            Some(server) => format!(
                "kind = \"imap\", host = \"127.0.0.1\", port = {}, security = \"none\", credential = \"mail\", master = \"{}*\"",
                server.port, self.ending
            ),
        };
        format!("{kind}, mailboxes = {{ domains = [\"{DOMAIN}\"] }}, message_bytes_max = {message_bytes_max}")
    }

    /// The ending of its mailboxes' names on a server.
    pub(crate) fn ending(&self) -> &str {
        &self.ending
    }

    /// Writes the password that the configuration refers to.
    pub(crate) fn set_password(&self, password: &str) {
        fs::write(self.path("archive-password"), password).unwrap();
    }

    /// What the site tells.
    pub(crate) fn story(&self) -> &Arc<Story> {
        self.site.story()
    }

    /// The site.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// A path in the installation.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The installation's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The program here, to be changed before it runs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        program::command(self.dir.path(), arguments)
    }

    /// Runs the program here.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Running::start(self.command(arguments)).finish()
    }

    /// Runs the program here and expects that it says 0.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        ran.expect(0);
        ran
    }

    /// One turn that must succeed; what it says of its windows, summed up.
    pub(crate) fn sync(&self) -> Counts {
        Counts::of_turn(&self.done(&["sync", "--json"]))
    }

    /// What the record says of all windows, summed up.
    pub(crate) fn counts(&self) -> Counts {
        Counts::read(&self.done(&["report", CONNECTOR, "--json"]).json())
    }

    /// What is parked, sorted.
    pub(crate) fn parked(&self) -> Vec<Parked> {
        let rows = self.done(&["parked", "list", CONNECTOR, "--json"]).json();
        let mut rows: Vec<Parked> = rows.as_array().expect("a list").iter().map(Parked::read).collect();
        rows.sort();
        rows
    }

    /// Every delivered mail.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        match &self.setup.server {
            None => mail::read(&self.path("mail")),
            Some(server) => server.mails(&self.ending, FOLDER),
        }
    }

    /// The mail tree, byte for byte.
    pub(crate) fn mail_files(&self) -> Files {
        match &self.setup.server {
            None => Files::below(&self.path("mail")),
            Some(_) => Files::of_mails(&self.mails()),
        }
    }
}

fn start(story: Arc<Story>, faults: Faults) -> Arc<Site> {
    Arc::new(RUNTIME.block_on(Site::start(story, faults)).expect("the site finds a port"))
}

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) items: BTreeMap<String, u64>,
    pub(crate) copies: BTreeMap<String, u64>,
}

impl Counts {
    /// An object with `items` and `copies`.
    pub(crate) fn read(object: &Value) -> Self {
        let counts = |object: &Value| -> BTreeMap<String, u64> {
            serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"))
        };
        Self { items: counts(&object["items"]), copies: counts(&object["copies"]) }
    }

    /// The windows of the one connector of `sync --json`.
    fn of_turn(ran: &Ran) -> Self {
        let document = ran.json();
        assert_eq!(document["connectors"][0]["name"], CONNECTOR, "{ran}");
        let windows = document["connectors"][0]["windows"].as_array().unwrap_or_else(|| panic!("no windows\n{ran}"));
        windows.iter().map(Self::read).fold(Self::default(), Self::plus)
    }

    fn plus(mut self, other: Self) -> Self {
        for (sums, counts) in [(&mut self.items, other.items), (&mut self.copies, other.copies)] {
            for (name, count) in counts {
                *sums.entry(name).or_default() += count;
            }
        }
        self
    }

    /// Items counted so.
    pub(crate) fn item(&self, name: &str) -> u64 {
        self.items.get(name).copied().unwrap_or(0)
    }

    /// Copies counted so.
    pub(crate) fn copy(&self, name: &str) -> u64 {
        self.copies.get(name).copied().unwrap_or(0)
    }

    /// Without the items that were met again: how many depends on how often was read.
    pub(crate) fn without_seen(&self) -> Self {
        let mut counts = self.clone();
        counts.items.remove("seen");
        counts
    }

    /// Fails unless what went in is what came out.
    pub(crate) fn expect_balance(&self) {
        assert_eq!(self.item("fetched"), self.items_out(), "{self:?}");
        assert_eq!(self.copy("available"), self.copies_out(), "{self:?}");
    }

    /// Items of which something became.
    pub(crate) fn items_out(&self) -> u64 {
        ["delivered", "parked", "duplicate", "excluded"].into_iter().map(|name| self.item(name)).sum()
    }

    /// Copies, wherever they stand.
    pub(crate) fn copies_out(&self) -> u64 {
        ["imported", "partial", "skipped", "failed", "pending"].into_iter().map(|name| self.copy(name)).sum()
    }
}

/// A row of `parked list`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parked {
    pub(crate) source_id: String,
    pub(crate) source_user: String,
    pub(crate) reason: String,
    pub(crate) item: u64,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Parked {
    fn read(row: &Value) -> Self {
        let text = |key: &str| row[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {row}")).to_owned();
        Self {
            source_id: text("source_id"),
            source_user: text("source_user"),
            reason: text("reason"),
            item: row["item"].as_u64().unwrap_or_else(|| panic!("no `item` in {row}")),
            message: text("message"),
            hint: text("hint"),
        }
    }
}
