//! A source alone, to be looked at by its author: a connector's, as its turns have it, or one of no connector yet.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    Host,
    assemble::{SignIn, witnessed_source},
    granted::Granted,
    plugins, secrets,
};
use crate::{
    catalog::{Component, lock::Lock},
    config::{Config, Connector},
    item::{Failure, NextMove, PluginKind},
    sandbox::{Plugin, Sandbox, SourceWorker, Witness, World},
};

/// A source with its grants and credentials.
pub struct TriedSource {
    /// It, ready to be asked.
    pub worker: SourceWorker,
    /// The plugin that it is.
    pub plugin: Plugin,
    /// Its settings with defaults, as JSON.
    pub settings: String,
}

/// A connector's source, whose requests a witness is told of. Nothing is read yet.
///
/// # Errors
/// As for a turn: a plugin that is not approved, a secret that is missing, terms that are not accepted.
pub async fn tried_source(
    host: &Host,
    connector: &Connector,
    witness: Arc<dyn Witness>,
) -> Result<TriedSource, Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let source = witnessed_source(host, &lock, connector, SignIn::Now, Some(witness)).await?;
    Ok(TriedSource { worker: source.worker, plugin: source.plugin, settings: source.settings })
}

/// What a source of no connector is tried with.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// Its settings.
    pub settings: &'a Map<String, Value>,
    /// Origins that it may reach beside those that its settings name: whoever types an address means it.
    pub origins: &'a [String],
    /// A credential of the configuration.
    pub credential: Option<&'a str>,
}

/// A source of no connector, with what its settings name and a person adds. It needs no approval, which is for what connectors
/// do day by day.
///
/// # Errors
/// `plugin-world`, `settings`; `terms-not-accepted` when it has terms, which a connector accepts; a credential that cannot be used.
pub async fn tried_plugin(
    sandbox: &Sandbox,
    config: &Config,
    component: Component,
    trial: Trial<'_>,
    witness: Arc<dyn Witness>,
) -> Result<TriedSource, Failure> {
    const NAME: &str = "plugin run";
    let inspected = plugins::load_component(sandbox, component).await?;
    let descriptor = inspected.descriptor();
    let PluginKind::Source(traits) = &descriptor.kind else {
        return Err(plugins::wrong_world(NAME, World::Source, &inspected));
    };
    if let Some(terms) = &traits.terms {
        let message = format!("`{}` has terms (version {}), which nobody has accepted", descriptor.name, terms.version);
        return Err(Failure::new("terms-not-accepted", NextMove::AskPerson, message)
            .hint("make a connector that accepts them, and run that: `chancery plugin run --connector NAME`"));
    }
    trial.credential.map(|name| secrets::defined(config, name)).transpose()?;
    let settings = plugins::check_settings(NAME, World::Source, descriptor, trial.settings)?;
    let named = descriptor.origin_settings.iter().filter_map(|name| settings.get(name)?.as_str());
    let named = named.filter_map(|text| url::Url::parse(text).ok()).map(|url| url.origin().ascii_serialization());
    let origins: Vec<String> = named.chain(trial.origins.iter().cloned()).collect();
    let granted = Granted { to: NAME, origins: &origins, folders: Vec::new(), credential: trial.credential };
    let powers = granted.powers(config, descriptor, Some(witness))?;
    let settings = Value::Object(settings).to_string();
    let worker = SourceWorker::new(sandbox, &inspected.plugin, powers, settings.clone())?;
    Ok(TriedSource { worker, plugin: inspected.plugin, settings })
}
