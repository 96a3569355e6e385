//! What forms send: read with a limit, and believed only from a form of the same session.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts as _, Multipart, Request},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use super::{Actor, Console, Trouble, gate};
use crate::item::limits::{CONSOLE_BODY_BYTES_MAX, CONSOLE_DRAINED_BYTES_MAX, CONSOLE_UPLOAD_BYTES_MAX};

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
const TOKEN: &str = "form_token";

/// The fields of a form.
#[derive(Debug)]
pub(in crate::console) struct Form<T>(pub(in crate::console) T);

/// The fields of a form with a file.
#[derive(Debug, Default)]
pub(in crate::console) struct Upload {
    /// Texts, by name.
    pub(in crate::console) fields: BTreeMap<String, String>,
    /// Its name as the browser says it, which is not to be trusted, and its bytes.
    pub(in crate::console) file: Option<(String, Bytes)>,
}

/// The body of a form that nobody needs to be signed in for; the gate has looked where it comes from.
#[derive(Debug)]
pub(in crate::console) struct OpenForm<T>(pub(in crate::console) T);

impl<T: DeserializeOwned> FromRequest<Console> for Form<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        let actor = Actor::from_request_parts(&mut parts, console).await?;
        let bytes = urlencoded(&parts.headers, body).await?;
        let sent = url::form_urlencoded::parse(&bytes).find(|(name, _)| name == TOKEN).map(|(_, token)| token);
        if !sent.is_some_and(|sent| actor.made(&sent)) {
            return Err(Trouble::Forgery);
        }
        fields(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Console> for OpenForm<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, _: &Console) -> Result<Self, Trouble> {
        let (parts, body) = request.into_parts();
        fields(&urlencoded(&parts.headers, body).await?).map(Self)
    }
}

fn fields<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Trouble> {
    serde_html_form::from_bytes(bytes).map_err(|error| Trouble::Unfit(format!("the form cannot be read: {error}")))
}

async fn urlencoded(headers: &HeaderMap, body: Body) -> Result<Bytes, Trouble> {
    is_kind(headers, URLENCODED)?;
    whole(body, CONSOLE_BODY_BYTES_MAX).await
}

fn is_kind(headers: &HeaderMap, wanted: &'static str) -> Result<(), Trouble> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(Trouble::MediaType(wanted)) }
}

/// The whole body. What is beyond the limit is read and forgotten, up to another limit: a browser shows the answer only
/// after it could send everything.
pub(in crate::console) async fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Trouble> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut drained) = (BytesMut::new(), 0);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| Trouble::Unfit(format!("the body does not arrive whole: {error}")))?;
        if drained > 0 || bytes.len() + part.len() > bytes_max {
            drained += part.len();
            bytes = BytesMut::new();
            if drained > CONSOLE_DRAINED_BYTES_MAX {
                break;
            }
        } else {
            bytes.extend_from_slice(&part);
        }
    }
    if drained > 0 { Err(Trouble::TooLarge(bytes_max)) } else { Ok(bytes.freeze()) }
}

impl FromRequest<Console> for Upload {
    type Rejection = Trouble;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        let actor = Actor::from_request_parts(&mut parts, console).await?;
        is_kind(&parts.headers, MULTIPART)?;
        let bytes = whole(body, CONSOLE_UPLOAD_BYTES_MAX).await?;
        let upload = Self::read(Request::from_parts(parts, Body::from(bytes)), console).await?;
        if !upload.fields.get(TOKEN).is_some_and(|sent| actor.made(sent)) {
            return Err(Trouble::Forgery);
        }
        Ok(upload)
    }
}

impl Upload {
    async fn read(request: Request, console: &Console) -> Result<Self, Trouble> {
        let unfit = |why: &dyn std::fmt::Display| Trouble::Unfit(format!("the form cannot be read: {why}"));
        let mut multipart = Multipart::from_request(request, console).await.map_err(|error| unfit(&error))?;
        let mut upload = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(|error| unfit(&error))? {
            let Some(name) = field.name().map(str::to_owned) else { return Err(unfit(&"a part has no name")) };
            if let Some(file) = field.file_name().map(str::to_owned) {
                let bytes = field.bytes().await.map_err(|error| unfit(&error))?;
                // Nothing was chosen.
                if file.is_empty() && bytes.is_empty() {
                    continue;
                }
                if upload.file.replace((file, bytes)).is_some() {
                    return Err(unfit(&"it has more than one file"));
                }
            } else {
                let text = field.text().await.map_err(|error| unfit(&error))?;
                upload.fields.insert(name, text);
            }
        }
        Ok(upload)
    }
}

/// Where somebody goes after signing in: a path of ours, whatever was sent.
pub(in crate::console) fn safe_path(path: Option<&str>) -> &str {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !gate::is_api(path)
    };
    path.filter(is_ours).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[tokio::test]
    async fn a_body_has_a_limit_however_it_comes() {
        assert_eq!(whole(Body::from("12345"), 5).await.unwrap(), "12345");
        assert!(matches!(whole(Body::from("123456"), 5).await, Err(Trouble::TooLarge(5))));
        let parts = (0..4).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"12")));
        let streamed = Body::from_stream(futures::stream::iter(parts));
        assert!(matches!(whole(streamed, 7).await, Err(Trouble::TooLarge(7))));
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(safe_path(Some("/parked/x?reason=unmapped")), "/parked/x?reason=unmapped");
        for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nb", "", "/api/v1/x", "a"]
        {
            assert_eq!(safe_path(Some(elsewhere)), "/", "{elsewhere}");
        }
        assert_eq!(safe_path(None), "/");
    }
}
