//! Slack's download tokens never leave the archive: a URL `…?t=xoxe-…` opens the file to whoever holds it.

use memchr::memmem;
use serde_json::Value;

/// What stands where a secret was.
const REDACTED: &[u8] = b"REDACTED";

/// A record without tokens: each `xoxe-…` and its like, and each `t=` in a URL of Slack's.
pub(crate) fn bytes(raw: Vec<u8>) -> Vec<u8> {
    let raw = plain(raw);
    // A token may be spelled with escapes; then the record is written anew.
    if memmem::find(&raw, b"\\u00").is_none() {
        return raw;
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(&raw) else { return raw };
    if strings(&mut value) { serde_json::to_vec(&value).unwrap_or_default() } else { raw }
}

/// A text without tokens.
pub(crate) fn text(raw: &str) -> String {
    String::from_utf8_lossy(&plain(raw.as_bytes().to_vec())).into_owned()
}

/// A URL of a file without its query, which may be a secret, and without user info.
pub(crate) fn url(raw: &str) -> String {
    let end = raw.find(['?', '#']).unwrap_or(raw.len());
    text(raw.get(..end).unwrap_or_default())
}

fn strings(value: &mut Value) -> bool {
    match value {
        Value::String(found) => {
            let clean = text(found);
            let changed = clean != *found;
            *found = clean;
            changed
        }
        Value::Array(values) => values.iter_mut().fold(false, |changed, value| strings(value) | changed),
        Value::Object(members) => {
            let mut changed = members.values_mut().fold(false, |changed, value| strings(value) | changed);
            if members.keys().any(|name| text(name) != *name) {
                let renamed = std::mem::take(members).into_iter().map(|(name, value)| (text(&name), value));
                *members = renamed.collect();
                changed = true;
            }
            changed
        }
        _ => false,
    }
}

fn plain(raw: Vec<u8>) -> Vec<u8> {
    if memmem::find(&raw, b"xox").is_none() && memmem::find(&raw, b"slack").is_none() {
        return raw;
    }
    let mut out: Vec<u8> = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    // Whether the word that `at` stands in has named Slack.
    let mut in_slack_url = false;
    while let Some(byte) = raw.get(at) {
        let rest = raw.get(at..).unwrap_or_default();
        if matches!(byte, b'"' | b'<' | b'>' | b'|') || byte.is_ascii_whitespace() {
            in_slack_url = false;
        } else if *byte == b's' && rest.starts_with(b"slack") {
            in_slack_url = true;
        }
        let head = token_head(rest).or_else(|| if in_slack_url { query_head(rest) } else { None });
        let Some(head) = head else {
            at += 1;
            continue;
        };
        let secret = at + head;
        let length = token_length(raw.get(secret..).unwrap_or_default());
        out.extend(raw.get(copied..secret).unwrap_or_default());
        if length > 0 {
            out.extend(REDACTED);
        }
        at = secret + length;
        copied = at;
    }
    if copied == 0 {
        return raw;
    }
    out.extend(raw.get(copied..).unwrap_or_default());
    out
}

/// Length of `xoxe-` and its like at the beginning.
fn token_head(rest: &[u8]) -> Option<usize> {
    let after = rest.strip_prefix(b"xox")?;
    let (kind, after) = after.split_first()?;
    if !kind.is_ascii_alphanumeric() {
        return None;
    }
    [&b"-"[..], b".", b"%2D", b"%2d"].iter().find(|dash| after.starts_with(dash)).map(|dash| 4 + dash.len())
}

/// Length of `?t=` and its like at the beginning.
fn query_head(rest: &[u8]) -> Option<usize> {
    [&b"?t="[..], b"&t=", b"&amp;t=", b"\\u0026t=", b"?token=", b"&token="]
        .iter()
        .find(|head| rest.starts_with(head))
        .map(|head| head.len())
}

/// Length of a token at the beginning, characters spelled as `\u0078` included.
fn token_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(rest) = bytes.get(length..) {
        let escaped = rest.strip_prefix(b"\\u00").and_then(|hex| hex.get(..2));
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (rest.first(), escaped) {
            (_, Some(byte)) if is_token(byte) => length += 6,
            (Some(byte), None) if is_token(*byte) => length += 1,
            _ => break,
        }
    }
    length
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.%+~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_and_the_rest_stays() {
        let cases = [
            ("https://files.slack.com/a?t=xoxe-1-ab_c", "https://files.slack.com/a?t=REDACTED"),
            (
                r#"{"u":"https:\/\/files.slack.com\/a?x=1&t=abc","t":"b"}"#,
                r#"{"u":"https:\/\/files.slack.com\/a?x=1&t=REDACTED","t":"b"}"#,
            ),
            (r#""xoxb-12" "xoxe.xoxp-1-x""#, r#""xoxb-REDACTED" "xoxe.REDACTED""#),
            ("https://video.example/w?t=30s slack", "https://video.example/w?t=30s slack"),
            ("xoxe%2D12 boxox", "xoxe%2DREDACTED boxox"),
            ("xoxo and xoxo-xo", "xoxo and xoxo-REDACTED"),
            ("", ""),
        ];
        for (raw, expected) in cases {
            assert_eq!(text(raw), expected, "{raw}");
        }
        assert_eq!(url("https://files.slack.com/a.txt?t=1#b"), "https://files.slack.com/a.txt");
    }

    #[test]
    fn escapes_hide_nothing() {
        let raw = br#"{"a":["\u0078oxe-12"],"xo\u0078e-1":"?"}"#.to_vec();
        let clean = String::from_utf8_lossy(&bytes(raw)).into_owned();
        assert!(!clean.contains("12") && !clean.contains("e-1"), "{clean}");
        assert_eq!(bytes(br#"{"a":"\u00e4"}"#.to_vec()), br#"{"a":"\u00e4"}"#);
    }
}
