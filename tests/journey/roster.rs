//! `connector check` compares who is registered with the mapping, the mailboxes and what was archived.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use world::Standing;

use crate::support::{
    shared,
    world::{CONNECTOR, World},
};

/// Each finding's count and people, by code.
fn findings(world: &World) -> BTreeMap<String, (u64, Vec<Value>)> {
    let checked = world.done(&["connector", "check", CONNECTOR, "--json"]).json();
    assert_eq!(checked["ok"], true, "{checked}");
    let finding = |finding: &Value| {
        let people = finding["people"].as_array().unwrap().clone();
        assert!(finding["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{finding}");
        (finding["code"].as_str().unwrap().to_owned(), (finding["count"].as_u64().unwrap(), people))
    };
    checked["roster"].as_array().unwrap().iter().map(finding).collect()
}

#[test]
fn the_roster_is_compared_with_mapping_mailboxes_and_what_was_seen() {
    let world = shared::archived().after.copy();
    let people = world.story().people().to_vec();
    let found = findings(&world);

    // Who has no mailbox, each with the reason that their copies are parked for.
    let parked: BTreeMap<_, _> = people
        .iter()
        .filter_map(|person| match person.standing {
            Standing::Parked(reason) => Some((person.phone.clone(), reason)),
            Standing::Mailbox(_) | Standing::Outside => None,
        })
        .collect();
    let (count, listed) = &found["registered-without-mailbox"];
    let digits = |value: &Value| value.as_str().unwrap().trim_start_matches('+').to_owned();
    let listed: BTreeMap<_, _> =
        listed.iter().map(|person| (digits(&person["phone"]), person["reason"].as_str().unwrap())).collect();
    assert_eq!((*count as usize, listed), (parked.len(), parked));

    // Whom the mapping sends elsewhere than the source's address.
    let elsewhere = people.iter().filter(|person| person.email.is_some() && person.mapped.is_some());
    let elsewhere = elsewhere.filter(|person| person.email != person.mapped).count();
    let (count, listed) = &found["mapped-elsewhere"];
    assert_eq!(*count as usize, elsewhere);
    assert!(listed.iter().all(|person| person["mailbox"] != person["email"]), "{listed:?}");

    assert!(!found.contains_key("mapped-to-missing-mailbox"), "{found:?}");
    assert!(!found.contains_key("mapped-not-registered"), "{found:?}");
    let never = found.get("registered-never-seen").map_or(0, |(count, _)| *count);
    assert!(never < people.len() as u64 / 2, "most people were seen: {found:?}");
}

#[test]
fn rows_for_nobody_and_for_mailboxes_that_are_gone_are_named_by_line() {
    let world = shared::archived().after.copy();
    let mapping = fs::read_to_string(world.path("mapping.csv")).unwrap();
    let line = mapping.lines().count() + 1;
    let registered = world.story().people().iter().find(|person| person.mapped.is_none()).unwrap().phone.clone();
    let rows = format!("{mapping}+491601234567,anna.lind@example.com\n{registered},gone@elsewhere.example\n");
    fs::write(world.path("mapping.csv"), rows).unwrap();
    let found = findings(&world);
    let (count, listed) = &found["mapped-not-registered"];
    assert_eq!((*count, &listed[0]["line"], &listed[0]["id"]), (1, &line.into(), &"+491601234567".into()));
    let (count, listed) = &found["mapped-to-missing-mailbox"];
    assert_eq!((*count, &listed[0]["line"]), (1, &(line + 1).into()));

    let said = world.done(&["connector", "check", CONNECTOR]);
    for part in ["look 1 mapped but not registered", &format!("line {line}: +491601234567"), "gone@elsewhere.example"] {
        assert!(said.stdout.contains(part), "`{part}`\n{said}");
    }
    assert!(!said.stderr.contains("1601234567") && !said.stderr.contains("elsewhere"), "{said}");
}

#[test]
fn before_anything_was_read_nobody_is_missed_and_a_bad_mapping_is_said() {
    let world = shared::archived().before.copy();
    assert!(!findings(&world).contains_key("registered-never-seen"));
    fs::write(world.path("mapping.csv"), "External User ID,Microsoft 365 User Mailbox\n1.23E+11,a@example.com\n")
        .unwrap();
    let ran = world.run(&["connector", "check", CONNECTOR]);
    ran.expect(1);
    assert!(ran.stdout.contains("(mapping-problems)") && ran.stdout.contains("hint: mend the lines"), "{ran}");
}
