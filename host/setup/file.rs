//! The connector's file, as a person would write it.

use super::{
    catalogue::{CONVERTER, Catalogue, MAPPER},
    draft::{Credential, Draft, Person},
    step::Step,
};
use crate::{
    config::HeldSecret,
    item::time::{DAY_MS, parse_instant, rfc3339},
    scheduler::Kept,
};

/// A connector's file, and the secrets that it refers to.
#[derive(Clone, Debug)]
pub(super) struct ConnectorFile {
    pub(super) text: String,
    /// By their names in the host's store.
    pub(super) secrets: Vec<(String, HeldSecret)>,
    /// The mapping file, relative to the configuration, if one was chosen.
    pub(super) mapping: Option<String>,
}

/// Writes it down. Whoever reads it later sees the same keys as in the documents.
///
/// # Errors
/// The step that is missing.
pub(super) fn of(draft: &Draft, catalogue: &Catalogue, now_ms: i64) -> Result<ConnectorFile, Step> {
    let offer = draft.offer(catalogue).ok_or(Step::Source)?;
    let name = draft.name().ok_or(Step::Source)?;
    if draft.destinations.is_empty() {
        return Err(Step::Destination);
    }
    let mut secrets = Vec::new();
    let mut text = String::new();
    let mut line = |key: &str, value: toml::Value| text.push_str(&format!("{key} = {value}\n"));
    line("name", name.clone().into());
    line("schedule", draft.answer(Step::Schedule, "schedule").ok_or(Step::Schedule)?.into());
    if offer.traits.reading == crate::item::ReadingMode::Windowed {
        let since = draft.answer(Step::Schedule, "since").and_then(|text| parse_instant(&text).ok());
        let since = rfc3339(since.unwrap_or(now_ms - DAY_MS));
        // An instant of its own kind, not a text.
        line("since", since.parse().map(toml::Value::Datetime).map_err(|_| Step::Schedule)?);
    }
    if let Some(folder) = draft.answer(Step::Schedule, "folder") {
        line("folder", folder.into());
    }
    if let Some(terms) = &offer.traits.terms {
        line("accepted_terms", terms.version.clone().into());
    }
    let mut source = toml::Table::from_iter([("plugin".to_owned(), offer.plugin.clone().into())]);
    add_settings(&mut source, &draft.settings);
    if draft.credential.is_some() {
        source.insert("credential".to_owned(), name.clone().into());
    }
    line("source", source.into());
    let mapping = draft.mapping.as_ref().map(|_| format!("mappings/{name}.csv"));
    let mut mapper = toml::Table::from_iter([("plugin".to_owned(), MAPPER.into())]);
    add_settings(&mut mapper, &draft.mapper);
    if let Some(file) = &mapping {
        mapper.insert("file".to_owned(), file.clone().into());
    }
    line("mapper", mapper.into());
    line("converter", toml::Table::from_iter([("plugin".to_owned(), CONVERTER.into())]).into());
    let destinations: Vec<toml::Value> = draft.destinations().map(|table| table.clone().into()).collect();
    line("destinations", destinations.into());
    let mut grant = toml::Table::new();
    for (key, values) in [("origins", draft.origins(offer)), ("folders", draft.folders(offer))] {
        if !values.is_empty() {
            grant.insert(key.to_owned(), values.into());
        }
    }
    if !grant.is_empty() {
        line("grant", toml::Table::from_iter([("source".to_owned(), grant.into())]).into());
    }
    let mut text = format!("[[connector]]\n{text}");
    let mut credential = |name: String, credential: &Credential| {
        text.push_str(&format!("\n[credential.{name}]\n"));
        for (key, value) in &credential.table {
            text.push_str(&format!("{key} = {value}\n"));
        }
        if let Some(Person::SignedIn(token)) = &credential.person {
            secrets.push((Kept::name(&name), token.clone()));
        }
        if let Some((key, secret)) = &credential.secret {
            text.push_str(&format!("{key} = {{ store = \"{name}\" }}\n"));
            secrets.push((name, secret.clone().into()));
        }
    };
    if let Some(of_source) = &draft.credential {
        credential(name.clone(), of_source);
    }
    for (place, destination) in draft.destinations.iter().enumerate() {
        if let Some(of_destination) = &destination.credential {
            credential(format!("{name}-to-{}", place + 1), of_destination);
        }
    }
    Ok(ConnectorFile { text, secrets, mapping })
}

fn add_settings(table: &mut toml::Table, settings: &serde_json::Map<String, serde_json::Value>) {
    if let Ok(value) = toml::Value::try_from(settings)
        && !settings.is_empty()
    {
        table.insert("settings".to_owned(), value);
    }
}
