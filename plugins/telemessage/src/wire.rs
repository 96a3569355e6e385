//! The JSON of the written contract. Members that may be missing are `Option`; members that only carry facts which
//! `original` keeps anyway are read leniently, so that one odd word does not park a message.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// `GET /v1/account`.
#[derive(Deserialize)]
pub(crate) struct WireAccount {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) archivers: Vec<String>,
}

/// `GET /v1/users`.
#[derive(Deserialize)]
pub(crate) struct WireUsers {
    pub(crate) users: Vec<WireUser>,
    #[serde(deserialize_with = "required")]
    pub(crate) next: Option<String>,
}

/// One of the organisation's users.
#[derive(Deserialize)]
pub(crate) struct WireUser {
    pub(crate) user_id: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) status: Option<String>,
}

/// `GET /v1/items/count`.
#[derive(Deserialize)]
pub(crate) struct WireCount {
    pub(crate) count: u64,
}

/// `GET /v1/items`. Items are read one by one later, so that a broken one takes nobody with it.
#[derive(Deserialize)]
pub(crate) struct WireItems<'a> {
    #[serde(borrow)]
    pub(crate) items: Vec<&'a RawValue>,
    #[serde(deserialize_with = "required")]
    pub(crate) next: Option<String>,
}

/// What can be told of an item that cannot be read as a whole.
#[derive(Deserialize)]
pub(crate) struct WireItemId {
    pub(crate) id: Option<String>,
}

/// One delivery: an event as found in one owner's archive. `to`, `group` and `time` are the short form's names.
#[derive(Deserialize)]
pub(crate) struct WireItem {
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) network: Option<String>,
    pub(crate) archiver: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    #[serde(alias = "time")]
    pub(crate) event_time_ms: i64,
    pub(crate) owner: Option<WirePerson>,
    pub(crate) sender: Option<WirePerson>,
    #[serde(default, alias = "to")]
    pub(crate) recipients: WirePeople,
    pub(crate) direction: Option<String>,
    pub(crate) chat: Option<WireChat>,
    pub(crate) group: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) reply_to: Option<String>,
    pub(crate) original: Option<WireOriginal>,
    pub(crate) deletion: Option<WireDeletion>,
    pub(crate) call: Option<WireCall>,
    pub(crate) attachments: Option<Vec<WireAttachment>>,
}

/// Where it happened.
#[derive(Default, Deserialize)]
pub(crate) struct WireChat {
    pub(crate) id: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) title: Option<String>,
}

/// What an edit or a deletion is about.
#[derive(Deserialize)]
pub(crate) struct WireOriginal {
    pub(crate) key: Option<String>,
    pub(crate) text: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// For whom it was deleted, and whether it had been read.
#[derive(Default, Deserialize)]
pub(crate) struct WireDeletion {
    pub(crate) scope: Option<String>,
    pub(crate) state: Option<String>,
}

/// A call's facts.
#[derive(Deserialize)]
pub(crate) struct WireCall {
    pub(crate) media: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) duration_s: Option<u64>,
}

/// A file by name; its bytes are fetched apart.
#[derive(Deserialize)]
pub(crate) struct WireAttachment {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) media_type: Option<String>,
    pub(crate) size: Option<u64>,
}

/// A participant: an object, or in the short form one piece of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WirePerson {
    pub(crate) user_id: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

impl WirePerson {
    /// `4915112345678`, `anna@example.com` or a name.
    fn of_text(text: &str) -> Self {
        let text = Some(text.to_owned());
        let is_number = |text: &str| {
            text.bytes().any(|b| b.is_ascii_digit())
                && text.bytes().all(|b| b.is_ascii_digit() || b" +-()/.".contains(&b))
        };
        match text.as_deref() {
            Some(word) if word.contains('@') => Self { email: text, ..Self::default() },
            Some(word) if is_number(word) => Self { phone: text, ..Self::default() },
            _ => Self { name: text, ..Self::default() },
        }
    }
}

impl<'de> Deserialize<'de> for WirePerson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PersonVisitor;

        impl<'de> Visitor<'de> for PersonVisitor {
            type Value = WirePerson;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a person")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WirePerson, E> {
                Ok(WirePerson::of_text(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WirePerson, A::Error> {
                #[derive(Deserialize)]
                struct Object {
                    user_id: Option<String>,
                    phone: Option<String>,
                    name: Option<String>,
                    email: Option<String>,
                }
                let Object { user_id, phone, name, email } = Object::deserialize(MapAccessDeserializer::new(map))?;
                Ok(WirePerson { user_id, phone, name, email })
            }
        }

        deserializer.deserialize_any(PersonVisitor)
    }
}

/// Recipients: a list, or in the short form one person.
#[derive(Debug, Default)]
pub(crate) struct WirePeople(pub(crate) Vec<WirePerson>);

impl<'de> Deserialize<'de> for WirePeople {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PeopleVisitor;

        impl<'de> Visitor<'de> for PeopleVisitor {
            type Value = WirePeople;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list of people")
            }

            fn visit_unit<E: de::Error>(self) -> Result<WirePeople, E> {
                Ok(WirePeople::default())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WirePeople, E> {
                Ok(WirePeople(vec![WirePerson::of_text(text)]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WirePeople, A::Error> {
                Ok(WirePeople(vec![WirePerson::deserialize(MapAccessDeserializer::new(map))?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WirePeople, A::Error> {
                let mut people = Vec::new();
                while let Some(person) = list.next_element::<WirePerson>()? {
                    people.push(person);
                }
                Ok(WirePeople(people))
            }
        }

        deserializer.deserialize_any(PeopleVisitor)
    }
}

/// `null` is an answer, a missing member is not: without this, an answer cut down by somebody on the way would end
/// a window early, in silence.
fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn a_missing_next_is_not_the_end() {
        assert!(serde_json::from_str::<WireItems<'_>>(r#"{"items":[]}"#).is_err());
        assert!(serde_json::from_str::<WireItems<'_>>(r#"{"items":[],"next":null}"#).unwrap().next.is_none());
    }

    #[test]
    fn recipients_have_a_long_and_a_short_form() {
        let people = |json: &str| serde_json::from_str::<WirePeople>(json).unwrap().0;
        let phone = WirePerson { phone: Some("4915112345678".into()), ..WirePerson::default() };
        assert_eq!(people(r#""4915112345678""#), std::slice::from_ref(&phone));
        assert_eq!(people(r#"["4915112345678",{"phone":"4915112345678"}]"#), [phone.clone(), phone.clone()]);
        assert_eq!(people(r#"{"phone":"4915112345678","unknown":[1]}"#), [phone]);
        assert_eq!(people("null"), []);
        assert_eq!(people(r#""anna@example.com""#)[0].email.as_deref(), Some("anna@example.com"));
        assert_eq!(people(r#""Anna 2""#)[0].name.as_deref(), Some("Anna 2"));
        assert!(serde_json::from_str::<WirePeople>("[7]").is_err());
    }
}
