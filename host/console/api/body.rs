//! Bodies of requests.

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{header, request::Parts},
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    console::kernel::{Actor, Console, Trouble, whole},
    item::limits::{CONSOLE_BODY_BYTES_MAX, CONSOLE_UPLOAD_BYTES_MAX},
};

/// A JSON document.
pub(super) struct Json<T>(pub(super) T);

/// A text of its own kind: a mapping as CSV, a connector as TOML.
pub(super) struct Text(pub(super) Bytes);

/// The fields of a query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Console> for Json<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Trouble> {
        let bytes = body(request, console, "application/json", CONSOLE_BODY_BYTES_MAX).await?;
        // No body means a document without fields.
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        let read = serde_json::from_slice(&bytes);
        read.map(Self).map_err(|error| Trouble::Unfit(format!("the document cannot be read: {error}")))
    }
}

impl FromRequest<Console> for Text {
    type Rejection = Trouble;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Trouble> {
        body(request, console, "text/", CONSOLE_UPLOAD_BYTES_MAX).await.map(Self)
    }
}

/// Who asks is looked at first: a stranger's body is not read.
async fn body(request: Request, console: &Console, kind: &'static str, bytes_max: usize) -> Result<Bytes, Trouble> {
    let (mut parts, body): (Parts, Body) = request.into_parts();
    Actor::from_request_parts(&mut parts, console).await?;
    let sent = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if sent.is_some_and(|sent| !sent.to_ascii_lowercase().starts_with(kind)) {
        return Err(Trouble::MediaType(kind));
    }
    whole(body, bytes_max).await
}

impl<T: DeserializeOwned> FromRequestParts<Console> for Query<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Trouble> {
        Actor::from_request_parts(parts, console).await?;
        let read = serde_html_form::from_str(parts.uri.query().unwrap_or_default());
        read.map(Self).map_err(|error| Trouble::Unfit(format!("the query cannot be read: {error}")))
    }
}

/// An answer.
pub(super) type Answer<T> = Result<axum::Json<T>, Trouble>;

/// A document as the answer.
pub(super) fn answer<T: Serialize>(document: T) -> Answer<T> {
    Ok(axum::Json(document))
}
