//! Slack's marks in a text, as people read them.

use serde_json::Value;

use crate::{
    directory::Directory,
    limits::TEXT_BYTES_MAX,
    redact,
    value::{cut, list, text},
};

/// Levels of blocks that are looked into.
const DEPTH_MAX: usize = 32;

/// What a record says: its text, else that of its blocks, and what its attachments quote.
pub(crate) fn of_record(record: &Value, directory: &Directory) -> Option<String> {
    let mut out = String::new();
    match text(record, "text") {
        Some(written) => render(written, directory, &mut out),
        None => blocks(record.get("blocks").unwrap_or(&Value::Null), directory, &mut out, 0),
    }
    for attachment in list(record, "attachments") {
        let parts: Vec<&str> =
            ["pretext", "author_name", "title", "text"].into_iter().filter_map(|name| text(attachment, name)).collect();
        let parts = if parts.is_empty() { text(attachment, "fallback").into_iter().collect() } else { parts };
        for part in parts {
            start_line(&mut out);
            render(part, directory, &mut out);
        }
        for field in list(attachment, "fields") {
            start_line(&mut out);
            render(text(field, "title").unwrap_or_default(), directory, &mut out);
            out.push_str(": ");
            render(text(field, "value").unwrap_or_default(), directory, &mut out);
        }
    }
    let out = redact::text(cut(out.trim_end(), 2 * TEXT_BYTES_MAX - 1));
    let out = cut(&out, 2 * TEXT_BYTES_MAX).to_owned();
    (!out.is_empty()).then_some(out)
}

fn start_line(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

fn blocks(value: &Value, directory: &Directory, out: &mut String, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| blocks(value, directory, out, depth + 1)),
        Value::Object(members) => match members.get("type").and_then(Value::as_str) {
            Some("user") => user(text(value, "user_id").unwrap_or_default(), None, directory, out),
            Some("link") => out.push_str(text(value, "text").or_else(|| text(value, "url")).unwrap_or_default()),
            Some("emoji") => {
                out.push(':');
                out.push_str(text(value, "name").unwrap_or_default());
                out.push(':');
            }
            kind => {
                if matches!(kind, Some("rich_text_section" | "section" | "header" | "context" | "rich_text_quote")) {
                    start_line(out);
                }
                if let Some(written) = text(value, "text") {
                    render(written, directory, out);
                }
                for name in ["text", "elements", "fields", "title"] {
                    if let Some(inner @ (Value::Object(_) | Value::Array(_))) = members.get(name) {
                        blocks(inner, directory, out, depth + 1);
                    }
                }
            }
        },
        _ => {}
    }
}

/// Writes a text with names for `<@U1>` and `<#C1>`, links spelled out, and `&amp;` and its like undone.
pub(crate) fn render(written: &str, directory: &Directory, out: &mut String) {
    let mut rest = written;
    while let Some(start) = rest.find('<') {
        let (before, after) = rest.split_at(start);
        unescape(before, out);
        let mark = after.get(1..).unwrap_or_default();
        match mark.find(['>', '<']) {
            Some(end) if mark.as_bytes().get(end) == Some(&b'>') && end > 0 => {
                let (inner, behind) = mark.split_at(end);
                one(inner, directory, out);
                rest = behind.get(1..).unwrap_or_default();
            }
            _ => {
                out.push('<');
                rest = mark;
            }
        }
    }
    unescape(rest, out);
}

fn one(mark: &str, directory: &Directory, out: &mut String) {
    let (target, label) = match mark.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (mark, None),
    };
    if let Some(id) = target.strip_prefix('@') {
        user(id, label, directory, out);
    } else if let Some(id) = target.strip_prefix('#') {
        out.push('#');
        out.push_str(label.or_else(|| known(directory.channel_name(id), out)).unwrap_or(id));
    } else if let Some(word) = target.strip_prefix('!') {
        match label {
            Some(label) => unescape(label, out),
            None => {
                out.push('@');
                out.push_str(word.split('^').next_back().unwrap_or(word));
            }
        }
    } else {
        let address = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:")).unwrap_or(target);
        match label {
            Some(label) if label != address && label != target => {
                unescape(label, out);
                out.push_str(" (");
                unescape(address, out);
                out.push(')');
            }
            _ => unescape(address, out),
        }
    }
}

fn user(id: &str, label: Option<&str>, directory: &Directory, out: &mut String) {
    out.push('@');
    let shown = known(directory.user_name(id), out).or(label).unwrap_or(id);
    out.push_str(shown);
}

/// A name, unless the text is so long already that names would make it burst.
fn known<'a>(name: Option<&'a str>, out: &str) -> Option<&'a str> {
    name.filter(|_| out.len() < TEXT_BYTES_MAX)
}

fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let marks = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
        match marks.iter().find(|(mark, _)| after.starts_with(mark)) {
            Some((mark, sign)) => {
                out.push(*sign);
                rest = after.get(mark.len()..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_rendered() {
        let cases = [
            ("<@U1> and <@U2|ben>", "@U1 and @ben"),
            ("<#C1|general> <#C2>", "#general #C2"),
            ("<!here> <!subteam^S1|@sales> <!date^1^{date}|today> <!subteam^S1>", "@here @sales today @S1"),
            ("<https://a.example/?a=1&amp;b=2|here>", "here (https://a.example/?a=1&b=2)"),
            ("<https://a.example> <mailto:a@example.com|a@example.com>", "https://a.example a@example.com"),
            ("a &lt;b&gt; &amp;amp; & c", "a <b> &amp; & c"),
            ("a < b <", "a < b <"),
            ("<> <<@U1>", "<> <@U1"),
            ("é<@é>", "é@é"),
            ("", ""),
        ];
        for (written, expected) in cases {
            let mut out = String::new();
            render(written, &Directory::default(), &mut out);
            assert_eq!(out, expected, "{written}");
        }
    }
}
