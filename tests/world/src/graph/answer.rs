//! The journey of one request: who asks, what goes wrong with it, whether the mailbox has room for it, the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{self, Body};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::faults::{GraphFault, GraphRoute, MailboxTrouble};
use super::{Shared, mail};
use crate::site::Pieces;

/// The most bytes of a request, as Graph documents it.
const REQUEST_BYTES_MAX: usize = 4 << 20;
/// The most requests of a batch.
const BATCH_MAX: usize = 20;
/// Requests of a batch that are under way at once for one mailbox.
const BATCH_AT_ONCE: usize = 4;
/// Seconds a token is good for.
const TOKEN_LIFE_S: u64 = 3_600;

/// A request, alone or of a batch.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) immutable: bool,
    pub(super) content_type: String,
    pub(super) content_range: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Its answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The connection breaks in the middle of it.
    pub(super) drops: bool,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes(), drops: false }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), drops: false }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::json(status, &json!({ "error": { "code": code, "message": "planted or deserved", "innerError": {} } }))
    }

    fn throttled(seconds: u64) -> Self {
        let mut reply = Self::error(429, "ApplicationThrottled");
        reply.headers.push(("retry-after", seconds.to_string()));
        reply
    }
}

pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let route = GraphRoute::of(&head.method, head.uri.path());
    if !head.headers.contains_key("client-request-id") && !matches!(route, GraphRoute::Token | GraphRoute::Upload) {
        shared.state().nameless += 1;
    }
    let reply = match body::to_bytes(body, REQUEST_BYTES_MAX).await {
        Err(_) => Reply::error(413, "RequestBodyTooLarge"),
        Ok(body) => {
            let ask = Ask {
                method: head.method.clone(),
                path: head.uri.path().to_owned(),
                query: query(&head.uri),
                immutable: prefers_immutable(text(&head.headers, "prefer")),
                content_type: text(&head.headers, "content-type").to_owned(),
                content_range: head
                    .headers
                    .get("content-range")
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned),
                body: body.to_vec(),
            };
            dispatch(&shared, route, ask, &head.headers).await
        }
    };
    respond(reply, text(&head.headers, "client-request-id"))
}

async fn dispatch(shared: &Arc<Shared>, route: GraphRoute, ask: Ask, headers: &HeaderMap) -> Reply {
    if route != GraphRoute::Token && route != GraphRoute::Upload {
        let token = text(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
        if !shared.state().tokens.contains(token) {
            return Reply::error(401, "InvalidAuthenticationToken");
        }
    }
    if route == GraphRoute::Batch {
        let fault = meet(shared, route);
        let reply = match &fault {
            Some(fault) if !commits(fault) => instead(shared, fault),
            _ => batch(shared, &ask).await,
        };
        let reply = spoil(reply, fault.as_ref());
        *shared.state().answered.entry((route, reply.status)).or_default() += 1;
        return reply;
    }
    serve(shared, ask).await
}

/// One request that is no batch.
async fn serve(shared: &Shared, ask: Ask) -> Reply {
    let route = GraphRoute::of(&ask.method, &ask.path);
    let fault = meet(shared, route);
    let reply = match &fault {
        Some(fault) if !commits(fault) => instead(shared, fault),
        _ => served(shared, route, &ask).await,
    };
    let reply = spoil(reply, fault.as_ref());
    *shared.state().answered.entry((route, reply.status)).or_default() += 1;
    reply
}

async fn served(shared: &Shared, route: GraphRoute, ask: &Ask) -> Reply {
    match route {
        GraphRoute::Token => return token(shared, ask),
        GraphRoute::Users => return mail::users(shared, ask),
        GraphRoute::Upload => return mail::upload(shared, ask),
        GraphRoute::Unknown | GraphRoute::Batch => return Reply::error(404, "BadRequest"),
        _ => {}
    }
    let name = ask.path.split('/').nth(3).map(decoded).unwrap_or_default();
    let Some(user) = shared.user(&name).filter(|user| user.mail.is_some()).cloned() else {
        return Reply::error(404, "ErrorInvalidUser");
    };
    let trouble = shared.state().faults.trouble(&user.principal);
    match trouble {
        Some(MailboxTrouble::Denied) => return Reply::error(403, "ErrorAccessDenied"),
        Some(MailboxTrouble::Gone) => return Reply::error(404, "MailboxNotEnabledForRESTAPI"),
        Some(MailboxTrouble::Throttled(seconds)) => return Reply::throttled(seconds),
        None => {}
    }
    let _place = match enter(shared, &user.id) {
        Ok(place) => place,
        Err(reply) => return reply,
    };
    tokio::time::sleep(shared.options.work_time).await;
    mail::act(shared, &user, route, ask)
}

/// A request's place in a mailbox; given back as well when whoever asked goes away in the middle of it.
struct Place<'a> {
    shared: &'a Shared,
    user: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(mailbox) = self.shared.state().mailboxes.get_mut(&self.user) {
            mailbox.under_way -= 1;
        }
    }
}

/// Takes a place in the mailbox, or says why there is none.
fn enter<'a>(shared: &'a Shared, user: &str) -> Result<Place<'a>, Reply> {
    let options = &shared.options;
    let now = Instant::now();
    let mut state = shared.state();
    let mailbox = state.mailboxes.entry(user.to_owned()).or_default();
    while mailbox.recent.front().is_some_and(|at| now.duration_since(*at) >= options.requests_window) {
        mailbox.recent.pop_front();
    }
    if let Some(oldest) = mailbox.recent.front().filter(|_| mailbox.recent.len() >= options.requests_max) {
        let wait = options.requests_window.saturating_sub(now.duration_since(*oldest));
        return Err(Reply::throttled(wait.max(Duration::from_secs(1)).as_secs()));
    }
    mailbox.recent.push_back(now);
    mailbox.peak = mailbox.peak.max(mailbox.under_way + 1);
    if mailbox.under_way >= options.at_once_max {
        return Err(Reply::throttled(1));
    }
    mailbox.under_way += 1;
    Ok(Place { shared, user: user.to_owned() })
}

fn meet(shared: &Shared, route: GraphRoute) -> Option<GraphFault> {
    let mut state = shared.state();
    let counted = state.counted.entry(route).or_default();
    *counted += 1;
    let nth = *counted;
    state.faults.at(route, nth)
}

fn commits(fault: &GraphFault) -> bool {
    matches!(fault, GraphFault::CommitThenDrop | GraphFault::CommitThenTimeout)
}

fn instead(shared: &Shared, fault: &GraphFault) -> Reply {
    match fault {
        GraphFault::Status(status, code) => Reply::error(*status, code),
        GraphFault::Throttle(seconds) => Reply::throttled(*seconds),
        GraphFault::ExpireTokens => {
            shared.state().tokens.clear();
            Reply::error(401, "InvalidAuthenticationToken")
        }
        GraphFault::Drop | GraphFault::CommitThenDrop | GraphFault::CommitThenTimeout => {
            Reply { drops: true, ..Reply::error(200, "planted") }
        }
    }
}

fn spoil(reply: Reply, fault: Option<&GraphFault>) -> Reply {
    match fault {
        Some(GraphFault::CommitThenDrop) => Reply { drops: true, ..reply },
        Some(GraphFault::CommitThenTimeout) => Reply::error(504, "UnknownError"),
        _ => reply,
    }
}

/// Runs the requests of a batch, four at a time, those that depend on others after them.
async fn batch(shared: &Arc<Shared>, ask: &Ask) -> Reply {
    let Ok(document) = serde_json::from_slice::<Value>(&ask.body) else { return Reply::error(400, "BadRequest") };
    let requests = document["requests"].as_array().cloned().unwrap_or_default();
    if requests.is_empty() || requests.len() > BATCH_MAX {
        return Reply::error(400, "MaximumRequestsExceeded");
    }
    let mut waiting: Vec<(String, BTreeSet<String>, Ask)> = Vec::new();
    for request in &requests {
        let Some((id, after, ask)) = inner(request) else { return Reply::error(400, "BadRequest") };
        waiting.push((id, after, ask));
    }
    let mut done: BTreeMap<String, Reply> = BTreeMap::new();
    while !waiting.is_empty() {
        let is_ready = |after: &BTreeSet<String>| after.iter().all(|id| done.contains_key(id));
        let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, after, _)| is_ready(after));
        if ready.is_empty() {
            return Reply::error(400, "BadRequest");
        }
        waiting = later;
        let mut ready = ready.into_iter();
        loop {
            let mut under_way = JoinSet::new();
            for (id, after, ask) in ready.by_ref().take(BATCH_AT_ONCE) {
                let failed = after.iter().any(|id| done.get(id).is_some_and(|reply| reply.status >= 400));
                let shared = Arc::clone(shared);
                under_way.spawn(async move {
                    let reply = if failed { Reply::error(424, "FailedDependency") } else { serve(&shared, ask).await };
                    (id, reply)
                });
            }
            if under_way.is_empty() {
                break;
            }
            while let Some(Ok((id, reply))) = under_way.join_next().await {
                done.insert(id, reply);
            }
        }
    }
    let drops = done.values().any(|reply| reply.drops);
    // In any order, as the real one: here by id as text, so that 10 comes before 2.
    let responses: Vec<Value> = done
        .into_iter()
        .map(|(id, reply)| {
            let headers: BTreeMap<&str, String> = reply.headers.into_iter().collect();
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            json!({ "id": id, "status": reply.status, "headers": headers, "body": body })
        })
        .collect();
    Reply { drops, ..Reply::json(200, &json!({ "responses": responses })) }
}

fn inner(request: &Value) -> Option<(String, BTreeSet<String>, Ask)> {
    let url = request["url"].as_str()?;
    let uri: Uri = format!("/v1.0{url}").parse().ok()?;
    let header = |name: &str| {
        let headers = request["headers"].as_object()?;
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
    };
    let after = request["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let body = match &request["body"] {
        Value::Null => Vec::new(),
        // A body needs its type said, as the real one demands it.
        body => header("content-type").map(|_| body.to_string().into_bytes())?,
    };
    let ask = Ask {
        method: request["method"].as_str()?.parse().ok()?,
        path: uri.path().to_owned(),
        query: query(&uri),
        immutable: prefers_immutable(header("prefer").unwrap_or_default()),
        content_type: header("content-type").unwrap_or_default().to_owned(),
        content_range: None,
        body,
    };
    Some((request["id"].as_str()?.to_owned(), after.collect(), ask))
}

fn prefers_immutable(prefer: &str) -> bool {
    prefer.to_ascii_lowercase().contains("idtype=\"immutableid\"")
}

/// OAuth 2 client credentials, by a shared secret or an assertion.
fn token(shared: &Shared, ask: &Ask) -> Reply {
    let options = &shared.options;
    let refused = |code: &str| Reply::json(401, &json!({ "error": code, "error_description": "AADSTS7000215" }));
    if ask.path != format!("/{}/oauth2/v2.0/token", options.tenant) {
        return Reply::json(400, &json!({ "error": "invalid_tenant" }));
    }
    let form: Option<Uri> = std::str::from_utf8(&ask.body).ok().and_then(|form| format!("/?{form}").parse().ok());
    let form = form.map(|uri| query(&uri)).unwrap_or_default();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let proven = match form.get("client_assertion") {
        Some(assertion) => options.certificate_sha256.is_some() && thumbprint(assertion) == options.certificate_sha256,
        None => field("client_secret") == options.client_secret,
    };
    if field("grant_type") != "client_credentials" || field("client_id") != options.client_id || !proven {
        return refused("invalid_client");
    }
    if !field("scope").ends_with("/.default") {
        return Reply::json(400, &json!({ "error": "invalid_scope" }));
    }
    let mut state = shared.state();
    state.issued += 1;
    let claims =
        json!({ "roles": options.roles, "appid": options.client_id, "tid": options.tenant, "jti": state.issued });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.c2lnbmVk", encode(&json!({ "alg": "RS256", "typ": "JWT" })), encode(&claims));
    state.tokens.insert(token.clone());
    Reply::json(200, &json!({ "token_type": "Bearer", "expires_in": TOKEN_LIFE_S, "access_token": token }))
}

fn thumbprint(assertion: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(assertion.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header["x5t#S256"].as_str().map(str::to_owned)
}

/// A query's or form's fields; none when it is malformed.
fn query(uri: &Uri) -> BTreeMap<String, String> {
    Query::<BTreeMap<String, String>>::try_from_uri(uri).map(|Query(fields)| fields).unwrap_or_default()
}

/// A segment of a path without its percent signs.
pub(super) fn decoded(segment: &str) -> String {
    // A plus sign means itself in a path.
    let escaped = segment.replace('+', "%2B");
    let uri: Option<Uri> = format!("/?x={escaped}").parse().ok();
    uri.and_then(|uri| query(&uri).remove("x")).unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn respond(reply: Reply, request_id: &str) -> Response {
    let size = reply.body.len() as u64;
    let pieces = Pieces::new(std::iter::once(reply.body), size);
    let pieces = if reply.drops { pieces.broken() } else { pieces };
    let mut response = Response::new(Body::new(pieces));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("client-request-id"), id);
    }
    response
}
