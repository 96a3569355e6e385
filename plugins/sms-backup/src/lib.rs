//! Reads the XML files of SMS Backup & Restore: messages (SMS, MMS) and calls of an Android phone.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

#[cfg(target_family = "wasm")]
mod component;
mod cursor;
mod describe;
mod entity;
mod pull;
mod record;
mod settings;
mod tokens;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::settings::Settings;

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct SmsBackup;

impl Source for SmsBackup {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        let entries = host.folder_entries(&settings.path)?;
        let files = entries.iter().filter(|entry| entry.path.to_lowercase().ends_with(".xml")).count();
        Ok(Account {
            id: "sms-backup".to_owned(),
            name: format!("SMS backups in {}", settings.path),
            findings: vec![format!("XML files: {files}")],
        })
    }

    /// A backup carries no list of users.
    fn roster(_host: &mut dyn Host, _settings: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    /// Files have no time axis; each is held against its own `count`.
    fn totals(_host: &mut dyn Host, _settings: &str, _account: &str, _window: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        pull::pull(host, &Settings::parse(settings)?, &request)
    }
}
