//! The HTTP client, and what its errors mean.

use std::{error::Error as StdError, fs, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

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

/// A certificate that this side shows, with its key.
pub struct ClientCertificate {
    identity: reqwest::Identity,
}

impl ClientCertificate {
    /// Reads a PEM certificate, with those that lead to its authority behind it, and its PEM key.
    ///
    /// # Errors
    /// Says what cannot be read; nothing of the key is in it.
    pub fn from_pem(certificates: &[u8], key: &SecretString) -> Result<Self, &'static str> {
        let mut pem = Zeroizing::new(Vec::with_capacity(certificates.len() + key.expose_secret().len() + 1));
        pem.extend_from_slice(certificates);
        pem.push(b'\n');
        pem.extend_from_slice(key.expose_secret().as_bytes());
        let identity = reqwest::Identity::from_pem(&pem);
        Ok(Self { identity: identity.map_err(|_| "its `certificate` and `private_key` are not PEM")? })
    }
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCertificate(…)")
    }
}

/// Makes a client with a pool of its own: one per connector and plugin, one per destination, so that neither
/// connections nor TLS sessions cross between them. No environment proxy, no redirects of its own, no unpacking. A URL
/// whose host is an address goes past its resolver: ask [`super::check_literal`] first.
///
/// # Errors
/// `network-misconfigured`.
pub fn http_client(network: &Network) -> Result<reqwest::Client, Failure> {
    http_client_of(network, None)
}

/// As [`http_client`], showing a certificate to whoever asks for one (mTLS).
///
/// # Errors
/// As [`http_client`].
pub fn http_client_of(network: &Network, certificate: Option<&ClientCertificate>) -> Result<reqwest::Client, Failure> {
    tls::install_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIME_MAX)
        .read_timeout(READ_TIME_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX);
    if let Some(certificate) = certificate {
        builder = builder.identity(certificate.identity.clone());
    }
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

    /// A server that takes only those who show a certificate of its authority, for `connections`.
    async fn strict_server(connections: usize) -> std::net::SocketAddr {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificate = |pem: &[u8]| CertificateDer::from_pem_slice(pem).unwrap();
        let mut authorities = rustls::RootCertStore::empty();
        authorities.add(certificate(include_bytes!("tests/authority.pem"))).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![certificate(include_bytes!("tests/server.pem"))],
                PrivateKeyDer::from_pem_slice(include_bytes!("tests/server-key.pem")).unwrap(),
            )
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for _ in 0..connections {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _request = stream.read(&mut [0; 4096]).await;
                let _answered = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
                let _closed = stream.shutdown().await;
            }
        });
        address
    }

    #[tokio::test]
    async fn a_certificate_is_shown_by_its_own_client_alone() {
        let network = Network {
            ca_file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/host/network/tests/authority.pem").into()),
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..Network::default()
        };
        let key = |pem: &str| SecretString::from(pem.to_owned());
        let certificate = include_bytes!("tests/client.pem");
        let shown = ClientCertificate::from_pem(certificate, &key(include_str!("tests/client-key.pem"))).unwrap();
        let url = format!("https://{}/", strict_server(2).await);
        let with = http_client_of(&network, Some(&shown)).unwrap().get(&url).send().await.unwrap();
        assert_eq!(with.status().as_u16(), 204);
        assert!(http_client(&network).unwrap().get(&url).send().await.is_err(), "who shows none is not let in");
        for (pem, private) in
            [(&b"none"[..], "none"), (certificate, "none"), (b"", include_str!("tests/client-key.pem"))]
        {
            assert!(ClientCertificate::from_pem(pem, &key(private)).is_err());
        }
        assert_eq!(format!("{shown:?}"), "ClientCertificate(…)");
    }
}
