#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::collections::BTreeSet;

use kit::Person;

use super::*;

/// Has Anna's mailbox.
struct Anna;

impl Directory for Anna {
    fn lookup(&mut self, addresses: &[String]) -> Vec<Option<String>> {
        addresses.iter().map(|address| (address == "anna@example.com").then(|| address.clone())).collect()
    }
}

fn question(email: Option<&str>) -> Question {
    Question { person: Person { id: "x".to_owned(), email: email.map(str::to_owned), ..Person::default() }, at: 0 }
}

fn resolve(settings: &str) -> Result<Vec<Resolution>, Error> {
    let questions = vec![question(None), question(Some("anna@example.com")), question(Some("ben@example.com"))];
    Misbehaving::load(b"", settings)?.0.resolve(&mut Anna, questions)
}

#[test]
fn every_behaviour_has_one_kebab_case_name() {
    let names = behaviours();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))));
}

#[test]
fn left_alone_it_answers_by_the_directory() {
    let anna = Resolution::Mailbox("anna@example.com".to_owned());
    assert_eq!(resolve("{}").unwrap(), [Resolution::Outside, anna, Resolution::Outside]);
}

#[test]
fn settings_that_cannot_be_used_are_errors() {
    for (settings, code) in [("", "bad-settings"), (r#"{"behave":"be-nice"}"#, "unknown-behaviour")] {
        assert_eq!(resolve(settings).unwrap_err().code, code, "{settings}");
    }
}

#[test]
fn every_lie_differs_from_the_truth() {
    let honest = resolve("{}").unwrap();
    for (name, lie) in lie::BEHAVIOURS.iter().filter(|(name, _)| *name != "other-every-time") {
        assert_ne!(lie(honest.clone()), Ok(honest.clone()), "{name}");
    }
    for (name, lie) in lie::ABOUT_THE_FILE {
        assert!(!lie().is_empty(), "{name}");
    }
}
