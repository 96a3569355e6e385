//! Looking into a JSON value that may hold anything, and cutting text to a limit.

use serde_json::Value;

/// A member that is a filled string.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A member that is true.
pub(crate) fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

/// The elements of a member that is an array.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A member that is a whole number, written as one or as text.
pub(crate) fn number(value: &Value, name: &str) -> Option<u64> {
    let member = value.get(name)?;
    member.as_u64().or_else(|| member.as_str()?.parse().ok())
}

/// A member that is a time of Slack's (`1736478514.897649`), as written.
pub(crate) fn time_text(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// At most this many bytes, whole characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// A name fit for headers: one line, no control characters, within the limit.
pub(crate) fn name(text: &str, bytes_max: usize) -> Option<String> {
    let clean: String = cut(text, bytes_max * 4).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let clean = cut(clean.trim(), bytes_max).trim_end();
    (!clean.is_empty()).then(|| crate::redact::text(clean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line() {
        assert_eq!(name(" A\0b\nc ", 512).as_deref(), Some("A b c"));
        assert_eq!(name("éé", 3).as_deref(), Some("é"));
        assert_eq!(name("\u{0}", 512), None);
    }
}
