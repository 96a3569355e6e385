//! Requests to Graph: signed, paced, named, and what their answers mean.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::verdict::{Verdict, code, judge};
use crate::{
    item::{Failure, NextMove, limits, network::Network},
    network::{Pace, TokenSource, check_literal, no_answer},
};

/// What is waited when Graph says "later" without saying when.
const PAUSE_DEFAULT: Duration = Duration::from_secs(10);

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A request of a batch.
pub(super) struct Inner {
    pub(super) method: &'static str,
    /// Path and query below the version.
    pub(super) path: String,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
}

/// Speaks to one tenant's Graph.
pub(super) struct Client {
    http: reqwest::Client,
    /// `https://graph.microsoft.com`, without a slash at the end.
    endpoint: String,
    network: Network,
    pub(super) tokens: Arc<TokenSource>,
    pace: Pace,
}

impl Client {
    pub(super) fn new(
        http: reqwest::Client,
        endpoint: &str,
        network: &Network,
        tokens: Arc<TokenSource>,
        pace: Pace,
    ) -> Self {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Self { http, endpoint, network: network.clone(), tokens, pace }
    }

    /// One request about a mailbox, again when Graph says "later".
    ///
    /// # Errors
    /// When there is no answer, it says "later" too often or for too long, or the sign-in is refused.
    pub(super) async fn ask(
        &self,
        mailbox: &Arc<str>,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(Answer, Verdict), Failure> {
        let mut attempt = 0;
        loop {
            let answer = {
                let _permit = self.enter(mailbox, 1).await?;
                self.send(method.clone(), path, body.clone(), limits::GRAPH_ANSWER_BYTES_MAX).await?
            };
            match self.judged(mailbox, &answer)? {
                Verdict::Throttled(wait) => {
                    attempt += 1;
                    self.throttled(mailbox, wait, attempt)?;
                }
                verdict => return Ok((answer, verdict)),
            }
        }
    }

    /// Bytes about a mailbox, up to a size.
    pub(super) async fn bytes(&self, mailbox: &Arc<str>, path: &str, bytes_max: usize) -> Result<Answer, Failure> {
        let _permit = self.enter(mailbox, 1).await?;
        self.send(Method::GET, path, None, bytes_max).await
    }

    /// Requests about one mailbox in one go; an answer each, none where Graph left one out.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(super) async fn batch(&self, mailbox: &Arc<str>, requests: &[Inner]) -> Result<Vec<Option<Answer>>, Failure> {
        if let [Inner { method, path, body }] = requests {
            let _permit = self.enter(mailbox, 1).await?;
            let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
            let answer = self.send(method, path, body.clone(), limits::GRAPH_ANSWER_BYTES_MAX).await?;
            return Ok(vec![Some(answer)]);
        }
        let _permit = self.enter(mailbox, u32::try_from(requests.len()).unwrap_or(u32::MAX)).await?;
        let body = Some(joined(requests));
        let answer = self.send(Method::POST, "/$batch", body, limits::GRAPH_ANSWER_BYTES_MAX).await?;
        if answer.status != 200 {
            // Nothing of it was done, or nobody knows: the same for each.
            return Ok(vec![Some(answer); requests.len()]);
        }
        let mut answers = vec![None; requests.len()];
        for response in answer.json()["responses"].as_array().into_iter().flatten() {
            let index = response["id"].as_str().and_then(|id| id.parse::<usize>().ok());
            let Some(place) = index.and_then(|index| answers.get_mut(index)) else { continue };
            let headers = response["headers"].as_object();
            let after = headers.into_iter().flatten().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            *place = Some(Answer {
                status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0),
                retry_after: after.and_then(|(_, value)| Some(Duration::from_secs(value.as_str()?.parse().ok()?))),
                body: response["body"].to_string().into(),
            });
        }
        Ok(answers)
    }

    /// A range of a file, to where Graph said; that address is the right to it, so that no token goes along.
    pub(super) async fn put_range(
        &self,
        mailbox: &Arc<str>,
        url: &Url,
        content_range: &str,
        bytes: Bytes,
    ) -> Result<Answer, Failure> {
        let _permit = self.enter(mailbox, 1).await?;
        let request = self
            .http
            .put(url.clone())
            .header("content-type", "application/octet-stream")
            .header("content-range", content_range)
            .body(bytes);
        self.finish(request, &place(url), limits::GRAPH_ANSWER_BYTES_MAX).await
    }

    /// Gives an upload up; whether that works is of no account, since sessions run out.
    pub(super) async fn give_up(&self, url: &Url) {
        if let Err(failure) = self.finish(self.http.delete(url.clone()), &place(url), 64 << 10).await {
            tracing::debug!(code = failure.code, "an upload session could not be given up: {failure}");
        }
    }

    /// An address that Graph gave out, when it may be used: encrypted, or at the endpoint itself.
    pub(super) fn trusted(&self, url: &str) -> Result<Url, Failure> {
        let parsed =
            Url::parse(url).ok().filter(|parsed| parsed.scheme() == "https" || url.starts_with(&self.endpoint));
        let Some(parsed) = parsed else {
            let message = "Microsoft Graph names an upload address that is not encrypted";
            return Err(Failure::new("no-answer", NextMove::Retry { after: None }, message));
        };
        check_literal(&self.network, &place(&parsed), crate::network::literal(&parsed))?;
        Ok(parsed)
    }

    /// What an answer means. A token that is refused although it is new ends the turn.
    pub(super) fn judged(&self, mailbox: &str, answer: &Answer) -> Result<Verdict, Failure> {
        let verdict = judge(mailbox, answer.status, &code(&answer.body), answer.retry_after);
        if verdict == Verdict::SignIn { Err(self.token_refused(answer)) } else { Ok(verdict) }
    }

    /// Notes that a mailbox asked for a pause.
    ///
    /// # Errors
    /// When it is too long to wait for, or it is asked for again and again.
    pub(super) fn throttled(&self, mailbox: &Arc<str>, wait: Option<Duration>, attempt: u32) -> Result<(), Failure> {
        let wait = wait.unwrap_or(PAUSE_DEFAULT);
        self.pace.close(mailbox, wait);
        tracing::info!(wait_s = wait.as_secs(), attempt, "Microsoft Graph asks a mailbox's writers to wait");
        if wait > limits::RETRY_AFTER_MAX || attempt >= limits::ATTEMPTS_MAX {
            return Err(self.paused(wait));
        }
        Ok(())
    }

    async fn enter(&self, mailbox: &Arc<str>, requests: u32) -> Result<crate::network::Permit, Failure> {
        self.pace.enter(mailbox, requests, limits::RETRY_AFTER_MAX).await.map_err(|left| self.paused(left))
    }

    fn paused(&self, wait: Duration) -> Failure {
        let message = format!("`{}` asks to wait {} s with a mailbox", self.endpoint, wait.as_secs());
        Failure::new("destination-throttled", NextMove::Retry { after: Some(wait) }, message)
            .hint("nothing to do: the next turn goes on; ask who else uses this application if it stays so")
    }

    fn token_refused(&self, answer: &Answer) -> Failure {
        let message =
            format!("`{}` refuses the application's token: {} {}", self.endpoint, answer.status, code(&answer.body));
        Failure::new("sign-in-refused", NextMove::AskPerson, message)
            .hint("check that `cloud` and the tenant belong together; then run `chancery connector check`")
    }

    /// Sends one request, signing in anew once when the token is not good any more.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        bytes_max: usize,
    ) -> Result<Answer, Failure> {
        let url =
            if path.starts_with(&self.endpoint) { path.to_owned() } else { format!("{}/v1.0{path}", self.endpoint) };
        let body = body.map(Bytes::from);
        let token = self.tokens.token().await?;
        let answer = self.send_with(&token, &method, &url, body.clone(), bytes_max).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.tokens.expire(&token).await;
        let token = self.tokens.token().await?;
        self.send_with(&token, &method, &url, body, bytes_max).await
    }

    async fn send_with(
        &self,
        token: &SecretString,
        method: &Method,
        url: &str,
        body: Option<Bytes>,
        bytes_max: usize,
    ) -> Result<Answer, Failure> {
        let id = request_id();
        let mut request = self
            .http
            .request(method.clone(), url)
            .header("authorization", format!("Bearer {}", token.expose_secret()))
            .header("accept", "application/json")
            .header("prefer", "IdType=\"ImmutableId\"")
            .header("client-request-id", &id);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = self.finish(request, &self.endpoint, bytes_max).await?;
        if answer.status >= 400 {
            tracing::debug!(status = answer.status, code = code(&answer.body), request = id, "Microsoft Graph refuses");
        }
        Ok(answer)
    }

    async fn finish(&self, request: reqwest::RequestBuilder, place: &str, bytes_max: usize) -> Result<Answer, Failure> {
        let lost = |error: &reqwest::Error| doubtful(no_answer(place, error));
        let mut answer = request.send().await.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + piece.len() > bytes_max {
                let message = format!("`{place}` answers with more than {bytes_max} bytes");
                return Err(doubtful(Failure::new("no-answer", NextMove::Retry { after: None }, message)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, retry_after: after.map(Duration::from_secs), body: body.into() })
    }
}

/// What is in doubt is not looked for at once: the request may still be at work.
pub(super) fn doubtful(failure: Failure) -> Failure {
    match failure.next {
        NextMove::Retry { after } => {
            let after = Some(after.unwrap_or_default().max(limits::GRAPH_DOUBT_PAUSE));
            Failure { next: NextMove::Retry { after }, ..failure }
        }
        _ => failure,
    }
}

/// The body of a batch. Bodies are JSON already and are not read again.
fn joined(requests: &[Inner]) -> Vec<u8> {
    let mut out = b"{\"requests\":[".to_vec();
    for (index, Inner { method, path, body }) in requests.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let mut headers = json!({ "Prefer": "IdType=\"ImmutableId\"" });
        if body.is_some() {
            headers["Content-Type"] = Value::from("application/json");
        }
        let head = json!({ "id": index.to_string(), "method": method, "url": path, "headers": headers }).to_string();
        match body {
            None => out.extend_from_slice(head.as_bytes()),
            Some(body) => {
                out.extend_from_slice(head.strip_suffix('}').unwrap_or(&head).as_bytes());
                out.extend_from_slice(b",\"body\":");
                out.extend_from_slice(body);
                out.push(b'}');
            }
        }
    }
    out.extend_from_slice(b"]}");
    out
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A random id (RFC 9562, version 4) by which Microsoft's support finds a request.
fn request_id() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return "00000000-0000-4000-8000-000000000000".to_owned();
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::item::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn a_batch_is_one_document() {
        let inner = |body: Option<&str>| Inner {
            method: if body.is_some() { "POST" } else { "GET" },
            path: "/users/a%40b/messages?$filter=x%20eq%20%27%7D%27".to_owned(),
            body: body.map(|body| body.as_bytes().to_vec()),
        };
        for requests in [vec![inner(Some("{\"a\":{}}")), inner(None)], vec![inner(None), inner(Some("{}"))]] {
            let document: Value = serde_json::from_slice(&joined(&requests)).unwrap();
            let found = document["requests"].as_array().unwrap();
            assert_eq!(found.len(), 2);
            for (index, (request, inner)) in found.iter().zip(&requests).enumerate() {
                assert_eq!(request["id"], index.to_string());
                assert_eq!(request["method"], inner.method);
                assert_eq!(request["url"], inner.path);
                assert_eq!(request["headers"]["Prefer"], "IdType=\"ImmutableId\"");
                assert_eq!(request.get("body").is_some(), inner.body.is_some());
                assert_eq!(request["headers"].get("Content-Type").is_some(), inner.body.is_some());
            }
        }
    }

    #[test]
    fn request_ids_are_random_and_well_formed() {
        let (one, other) = (request_id(), request_id());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
    }

    #[test]
    fn doubt_waits() {
        let retry = |after| Failure::new("no-answer", NextMove::Retry { after }, "");
        assert_eq!(doubtful(retry(None)).next, NextMove::Retry { after: Some(limits::GRAPH_DOUBT_PAUSE) });
        let long = Some(limits::GRAPH_DOUBT_PAUSE * 2);
        assert_eq!(doubtful(retry(long)).next, NextMove::Retry { after: long });
    }
}
