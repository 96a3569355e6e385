//! A connector's source alone, as its turns have it, to be looked at by its author.

use std::sync::Arc;

use super::{
    Host,
    assemble::{SignIn, witnessed_source},
};
use crate::{
    catalog::lock::Lock,
    config::Connector,
    item::Failure,
    sandbox::{Plugin, SourceWorker, Witness},
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
