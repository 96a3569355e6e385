//! Connections: at most so many to a server, each signed in to one mailbox, kept for a while after use.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    refusal,
    session::{self, Entered, Session},
    settings::{Account, ImapSettings},
    sign_in::SignIn,
    wire::Times,
};
use crate::{
    item::{Failure, NextMove, limits},
    network::Dialer,
};

/// How many connections are in use at each server, whichever destinations of the host use them.
#[derive(Clone, Default)]
pub struct Servers(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Servers {
    /// The first destination of a server says how many it takes.
    fn permits(&self, place: &str, connections_max: usize) -> Arc<Semaphore> {
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(servers.entry(place.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(connections_max))))
    }
}

/// A destination's connections.
pub(super) struct Pool {
    pub(super) settings: ImapSettings,
    pub(super) times: Times,
    pub(super) place: String,
    pub(super) dialer: Dialer,
    accounts: std::collections::BTreeMap<String, Account>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
    /// Whether the account was let into any mailbox.
    was_let_in: AtomicBool,
    /// What the server said last it takes of one message; all there is while it said nothing.
    announced_bytes_max: AtomicU64,
    /// Whether a server that had not been signed in to was asked what it takes.
    was_asked_for_limit: AtomicBool,
    /// Mailboxes that the account was not let into, and why: asked once, so that looking and sending agree.
    denied: Mutex<HashMap<String, Failure>>,
}

#[derive(Default)]
struct Idle {
    sessions: Vec<(u64, String, Box<Session>)>,
    in_use: usize,
    last_number: u64,
}

/// Why no connection to a mailbox was had.
#[derive(Debug)]
pub(super) enum NoEntry {
    /// The server says no for this mailbox.
    Denied(Failure),
    /// Anything else.
    Failed(Failure),
}

impl Pool {
    pub(super) fn new(
        settings: ImapSettings,
        accounts: std::collections::BTreeMap<String, Account>,
        dialer: Dialer,
        servers: &Servers,
        times: Times,
    ) -> Self {
        let place = session::place(&settings);
        Self {
            permits: servers.permits(&place, settings.connections_max),
            place,
            settings,
            times,
            dialer,
            accounts,
            idle: Arc::default(),
            was_let_in: AtomicBool::new(false),
            announced_bytes_max: AtomicU64::new(u64::MAX),
            was_asked_for_limit: AtomicBool::new(false),
            denied: Mutex::default(),
        }
    }

    /// A connection to this mailbox, once there is one to be had.
    pub(super) async fn lease(&self, mailbox: &str) -> Result<Lease<'_>, NoEntry> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| {
            NoEntry::Failed(Failure::new("host-panic", NextMove::Stop, format!("connections are closed: {error}")))
        })?;
        let kept = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.in_use += 1;
            let at = idle.sessions.iter().position(|(_, of, _)| of == mailbox);
            let kept = at.map(|at| idle.sessions.remove(at).2);
            // Kept connections count as well: the oldest makes room.
            while idle.sessions.len() + idle.in_use > self.settings.connections_max && !idle.sessions.is_empty() {
                idle.sessions.remove(0);
            }
            kept
        };
        let mut lease = Lease { pool: self, mailbox: mailbox.to_owned(), session: kept, _permit: permit };
        if let Some(session) = &mut lease.session
            && !session.is_alive().await
        {
            lease.session = None;
        }
        lease.enter().await?;
        Ok(lease)
    }

    /// The largest message: what the operator says or what the server announces, whichever is less.
    pub(super) fn message_bytes_max(&self) -> Option<u64> {
        let announced = self.announced_bytes_max.load(Ordering::Relaxed);
        let least = self.settings.message_bytes_max.unwrap_or(u64::MAX).min(announced);
        (least < u64::MAX).then_some(least)
    }

    /// Signs in once, so that what the server announces is known before the first message is written. A server that
    /// cannot be reached now says so when something is delivered.
    pub(super) async fn ask_for_limit(&self, mailbox: &str) {
        if !self.was_let_in.load(Ordering::Relaxed) && !self.was_asked_for_limit.swap(true, Ordering::Relaxed) {
            let _ = self.lease(mailbox).await;
        }
    }

    /// What a mailbox that the account is not let into means: once it was let in anywhere, that mailbox alone is
    /// concerned; before, the account may be at fault, and a person must look.
    pub(super) fn verdict(&self, denied: Failure) -> Result<Failure, Failure> {
        if self.was_let_in.load(Ordering::Relaxed) {
            Ok(denied)
        } else {
            Err(refusal::sign_in_everywhere(&self.place, &denied))
        }
    }

    /// A new connection to this mailbox.
    pub(super) async fn enter(&self, mailbox: &str) -> Result<Box<Session>, NoEntry> {
        let known = self.denied.lock().unwrap_or_else(PoisonError::into_inner).get(mailbox).cloned();
        if let Some(failure) = known {
            return Err(NoEntry::Denied(failure));
        }
        let name = self.settings.access.credential_for(mailbox);
        let Some(account) = name.and_then(|name| self.accounts.get(name)) else {
            let message = format!("there is no credential for this mailbox at `{}`", self.place);
            return Err(NoEntry::Denied(Failure::new("mailbox-denied", NextMove::Reject, message).hint(
                "add the mailbox to the `credential` table of the destination, then run `chancery parked retry`",
            )));
        };
        let greeted = session::greet(&self.settings, &self.dialer, self.times).await.map_err(NoEntry::Failed)?;
        let who = SignIn { mailbox, account };
        match session::enter(greeted, &self.settings, who).await.map_err(NoEntry::Failed)? {
            Entered::In(session) => {
                self.was_let_in.store(true, Ordering::Relaxed);
                let announced = session.offers.append_limit_bytes().unwrap_or(u64::MAX);
                self.announced_bytes_max.store(announced, Ordering::Relaxed);
                Ok(session)
            }
            Entered::Refused(failure) => {
                let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
                if denied.len() < limits::IMAP_KNOWN_MAILBOXES_MAX {
                    denied.insert(mailbox.to_owned(), failure.clone());
                }
                Err(NoEntry::Denied(failure))
            }
        }
    }

    fn put_back(&self, mailbox: &str, session: Option<Box<Session>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.in_use -= 1;
        let Some(session) = session else { return };
        idle.last_number += 1;
        let number = idle.last_number;
        idle.sessions.push((number, mailbox.to_owned(), session));
        let pool = Arc::downgrade(&self.idle);
        tokio::spawn(close_when_idle(pool, number));
    }
}

/// Closes a connection that nobody took for a while.
async fn close_when_idle(idle: Weak<Mutex<Idle>>, number: u64) {
    tokio::time::sleep(limits::IMAP_IDLE_TIME_MAX).await;
    if let Some(idle) = idle.upgrade() {
        idle.lock().unwrap_or_else(PoisonError::into_inner).sessions.retain(|(of, _, _)| *of != number);
    }
}

/// A connection in use. It goes back when dropped, unless it was given up.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    mailbox: String,
    session: Option<Box<Session>>,
    _permit: OwnedSemaphorePermit,
}

impl Lease<'_> {
    pub(super) fn place(&self) -> &str {
        &self.pool.place
    }

    /// The connection; a new one when the last was given up.
    pub(super) async fn session(&mut self) -> Result<&mut Session, Failure> {
        self.enter().await.map_err(|no_entry| match no_entry {
            NoEntry::Denied(failure) | NoEntry::Failed(failure) => failure,
        })?;
        self.session.as_deref_mut().ok_or_else(|| refusal::dropped(&self.pool.place, "it was given up"))
    }

    async fn enter(&mut self) -> Result<(), NoEntry> {
        if self.session.is_none() {
            self.session = Some(self.pool.enter(&self.mailbox).await?);
        }
        Ok(())
    }

    /// What the server expects on this connection is not known any more.
    pub(super) fn give_up(&mut self) {
        self.session = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.pool.put_back(&self.mailbox, self.session.take());
    }
}
