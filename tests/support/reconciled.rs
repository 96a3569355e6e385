//! What the record says was delivered, and what reading the mailboxes back found of it.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{
    program::Ran,
    world::{CONNECTOR, World},
};

/// A delivered copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) item: u64,
    pub(crate) copy: u64,
    pub(crate) mailbox: String,
    /// Of its message, in hex.
    pub(crate) sha256: String,
}

/// What became of a copy: mailbox, item, copy, class.
pub(crate) type Finding = (String, u64, u64, String);

/// Every delivered copy, as a bundle lists them.
pub(crate) fn delivered(world: &World) -> Vec<Copy> {
    world.done(&["ledger", "bundle", CONNECTOR, "--window", "2000-01-01..2090-01-01", "--out", "listed"]);
    let items: Value = serde_json::from_slice(&fs::read(world.path("listed/items.json")).unwrap()).unwrap();
    fs::remove_dir_all(world.path("listed")).unwrap();
    let copies = items.as_array().unwrap().iter().flat_map(|item| item["copies"].as_array().unwrap());
    let read = |copy: &Value| {
        Some(Copy {
            item: copy["item"].as_u64()?,
            copy: copy["copy"].as_u64()?,
            mailbox: copy["mailbox"].as_str()?.to_owned(),
            sha256: copy["sha256"].as_str()?.to_owned(),
        })
    };
    copies.filter_map(read).collect()
}

impl Copy {
    /// The finding that it is in this class.
    pub(crate) fn is(&self, class: &str) -> Finding {
        (self.mailbox.clone(), self.item, self.copy, class.to_owned())
    }
}

/// What `reconcile --json` found.
pub(crate) fn findings(ran: &Ran) -> BTreeSet<Finding> {
    let mut found = BTreeSet::new();
    for mailbox in ran.json()["mailboxes"].as_array().unwrap() {
        for finding in mailbox["findings"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let number = |key: &str| finding[key].as_u64().unwrap();
            found.insert((text(&mailbox["mailbox"]), number("item"), number("copy"), text(&finding["class"])));
        }
    }
    found
}

/// How many copies it counted in a class.
pub(crate) fn count(ran: &Ran, class: &str) -> u64 {
    ran.json()["copies"][class].as_u64().unwrap_or_else(|| panic!("no `{class}`\n{ran}"))
}

/// Writes again what is missing.
pub(crate) fn repair(world: &World) -> Ran {
    world.run(&["reconcile", CONNECTOR, "--repair", "--reason", "case 12", "--json"])
}

/// Only reads back.
pub(crate) fn reconcile(world: &World) -> Ran {
    world.run(&["reconcile", CONNECTOR, "--json"])
}
