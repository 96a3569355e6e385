//! The subject: one per conversation, whoever writes and whatever they write, so that mail programs thread by it.

use kit::{Conversation, ConversationKind, Extensions};

use crate::{clean::single_line, identity::Hex, people::Card};

/// The longest title or network name in a subject.
const TITLE_CHARACTERS_MAX: usize = 200;
/// The longest `subject-prefix`.
const PREFIX_CHARACTERS_MAX: usize = 80;
/// How many people a subject names.
const NAMES_MAX: usize = 4;

/// Networks as people write them.
const NETWORKS: &[(&str, &str)] = &[
    ("whatsapp", "WhatsApp"),
    ("whatsapp-cloud", "WhatsApp"),
    ("whatsapp-export", "WhatsApp"),
    ("signal", "Signal"),
    ("telegram", "Telegram"),
    ("telegram-export", "Telegram"),
    ("wechat", "WeChat"),
    ("sms", "SMS"),
    ("sms-backup", "SMS"),
    ("mms", "MMS"),
    ("rcs", "RCS"),
    ("mattermost", "Mattermost"),
    ("slack", "Slack"),
    ("slack-export", "Slack"),
    ("teams", "Microsoft Teams"),
    ("telemessage", "TeleMessage"),
    ("telemessage-sftp", "TeleMessage"),
];

/// The value of an extension, where it says something.
pub fn extension<'a>(extensions: &'a Extensions, name: &str) -> Option<&'a str> {
    extensions.iter().find(|(key, value)| key == name && !value.trim().is_empty()).map(|(_, value)| value.as_str())
}

/// The network's name for people: the conversation's extension `network`, else the source's name. Well-known ones in
/// their own spelling, others as they are.
pub fn network(conversation: &Conversation, source: &str) -> String {
    let name = extension(&conversation.extensions, "network").unwrap_or(source).trim();
    NETWORKS
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map_or_else(|| single_line(name, TITLE_CHARACTERS_MAX), |(_, spelling)| (*spelling).to_owned())
}

/// What a conversation is called.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// The subject: network, kind and name (`WhatsApp group: Sales`).
    pub subject: String,
    /// The name alone (`Sales`).
    pub name: String,
}

/// Names a conversation.
///
/// A direct conversation is named by its people in alphabetical order, since its title is only how one side sees the
/// other; a group by its title, since its members change. Without either, by a part of the conversation's hash.
pub fn names<'a>(
    network: &str,
    conversation: &Conversation,
    hash: &Hex,
    participants: impl Iterator<Item = &'a Card>,
) -> Names {
    let title = single_line(conversation.title.as_deref().unwrap_or_default(), TITLE_CHARACTERS_MAX);
    let (word, named) = match conversation.kind {
        ConversationKind::Direct => ("", people(participants).unwrap_or(title)),
        ConversationKind::Group => (" group", title),
        ConversationKind::Channel => (" channel", title),
        ConversationKind::Other => ("", title),
    };
    if named.is_empty() {
        let short = hash.as_str().get(..8).unwrap_or_default();
        let subject = format!("{network}{} {short}", if word.is_empty() { " conversation" } else { word });
        Names { subject, name: short.to_owned() }
    } else {
        Names { subject: format!("{network}{word}: {named}"), name: named }
    }
}

/// The people of a direct conversation; none when fewer than two are known.
fn people<'a>(participants: impl Iterator<Item = &'a Card>) -> Option<String> {
    let mut people: Vec<(&str, &str)> = participants
        .map(|card| (card.label.as_str(), card.key.as_str()))
        .filter(|(label, _)| !label.is_empty())
        .collect();
    people.sort_unstable();
    people.dedup();
    if people.len() < 2 {
        return None;
    }
    let mut text = String::new();
    for (at, (label, _)) in people.iter().take(NAMES_MAX).enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(label);
    }
    if people.len() > NAMES_MAX {
        text.push_str(" and ");
        text.push_str(&(people.len() - NAMES_MAX).to_string());
        text.push_str(" more");
    }
    Some(text)
}

/// The subject with the item's `subject-prefix` before it (`DELETED - READ - `).
pub fn prefixed(subject: &str, extensions: &Extensions) -> Option<String> {
    let prefix = single_line(extension(extensions, "subject-prefix")?, PREFIX_CHARACTERS_MAX);
    (!prefix.is_empty()).then(|| format!("{prefix} {subject}"))
}

#[cfg(test)]
mod tests {
    use kit::{Event, Person, converter::Party};

    use super::*;
    use crate::{identity::Identities, people::People};

    fn check(kind: ConversationKind, title: &str, network_value: &str, people: &[&str], expected: &str) {
        let conversation = Conversation {
            id: "c".to_owned(),
            kind,
            title: (!title.is_empty()).then(|| title.to_owned()),
            extensions: vec![("network".to_owned(), network_value.to_owned())],
        };
        let parties: Vec<Party> = people
            .iter()
            .map(|name| Party {
                person: Person { id: (*name).to_owned(), name: Some((*name).to_owned()), ..Person::default() },
                mailbox: None,
            })
            .collect();
        let people = People::new(&parties);
        let cards = (0..).map_while(|index| people.card(index));
        let hash = Identities::new("s", "a", "d").item("c", Event::Message, 0);
        let short = &hash.as_str()[..8];
        let written = names(&network(&conversation, "whatsapp-export"), &conversation, &hash, cards).subject;
        assert_eq!(written, expected.replace("HASH", short));
    }

    #[test]
    fn conversations_have_subjects() {
        use ConversationKind::*;
        check(Direct, "Ben Ode", "", &["Ben Ode", "Anna Lind"], "WhatsApp: Anna Lind, Ben Ode");
        check(Direct, "Ben Ode", "", &["Anna Lind"], "WhatsApp: Ben Ode");
        check(Direct, "", "signal", &["b", "a"], "Signal: a, b");
        check(Direct, "", "", &[], "WhatsApp conversation HASH");
        check(Direct, "", "", &["f", "e", "d", "c", "b", "a"], "WhatsApp: a, b, c, d and 2 more");
        check(Group, "Sales\r\nTeam", "Threema", &["a", "b"], "Threema group: Sales Team");
        check(Group, "\u{202e}", "", &["a", "b"], "WhatsApp group HASH");
        check(Channel, "News", "", &[], "WhatsApp channel: News");
        check(Other, "", "", &["a", "b"], "WhatsApp conversation HASH");
    }

    #[test]
    fn prefixes_stand_before() {
        let with = |value: &str| prefixed("S", &vec![("subject-prefix".to_owned(), value.to_owned())]);
        assert_eq!(with("DELETED - READ - ").as_deref(), Some("DELETED - READ - S"));
        assert_eq!(with("X\r\nBcc: eve@example.com\r\n").as_deref(), Some("X Bcc: eve@example.com S"));
        assert_eq!(with(" "), None);
        assert_eq!(with("\u{200e}"), None);
        assert_eq!(prefixed("S", &Vec::new()), None);
    }
}
