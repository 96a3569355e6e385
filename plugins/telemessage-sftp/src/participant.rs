//! Who took part: `First Last Mobile <email>` in the address headers.

use kit::Person;
use mail_parser::{Addr, Address};

use crate::subject::number;

/// The people of an address header, in its order.
pub(crate) fn people(header: Option<&Address<'_>>) -> Vec<Person> {
    header.into_iter().flat_map(Address::iter).filter_map(person).collect()
}

/// The id of a person: the number's digits, else the e-mail address, else the name.
pub(crate) fn id(person: &Person) -> Option<String> {
    let digits = person.phone.as_deref().and_then(number);
    digits.or_else(|| person.email.clone()).or_else(|| person.name.clone())
}

fn person(address: &Addr<'_>) -> Option<Person> {
    let filled = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let mut display = filled(address.name());
    let mut email = filled(address.address());
    // Without angle brackets the whole text stands where an address should.
    if let Some(text) = email.take_if(|email| !email.contains('@')) {
        display = display.or(Some(text));
    }
    let (name, in_name) = display.map_or((None, None), |display| split_mobile(&display));
    let local_part = email.as_deref().and_then(|email| email.split('@').next());
    let in_address = local_part.filter(|local| local.len() >= 7).and_then(number);
    let mut person = Person { name, phone: in_name.or(in_address), email, ..Person::default() };
    person.id = id(&person)?;
    Some(person)
}

/// Splits `First Last 16174354634` (or `+1 617 435 4634`) into name and number: the number is the longest tail of
/// words that is one, of at least five digits, so that `Anna 2` keeps her name.
fn split_mobile(display: &str) -> (Option<String>, Option<String>) {
    let starts = std::iter::once(0).chain(display.match_indices(' ').map(|(at, _)| at + 1));
    for start in starts {
        let (name, tail) = display.split_at(start);
        let tail = tail.trim();
        let is_mobile = tail.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '(')
            && number(tail).is_some_and(|digits| digits.len() >= 5);
        if is_mobile {
            let name = name.trim();
            return ((!name.is_empty()).then(|| name.to_owned()), Some(tail.to_owned()));
        }
    }
    (Some(display.to_owned()), None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn participants_are_read() {
        let cases = [
            ("Anna Lind 16174354634 <anna@example.com>", "16174354634|Anna Lind|16174354634|anna@example.com"),
            ("\"Lind, Anna +1 617 435 4634\" <a@example.com>", "16174354634|Lind, Anna|+1 617 435 4634|a@example.com"),
            ("16174354634 <anna@example.com>", "16174354634|-|16174354634|anna@example.com"),
            ("Anna Lind <anna@example.com>", "anna@example.com|Anna Lind|-|anna@example.com"),
            ("Anna 2 <anna@example.com>", "anna@example.com|Anna 2|-|anna@example.com"),
            ("anna@example.com", "anna@example.com|-|-|anna@example.com"),
            ("16174354634@sms.example.com", "16174354634|-|16174354634|16174354634@sms.example.com"),
            ("=?utf-8?B?w4VzYSA0NjcwMTIzNDU2?= <asa@example.com>", "4670123456|Åsa|4670123456|asa@example.com"),
        ];
        for (header, expected) in cases {
            let mail = format!("From: {header}\r\n\r\n");
            let message = MessageParser::default().parse(&mail).unwrap();
            let people = people(message.from());
            let [person] = people.as_slice() else { panic!("{header}: {people:?}") };
            let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".into());
            let told = [person.id.clone(), text(&person.name), text(&person.phone), text(&person.email)].join("|");
            assert_eq!(told, expected, "{header}");
        }
    }
}
