//! Meta's links to media are proof of themselves: `…?mid=…&hash=…` opens the file to whoever holds it. What follows the `?`
//! is replaced in them, and only there.

use std::borrow::Cow;

use memchr::{memchr2, memmem};

/// What stands where a secret was.
const REDACTED: &str = "REDACTED";
/// Hosts that serve media to whoever has the whole link.
const HOSTS: [&str; 3] = ["fbsbx.com", "fbcdn.net", "whatsapp.net"];
/// Members that people wrote.
const WRITTEN: [&str; 4] = ["body", "caption", "text", "title"];
/// Members whose value is a secret as a whole.
const SECRETS: [&str; 4] = ["access_token", "verify_token", "hub.verify_token", "app_secret"];

/// A JSON text without the secrets in it; all else stays byte for byte.
pub(crate) fn json(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    // The last key of each object or array that is open, and the string that may be a key.
    let mut keys: Vec<String> = vec![String::new()];
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                let inherited = if *byte == b'[' { keys.last().cloned().unwrap_or_default() } else { String::new() };
                keys.push(inherited);
            }
            b'}' | b']' => {
                keys.pop();
            }
            b'"' => {
                let end = string_end(bytes, at);
                let token = raw.get(at..end).unwrap_or_default();
                let is_key = bytes.get(end..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
                if is_key == Some(&b':') {
                    let key = serde_json::from_str::<String>(token).unwrap_or_default();
                    if let Some(last) = keys.last_mut() {
                        *last = key;
                    }
                } else if let Some(clean) = value(token, &keys) {
                    out.push_str(raw.get(copied..at).unwrap_or_default());
                    out.push_str(&clean);
                    copied = end;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(raw);
    }
    out.push_str(raw.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// Behind the quote that ends the string at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut from = at + 1;
    while let Some(found) = memchr2(b'"', b'\\', bytes.get(from..).unwrap_or_default()) {
        let place = from + found;
        if bytes.get(place) == Some(&b'"') {
            return place + 1;
        }
        from = place + 2;
    }
    bytes.len()
}

/// A string's JSON text without secrets, where there are some.
fn value(token: &str, keys: &[String]) -> Option<String> {
    let key = keys.last().map_or("", String::as_str);
    let parent = keys.iter().rev().nth(1).map_or("", String::as_str);
    let is_link = (key == "url" && !["location", "urls"].contains(&parent))
        || (key.ends_with("_url") && key != "source_url")
        || key == "link";
    let is_secret = SECRETS.contains(&key);
    // Escapes may hide a host's name, so only texts without any are passed over unread.
    let may_name_host = HOSTS.iter().any(|host| token.contains(host)) || token.contains("\\u");
    if WRITTEN.contains(&key) || !(is_link || is_secret || may_name_host) {
        return None;
    }
    let text: String = serde_json::from_str(token).ok()?;
    let clean = if is_secret {
        REDACTED.to_owned()
    } else if is_link {
        url(&text)
    } else if HOSTS.iter().any(|host| text.contains(host)) {
        String::from_utf8_lossy(&loose(text.as_bytes())).into_owned()
    } else {
        return None;
    };
    (clean != text).then(|| serde_json::Value::String(clean).to_string())
}

/// A URL without its query and without user info.
pub(crate) fn url(raw: &str) -> String {
    let raw = match raw.split_once("://") {
        Some((scheme, rest)) => {
            let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let user_end = rest.get(..host_end).and_then(|host| host.rfind('@')).map_or(0, |at| at + 1);
            Cow::Owned(format!("{scheme}://{}", rest.get(user_end..).unwrap_or_default()))
        }
        None => Cow::Borrowed(raw),
    };
    match raw.find(['?', '#']) {
        Some(at) => format!("{}?{REDACTED}", raw.get(..at).unwrap_or_default()),
        None => raw.into_owned(),
    }
}

/// Bytes that may be no JSON, without the query of any URL.
pub(crate) fn loose(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = raw;
    while let Some(at) = memmem::find(rest, b"http") {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>' | b'{' | b'}' | b',');
        let end = from.iter().position(is_end).unwrap_or(from.len());
        let (link, behind) = from.split_at(end);
        let question = link.iter().position(|byte| *byte == b'?').into_iter();
        let query = question.chain(memmem::find(link, b"\\u003f")).chain(memmem::find(link, b"\\u003F")).min();
        match query {
            Some(query) => {
                out.extend_from_slice(link.get(..query).unwrap_or_default());
                out.push(b'?');
                out.extend_from_slice(REDACTED.as_bytes());
            }
            None => out.extend_from_slice(link),
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_media_lose_what_opens_them_and_nothing_else_changes() {
        let cases = [
            (
                r#"{"b":1.50, "image":{"url":"https:\/\/lookaside.fbsbx.com\/a?mid=1&hash=s","id":"1"} }"#,
                r#"{"b":1.50, "image":{"url":"https://lookaside.fbsbx.com/a?REDACTED","id":"1"} }"#,
            ),
            (r#"{"x":["see https://a.fbcdn.net/v?oh=1"]}"#, r#"{"x":["see https://a.fbcdn.net/v?REDACTED"]}"#),
            (r#"{"x":"https://a.\u0066bcdn.net/v?oh=1"}"#, r#"{"x":"https://a.fbcdn.net/v?REDACTED"}"#),
            (r#"{"image_url":"https://u:p@e.com/v"}"#, r#"{"image_url":"https://e.com/v"}"#),
            (r#"{"access_token":"EAAG"}"#, r#"{"access_token":"REDACTED"}"#),
        ];
        for (raw, clean) in cases {
            assert_eq!(json(raw), clean);
        }
        for same in [
            r#"{"text":{"body":"https://a.fbcdn.net/v?oh=1"}}"#,
            r#"{"location":{"url":"https://maps.google.com/?cid=2"}}"#,
            r#"{"contacts":[{"urls":[{"url":"https://example.com/?a=b"}]}]}"#,
            r#"{"referral":{"source_url":"https://fb.me/x?y=z"}}"#,
            r#"{"a":"\"","b":{"c":[{}]}}"#,
            "\"never ended",
        ] {
            assert_eq!(json(same), same);
        }
        assert_eq!(
            loose(b"{\"url\":\"https://a/b?c=d\",\xff http://e"),
            b"{\"url\":\"https://a/b?REDACTED\",\xff http://e"
        );
    }
}
