//! Judges what the site answered: a status, a content type, JSON. What it says never contains a body's text.

use kit::{Error, ErrorKind, source::HttpResponse};
use serde::Deserialize;

use crate::limits::{RETRY_AFTER_DEFAULT_MS, RETRY_AFTER_MAX_MS};

/// Reads the JSON of a 200 answer to a request for `path`.
pub(crate) fn json<'a, T: Deserialize<'a>>(path: &str, response: &'a HttpResponse) -> Result<T, Error> {
    if response.status != 200 {
        return Err(refusal(path, response.status, &response.headers));
    }
    let content_type = content_type(&response.headers);
    if is_html(content_type, &response.body) {
        return Err(gateway_page(path, 200, content_type));
    }
    let said = || format!("`{path}` answered 200 `{}`", shown(content_type));
    let mut deserializer = serde_json::Deserializer::from_slice(&response.body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|problem| {
        let place = place(&problem);
        let inner = problem.into_inner();
        let (kind, what) = match inner.classify() {
            serde_json::error::Category::Eof | serde_json::error::Category::Io => {
                (ErrorKind::Retry, "with JSON that ends too early".to_owned())
            }
            serde_json::error::Category::Syntax => (ErrorKind::Other, "with something that is not JSON".to_owned()),
            serde_json::error::Category::Data => {
                (ErrorKind::Other, format!("with JSON of another shape: {}", expectation(&inner)))
            }
        };
        unexpected(kind, format!("{} {what}, at {place}", said()))
    })?;
    deserializer.end().map_err(|_| unexpected(ErrorKind::Other, format!("{} with text after its JSON", said())))?;
    Ok(value)
}

/// What follows a status other than 200.
pub(crate) fn refusal(path: &str, status: u16, headers: &[(String, String)]) -> Error {
    let content_type = content_type(headers);
    match status {
        401 | 403 => Error::new(
            ErrorKind::Denied,
            "login-refused",
            format!("`{path}` answered {status}: the site does not accept the credential `telemessage`"),
        )
        .hint("enter the password again with `chancery secret set telemessage`, then `chancery connector check`"),
        429 => Error::new(ErrorKind::RateLimited, "rate-limited", format!("`{path}` answered 429: too many requests"))
            .retry_after_ms(retry_after_ms(headers).unwrap_or(RETRY_AFTER_DEFAULT_MS)),
        408 | 425 | 500..=599 => {
            let mut error = unexpected(
                ErrorKind::Retry,
                format!("`{path}` answered {status} `{}`: the site is in trouble", shown(content_type)),
            );
            error.retry_after_ms = retry_after_ms(headers);
            error
        }
        404 => unexpected(ErrorKind::Other, format!("`{path}` answered 404 `{}`", shown(content_type)))
            .hint("the setting `site` must be the gateway's base URL, without `/v1`"),
        _ if is_html(content_type, b"") => gateway_page(path, status, content_type),
        _ => unexpected(ErrorKind::Other, format!("`{path}` answered {status} `{}`", shown(content_type))),
    }
}

/// A page made for people where data was due: a proxy's notice, a sign-in form.
pub(crate) fn gateway_page(path: &str, status: u16, content_type: &str) -> Error {
    unexpected(
        ErrorKind::Retry,
        format!("`{path}` answered {status} `{}`: a page of a gateway or proxy, not data", shown(content_type)),
    )
}

/// An answer that the written contract does not know.
pub(crate) fn unexpected(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, "unexpected-answer", message)
        .hint("compare the gateway's answer with `plugins/telemessage/README.md`")
}

/// The media type of an answer, without parameters; empty when there is none.
pub(crate) fn content_type(headers: &[(String, String)]) -> &str {
    header(headers, "content-type").and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

/// What a value was expected to be, in serde's words but without the value it met, which may be message text.
pub(crate) fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(before, _)| before);
    match text.rsplit_once(", expected ") {
        _ if text.starts_with("missing field `") => text.to_owned(),
        Some((_, expected)) => format!("expected {expected}"),
        None => "a value that cannot be used".to_owned(),
    }
}

/// Where in the JSON a reader stumbled.
pub(crate) fn place(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let path: String = error.path().to_string().chars().filter(|c| !c.is_control()).take(120).collect();
    format!("`{path}` (line {}, column {})", error.inner().line(), error.inner().column())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// `Retry-After` in seconds; its date form would need a clock, which a plugin does not have.
fn retry_after_ms(headers: &[(String, String)]) -> Option<u64> {
    let seconds: u64 = header(headers, "retry-after")?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1_000).min(RETRY_AFTER_MAX_MS))
}

fn is_html(content_type: &str, body: &[u8]) -> bool {
    content_type.eq_ignore_ascii_case("text/html") || body.trim_ascii_start().first() == Some(&b'<')
}

/// A content type as it may stand in a message: a header is foreign text.
fn shown(content_type: &str) -> String {
    let clean: String = content_type.chars().filter(|c| c.is_ascii_graphic() && *c != '`').take(80).collect();
    if clean.is_empty() { "no content type".to_owned() } else { clean }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    #[derive(Deserialize, Debug)]
    struct Shape {
        #[expect(dead_code, reason = "only its type matters here")]
        count: u64,
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
        let response = HttpResponse {
            status,
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        };
        json::<Shape>("/v1/items", &response).unwrap_err()
    }

    #[test]
    fn every_status_has_its_meaning() {
        use ErrorKind::{Denied, Other, RateLimited, Retry};
        let cases: &[(u16, Headers, ErrorKind, &str, Option<u64>)] = &[
            (204, &[], Other, "unexpected-answer", None),
            (301, &[], Other, "unexpected-answer", None),
            (302, &[("Content-Type", "text/html")], Retry, "unexpected-answer", None),
            (400, &[], Other, "unexpected-answer", None),
            (401, &[], Denied, "login-refused", None),
            (403, &[("Content-Type", "text/html")], Denied, "login-refused", None),
            (404, &[], Other, "unexpected-answer", None),
            (408, &[], Retry, "unexpected-answer", None),
            (429, &[("retry-after", "7")], RateLimited, "rate-limited", Some(7_000)),
            (429, &[("Retry-After", " 0 ")], RateLimited, "rate-limited", Some(0)),
            (429, &[], RateLimited, "rate-limited", Some(60_000)),
            (429, &[("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")], RateLimited, "rate-limited", Some(60_000)),
            (429, &[("Retry-After", "18446744073709551615")], RateLimited, "rate-limited", Some(86_400_000)),
            (500, &[], Retry, "unexpected-answer", None),
            (502, &[("Content-Type", "text/html; charset=utf-8")], Retry, "unexpected-answer", None),
            (503, &[("Retry-After", "30")], Retry, "unexpected-answer", Some(30_000)),
            (599, &[], Retry, "unexpected-answer", None),
        ];
        for (status, headers, kind, code, wait) in cases {
            let error = answer(*status, headers, "");
            assert_eq!((error.kind, error.code.as_str(), error.retry_after_ms), (*kind, *code, *wait), "{status}");
            assert!(error.message.contains("`/v1/items`") && error.message.contains(&status.to_string()));
        }
    }

    #[test]
    fn a_body_that_is_not_the_contracts_is_located_and_not_quoted() {
        let json_type: Headers = &[("content-type", "application/json")];
        let cases: &[(&str, Headers, ErrorKind, &str)] = &[
            ("<html>secret", &[("content-type", "text/html")], ErrorKind::Retry, "gateway"),
            ("\n <!doctype html>secret", json_type, ErrorKind::Retry, "gateway"),
            ("{\"count\":12", json_type, ErrorKind::Retry, "ends too early"),
            ("", json_type, ErrorKind::Retry, "ends too early"),
            ("secret", json_type, ErrorKind::Other, "not JSON"),
            ("{\"count\":\"secret, expected secret\"}", json_type, ErrorKind::Other, "expected"),
            ("{\"count\":\"secret\"}", json_type, ErrorKind::Other, "expected u64, at `count` (line 1"),
            ("{\"secret\":1}", json_type, ErrorKind::Other, "missing field `count`"),
            ("{\"count\":1} secret", json_type, ErrorKind::Other, "text after its JSON"),
            ("[]", &[], ErrorKind::Other, "no content type"),
        ];
        for (body, headers, kind, part) in cases {
            let error = answer(200, headers, body);
            assert_eq!((error.kind, error.code.as_str()), (*kind, "unexpected-answer"), "{body}");
            assert!(error.message.contains(part), "{body}: {}", error.message);
            assert!(!error.message.contains("secret"), "{body}: {}", error.message);
        }
    }

    #[test]
    fn a_content_type_cannot_smuggle_text() {
        assert_eq!(shown("a`b\r\nc"), "abc");
        assert_eq!(shown(""), "no content type");
    }
}
