//! Names and phones of the owner's contacts, which stand before the chats of a full export.

use std::collections::HashMap;

use kit::{Error, Host};

use crate::{
    input::Input,
    limits::{CONTACTS_BYTES_MAX, CONTACTS_MAX},
    place::{Level, Place, short},
    repair,
    value::{natural, text},
    walk::{Found, Walker},
};

/// A contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Name in the owner's address book.
    pub(crate) name: Option<String>,
    /// Phone, digits.
    pub(crate) phone: Option<String>,
}

/// The contacts by id (`user123`); only asked, never walked, so that its order shows nowhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts(HashMap<String, Contact>);

impl Contacts {
    /// The contacts that stand at `offset`.
    pub(crate) fn read(host: &mut dyn Host, path: &str, offset: u64) -> Result<Self, Error> {
        let mut input = Input::new(host, path, offset);
        let level = if input.peek()? == Some(b'[') { Level::List } else { Level::Contacts };
        input.advance(1);
        let mut place = Place::begin(0);
        (place.offset, place.levels, place.is_begun) = (input.position(), vec![level], true);
        let mut walker = Walker::new(input, place);
        let mut contacts = HashMap::new();
        while !walker.place.levels.is_empty()
            && contacts.len() < CONTACTS_MAX
            && walker.place.offset.saturating_sub(offset) < CONTACTS_BYTES_MAX
        {
            let Found::Record(raw) = walker.step()? else { continue };
            let Some(value) = repair::parse(&raw) else { continue };
            let Some(id) = natural(&value, "user_id") else { continue };
            let names: Vec<&str> =
                ["first_name", "last_name"].into_iter().filter_map(|part| text(&value, part)).collect();
            let phone = text(&value, "phone_number").and_then(digits);
            contacts.entry(format!("user{id}")).or_insert(Contact { name: short(&names.join(" ")), phone });
        }
        Ok(Self(contacts))
    }

    /// Somebody, if they are a contact.
    pub(crate) fn get(&self, id: &str) -> Option<&Contact> {
        self.0.get(id)
    }
}

/// The digits of a phone number in international form, which `00` or `+` may stand before.
pub(crate) fn digits(written: &str) -> Option<String> {
    let digits: String = written.chars().filter(char::is_ascii_digit).take(32).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    (!digits.is_empty()).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_digits() {
        assert_eq!(digits("+49 151 1234567").as_deref(), Some("491511234567"));
        assert_eq!(digits("00491511234567").as_deref(), Some("491511234567"));
        assert_eq!(digits(" - "), None);
    }
}
