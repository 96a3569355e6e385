//! A hostile mapper: one component that does to the host whatever its setting `behave` says.
//!
//! Left alone (`ok`) it gives each person the mailbox of their e-mail address where the directory has it, and every
//! other behaviour departs from that in one thing only, so that a test knows what the host met:
//!
//! - [`exhaust`] uses up time, memory, stack and log, in `resolve` or in what the setting `during` names;
//! - [`ask`] asks the directory too much, or for what is no address;
//! - [`lie`] answers what may not be answered.

mod ask;
// The same in all hostile guests; a crate between them would carry one's exports into the other.
#[path = "../../source/src/exhaust.rs"]
mod exhaust;
mod lie;

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    Descriptor, Error, ErrorKind, PluginKind,
    mapper::{Directory, Mapper, Question, Resolution, Row, RowProblem, Summary},
};
use serde::Deserialize;

/// A behaviour's name in the settings, and what it does.
type Table<F> = &'static [(&'static str, F)];

/// What the tests choose by settings.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Settings {
    /// Name of the behaviour.
    behave: String,
    /// The function that uses things up: `resolve` or `load`.
    during: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { behave: "ok".to_owned(), during: "resolve".to_owned() }
    }
}

/// Every value of the setting `behave`.
pub fn behaviours() -> Vec<&'static str> {
    let mut names = vec!["ok"];
    names.extend(exhaust::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(ask::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(lie::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(lie::ABOUT_THE_FILE.iter().map(|(name, _)| name));
    names
}

fn find<F: Copy>(table: Table<F>, name: &str) -> Option<F> {
    table.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// The mailbox of each person's address, where the directory has it.
fn honest(directory: &mut dyn Directory, questions: &[Question]) -> Vec<Resolution> {
    let addresses: Vec<String> = questions.iter().filter_map(|question| question.person.email.clone()).collect();
    let mut found = directory.lookup(&addresses).into_iter();
    let answer = |question: &Question| match question.person.email.as_ref().and_then(|_| found.next().flatten()) {
        Some(mailbox) => Resolution::Mailbox(mailbox),
        None => Resolution::Outside,
    };
    questions.iter().map(answer).collect()
}

/// The hostile mapper.
pub struct Misbehaving(Settings);

impl Mapper for Misbehaving {
    fn describe() -> Descriptor {
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "behave": { "type": "string", "title": "Behaviour", "enum": behaviours(), "default": "ok" },
                "during": {
                    "type": "string", "title": "Function that behaves so",
                    "enum": ["resolve", "load"], "default": "resolve",
                },
            },
        });
        Descriptor {
            name: "misbehaving-mapper".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Does to the host whatever a test asks for.".to_owned(),
            settings_schema: schema.to_string(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Mapper,
            extensions: Vec::new(),
        }
    }

    fn load(_: &[u8], settings: &str) -> Result<(Self, Summary), Error> {
        let settings: Settings = serde_json::from_str(settings).map_err(|error| {
            Error::new(ErrorKind::Misconfigured, "bad-settings", format!("the settings cannot be read: {error}"))
        })?;
        if !behaviours().contains(&settings.behave.as_str()) {
            let message = format!("there is no behaviour `{}`", settings.behave);
            return Err(Error::new(ErrorKind::Misconfigured, "unknown-behaviour", message));
        }
        if settings.during == "load"
            && let Some(exhaust) = find(exhaust::BEHAVIOURS, &settings.behave)
        {
            exhaust(&settings.behave);
        }
        let problems: Vec<RowProblem> =
            find(lie::ABOUT_THE_FILE, &settings.behave).map(|lie| lie()).unwrap_or_default();
        Ok((Self(settings), Summary { problems, ..Summary::default() }))
    }

    fn rows(&self, _: u32, _: u32) -> Vec<Row> {
        Vec::new()
    }

    fn resolve(&self, directory: &mut dyn Directory, questions: Vec<Question>) -> Result<Vec<Resolution>, Error> {
        let name = self.0.behave.as_str();
        if let Some(ask) = find(ask::BEHAVIOURS, name) {
            ask(directory);
        }
        if self.0.during == "resolve"
            && let Some(exhaust) = find(exhaust::BEHAVIOURS, name)
        {
            exhaust(name);
        }
        let answers = honest(directory, &questions);
        match find(lie::BEHAVIOURS, name) {
            Some(lie) => lie(answers),
            None => Ok(answers),
        }
    }
}

#[cfg(test)]
mod tests;
