//! How connectors stand.

use serde::Serialize;

use crate::{
    config::DestinationConfig,
    item::Failure,
    scheduler::{
        Host, alerts,
        service::{ConnectorStatus, Retrying, Service},
    },
};

/// One connector as it is configured, and how it stands.
#[derive(Debug, Serialize)]
pub(in crate::console) struct ConnectorDocument {
    #[serde(flatten)]
    pub(in crate::console) status: ConnectorStatus,
    /// Its source's plugin.
    pub(in crate::console) source: String,
    /// Its mapper's plugin.
    pub(in crate::console) mapper: String,
    /// Its converter's plugin.
    pub(in crate::console) converter: String,
    /// Where copies go.
    pub(in crate::console) destinations: Vec<String>,
    /// The folder in each mailbox, where it is not the source's own.
    pub(in crate::console) folder: Option<String>,
    /// The version of the source's terms that was accepted.
    pub(in crate::console) accepted_terms: Option<String>,
    /// How its last retry of parked things stands.
    pub(in crate::console) retrying: Option<Retrying>,
    /// What is the matter with it.
    pub(in crate::console) alerts: Vec<alerts::Standing>,
}

/// One connector; none when it is not configured.
///
/// # Errors
/// When the ledger of acts cannot be read.
pub(in crate::console) fn read(
    service: &Service,
    host: &Host,
    name: &str,
) -> Result<Option<ConnectorDocument>, Failure> {
    let status = service.connectors().into_iter().find(|status| status.name == name);
    let Some((status, connector)) = status.zip(host.config.connector(name)) else { return Ok(None) };
    let of_it = |alert: &alerts::Standing| alert.alarm.connector.as_deref() == Some(name);
    Ok(Some(ConnectorDocument {
        status,
        source: connector.source.plugin.plugin.label().to_owned(),
        mapper: connector.mapper.plugin.plugin.label().to_owned(),
        converter: connector.converter.plugin.label().to_owned(),
        destinations: connector.destinations.iter().map(DestinationConfig::label).collect(),
        folder: connector.folder.clone(),
        accepted_terms: connector.accepted_terms.clone(),
        retrying: service.retrying(name),
        alerts: alerts::standing(host)?.into_iter().filter(of_it).collect(),
    }))
}
