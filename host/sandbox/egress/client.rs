//! The pooled HTTP client of one connector's source, and the resolver that refuses addresses.

use std::{error::Error as StdError, fs, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Origin;
use crate::item::{
    Failure, NextMove,
    network::{Network, Refusal},
};

/// Time to reach the other side.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Time between two pieces of an answer, and before the first.
const READ_TIME_MAX: Duration = Duration::from_secs(60);
/// Time a connection is kept without use.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Connections kept per host.
const IDLE_PER_HOST_MAX: usize = 8;

/// Makes the client: one pool per connector and plugin, so that neither connections nor TLS sessions cross between
/// them. No environment proxy, no redirects of its own, no unpacking.
pub(super) fn new_client(network: &Network) -> Result<reqwest::Client, Failure> {
    let misconfigured = |why: String| {
        Failure::new(
            "network-misconfigured",
            NextMove::AskPerson,
            format!("the `[network]` section cannot be used: {why}"),
        )
    };
    // Whoever comes second finds the same provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut proxy_host = None;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIME_MAX)
        .read_timeout(READ_TIME_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX);
    match &network.proxy {
        None => builder = builder.no_proxy(),
        Some(text) => {
            // The URL may hold a password, so that it is not repeated.
            let proxy = reqwest::Proxy::all(text).map_err(|_| misconfigured("`proxy` is not a URL".to_owned()))?;
            let exceptions = reqwest::NoProxy::from_string(&network.no_proxy.join(","));
            builder = builder.proxy(proxy.no_proxy(exceptions));
            proxy_host = url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
        }
    }
    if let Some(path) = &network.ca_file {
        let wrong = |why: String| misconfigured(format!("`ca_file` `{}`: {why}", path.display()));
        let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| wrong("it is not PEM".to_owned()))?;
        if authorities.is_empty() {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        builder = builder.tls_certs_merge(authorities);
    }
    let resolver = Resolver { network: Arc::new(network.clone()), proxy_host };
    builder.dns_resolver(Arc::new(resolver)).build().map_err(|error| misconfigured(innermost(&error).to_string()))
}

/// Resolves names and leaves out the addresses that may not be dialled. What it returns is what is dialled, so that a
/// name cannot answer differently between the check and the connection.
struct Resolver {
    network: Arc<Network>,
    /// The proxy stands where the operator says, on private addresses too.
    proxy_host: Option<String>,
}

/// Every address of a name is refused.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` is at {}, a {} address", .refusal.address, .refusal.kind)]
pub(super) struct AddressRefused {
    host: String,
    refusal: Refusal,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let network = Arc::clone(&self.network);
        let is_proxy = self.proxy_host.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if is_proxy {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            permitted(&network, host, found)
        })
    }
}

fn permitted(network: &Network, host: &str, found: Vec<SocketAddr>) -> Result<Addrs, Box<dyn StdError + Send + Sync>> {
    let refusal = found.iter().find_map(|address| network.refusal(address.ip()));
    let allowed: Vec<_> = found.into_iter().filter(|address| network.refusal(address.ip()).is_none()).collect();
    match (allowed.is_empty(), refusal) {
        (true, Some(refusal)) => Err(Box::new(AddressRefused { host: host.to_owned(), refusal })),
        _ => Ok(Box::new(allowed.into_iter())),
    }
}

/// Refuses an origin that is written as an address: those are dialled without asking the resolver. Behind a proxy
/// this is all that can be checked, besides the grant.
pub(super) fn check_literal(network: &Network, origin: &Origin) -> Result<(), Failure> {
    match origin.address().and_then(|address| network.refusal(address)) {
        Some(refusal) => Err(address_denied(origin, &refusal)),
        None => Ok(()),
    }
}

/// The failure for an error of the client: no answer came. Neither URL nor secret is in it.
pub(super) fn no_answer(origin: &Origin, error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressRefused>() {
            return address_denied(origin, &refused.refusal);
        }
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref::<rustls::Error>() {
            let message = format!("the certificate of `{origin}` is not trusted: {why}");
            return Failure::new("certificate-untrusted", NextMove::AskPerson, message)
                .hint("if the site has a certificate authority of its own: `[network] ca_file = \"FILE.pem\"`");
        }
        cause = error.source();
    }
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, true) => format!("no connection within {} s", CONNECT_TIME_MAX.as_secs()),
        (true, false) => format!("nothing came for {} s", READ_TIME_MAX.as_secs()),
        _ => innermost(error).to_string(),
    };
    Failure::new("no-answer", NextMove::Retry { after: None }, format!("no answer from `{origin}`: {what}"))
}

fn address_denied(origin: &Origin, refusal: &Refusal) -> Failure {
    let Refusal { address, kind, network } = refusal;
    Failure::new(
        "egress-denied",
        NextMove::AskPerson,
        format!("`{origin}` is at {address}, a {kind} address, which is not dialled"),
    )
    .hint(format!("if that is meant: `[network] allowed_networks = [\"{network}\"]`"))
}

fn innermost(error: &reqwest::Error) -> &(dyn StdError + 'static) {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    /// Each look-up is judged by itself, and only what passed is dialled: a name that was public a moment ago and is
    /// private now (DNS rebinding) is refused, and a private address among public ones is left out.
    #[test]
    fn a_name_is_judged_at_every_look_up() {
        let dialled = |found: &[&str]| {
            let found = found.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
            permitted(&Network::default(), "x", found)
                .map(|addresses| addresses.map(|address| address.ip().to_string()).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(dialled(&["8.8.8.8"]).unwrap(), ["8.8.8.8"]);
        for (second, refused) in [
            ("127.0.0.1", "`x` is at 127.0.0.1, a loopback address"),
            ("10.0.0.1", "`x` is at 10.0.0.1, a private address"),
            ("::ffff:10.0.0.1", "`x` is at 10.0.0.1, a private address"),
            ("169.254.169.254", "`x` is at 169.254.169.254, a cloud metadata address"),
        ] {
            assert_eq!(dialled(&[second]).unwrap_err(), refused);
            assert_eq!(dialled(&[second, "8.8.8.8", "::1"]).unwrap(), ["8.8.8.8"], "{second}");
        }
    }

    #[test]
    fn a_network_section_that_cannot_be_used_says_why() {
        let proxy = Network { proxy: Some("http://user:hunter2@[".into()), ..Network::default() };
        let failure = new_client(&proxy).unwrap_err();
        assert!(failure.message.contains("`proxy` is not a URL") && !failure.message.contains("hunter2"), "{failure}");
        let absent = Network { ca_file: Some("/no/such.pem".into()), ..Network::default() };
        assert!(new_client(&absent).unwrap_err().message.contains("`/no/such.pem`"));
        let empty = tempfile::NamedTempFile::new().unwrap();
        let empty = Network { ca_file: Some(empty.path().into()), ..Network::default() };
        assert!(new_client(&empty).unwrap_err().message.contains("no certificate"));
    }
}
