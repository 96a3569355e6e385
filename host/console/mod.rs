//! What a running service answers over HTTP.
//!
//! What lives here: the listener with its limits ([`bounded`]), the router, and two plain endpoints for whoever supervises the service: `/healthz`
//! ([`health`]) and `/metrics` ([`metrics`]). Nobody is asked who they are for these two, so they hold no account, number
//! or address. What may not: decisions about items or turns; those are asked of [`Service`].

mod api;
mod bounded;
mod documents;
mod health;
mod kernel;
mod metrics;
mod pages;
mod people;
mod wizard;

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use bounded::Bounded;
use kernel::{Console, Peer, Refusals};
use tokio::net::TcpListener;

use crate::{
    config::ConsoleConfig,
    item::{Failure, NextMove, limits},
    network::ServerCertificate,
    people::People,
    scheduler::{Host, service::Service},
};

/// Listens at this address; port 0 is any that is free.
///
/// # Errors
/// `listen-refused`: somebody else listens there, or passwords would cross a network in clear.
pub async fn listen(address: SocketAddr, config: &ConsoleConfig) -> Result<TcpListener, Failure> {
    let refused = |message| Failure::new("listen-refused", NextMove::AskPerson, message);
    let is_encrypted =
        config.tls.is_some() || config.origin.as_ref().is_some_and(|origin| origin.starts_with("https:"));
    if !address.ip().is_loopback() && !is_encrypted {
        let message =
            format!("the console would answer at `{address}` without encryption, so that passwords could be read");
        let hint = "add `[console]` with `tls = { certificate = \"FILE\", key = \"FILE\" }`, or with `origin = \"https://NAME\"` \
                    where a proxy encrypts (`\"http://localhost:PORT\"` where a container's port is published to loopback alone); or listen at 127.0.0.1";
        return Err(refused(message).hint(hint));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!("the service cannot listen at `{address}`: {error}");
        let hint = format!(
            "name another address with `--listen ADDR:PORT`, or end what listens there (`ss -ltnp 'sport = :{}'`)",
            address.port()
        );
        refused(message).hint(hint)
    })
}

/// A way to the console that was opened, and is not answered yet.
pub struct Door {
    listener: Bounded,
    console: Console,
    certificate: Option<ServerCertificate>,
}

impl Door {
    /// The console of a service, at a listener.
    ///
    /// # Errors
    /// `listen-refused` when the listener has no address, `console-certificate` when it cannot be encrypted as configured,
    /// `openid-refused` when a directory's groups have rights that there are not.
    pub fn new(
        listener: TcpListener,
        service: Service,
        people: Arc<People>,
        config: &ConsoleConfig,
    ) -> Result<Self, Failure> {
        let address = listener.local_addr().map_err(|error| {
            Failure::new(
                "listen-refused",
                NextMove::Stop,
                format!("the service does not know where it listens: {error}"),
            )
        })?;
        config.openid.as_ref().map_or(Ok(()), people::openid::check)?;
        let certificate = config.tls.as_ref().map(|tls| ServerCertificate::read(&tls.certificate, &tls.key));
        let certificate = certificate.transpose()?;
        let listener =
            Bounded::new(listener, certificate.clone(), limits::CONSOLE_CONNECTIONS_MAX, limits::CONSOLE_IDLE_TIME_MAX);
        Ok(Self { listener, console: Console::new(service, people, config, address), certificate })
    }

    /// What was refused and is not recorded yet: for the end of the service.
    pub fn refused(&self) -> Refused {
        Refused(self.console.clone_refusals())
    }

    /// What is shown to who comes, to be replaced when it is renewed.
    pub fn certificate(&self) -> Option<ServerCertificate> {
        self.certificate.clone()
    }

    /// The address of a path, as a browser has it.
    pub fn address(&self, path: &str) -> String {
        self.console.address(path)
    }
}

/// Refused attempts that are counted.
pub struct Refused(Arc<Refusals>);

impl Refused {
    /// Records what was counted so far.
    pub fn record(&self, host: &Host) {
        for act in self.0.due(0, true) {
            if let Err(error) = host.state.record_act(act) {
                tracing::warn!("refused attempts could not be recorded: {error}");
            }
        }
    }
}

/// Everything the service answers.
fn router(console: &Console) -> Router {
    // Whoever supervises the service asks for these two by any name, and without being known.
    let open = Router::new()
        .route("/healthz", get(health::answer))
        .route("/metrics", get(metrics::answer))
        .with_state(console.service.clone());
    open.merge(kernel::behind_gate(
        pages::routes().merge(api::routes()).merge(wizard::routes()).merge(people::routes()),
        console.clone(),
    ))
}

/// Answers until `stop`; what is under way then has a moment to end.
pub async fn serve(door: Door, stop: impl Future<Output = ()> + Send + 'static) {
    let Door { listener, console, .. } = door;
    let (stopped, mut ending) = tokio::sync::watch::channel(false);
    let graceful = async move {
        stop.await;
        stopped.send_replace(true);
    };
    let answering = axum::serve(listener, router(&console).into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(graceful)
        .into_future();
    let overdue = async {
        // The sender lives in the other branch: no answer means that one has ended.
        if ending.wait_for(|ending| *ending).await.is_ok() {
            tokio::time::sleep(limits::CONSOLE_STOP_TIME_MAX).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let counting = async {
        loop {
            tokio::time::sleep(limits::CONSOLE_REFUSALS_PERIOD / 3).await;
            kernel::record_refusals(&console).await;
        }
    };
    tokio::select! {
        ended = answering => {
            if let Err(error) = ended {
                tracing::error!("the service answers nothing any more: {error}");
            }
        }
        () = overdue => {}
        () = counting => {}
    }
}
