//! Names and addresses: what may be dialled.

use std::{
    error::Error as StdError,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address_denied;
use crate::item::{
    Failure,
    network::{Network, Refusal},
};

/// Resolves names and leaves out the addresses that may not be dialled.
pub(super) struct Resolver {
    network: Arc<Network>,
    /// The proxy stands where the operator says, on private addresses too.
    proxy_host: Option<String>,
}

impl Resolver {
    pub(super) fn new(network: &Network) -> Self {
        Self { network: Arc::new(network.clone()), proxy_host: super::proxy_host(network) }
    }
}

/// Every address of a name is refused.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` is at {}, a {} address", .refusal.address, .refusal.kind)]
pub(super) struct AddressRefused {
    host: String,
    pub(super) refusal: Refusal,
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
            Ok(Box::new(permitted(&network, host, found)?.into_iter()) as Addrs)
        })
    }
}

/// Of the addresses found for a name, those that may be dialled; an error when all are refused.
pub(super) fn permitted(
    network: &Network,
    host: &str,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn StdError + Send + Sync>> {
    let refusal = found.iter().find_map(|address| network.refusal(address.ip()));
    let allowed: Vec<_> = found.into_iter().filter(|address| network.refusal(address.ip()).is_none()).collect();
    match (allowed.is_empty(), refusal) {
        (true, Some(refusal)) => Err(Box::new(AddressRefused { host: host.to_owned(), refusal })),
        _ => Ok(allowed),
    }
}

/// The address that a URL's host is written as, if it is one.
pub fn literal(url: &url::Url) -> Option<IpAddr> {
    match url.host()? {
        url::Host::Ipv4(address) => Some(address.into()),
        url::Host::Ipv6(address) => Some(address.into()),
        url::Host::Domain(_) => None,
    }
}

/// Refuses a place that is written as an address: HTTP clients dial those without asking a resolver. Behind a proxy
/// this is all that can be checked.
///
/// # Errors
/// `egress-denied` with the line that would allow it.
pub fn check_literal(network: &Network, place: &str, address: Option<IpAddr>) -> Result<(), Failure> {
    match address.and_then(|address| network.refusal(address)) {
        Some(refusal) => Err(address_denied(place, &refusal)),
        None => Ok(()),
    }
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
                .map(|addresses| addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>())
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
}
