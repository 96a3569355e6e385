//! Trying a route: is the name known, may its address be dialled, does the proxy let it through, does the server answer,
//! is its certificate trusted. Nothing is said to the server and no credential is sent, but the proxy's own to the proxy.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    dial::{Dialer, Stage},
    unanswered,
};
use crate::item::Failure;

/// A place that the host reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far it is tried.
    pub kind: RouteKind,
}

/// How far a route is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// TLS from the first byte.
    Tls,
    /// The connection alone: not encrypted, or only after something was said.
    Plain,
    /// The proxy itself, which may stand on a private address.
    Proxy,
}

/// Tries a route, for at most `time_max`; says in words how it was reached.
///
/// # Errors
/// What is in the way, with the fix as its hint.
pub async fn probe(dialer: &Dialer, route: &Route, time_max: Duration) -> Result<String, Failure> {
    let Route { host, port, kind } = route;
    let place = format!("{host}:{port}");
    let trying = async {
        let reached = match kind {
            RouteKind::Proxy => dialer.reach_proxy(host, *port).await,
            RouteKind::Tls | RouteKind::Plain => dialer.reach(host, *port).await,
        };
        let (stream, way) = reached.map_err(|(stage, failure)| with_fix(stage, &place, failure))?;
        if *kind != RouteKind::Tls {
            return Ok(format!("reached {way}"));
        }
        let encrypted = dialer.encrypt(Box::new(stream), host).await;
        encrypted.map_err(|failure| with_fix(Stage::Encryption, &place, failure))?;
        Ok(format!("reached {way}, its certificate is trusted"))
    };
    timeout(time_max, trying).await.unwrap_or_else(|_| {
        let failure = unanswered(&place, &format_args!("nothing within {} ms", time_max.as_millis()));
        Err(with_fix(Stage::Connection, &place, failure))
    })
}

/// The failure's own hint, else what helps at this stage.
fn with_fix(stage: Stage, place: &str, failure: Failure) -> Failure {
    if failure.hint.is_some() {
        return failure;
    }
    failure.hint(match stage {
        Stage::Name => "mend the name in the configuration, or this machine's resolver".to_owned(),
        Stage::Address => "name its network in `[network] allowed_networks`".to_owned(),
        Stage::Connection => format!("check that the server runs and that no firewall stands before `{place}`"),
        Stage::Proxy => format!("mend `[network] proxy`, allow `{place}` at the proxy, or name the host in `no_proxy`"),
        Stage::Encryption => format!("check that `{place}` speaks TLS, and that nothing in between breaks it"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::sync::Arc;

    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::item::network::Network;

    const TIME_MAX: Duration = Duration::from_millis(1_500);

    fn loopback() -> Network {
        Network { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Network::default() }
    }

    /// A listener, and the port it has.
    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    async fn tried(network: &Network, host: &str, port: u16, kind: RouteKind) -> Result<String, Failure> {
        let route = Route { host: host.to_owned(), port, kind };
        probe(&Dialer::new(network).unwrap(), &route, TIME_MAX).await
    }

    #[tokio::test]
    async fn what_is_reached_is_said_and_nothing_is_sent() {
        let (server, port) = listener().await;
        let said = tried(&loopback(), "127.0.0.1", port, RouteKind::Plain).await.unwrap();
        assert_eq!(said, format!("reached directly at 127.0.0.1:{port}"));
        let (mut stream, _) = server.accept().await.unwrap();
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "not a byte");
        let said = tried(&Network::default(), "127.0.0.1", port, RouteKind::Proxy).await.unwrap();
        assert!(said.contains("directly"), "the proxy may stand on a private address: {said}");
    }

    #[tokio::test]
    async fn names_networks_and_silence_are_told_apart() {
        let (server, open) = listener().await;
        let (closed, gone) = listener().await;
        drop(closed);
        for (network, host, port, kind, code, hint) in [
            (loopback(), "no-such-name.invalid", open, RouteKind::Plain, "no-answer", "resolver"),
            (
                Network::default(),
                "127.0.0.1",
                open,
                RouteKind::Plain,
                "egress-denied",
                "allowed_networks = [\"127.0.0.0/8\"]",
            ),
            (loopback(), "127.0.0.1", gone, RouteKind::Tls, "no-answer", "firewall"),
            // The kernel accepts, nobody answers.
            (loopback(), "127.0.0.1", open, RouteKind::Tls, "no-answer", "firewall"),
        ] {
            let failure = tried(&network, host, port, kind).await.unwrap_err();
            let told = failure.hint.clone().unwrap_or_default();
            assert!(failure.code == code && told.contains(hint), "{host}:{port}: {failure}, hint {told}");
        }
        drop(server);
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_encryption_is_in_words() {
        let (server, port) = listener().await;
        let certificate = CertificateDer::from_pem_slice(include_bytes!("tests/certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tests/key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let serving = tokio::spawn(async move {
            let (stream, _) = server.accept().await.unwrap();
            let _refused = acceptor.accept(stream).await;
            let (mut stream, _) = server.accept().await.unwrap();
            stream.write_all(b"* OK no TLS here\r\n").await.unwrap();
            stream.flush().await.unwrap();
            let _until_closed = stream.read_to_end(&mut Vec::new()).await;
        });
        let failure = tried(&loopback(), "127.0.0.1", port, RouteKind::Tls).await.unwrap_err();
        assert_eq!(failure.code, "certificate-untrusted", "{failure}");
        assert!(failure.message.contains("a certificate authority's own, not a server's"), "{failure}");
        assert!(failure.hint.unwrap().contains("ca_file"));
        let failure = tried(&loopback(), "127.0.0.1", port, RouteKind::Tls).await.unwrap_err();
        assert!(failure.code == "no-answer" && failure.hint.unwrap().contains("speaks TLS"), "no TLS at all");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_named_with_what_to_allow() {
        for (answer, code, said) in [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "no-answer", "403"),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "network-misconfigured", "user name"),
        ] {
            let (server, port) = listener().await;
            let serving = tokio::spawn(async move {
                let (mut stream, _) = server.accept().await.unwrap();
                let _request = stream.read(&mut [0; 4096]).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            let proxy = Some(format!("http://user:hunter2@127.0.0.1:{port}"));
            let network = Network { proxy, ..Network::default() };
            let failure = tried(&network, "mail.example.com", 993, RouteKind::Tls).await.unwrap_err();
            serving.await.unwrap();
            assert!(failure.code == code && failure.message.contains(said), "{failure}");
            let hint = failure.hint.clone().unwrap();
            assert!(hint.contains("`mail.example.com:993` at the proxy"), "{hint}");
            assert!(!failure.message.contains("hunter2") && !hint.contains("hunter2"));
        }
        let (server, port) = listener().await;
        let network = Network { proxy: Some(format!("http://127.0.0.1:{port}")), ..Network::default() };
        let failure = tried(&network, "mail.example.com", 993, RouteKind::Tls).await.unwrap_err();
        assert!(failure.message.contains("nothing within"), "a proxy that stalls: {failure}");
        let literal = tried(&network, "10.0.0.1", 993, RouteKind::Tls).await.unwrap_err();
        assert_eq!(literal.code, "egress-denied", "behind a proxy private literals are refused");
        drop(server);
    }
}
