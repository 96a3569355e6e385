//! Answers, good and bad, to the steps of a source made up here.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use bytes::Bytes;

use super::{
    catalogue::{Catalogue, Offer, askable},
    destination::KINDS,
    *,
};
use crate::{
    catalog::schema::Schema,
    config::Config,
    item::{
        Descriptor, PluginKind, ReadingMode,
        descriptor::{CredentialScheme, CredentialWish, Prerequisite, SourceTraits, Terms},
        limits::{CONNECTOR_NAME_BYTES_MAX, SETUP_ANSWER_BYTES_MAX, SETUP_SETTINGS_MAX},
    },
};

const SETTINGS: &str = r#"{ "type": "object", "required": ["site"], "properties": {
    "site": { "type": "string", "format": "uri", "title": "Site" },
    "pages": { "type": "integer", "minimum": 1, "maximum": 10, "default": 5 },
    "deep": { "type": "boolean", "default": false },
    "only": { "type": "array", "items": { "type": "string" } },
    "names": { "type": "object", "additionalProperties": { "type": "string" } },
    "owner": { "oneOf": [{ "type": "string" }, { "type": "object", "properties": { "from": { "type": "string" } } }] } } }"#;

const MAPPER: &str = r#"{ "type": "object", "properties": {
    "automatic": { "type": "boolean", "default": true },
    "internal": { "type": "array", "items": { "type": "string" }, "default": [] } } }"#;

fn catalogue() -> Catalogue {
    let traits = SourceTraits {
        reading: ReadingMode::Windowed,
        prerequisites: vec![
            Prerequisite { id: "ordered".into(), text: "It is ordered.".into(), checked: false },
            Prerequisite { id: "reached".into(), text: "It is reached.".into(), checked: true },
        ],
        terms: Some(Terms { version: "2".into(), text: "Be kind.".into() }),
        data_flow: "From there to here.".into(),
        default_folder: "Chats".into(),
        folder_setting: None,
        file_endings: Vec::new(),
    };
    let wish =
        CredentialWish { name: "account".into(), scheme: CredentialScheme::Basic, summary: "An account.".into() };
    let descriptor = Descriptor {
        name: "chat".into(),
        version: "1.0.0".into(),
        summary: "Chats.".into(),
        settings_schema: SETTINGS.into(),
        credentials: vec![wish],
        origins: vec!["https://login.example".into()],
        origin_settings: vec!["site".into()],
        kind: PluginKind::Source(traits.clone()),
        extensions: Vec::new(),
    };
    let offer =
        Offer { plugin: "chat".into(), descriptor, traits, wishes: vec!["a lot".into()], schema: askable(SETTINGS) };
    Catalogue { offers: vec![offer], mapper: Schema::parse(MAPPER).unwrap(), taken: vec!["taken".into()] }
}

fn answers(pairs: &[(&str, &str)]) -> Answers {
    pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
}

/// Good answers to every step.
const GOOD: [(Step, &[(&str, &str)]); 8] = [
    (Step::Source, &[("plugin", "chat"), ("name", "chats")]),
    (Step::Terms, &[("prerequisite-ordered", "yes"), ("terms", "yes")]),
    (Step::Grant, &[("granted", "yes")]),
    (
        Step::Settings,
        &[
            ("site", "https://chat.example/base"),
            ("pages", "5"),
            ("deep", "yes"),
            ("only", "a, b\nc"),
            ("names", "anna = Anna\nben = Ben = the second"),
            ("owner", "{\"from\": \"name\"}"),
            ("credential-username", "archive"),
            ("credential-secret", "hidden words"),
        ],
    ),
    (Step::Destination, &[("kind", "maildir")]),
    (Step::DestinationSettings, &[("root", "mail"), ("domains", "example.com")]),
    (Step::Mapping, &[("automatic", "no"), ("internal", "example.com")]),
    (Step::Schedule, &[("schedule", "hourly"), ("since", "2026-11-01"), ("folder", "Chats \"2\"")]),
];

/// A draft in which the steps before this one are answered.
fn until(step: Step, catalogue: &Catalogue) -> Draft {
    let mut draft = Draft::default();
    for (of, pairs) in GOOD.iter().take_while(|(of, _)| *of != step) {
        assert_eq!(draft.take(*of, &answers(pairs), None, catalogue), Ok(()), "{of:?}");
    }
    draft
}

#[test]
fn good_answers_make_a_file_that_means_them_and_holds_no_secret() {
    let catalogue = catalogue();
    let draft = until(Step::Review, &catalogue);
    assert_eq!(draft.next(), Step::Review);
    let file = file::of(&draft, &catalogue, 0).unwrap();
    assert!(!file.text.contains("hidden words"), "{}", file.text);
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("chancery.toml");
    std::fs::write(&main, "").unwrap();
    let config = Config::load_with(&main, Some((&folder.path().join("chats.toml"), &file.text))).unwrap();
    let connector = config.connector("chats").unwrap();
    let settings = serde_json::json!({
        "site": "https://chat.example/base", "deep": true, "only": ["a", "b", "c"],
        "names": { "anna": "Anna", "ben": "Ben = the second" }, "owner": { "from": "name" },
    });
    assert_eq!(serde_json::Value::Object(connector.source.plugin.settings.clone()), settings, "{}", file.text);
    assert_eq!(connector.source.origins, ["https://login.example", "https://chat.example"]);
    assert_eq!((connector.folder.as_deref(), connector.accepted_terms.as_deref()), (Some("Chats \"2\""), Some("2")));
    assert_eq!(config.credentials["chats"].origins, connector.source.origins);
    assert_eq!(connector.destinations.len(), 1);
}

#[test]
fn bad_answers_are_told_at_their_field_and_change_nothing() {
    let long = "x".repeat(SETUP_ANSWER_BYTES_MAX + 1);
    let long_name = "x".repeat(CONNECTOR_NAME_BYTES_MAX + 1);
    let good = |step| GOOD.iter().find(|(of, _)| *of == step).unwrap().1;
    let cases: [(Step, &str, &str); 27] = [
        (Step::Source, "name", ""),
        (Step::Source, "name", "taken"),
        (Step::Source, "name", "../etc"),
        (Step::Source, "name", "Chats"),
        (Step::Source, "name", "<script>"),
        (Step::Source, "name", &long_name),
        (Step::Source, "plugin", "another"),
        (Step::Terms, "terms", "no"),
        (Step::Terms, "terms", "perhaps"),
        (Step::Terms, "prerequisite-ordered", ""),
        (Step::Grant, "granted", "no"),
        (Step::Settings, "site", ""),
        (Step::Settings, "site", "nowhere"),
        (Step::Settings, "site", "https://a.example/\u{0}"),
        (Step::Settings, "site", &long),
        (Step::Settings, "pages", "many"),
        (Step::Settings, "pages", "11"),
        (Step::Settings, "deep", "deeply"),
        (Step::Settings, "names", "no equals sign"),
        (Step::Settings, "owner", "{ \"from\": "),
        (Step::Settings, "credential-username", ""),
        (Step::Settings, "credential-secret", ""),
        (Step::Destination, "kind", "paper"),
        (Step::DestinationSettings, "domains", ""),
        (Step::Schedule, "schedule", "now and then"),
        (Step::Schedule, "since", "tomorrow"),
        (Step::Schedule, "folder", "two\nlines"),
    ];
    let catalogue = catalogue();
    for (step, field, text) in cases {
        let mut draft = until(step, &catalogue);
        let before = format!("{draft:?}");
        let mut sent = answers(good(step));
        sent.insert(field.to_owned(), text.to_owned());
        let shown = text.chars().take(40).collect::<String>();
        let problems = draft.take(step, &sent, None, &catalogue).expect_err(&format!("{field} = {shown}"));
        assert_eq!(
            problems.iter().map(|problem| &*problem.field).collect::<Vec<_>>(),
            [field],
            "{shown}: {problems:?}"
        );
        assert!(!problems[0].message.is_empty() && problems[0].message.len() < 300, "{problems:?}");
        assert_eq!(format!("{draft:?}"), before, "{field} = {shown}");
    }
}

#[test]
fn steps_are_taken_in_order_and_a_changed_source_is_asked_anew() {
    let catalogue = catalogue();
    let mut draft = Draft::default();
    let early = draft.take(Step::Schedule, &answers(GOOD[7].1), None, &catalogue);
    assert_eq!(early.unwrap_err()[0].field, "");
    let mut draft = until(Step::Review, &catalogue);
    assert!(draft.may_see(Step::Source) && draft.may_see(Step::Review));
    draft.take(Step::Source, &answers(&[("plugin", "chat"), ("name", "other")]), None, &catalogue).unwrap();
    assert_eq!(draft.next(), Step::Terms);
    assert!(!draft.has_secret(Step::Settings), "what was given to one source is not given to another");
    assert!(file::of(&draft, &catalogue, 0).unwrap().secrets.is_empty());
}

#[test]
fn a_secret_is_kept_when_its_field_is_left_empty_and_is_never_shown() {
    let catalogue = catalogue();
    let mut draft = until(Step::Review, &catalogue);
    let mut sent = answers(GOOD[3].1);
    sent.remove("credential-secret");
    draft.take(Step::Settings, &sent, None, &catalogue).unwrap();
    let form = draft.form(Step::Settings, &catalogue);
    let secret = form.fields.iter().find(|field| field.kind == Kind::Secret).unwrap();
    assert_eq!(draft.shown(Step::Settings, secret), "");
    assert!(!format!("{draft:?}").contains("hidden words"));
    let file = file::of(&draft, &catalogue, 0).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&file.secrets[0].1.secret()), "hidden words");
}

#[test]
fn several_destinations_have_credentials_of_their_own() {
    let catalogue = catalogue();
    let mut draft = until(Step::Destination, &catalogue);
    let steps: [(Step, &[(&str, &str)]); 4] = [
        (Step::Destination, &[("kind", "imap")]),
        (
            Step::DestinationSettings,
            &[
                ("host", "mail.example"),
                ("domains", "example.com"),
                ("credential-username", "archive"),
                ("credential-secret", "one"),
                ("another", "yes"),
            ],
        ),
        (Step::Destination, &[("kind", "graph")]),
        (
            Step::DestinationSettings,
            &[
                ("cloud", "global"),
                ("domains", "example.com"),
                ("credential-token-url", "https://login.microsoftonline.com/x/oauth2/v2.0/token"),
                ("credential-client-id", "y"),
                ("credential-secret", "two"),
            ],
        ),
    ];
    for (step, pairs) in steps {
        assert_eq!(draft.next(), step);
        draft.take(step, &answers(pairs), None, &catalogue).unwrap();
    }
    draft.take(Step::Mapping, &answers(GOOD[6].1), Some(Bytes::from_static(b"a,b")), &catalogue).unwrap();
    draft.take(Step::Schedule, &answers(GOOD[7].1), None, &catalogue).unwrap();
    let file = file::of(&draft, &catalogue, 0).unwrap();
    let names: Vec<&str> = file.secrets.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        (names, file.mapping.as_deref()),
        (vec!["chats", "chats-to-1", "chats-to-2"], Some("mappings/chats.csv"))
    );
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("chancery.toml");
    std::fs::write(&main, "").unwrap();
    let config = Config::load_with(&main, Some((&folder.path().join("chats.toml"), &file.text)));
    assert_eq!(config.unwrap_or_else(|error| panic!("{error}\n{}", file.text)).connectors[0].destinations.len(), 2);
}

#[test]
fn a_schema_that_no_form_can_ask_for_is_said_so() {
    let many: Vec<String> =
        (0..=SETUP_SETTINGS_MAX).map(|number| format!("\"s{number}\": {{ \"type\": \"string\" }}")).collect();
    let cases = [
        ("not JSON", "{"),
        ("another type", "{ \"type\": \"array\" }"),
        ("an unknown keyword", "{ \"type\": \"object\", \"properties\": { \"a\": { \"$ref\": \"x\" } } }"),
        ("enormous", &format!("{{ \"type\": \"object\", \"properties\": {{ {} }} }}", many.join(","))),
    ];
    for (what, text) in cases {
        assert!(askable(text).is_err(), "{what}");
    }
}

#[test]
fn the_schemas_of_destinations_are_askable() {
    for kind in KINDS {
        assert!(kind.schema().is_ok_and(|schema| schema.properties().count() > 0), "{}", kind.name);
    }
}
