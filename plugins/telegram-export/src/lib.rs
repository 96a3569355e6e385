//! Source plugin `telegram-export`: reads the `result.json` that Telegram Desktop exports.
//!
//! A page's journey is [`pull`]: [`walk`] goes through the file and cuts records out of it one by one ([`scan`]), [`chat`] and
//! [`owner`] say whose they are, [`contacts`] tells phones, and [`item`] makes items of them, with what [`kind`], [`text`],
//! [`media`] and [`clock`] read in them. A [`place`] holds where we are, and travels as the cursor.

mod chat;
mod clock;
#[cfg(target_family = "wasm")]
mod component;
mod contacts;
mod describe;
mod extras;
mod identity;
mod input;
mod item;
mod kind;
mod limits;
mod media;
mod owner;
mod people;
mod place;
mod pull;
mod repair;
mod scan;
mod settings;
mod text;
mod value;
mod walk;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::settings::Settings;

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct TelegramExport;

impl Source for TelegramExport {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        let is_export = |path: &str| path.to_ascii_lowercase().ends_with(".json");
        let mut findings = Vec::new();
        if is_export(&settings.path) {
            host.folder_read(&settings.path, 0, 1)?;
            findings.push(format!("`{}` is there.", settings.path));
        } else {
            let entries = host.folder_entries(&settings.path)?;
            let exports: Vec<_> = entries.iter().filter(|entry| is_export(&entry.path)).collect();
            let bytes = exports.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
            let others = entries.len().saturating_sub(exports.len());
            findings.push(format!(
                "`{}` holds {} .json files, {} kB, and {others} other files.",
                settings.path,
                exports.len(),
                bytes.div_ceil(1_000)
            ));
            let count = |ending: &str| entries.iter().filter(|entry| entry.path.ends_with(ending)).count();
            let pages = count("/messages.html");
            if pages > 0 && exports.is_empty() {
                findings.push(format!("{pages} chats are HTML, which is not read: export them again as JSON."));
            }
            let archives = count(".zip");
            if archives > 0 && exports.is_empty() {
                findings.push(format!("{archives} .zip files are not read: unpack them, each into a folder."));
            }
        }
        let name = format!("Telegram exports in {}", settings.path);
        Ok(Account { id: settings.account, name, findings })
    }

    /// Whom an account knows, only an export tells, and each may tell another.
    fn roster(_host: &mut dyn Host, _settings: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    /// Files have no time axis.
    fn totals(_host: &mut dyn Host, _settings: &str, _account: &str, _window: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        let settings = Settings::parse(settings)?;
        pull::pull(host, &settings, &request)
    }
}
