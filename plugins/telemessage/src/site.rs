//! The requests of the written contract, one function each. Every one names the credential; none sees it.

use kit::{
    Error, Host, Window,
    source::{HttpFetched, HttpRequest, HttpResponse},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::settings::Settings;

/// Name of the credential the host attaches.
pub(crate) const CREDENTIAL: &str = "telemessage";
/// Path of the account.
pub(crate) const ACCOUNT: &str = "/v1/account";
/// Path of the users.
pub(crate) const USERS: &str = "/v1/users";
/// Path of the items.
pub(crate) const ITEMS: &str = "/v1/items";
/// Path of their number.
pub(crate) const ITEMS_COUNT: &str = "/v1/items/count";

/// Everything but RFC 3986's unreserved characters is escaped, so that no foreign text can change a URL's shape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `GET /v1/account`.
pub(crate) fn account(host: &mut dyn Host, settings: &Settings) -> Result<HttpResponse, Error> {
    host.http_send(get(settings, ACCOUNT, ""))
}

/// `GET /v1/users`.
pub(crate) fn users(host: &mut dyn Host, settings: &Settings, cursor: Option<&str>) -> Result<HttpResponse, Error> {
    let query = format!("?limit={}{}", settings.page_items, cursor_parameter(cursor));
    host.http_send(get(settings, USERS, &query))
}

/// `GET /v1/items/count`.
pub(crate) fn items_count(host: &mut dyn Host, settings: &Settings, window: Window) -> Result<HttpResponse, Error> {
    host.http_send(get(settings, ITEMS_COUNT, &window_parameters(settings, window)))
}

/// `GET /v1/items`.
pub(crate) fn items(
    host: &mut dyn Host,
    settings: &Settings,
    window: Window,
    items_max: u32,
    cursor: Option<&str>,
) -> Result<HttpResponse, Error> {
    let query = format!("{}&limit={items_max}{}", window_parameters(settings, window), cursor_parameter(cursor));
    host.http_send(get(settings, ITEMS, &query))
}

/// `GET /v1/attachments/{id}`; the bytes stay with the host.
pub(crate) fn attachment(host: &mut dyn Host, settings: &Settings, id: &str) -> Result<HttpFetched, Error> {
    let mut request = get(settings, "/v1/attachments/", &escaped(id));
    request.headers.clear();
    host.http_fetch(request)
}

/// The path of an attachment as messages name it; an id is the site's own opaque text.
pub(crate) fn attachment_path(id: &str) -> String {
    let shown: String = escaped(id).chars().take(100).collect();
    format!("/v1/attachments/{shown}")
}

fn get(settings: &Settings, path: &str, rest: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: format!("{}{path}{rest}", settings.site),
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        body: None,
        credential: Some(CREDENTIAL.to_owned()),
    }
}

fn window_parameters(settings: &Settings, window: Window) -> String {
    format!("?from={}&to={}&archiver={}", window.start, window.end, settings.archiver)
}

fn cursor_parameter(cursor: Option<&str>) -> String {
    cursor.map(|cursor| format!("&cursor={}", escaped(cursor))).unwrap_or_default()
}

/// `.` and `..` alone would be path segments with a meaning even when nothing needs escaping.
fn escaped(text: &str) -> String {
    match text {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(text, ESCAPED).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_change_a_urls_shape() {
        for (text, expected) in [
            ("a-b_c.d~1", "a-b_c.d~1"),
            ("../session?x=1#y", "..%2Fsession%3Fx%3D1%23y"),
            ("..", "%2E%2E"),
            ("é &", "%C3%A9%20%26"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
