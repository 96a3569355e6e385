//! What a running service answers over HTTP.
//!
//! What lives here: the listener with its limits ([`bounded`]), the router, and two plain endpoints for whoever supervises the service: `/healthz`
//! ([`health`]) and `/metrics` ([`metrics`]). Nobody is asked who they are for these two, so they hold no account, number
//! or address. What may not: decisions about items or turns; those are asked of [`Service`].

mod bounded;
mod health;
mod metrics;

use std::{future::Future, net::SocketAddr};

use axum::Router;
use bounded::Bounded;
use tokio::net::TcpListener;

use crate::{
    item::{Failure, NextMove, limits},
    scheduler::service::Service,
};

/// Listens at this address; port 0 is any that is free.
///
/// # Errors
/// `listen-refused`.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!("the service cannot listen at `{address}`: {error}");
        let hint = format!(
            "name another address with `--listen ADDR:PORT`, or end what listens there (`ss -ltnp 'sport = :{}'`)",
            address.port()
        );
        Failure::new("listen-refused", NextMove::AskPerson, message).hint(hint)
    })
}

/// What the service answers. Routers of pages are merged with it.
pub(crate) fn router(service: Service) -> Router {
    Router::new()
        .route("/healthz", axum::routing::get(health::answer))
        .route("/metrics", axum::routing::get(metrics::answer))
        .with_state(service)
}

/// Answers until `stop`; what is under way then has a moment to end.
pub async fn serve(listener: TcpListener, service: Service, stop: impl Future<Output = ()> + Send + 'static) {
    let (stopped, mut ending) = tokio::sync::watch::channel(false);
    let graceful = async move {
        stop.await;
        stopped.send_replace(true);
    };
    let answering = axum::serve(
        Bounded::new(listener, limits::CONSOLE_CONNECTIONS_MAX, limits::CONSOLE_IDLE_TIME_MAX),
        router(service),
    )
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
    tokio::select! {
        ended = answering => {
            if let Err(error) = ended {
                tracing::error!("the service answers nothing any more: {error}");
            }
        }
        () = overdue => {}
    }
}
