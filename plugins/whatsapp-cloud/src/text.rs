//! What a message says, by its kind.

use serde_json::Value;

use crate::value::{list, scalar, text};

/// The text of a message; for what has none a line that says what it is.
pub(crate) fn of_message(content: &Value, kind: &str) -> Option<String> {
    let of = content.get(kind).unwrap_or(&Value::Null);
    let plain = |label: &str| text(of, label).map(str::to_owned);
    match kind {
        "text" => plain("body"),
        "image" | "video" | "audio" | "voice" | "document" | "sticker" => plain("caption"),
        "location" => Some(location(of)),
        "contacts" => Some(list(content, "contacts").iter().map(contact).collect::<Vec<_>>().join("\n")),
        "order" => Some(order(of)),
        "button" => plain("text").or_else(|| plain("payload")),
        "reaction" => plain("emoji"),
        "system" => plain("body"),
        "interactive" => Some(interactive(of).unwrap_or_else(|| "[interactive]".to_owned())),
        "request_welcome" => Some("Opened the chat for the first time".to_owned()),
        "media_placeholder" => Some("[media that came later or not at all]".to_owned()),
        "unsupported" => {
            let inner = text(of, "type").map_or(String::new(), |inner| format!(": {inner}"));
            Some(format!("[message that the Cloud API does not support{inner}]"))
        }
        _ => plain("body").or_else(|| plain("caption")).or_else(|| plain("text")).or_else(|| Some(format!("[{kind}]"))),
    }
}

/// `131051: Message type unknown`, a line an error.
pub(crate) fn errors(found: &[Value]) -> String {
    let line = |error: &Value| {
        let code = scalar(error, "code").unwrap_or_default();
        let title = text(error, "title").or_else(|| text(error, "message")).unwrap_or_default();
        let details = error.get("error_data").and_then(|data| text(data, "details"));
        let details = details.filter(|details| *details != title).map_or(String::new(), |told| format!(" ({told})"));
        format!("{code}: {title}{details}")
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn location(of: &Value) -> String {
    let place = [text(of, "name"), text(of, "address")];
    let at = [scalar(of, "latitude"), scalar(of, "longitude")];
    let mut told: Vec<String> = place.into_iter().flatten().map(str::to_owned).collect();
    if let [Some(latitude), Some(longitude)] = at {
        told.push(format!("{latitude}, {longitude}"));
    }
    told.extend(text(of, "url").map(str::to_owned));
    format!("Location: {}", told.join("\n"))
}

fn contact(card: &Value) -> String {
    let name = card.get("name").unwrap_or(&Value::Null);
    let parts =
        || [text(name, "first_name"), text(name, "last_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let shown = text(name, "formatted_name").map_or_else(parts, str::to_owned);
    let mut told = vec![format!("Contact: {shown}")];
    told.extend(
        list(card, "phones").iter().filter_map(|phone| scalar(phone, "phone").or_else(|| scalar(phone, "wa_id"))),
    );
    told.extend(list(card, "emails").iter().filter_map(|email| scalar(email, "email")));
    told.extend(card.get("org").and_then(|org| scalar(org, "company")));
    told.join(", ")
}

fn order(of: &Value) -> String {
    let mut lines: Vec<String> = text(of, "text").map(str::to_owned).into_iter().collect();
    lines.push(format!("Order from catalog {}", scalar(of, "catalog_id").unwrap_or_default()));
    for product in list(of, "product_items") {
        let told = |label: &str| scalar(product, label).unwrap_or_default();
        let (count, what) = (told("quantity"), told("product_retailer_id"));
        lines.push(format!("{count} x {what} at {} {}", told("item_price"), told("currency")));
    }
    lines.join("\n")
}

fn interactive(of: &Value) -> Option<String> {
    let kind = text(of, "type")?;
    let inner = of.get(kind).unwrap_or(&Value::Null);
    let told = match kind {
        "button_reply" | "list_reply" => {
            [text(inner, "title"), text(inner, "description")].into_iter().flatten().collect::<Vec<_>>().join("\n")
        }
        "nfm_reply" => {
            [text(inner, "body"), text(inner, "response_json")].into_iter().flatten().collect::<Vec<_>>().join("\n")
        }
        "call_permission_reply" => match text(inner, "response") {
            Some("accept") => "Allowed calls".to_owned(),
            Some("reject") => "Refused calls".to_owned(),
            _ => "Answered whether calls are allowed".to_owned(),
        },
        // What a business sends: a header, a body and a footer, then what can be chosen.
        _ => {
            let part = |name: &str| of.get(name).and_then(|part| text(part, "text")).map(str::to_owned);
            let mut lines: Vec<String> = ["header", "body", "footer"].into_iter().filter_map(part).collect();
            let action = of.get("action").unwrap_or(&Value::Null);
            let button = |button: &Value| {
                let title = text(button.get("reply").unwrap_or(button), "title")?;
                Some(format!("- {title}"))
            };
            lines.extend(list(action, "buttons").iter().filter_map(button));
            lines.extend(list(action, "sections").iter().flat_map(|rows| list(rows, "rows")).filter_map(button));
            lines.join("\n")
        }
    };
    Some(told).filter(|told| !told.is_empty()).or_else(|| Some(format!("[{kind}]")))
}
