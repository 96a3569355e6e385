//! The mapper as a host sees it: `load`, `rows`, `resolve`. A mapping file with what it should come to is a pair of
//! files in `cases/`.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod addresses;
mod cases;
mod encodings;
mod limits;
mod numbers;
mod resolving;
mod settings;

use std::collections::BTreeMap;

use kit::{
    Person,
    mapper::{Directory, Mapper, Question, Resolution, Summary},
};

use crate::Users;

/// A directory that knows these mailboxes, whatever the case of the address, and remembers what it was asked.
#[derive(Default)]
struct Mailboxes {
    known: BTreeMap<String, String>,
    asked: Vec<Vec<String>>,
}

impl Mailboxes {
    fn of(addresses: &[&str]) -> Self {
        let known = addresses.iter().map(|address| (address.to_lowercase(), (*address).to_owned())).collect();
        Self { known, asked: Vec::new() }
    }
}

impl Directory for Mailboxes {
    fn lookup(&mut self, addresses: &[String]) -> Vec<Option<String>> {
        self.asked.push(addresses.to_vec());
        addresses.iter().map(|address| self.known.get(&address.to_lowercase()).cloned()).collect()
    }
}

fn load(mapping: &[u8], settings: &str) -> (Users, Summary) {
    Users::load(mapping, settings).unwrap()
}

/// A question about somebody with this id, asked at the epoch.
fn id(id: &str) -> Question {
    Question { person: Person { id: id.to_owned(), ..Person::default() }, at: 0 }
}

fn resolve(users: &Users, mailboxes: &mut Mailboxes, questions: Vec<Question>) -> Vec<Resolution> {
    users.resolve(mailboxes, questions).unwrap()
}

/// Resolutions as one word each, for tables: the mailbox, `outside`, or the code.
fn word(resolution: &Resolution) -> &str {
    match resolution {
        Resolution::Mailbox(mailbox) => mailbox,
        Resolution::Outside => "outside",
        Resolution::Broken(broken) => &broken.code,
    }
}

/// The lines and codes of a summary's problems.
fn codes(summary: &Summary) -> Vec<(u32, &str)> {
    summary.problems.iter().map(|problem| (problem.line, problem.code.as_str())).collect()
}
