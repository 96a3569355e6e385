//! Reads bulk exports of Mattermost (`mmctl export create`): a zip file with `import.jsonl` and the files in `data/`, or the same
//! unpacked.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

#[cfg(target_family = "wasm")]
mod component;
mod cursor;
mod describe;
mod directory;
mod export;
mod post;
mod pull;
mod settings;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::settings::Settings;

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct Mattermost;

impl Source for Mattermost {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        let entries = host.folder_entries(&settings.path)?;
        let is_export = |path: &str| describe::ENDINGS.iter().any(|ending| path.to_lowercase().ends_with(ending));
        let exports = entries.iter().filter(|entry| is_export(&entry.path)).count();
        Ok(Account {
            id: settings.account,
            name: format!("Mattermost exports in {}", settings.path),
            findings: vec![format!("exports: {exports}")],
        })
    }

    /// Users stand in each export, and belong to it.
    fn roster(_host: &mut dyn Host, _settings: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    /// An export has no time axis.
    fn totals(_host: &mut dyn Host, _settings: &str, _account: &str, _window: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        pull::pull(host, &Settings::parse(settings)?, &request)
    }
}
