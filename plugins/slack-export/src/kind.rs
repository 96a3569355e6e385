//! What a record tells of, by its `type` and `subtype`.

use kit::Event;
use serde_json::Value;

use crate::value::text;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It makes one item of this event.
    Plain(Event),
    /// A message that was deleted while its thread stays.
    Tombstone,
    /// A log of an edit.
    Changed,
    /// A log of a deletion.
    Deleted,
}

impl Kind {
    /// Looks at a record.
    pub(crate) fn of(record: &Value) -> Self {
        let is_message =
            matches!(record.get("type"), None | Some(Value::Null)) || text(record, "type") == Some("message");
        let Some(subtype) = text(record, "subtype") else {
            let is_plain = is_message && matches!(record.get("subtype"), None | Some(Value::Null | Value::String(_)));
            return Self::Plain(if is_plain { Event::Message } else { Event::Other });
        };
        if !is_message {
            return Self::Plain(Event::Other);
        }
        Self::Plain(match subtype {
            "tombstone" => return Self::Tombstone,
            "message_changed" => return Self::Changed,
            "message_deleted" => return Self::Deleted,
            "bot_message"
            | "me_message"
            | "thread_broadcast"
            | "reply_broadcast"
            | "file_share"
            | "file_comment"
            | "slackbot_response"
            | "file_mention"
            | "document_mention"
            | "assistant_app_thread"
            | "bot_response" => Event::Message,
            "huddle_thread" | "sh_room_shared" | "sh_room_created" => Event::Call,
            "channel_join"
            | "channel_leave"
            | "channel_topic"
            | "channel_purpose"
            | "channel_name"
            | "channel_archive"
            | "channel_unarchive"
            | "channel_convert_to_private"
            | "channel_convert_to_public"
            | "channel_posting_permissions"
            | "group_join"
            | "group_leave"
            | "group_topic"
            | "group_purpose"
            | "group_name"
            | "group_archive"
            | "group_unarchive"
            | "mpim_name"
            | "joiner_notification"
            | "joiner_notification_for_inviter" => Event::Membership,
            "bot_add"
            | "bot_remove"
            | "bot_enable"
            | "bot_disable"
            | "pinned_item"
            | "unpinned_item"
            | "reminder_add"
            | "reminder_delete"
            | "ekm_access_denied"
            | "app_conversation_join"
            | "app_conversation_leave"
            | "channel_canvas_updated"
            | "tabbed_canvas_updated"
            | "bookmark_added"
            | "bookmark_removed" => Event::Notice,
            _ => Event::Other,
        })
    }
}
