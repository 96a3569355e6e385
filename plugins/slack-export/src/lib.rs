//! Source plugin `slack-export`: reads the zip files that Slack's workspace export gives.
//!
//! A page's journey is [`pull`]: [`gather`] walks the archive in stored order and cuts records out of its files
//! ([`splitter`]), [`directory`] knows the people and conversations that those records name ([`kept`] between pages), and [`item`] makes items
//! of them, with what [`kind`], [`text`] and [`files`] read in them. A [`cursor`] holds the place, and nothing else.
//!
//! Architecture invariant: [`redact`] takes Slack's download tokens out of a record's bytes before anything else looks
//! at them.

mod clock;
#[cfg(target_family = "wasm")]
mod component;
mod cursor;
mod describe;
mod directory;
mod files;
mod gather;
mod identity;
mod item;
mod kept;
mod kind;
mod layout;
mod limits;
mod pull;
mod redact;
mod settings;
mod splitter;
mod text;
mod value;

use std::cell::RefCell;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::{kept::Kept, settings::Settings};

thread_local! {
    /// Of the export that this instance reads.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct SlackExport;

impl Source for SlackExport {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        let is_export = |path: &str| path.to_ascii_lowercase().ends_with(".zip");
        let found = if is_export(&settings.path) {
            host.archive_entries(&settings.path)?;
            format!("`{}` is there.", settings.path)
        } else {
            let entries = host.folder_entries(&settings.path)?;
            let exports: Vec<_> = entries.iter().filter(|entry| is_export(&entry.path)).collect();
            let bytes = exports.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
            format!("`{}` holds {} .zip files, {} kB.", settings.path, exports.len(), bytes.div_ceil(1_000))
        };
        let name = format!("Slack exports in {}", settings.path);
        Ok(Account { id: settings.account, name, findings: vec![found] })
    }

    /// Which users there are, only an export tells, and each may tell another.
    fn roster(_host: &mut dyn Host, _settings: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    /// Files have no time axis.
    fn totals(_host: &mut dyn Host, _settings: &str, _account: &str, _window: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        let settings = Settings::parse(settings)?;
        KEPT.with_borrow_mut(|kept| pull::pull(host, &settings, &request, kept))
    }
}
