//! Which header fields a guest may set, and which it gets to see.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Scrub;
use crate::item::{Failure, NextMove};

/// Header fields of a request that a guest may set.
const FIELDS_MAX: usize = 128;
/// Bytes of them together.
const FIELDS_BYTES_MAX: usize = 64 << 10;

/// Fields that are the host's: they belong to the connection, not to the message.
pub(super) fn is_hosts(name: &HeaderName) -> bool {
    const HOSTS: [HeaderName; 9] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::EXPECT,
        HeaderName::from_static("keep-alive"),
    ];
    HOSTS.contains(name) || name.as_str().starts_with("proxy-") || name == HeaderName::from_static("http2-settings")
}

/// Fields that a guest set and that must not follow a redirect to another origin.
pub(super) const OF_ONE_ORIGIN: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];

/// The guest's header fields, without the host's.
///
/// # Errors
/// When a name or value is not one, or there are too many.
pub(super) fn request(fields: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let rejected = |why: String| Failure::new("request-malformed", NextMove::Reject, why);
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    if fields.len() > FIELDS_MAX || bytes > FIELDS_BYTES_MAX {
        let why = format!("a request has more than {FIELDS_MAX} header fields or {FIELDS_BYTES_MAX} bytes of them");
        return Err(rejected(why));
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let name = HeaderName::try_from(name)
            .map_err(|_| rejected(format!("`{}` is not the name of a header field", name.escape_debug())))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| rejected(format!("the value of header field `{name}` holds what no header may")))?;
        if !is_hosts(&name) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// An answer's header fields as a guest sees them: as text, without secrets, in the order of their names as received.
pub(super) fn response(headers: &HeaderMap, scrub: &Scrub) -> Vec<(String, String)> {
    let show = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), scrub.text(&String::from_utf8_lossy(value.as_bytes())))
    };
    headers.iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_hosts_fields_are_left_out() {
        let hosts =
            ["Host", "content-length", "Connection", "Transfer-Encoding", "TE", "Proxy-Authorization", "Expect"];
        let mut fields: Vec<_> = hosts.iter().map(|name| field(name, "x")).collect();
        fields.push(field("Accept", "a"));
        fields.push(field("accept", "b"));
        let headers = request(&fields).unwrap();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.get_all("accept").iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_no_header_field_is_rejected() {
        for (name, value) in [("", "x"), ("a b", "x"), ("a", "x\r\nb: c"), ("a", "x\0"), ("a:", "x")] {
            assert_eq!(request(&[field(name, value)]).unwrap_err().code, "request-malformed", "{name:?} {value:?}");
        }
        assert!(request(&vec![field("a", "b"); FIELDS_MAX + 1]).is_err());
        assert!(request(&[field("a", &"b".repeat(FIELDS_BYTES_MAX))]).is_err());
    }

    #[test]
    fn an_answers_fields_hold_no_secret() {
        let scrub = Scrub::default();
        scrub.add("hunter22");
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer hunter22"));
        assert_eq!(response(&headers, &scrub), [field("x-echo", "Bearer [secret]")]);
    }
}
