//! What is let through, and with which headers it comes back.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
    serve::IncomingStream,
};

use super::{Access, Console, Trouble, clear_cookie, shell, trouble::Told};
use crate::{console::bounded::Bounded, item::limits::CONSOLE_REQUEST_TIME_MAX};

/// Nothing comes from elsewhere, nothing stands in the page that would run, and nobody shows it in a frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with it browsers hide the origin of forms, which is looked at here.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::console) struct Peer(pub(in crate::console) SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Who asks, as far as it is known when the answer is there.
#[derive(Clone, Debug)]
pub(in crate::console) struct Asker {
    /// From where.
    pub(in crate::console) address: IpAddr,
    name: Arc<OnceLock<String>>,
}

impl Asker {
    /// They are known now.
    pub(in crate::console) fn is(&self, name: &str) {
        let _first = self.name.set(name.to_owned());
    }
}

/// Whether a program is meant to ask for it.
pub(in crate::console) fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Every request, on its way in and back.
pub(super) async fn pass(
    State(console): State<Console>,
    Extension(ConnectInfo(Peer(peer))): Extension<ConnectInfo<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let asker = Asker { address: address(&console.access, peer.ip(), &parts.headers), name: Arc::default() };
    parts.extensions.insert(asker.clone());
    let is_program = is_api(parts.uri.path());
    let mut response = match check(&console.access, &parts) {
        Ok(()) => {
            let answer = next.run(Request::from_parts(parts, body));
            // What streams does so after its answer has begun.
            let answer = tokio::time::timeout(CONSOLE_REQUEST_TIME_MAX, answer).await;
            answer.unwrap_or_else(|_| Trouble::Late.into_response())
        }
        Err(trouble) => trouble.into_response(),
    };
    let is_problem = response.status().is_client_error() || response.status().is_server_error();
    // A form that comes back with what is wrong in it says so itself.
    if is_problem && (is_program || !is_page(&response)) {
        response = tell(&console, &asker, is_program, response).await;
    }
    dress(&console.access, response)
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// What is wrong with a request before anybody looks at what it asks.
fn check(access: &Access, parts: &Parts) -> Result<(), Trouble> {
    // A name that leads here without being ours would make a stranger's page one of the same origin.
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(host_of);
    if !host.is_some_and(|host| access.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
        return Err(Trouble::Host);
    }
    if matches!(parts.method, Method::GET | Method::HEAD) || is_api(parts.uri.path()) {
        return Ok(());
    }
    let text = |name: &HeaderName| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text(&HeaderName::from_static("sec-fetch-site"));
    let from_here = site.is_none_or(|site| site == "same-origin");
    // Seen from the browser: behind a proxy `Host` may be another one than what stands in it.
    let here = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_here = |origin: &str| {
        origin == access.origin || origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(here))
    };
    if from_here && text(&header::ORIGIN).is_none_or(is_here) { Ok(()) } else { Err(Trouble::Forgery) }
}

/// For whom a proxy asks, if it is one that is believed: the last address it was told by others is the one it has seen.
fn address(access: &Access, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    let is_proxy = |address: &IpAddr| access.proxies.iter().any(|proxy| proxy.to_canonical() == *address);
    if !is_proxy(&peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let mut addresses: Vec<IpAddr> = forwarded
        .flat_map(|value| value.split(','))
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .collect();
    while addresses.len() > 1 && addresses.last().is_some_and(is_proxy) {
        addresses.pop();
    }
    addresses.pop().unwrap_or(peer)
}

/// A host without its port, of a `Host` header or an origin.
pub(super) fn host_of(text: &str) -> Option<&str> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    if let Some(end) = text.find(']') {
        return text.get(..=end);
    }
    text.split(':').next().filter(|host| !host.is_empty())
}

/// A problem in words: a page, or a document for a program. What is worth it is recorded.
async fn tell(console: &Console, asker: &Asker, is_program: bool, response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    let told = parts.extensions.remove::<Told>().unwrap_or_else(|| Told::of(parts.status));
    if let Some(kind) = told.refused {
        console.refused(kind, asker.name.get().map(String::as_str), asker.address).await;
    }
    if parts.status.is_server_error() {
        tracing::warn!(status = parts.status.as_u16(), code = told.code, "a request failed");
    }
    if let Some(path) = told.sign_in.as_deref().filter(|_| !is_program) {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", path).finish();
        let mut response = Redirect::to(&format!("/sign-in?{query}")).into_response();
        if told.refused.is_some() {
            response.headers_mut().append(header::SET_COOKIE, clear_cookie());
        }
        return response;
    }
    let mut response = if is_program {
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = Json(&told).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    } else {
        shell::problem(&told)
    };
    *response.status_mut() = parts.status;
    for name in [header::WWW_AUTHENTICATE, header::ALLOW] {
        if let Some(value) = parts.headers.remove(&name) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn dress(access: &Access, mut response: Response) -> Response {
    let is_kept = response.headers().contains_key(header::CACHE_CONTROL);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !is_kept {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if access.is_encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    debug_assert!(response.status() != StatusCode::OK || response.headers().contains_key(header::CONTENT_TYPE));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;
    use crate::config::ConsoleConfig;

    fn access(origin: Option<&str>, proxies: &[&str]) -> Access {
        let config = ConsoleConfig {
            origin: origin.map(str::to_owned),
            proxies: proxies.iter().map(|proxy| proxy.parse().unwrap()).collect(),
            ..ConsoleConfig::default()
        };
        Access::new(&config, "127.0.0.1:8460".parse().unwrap())
    }

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri("/people");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(axum::body::Body::empty()).unwrap().into_parts().0
    }

    #[test]
    fn what_another_site_sends_is_refused() {
        let own = access(None, &[]);
        let public = access(Some("https://chancery.example.com"), &[]);
        let (here, named) = (("host", "127.0.0.1:8460"), ("host", "chancery.example.com"));
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: [(&str, &Access, &str, Headers<'_>, bool); 12] = [
            ("a look", &own, "GET", &[here], true),
            ("a look by another name", &own, "GET", &[("host", "evil.example")], false),
            ("a look without a name", &own, "GET", &[], false),
            ("a form", &own, "POST", &[here, ("origin", "http://127.0.0.1:8460")], true),
            (
                "a form through a tunnel",
                &own,
                "POST",
                &[("host", "localhost:9000"), ("origin", "http://localhost:9000")],
                true,
            ),
            ("a program without a browser's headers", &own, "POST", &[here], true),
            ("another site", &own, "POST", &[here, ("origin", "https://evil.example")], false),
            ("another port", &own, "POST", &[here, ("origin", "http://127.0.0.1:1")], false),
            ("a hidden origin", &own, "POST", &[here, ("origin", "null")], false),
            ("another site's fetch", &own, "POST", &[here, ("sec-fetch-site", "cross-site")], false),
            ("a neighbour of the site", &public, "POST", &[named, ("sec-fetch-site", "same-site")], false),
            ("behind a proxy", &public, "POST", &[here, ("origin", "https://chancery.example.com")], true),
        ];
        for (what, access, method, headers, passes) in cases {
            assert_eq!(check(access, &parts(method, headers)).is_ok(), passes, "{what}");
        }
    }

    #[test]
    fn only_a_known_proxy_says_for_whom_it_asks() {
        let access = access(None, &["10.0.0.1", "10.0.0.2"]);
        let cases = [
            ("192.0.2.9", "203.0.113.1", "192.0.2.9"),
            ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
            ("10.0.0.1", "198.51.100.7, 203.0.113.1, 10.0.0.2", "203.0.113.1"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ];
        for (peer, said, who) in cases {
            let headers = parts("GET", &[("x-forwarded-for", said)]).headers;
            assert_eq!(address(&access, peer.parse().unwrap(), &headers).to_string(), who, "{peer} for {said}");
        }
    }

    #[test]
    fn hosts_lose_their_ports() {
        for (text, host) in [("a.example:1", "a.example"), ("[::1]:8460", "[::1]"), ("https://a.example", "a.example")]
        {
            assert_eq!(host_of(text), Some(host));
        }
        assert_eq!(host_of(":80"), None);
    }
}
