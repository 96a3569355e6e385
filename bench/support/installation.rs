//! The product as an operator has it: a folder with `chancery.toml`, and the program.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use chancery::item::{limits, time::rfc3339};
use serde_json::Value;
use world::{Faults, Site, Story, VolumeOptions};

use super::{Bench, child, export, folder::Folder};

/// The program under test, built with this benchmark.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_chancery");

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// One installation with one connector.
pub(crate) struct Installation {
    folder: Folder,
    /// The simulated site it reads, if it reads one.
    site: Option<Site>,
}

impl Installation {
    /// Reads a simulated site with a day of so many plain items; stories of volume take no memory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn of_site(bench: &Bench, options: VolumeOptions) -> Result<Self> {
        // One window holds the whole day: it ended before now without the grace.
        let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let grace_ms = i64::try_from(limits::GRACE.as_millis())?;
        let day_start_ms = (now_ms - grace_ms - DAY_MS + 30 * 60_000) / 1000 * 1000;
        let story = Arc::new(Story::volume(&VolumeOptions { day_start_ms, ..options }));
        let site = bench.runtime.block_on(Site::start(Arc::clone(&story), Faults::none()))?;
        let (url, credentials) = (site.url(), story.credentials());
        let connector = format!(
            r#"since = {since}
source = {{ plugin = "telemessage", settings = {{ site = "{url}" }}, credential = "telemessage" }}
mapper = {{ plugin = "users", settings = {{ automatic = true }} }}
grant = {{ source = {{ origins = ["{url}"] }} }}
{COMMON}
[credential.telemessage]
scheme = "login"
origins = ["{url}"]
username = "{username}"
password = {{ file = "password" }}

[network]
allowed_networks = ["127.0.0.0/8"]
"#,
            since = rfc3339(day_start_ms),
            username = credentials.username,
        );
        let installation = Self { folder: Folder::new("site")?, site: Some(site) };
        fs::write(installation.path().join("password"), &credentials.password)?;
        installation.begin(&connector)?;
        Ok(installation)
    }

    /// Reads a folder of exported chats; `fill` puts them there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn of_export(fill: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let settings: Value = serde_json::from_str(export::SETTINGS)?;
        let settings = toml::Table::try_from(settings)?;
        let settings: Vec<String> = settings.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let connector = format!(
            r#"settle = "0s"
source = {{ plugin = "whatsapp-export", settings = {{ {} }} }}
mapper = {{ plugin = "users", settings = {{ automatic = true }}, file = "mapping.csv" }}
grant = {{ source = {{ folders = ["inbox"] }} }}
{COMMON}"#,
            settings.join(", "),
        );
        let installation = Self { folder: Folder::new("export")?, site: None };
        fs::write(installation.path().join("mapping.csv"), export::mapping())?;
        fill(installation.path())?;
        installation.begin(&connector)?;
        Ok(installation)
    }

    fn begin(&self, connector: &str) -> Result<()> {
        child::run(PROGRAM, ["init".as_ref(), "--dir".as_ref(), self.path().as_os_str()])?;
        let text = format!("data_dir = \"data\"\n\n[[connector]]\nname = \"bench\"\n{connector}");
        fs::write(self.configuration(), text).context("cannot write the configuration")
    }

    /// Gives its connector a schedule, for a service.
    ///
    /// # Errors
    /// When the configuration cannot be written.
    pub(crate) fn schedule(&self, schedule: &str) -> Result<()> {
        let text = fs::read_to_string(self.configuration())?;
        let name = "name = \"bench\"\n";
        fs::write(self.configuration(), text.replace(name, &format!("{name}schedule = \"{schedule}\"\n")))
            .context("cannot write the configuration")
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its `chancery.toml`.
    pub(crate) fn configuration(&self) -> std::path::PathBuf {
        self.path().join("chancery.toml")
    }

    /// One `chancery sync`, which must import exactly `copies` copies.
    ///
    /// # Errors
    /// When it failed, or did anything else.
    pub(crate) fn sync(&self, copies: u64) -> Result<child::Usage> {
        super::folder::settle_disk();
        let finished = child::run(
            PROGRAM,
            ["--config".as_ref(), self.configuration().as_os_str(), "sync".as_ref(), "--json".as_ref()],
        )?;
        check(&finished.stdout, copies)?;
        Ok(finished.usage)
    }

    /// Stops the site.
    pub(crate) fn close(self, bench: &Bench) {
        if let Some(site) = self.site {
            bench.runtime.block_on(site.shutdown());
        }
    }
}

/// What every connector of the benchmarks has.
const COMMON: &str = r#"folder = "WhatsApp Archiver"
accepted_terms = "1"
converter = { plugin = "email" }
destinations = [{ kind = "maildir", root = "mail", mailboxes = { domains = ["example.com"] } }]
"#;

/// Whether `sync --json` says that exactly `copies` copies were imported, and nothing else happened.
///
/// # Errors
/// When it says anything else.
pub(crate) fn check(answer: &[u8], copies: u64) -> Result<()> {
    let answer: Value = serde_json::from_slice(answer).context("`sync --json` did not answer in JSON")?;
    let windows = answer.pointer("/connectors/0/windows").and_then(Value::as_array).context("it did no window")?;
    let sum = |name: &str| -> u64 {
        windows.iter().filter_map(|window| window.pointer(&format!("/copies/{name}"))?.as_u64()).sum()
    };
    let (available, imported) = (sum("available"), sum("imported"));
    ensure!(
        imported == copies && available == copies,
        "{imported} of {available} copies were imported instead of {copies}"
    );
    Ok(())
}
