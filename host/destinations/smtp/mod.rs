//! SMTP: to another archive, as journal reports.
//!
//! What lives here, from the ground: one connection and its replies (`wire`), what a refusal means (`refusal`), reaching
//! a server (`session`, `sign_in`), what is sent (`journal`), sending it (`send`) and the check (`check`). Every copy is a
//! report to one address; "250" to the whole message is its receipt.
//!
//! **A lost reply.** SMTP cannot be asked what arrived. Where the message was sent whole and no reply came, it is sent
//! again, with the same bytes and the same Message-IDs, and an archive that merges by Message-ID shows it once. At least
//! once, never lost. So that little can be doubled, groups are small and go over one connection, one message after the
//! other; what was accepted before a connection broke is remembered until the ledger has it; and each time copies are
//! sent that may have arrived before, the log says how many.

mod check;
mod journal;
mod refusal;
mod send;
mod session;
mod settings;
mod sign_in;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::{Asked, Capabilities, Delivered, Delivery, Destination, Finding, Note, Show, imap::Account};
use crate::{
    item::{BlobSource, Failure, NextMove, limits},
    network::Dialer,
};

use refusal::Refusal;
use send::{Broken, Said};
use session::Session;
pub use settings::SmtpSettings;
use wire::Times;

/// Another archive behind one server.
pub struct Smtp {
    identity: String,
    settings: SmtpSettings,
    account: Option<Account>,
    dialer: Dialer,
    times: Times,
    /// The connection, kept for a while after use.
    kept: Arc<Mutex<Kept>>,
    /// What is known of copies whose group failed.
    fates: std::sync::Mutex<HashMap<CopyName, Fate>>,
    /// Messages refused one after another, none taken in between.
    refused: AtomicUsize,
}

#[derive(Default)]
struct Kept {
    session: Option<Box<Session>>,
    uses: u64,
}

/// Mailbox and Message-ID.
type CopyName = (Arc<str>, Arc<str>);

/// What is known of a copy whose group failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The server has it.
    Accepted,
    /// The server does not have it.
    Unsent,
}

/// What became of the copies of a group so far; none: not tried, or not answered.
type Answers = Vec<Option<Delivered>>;

impl Smtp {
    fn write_only(&self, messages: usize) -> Failure {
        let place = self.settings.place();
        let message = format!("`{place}` was sent {messages} of these messages by SMTP, which cannot be read back");
        Failure::new("destination-write-only", NextMove::Reject, message).hint(
            "look for them in that archive by Message-ID; a second destination of kind `eml` or `maildir` keeps what can be read back",
        )
    }

    /// Nothing is asked of the server yet.
    pub fn new(settings: SmtpSettings, account: Option<Account>, dialer: Dialer) -> Self {
        Self::with_times(settings, account, dialer, Times::default())
    }

    fn with_times(settings: SmtpSettings, account: Option<Account>, dialer: Dialer, times: Times) -> Self {
        Self {
            identity: format!("smtp:{}:{}:{}", settings.host, settings.port, settings.to),
            settings,
            account,
            dialer,
            times,
            kept: Arc::default(),
            fates: std::sync::Mutex::default(),
            refused: AtomicUsize::new(0),
        }
    }

    /// The connection; a new one when there is none, or when this one has taken as many as one should.
    async fn session<'k>(&self, kept: &'k mut Kept) -> Result<&'k mut Session, Failure> {
        if kept.session.as_ref().is_some_and(|session| session.accepted >= limits::SMTP_MESSAGES_MAX)
            && let Some(session) = kept.session.take()
        {
            session.quit().await;
        }
        let session = match kept.session.take() {
            Some(session) => session,
            None => Box::new(session::enter(&self.settings, self.account.as_ref(), &self.dialer, self.times).await?),
        };
        Ok(kept.session.insert(session))
    }

    /// Sends copy after copy; the failure is why not all of them have an answer.
    async fn send_all(
        &self,
        kept: &mut Kept,
        group: &[Delivery],
        blobs: &Arc<dyn BlobSource>,
        lost: &mut Option<usize>,
    ) -> (Answers, Option<Failure>) {
        let mut answers: Answers = vec![None; group.len()];
        let (mut later, mut postponed) = (None, 0);
        let mut index = 0;
        while let Some(copy) = group.get(index) {
            let session = match self.session(kept).await {
                Ok(session) => session,
                Err(failure) => return (answers, Some(failure)),
            };
            let took_others = session.accepted > 0;
            let report = journal::report(copy, &self.settings.from, &self.settings.to);
            if let Some(failure) = self.untakable(session, copy, &report) {
                answers[index] = Some(Delivered::Refused(failure));
                index += 1;
                continue;
            }
            match send::send(session, &self.settings, &report, blobs).await {
                Ok(Said::Accepted) => {
                    self.refused.store(0, Ordering::Relaxed);
                    answers[index] = Some(Delivered::Stored(Vec::new()));
                }
                Ok(Said::Refused(refusal)) => {
                    let is_open = session.is_alive().await;
                    if !is_open {
                        kept.session = None;
                    }
                    match refusal {
                        // It had enough of this connection: the next one takes the message.
                        Refusal::Later(_) if !is_open && took_others => continue,
                        Refusal::Later(failure) => {
                            postponed += 1;
                            if !is_open || postponed >= limits::SMTP_POSTPONED_MAX {
                                return (answers, Some(failure));
                            }
                            // One that is put off keeps no other back.
                            later = Some(failure);
                        }
                        Refusal::Message(failure) => {
                            let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
                            if refused >= limits::SMTP_REFUSED_MAX {
                                return (answers, Some(refusal::everything(&self.settings.place(), &failure)));
                            }
                            answers[index] = Some(Delivered::Refused(failure));
                        }
                        Refusal::All(failure) => return (answers, Some(failure)),
                    }
                }
                Err(Broken::Unsent(failure)) => {
                    kept.session = None;
                    // Connections end. As long as each takes something, that is no failure.
                    if took_others && failure.code == "no-answer" {
                        continue;
                    }
                    return (answers, Some(failure));
                }
                Err(Broken::Lost(failure)) => {
                    kept.session = None;
                    *lost = Some(index);
                    return (answers, Some(failure));
                }
            }
            index += 1;
        }
        (answers, later)
    }

    /// Why the server cannot take this message, as far as it said before.
    fn untakable(&self, session: &Session, copy: &Delivery, report: &journal::Report) -> Option<Failure> {
        let (size, inner) = (report.message.size_bytes(), copy.message.size_bytes());
        let place = self.settings.place();
        match session.offers.size_bytes() {
            Some(limit) if size > limit => Some(refusal::over_limit(&place, size, size - inner, limit)),
            _ if report.is_eight_bit && !session.offers.has("8BITMIME") => Some(refusal::eight_bit(&place)),
            _ => None,
        }
    }

    /// Remembers what is known of a group that has not all its answers.
    fn remember(&self, group: &[Delivery], answers: &Answers, lost: Option<usize>) {
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, (copy, answer)) in group.iter().zip(answers).enumerate() {
            let fate = match answer {
                Some(Delivered::Stored(_) | Delivered::AlreadyThere(_)) => Fate::Accepted,
                _ if lost == Some(index) => continue,
                _ => Fate::Unsent,
            };
            fates.insert(name(copy), fate);
        }
    }
}

fn name(copy: &Delivery) -> CopyName {
    (Arc::clone(&copy.mailbox), Arc::clone(&copy.message.message_id))
}

/// Closes the connection when nobody used it for a while.
async fn close_when_idle(kept: Weak<Mutex<Kept>>, uses: u64) {
    tokio::time::sleep(limits::SMTP_IDLE_TIME_MAX).await;
    let Some(kept) = kept.upgrade() else { return };
    let mut kept = kept.lock().await;
    if kept.uses == uses
        && let Some(session) = kept.session.take()
    {
        session.quit().await;
    }
}

impl Destination for Smtp {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            message_bytes_max: self.settings.message_bytes_max,
            group_copies_max: limits::SMTP_GROUP_COPIES_MAX,
            gather_copies: 0,
        }
    }

    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        Box::pin(async move {
            Ok(addresses.iter().map(|address| self.settings.mailboxes.find(address, |_| false)).collect())
        })
    }

    fn deliver(
        &self,
        group: Vec<Delivery>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'_, Result<Vec<Delivered>, Failure>> {
        Box::pin(async move {
            {
                // They are sent again: what was known of them before is over.
                let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
                for copy in &group {
                    fates.remove(&name(copy));
                }
            }
            let mut kept = self.kept.lock().await;
            kept.uses += 1;
            if let Some(mut session) = kept.session.take()
                && session.is_alive().await
            {
                kept.session = Some(session);
            }
            let mut lost = None;
            let (answers, failure) = self.send_all(&mut kept, &group, &blobs, &mut lost).await;
            tokio::spawn(close_when_idle(Arc::downgrade(&self.kept), kept.uses));
            let Some(failure) = failure else {
                let unanswered = || refusal::garbage(&self.settings.place(), "it left messages without an answer");
                return answers.into_iter().map(|answer| answer.ok_or_else(unanswered)).collect();
            };
            self.remember(&group, &answers, lost);
            let is_stored = |answer: &Option<Delivered>| matches!(answer, Some(Delivered::Stored(_)));
            if answers.iter().any(is_stored) && !matches!(failure.next, NextMove::Retry { .. }) {
                // The turn ends here, but only after the receipts of what was taken: `present` tells of it, and the rest
                // fails anew.
                return Err(Failure { next: NextMove::Retry { after: Some(Duration::ZERO) }, ..failure });
            }
            Err(failure)
        })
    }

    fn inventory<'a>(
        &'a self,
        _: &'a str,
        asked: Asked<'a>,
        _: &'a mut Note<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            Err(self.write_only(match asked {
                Asked::Folder(wanted) => wanted.len(),
                Asked::Elsewhere(marks) => marks.len(),
            }))
        })
    }

    fn read_back<'a>(
        &'a self,
        _: &'a str,
        wanted: HashSet<[u8; 32]>,
        _: &'a mut Show<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if wanted.is_empty() {
                return Ok(());
            }
            Err(self.write_only(wanted.len()))
        })
    }

    fn check<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(check::check(&self.settings, self.account.as_ref(), &self.dialer, self.times))
    }

    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>> {
        Box::pin(async move {
            let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
            let known: Vec<Option<Fate>> = group.iter().map(|copy| fates.remove(&name(copy))).collect();
            let unknown = known.iter().filter(|fate| fate.is_none()).count();
            if unknown > 0 {
                tracing::warn!(
                    destination = self.identity,
                    copies = unknown,
                    "an SMTP server cannot be asked what arrived: copies that may be there already are sent again"
                );
            }
            Ok(known.into_iter().map(|fate| (fate == Some(Fate::Accepted)).then(Vec::new)).collect())
        })
    }
}
