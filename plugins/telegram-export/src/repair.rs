//! Parsing a record, after mending what Telegram Desktop itself writes wrongly.
//!
//! It writes control characters as `\x0B`, which JSON does not know.

use std::borrow::Cow;

use serde_json::Value;

use crate::limits::{RECORD_PARSED_BYTES_MAX, RECORD_SMALL_BYTES};

/// A record as a value; none when it is none.
pub(crate) fn parse(raw: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(raw);
    serde_json::from_str(&text).ok().or_else(|| match mend(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(mended) => serde_json::from_str(&mended).ok(),
    })
}

/// False for a record of so many parts that its value would take too much memory.
pub(crate) fn is_affordable(raw: &[u8]) -> bool {
    let cost = |byte: &u8| match byte {
        b'{' => 640,
        b'[' => 160,
        b',' => 96,
        _ => 0,
    };
    raw.len() <= RECORD_SMALL_BYTES || raw.iter().map(cost).sum::<u64>() <= RECORD_PARSED_BYTES_MAX
}

/// Inside strings: `\x0B` becomes `\u000B`, other escapes that JSON does not know lose their backslash, control characters
/// are escaped, halves of surrogate pairs are replaced.
fn mend(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    let mut is_changed = false;
    while let Some(c) = rest.chars().next() {
        let (one, behind) = rest.split_at(c.len_utf8());
        rest = behind;
        match c {
            '"' => in_string = !in_string,
            '\\' if in_string => {
                let (escape, length) = escape(rest);
                is_changed |= escape.is_some();
                let (whole, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
                rest = behind;
                match escape {
                    Some(mended) => out.push_str(&mended),
                    None => {
                        out.push('\\');
                        out.push_str(whole);
                    }
                }
                continue;
            }
            _ if in_string && c < ' ' => {
                is_changed = true;
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
                continue;
            }
            _ => {}
        }
        out.push_str(one);
    }
    if is_changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// What stands behind a backslash: what to write for it where it must be mended, and its length.
fn escape(rest: &str) -> (Option<String>, usize) {
    let hex = |from: usize, to: usize| {
        let digits = rest.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    match rest.chars().next() {
        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => (None, 1),
        Some('x') => match hex(1, 3) {
            Some(code) => (Some(format!("\\u{code:04x}")), 3),
            None => (Some("x".to_owned()), 1),
        },
        Some('u') => match hex(1, 5) {
            Some(0xd800..=0xdbff) => match hex(7, 11).filter(|_| rest.get(5..7) == Some("\\u")) {
                Some(0xdc00..=0xdfff) => (None, 11),
                _ => (Some("\u{fffd}".to_owned()), 5),
            },
            Some(0xdc00..=0xdfff) => (Some("\u{fffd}".to_owned()), 5),
            Some(_) => (None, 5),
            None => (Some("u".to_owned()), 1),
        },
        Some(_) | None => (Some(String::new()), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_wrongly_is_mended() {
        let cases = [
            (r#""a\x0Bb""#, Some("a\u{b}b")),
            (r#""a\\x0B\n""#, Some("a\\x0B\n")),
            ("\"a\0b\"", Some("a\0b")),
            (r#""\ud83d\ude00""#, Some("😀")),
            (r#""\ud83dx\ude00\x1F""#, Some("\u{fffd}x\u{fffd}\u{1f}")),
            (r#""\ud83d""#, Some("\u{fffd}")),
            (r#""\u12""#, Some("u12")),
            (r#""\q\xé""#, Some("qxé")),
            (r#""\"#, None),
            (r#""a"#, None),
        ];
        for (written, expected) in cases {
            let value = parse(written.as_bytes());
            assert_eq!(value.as_ref().and_then(Value::as_str), expected, "{written}");
        }
    }
}
