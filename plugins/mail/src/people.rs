//! How people stand in headers and in bodies.

use std::cell::OnceCell;

use kit::converter::Party;

use crate::{
    clean::single_line,
    header,
    identity::{id_hash, is_mailbox},
};

/// The longest display name.
const NAME_CHARACTERS_MAX: usize = 120;
/// The longest number that is taken for one; E.164 ends at 15, short codes and extensions are kept as they are.
const PHONE_DIGITS_MAX: usize = 32;
/// The readable part of an address made from a name.
const SLUG_BYTES_MAX: usize = 32;
/// The column from which addresses are folded: after `From: `, and never less than after a fold.
const ADDRESS_COLUMN: usize = 6;

/// One person, ready to be written.
#[derive(Debug)]
pub struct Card {
    /// What they are called in subjects and sentences: their name, else their number, else their id.
    pub label: String,
    /// Their address, lower case: who has the same one is the same addressee.
    pub key: String,
    /// Their mailbox as it stands in `From` and `To`.
    pub header: Vec<u8>,
    /// Their line in the body: name, number as the source writes it, mailbox, e-mail property, id.
    pub line: String,
}

/// The batch's people; each card is made when it is first needed.
#[derive(Debug)]
pub struct People<'a> {
    parties: &'a [Party],
    cards: Vec<OnceCell<Card>>,
}

impl<'a> People<'a> {
    /// Nobody's card is made yet.
    pub fn new(parties: &'a [Party]) -> Self {
        Self { parties, cards: parties.iter().map(|_| OnceCell::new()).collect() }
    }

    /// The card of the person at an index of the batch's table; none when there is no such person.
    pub fn card(&self, index: u32) -> Option<&Card> {
        let index = usize::try_from(index).ok()?;
        let party = self.parties.get(index)?;
        Some(self.cards.get(index)?.get_or_init(|| Card::new(party)))
    }
}

impl Card {
    fn new(party: &Party) -> Self {
        let person = &party.person;
        let line_of = |text: &Option<String>| single_line(text.as_deref().unwrap_or_default(), NAME_CHARACTERS_MAX);
        let name = line_of(&person.name);
        let phone = line_of(&person.phone);
        let id = single_line(&person.id, NAME_CHARACTERS_MAX);
        let digits = phone_digits(&phone);
        let shown_phone = match &digits {
            Some(digits) if *digits == phone && is_international(digits) => format!("+{digits}"),
            _ => phone.clone(),
        };
        let label = [&name, &shown_phone, &id].into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();

        let mailbox = party.mailbox.as_deref().map(str::trim).filter(|address| is_mailbox(address));
        let name_is_phone = digits.is_some() && phone_digits(&name) == digits;
        let (display, address) = match (mailbox, &digits) {
            (Some(mailbox), _) => (if name.is_empty() { shown_phone } else { name.clone() }, mailbox.to_owned()),
            (None, Some(digits)) => {
                let display =
                    if name.is_empty() || name_is_phone { shown_phone } else { format!("{name} ({shown_phone})") };
                (display, format!("{digits}@phone.invalid"))
            }
            (None, None) => (label.clone(), format!("{}@name.invalid", local_part(&person.id))),
        };
        let mut header = Vec::with_capacity(display.len() + address.len() + 8);
        header::mailbox(&mut header, &display, &address, ADDRESS_COLUMN);

        let mut line = if name.is_empty() { label.clone() } else { name.clone() };
        let mailbox_as_given = line_of(&party.mailbox);
        let email = line_of(&person.email);
        let facts = [
            ("phone", &phone, true),
            ("mailbox", &mailbox_as_given, true),
            ("e-mail", &email, email != mailbox_as_given),
            ("id", &id, id != name && id != phone && id != email && id != mailbox_as_given),
        ];
        let mut separator = " (";
        for (word, value, wanted) in facts {
            if wanted && !value.is_empty() && *value != line {
                line.push_str(separator);
                line.push_str(word);
                line.push(' ');
                line.push_str(value);
                separator = ", ";
            }
        }
        if separator == ", " {
            line.push(')');
        }
        Self { label, key: address.to_ascii_lowercase(), header, line }
    }
}

/// The digits of a number that holds nothing but digits and the usual signs between them; none for anything else
/// (alphanumeric senders, extensions in words).
fn phone_digits(phone: &str) -> Option<String> {
    let mut digits = String::with_capacity(phone.len());
    for character in phone.chars() {
        match character {
            '0'..='9' => digits.push(character),
            ' ' | '+' | '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2013}' => {}
            _ => return None,
        }
    }
    (1..=PHONE_DIGITS_MAX).contains(&digits.len()).then_some(digits)
}

/// Bare digits of this length and form are a number with its country code, as vendors write them. Shown with `+`;
/// the body has the number as written.
fn is_international(digits: &str) -> bool {
    (11..=15).contains(&digits.len()) && !digits.starts_with('0')
}

/// The local part for somebody without mailbox and number. An id of `a-z0-9`, with `.`, `_`, `-` in between, is taken
/// as it is; any other becomes its readable part, `+`, and a hash: distinct ids stay distinct.
fn local_part(id: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain_words = id.split(['.', '_', '-']).all(|word| !word.is_empty() && word.bytes().all(is_plain));
    if plain_words && id.len() <= 64 {
        return id.to_owned();
    }
    let mut slug = String::with_capacity(SLUG_BYTES_MAX + 17);
    for character in id.chars() {
        if slug.len() >= SLUG_BYTES_MAX {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug_bytes = slug.trim_end_matches('-').len();
    slug.truncate(slug_bytes);
    if slug.is_empty() {
        slug.push_str("person");
    }
    slug.push('+');
    slug.push_str(&id_hash(id));
    slug
}

#[cfg(test)]
mod tests {
    use kit::Person;

    use super::*;

    fn party(id: &str, name: &str, phone: &str, mailbox: &str) -> Party {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Party {
            person: Person { id: id.to_owned(), name: some(name), phone: some(phone), ..Person::default() },
            mailbox: some(mailbox),
        }
    }

    #[test]
    fn headers_name_people() {
        for (id, name, phone, mailbox, header) in [
            ("1", "Anna Lind", "+49 151 12345678", "anna@example.com", "\"Anna Lind\" <anna@example.com>"),
            ("1", "", "4915112345678", "anna@example.com", "\"+4915112345678\" <anna@example.com>"),
            ("anna", "", "", "anna@example.com", "anna@example.com"),
            ("1", "Ben Ode", "4915112345678", "", "\"Ben Ode (+4915112345678)\" <4915112345678@phone.invalid>"),
            ("1", "Ben Ode", "+49 151 12345678", "", "\"Ben Ode (+49 151 12345678)\" <4915112345678@phone.invalid>"),
            ("1", "+49 151 12345678", "4915112345678", "", "\"+4915112345678\" <4915112345678@phone.invalid>"),
            (
                "1",
                "",
                "\u{202a}+49 151\u{a0}12345678\u{202c}",
                "",
                "\"+49 151 12345678\" <4915112345678@phone.invalid>",
            ),
            ("1", "Bank", "0151 2345", "", "\"Bank (0151 2345)\" <01512345@phone.invalid>"),
            ("1", "Bank", "12345", "", "\"Bank (12345)\" <12345@phone.invalid>"),
            ("u024be7lh", "Cleo", "", "", "\"Cleo\" <u024be7lh@name.invalid>"),
            ("VODAFONE", "", "VODAFONE", "", "\"VODAFONE\" <vodafone+511f936cb16ba071@name.invalid>"),
            ("1", "Anna", "+49151", "anna lind@example.com", "\"Anna (+49151)\" <49151@phone.invalid>"),
            ("x", "Anna", "", "anna@example.com\r\nBcc: e@example.com", "\"Anna\" <x@name.invalid>"),
        ] {
            let card = Card::new(&party(id, name, phone, mailbox));
            assert_eq!(String::from_utf8_lossy(&card.header), header, "{id} {name} {phone} {mailbox}");
        }
    }

    #[test]
    fn lines_hold_what_the_source_wrote() {
        for (id, name, phone, mailbox, line) in [
            ("Anna Lind", "Anna Lind", "", "", "Anna Lind"),
            ("4915", "Anna Lind", "4915", "anna@example.com", "Anna Lind (phone 4915, mailbox anna@example.com)"),
            ("U02", "Cleo", "", "", "Cleo (id U02)"),
            ("4915112345678", "", "4915112345678", "", "+4915112345678 (phone 4915112345678)"),
            ("", "", "", "", ""),
        ] {
            assert_eq!(Card::new(&party(id, name, phone, mailbox)).line, line);
        }
    }

    #[test]
    fn ids_become_local_parts() {
        for (id, expected) in [("anna", "anna"), ("anna.lind-2_b", "anna.lind-2_b"), ("u0", "u0")] {
            assert_eq!(local_part(id), expected);
        }
        for (id, slug) in [
            ("Ben Ode", "ben-ode+"),
            ("Jürgen Groß", "j-rgen-gro+"),
            ("日本", "person+"),
            ("", "person+"),
            ("a..b", "a-b+"),
            (".a", "a+"),
            ("a+b", "a-b+"),
        ] {
            let local = local_part(id);
            assert!(local.starts_with(slug) && local.len() == slug.len() + 16, "{local}");
            assert!(is_mailbox(&format!("{local}@name.invalid")), "{local}");
        }
        assert!(local_part(&"x".repeat(500)).len() <= 64);
        assert_ne!(local_part("Ben Ode"), local_part("ben ode"));
    }
}
