//! People, as records name them.

use kit::Person;
use serde_json::Value;

use crate::{
    contacts::Contacts,
    limits::NAME_BYTES_MAX,
    owner::Owner,
    place::short,
    value::{name, text},
};

/// Numbers of small groups and channels begin here in exports from before 2021, which did not say which they are.
pub(crate) const CHATS_FROM: i64 = 1 << 32;
/// See [`CHATS_FROM`].
pub(crate) const CHANNELS_FROM: i64 = 1 << 33;

/// Makes people of what records tell.
#[derive(Clone, Copy)]
pub(crate) struct People<'a> {
    /// Phones by user id.
    pub(crate) contacts: &'a Contacts,
    /// Whose export it is.
    pub(crate) owner: &'a Owner,
}

impl People<'_> {
    /// Somebody with this id.
    pub(crate) fn person(self, id: &str, name: Option<&str>) -> Person {
        let contact = self.contacts.get(id);
        let name = name.and_then(short).or_else(|| contact.and_then(|contact| contact.name.clone()));
        let phone = contact.and_then(|contact| contact.phone.clone());
        match self.owner.person().filter(|_| self.owner.id.as_deref() == Some(id)) {
            Some(owner) => Person { name: name.or(owner.name), phone: phone.or(owner.phone), ..owner },
            None => Person { id: crate::identity::short(id.to_owned()), name, phone, ..Person::default() },
        }
    }
}

/// Id and name of who wrote a record or did what it tells.
pub(crate) fn sender(record: &Value) -> Option<(String, Option<String>)> {
    named(record, "actor").or_else(|| named(record, "from"))
}

/// Id and name of somebody; the name stands for a missing id.
pub(crate) fn named(record: &Value, label: &str) -> Option<(String, Option<String>)> {
    let called = text(record, label).and_then(short);
    let id = peer(record.get(format!("{label}_id").as_str()).unwrap_or(&Value::Null));
    Some((id.or_else(|| called.clone())?, called))
}

/// An id as `user123`, `chat123` or `channel123`.
pub(crate) fn peer(value: &Value) -> Option<String> {
    let number = match value {
        Value::String(written) => match written.parse() {
            Ok(number) => number,
            Err(_) => return name(written, NAME_BYTES_MAX),
        },
        other => other.as_i64()?,
    };
    Some(match number {
        CHANNELS_FROM.. => format!("channel{}", number.saturating_sub(CHANNELS_FROM)),
        CHATS_FROM.. => format!("chat{}", number.saturating_sub(CHATS_FROM)),
        _ => format!("user{number}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_of_old_exports_are_told_apart() {
        let cases = [
            (json!("user5"), Some("user5")),
            (json!(5), Some("user5")),
            (json!("5"), Some("user5")),
            (json!(4_294_967_299_i64), Some("chat3")),
            (json!(8_589_934_599_i64), Some("channel7")),
            (json!(""), None),
            (json!(1.5), None),
            (json!(null), None),
        ];
        for (value, expected) in cases {
            assert_eq!(peer(&value).as_deref(), expected, "{value}");
        }
    }
}
