//! Streams to servers of other protocols than HTTP: direct, or through the proxy by `CONNECT` (RFC 9110, section
//! 9.3.6), with TLS from the first byte or later (`STARTTLS`).

use std::{fmt, io, net::SocketAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    CONNECT_TIME_MAX, address_denied, certificate_untrusted, misconfigured,
    resolve::{AddressRefused, permitted},
    tls, unanswered,
};
use crate::item::{Failure, network::Network};

/// Bytes of a proxy's answer to `CONNECT`.
const PROXY_ANSWER_BYTES_MAX: usize = 8 << 10;

/// A connection, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Stream for T {}

/// Opens streams as the `[network]` section says.
#[derive(Clone)]
pub struct Dialer {
    network: Arc<Network>,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    /// A dialer for this section.
    ///
    /// # Errors
    /// `network-misconfigured`.
    pub fn new(network: &Network) -> Result<Self, Failure> {
        Ok(Self { network: Arc::new(network.clone()), tls: tls::client_config(network)? })
    }

    /// A plain stream to `host:port`.
    ///
    /// # Errors
    /// `egress-denied`, `no-answer`, `network-misconfigured`.
    pub async fn connect(&self, host: &str, port: u16) -> Result<Box<dyn Stream>, Failure> {
        let place = format!("{host}:{port}");
        let reached = timeout(CONNECT_TIME_MAX, self.reach(host, port))
            .await
            .map_err(|_| unanswered(&place, &format_args!("no connection within {} s", CONNECT_TIME_MAX.as_secs())))?;
        let (stream, _) = reached.map_err(|(_, failure)| failure)?;
        Ok(Box::new(stream))
    }

    /// As [`Dialer::connect`], without its limit of time; says which way it went, or how far it came.
    pub(super) async fn reach(&self, host: &str, port: u16) -> Result<(TcpStream, Way), (Stage, Failure)> {
        let place = format!("{host}:{port}");
        if let Some(proxy) = self.proxy_for(host).map_err(|failure| (Stage::Proxy, failure))? {
            super::check_literal(&self.network, host, host.parse().ok())
                .map_err(|failure| (Stage::Address, failure))?;
            let through = self.through(&proxy, host, port).await;
            return through.map_err(|failure| (Stage::Proxy, failure));
        }
        let found = look_up(&place, host, port).await.map_err(|failure| (Stage::Name, failure))?;
        let allowed = permitted(&self.network, host, found).map_err(|refused| {
            let failure = refused
                .downcast_ref::<AddressRefused>()
                .map_or_else(|| unanswered(&place, &refused), |refused| address_denied(&place, &refused.refusal));
            (Stage::Address, failure)
        })?;
        direct(&place, &allowed).await
    }

    /// The proxy itself: it stands where the operator says, on private addresses too.
    pub(super) async fn reach_proxy(&self, host: &str, port: u16) -> Result<(TcpStream, Way), (Stage, Failure)> {
        let place = format!("proxy {host}:{port}");
        let found = look_up(&place, host, port).await.map_err(|failure| (Stage::Name, failure))?;
        direct(&place, &found).await
    }

    /// Encrypts a stream; the certificate must be `host`'s.
    ///
    /// # Errors
    /// `certificate-untrusted`, `no-answer`.
    pub async fn encrypt(&self, stream: Box<dyn Stream>, host: &str) -> Result<Box<dyn Stream>, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| misconfigured(&format!("`{host}` is no name that a certificate can be for")))?;
        let shaking = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let shaken = timeout(CONNECT_TIME_MAX, shaking)
            .await
            .map_err(|_| unanswered(host, &format_args!("no TLS within {} s", CONNECT_TIME_MAX.as_secs())))?;
        match shaken {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::InvalidCertificate(why)) => certificate_untrusted(host, &tls::in_words(why)),
                _ => unanswered(host, &error),
            }),
        }
    }

    /// The proxy to go through, unless `no_proxy` names the host.
    fn proxy_for(&self, host: &str) -> Result<Option<url::Url>, Failure> {
        let Some(proxy) = &self.network.proxy else { return Ok(None) };
        let proxy = url::Url::parse(proxy).map_err(|_| misconfigured("`proxy` is not a URL"))?;
        Ok((!self.network.bypasses_proxy(host)).then_some(proxy))
    }

    async fn through(&self, proxy: &url::Url, host: &str, port: u16) -> Result<(TcpStream, Way), Failure> {
        let proxy_host = proxy.host_str().ok_or_else(|| misconfigured("`proxy` has no host"))?;
        let proxy_port = proxy.port_or_known_default().ok_or_else(|| misconfigured("`proxy` has no port"))?;
        let place = format!("proxy {proxy_host}:{proxy_port}");
        let found = look_up(&place, proxy_host, proxy_port).await?;
        let mut stream = dial(&place, &found).await?;
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(password) = proxy.password() {
            let pair = format!("{}:{}", decoded(proxy.username()), decoded(password));
            request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(pair)));
        }
        request.push_str("\r\n");
        let told = async {
            stream.write_all(request.as_bytes()).await?;
            answer(&mut stream).await
        };
        let status = told.await.map_err(|error| unanswered(&place, &error))?;
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok((stream, Way::Proxy(place))),
            Some("407") => Err(misconfigured(&format!("`{place}` wants a user name and password"))),
            _ => Err(unanswered(&place, &format_args!("it does not connect to `{target}`: {status}"))),
        }
    }
}

/// Which way a server was reached.
pub(super) enum Way {
    Direct(SocketAddr),
    /// Through this proxy.
    Proxy(String),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(address) => write!(f, "directly at {address}"),
            Self::Proxy(proxy) => write!(f, "through {proxy}"),
        }
    }
}

/// How far reaching a server came.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Name,
    Address,
    Connection,
    Proxy,
    Encryption,
}

async fn direct(place: &str, addresses: &[SocketAddr]) -> Result<(TcpStream, Way), (Stage, Failure)> {
    let dialled = dial(place, addresses).await.and_then(|stream| {
        let peer = stream.peer_addr().map_err(|error| unanswered(place, &error))?;
        Ok((stream, Way::Direct(peer)))
    });
    dialled.map_err(|failure| (Stage::Connection, failure))
}

async fn look_up(place: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| unanswered(place, &error))?;
    Ok(found.collect())
}

async fn dial(place: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(addresses).await.map_err(|error| unanswered(place, &error))?;
    stream.set_nodelay(true).map_err(|error| unanswered(place, &error))?;
    Ok(stream)
}

/// The status line of an answer whose header was read to its end, and not a byte further.
async fn answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == PROXY_ANSWER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer has no end"));
        }
        head.push(stream.read_u8().await?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).escape_debug().to_string())
}

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_private_address_is_dialled_only_where_the_section_allows_it() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let closed = Dialer::new(&Network::default()).unwrap();
        let failure = closed.connect("localhost", port).await.unwrap_err();
        assert_eq!(failure.code, "egress-denied");
        assert!(failure.hint.unwrap().contains("allowed_networks"), "the line that would allow it");
        let allowed = ["127.0.0.0/8", "::1"].map(|cidr| cidr.parse().unwrap()).to_vec();
        let open = Dialer::new(&Network { allowed_networks: allowed, ..Network::default() }).unwrap();
        open.connect("localhost", port).await.unwrap();
    }

    #[tokio::test]
    async fn a_proxy_is_asked_and_its_refusal_told() {
        for (answer, expect) in [
            ("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nafter", None),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some("network-misconfigured")),
            ("HTTP/1.1 503 \x1b[31mno\r\n\r\n", Some("no-answer")),
            ("", Some("no-answer")),
        ] {
            let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = format!("http://us%40er:hunter2@{}", server.local_addr().unwrap());
            let serving = tokio::spawn(async move {
                let (mut stream, _) = server.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                String::from_utf8(request[..length].to_vec()).unwrap()
            });
            let dialer = Dialer::new(&Network { proxy: Some(proxy), ..Network::default() }).unwrap();
            let connected = dialer.connect("mail.example.com", 993).await;
            let request = serving.await.unwrap();
            assert!(request.starts_with("CONNECT mail.example.com:993 HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(&STANDARD.encode("us@er:hunter2")), "{request}");
            match (connected, expect) {
                (Ok(mut stream), None) => {
                    let mut after = String::new();
                    stream.read_to_string(&mut after).await.unwrap();
                    assert_eq!(after, "after", "not a byte of the stream is lost");
                }
                (Err(failure), Some(code)) => {
                    assert_eq!(failure.code, code);
                    assert!(!failure.message.contains("hunter2") && !failure.message.contains('\x1b'), "{failure}");
                }
                (connected, _) => panic!("{answer:?}: {connected:?}"),
            }
        }
    }
}
