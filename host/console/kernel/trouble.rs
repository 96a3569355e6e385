//! What went wrong, for a person as a page and for a program as `application/problem+json` (RFC 9457).

use std::fmt;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::refusals::Kind;
use crate::{
    item::{Failure, NextMove},
    people::Right,
    state::StateError,
};

/// Why a request is not done.
#[derive(Debug)]
pub(in crate::console) enum Trouble {
    /// Nobody is signed in; they are sent to where they can, and back to this path.
    SignIn {
        /// Where they wanted to go.
        path: String,
        /// A session was shown, and has ended.
        had_session: bool,
    },
    /// There is no token, or none that counts.
    Token,
    /// The right is missing.
    Right(Right),
    /// The form is not of this session, or the request comes from another site.
    Forgery,
    /// `Host` names another one.
    Host,
    /// There is no such page or thing.
    NotFound,
    /// The page is there, and cannot be asked in this way.
    Method,
    /// The body is above the limit, in bytes.
    TooLarge(usize),
    /// The body is of another kind than what is read here.
    MediaType(&'static str),
    /// What was given cannot be taken: what is wrong with it.
    Unfit(String),
    /// It was changed by somebody else meanwhile, or is under way already.
    Conflict(String),
    /// Too many are told of changes already.
    Busy,
    /// It takes too long.
    Late,
    /// The host could not do it.
    Failed(Failure),
}

/// A problem as it is told.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    /// The documented meaning of `code`.
    #[serde(rename = "type")]
    kind: String,
    pub(super) title: String,
    pub(super) status: u16,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
    /// What is worth a record of it.
    #[serde(skip)]
    pub(super) refused: Option<Kind>,
    /// Where to sign in instead.
    #[serde(skip)]
    pub(super) sign_in: Option<String>,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StateError> for Trouble {
    fn from(error: StateError) -> Self {
        Self::Failed(error.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told().detail)
    }
}

impl Told {
    /// For a status that came from below, without words of ours.
    pub(super) fn of(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Not done").to_owned();
        let (kind, detail) = ("about:blank".to_owned(), "the request cannot be read".to_owned());
        Self { kind, title, status: status.as_u16(), detail, code: None, hint: None, refused: None, sign_in: None }
    }

    fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self { title: title.to_owned(), detail: detail.into(), ..Self::of(status) }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn refused(self, kind: Kind) -> Self {
        Self { refused: Some(kind), ..self }
    }

    fn failed(failure: &Failure) -> Self {
        let (status, title) = match failure.next {
            _ if failure.code.ends_with("-unknown") => (StatusCode::NOT_FOUND, "Not found"),
            _ if failure.code.ends_with("-stale") => (StatusCode::CONFLICT, "Changed meanwhile"),
            NextMove::AskPerson | NextMove::Reject => (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be done so"),
            NextMove::Retry { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Not now"),
            NextMove::Stop => (StatusCode::INTERNAL_SERVER_ERROR, "This failed"),
        };
        let told = Self::new(status, title, failure.message.clone());
        let kind = format!("{}/blob/main/docs/reasons.md#{}", env!("CARGO_PKG_REPOSITORY"), failure.code);
        let hint = failure.hint.clone().or_else(|| Some(format!("`chancery explain {}`", failure.code)));
        Self { kind, code: Some(failure.code.clone()), hint, ..told }
    }
}

impl Trouble {
    pub(super) fn told(&self) -> Told {
        use StatusCode as S;
        match self {
            Self::SignIn { path, had_session } => {
                let told = Told::new(S::UNAUTHORIZED, "Sign in", "nobody is signed in, or the session has ended");
                let refused = had_session.then_some(Kind::Session);
                Told { sign_in: Some(path.clone()), refused, ..told }
            }
            Self::Token => Told::new(S::UNAUTHORIZED, "No token", "the request carries no token that counts")
                .hint("send `Authorization: Bearer …`; `chancery token create NAME --scope RIGHT` makes one")
                .refused(Kind::Token),
            Self::Right(right) => Told::new(S::FORBIDDEN, "Not allowed", format!("this needs the right `{right}`"))
                .hint(format!("who administers people can give it: `chancery people grant NAME {right}`"))
                .refused(Kind::Right),
            Self::Forgery => {
                Told::new(S::FORBIDDEN, "Not from this page", "the form is not one of this session; nothing was done")
                    .hint("open the page again and send its form from there")
                    .refused(Kind::Forgery)
            }
            Self::Host => Told::new(S::MISDIRECTED_REQUEST, "Not here", "this console goes by another name")
                .hint("set `[console] origin = \"https://NAME\"` to what stands in the browser, and start again"),
            Self::NotFound => Told::new(S::NOT_FOUND, "Not found", "there is no such page or thing"),
            Self::Method => Told::new(S::METHOD_NOT_ALLOWED, "Not so", "this cannot be asked in this way"),
            Self::TooLarge(limit) => {
                Told::new(S::PAYLOAD_TOO_LARGE, "Too large", format!("more than {limit} bytes are not taken here"))
                    .refused(Kind::TooLarge)
            }
            Self::MediaType(wanted) => {
                Told::new(S::UNSUPPORTED_MEDIA_TYPE, "Another kind", format!("`{wanted}` is read here"))
            }
            Self::Unfit(why) => Told::new(S::UNPROCESSABLE_ENTITY, "This cannot be taken", why.clone()),
            Self::Conflict(why) => Told::new(S::CONFLICT, "Changed meanwhile", why.clone()),
            Self::Busy => Told::new(S::SERVICE_UNAVAILABLE, "Busy", "too many pages are told of changes already")
                .hint("load the page again to see how things stand"),
            Self::Late => Told::new(S::SERVICE_UNAVAILABLE, "Too slow", "it took too long; it may still be under way")
                .hint("look again in a moment"),
            Self::Failed(failure) => Told::failed(failure),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let told = self.told();
        let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Text for now: the gate knows whether a person or a program asks.
        let mut response = status.into_response();
        let headers = response.headers_mut();
        if matches!(self, Self::Token) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(told);
        response
    }
}
