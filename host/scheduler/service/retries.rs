//! Trying again what is parked, beside schedules: never while the connector's turn is under way.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;

use super::{Failed, Service, live::Live, unpoisoned};
use crate::{
    item::{Failure, NextMove, TimestampMs, limits::RETRIES_WAITING_MAX},
    pipeline::{self, Retried, Selection},
    scheduler::sync,
    state::Act,
};

/// A retry that somebody asked for.
pub(super) struct Job {
    name: String,
    selection: Selection,
    done: oneshot::Sender<Result<Retried, Failure>>,
}

impl Job {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// How a connector's last retry stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Retrying {
    /// It waits for a turn's end.
    Waiting,
    /// It is under way.
    Running,
    /// It came to its end.
    Done {
        /// When.
        at_ms: TimestampMs,
        /// Parked copies and items that were tried.
        tried: u64,
        /// Copies that are parked no more.
        freed: u64,
        /// Copies and items that still are.
        still_parked: u64,
    },
    /// It ended early; what was freed before stays so.
    Failed {
        /// When.
        at_ms: TimestampMs,
        /// Why.
        failure: Failed,
    },
}

/// A retry under way.
#[derive(Debug)]
pub struct Asked(oneshot::Receiver<Result<Retried, Failure>>);

impl Asked {
    /// Waits for its end.
    ///
    /// # Errors
    /// What ended it early; `state-closed` when the service stops before it began.
    pub async fn done(self) -> Result<Retried, Failure> {
        self.0.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> Failure {
    Failure::new("state-closed", NextMove::Stop, "the service stopped before it could be tried again")
        .hint("start it again, then run `chancery parked retry` again")
}

fn unknown(name: &str) -> Failure {
    Failure::new("connector-unknown", NextMove::AskPerson, format!("there is no connector `{name}`"))
        .hint("`chancery connector list` has them")
}

impl Service {
    /// Asks for a retry of what is parked, recorded with its actor before it begins. It waits for a turn under way.
    ///
    /// # Errors
    /// `connector-unknown`, `retry-waits` when too many wait already, or when the act cannot be recorded.
    pub async fn retry(&self, name: &str, selection: Selection, actor: &str) -> Result<Asked, Failure> {
        let host = self.host().ok_or_else(stopped)?;
        if host.config.connector(name).is_none() {
            return Err(unknown(name));
        }
        if unpoisoned(&self.0.jobs).len() >= RETRIES_WAITING_MAX {
            let message = format!("{RETRIES_WAITING_MAX} retries wait already");
            return Err(Failure::new("retry-waits", NextMove::Retry { after: None }, message)
                .hint("wait until they are done: `chancery status`"));
        }
        let item = selection.item.map(|item| format!("item {}", item.0));
        let what: Vec<String> = item.into_iter().chain(selection.reason.clone()).collect();
        let what = if what.is_empty() { "everything parked".to_owned() } else { what.join(", ") };
        let act = Act::of(actor, "parked retry", name, &what);
        pipeline::blocking(move || Ok(host.state.record_act(act)?)).await?;
        let (done, asked) = oneshot::channel();
        {
            let mut jobs = unpoisoned(&self.0.jobs);
            // Looked at with the jobs in hand: what is put there after a stopping service cleared them is never begun.
            if self.is_stopping() {
                return Err(stopped());
            }
            unpoisoned(&self.0.retries).insert(name.to_owned(), Retrying::Waiting);
            jobs.push_back(Job { name: name.to_owned(), selection, done });
        }
        self.0.wake.notify_one();
        self.changed();
        Ok(Asked(asked))
    }

    /// How a connector's last retry stands, since the service was started.
    pub fn retrying(&self, name: &str) -> Option<Retrying> {
        unpoisoned(&self.0.retries).get(name).cloned()
    }

    /// The jobs whose connectors are free now; their places are taken. Those whose connector was taken out of the
    /// configuration end here: no place ever comes for them.
    pub(super) fn take_jobs(&self) -> Vec<Job> {
        let mut taken = Vec::new();
        let mut jobs = unpoisoned(&self.0.jobs);
        let mut plan = unpoisoned(&self.0.plan);
        for job in std::mem::take(&mut *jobs) {
            if !plan.is_configured(&job.name) {
                let failure = unknown(&job.name);
                self.retry_failed(&job.name, &failure);
                // Who asked may have gone.
                let _heard = job.done.send(Err(failure));
            } else if plan.reserve(&job.name) {
                taken.push(job);
            } else {
                jobs.push_back(job);
            }
        }
        taken
    }

    /// Remembers that a retry ended early.
    pub(super) fn retry_failed(&self, name: &str, failure: &Failure) {
        let failed = Retrying::Failed { at_ms: self.now_ms(), failure: failure.into() };
        unpoisoned(&self.0.retries).insert(name.to_owned(), failed);
        self.changed();
    }

    /// Does one.
    pub(super) async fn do_job(self, Job { name, selection, done }: Job) -> Option<Failure> {
        let host = self.host()?;
        let outcome = match host.config.connector(&name) {
            Some(connector) => {
                let began_ms = self.now_ms();
                let (uptime_ms, stopping) = (Arc::clone(&host.clocks.uptime_ms), Arc::clone(&self.0.stopping));
                let live = Arc::new(Live::new(began_ms, uptime_ms, stopping, self.0.changed.clone()));
                unpoisoned(&self.0.live).insert(name.clone(), Arc::clone(&live));
                unpoisoned(&self.0.retries).insert(name.clone(), Retrying::Running);
                self.changed();
                sync::retry(&host, connector, &selection, live).await
            }
            None => Err(pipeline::stopped(&name)),
        };
        let at_ms = self.now_ms();
        let stands = match &outcome {
            Ok(Retried { tried, freed, still_parked }) => {
                Retrying::Done { at_ms, tried: *tried, freed: *freed, still_parked: *still_parked }
            }
            Err(failure) => Retrying::Failed { at_ms, failure: failure.into() },
        };
        tracing::info!(connector = name, code = outcome.as_ref().err().map(|failure| &*failure.code), "a retry ended");
        unpoisoned(&self.0.retries).insert(name, stands);
        // Who asked may have gone.
        let _heard = done.send(outcome);
        None
    }
}
