//! A hostile source: one component that does to the host whatever its setting `behave` says.
//!
//! Left alone (`ok`) it is an honest source of `items` plain items a window, and every other behaviour departs from
//! that in one thing only, so that a test knows what the host met. Five rooms, each a table of names and functions:
//!
//! - [`exhaust`] uses up time, memory, stack and log, then goes on honestly if it is let;
//! - [`reach`] tries to get at what was not granted, and reports each attempt as an item;
//! - [`lie`] returns pages that break the contract in one point, and some that only look as if they did;
//! - [`ask`] asks its site over HTTP, and takes trouble there badly;
//! - [`turn`] goes wrong over several calls: cursors, errors, answers that change.
//!
//! All of it happens in `pull`, unless the setting `during` names another function.

mod ask;
mod exhaust;
mod honest;
mod lie;
mod memory;
mod reach;
mod turn;

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    CredentialScheme, CredentialWish, Descriptor, Error, ErrorKind, Host, LoginRecipe, Person, PluginKind, ReadingMode,
    Source, SourceTraits, Window,
    source::{Account, Counts, Page, PullRequest, Reading},
};
use serde::Deserialize;

/// The credential it asks the host to attach.
const CREDENTIAL: &str = "site";

/// A behaviour's name in the settings, and what it does.
type Table<F> = &'static [(&'static str, F)];

/// What the tests choose by settings.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Settings {
    /// Name of the behaviour.
    behave: String,
    /// The function that behaves so: `pull`, `check`, `roster` or `totals`.
    during: String,
    /// Items a window.
    items: u32,
    /// Base URL of a site that is granted.
    site: String,
    /// What to hunt for in memory: texts written backwards, separated by commas, so that they are not found here.
    hunt: String,
    /// A folder that is granted.
    folder: String,
    /// For errors that ask to wait.
    wait_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            behave: "ok".to_owned(),
            during: "pull".to_owned(),
            items: 3,
            site: "https://archive.example.com".to_owned(),
            hunt: String::new(),
            folder: "inbox".to_owned(),
            wait_ms: 100,
        }
    }
}

impl Settings {
    /// Takes the settings apart without ever panicking: a test must see the behaviour it asked for or a plain error.
    fn parse(json: &str) -> Result<Self, Error> {
        let settings: Self = serde_json::from_str(json).map_err(|error| {
            Error::new(ErrorKind::Misconfigured, "bad-settings", format!("the settings cannot be read: {error}"))
        })?;
        if !behaviours().contains(&settings.behave.as_str()) {
            let message = format!("there is no behaviour `{}`", settings.behave);
            return Err(Error::new(ErrorKind::Misconfigured, "unknown-behaviour", message)
                .hint(format!("one of: {}", behaviours().join(", "))));
        }
        Ok(settings)
    }

    /// A URL at the granted site.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.site.trim_end_matches('/'))
    }
}

/// Every value of the setting `behave`.
pub fn behaviours() -> Vec<&'static str> {
    let mut names = vec!["ok"];
    names.extend(exhaust::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(reach::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(lie::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(lie::ODDITIES.iter().map(|(name, _)| name));
    names.extend(turn::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(ask::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(ABOUT_THE_ACCOUNT);
    names
}

/// Lies that are not in a page: wrong totals, none, an account without an id, a roster of people without one.
const ABOUT_THE_ACCOUNT: &[&str] = &["wrong-totals", "no-totals", "empty-account", "bad-roster"];

fn find<F: Copy>(table: Table<F>, name: &str) -> Option<F> {
    table.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// One page as the behaviour would have it.
fn pull(host: &mut dyn Host, settings: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let name = settings.behave.as_str();
    if let Some(turn) = find(turn::BEHAVIOURS, name).or_else(|| find(ask::BEHAVIOURS, name)) {
        return turn(host, settings, request);
    }
    if let Some(reach) = find(reach::BEHAVIOURS, name) {
        return Ok(honest::report(request, reach(host, settings)?));
    }
    if let Some(exhaust) = find(exhaust::BEHAVIOURS, name) {
        exhaust(name);
    }
    let mut page = honest::page(request, settings.items)?;
    if let Some(lie) = find(lie::BEHAVIOURS, name).or_else(|| find(lie::ODDITIES, name)) {
        lie(&mut page, request);
    }
    Ok(page)
}

/// The hostile source.
pub struct Misbehaving;

impl Misbehaving {
    /// Behaves in a function other than `pull`, when the settings say so.
    fn behave_during(function: &str, host: &mut dyn Host, settings: &Settings) -> Result<(), Error> {
        if settings.during != function {
            return Ok(());
        }
        let request = PullRequest {
            reading: Reading::Window(Window { start: 0, end: 86_400_000 }),
            account: honest::ACCOUNT.to_owned(),
            bookmark: None,
            cursor: None,
            max_items: 100,
        };
        pull(host, settings, &request).map(drop)
    }
}

impl Source for Misbehaving {
    fn describe() -> Descriptor {
        let defaults = Settings::default();
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "behave": { "type": "string", "title": "Behaviour", "enum": behaviours(), "default": defaults.behave },
                "during": {
                    "type": "string", "title": "Function that behaves so",
                    "enum": ["pull", "check", "roster", "totals"], "default": defaults.during,
                },
                "items": { "type": "integer", "title": "Items a window", "minimum": 0, "default": defaults.items },
                "site": { "type": "string", "format": "uri", "title": "Granted site", "default": defaults.site },
                "hunt": { "type": "string", "title": "Backwards texts to hunt for", "default": defaults.hunt },
                "folder": { "type": "string", "title": "Granted folder", "default": defaults.folder },
                "wait_ms": {
                    "type": "integer", "title": "Milliseconds to ask to wait", "minimum": 0, "default": defaults.wait_ms,
                },
            },
        });
        Descriptor {
            name: "misbehaving-source".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Does to the host whatever a test asks for.".to_owned(),
            settings_schema: schema.to_string(),
            credentials: vec![CredentialWish {
                name: CREDENTIAL.to_owned(),
                scheme: CredentialScheme::Login(LoginRecipe {
                    path: "/v1/session".to_owned(),
                    username_field: "username".to_owned(),
                    password_field: "password".to_owned(),
                    token_pointer: "/token".to_owned(),
                    header: "authorization".to_owned(),
                }),
                summary: "Whatever a test plants.".to_owned(),
            }],
            origins: Vec::new(),
            origin_settings: vec!["site".to_owned()],
            kind: PluginKind::Source(SourceTraits {
                reading: ReadingMode::Windowed,
                prerequisites: Vec::new(),
                terms: None,
                data_flow: "Makes everything up. Nothing leaves the machine.".to_owned(),
                default_folder: "Misbehaving".to_owned(),
                folder_setting: None,
                file_endings: Vec::new(),
            }),
            extensions: Vec::new(),
        }
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        Self::behave_during("check", host, &settings)?;
        let id = if settings.behave == "empty-account" { "" } else { honest::ACCOUNT };
        Ok(Account { id: id.to_owned(), name: "Made up".to_owned(), findings: vec![settings.behave] })
    }

    fn roster(host: &mut dyn Host, settings: &str) -> Result<Option<Vec<Person>>, Error> {
        let settings = Settings::parse(settings)?;
        Self::behave_during("roster", host, &settings)?;
        Ok((settings.behave == "bad-roster").then(|| vec![Person { internal: true, ..Person::default() }]))
    }

    fn totals(host: &mut dyn Host, settings: &str, _: &str, _: Window) -> Result<Option<Counts>, Error> {
        let settings = Settings::parse(settings)?;
        Self::behave_during("totals", host, &settings)?;
        let observations = match settings.behave.as_str() {
            "no-totals" => return Ok(None),
            "wrong-totals" => u64::from(settings.items) * 2 + 1,
            _ => u64::from(settings.items),
        };
        Ok(Some(Counts { observations, extensions: Vec::new() }))
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        let settings = Settings::parse(settings)?;
        if settings.during != "pull" {
            return honest::page(&request, settings.items);
        }
        pull(host, &settings, &request)
    }
}

#[cfg(test)]
mod tests;
