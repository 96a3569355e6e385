//! The gate: every byte that a source sends or receives over the network passes here.
//!
//! What lives here: grants (origins), credentials and their attachment, redirects, limits on bodies, the refusal of
//! private addresses. `http.send`, `http.fetch` and `wasi:http` all end in [`Egress::send`]. What may not: anything
//! of wasmtime (but for the thin adapter in `wasi_http.rs`), and anything that knows what a source is.
//!
//! Order of checks, each on every hop: URL, grant, address as written, credential's binding; then the name is
//! resolved, refused addresses are left out, and what is left is dialled.

mod credential;
mod exchange;
mod headers;
mod login;
mod origin;
mod scrub;
mod signing;
pub(super) mod wasi_http;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode, header};
use url::Url;
use zeroize::Zeroizing;

use self::{
    credential::{Armed, Carried, Going},
    login::{Posted, Poster},
};
pub use self::{
    credential::{Credential, Proof},
    exchange::{Asked, Told, Upstream, Witness, without_query},
    origin::Origin,
    scrub::Scrub,
};
use crate::{
    item::{Failure, NextMove, limits, network::Network},
    network::{check_literal, http_client, no_answer},
};

/// Body of an answer to a login.
const LOGIN_BODY_BYTES_MAX: usize = 64 << 10;

/// What one connector's source may reach, and with what. Long-lived: it holds the connection pool and the sessions of
/// `login` credentials. Make a new one when grant, credential or network section changed.
#[derive(Debug)]
pub struct Egress {
    network: Network,
    origins: Vec<Origin>,
    credentials: Vec<Armed>,
    /// None when nothing is granted: sources of files need neither pool nor certificate store.
    client: Option<reqwest::Client>,
    scrub: Scrub,
    /// Stands for the other side, in a trial.
    upstream: Option<Arc<dyn Upstream>>,
    witness: Option<Arc<dyn Witness>>,
}

/// A request as a guest wishes it.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) credential: Option<String>,
}

/// An answer whose body is still under way.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Scrubbed.
    pub(super) headers: Vec<(String, String)>,
    origin: Origin,
    body: reqwest::Response,
}

impl Egress {
    /// A gate that lets `origins` through. An empty list denies everything.
    ///
    /// # Errors
    /// When the network section or a credential cannot be used.
    pub fn new(network: &Network, origins: Vec<Origin>, credentials: Vec<Credential>) -> Result<Self, Failure> {
        let scrub = Scrub::default();
        let client = if origins.is_empty() { None } else { Some(http_client(network)?) };
        let arm = |credential| Armed::new(credential, network, &scrub);
        let credentials = credentials.into_iter().map(arm).collect::<Result<_, _>>()?;
        Ok(Self { network: network.clone(), origins, credentials, client, scrub, upstream: None, witness: None })
    }

    /// A gate that lets nothing through.
    pub fn closed() -> Self {
        Self {
            network: Network::default(),
            origins: Vec::new(),
            credentials: Vec::new(),
            client: None,
            scrub: Scrub::default(),
            upstream: None,
            witness: None,
        }
    }

    /// Takes this connector's secrets out of a text.
    pub fn scrub(&self) -> &Scrub {
        &self.scrub
    }

    /// Sends a request, following redirects within the grant.
    ///
    /// # Errors
    /// `egress-denied` with the line that would allow it; `no-answer`, to be tried again; `request-malformed`.
    pub(super) async fn send(&self, outgoing: Outgoing) -> Result<Answer, Failure> {
        let mut hop = self.first_hop(outgoing)?;
        for _ in 0..=limits::REDIRECTS_MAX {
            let answer = self.exchange(&hop).await?;
            match hop.next(&answer)? {
                None => {
                    let headers = headers::response(answer.headers(), &self.scrub);
                    return Ok(Answer { status: answer.status().as_u16(), headers, origin: hop.origin, body: answer });
                }
                Some(next) => hop = next,
            }
        }
        Err(Failure::new(
            "redirect-loop",
            NextMove::Reject,
            format!("`{}` redirects more than {} times", hop.origin, limits::REDIRECTS_MAX),
        ))
    }

    fn first_hop(&self, outgoing: Outgoing) -> Result<Hop<'_>, Failure> {
        let malformed = |why: String| Failure::new("request-malformed", NextMove::Reject, why);
        // The URL itself is not repeated: its path and query may name people.
        let url =
            Url::parse(&outgoing.url).map_err(|error| malformed(format!("a request's URL is not one: {error}")))?;
        let origin = Origin::of_url(&url).map_err(|why| {
            Failure::new("egress-denied", NextMove::AskPerson, format!("a request was refused: {why}"))
        })?;
        let method = Method::from_bytes(outgoing.method.as_bytes())
            .ok()
            .filter(|method| !matches!(*method, Method::CONNECT | Method::TRACE))
            .ok_or_else(|| malformed(format!("`{}` is not offered as a method", outgoing.method.escape_debug())))?;
        if outgoing.body.as_ref().is_some_and(|body| body.len() > limits::REQUEST_BODY_BYTES_MAX) {
            let why = format!("the body of a request is over {} bytes", limits::REQUEST_BODY_BYTES_MAX);
            return Err(Failure::new("too-large", NextMove::Reject, why));
        }
        let mut headers = headers::request(&outgoing.headers)?;
        let credential = match &outgoing.credential {
            // In a trial there is nobody to show it to.
            Some(name) if self.upstream.is_none() => Some(self.credential(name)?),
            Some(_) | None => None,
        };
        for name in credential.map(Armed::header_names).unwrap_or_default() {
            headers.remove(name);
        }
        if let Some(credential) = credential
            && !credential.is_bound_to(&origin)
        {
            self.check(&origin)?;
            return Err(credential.unbound(&origin));
        }
        Ok(Hop { method, url, origin, headers, body: outgoing.body.map(Bytes::from), credential })
    }

    fn credential(&self, name: &str) -> Result<&Armed, Failure> {
        self.credentials.iter().find(|credential| credential.asked_as() == name).ok_or_else(|| {
            Failure::new(
                "credential-missing",
                NextMove::AskPerson,
                format!("the plugin asks for credential `{}`, and the connector names none", name.escape_debug()),
            )
            .hint("add `credential = \"NAME\"` to the connector's `source`, and a `[credential.NAME]`")
        })
    }

    /// Whether a request may go to `origin`, as far as can be told before its name is resolved.
    fn check(&self, origin: &Origin) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = &self.client
            && self.origins.iter().any(|granted| granted.covers(origin))
        {
            check_literal(&self.network, &origin.to_string(), origin.address())?;
            return Ok(client);
        }
        let origins: Vec<_> = self.origins.iter().chain([origin]).map(|origin| format!("\"{origin}\"")).collect();
        Err(Failure::new(
            "egress-denied",
            NextMove::AskPerson,
            format!("`{origin}` is not granted to this connector's source"),
        )
        .hint(format!(
            "if it should be, in that connector: `grant = {{ source = {{ origins = [{}] }} }}`",
            origins.join(", ")
        )))
    }

    /// One hop, signed in anew once when a session has run out.
    async fn ask(&self, hop: &Hop<'_>) -> Result<reqwest::Response, Failure> {
        let client = self.check(&hop.origin)?;
        let (answer, carried) = self.ask_once(client, hop).await?;
        if answer.status() == StatusCode::UNAUTHORIZED
            && let Some(credential) = hop.credential
            && credential.renew(carried).await
        {
            return Ok(self.ask_once(client, hop).await?.0);
        }
        Ok(answer)
    }

    async fn ask_once(&self, client: &reqwest::Client, hop: &Hop<'_>) -> Result<(reqwest::Response, Carried), Failure> {
        let (mut url, mut headers) = (hop.url.clone(), hop.headers.clone());
        let mut carried = Carried::Nothing;
        let mut client = client;
        if let Some(credential) = hop.credential {
            let body = hop.body.as_deref().unwrap_or_default();
            let going = Going { method: &hop.method, url: &mut url, headers: &mut headers, body };
            carried = credential.attach(self, &hop.origin, going, &self.scrub).await?;
            client = credential.client().unwrap_or(client);
        }
        let mut request = client.request(hop.method.clone(), url).headers(headers);
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        let answer = request.send().await.map_err(|error| no_answer(&hop.origin.to_string(), &error))?;
        Ok((answer, carried))
    }
}

impl Poster for Egress {
    fn post(&self, url: Url, json: Zeroizing<Vec<u8>>) -> BoxFuture<'_, Result<Posted, Failure>> {
        Box::pin(async move {
            let origin = Origin::of_url(&url).map_err(|why| Failure::new("egress-denied", NextMove::Stop, why))?;
            let request = self.check(&origin)?.post(url).header(header::CONTENT_TYPE, "application/json");
            let request = request.header(header::ACCEPT, "application/json").body(json.to_vec());
            let answer = request.send().await.map_err(|error| no_answer(&origin.to_string(), &error))?;
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
            let mut answer = Answer { status, headers: Vec::new(), origin, body: answer };
            let body = Zeroizing::new(answer.collect(LOGIN_BODY_BYTES_MAX).await?);
            Ok(Posted { status, retry_after, body })
        })
    }
}

impl Answer {
    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// `no-answer` when it breaks off.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.body.chunk().await.map_err(|error| no_answer(&self.origin.to_string(), &error))
    }

    /// The whole body.
    ///
    /// # Errors
    /// `too-large` over `bytes_max`, as soon as that is known.
    pub(super) async fn collect(&mut self, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        self.check_size(bytes_max as u64)?;
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > bytes_max {
                return Err(self.too_large(bytes_max as u64));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The body as a stream.
    fn into_body(self) -> reqwest::Body {
        self.body.into()
    }

    /// Refuses a body that says of itself that it is too large.
    pub(super) fn check_size(&self, bytes_max: u64) -> Result<(), Failure> {
        match self.body.content_length() {
            Some(length) if length > bytes_max => Err(self.too_large(bytes_max)),
            _ => Ok(()),
        }
    }

    pub(super) fn too_large(&self, bytes_max: u64) -> Failure {
        Failure::new("too-large", NextMove::Reject, format!("an answer of `{}` is over {bytes_max} bytes", self.origin))
    }
}

/// One request of a chain of redirects.
struct Hop<'a> {
    method: Method,
    url: Url,
    origin: Origin,
    headers: HeaderMap,
    body: Option<Bytes>,
    credential: Option<&'a Armed>,
}

impl<'a> Hop<'a> {
    /// Where an answer redirects to; none when it is not a redirect. Another origin does not get the credential, nor
    /// what the guest itself set to identify itself.
    fn next(&self, answer: &reqwest::Response) -> Result<Option<Hop<'a>>, Failure> {
        let status = answer.status();
        let followed = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = answer.headers().get(header::LOCATION).filter(|_| followed) else { return Ok(None) };
        let denied = |why: String| {
            Failure::new(
                "egress-denied",
                NextMove::AskPerson,
                format!("`{}` redirects where it may not: {why}", self.origin),
            )
        };
        let location = location.to_str().map_err(|_| denied("the address is not text".to_owned()))?;
        let mut url = self.url.join(location).map_err(|error| denied(error.to_string()))?;
        url.set_fragment(None);
        let origin = Origin::of_url(&url).map_err(denied)?;
        let (mut headers, mut credential) = (self.headers.clone(), self.credential);
        if origin != self.origin {
            credential = None;
            headers::OF_ONE_ORIGIN.iter().for_each(|name| drop(headers.remove(name)));
        }
        let becomes_get = status == StatusCode::SEE_OTHER && self.method != Method::HEAD
            || matches!(status.as_u16(), 301 | 302) && self.method == Method::POST;
        let (method, body) = match becomes_get {
            true => (Method::GET, None),
            false => (self.method.clone(), self.body.clone()),
        };
        if becomes_get {
            headers.remove(header::CONTENT_TYPE);
        }
        Ok(Some(Hop { method, url, origin, headers, body, credential }))
    }
}

#[cfg(test)]
mod tests;
