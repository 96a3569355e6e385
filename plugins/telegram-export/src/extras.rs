//! What an item carries besides: values that have no field of their own.

use serde_json::Value;

use crate::{
    clock::Moment,
    limits::{EMOJI_BYTES_MAX, EXTENSION_BYTES_MAX, ORIGINAL_BYTES_MAX},
    people::peer,
    text::flat,
    value::{cut, list, natural, shown, text},
};

/// Members that are told as they are, and under which name.
const TOLD: [(&str, &str); 13] = [
    ("action", "action"),
    ("discard_reason", "discard-reason"),
    ("author", "signed-by"),
    ("forwarded_from", "forwarded-from"),
    ("saved_from", "saved-from"),
    ("via_bot", "via-bot"),
    ("media_type", "media-type"),
    ("sticker_emoji", "sticker-emoji"),
    ("self_destruct_period_seconds", "self-destruct-seconds"),
    ("live_location_period_seconds", "live-location-seconds"),
    ("paid_stars_amount", "paid-stars"),
    ("edited_unixtime", "edited-at"),
    ("expires_unixtime", "expires-at"),
];

/// The extensions of a record's item.
pub(crate) fn of_record(record: &Value, raw: &[u8], moment: &Moment) -> Vec<(String, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let kind = text(record, "type").filter(|kind| !matches!(*kind, "message" | "service"));
    found.extend(kind.map(|kind| ("type", kind.to_owned())));
    for (member, label) in TOLD {
        found.extend(shown(record, member).map(|value| (label, value)));
    }
    let forwarded = record.get("forwarded_from_id").and_then(peer);
    found.extend(forwarded.map(|id| ("forwarded-from-id", id)));
    let counts: Vec<String> = list(record, "reactions")
        .iter()
        .take(256)
        .map(|reaction| {
            let listed = list(reaction, "recent").len() as u64;
            format!("{}={}", cut(&emoji(reaction), 100), natural(reaction, "count").unwrap_or(listed))
        })
        .collect();
    found.extend((!counts.is_empty()).then(|| ("reactions", counts.join(", "))));
    let buttons: Vec<String> = list(record, "inline_bot_buttons").iter().take(64).map(flat).collect();
    found.extend((!buttons.is_empty()).then(|| ("buttons", buttons.join(", "))));
    found
        .extend((record.get("date_unixtime").is_none() && moment.zone.is_some()).then(|| ("time", "local".to_owned())));
    found.extend((raw.len() > ORIGINAL_BYTES_MAX).then(|| ("original-size", raw.len().to_string())));
    found.extend(std::str::from_utf8(raw).is_err().then(|| ("text-repaired", "true".to_owned())));
    let short = |(name, value): (&str, String)| (name.to_owned(), cut(&value, EXTENSION_BYTES_MAX).to_owned());
    found.into_iter().map(short).collect()
}

/// What a reaction shows.
pub(crate) fn emoji(reaction: &Value) -> String {
    let shown_as = text(reaction, "emoji").map(str::to_owned);
    let custom = || shown(reaction, "document_id").map(|id| format!("custom_emoji {id}"));
    let whole = shown_as.or_else(custom).or_else(|| shown(reaction, "type")).unwrap_or_else(|| "unknown".to_owned());
    // It is told once for everybody who reacted so.
    cut(&whole, EMOJI_BYTES_MAX).to_owned()
}
