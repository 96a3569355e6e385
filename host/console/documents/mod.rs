//! What pages show and the API answers: one document for both, read from the index and the ledgers.
//!
//! What lives here: reading, with limits. What may not: HTML, HTTP, and message text but where a document says so.

pub(super) mod activity;
pub(super) mod connectors;
pub(super) mod content;
pub(super) mod items;
pub(super) mod ledger;
pub(super) mod mapping;
pub(super) mod plugins;
pub(super) mod runs;

use std::sync::Arc;

use super::kernel::{Actor, Console, Trouble};
use crate::{
    item::{Failure, NextMove, TimestampMs, time::rfc3339},
    people::Right,
    scheduler::Host,
    state::{Act, ConnectorState},
};

impl Console {
    /// Bundles a day: mails leave the mailboxes in clear, so that both rights are needed, and who does it is recorded first.
    ///
    /// # Errors
    /// A missing right; as [`ledger::bundle`].
    pub(super) async fn bundle(
        &self,
        actor: &Actor,
        name: &str,
        day_ms: TimestampMs,
        reason: &str,
    ) -> Result<ledger::BundleDocument, Trouble> {
        actor.require(Right::Evidence)?;
        actor.require(Right::ReadContent)?;
        let host = self.host()?;
        state_of(&host, name)?;
        let day = rfc3339(day_ms);
        let subject = format!("{name}: {}", day.get(..10).unwrap_or(&day));
        self.record(Act::of(&actor.name, "ledger bundle", &subject, reason)).await?;
        Ok(ledger::bundle(&host, name, day_ms).await?)
    }
}

/// A connector's record; one that was taken out of the configuration still has it.
///
/// # Errors
/// `connector-unknown`.
pub(super) fn state_of(host: &Host, name: &str) -> Result<Arc<ConnectorState>, Failure> {
    if host.config.connector(name).is_none() && !host.state.connectors()?.iter().any(|known| known == name) {
        return Err(unknown(name));
    }
    Ok(host.state.connector(name)?)
}

pub(super) fn unknown(name: &str) -> Failure {
    Failure::new("connector-unknown", NextMove::AskPerson, format!("there is no connector `{name}`"))
        .hint("`chancery connector list` has them")
}

/// Every connector that is configured or has a ledger, by name.
///
/// # Errors
/// When the data folder cannot be read.
pub(super) fn names(host: &Host) -> Result<Vec<String>, Failure> {
    let mut names = host.state.connectors()?;
    names.extend(host.config.connectors.iter().map(|connector| connector.name.clone()));
    names.sort();
    names.dedup();
    Ok(names)
}
