//! The HTTP client, and what its errors mean.

use std::{error::Error as StdError, fs, sync::Arc, time::Duration};

use super::{
    CONNECT_TIME_MAX, READ_TIME_MAX, address_denied, certificate_untrusted, misconfigured,
    resolve::{AddressRefused, Resolver},
    tls, unanswered,
};
use crate::item::{Failure, network::Network};

/// Time a connection is kept without use.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Connections kept per host.
const IDLE_PER_HOST_MAX: usize = 8;

/// Makes a client with a pool of its own: one per connector and plugin, one per destination, so that neither
/// connections nor TLS sessions cross between them. No environment proxy, no redirects of its own, no unpacking. A URL
/// whose host is an address goes past its resolver: ask [`super::check_literal`] first.
///
/// # Errors
/// `network-misconfigured`.
pub fn http_client(network: &Network) -> Result<reqwest::Client, Failure> {
    tls::install_provider();
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
            let proxy = reqwest::Proxy::all(text).map_err(|_| misconfigured("`proxy` is not a URL"))?;
            let exceptions = reqwest::NoProxy::from_string(&network.no_proxy.join(","));
            builder = builder.proxy(proxy.no_proxy(exceptions));
        }
    }
    if let Some(path) = &network.ca_file {
        let wrong = |why: &str| misconfigured(&format!("`ca_file` `{}`: {why}", path.display()));
        let pem = fs::read(path).map_err(|error| wrong(&error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| wrong("it is not PEM"))?;
        if authorities.is_empty() {
            return Err(wrong("it holds no certificate"));
        }
        builder = builder.tls_certs_merge(authorities);
    }
    let resolver = Arc::new(Resolver::new(network));
    builder.dns_resolver(resolver).build().map_err(|error| misconfigured(&innermost(&error).to_string()))
}

/// The failure for an error of the client: no answer came. Neither URL nor secret is in it.
pub fn no_answer(place: &str, error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressRefused>() {
            return address_denied(place, &refused.refusal);
        }
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref::<rustls::Error>() {
            return certificate_untrusted(place, &tls::in_words(why));
        }
        cause = error.source();
    }
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => unanswered(place, &format_args!("no connection within {} s", CONNECT_TIME_MAX.as_secs())),
        (true, false) => unanswered(place, &format_args!("nothing came for {} s", READ_TIME_MAX.as_secs())),
        _ => unanswered(place, &innermost(error)),
    }
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

    #[test]
    fn a_network_section_that_cannot_be_used_says_why() {
        let proxy = Network { proxy: Some("http://user:hunter2@[".into()), ..Network::default() };
        let failure = http_client(&proxy).unwrap_err();
        assert!(failure.message.contains("`proxy` is not a URL") && !failure.message.contains("hunter2"), "{failure}");
        let absent = Network { ca_file: Some("/no/such.pem".into()), ..Network::default() };
        assert!(http_client(&absent).unwrap_err().message.contains("`/no/such.pem`"));
        let empty = tempfile::NamedTempFile::new().unwrap();
        let empty = Network { ca_file: Some(empty.path().into()), ..Network::default() };
        assert!(http_client(&empty).unwrap_err().message.contains("no certificate"));
    }
}
