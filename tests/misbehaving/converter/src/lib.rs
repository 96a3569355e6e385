//! A hostile converter: one component that does to the host whatever its setting `behave` says.
//!
//! Left alone (`ok`) it writes one correct, plain message an item, with a splice for each attachment, and every other
//! behaviour departs from that in one thing only, so that a test knows what the host met:
//!
//! - [`exhaust`] uses up time, memory, stack and log;
//! - [`forge`] spoils each message by itself: its head, its lines, its splices;
//! - [`tally`] spoils the answer as a whole: what is covered, and whether it is the same every time;
//! - [`peek`] reads attachments, within its rights and beyond.

// The same in both hostile guests; a crate between them would carry the source's exports into the converter.
#[path = "../../source/src/exhaust.rs"]
mod exhaust;
mod forge;
mod honest;
mod peek;
mod tally;

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    Descriptor, Grouping, PluginKind,
    converter::{Batch, Converter, Failure, Message},
};
use serde::Deserialize;

/// A behaviour's name in the settings, and what it does.
type Table<F> = &'static [(&'static str, F)];

/// What `convert` returns.
type Answer = Vec<Result<Message, Failure>>;

/// What the tests choose by settings.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Settings {
    /// Name of the behaviour.
    behave: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { behave: "ok".to_owned() }
    }
}

/// Every value of the setting `behave`.
pub fn behaviours() -> Vec<&'static str> {
    let mut names = vec!["ok"];
    names.extend(exhaust::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(forge::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(tally::BEHAVIOURS.iter().map(|(name, _)| name));
    names.extend(peek::BEHAVIOURS.iter().map(|(name, _)| name));
    names
}

fn find<F: Copy>(table: Table<F>, name: &str) -> Option<F> {
    table.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// Every item as a failure: what a test sees when it asks for something that there is not.
fn refuse(batch: &Batch, code: &str, message: &str) -> Answer {
    let items = (0..batch.items.len() as u32).collect();
    vec![Err(Failure { items, code: code.to_owned(), message: message.to_owned() })]
}

/// The hostile converter.
pub struct Misbehaving;

impl Converter for Misbehaving {
    fn describe() -> Descriptor {
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "behave": { "type": "string", "title": "Behaviour", "enum": behaviours(), "default": "ok" },
            },
        });
        Descriptor {
            name: "misbehaving-converter".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Does to the host whatever a test asks for.".to_owned(),
            settings_schema: schema.to_string(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Converter(Grouping::Item),
            extensions: Vec::new(),
        }
    }

    fn convert(batch: Batch) -> Answer {
        let settings: Settings = match serde_json::from_str(&batch.settings) {
            Ok(settings) => settings,
            Err(error) => return refuse(&batch, "bad-settings", &format!("the settings cannot be read: {error}")),
        };
        let name = settings.behave.as_str();
        if let Some(peek) = find(peek::BEHAVIOURS, name) {
            return peek(&batch);
        }
        if let Some(exhaust) = find(exhaust::BEHAVIOURS, name) {
            exhaust(name);
        } else if !behaviours().contains(&name) {
            return refuse(&batch, "unknown-behaviour", &format!("there is no behaviour `{name}`"));
        }
        let mut messages = honest::messages(&batch, "");
        if let Some(forge) = find(forge::BEHAVIOURS, name) {
            messages.iter_mut().for_each(|message| forge(message, &batch));
        }
        match find(tally::BEHAVIOURS, name) {
            Some(tally) => tally(messages, &batch),
            None => messages.into_iter().map(Ok).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
