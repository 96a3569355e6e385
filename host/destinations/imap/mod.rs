//! IMAP: Dovecot, Cyrus, Gmail, Exchange Online and others.
//!
//! What lives here, from the ground: one connection and its answers (`wire`, `tokens`), what a server's "no" means
//! (`refusal`), signing in (`sign_in`, `session`), a few connections shared by many mailboxes (`pool`), writing (`append`, `command`), looking
//! (`look`), reading back (`inventory`) and the check (`check`). A group is cut by mailbox; mailboxes are written side by side, each by one
//! connection. No server keeps a message from being stored twice, so nothing is sent again here: an error leaves the
//! group in doubt, and `look` answers by Message-ID.

mod append;
mod check;
mod command;
mod inventory;
mod look;
mod offers;
mod pool;
mod refusal;
mod session;
mod settings;
mod sign_in;
#[cfg(test)]
mod tests;
mod tokens;
mod wire;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};

use super::{
    Asked, Capabilities, Delivered, Delivery, Destination, Finding, Mailboxes, Note, Show, directory::canonical,
};
use crate::{
    item::{BlobSource, Failure, NextMove, limits},
    network::Dialer,
};

pub use pool::Servers;
use pool::{NoEntry, Pool};
pub use settings::{Access, Account, CredentialByMailbox, ImapSettings, Mechanism, Security};
use wire::Times;

/// The mailboxes of one server.
pub struct Imap {
    identity: String,
    pool: Pool,
    /// Whether a mailbox can be opened, as asked so far.
    existing: Mutex<HashMap<String, bool>>,
}

/// What became of one mailbox's part of a group.
type Part<T> = (Vec<usize>, Result<Vec<T>, NoEntry>);

impl Imap {
    /// Nothing is asked of the server yet. `accounts` are by name of credential.
    pub fn new(settings: ImapSettings, accounts: BTreeMap<String, Account>, dialer: Dialer, servers: &Servers) -> Self {
        Self::with_times(settings, accounts, dialer, servers, Times::default())
    }

    fn with_times(
        settings: ImapSettings,
        accounts: BTreeMap<String, Account>,
        dialer: Dialer,
        servers: &Servers,
        times: Times,
    ) -> Self {
        let identity = format!("imap:{}:{}", settings.host, settings.port);
        Self { identity, pool: Pool::new(settings, accounts, dialer, servers, times), existing: Mutex::default() }
    }

    /// Runs `work` for each mailbox of the group, some side by side, and puts its answers where its copies stand. Every
    /// mailbox is seen to, whatever happens to another.
    async fn by_mailbox<'a, T: Clone + Send + 'a>(
        &'a self,
        group: &'a [Delivery],
        work: impl Fn(&'a str, Vec<&'a Delivery>) -> BoxFuture<'a, Result<Vec<T>, NoEntry>>,
        of_denied: impl Fn(Failure) -> T,
    ) -> Result<Vec<T>, Failure> {
        let mut indices: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, copy) in group.iter().enumerate() {
            indices.entry(&copy.mailbox).or_default().push(index);
        }
        let mut jobs: Vec<BoxFuture<'a, Part<T>>> = Vec::with_capacity(indices.len());
        for (mailbox, indices) in indices {
            let job = work(mailbox, indices.iter().map(|&index| &group[index]).collect());
            jobs.push(Box::pin(async move { (indices, job.await) }));
        }
        let parts: Vec<Part<T>> =
            stream::iter(jobs).buffer_unordered(self.pool.settings.connections_max).collect().await;
        let mut answers: Vec<Option<T>> = vec![None; group.len()];
        let mut worst: Option<Failure> = None;
        for (indices, part) in parts {
            let part = match part {
                Ok(part) => part,
                Err(NoEntry::Denied(failure)) => match self.pool.verdict(failure) {
                    Ok(failure) => vec![of_denied(failure); indices.len()],
                    Err(failure) => {
                        worst = Some(worse(worst, failure));
                        continue;
                    }
                },
                Err(NoEntry::Failed(failure)) => {
                    worst = Some(worse(worst, failure));
                    continue;
                }
            };
            indices.into_iter().zip(part).for_each(|(index, answer)| answers[index] = Some(answer));
        }
        if let Some(failure) = worst {
            return Err(failure);
        }
        let unanswered = || refusal::garbage(&self.pool.place, "it left messages without an answer");
        answers.into_iter().map(|answer| answer.ok_or_else(unanswered)).collect()
    }

    /// Whether the account can open this mailbox.
    async fn exists(&self, mailbox: &str) -> Result<bool, Failure> {
        let known = self.existing.lock().unwrap_or_else(PoisonError::into_inner).get(mailbox).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let exists = match self.pool.lease(mailbox).await {
            Ok(_) => true,
            Err(NoEntry::Denied(failure)) => {
                self.pool.verdict(failure)?;
                false
            }
            Err(NoEntry::Failed(failure)) => return Err(failure),
        };
        let mut existing = self.existing.lock().unwrap_or_else(PoisonError::into_inner);
        if existing.len() >= limits::IMAP_KNOWN_MAILBOXES_MAX {
            existing.clear();
        }
        existing.insert(mailbox.to_owned(), exists);
        Ok(exists)
    }
}

/// Of two failures, the one that says more of what follows: a person's act before patience, then the longer wait.
fn worse(before: Option<Failure>, failure: Failure) -> Failure {
    let weight = |failure: &Failure| match failure.next {
        NextMove::Stop => (2, None),
        NextMove::AskPerson | NextMove::Reject => (1, None),
        NextMove::Retry { after } => (0, after),
    };
    match before {
        Some(before) if weight(&before) >= weight(&failure) => before,
        _ => failure,
    }
}

impl Destination for Imap {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            message_bytes_max: self.pool.message_bytes_max(),
            group_copies_max: limits::LOAD_COPIES_MAX,
            // Each mailbox costs the server commands of its own.
            gather_copies: limits::LOAD_COPIES_MAX,
        }
    }

    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(addresses.len());
            for address in addresses {
                found.push(match &self.pool.settings.mailboxes {
                    Mailboxes::Existing => match canonical(address) {
                        Some(address) if self.exists(&address).await? => Some(address),
                        _ => None,
                    },
                    listed => listed.find(address, |_| false),
                });
            }
            if let Some(mailbox) = found.iter().flatten().next() {
                self.pool.ask_for_limit(mailbox).await;
            }
            Ok(found)
        })
    }

    fn deliver(
        &self,
        group: Vec<Delivery>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'_, Result<Vec<Delivered>, Failure>> {
        Box::pin(async move {
            let write = |mailbox, copies: Vec<_>| -> BoxFuture<'_, Result<Vec<Delivered>, NoEntry>> {
                let blobs = Arc::clone(&blobs);
                Box::pin(async move {
                    let mut lease = self.pool.lease(mailbox).await?;
                    append::append(&mut lease, &copies, &blobs).await.map_err(NoEntry::Failed)
                })
            };
            self.by_mailbox(&group, write, Delivered::Refused).await
        })
    }

    fn read_back<'a>(
        &'a self,
        mailbox: &'a str,
        wanted: HashSet<[u8; 32]>,
        show: &'a mut Show<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match self.pool.lease(mailbox).await {
                Ok(mut lease) => look::read_back(&mut lease, wanted, show).await,
                // A mailbox that is gone shows nothing; whoever reads back says what is missing.
                Err(NoEntry::Denied(failure)) => self.pool.verdict(failure).map(|_| ()),
                Err(NoEntry::Failed(failure)) => Err(failure),
            }
        })
    }

    fn inventory<'a>(
        &'a self,
        mailbox: &'a str,
        asked: Asked<'a>,
        note: &'a mut Note<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match self.pool.lease(mailbox).await {
                Ok(mut lease) => inventory::inventory(&mut lease, asked, note).await,
                // Nothing can be said of a mailbox that is not let into: that is no empty one.
                Err(NoEntry::Denied(failure)) => Err(self.pool.verdict(failure).unwrap_or_else(|failure| failure)),
                Err(NoEntry::Failed(failure)) => Err(failure),
            }
        })
    }

    fn check<'a>(&'a self, mailboxes: &'a [String]) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(check::check(&self.pool, mailboxes))
    }

    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>> {
        Box::pin(async move {
            let look = |mailbox, copies: Vec<_>| -> BoxFuture<'_, Result<Vec<Option<Vec<u8>>>, NoEntry>> {
                Box::pin(async move {
                    let mut lease = self.pool.lease(mailbox).await?;
                    look::present(&mut lease, &copies).await.map_err(NoEntry::Failed)
                })
            };
            // Into a mailbox that the account is not let into nothing is sent either: the verdict stands for the turn.
            self.by_mailbox(group, look, |_| None).await
        })
    }
}
