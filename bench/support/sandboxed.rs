//! The bundled plugins in the sandbox, as the pipeline uses them.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use chancery::{
    config::PluginSource,
    item::{
        Failure, Question, Resolution, limits,
        mapping::{DirectoryLookup, MappingSummary},
        network::Network,
    },
    pipeline::Mapper,
    sandbox::{
        ConverterWorker, Credential, Egress, Folders, MapperWorker, Origin, Plugin, Proof, SourcePowers, SourceWorker,
    },
    scheduler,
};
use futures::future::BoxFuture;
use secrecy::SecretString;
use world::Site;

use super::{Bench, export};

const CONNECTOR: &str = "bench";

/// Loads a bundled plugin.
///
/// # Errors
/// When it cannot be loaded.
pub(crate) fn load(bench: &Bench, name: &str) -> Result<Plugin> {
    let source = PluginSource::Bundled(name.to_owned());
    Ok(bench.runtime.block_on(scheduler::inspect(&bench.sandbox, &source))?.plugin)
}

/// The `email` converter.
///
/// # Errors
/// When it cannot be loaded.
pub(crate) fn email(bench: &Bench) -> Result<ConverterWorker> {
    let plugin = load(bench, "email")?;
    Ok(ConverterWorker::new(&bench.sandbox, &plugin)?.for_connector(CONNECTOR))
}

/// The `users` mapper with a mapping file.
///
/// # Errors
/// When it cannot be loaded, or the file has problems.
pub(crate) fn users(bench: &Bench, settings: &str, mapping: Vec<u8>) -> Result<Users> {
    let plugin = load(bench, "users")?;
    let mut worker = MapperWorker::new(&bench.sandbox, &plugin, settings.to_owned(), mapping)?.for_connector(CONNECTOR);
    let summary = bench.runtime.block_on(worker.load())?;
    anyhow::ensure!(summary.problems.is_empty(), "the mapping has problems: {:?}", summary.problems);
    Ok(Users { worker, summary })
}

/// A mapper worker with its mapping.
pub(crate) struct Users {
    worker: MapperWorker,
    summary: MappingSummary,
}

impl Mapper for Users {
    fn depends_on_time(&self) -> bool {
        self.summary.depends_on_time
    }

    fn resolve<'a>(
        &'a mut self,
        questions: &'a [Question<'a>],
        directory: &'a dyn DirectoryLookup,
    ) -> BoxFuture<'a, Result<Vec<Resolution>, Failure>> {
        Box::pin(self.worker.resolve(questions, directory))
    }
}

/// The `telemessage` source with the power to reach a simulated site.
///
/// # Errors
/// When it cannot be loaded.
pub(crate) fn telemessage(bench: &Bench, site: &Site) -> Result<SourceWorker> {
    let plugin = load(bench, "telemessage")?;
    let wish = plugin.descriptor.credentials.first().context("the source wants no credential")?;
    let credentials = site.story().credentials();
    let origin: Origin = site.url().parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let credential = Credential {
        name: wish.name.clone(),
        asked_as: wish.name.clone(),
        scheme: wish.scheme.clone(),
        origins: vec![origin.clone()],
        username: Some(credentials.username.clone()),
        proof: Proof::Secret(SecretString::from(credentials.password.clone())),
    };
    let loopback = serde_json::json!({ "allowed_networks": ["127.0.0.0/8"] });
    let network: Network = serde_json::from_value(loopback)?;
    let powers = SourcePowers {
        connector: CONNECTOR.to_owned(),
        egress: Arc::new(Egress::new(&network, vec![origin], vec![credential])?),
        folders: Arc::new(Folders::none()),
        attachment_bytes_max: limits::ATTACHMENT_BYTES_MAX,
    };
    let settings = serde_json::json!({ "site": site.url() }).to_string();
    Ok(SourceWorker::new(&bench.sandbox, &plugin, powers, settings)?)
}

/// The `whatsapp-export` source with the power to read the chat of [`export`] below `base`.
///
/// # Errors
/// When it cannot be loaded.
pub(crate) fn whatsapp_export(bench: &Bench, base: &Path) -> Result<SourceWorker> {
    let plugin = load(bench, "whatsapp-export")?;
    let powers = SourcePowers {
        connector: CONNECTOR.to_owned(),
        egress: Arc::new(Egress::closed()),
        folders: Arc::new(Folders::new(base, vec!["inbox".to_owned()])),
        attachment_bytes_max: limits::ATTACHMENT_BYTES_MAX,
    };
    Ok(SourceWorker::new(&bench.sandbox, &plugin, powers, export::SETTINGS.to_owned())?)
}
