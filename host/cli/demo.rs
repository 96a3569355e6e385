//! `chancery demo`: a simulated TeleMessage site, archived into Maildirs.
//!
//! The site is the one of the test suite (`tests/world`): seeded, on loopback, with the truth about itself. Everything
//! else is the product: a configuration like any other, one `sync`, the same counts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use world::{Faults, Site, Story, StoryOptions};

use super::{
    arguments::Demo,
    context::{self, now_ms, print_json},
    error::CliError,
    init, sync,
};
use crate::{
    config::Config,
    item::{
        limits,
        time::{DAY_MS, parse_instant, rfc3339},
    },
    report::{Summary, text},
    scheduler::{Lane, Sync},
};

/// The connector's name.
const CONNECTOR: &str = "whatsapp";
/// Leave the last hour of the day free: the story ends before it.
const STORY_MS: i64 = DAY_MS - 60 * 60 * 1000;

pub(super) async fn run(command: Demo) -> Result<ExitCode, CliError> {
    let config_file = command.dir.join("chancery.toml");
    let first = !config_file.exists();
    let marker = Marker::of(&command)?;
    let story = Arc::new(Story::generate(&StoryOptions {
        seed: marker.seed,
        items: marker.items,
        day_start_ms: marker.day_start_ms,
        ..StoryOptions::default()
    }));
    let site = Site::start(Arc::clone(&story), Faults::throttled_moment())
        .await
        .map_err(|error| CliError::failed(format!("cannot start the simulated site on loopback: {error}")))?;
    if first {
        init::make(&command.dir, "")?;
    }
    marker.write(&command.dir)?;
    fs::write(command.dir.join("mapping.csv"), story.mapping_csv())?;
    fs::write(command.dir.join("archive-password"), &story.credentials().password)?;
    fs::write(&config_file, configuration(&story, &site.url(), marker.day_start_ms))?;
    if !command.json {
        introduce(&command.dir, &story, &site, first);
    }
    // The first run is the daily sync of the story's day; later ones look from the real clock, as a schedule would.
    let day_end_ms = marker.day_start_ms + DAY_MS + limits::GRACE.as_millis() as i64;
    let summary = archive(&config_file, if first { day_end_ms } else { now_ms() }, !command.json).await?;
    site.shutdown().await;
    if command.json {
        print_json(&summary)?;
    } else {
        conclude(&command.dir, &summary)?;
    }
    Ok(sync::exit_code(&summary, false).into())
}

/// What a demo folder was begun with: a second run tells the same story.
struct Marker {
    seed: u64,
    items: u32,
    day_start_ms: i64,
}

impl Marker {
    const FILE: &str = "demo.toml";

    fn of(command: &Demo) -> Result<Self, CliError> {
        let path = command.dir.join(Self::FILE);
        if !path.exists() {
            if command.dir.join("chancery.toml").exists() {
                return Err(CliError::usage(format!(
                    "`{}` holds a configuration that is no demo's",
                    command.dir.display()
                ))
                .hint("choose another folder: `chancery demo --dir DIR`"));
            }
            let end_ms = now_ms() - limits::GRACE.as_millis() as i64;
            let day_start_ms = (end_ms - DAY_MS).div_euclid(60_000) * 60_000;
            return Ok(Self { seed: command.seed, items: command.items, day_start_ms });
        }
        let damaged = || {
            CliError::usage(format!("`{}` is damaged", path.display())).hint("delete the folder, or choose another one")
        };
        let table: toml::Table = fs::read_to_string(&path)?.parse().map_err(|_| damaged())?;
        let number = |key: &str| table.get(key).and_then(toml::Value::as_integer);
        let day = table.get("day_start").and_then(toml::Value::as_str).and_then(|text| parse_instant(text).ok());
        match (number("seed"), number("items").and_then(|items| u32::try_from(items).ok()), day) {
            (Some(seed), Some(items), Some(day_start_ms)) => {
                Ok(Self { seed: seed.cast_unsigned(), items, day_start_ms })
            }
            _ => Err(damaged()),
        }
    }

    fn write(&self, dir: &Path) -> Result<(), CliError> {
        let text = format!(
            "# What this demo was begun with; a second run tells the same story.\nseed = {}\nitems = {}\nday_start = \"{}\"\n",
            self.seed.cast_signed(),
            self.items,
            rfc3339(self.day_start_ms)
        );
        Ok(fs::write(dir.join(Self::FILE), text)?)
    }
}

fn configuration(story: &Story, site: &str, day_start_ms: i64) -> String {
    let StoryOptions { organisation_domain, oversize_limit_bytes, .. } = StoryOptions::default();
    let username = &story.credentials().username;
    format!(
        r#"# Written by `chancery demo`. The site lives only while the demo runs, on another port each time.
data_dir = "data"
include = ["connectors.d/*.toml"]

[[connector]]
name = "{CONNECTOR}"
schedule = "daily at 02:00 Europe/Berlin"
since = {since}
folder = "WhatsApp Archiver"
accepted_terms = "1"
source = {{ plugin = "telemessage", settings = {{ site = "{site}" }}, credential = "telemessage" }}
mapper = {{ plugin = "users", settings = {{ automatic = true, internal = ["{organisation_domain}"] }}, file = "mapping.csv" }}
converter = {{ plugin = "email" }}
destinations = [{{ kind = "maildir", root = "mail", mailboxes = {{ domains = ["{organisation_domain}"] }}, message_bytes_max = {oversize_limit_bytes} }}]
grant = {{ source = {{ origins = ["{site}"] }} }}

[credential.telemessage]
scheme = "login"
origins = ["{site}"]
username = "{username}"
password = {{ file = "archive-password" }}

# The simulated site is on this machine; a real one needs no exception.
[network]
allowed_networks = ["127.0.0.0/8"]
"#,
        since = rfc3339(day_start_ms)
    )
}

fn introduce(dir: &Path, story: &Story, site: &Site, first: bool) {
    let (start_ms, _) = story.span_ms();
    println!("A simulated TeleMessage site answers at {} with a day of {} people,", site.url(), story.people().len());
    println!("{} .. {}.", rfc3339(start_ms), rfc3339(start_ms + STORY_MS));
    if first {
        println!(
            "The configuration is {}; mail goes to {}.",
            dir.join("chancery.toml").display(),
            dir.join("mail").display()
        );
    } else {
        println!("This folder has its mail already: the same day is read once more, and nothing may come twice.");
    }
    println!();
}

async fn archive(config_file: &Path, now_ms: i64, show_progress: bool) -> Result<Summary, CliError> {
    let host = context::open(Config::load(config_file)?)?;
    let connectors: Vec<_> = host.config.connectors.iter().collect();
    let what = Sync { now_ms, lane: Lane::Due };
    let summary = sync::turns(&host, &connectors, &what, show_progress).await?;
    host.state.close()?;
    Ok(summary)
}

fn conclude(dir: &Path, summary: &Summary) -> Result<(), CliError> {
    let config = dir.join("chancery.toml");
    let config = config.display();
    let program = std::env::args().next().unwrap_or_else(|| "chancery".to_owned());
    if let Some(path) = one_mail(&dir.join("mail"))? {
        println!("One of the mails, {}:\n", path.display());
        for line in String::from_utf8_lossy(&fs::read(&path)?).lines().take(48) {
            println!("    {line}");
        }
        println!();
    }
    summary.connectors.iter().for_each(|connector| print!("{}", text::connector(connector)));
    println!("\n{} mailboxes, {:.1} s", summary.mailboxes, summary.seconds);
    println!("\nWhere to look next:");
    println!("  mutt -R -f '{}/mail/ADDRESS/.WhatsApp Archiver'   the mail itself (any Maildir reader)", dir.display());
    println!("  {program} --config {config} parked list {CONNECTOR}    what could not be delivered, and why");
    println!("  {program} --config {config} report {CONNECTOR}         the counts again");
    println!("  {program} --config {config} ledger verify          the proof");
    Ok(())
}

/// A mail worth showing: the smallest of a mailbox that has an attachment, else the first.
fn one_mail(root: &Path) -> Result<Option<PathBuf>, CliError> {
    let mut mailboxes: Vec<PathBuf> = fs::read_dir(root)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    mailboxes.sort();
    let Some(mailbox) = mailboxes.first() else { return Ok(None) };
    let mut mails = Vec::new();
    for entry in fs::read_dir(mailbox.join(".WhatsApp Archiver").join("new"))? {
        let entry = entry?;
        mails.push((entry.metadata()?.len(), entry.path()));
    }
    mails.sort();
    // Texts are a kilobyte or two; the middle one of these says more than the shortest.
    let texts: Vec<_> = mails.iter().filter(|(size, _)| *size < 4096).collect();
    Ok(texts.get(texts.len() / 2).map(|(_, path)| path.clone()))
}
