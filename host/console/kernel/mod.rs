//! What every page and every call of the API stands on.
//!
//! What lives here: who asks ([`actor`]), what is let through and with which headers ([`gate`]), bodies of forms with
//! their limits ([`forms`]), what went wrong, as a page and for a program ([`trouble`]), refused attempts that are worth a
//! record ([`refusals`]), and the frame of each page ([`shell`]). What may not: what a page shows or does.
//!
//! A browser is known by the cookie `__Host-chancery`, which it sends to this host alone, over TLS or to the machine it
//! runs on; a program by its token. A page changes something by POST alone, and only for a form of its own session, sent
//! from its own origin.

mod actor;
mod assets;
mod forms;
mod gate;
mod refusals;
mod returning;
mod shell;
mod trouble;
mod uploads;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(in crate::console) use actor::{Actor, Via, clear_cookie, cookie_of, form_token, set_cookie};
pub(in crate::console) use forms::{Form, OpenForm, Upload, safe_path, whole};
pub(in crate::console) use gate::{Asker, Peer};
pub(in crate::console) use refusals::{Kind, Refusals};
pub(in crate::console) use returning::Returning;
pub(in crate::console) use shell::{Place, back, frame, page, time, words};
pub(in crate::console) use trouble::Trouble;
use uploads::Uploads;

use crate::{
    config::ConsoleConfig,
    item::{Failure, NextMove, TimestampMs, limits},
    people::{People, Record},
    pipeline,
    scheduler::{Host, service::Service},
    state::Act,
};

/// What every route is given.
#[derive(Clone)]
pub(in crate::console) struct Console {
    pub(in crate::console) service: Service,
    pub(in crate::console) people: Arc<People>,
    access: Arc<Access>,
    refusals: Arc<Refusals>,
    streams: Arc<Semaphore>,
    pub(in crate::console) uploads: Arc<Uploads>,
}

/// From where the console is asked.
#[derive(Debug)]
struct Access {
    /// What a browser puts before a path.
    origin: String,
    /// Names in `Host` that mean this console, without a port.
    hosts: Vec<String>,
    proxies: Vec<IpAddr>,
    is_encrypted: bool,
}

impl Access {
    fn new(config: &ConsoleConfig, listening: SocketAddr) -> Self {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let origin = config.origin.clone().unwrap_or_else(|| format!("{scheme}://{listening}"));
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
        hosts.extend(gate::host_of(&origin).map(str::to_owned));
        let is_encrypted = origin.starts_with("https:");
        Self { origin, hosts, proxies: config.proxies.clone(), is_encrypted }
    }
}

impl Console {
    /// The console of a service that listens here.
    pub(in crate::console) fn new(
        service: Service,
        people: Arc<People>,
        config: &ConsoleConfig,
        listening: SocketAddr,
    ) -> Self {
        let access = Arc::new(Access::new(config, listening));
        let streams = Arc::new(Semaphore::new(limits::CONSOLE_STREAMS_MAX));
        Self { service, people, access, refusals: Arc::default(), streams, uploads: Arc::default() }
    }

    /// What time it is.
    pub(in crate::console) fn now_ms(&self) -> TimestampMs {
        self.service.now_ms()
    }

    /// The address of a path, for links that are handed over.
    pub(in crate::console) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.access.origin)
    }

    /// The host with the configuration in force.
    pub(in crate::console) fn host(&self) -> Result<Arc<Host>, Trouble> {
        let stopped = || Failure::new("state-closed", NextMove::Stop, "the service is stopping").hint("start it again");
        Ok(self.service.host().ok_or_else(stopped)?)
    }

    /// Reads something off the threads that answer.
    pub(in crate::console) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Host) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Trouble> {
        let host = self.host()?;
        Ok(pipeline::blocking(move || read(&host)).await?)
    }

    /// Asks for a turn now, recorded with who did.
    pub(in crate::console) async fn run_now(&self, actor: &Actor, name: &str) -> Result<(), Trouble> {
        self.is_configured(name)?;
        self.record(Act::of(&actor.name, "connector run", name, "")).await?;
        if self.service.run_now(name) { Ok(()) } else { Err(Trouble::NotFound) }
    }

    /// Pauses a connector or resumes it; false when it was so before.
    pub(in crate::console) async fn set_pause(
        &self,
        actor: &Actor,
        name: &str,
        reason: &str,
        pause: bool,
    ) -> Result<bool, Trouble> {
        self.is_configured(name)?;
        let reason = reason.trim();
        if pause && (reason.is_empty() || reason.chars().count() > limits::REASON_CHARS_MAX) {
            return Err(Trouble::Unfit(format!("say why, in 1 to {} characters", limits::REASON_CHARS_MAX)));
        }
        let service = &self.service;
        let changed = if pause {
            service.pause(name, &actor.name, reason).await
        } else {
            service.resume(name, &actor.name, reason).await
        };
        Ok(changed?)
    }

    fn is_configured(&self, name: &str) -> Result<(), Trouble> {
        if self.host()?.config.connector(name).is_some() { Ok(()) } else { Err(Trouble::NotFound) }
    }

    /// A place among those that are told of changes, for as long as it is held.
    pub(in crate::console) fn stream_place(&self) -> Result<OwnedSemaphorePermit, Trouble> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| Trouble::Busy)
    }

    /// Whether somebody's session goes on; looking is no use of it.
    pub(in crate::console) fn is_still_in(&self, actor: &Actor) -> bool {
        actor.session_secret().is_some_and(|secret| self.people.is_session(secret, self.now_ms()))
    }

    /// Records an act, durably.
    pub(in crate::console) async fn record(&self, act: Act) -> Result<(), Trouble> {
        let host = self.host()?;
        Ok(pipeline::blocking(move || Ok(host.state.record_act(act)?)).await?)
    }

    /// Changes people on behalf of somebody: recorded with them as its actor before it is done.
    pub(in crate::console) async fn change_people<T: Send + 'static>(
        &self,
        actor: &str,
        change: impl FnOnce(&People, Record<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (host, people, actor) = (self.host()?, Arc::clone(&self.people), actor.to_owned());
        let change = move || {
            let record = |verb: &str, subject: &str| Ok(host.state.record_act(Act::of(&actor, verb, subject, ""))?);
            change(&people, &record)
        };
        Ok(pipeline::blocking(change).await?)
    }
}

impl Console {
    /// What was refused, for whoever records the rest of it at the end.
    pub(in crate::console) fn clone_refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.refusals)
    }

    /// Takes note of a refused attempt that no [`Trouble`] tells of.
    pub(in crate::console) async fn refused(&self, kind: Kind, who: Option<&str>, address: IpAddr) {
        if let Some(act) = self.refusals.note(kind, who, address, self.now_ms())
            && let Err(trouble) = self.record(act).await
        {
            tracing::warn!("a refused attempt could not be recorded: {trouble}");
        }
    }
}

/// Puts routes behind the gate. What stands beside it (`/healthz`, `/metrics`) asks nobody who they are.
pub(in crate::console) fn behind_gate(routes: Router<Console>, console: Console) -> Router {
    routes
        .merge(assets::routes())
        .fallback(|| async { Trouble::NotFound })
        .method_not_allowed_fallback(|| async { Trouble::Method })
        // Bodies are read by the forms of this room, each with its limit.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(console.clone(), gate::pass))
        .with_state(console)
}

/// Records refused attempts that were counted, when their time has come.
pub(in crate::console) async fn record_refusals(console: &Console) {
    for act in console.refusals.due(console.now_ms(), false) {
        if let Err(trouble) = console.record(act).await {
            tracing::warn!("refused attempts could not be recorded: {trouble}");
        }
    }
}
