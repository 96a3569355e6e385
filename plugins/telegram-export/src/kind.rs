//! What a record tells of, by its `type` and `action`.

use kit::{Call, CallOutcome, Event};
use serde_json::Value;

use crate::{
    text::flat,
    value::{is_true, list, natural, shown, text},
};

/// Actions, what they are, and how a person would say it.
const ACTIONS: &[(&str, Event, &str)] = &[
    ("phone_call", Event::Call, "Phone call"),
    ("conference_call", Event::Call, "Group call"),
    ("group_call", Event::Call, "Group call"),
    ("create_group", Event::Membership, "Group created"),
    ("create_channel", Event::Membership, "Channel created"),
    ("edit_group_title", Event::Membership, "Title changed"),
    ("edit_group_photo", Event::Membership, "Photo changed"),
    ("delete_group_photo", Event::Membership, "Photo removed"),
    ("invite_members", Event::Membership, "Members added"),
    ("remove_members", Event::Membership, "Members removed"),
    ("join_group_by_link", Event::Membership, "Joined by an invitation link"),
    ("join_group_by_request", Event::Membership, "Joined after a request"),
    ("migrate_to_supergroup", Event::Membership, "Group became a supergroup"),
    ("migrate_from_group", Event::Membership, "Supergroup made of a group"),
    ("topic_created", Event::Membership, "Topic created"),
    ("topic_edit", Event::Membership, "Topic changed"),
    ("edit_chat_theme", Event::Membership, "Theme changed"),
    ("set_chat_wallpaper", Event::Membership, "Wallpaper changed"),
    ("set_same_chat_wallpaper", Event::Membership, "Wallpaper changed"),
    ("set_messages_ttl", Event::Membership, "Time after which messages vanish changed"),
    ("no_forwards_toggle", Event::Membership, "Protection against forwarding changed"),
    ("new_creator_pending", Event::Membership, "New owner of the group chosen"),
    ("change_creator", Event::Membership, "Owner of the group changed"),
    ("pin_message", Event::Notice, "Message pinned"),
    ("clear_history", Event::Notice, "History cleared"),
    ("take_screenshot", Event::Notice, "Screenshot taken"),
    ("joined_telegram", Event::Notice, "Joined Telegram"),
    ("invite_to_group_call", Event::Notice, "Invited to a group call"),
    ("group_call_scheduled", Event::Notice, "Group call scheduled"),
    ("requested_phone_number", Event::Notice, "Phone number asked for"),
    ("proximity_reached", Event::Notice, "Came near"),
    ("score_in_game", Event::Notice, "Score in a game"),
    ("send_payment", Event::Notice, "Payment sent"),
    ("refunded_payment", Event::Notice, "Payment refunded"),
    ("send_passport_values", Event::Notice, "Documents of Telegram Passport sent"),
    ("allow_sending_messages", Event::Notice, "Bot allowed to write"),
    ("web_app_bot_allowed", Event::Notice, "Bot allowed to write"),
    ("attach_menu_bot_allowed", Event::Notice, "Bot allowed to write"),
    ("send_webview_data", Event::Notice, "Data sent to a bot"),
    ("requested_peer", Event::Notice, "Chat shared with a bot"),
    ("suggest_profile_photo", Event::Notice, "Profile photo suggested"),
    ("suggest_birthday", Event::Notice, "Birthday suggested"),
    ("send_premium_gift", Event::Notice, "Gift sent"),
    ("send_stars_gift", Event::Notice, "Gift sent"),
    ("send_ton_gift", Event::Notice, "Gift sent"),
    ("send_star_gift", Event::Notice, "Gift sent"),
    ("gift_code_prize", Event::Notice, "Gift code won"),
    ("stars_prize", Event::Notice, "Stars won"),
    ("giveaway_launch", Event::Notice, "Giveaway started"),
    ("giveaway_results", Event::Notice, "Giveaway ended"),
    ("boost_apply", Event::Notice, "Chat boosted"),
    ("paid_messages_refund", Event::Notice, "Paid messages refunded"),
    ("paid_messages_price_change", Event::Notice, "Price of messages changed"),
    ("todo_completions", Event::Notice, "Tasks ticked"),
    ("todo_append_tasks", Event::Notice, "Tasks added"),
    ("poll_append_answer", Event::Notice, "Answer added to a poll"),
    ("poll_delete_answer", Event::Notice, "Answer removed from a poll"),
    ("process_suggested_post", Event::Notice, "Suggested post decided"),
    ("suggested_post_success", Event::Notice, "Suggested post published"),
    ("suggested_post_refund", Event::Notice, "Suggested post refunded"),
    ("no_forwards_request", Event::Notice, "Protection against forwarding asked for"),
    ("managed_bot_created", Event::Notice, "Bot created"),
];

/// Members of a service message that say more, in the order they are told.
const DETAILS: [&str; 16] = [
    "title",
    "new_title",
    "members",
    "inviter",
    "new_creator",
    "bot",
    "to",
    "values",
    "distance",
    "score",
    "amount",
    "currency",
    "stars",
    "period",
    "schedule_date",
    "emoticon",
];

fn action(record: &Value) -> Option<(Event, &'static str)> {
    let name = text(record, "action")?;
    ACTIONS.iter().find(|(known, ..)| *known == name).map(|(_, event, words)| (*event, *words))
}

/// What happened.
pub(crate) fn event(record: &Value, is_section: bool) -> Event {
    match record.get("type") {
        Some(Value::String(kind)) if kind == "message" => Event::Message,
        Some(Value::String(kind)) if kind == "service" => match action(record) {
            Some((event, _)) => event,
            None if record.get("information_text").is_some() => Event::Notice,
            None => Event::Other,
        },
        None if is_section && ["photo", "media", "file"].iter().any(|name| text(record, name).is_some()) => Event::File,
        _ => Event::Other,
    }
}

/// What a service message says, as a line.
pub(crate) fn line(record: &Value) -> Option<String> {
    let action = text(record, "action");
    let said = self::action(record).map(|(_, words)| words.to_owned());
    let mut line = said.or_else(|| text(record, "information_text").map(str::to_owned)).or_else(|| {
        // An action of a later version: its name, as words.
        action.map(|name| name.replace('_', " "))
    })?;
    let mut details: Vec<String> = Vec::new();
    for name in DETAILS {
        let names = list(record, name).iter().take(256).map(|name| name.as_str().unwrap_or("?").to_owned());
        details.extend(shown(record, name).into_iter().chain(names));
    }
    if !details.is_empty() {
        line.push_str(": ");
        line.push_str(&details.join(", "));
    }
    for name in ["gift_text", "items"] {
        let more = flat(record.get(name).unwrap_or(&Value::Null));
        if !more.is_empty() {
            line.push('\n');
            line.push_str(&more);
        }
    }
    Some(line)
}

/// A call's facts. An export does not say whether there was video.
pub(crate) fn call(record: &Value) -> Call {
    let seconds = natural(record, "duration_seconds").or_else(|| natural(record, "duration")).filter(|s| *s > 0);
    let outcome = match text(record, "discard_reason") {
        Some("missed") => CallOutcome::Missed,
        Some("busy") => CallOutcome::Declined,
        _ if is_true(record, "is_missed") => CallOutcome::Missed,
        _ if seconds.is_some() => CallOutcome::Answered,
        Some("disconnect") => CallOutcome::Failed,
        _ => CallOutcome::Unknown,
    };
    Call { video: false, outcome, duration_ms: seconds.and_then(|seconds| seconds.checked_mul(1_000)) }
}
