//! The text of a record, as people read it.

use serde_json::Value;

use crate::{
    kind,
    limits::{TEXT_BYTES_MAX, TEXT_DEPTH_MAX},
    value::{cut, list, shown, text},
};

/// What a record says: its text, and what it shows besides, a line each.
pub(crate) fn of_record(record: &Value) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let is_service = text(record, "type") == Some("service");
    lines.extend(kind::line(record).filter(|_| is_service));
    let written = ["text", "text_entities"].into_iter().map(|name| flat(record.get(name).unwrap_or(&Value::Null)));
    lines.extend(written.filter(|written| !written.is_empty()).take(1));
    lines.extend(contact(record));
    lines.extend(["place_name", "address"].into_iter().filter_map(|name| shown(record, name)));
    if let Some(place) = record.get("location_information") {
        let told: Vec<String> = ["latitude", "longitude"].into_iter().filter_map(|name| shown(place, name)).collect();
        if !told.is_empty() {
            lines.push(format!("Location: {}", told.join(", ")));
        }
    }
    for name in ["game_title", "game_description", "game_link"] {
        lines.extend(shown(record, name));
    }
    lines.extend(invoice(record));
    poll(record, &mut lines);
    lines.extend(record.get("caption").map(flat).filter(|caption| !caption.is_empty()));
    for name in ["title", "performer"] {
        lines.extend(shown(record, name).filter(|_| !is_service));
    }
    let whole = lines.join("\n");
    let kept = cut(&whole, TEXT_BYTES_MAX);
    (!kept.trim().is_empty()).then(|| kept.to_owned())
}

/// Text that is a string, or parts of one.
pub(crate) fn flat(value: &Value) -> String {
    let mut out = String::new();
    push(value, &mut out, 0);
    out
}

fn push(value: &Value, out: &mut String, depth: usize) {
    if depth > TEXT_DEPTH_MAX || out.len() > TEXT_BYTES_MAX {
        return;
    }
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(parts) => parts.iter().for_each(|part| push(part, out, depth + 1)),
        Value::Object(part) => {
            let start = out.len();
            push(part.get("text").unwrap_or(&Value::Null), out, depth + 1);
            let shown = out.get(start..).unwrap_or_default();
            if let Some(link) = text(value, "href").filter(|link| *link != shown) {
                let mark = if shown.is_empty() { link.to_owned() } else { format!(" ({link})") };
                out.push_str(&mark);
            }
        }
        _ => {}
    }
}

fn contact(record: &Value) -> Option<String> {
    let card = record.get("contact_information")?;
    let told: Vec<String> =
        ["first_name", "last_name", "phone_number"].into_iter().filter_map(|name| shown(card, name)).collect();
    (!told.is_empty()).then(|| format!("Contact: {}", told.join(" ")))
}

/// Telegram Desktop writes this object as text within the text.
fn invoice(record: &Value) -> Option<String> {
    let written = record.get("invoice_information")?;
    let inner = written.as_str().and_then(|text| crate::repair::parse(text.as_bytes()));
    let invoice = inner.as_ref().unwrap_or(written);
    let told: Vec<String> =
        ["title", "description", "amount", "currency"].into_iter().filter_map(|name| shown(invoice, name)).collect();
    (!told.is_empty()).then(|| format!("Invoice: {}", told.join(", ")))
}

/// A poll or a list of tasks: what is asked, and an answer a line.
fn poll(record: &Value, lines: &mut Vec<String>) {
    for (name, title, label) in [("poll", "question", "Poll"), ("todo_list", "title", "Tasks")] {
        let Some(poll) = record.get(name).filter(|poll| poll.is_object()) else { continue };
        lines.push(format!("{label}: {}", flat(poll.get(title).unwrap_or(&Value::Null))));
        for answer in list(poll, "answers").iter().take(1_000) {
            let votes = shown(answer, "voters").map(|votes| format!(" ({votes})")).unwrap_or_default();
            lines.push(format!("- {}{votes}", flat(answer)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_become_text() {
        let cases = [
            (json!("plain"), "plain"),
            (json!(["a ", {"type":"bold","text":"b"}, " c"]), "a b c"),
            (json!([{"type":"text_link","text":"here","href":"https://a.example"}]), "here (https://a.example)"),
            (json!([{"type":"link","text":"https://a.example"}]), "https://a.example"),
            (json!([{"type":"text_link","text":"","href":"https://a.example"}, 7, null]), "https://a.example"),
            (json!({"text":["a", ["b"]]}), "ab"),
            (json!(7), ""),
        ];
        for (value, expected) in cases {
            assert_eq!(flat(&value), expected, "{value}");
        }
    }
}
