//! The book of people: what the file holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    link::Link,
    rights::{Right, Rights},
    token::Token,
};
use crate::item::{
    Failure, NextMove,
    limits::{PEOPLE_MAX, PERSON_NAME_BYTES_MAX},
};

/// A person with an account here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// How they sign in, and how the ledger names them.
    pub name: String,
    /// What they may do.
    pub rights: Rights,
    /// When they were added.
    pub added_at_ms: i64,
    /// argon2id as a PHC string; none until they have followed their link.
    pub(super) password: Option<String>,
}

impl Person {
    /// Whether they can sign in.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) people: BTreeMap<String, Person>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) links: Vec<Link>,
}

impl Book {
    pub(super) fn add(&mut self, name: &str, rights: Rights, now_ms: i64) -> Result<(), Failure> {
        check_name(name)?;
        if self.people.contains_key(name) {
            return Err(name_failure(format!("there is an account `{name}` already"))
                .hint(format!("give it rights: `chancery people grant {name} RIGHT`")));
        }
        if self.people.len() >= PEOPLE_MAX {
            return Err(name_failure(format!("there are {PEOPLE_MAX} accounts, and no more are kept")));
        }
        let person = Person { name: name.to_owned(), rights, added_at_ms: now_ms, password: None };
        self.people.insert(name.to_owned(), person);
        Ok(())
    }

    pub(super) fn person(&mut self, name: &str) -> Result<&mut Person, Failure> {
        self.people.get_mut(name).ok_or_else(|| unknown(name))
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), Failure> {
        self.people.remove(name).ok_or_else(|| unknown(name))?;
        self.tokens.retain(|_, token| token.person.as_deref() != Some(name));
        self.links.retain(|link| link.person.as_deref() != Some(name));
        Ok(())
    }

    /// Whether somebody can give rights.
    pub(super) fn is_administered(&self) -> bool {
        self.people.values().any(|person| person.rights.contains(&Right::AdministerPeople))
    }

    /// Where somebody could give rights, somebody still can.
    pub(super) fn check_administered(&self, before: bool) -> Result<(), Failure> {
        if self.is_administered() || !before {
            return Ok(());
        }
        Err(Failure::new("people-last", NextMove::AskPerson, "nobody would be left who may administer people")
            .hint("give somebody else that right first: `chancery people grant NAME administer-people`"))
    }
}

pub(super) fn unknown(name: &str) -> Failure {
    let message = match check_name(name) {
        Ok(()) => format!("there is no account `{name}`"),
        Err(_) => "there is no such account".to_owned(),
    };
    Failure::new("people-unknown", NextMove::AskPerson, message).hint("`chancery people list` has them")
}

fn name_failure(message: impl Into<String>) -> Failure {
    Failure::new("people-name", NextMove::AskPerson, message)
}

/// A name is shown in pages and the ledger: one form, nothing to be mixed up.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.@+".contains(&byte);
    if (1..=PERSON_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    let message = format!("that cannot be a name: 1 to {PERSON_NAME_BYTES_MAX} lower-case letters, digits and `-_.@+`");
    Err(name_failure(message).hint("a user name or an e-mail address in lower case will do"))
}
