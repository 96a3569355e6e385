//! The journey of one request: which route, what goes wrong with it, who asks, the answer, what goes wrong with that.

use std::sync::Arc;

use axum::body::{self, Body};
use axum::extract::{Query as QueryString, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::body::Pieces;
use super::cursor::{Cursor, items_question, users_question};
use super::faults::{Fault, Route};
use crate::media::Attachment;
use crate::story::Query;

/// The most bytes of a sign-in.
const SESSION_BYTES_MAX: usize = 64 << 10;
/// Items and users of a page when the request does not say.
const PAGE_DEFAULT: u64 = 500;
/// The most items and users of a page, whatever the request says.
const PAGE_MAX: u64 = 1_000;
/// Seconds a token is said to be good for.
const TOKEN_LIFE_S: u64 = 3_600;
/// Networks of the contract. The story is about the first; the others are empty.
const NETWORKS: &[&str] = &[
    "whatsapp",
    "signal",
    "telegram",
    "wechat",
    "android",
    "att",
    "bell",
    "enterprise-number",
    "o2",
    "rogers",
    "telus",
    "verizon",
];

/// An answer before it is put on the wire.
enum Answer {
    Json(StatusCode, Vec<u8>),
    File(Attachment),
    Html(StatusCode),
    Throttled(Option<u64>),
    Redirect(String),
}

pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let route = Route::of(request.method(), request.uri().path());
    let fault = meet(&shared, route);
    let answer = match &fault {
        Some(fault) => match instead(&shared, fault) {
            Some(answer) => answer,
            None => right_answer(&shared, route, request, Some(fault)).await,
        },
        None => right_answer(&shared, route, request, None).await,
    };
    let response = respond(answer, fault.as_ref());
    *shared.state().answered.entry((route, response.status().as_u16())).or_default() += 1;
    response
}

/// Counts the request and looks up what goes wrong with it.
fn meet(shared: &Shared, route: Route) -> Option<Fault> {
    let mut state = shared.state();
    let counted = state.counted.entry(route).or_default();
    *counted += 1;
    let nth = *counted;
    state.faults.at(route, nth)
}

/// The answer of a fault that leaves nothing of the right one; none for those that only spoil it.
fn instead(shared: &Shared, fault: &Fault) -> Option<Answer> {
    Some(match fault {
        Fault::Throttle(retry_after_s) => Answer::Throttled(*retry_after_s),
        Fault::Status(status) => refusal(status_or_500(*status), "planted"),
        Fault::Html(status) => Answer::Html(status_or_500(*status)),
        Fault::Redirect(url) => Answer::Redirect(url.clone()),
        Fault::RefuseLogin => refusal(StatusCode::UNAUTHORIZED, "login-refused"),
        Fault::ExpireTokens => {
            shared.state().tokens.clear();
            refusal(StatusCode::UNAUTHORIZED, "token-expired")
        }
        Fault::TruncatedJson
        | Fault::WrongTypes
        | Fault::BrokenItem
        | Fault::BrokenItems
        | Fault::HiddenByRepeat
        | Fault::SameCursor
        | Fault::EndlessPages
        | Fault::WrongCount(_)
        | Fault::SlowBody { .. }
        | Fault::DropMidBody => return None,
    })
}

fn status_or_500(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn right_answer(shared: &Shared, route: Route, request: Request, fault: Option<&Fault>) -> Answer {
    match route {
        Route::Session => session(shared, request).await,
        Route::Unknown => refusal(StatusCode::NOT_FOUND, "no-such-path"),
        _ if !admitted(shared, request.headers()) => refusal(StatusCode::UNAUTHORIZED, "token-expired"),
        Route::Account => encoded(&shared.story.wire_account()),
        Route::Users => users(shared, request.uri()),
        Route::Count => count(shared, request.uri(), fault),
        Route::Items => items(shared, request.uri(), fault),
        Route::Attachment => attachment(shared, request.uri()),
    }
}

#[derive(Deserialize)]
struct SignIn {
    username: String,
    password: String,
}

async fn session(shared: &Shared, request: Request) -> Answer {
    let Ok(body) = body::to_bytes(request.into_body(), SESSION_BYTES_MAX).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "too-large");
    };
    let Ok(SignIn { username, password }) = serde_json::from_slice(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "bad-request");
    };
    let right = shared.story.credentials();
    if username != right.username || password != right.password {
        return refusal(StatusCode::UNAUTHORIZED, "login-refused");
    }
    let mut state = shared.state();
    state.sessions += 1;
    let token = shared.story.token(state.sessions);
    state.tokens.insert(token.clone(), 0);
    drop(state);
    encoded(&json!({ "token": token, "expires_in_s": TOKEN_LIFE_S }))
}

/// True when the request carries a good token, which has then served one request more.
fn admitted(shared: &Shared, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = given.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
    let mut state = shared.state();
    let served_max = state.faults.token_requests_max().unwrap_or(u64::MAX);
    match state.tokens.get_mut(token) {
        Some(served) if *served < served_max => {
            *served += 1;
            true
        }
        _ => {
            state.tokens.remove(token);
            false
        }
    }
}

#[derive(Deserialize)]
struct Listing {
    limit: Option<u64>,
    cursor: Option<String>,
}

impl Listing {
    fn limit(&self) -> u64 {
        self.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
    }

    /// None for a cursor that is not one of this question's. An empty one is the same as none.
    fn cursor(&self, question: u64) -> Option<Cursor> {
        match self.cursor.as_deref() {
            None | Some("") => Some(Cursor::START),
            Some(text) => Cursor::parse(text, question),
        }
    }
}

#[derive(Deserialize)]
struct Window {
    from: i64,
    to: i64,
    archiver: String,
}

impl Window {
    /// The query, or the code with which a request without a proper one is refused. A network without items is an
    /// empty window.
    fn of(shared: &Shared, uri: &Uri) -> Result<Query, &'static str> {
        let Ok(QueryString(window)) = QueryString::<Self>::try_from_uri(uri) else {
            return Err("bad-window");
        };
        if window.from > window.to {
            return Err("bad-window");
        }
        match NETWORKS.iter().position(|network| *network == window.archiver) {
            None => Err("unknown-archiver"),
            Some(0) => Ok(Query { from_ms: window.from, to_ms: window.to, now_ms: shared.state().now_ms }),
            Some(_) => Ok(Query { from_ms: window.from, to_ms: window.from, now_ms: None }),
        }
    }
}

fn users(shared: &Shared, uri: &Uri) -> Answer {
    let question = users_question(shared.story.seed());
    let Ok(QueryString(listing)) = QueryString::<Listing>::try_from_uri(uri) else {
        return refusal(StatusCode::BAD_REQUEST, "bad-request");
    };
    let Some(cursor) = listing.cursor(question) else { return refusal(StatusCode::BAD_REQUEST, "bad-cursor") };
    let (users, next) = shared.story.users(cursor.offset, listing.limit());
    let next = next.map(|offset| Cursor { offset, ..cursor }.to_text(question));
    encoded(&json!({ "users": users, "next": next }))
}

fn count(shared: &Shared, uri: &Uri, fault: Option<&Fault>) -> Answer {
    match Window::of(shared, uri) {
        Err(code) => refusal(StatusCode::BAD_REQUEST, code),
        Ok(query) => {
            let wrong_by = if let Some(Fault::WrongCount(wrong_by)) = fault { *wrong_by } else { 0 };
            encoded(&json!({ "count": shared.story.count(query).saturating_add_signed(wrong_by) }))
        }
    }
}

fn items(shared: &Shared, uri: &Uri, fault: Option<&Fault>) -> Answer {
    let query = match Window::of(shared, uri) {
        Ok(query) => query,
        Err(code) => return refusal(StatusCode::BAD_REQUEST, code),
    };
    let Ok(QueryString(listing)) = QueryString::<Listing>::try_from_uri(uri) else {
        return refusal(StatusCode::BAD_REQUEST, "bad-request");
    };
    let question = items_question(shared.story.seed(), query);
    let Some(cursor) = listing.cursor(question) else { return refusal(StatusCode::BAD_REQUEST, "bad-cursor") };
    let mut page = b"{\"items\":[".to_vec();
    let next = shared.story.page(query, cursor.offset, listing.limit(), &mut page);
    let next = match (fault, next) {
        (Some(Fault::SameCursor), _) => Some(cursor),
        (Some(Fault::EndlessPages), None) => Some(Cursor { offset: 0, round: cursor.round.saturating_add(1) }),
        (_, next) => next.map(|offset| Cursor { offset, ..cursor }),
    };
    let next = Value::from(next.map(|next| next.to_text(question)));
    page.extend(format!("],\"next\":{next}}}").into_bytes());
    Answer::Json(StatusCode::OK, page)
}

fn attachment(shared: &Shared, uri: &Uri) -> Answer {
    let id = uri.path().rsplit('/').next().unwrap_or_default();
    match shared.story.attachment(id) {
        Some(attachment) if !attachment.expired => Answer::File(attachment),
        _ => refusal(StatusCode::NOT_FOUND, "expired"),
    }
}

fn refusal(status: StatusCode, code: &str) -> Answer {
    Answer::Json(status, format!("{{\"error\":\"{code}\"}}").into_bytes())
}

fn encoded(value: &impl serde::Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(json) => Answer::Json(StatusCode::OK, json),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "not-encodable"),
    }
}

fn respond(answer: Answer, fault: Option<&Fault>) -> Response {
    let (status, content_type, pieces) = match answer {
        Answer::Json(status, json) => {
            let json = if status.is_success() { spoil(json, fault) } else { json };
            (status, "application/json", whole(json))
        }
        Answer::File(file) => (StatusCode::OK, file.media_type, Pieces::new(file.chunks(), file.size)),
        Answer::Html(status) => (status, "text/html; charset=utf-8", whole(GATEWAY_PAGE.to_vec())),
        Answer::Throttled(retry_after_s) => {
            let mut response = respond(refusal(StatusCode::TOO_MANY_REQUESTS, "too-many-requests"), None);
            if let Some(seconds) = retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            return response;
        }
        Answer::Redirect(url) => {
            let mut response = respond(refusal(StatusCode::TEMPORARY_REDIRECT, "moved"), None);
            if let Ok(url) = HeaderValue::from_str(&url) {
                response.headers_mut().insert(header::LOCATION, url);
            }
            return response;
        }
    };
    let pieces = match fault {
        Some(Fault::DropMidBody) => pieces.broken(),
        Some(Fault::SlowBody { piece_bytes, pause }) => pieces.slow(*piece_bytes, *pause),
        _ => pieces,
    };
    let mut response = Response::new(Body::new(pieces));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn whole(bytes: Vec<u8>) -> Pieces {
    let size = bytes.len() as u64;
    Pieces::new(std::iter::once(bytes), size)
}

/// The right JSON, spoiled as the fault says.
fn spoil(mut json: Vec<u8>, fault: Option<&Fault>) -> Vec<u8> {
    let change = match fault {
        Some(Fault::TruncatedJson) => {
            json.truncate(json.len() / 2);
            return json;
        }
        Some(Fault::WrongTypes) => wrong_types,
        Some(Fault::BrokenItem) => broken_item,
        Some(Fault::BrokenItems) => broken_items,
        Some(Fault::HiddenByRepeat) => hidden_by_repeat,
        _ => return json,
    };
    match serde_json::from_slice(&json) {
        Ok(mut value) => {
            change(&mut value);
            value.to_string().into_bytes()
        }
        Err(_) => json,
    }
}

/// Lists become objects, numbers and texts each other, and nothing becomes a number.
fn wrong_types(value: &mut Value) {
    let Value::Object(members) = value else { return };
    for member in members.values_mut() {
        *member = match member.take() {
            Value::Array(entries) => json!({ "entries": entries.len() }),
            Value::Number(number) => Value::String(format!("about {number}")),
            Value::Null => json!(0),
            Value::String(_) | Value::Bool(_) | Value::Object(_) => json!(17),
        };
    }
}

fn broken_item(value: &mut Value) {
    if let Some(time) = value.pointer_mut("/items/0/event_time_ms") {
        *time = Value::from("yesterday at noon");
    }
}

fn broken_items(value: &mut Value) {
    for item in value["items"].as_array_mut().into_iter().flatten() {
        item["event_time_ms"] = Value::from("yesterday at noon");
    }
}

fn hidden_by_repeat(value: &mut Value) {
    if let Some([first, second, ..]) = value["items"].as_array_mut().map(Vec::as_mut_slice) {
        second.clone_from(first);
    }
}

const GATEWAY_PAGE: &[u8] = b"<!DOCTYPE html>\n<html><head><title>One moment</title></head>\
    <body><h1>The service is being maintained</h1><p>Please try again later.</p></body></html>\n";
