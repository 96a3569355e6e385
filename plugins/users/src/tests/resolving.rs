//! Who gets which mailbox.

use kit::{
    Person,
    mapper::{Directory, Mapper, Question, Resolution},
};

use super::{Mailboxes, id, load, resolve, word};

const FILE: &[u8] = b"ExternalUserId,O365UserMailbox,Valid From,Valid To
4915100000001,anna@example.com,,
4915100000002,gone@example.com,,
U2,bert@example.com,,
4915100000003,first@example.com,,2026-11-01
4915100000003,second@example.com,2026-11-01,
4915100000004,one@example.com,,
4915100000004,two@example.com,,
4915100000005,no address,,
";

const KNOWN: [&str; 6] = [
    "Anna@Example.com",
    "bert@example.com",
    "first@example.com",
    "second@example.com",
    "own@example.com",
    "x@elsewhere.test",
];

const NOVEMBER: i64 = 1_793_491_200_000;

/// Settings, a person (id, phone, e-mail property, internal), and what they resolve to with FILE at `at`.
type Case = (&'static str, (&'static str, &'static str, &'static str, bool), i64, &'static str);

fn question(person: (&str, &str, &str, bool), at: i64) -> Question {
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let person = Person {
        id: person.0.to_owned(),
        phone: optional(person.1),
        email: optional(person.2),
        internal: person.3,
        ..Person::default()
    };
    Question { person, at }
}

#[test]
fn the_file_comes_first_then_the_property_then_who_they_are() {
    let ours = r#"{"internal":["example.com","+4930555*","+4915177777777"]}"#;
    let manual = r#"{"automatic":false,"internal":["example.com"]}"#;
    let cases: &[Case] = &[
        ("", ("4915100000001", "", "", false), 0, "Anna@Example.com"),
        // The row wins over the property; the id over the phone.
        ("", ("4915100000001", "", "own@example.com", false), 0, "Anna@Example.com"),
        ("", ("U2", "+49 151 00000001", "", false), 0, "bert@example.com"),
        ("", ("U9", "+49 151 00000001", "", false), 0, "Anna@Example.com"),
        // A row whose mailbox does not exist falls through to the property, and is broken without one.
        ("", ("4915100000002", "", "own@example.com", false), 0, "own@example.com"),
        ("", ("4915100000002", "", "", false), 0, "mailbox-unknown"),
        ("", ("4915100000002", "", "nobody@elsewhere.test", false), 0, "mailbox-unknown"),
        (manual, ("4915100000002", "", "own@example.com", false), 0, "mailbox-unknown"),
        // The number changes hands in November; the interval is half-open.
        ("", ("4915100000003", "", "", false), NOVEMBER - 1, "first@example.com"),
        ("", ("4915100000003", "", "", false), NOVEMBER, "second@example.com"),
        // Rows that cannot be used are not passed over.
        ("", ("4915100000004", "", "own@example.com", false), 0, "mapping-row"),
        ("", ("4915100000005", "", "own@example.com", false), 0, "mapping-row"),
        // No row.
        ("", ("U7", "", "own@example.com", false), 0, "own@example.com"),
        ("", ("U7", "", "Own <mailto:own@EXAMPLE.com>", false), 0, "own@example.com"),
        ("", ("U7", "", "x@elsewhere.test", false), 0, "x@elsewhere.test"),
        ("", ("U7", "", "nobody@example.com", false), 0, "outside"),
        ("", ("U7", "", "", false), 0, "outside"),
        ("", ("U7", "", "", true), 0, "unmapped"),
        ("", ("U7", "", "no address", true), 0, "unmapped"),
        ("", ("U7", "", "no address", false), 0, "outside"),
        ("", ("U7", "", "nobody@elsewhere.test", true), 0, "mailbox-unknown"),
        // Ours by domain, number or prefix.
        (ours, ("U7", "", "nobody@Example.COM", false), 0, "mailbox-unknown"),
        (ours, ("U7", "", "nobody@sub.example.com", false), 0, "outside"),
        (ours, ("4915177777777", "", "", false), 0, "unmapped"),
        (ours, ("U7", "+49 30 555 1234", "", false), 0, "unmapped"),
        (ours, ("U7", "+49 30 556 1234", "", false), 0, "outside"),
        // Without automatic mapping the property still says who is ours.
        (manual, ("U7", "", "own@example.com", false), 0, "unmapped"),
        (manual, ("U7", "", "x@elsewhere.test", false), 0, "outside"),
        (manual, ("4915100000001", "", "", false), 0, "Anna@Example.com"),
    ];
    for &(settings, person, at, expected) in cases {
        let (users, _) = load(FILE, settings);
        let answers = resolve(&users, &mut Mailboxes::of(&KNOWN), vec![question(person, at)]);
        assert_eq!(word(&answers[0]), expected, "{settings} {person:?} {at}");
        if let Resolution::Broken(broken) = &answers[0] {
            assert!(!broken.message.contains("49151"), "a message holds a number: {}", broken.message);
        }
    }
}

#[test]
fn the_directory_is_asked_once_for_each_address_and_only_when_it_matters() {
    let (users, _) = load(FILE, "");
    let mut mailboxes = Mailboxes::of(&KNOWN);
    let questions = vec![
        question(("4915100000001", "", "never-asked@example.com", false), 0),
        question(("4915100000001", "", "", false), 5),
        question(("U7", "", "own@example.com", false), 0),
        question(("U8", "", "OWN@example.com", false), 0),
        question(("U9", "", "own@EXAMPLE.com", false), 0),
        question(("4915100000002", "", "own@example.com", false), 0),
        question(("4915100000002", "", "x@elsewhere.test", false), 0),
    ];
    let together = resolve(&users, &mut mailboxes, questions.clone());
    assert_eq!(
        mailboxes.asked,
        [vec!["OWN@example.com", "anna@example.com", "gone@example.com", "own@example.com"], vec!["x@elsewhere.test"]]
    );
    let one_by_one: Vec<Resolution> =
        questions.into_iter().flat_map(|question| resolve(&users, &mut mailboxes, vec![question])).collect();
    assert_eq!(together, one_by_one, "a batch split or whole gives the same answers");
}

#[test]
fn nothing_to_ask_asks_nothing() {
    let (users, _) = load(b"", "");
    let mut mailboxes = Mailboxes::default();
    assert_eq!(resolve(&users, &mut mailboxes, vec![]), []);
    assert_eq!(resolve(&users, &mut mailboxes, vec![id("4915100000001")]), [Resolution::Outside]);
    assert!(mailboxes.asked.is_empty());
}

#[test]
fn a_directory_that_answers_something_else_is_an_error() {
    struct Mute;
    impl Directory for Mute {
        fn lookup(&mut self, _: &[String]) -> Vec<Option<String>> {
            Vec::new()
        }
    }
    let (users, _) = load(FILE, "");
    let error = users.resolve(&mut Mute, vec![id("4915100000001")]).unwrap_err();
    assert_eq!(error.code, "directory-answer");
}
