//! Source plugin `telemessage-sftp`: reads the zip files that TeleMessage delivers by SFTP.
//!
//! One file is one delivery. Its page journey is [`pull`]: [`delivery`] lists the zip and holds it against its
//! [`manifest`], and only then [`mail`] makes an item of each EML, with what [`subject`], [`participant`], [`body`] and
//! [`file`] read in it. What the vendor documents and what is inferred is told apart in `README.md`.
//!
//! Architecture invariant: a delivery whose manifest disagrees gives nothing at all. A part of a day that looks like a
//! whole one is worse than a file that waits for a person.

// The same in both sources of the family; see there.
#[path = "../../telemessage/src/archivers.rs"]
mod archivers;
mod body;
#[cfg(target_family = "wasm")]
mod component;
mod cursor;
mod delivery;
mod describe;
mod file;
mod folder;
mod identity;
mod limits;
mod mail;
mod manifest;
mod participant;
mod pull;
mod settings;
mod subject;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::settings::Settings;

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct TelemessageSftp;

impl Source for TelemessageSftp {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        folder::check(host, &Settings::parse(settings)?)
    }

    /// The delivery carries no list of users.
    fn roster(_host: &mut dyn Host, _settings: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    /// Files have no time axis; each is held against its own manifest instead.
    fn totals(_host: &mut dyn Host, _settings: &str, _account: &str, _window: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        Settings::parse(settings)?;
        pull::pull(host, &request)
    }
}
