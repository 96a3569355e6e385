//! Microsoft Graph: mailboxes of Exchange Online, written as JSON by an application of the tenant.
//!
//! What lives here: messages as JSON (`shape`), requests and what their answers mean (`client`, `verdict`), people and
//! folders (`places`), groups and files on their way (`deliver`, `files`), what is found again (`seek`, `inventory`), and what an
//! operator is told (`check`). What may not: items, mapping, the ledger.
//!
//! Graph has no idempotent creation. A copy carries an extended property made from its Message-ID; an answer that did
//! not come leaves the group in doubt, and whoever is in doubt asks for that property before anything is sent again. A
//! message whose files were not all added is removed, at once or when it is looked for.

mod check;
mod client;
mod cloud;
mod deliver;
mod files;
mod inventory;
mod places;
mod seek;
mod shape;
#[cfg(test)]
mod tests;
mod verdict;

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
};

use futures::future::BoxFuture;

use super::{Asked, Capabilities, Delivered, Delivery, Destination, Finding, Mailboxes, Note, Show};
use crate::{
    item::{BlobSource, Failure, NextMove, limits, network::Network},
    network::{Pace, Rate, TokenSource},
};

pub use cloud::Cloud;
pub use shape::Shape;

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct GraphSettings {
    /// The tenant, for the identity and for messages; filled in by whoever knows the credential.
    pub tenant: String,
    /// The cloud it is in.
    pub cloud: Cloud,
    /// Where Graph is: the cloud's, or another for tests and gateways.
    pub endpoint: String,
    /// Folder name in each mailbox.
    pub folder: String,
    /// Which addresses are mailboxes; existing ones are those of the tenant's directory.
    pub mailboxes: Mailboxes,
    /// Name of the credential of the application.
    pub credential: String,
    /// Largest message.
    pub message_bytes_max: u64,
    /// Requests to one mailbox in ten minutes.
    pub requests_max: u32,
    /// How messages look.
    pub shape: Shape,
}

/// Mailboxes of one tenant.
pub struct Graph {
    identity: String,
    settings: GraphSettings,
    client: client::Client,
    places: places::Places,
    /// Whether anything was written yet: then a mailbox that may not be used is a matter of its own.
    reached: AtomicBool,
}

impl Graph {
    /// Signs in as the application of `tokens` when it is first needed.
    ///
    /// # Errors
    /// `egress-denied` when the endpoint may not be dialled.
    pub fn new(
        settings: GraphSettings,
        http: reqwest::Client,
        network: &Network,
        tokens: Arc<TokenSource>,
    ) -> Result<Self, Failure> {
        let endpoint = url::Url::parse(&settings.endpoint).map_err(|error| {
            let message = format!("`{}` is no endpoint of Microsoft Graph: {error}", settings.endpoint);
            Failure::new("network-misconfigured", NextMove::AskPerson, message)
        })?;
        crate::network::check_literal(network, &settings.endpoint, crate::network::literal(&endpoint))?;
        let rate = Rate {
            at_once_max: limits::GRAPH_AT_ONCE_MAX,
            requests_max: settings.requests_max,
            window: limits::GRAPH_WINDOW,
        };
        let client = client::Client::new(http, &settings.endpoint, network, tokens, Pace::new(rate));
        let identity = format!("graph:{}@{}", settings.tenant, endpoint.host_str().unwrap_or_default());
        Ok(Self { identity, settings, client, places: places::Places::default(), reached: AtomicBool::new(false) })
    }

    async fn user_path(&self, mailbox: &str) -> Result<Option<String>, Failure> {
        self.places.user(&self.client, &self.settings.mailboxes, mailbox).await
    }

    /// Where messages of a mailbox are posted to; the folder is made when it is missing.
    async fn messages_path(&self, mailbox: &Arc<str>) -> Result<Result<String, verdict::Verdict>, Failure> {
        let Some(user) = self.user_path(mailbox).await? else {
            return Ok(Err(verdict::judge(mailbox, 404, "ErrorInvalidUser", None)));
        };
        let folder = self.places.folder(&self.client, mailbox, &user, &self.settings.folder, true).await?;
        Ok(match folder {
            Ok(Some(id)) => Ok(format!("{user}/mailFolders/{}/messages", cloud::escaped(&id))),
            // Graph says that it is there, and does not find it.
            Ok(None) => Err(verdict::judge(mailbox, 503, "", None)),
            Err(verdict) => Err(verdict),
        })
    }

    fn no_rights(&self) -> Failure {
        let message = format!("the application may not write into any mailbox of `{}`", self.settings.tenant);
        Failure::new("destination-denied", NextMove::AskPerson, message).hint(
            "give it `Mail.ReadWrite` or the role `Application Mail.ReadWrite` (docs/exchange-online.md); rights may take an hour to hold; then run `chancery connector check`",
        )
    }
}

impl Destination for Graph {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            message_bytes_max: Some(self.settings.message_bytes_max),
            group_copies_max: limits::GRAPH_GROUP_COPIES_MAX,
            gather_copies: 0,
        }
    }

    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        Box::pin(self.places.lookup(&self.client, &self.settings.mailboxes, addresses))
    }

    fn deliver(
        &self,
        group: Vec<Delivery>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'_, Result<Vec<Delivered>, Failure>> {
        Box::pin(deliver::deliver(self, group, blobs))
    }

    /// Graph renders messages anew: only those that carry the original as a file come back byte for byte, and only
    /// they are shown.
    fn read_back<'a>(
        &'a self,
        mailbox: &'a str,
        wanted: HashSet<[u8; 32]>,
        show: &'a mut Show<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(seek::read_back(self, mailbox, wanted, show))
    }

    /// What lies elsewhere is found with what lies in the folder: Graph is asked for messages of the whole mailbox.
    fn inventory<'a>(
        &'a self,
        mailbox: &'a str,
        asked: Asked<'a>,
        note: &'a mut Note<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match asked {
                Asked::Folder(wanted) => inventory::inventory(self, mailbox, wanted, note).await,
                Asked::Elsewhere(_) => Ok(()),
            }
        })
    }

    fn check<'a>(&'a self, mailboxes: &'a [String]) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(check::check(self, mailboxes))
    }

    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>> {
        Box::pin(seek::present(self, group))
    }
}
