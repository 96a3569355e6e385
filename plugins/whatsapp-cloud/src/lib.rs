//! Source plugin `whatsapp-cloud`: reads webhook bodies of the WhatsApp Business Cloud API from a spool folder.
//!
//! A page's journey is [`pull`]: [`splitter`] cuts bodies out of the file, [`parts`] finds in each what becomes an item, and
//! [`item`] and [`track`] make it, with what [`people`], [`text`] and [`media`] read in it. A [`cursor`] holds the place,
//! and nothing else.
//!
//! Architecture invariant: [`redact`] takes what opens Meta's links out of a body before anything else looks at it.

mod clock;
#[cfg(target_family = "wasm")]
mod component;
mod cursor;
mod describe;
mod identity;
mod item;
mod limits;
mod media;
mod parts;
mod people;
mod pull;
mod redact;
mod settings;
mod splitter;
mod text;
mod track;
mod value;

use kit::{
    Descriptor, Error, Host, Person, Source, Window,
    source::{Account, Counts, Page, PullRequest},
};

use crate::settings::Settings;

/// The plugin's logic.
#[derive(Clone, Copy, Debug)]
pub struct WhatsappCloud;

impl Source for WhatsappCloud {
    fn describe() -> Descriptor {
        describe::descriptor()
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        let entries = host.folder_entries(&settings.path)?;
        let is_body = |path: &str| {
            let path = path.to_ascii_lowercase();
            describe::ENDINGS.iter().any(|ending| path.ends_with(ending))
        };
        let bodies: Vec<_> = entries.iter().filter(|entry| is_body(&entry.path)).collect();
        let bytes = bodies.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        let (files, kilobytes) = (bodies.len(), bytes.div_ceil(1_000));
        let others = entries.len().saturating_sub(files);
        let found = format!(
            "`{}` holds {files} files of webhook bodies, {kilobytes} kB, and {others} other files.",
            settings.path
        );
        let name = format!("WhatsApp Cloud API webhooks in {}", settings.path);
        Ok(Account { id: settings.account, name, findings: vec![found] })
    }

    /// Webhooks name whom they concern, not who there is.
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
