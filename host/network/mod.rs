//! How the host reaches other machines: the `[network]` section made real, once for plugins, destinations, stage,
//! sign-in and notices.
//!
//! What lives here: the HTTP client, streams to other protocols' servers (direct or through the proxy, with TLS), the
//! resolver that leaves out addresses the section does not allow, the pace that another side serves, OAuth 2 sign-in with
//! the host's own credentials, what a registry of plugins holds, and the TLS of who comes to the host.
//! What may not: what is said over a connection, grants of plugins, and anything that knows items or mailboxes.
//!
//! A name is resolved, refused addresses are left out, and what is left is dialled, so that a name cannot answer
//! differently between the check and the connection. The environment's proxy variables are not read.

mod assertion;
mod dial;
mod http;
mod oauth2;
mod openid;
mod pace;
mod probe;
mod registry;
mod resolve;
mod serving;
mod tls;

pub use assertion::{Certificate, ServiceKey, now_s};
pub use dial::{Dialer, Stream};
pub use http::{ClientCertificate, http_client, http_client_of, no_answer};
pub use oauth2::{Application, ClientSecret, Grant, PersonSignIn, RefreshToken, TokenSource, Waiting};
pub use openid::{Attempt, Begun, OpenIdClient};
pub use pace::{Pace, Permit, Rate};
pub use probe::{Route, RouteKind, probe};
pub use registry::ArtifactReference;
pub use resolve::{check_literal, literal};
pub use serving::{ServerCertificate, ServerStream};

use std::time::Duration;

use crate::item::{
    Failure, NextMove,
    network::{Network, Refusal},
};

/// Time to reach the other side.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Time between two pieces of an answer, and before the first.
const READ_TIME_MAX: Duration = Duration::from_secs(60);

fn misconfigured(why: &str) -> Failure {
    Failure::new("network-misconfigured", NextMove::AskPerson, format!("the `[network]` section cannot be used: {why}"))
}

/// `place` as people write it: an origin, or a host with its port.
fn address_denied(place: &str, refusal: &Refusal) -> Failure {
    let Refusal { address, kind, network } = refusal;
    Failure::new(
        "egress-denied",
        NextMove::AskPerson,
        format!("`{place}` is at {address}, a {kind} address, which is not dialled"),
    )
    .hint(format!("if that is meant: `[network] allowed_networks = [\"{network}\"]`"))
}

fn certificate_untrusted(place: &str, why: &dyn std::fmt::Display) -> Failure {
    let message = format!("the certificate of `{place}` is not trusted: {why}");
    Failure::new("certificate-untrusted", NextMove::AskPerson, message)
        .hint("if it has a certificate authority of its own: `[network] ca_file = \"FILE.pem\"`")
}

/// No connection, or it broke off.
fn unanswered(place: &str, what: &dyn std::fmt::Display) -> Failure {
    Failure::new("no-answer", NextMove::Retry { after: None }, format!("no answer from `{place}`: {what}"))
}

/// The proxy's host: it stands where the operator says, on private addresses too.
fn proxy_host(network: &Network) -> Option<String> {
    let proxy = url::Url::parse(network.proxy.as_deref()?).ok()?;
    proxy.host_str().map(str::to_owned)
}
