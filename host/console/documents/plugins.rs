//! Plugins: what there is, what it asks for, where it is used, whether it is approved as it is.

use serde::Serialize;

use crate::{
    catalog::{
        self,
        lock::{Lock, Wishes},
    },
    config::PluginSource,
    item::{Failure, PluginKind},
    scheduler::{self, Host, Inspected},
};

/// A plugin.
#[derive(Debug, Serialize)]
pub(in crate::console) struct PluginDocument {
    /// Its name, or its file.
    pub(in crate::console) source: String,
    /// `source`, `mapper` or `converter`; none when it cannot be read.
    pub(in crate::console) kind: Option<&'static str>,
    /// Its version.
    pub(in crate::console) version: String,
    /// The SHA-256 of its bytes.
    pub(in crate::console) digest: String,
    /// What it is for.
    pub(in crate::console) summary: String,
    /// `bundled`, `approved`, `changed` (since it was approved), `unapproved` or `unreadable`.
    pub(in crate::console) trust: &'static str,
    /// What it asks for.
    pub(in crate::console) wishes: Vec<String>,
    /// What it asks for beyond what was approved.
    pub(in crate::console) beyond: Vec<String>,
    /// Connectors that use it.
    pub(in crate::console) used_by: Vec<String>,
    /// Why it cannot be read.
    pub(in crate::console) problem: Option<String>,
}

/// All plugins: the bundled ones, those that connectors name, and those that were approved.
///
/// # Errors
/// When `chancery.lock` cannot be read.
pub(in crate::console) async fn read(host: &Host) -> Result<Vec<PluginDocument>, Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let mut sources: Vec<PluginSource> =
        catalog::bundled_names().map(|name| PluginSource::Bundled(name.to_owned())).collect();
    let of_connectors = host.config.connectors.iter().flat_map(|connector| {
        [&connector.source.plugin.plugin, &connector.mapper.plugin.plugin, &connector.converter.plugin]
    });
    for source in of_connectors.cloned().chain(lock.plugins().keys().map(|path| PluginSource::File(path.into()))) {
        if !sources.iter().any(|known| known.label() == source.label()) {
            sources.push(source);
        }
    }
    let mut plugins = Vec::new();
    for source in sources {
        plugins.push(document(host, &lock, &source).await);
    }
    Ok(plugins)
}

async fn document(host: &Host, lock: &Lock, source: &PluginSource) -> PluginDocument {
    let uses = |connector: &&crate::config::Connector| {
        let plugins = [&connector.source.plugin.plugin, &connector.mapper.plugin.plugin, &connector.converter.plugin];
        plugins.iter().any(|plugin| plugin.label() == source.label())
    };
    let used_by = host.config.connectors.iter().filter(uses).map(|connector| connector.name.clone()).collect();
    let label = source.label().to_owned();
    match scheduler::inspect(&host.sandbox, source).await {
        Ok(inspected) => of(lock, label, &inspected, used_by),
        Err(failure) => PluginDocument {
            source: label,
            kind: None,
            version: String::new(),
            digest: String::new(),
            summary: String::new(),
            trust: "unreadable",
            wishes: Vec::new(),
            beyond: Vec::new(),
            used_by,
            problem: Some(failure.message),
        },
    }
}

fn of(lock: &Lock, source: String, inspected: &Inspected, used_by: Vec<String>) -> PluginDocument {
    let descriptor = inspected.descriptor();
    let digest = inspected.component.digest_text();
    let locked = lock.plugins().get(&inspected.component.source);
    let trust = match locked {
        _ if inspected.component.bundled => "bundled",
        None => "unapproved",
        Some(locked) if locked.digest == digest => "approved",
        Some(_) => "changed",
    };
    let wishes = Wishes::of(descriptor);
    let approved = locked.map(|locked| locked.wishes.clone()).unwrap_or_default();
    let beyond = if inspected.component.bundled { Vec::new() } else { wishes.beyond(&approved) };
    let kind = match descriptor.kind {
        PluginKind::Source(_) => "source",
        PluginKind::Mapper => "mapper",
        PluginKind::Converter(_) => "converter",
    };
    PluginDocument {
        source,
        kind: Some(kind),
        version: descriptor.version.clone(),
        digest,
        summary: descriptor.summary.clone(),
        trust,
        wishes: wishes.beyond(&Wishes::default()),
        beyond,
        used_by,
        problem: None,
    }
}
