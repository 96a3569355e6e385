//! Who somebody is, and which conversation an item belongs to. Both are part of what later readings are compared
//! with, so they depend on one delivery alone and never on the page it came in.

use std::collections::BTreeSet;

use kit::{Conversation, ConversationKind, Person};
use sha2::{Digest, Sha256};

use crate::wire::{WireChat, WirePerson};

/// The person, or none when the site tells nothing of them.
///
/// The id is the phone number's digits, else the user id, else the e-mail address, else the name: the first is what
/// mapping files use, and the vendor writes numbers as digits without `+`.
pub(crate) fn person(wire: &WirePerson) -> Option<Person> {
    let user_id = filled(&wire.user_id);
    let phone = filled(&wire.phone);
    let name = filled(&wire.name);
    let email = filled(&wire.email);
    let digits: String = phone.iter().flat_map(|phone| phone.chars()).filter(char::is_ascii_digit).collect();
    let id = Some(digits).filter(|digits| !digits.is_empty());
    let id = id.or_else(|| user_id.clone()).or_else(|| email.clone()).or_else(|| name.clone())?;
    Some(Person {
        id,
        name,
        phone,
        email,
        internal: user_id.is_some(),
        extensions: user_id.map(|user_id| ("user-id".to_owned(), user_id)).into_iter().collect(),
    })
}

/// The same person met twice in one item: what one mention lacks the other gives.
pub(crate) fn complete(known: &mut Person, other: Person) {
    known.name = known.name.take().or(other.name);
    known.phone = known.phone.take().or(other.phone);
    known.email = known.email.take().or(other.email);
    known.internal |= other.internal;
    if known.extensions.is_empty() {
        known.extensions = other.extensions;
    }
}

/// The conversation of an item between `members` (sender and recipients; the owner where those are too few).
///
/// The vendor's group id is a trap: an app version gave every phone a random one, which would tear one group into as
/// many threads as it has archived members. A group is therefore known by its title and members, unless the operator
/// vouches for the ids (`trust_group_id`).
pub(crate) fn conversation(
    chat: &WireChat,
    members: &BTreeSet<&str>,
    network: Option<&str>,
    trust_group_id: bool,
) -> Conversation {
    let title = filled(&chat.title);
    let kind = match chat.mode.as_deref() {
        Some("chat") => ConversationKind::Direct,
        Some("group") => ConversationKind::Group,
        Some(_) => ConversationKind::Other,
        None if title.is_some() || members.len() > 2 => ConversationKind::Group,
        None => ConversationKind::Direct,
    };
    let id = match (kind, filled(&chat.id)) {
        (ConversationKind::Direct, _) => digest("direct", members.iter().copied()),
        (_, Some(id)) if trust_group_id => digest("group-id", [id.as_str()]),
        _ => digest("group", title.as_deref().into_iter().chain(["\0"]).chain(members.iter().copied())),
    };
    let extensions = network.map(|network| ("network".to_owned(), network_name(network))).into_iter().collect();
    Conversation { id, kind, title, extensions }
}

/// `prefix:` and 32 hex digits of the SHA-256 of length-prefixed parts, so that no two lists of parts look alike.
pub(crate) fn digest<'a>(prefix: &str, parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{prefix}:{}", hex(&hash.finalize()[..16]))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text with something in it.
pub(crate) fn filled(text: &Option<String>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A network's name as its makers write it.
fn network_name(network: &str) -> String {
    match network {
        "whatsapp" => "WhatsApp",
        "signal" => "Signal",
        "telegram" => "Telegram",
        "wechat" => "WeChat",
        "sms" => "SMS",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    fn wire(user_id: &str, phone: &str, email: &str, name: &str) -> WirePerson {
        let some = |text: &str| Some(text.to_owned());
        WirePerson { user_id: some(user_id), phone: some(phone), name: some(name), email: some(email) }
    }

    #[test]
    fn a_person_is_known_by_the_best_id_there_is() {
        let cases = [
            (wire("u1", "4915112345678", "a@example.com", "Anna"), Some(("4915112345678", true))),
            (wire("", "+49 (151) 1234-5678", "", ""), Some(("4915112345678", false))),
            (wire("u1", " ", "a@example.com", "Anna"), Some(("u1", true))),
            (wire("", "unknown", "a@example.com", "Anna"), Some(("a@example.com", false))),
            (wire("", "", " ", "Anna"), Some(("Anna", false))),
            (wire("", "", "", "  "), None),
            (WirePerson::default(), None),
        ];
        for (wire, expected) in cases {
            let found = person(&wire);
            assert_eq!(found.as_ref().map(|p| (p.id.as_str(), p.internal)), expected, "{wire:?}");
        }
    }

    #[test]
    fn conversations_hold_together_and_apart() {
        let chat = |id: &str, mode: &str, title: &str| WireChat {
            id: Some(id.into()),
            mode: Some(mode.into()),
            title: Some(title.into()),
        };
        let id = |chat: &WireChat, members: &[&str], trust: bool| {
            conversation(chat, &members.iter().copied().collect(), Some("whatsapp"), trust).id
        };
        let direct = id(&chat("x", "chat", ""), &["1", "2"], false);
        assert_eq!(direct, id(&chat("y", "chat", "other title"), &["2", "1"], true), "both sides, any chat id");
        assert_ne!(direct, id(&chat("x", "chat", ""), &["1", "3"], false));
        assert_ne!(direct, id(&chat("x", "chat", ""), &["12"], false), "parts do not run together");

        let group = id(&chat("uuid-of-anna", "group", "Sales"), &["1", "2", "3"], false);
        assert_eq!(group, id(&chat("uuid-of-ben", "group", "Sales"), &["3", "2", "1"], false));
        assert_ne!(group, id(&chat("uuid-of-anna", "group", "Support"), &["1", "2", "3"], false));
        assert_ne!(group, id(&chat("uuid-of-anna", "group", "Sales"), &["1", "2"], false));
        assert_ne!(id(&chat("", "group", "1"), &["2"], false), id(&chat("", "group", ""), &["1", "2"], false));

        let trusted = id(&chat("g1", "group", "Sales"), &["1", "2", "3"], true);
        assert_eq!(trusted, id(&chat("g1", "group", "Sales 2"), &["1"], true));
        assert_eq!(group, id(&chat("", "group", "Sales"), &["1", "2", "3"], true), "no id: title and members");
    }

    #[test]
    fn the_short_form_has_a_kind_of_conversation_too() {
        let kind = |title: Option<&str>, members: &[&str]| {
            let chat = WireChat { title: title.map(str::to_owned), ..WireChat::default() };
            conversation(&chat, &members.iter().copied().collect(), None, false).kind
        };
        assert_eq!(kind(None, &["1", "2"]), ConversationKind::Direct);
        assert_eq!(kind(None, &["1", "2", "3"]), ConversationKind::Group);
        assert_eq!(kind(Some("Sales"), &["1"]), ConversationKind::Group);
    }
}
