//! Who took part: the business's number, and the contact that a number or user id names.

use kit::{Conversation, ConversationKind, Person};
use serde_json::Value;

use crate::{
    identity,
    limits::{EXTENSION_BYTES_MAX, NAME_BYTES_MAX},
    parts::Scene,
    value::{cut, name, scalar, text},
};

/// The digits of a phone number; none where it is something else.
pub(crate) fn digits(number: &str) -> Option<String> {
    let is_number = number.chars().all(|c| c.is_ascii_digit() || "+-() .".contains(c));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (is_number && (5..=20).contains(&digits.len())).then_some(digits)
}

/// An id as people are mapped by it: a number's digits, else as it is written.
fn key(id: &str) -> String {
    digits(id).unwrap_or_else(|| identity::short(id.to_owned()))
}

/// Whose archive it is: the business's number, else the account.
pub(crate) fn business(scene: &Scene) -> Option<Person> {
    let shown = scalar(&scene.metadata, "display_phone_number");
    let number_id = scalar(&scene.metadata, "phone_number_id");
    let phone = shown.as_deref().and_then(digits);
    let id = phone.clone().or_else(|| number_id.clone()).or(shown).or_else(|| scene.account.clone())?;
    let extensions = number_id.map(|id| ("phone-number-id".to_owned(), cut(&id, EXTENSION_BYTES_MAX).to_owned()));
    let extensions = extensions.into_iter().collect();
    Some(Person { id: key(&id), phone, internal: true, extensions, ..Person::default() })
}

/// Somebody else: by number, by the user id of those who hide theirs, or as the only contact that is named.
pub(crate) fn user(scene: &Scene, number: Option<&str>, user_id: Option<&str>) -> Option<Person> {
    let is_same = |contact: &&Value| {
        let has = |label: &str, wanted: Option<&str>| {
            wanted.is_some_and(|wanted| scalar(contact, label).is_some_and(|id| key(&id) == key(wanted)))
        };
        has("wa_id", number) || has("user_id", user_id) || has("user_id", number)
    };
    let alone = || match scene.contacts.as_slice() {
        [contact] if number.is_none() && user_id.is_none() => Some(contact),
        _ => None,
    };
    let contact = scene.contacts.iter().find(is_same).or_else(alone);
    let of_contact = |label: &str| contact.and_then(|contact| scalar(contact, label));
    let number = number.map(str::to_owned).or_else(|| of_contact("wa_id"));
    let user_id = user_id.map(str::to_owned).or_else(|| of_contact("user_id"));
    let profile = contact.and_then(|contact| contact.get("profile")).unwrap_or(&Value::Null);
    let mut extensions = Vec::new();
    let told = [
        ("user-id", user_id.clone()),
        ("parent-user-id", of_contact("parent_user_id")),
        ("username", text(profile, "username").map(str::to_owned)),
    ];
    for (label, told) in told {
        if let Some(told) = told {
            extensions.push((label.to_owned(), cut(&told, EXTENSION_BYTES_MAX).to_owned()));
        }
    }
    Some(Person {
        phone: number.as_deref().and_then(digits),
        id: key(&number.or(user_id)?),
        name: text(profile, "name").and_then(|shown| name(shown, NAME_BYTES_MAX)),
        extensions,
        ..Person::default()
    })
}

/// The chat between the business's number and somebody or a group; what has neither belongs to the number.
pub(crate) fn conversation(scene: &Scene, counterpart: Option<&Person>, group: Option<&str>) -> Conversation {
    let number = scalar(&scene.metadata, "phone_number_id")
        .or_else(|| scalar(&scene.metadata, "display_phone_number").map(|shown| key(&shown)))
        .or_else(|| scene.account.as_ref().map(|account| format!("account:{account}")))
        .unwrap_or_else(|| "unknown".to_owned());
    let (id, kind) = match (group, counterpart) {
        (Some(group), _) => (format!("{number}:group:{group}"), ConversationKind::Group),
        (None, Some(person)) => (format!("{number}:{}", person.id), ConversationKind::Direct),
        (None, None) => (number, ConversationKind::Other),
    };
    let extensions = vec![("network".to_owned(), "WhatsApp".to_owned())];
    Conversation { id: identity::short(id), kind, title: None, extensions }
}
