//! The account, its users, its counts.

use kit::{ErrorKind, PluginKind, ReadingMode, Source};
use telemessage::Telemessage;

use crate::host::{Answer, DAY, SETTINGS, Script};

const ACCOUNT: &str = r#"{"id":"acme","name":"Acme Ltd","archivers":["whatsapp-phone","whatsapp-cloud"]}"#;

fn site(account: &str) -> Script {
    Script::default()
        .with("/v1/account", Answer::json(account))
        .with(
            "/v1/users?limit=10",
            Answer::json(
                r#"{"users":[{"user_id":"u1","phone":"4915112345678","name":"Anna","email":"anna@example.com","archivers":[],"status":"active"}],"next":"2"}"#,
            ),
        )
        .with(
            "/v1/users?limit=10&cursor=2",
            Answer::json(r#"{"users":[{"user_id":null,"phone":"12124325249","email":null,"status":"suspended"}],"next":null}"#),
        )
}

#[test]
fn check_tells_what_it_found() {
    let account = Telemessage::check(&mut site(ACCOUNT), SETTINGS).unwrap();
    assert_eq!((account.id.as_str(), account.name.as_str()), ("acme", "Acme Ltd"));
    assert_eq!(
        account.findings,
        [
            "users: 2, of them suspended: 1",
            "users without an e-mail address: 1; only a mapping file can give them a mailbox",
            "archivers of the account: whatsapp-phone, whatsapp-cloud",
        ]
    );
    let account = Telemessage::check(&mut site(&ACCOUNT.replace("whatsapp-", "whatsappx-")), SETTINGS).unwrap();
    assert!(account.findings[2].starts_with("warning: the account has no archiver for `whatsapp`"));
}

#[test]
fn check_refuses_an_account_without_id_and_a_refused_login() {
    let error = Telemessage::check(&mut site(r#"{"id":"","name":"x"}"#), SETTINGS).unwrap_err();
    assert_eq!(error.code, "unexpected-answer");
    let mut refusing = site(ACCOUNT).with("/v1/account", Answer::http(401, "application/json", "{}"));
    let error = Telemessage::check(&mut refusing, SETTINGS).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Denied, "login-refused"));
    assert!(error.hint.unwrap().contains("chancery secret set telemessage"));
}

#[test]
fn the_roster_is_read_to_its_end_and_everybody_in_it_is_internal() {
    let people = Telemessage::roster(&mut site(ACCOUNT), SETTINGS).unwrap().unwrap();
    let told: Vec<_> = people.iter().map(|p| (p.id.as_str(), p.email.as_deref(), p.internal)).collect();
    assert_eq!(told, [("4915112345678", Some("anna@example.com"), true), ("12124325249", None, true)]);
}

#[test]
fn a_roster_without_end_or_with_a_ghost_is_an_error() {
    let mut endless = site(ACCOUNT).with("/v1/users?limit=10&cursor=2", Answer::json(r#"{"users":[],"next":"2"}"#));
    assert_eq!(Telemessage::roster(&mut endless, SETTINGS).unwrap_err().code, "cursor-loop");
    let mut ghost = site(ACCOUNT).with("/v1/users?limit=10&cursor=2", Answer::json(r#"{"users":[{}],"next":null}"#));
    let error = Telemessage::roster(&mut ghost, SETTINGS).unwrap_err();
    assert!(error.message.contains("number 1"), "{}", error.message);
}

#[test]
fn totals_are_the_sites_count() {
    let url = format!("/v1/items/count?from={}&to={}&archiver=whatsapp", DAY.start, DAY.end);
    let mut host = Script::default().with(&url, Answer::json(r#"{"count":42}"#));
    assert_eq!(Telemessage::totals(&mut host, SETTINGS, "acme", DAY).unwrap().unwrap().observations, 42);
    let mut host = Script::default().with(&url, Answer::json(r#"{"count":-1}"#));
    assert_eq!(Telemessage::totals(&mut host, SETTINGS, "acme", DAY).unwrap_err().code, "unexpected-answer");
}

#[test]
fn the_descriptor_is_complete() {
    let descriptor = Telemessage::describe();
    assert_eq!(
        (descriptor.name.as_str(), descriptor.origin_settings.as_slice()),
        ("telemessage", &["site".to_owned()][..])
    );
    let PluginKind::Source(traits) = descriptor.kind else { panic!("a source") };
    assert_eq!((traits.reading, traits.default_folder.as_str()), (ReadingMode::Windowed, "WhatsApp Archiver"));
    assert!(traits.terms.is_some() && !traits.data_flow.is_empty() && traits.prerequisites.len() == 4);
}
