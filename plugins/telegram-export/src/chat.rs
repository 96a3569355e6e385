//! The chat that records belong to.

use kit::{Conversation, ConversationKind, Error};

use crate::{
    identity,
    owner::{self, Owner},
    people::{CHANNELS_FROM, CHATS_FROM},
    place::Header,
};

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chat {
    /// As items refer to it.
    pub(crate) conversation: Conversation,
    /// The other one of a direct chat: id and name.
    pub(crate) peer: Option<(String, Option<String>)>,
    /// `user123`, `chat123`, `channel123`.
    key: String,
    /// What ids that are counted per account begin with.
    prefix: Option<String>,
    /// Its messages are counted per account.
    is_counted_per_account: bool,
}

impl Chat {
    /// The chat that a header tells of. `is_old` for exports from before 2022, whose records have local times only.
    pub(crate) fn of(header: &Header, is_old: bool, owner: &Owner, path: &str) -> Result<Self, Error> {
        use ConversationKind::{Channel, Direct, Group, Other};
        let kind = header.kind.as_deref().unwrap_or_default();
        let (label, sort, is_counted_per_account, fallback) = match kind {
            "personal_chat" | "bot_chat" => ("user", Direct, true, None),
            "saved_messages" => ("user", Other, true, Some("Saved Messages")),
            "replies" => ("user", Other, true, Some("Replies")),
            "verification_codes" => ("user", Other, true, Some("Verification Codes")),
            "private_group" => ("chat", Group, true, None),
            "private_supergroup" | "public_supergroup" => ("channel", Group, false, None),
            "private_channel" | "public_channel" => ("channel", Channel, false, None),
            _ => ("peer", Other, true, None),
        };
        // The numbers of groups and channels in the oldest exports say what they are, too.
        let kind_bits = match label {
            "chat" if is_old => CHATS_FROM,
            "channel" if is_old => CHANNELS_FROM,
            _ => 0,
        };
        let id = header.id.map(|id| if id >= kind_bits { id.saturating_sub(kind_bits) } else { id });
        let key = match (&header.section, id) {
            (Some(section), _) => section.clone(),
            (None, Some(id)) => format!("{label}{id}"),
            (None, None) => format!("file:{path}#{}", header.name.as_deref().unwrap_or_default()),
        };
        // Without a number of its own, a chat is this file's alone.
        let is_nameless = header.id.is_none() && header.section.is_none();
        let prefix = owner.prefix().map(str::to_owned);
        let id = match &prefix {
            Some(prefix) if is_counted_per_account => format!("{prefix}/{key}"),
            None if is_counted_per_account && !is_nameless => return Err(owner::needed(path)),
            _ => key.clone(),
        };
        let mut extensions = Vec::new();
        if !kind.is_empty() {
            extensions.push(("type".to_owned(), kind.to_owned()));
        }
        if header.is_left {
            extensions.push(("left".to_owned(), "true".to_owned()));
        }
        let title = header.name.clone().or_else(|| fallback.map(str::to_owned)).or_else(|| header.section.clone());
        Ok(Self {
            peer: (sort == Direct && header.id.is_some()).then(|| (key.clone(), header.name.clone())),
            conversation: Conversation { id: identity::short(id), kind: sort, title, extensions },
            key,
            prefix,
            is_counted_per_account: is_counted_per_account && !is_nameless,
        })
    }

    /// The id of its message with this number. Messages from before a group became a supergroup have negative numbers, which
    /// are counted per account everywhere.
    pub(crate) fn message_id(&self, number: i64, path: &str) -> Result<String, Error> {
        if self.is_counted_per_account || number >= 0 {
            return Ok(self.id(&number.to_string()));
        }
        let prefix = self.prefix.as_deref().ok_or_else(|| owner::needed(path))?;
        Ok(identity::short(format!("{prefix}/{}:{number}", self.key)))
    }

    /// The id of something in it.
    pub(crate) fn id(&self, own: &str) -> String {
        identity::short(format!("{}:{own}", self.conversation.id))
    }

    /// The id of a message of another chat, `channel123` or `user123`.
    pub(crate) fn elsewhere(&self, peer: &str, number: i64) -> String {
        let prefix = self.prefix.as_deref().filter(|_| !peer.starts_with("channel") || number < 0);
        identity::short(match prefix {
            Some(prefix) => format!("{prefix}/{peer}:{number}"),
            None => format!("{peer}:{number}"),
        })
    }
}
