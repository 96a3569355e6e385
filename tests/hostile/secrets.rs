//! Secrets: whatever a site does with what it is sent, no secret comes back into words, records or mail.

use std::{fs, path::Path, time::Duration};

use base64::Engine as _;

use super::install;
use crate::support::{
    exports::{Connector, Installation},
    program::{Ran, Running, command},
    site::{Request, SLOW, Site},
};

/// The password that the operator planted.
const PASSWORD: &str = "canary-password-7f3a9c";
/// The token that the site gives for it.
const TOKEN: &str = "canary-token-b81e44d0";

/// Status line with headers, and body.
type Answer = fn(&Request) -> (String, Vec<u8>);

/// How a site may turn what it was sent against the one who sent it.
const CASES: &[(&str, Answer)] = &[
    ("repeats-the-password", |request| (format!("401 Unauthorized\r\nX-You-Said: {PASSWORD}"), echo(request))),
    ("repeats-the-token", |request| match is_login(request) {
        true => token(),
        false => ("403 Forbidden".to_owned(), echo(request)),
    }),
    ("gives-the-token-as-an-id", |request| match is_login(request) {
        true => token(),
        false => (
            "200 OK\r\nContent-Type: application/json".to_owned(),
            format!("{{\"id\":\"{TOKEN}\",\"name\":\"{TOKEN}\"}}").into_bytes(),
        ),
    }),
    ("redirects-with-the-token", |request| match is_login(request) {
        true => token(),
        false => (format!("302 Found\r\nLocation: https://forbidden.example/?token={TOKEN}"), Vec::new()),
    }),
    ("redirects-the-login", |_| {
        (format!("307 Temporary Redirect\r\nLocation: https://forbidden.example/{PASSWORD}"), Vec::new())
    }),
    ("answers-with-no-json", |request| match is_login(request) {
        true => token(),
        false => ("200 OK".to_owned(), format!("not json: {TOKEN} {PASSWORD}").into_bytes()),
    }),
];

#[test]
fn a_secret_is_found_nowhere() {
    let sites: Vec<Site> = CASES.iter().map(|(_, answer)| Site::start(*answer)).collect();
    let installation = Installation::new(&[]);
    let mut toml = "data_dir = \"data\"\n[network]\nallowed_networks = [\"127.0.0.0/8\"]\n".to_owned();
    for ((name, _), site) in CASES.iter().zip(&sites) {
        let origin = site.origin();
        toml += &format!(
            "[[connector]]\nname = \"{name}\"\naccepted_terms = \"1\"\n\
             source = {{ plugin = \"telemessage\", settings = {{ site = \"{origin}\" }}, credential = \"{name}\" }}\n\
             mapper = {{ plugin = \"users\" }}\nconverter = {{ plugin = \"email\" }}\n\
             destinations = [{{ kind = \"maildir\", root = \"mail\", mailboxes = {{ domains = [\"example.com\"] }} }}]\n\
             grant = {{ source = {{ origins = [\"{origin}\"] }} }}\n\
             [credential.{name}]\nscheme = \"login\"\norigins = [\"{origin}\"]\nusername = \"archive\"\npassword = {{ env = \"CANARY\" }}\n"
        );
    }
    installation.put("chancery.toml", toml);
    let runs = [
        &["sync", "--verbose"][..],
        &["sync", "--json", "--log-json", "--verbose"],
        &["status"],
        &["doctor"],
        &["plan"],
    ];
    let mut said: Vec<Ran> = runs.map(|arguments| installation.run_as(arguments, with_canary)).into();
    for (name, _) in CASES {
        said.push(installation.run_as(&["connector", "check", name], with_canary));
        said.push(installation.run_as(&["connector", "show", name], with_canary));
    }
    assert!(sites.iter().all(|site| site.requests() > 0), "every site was asked");
    for secret in [PASSWORD, TOKEN] {
        let base64 = base64::engine::general_purpose::STANDARD.encode(format!("archive:{secret}"));
        for secret in [secret, base64.as_str()] {
            for ran in &said {
                assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran}");
            }
            assert_eq!(files_with(&installation.path(""), secret), Vec::<String>::new());
        }
    }
    assert!(said[0].code != Some(0), "the sites were of no use: {}", said[0]);
}

/// The guest's own memory, looked through from inside after the host signed in and sent a request for it: the site's
/// answer is there, so that a miss means something; what was typed and what the site gave for it are not.
#[test]
fn a_secret_is_not_in_the_memory_of_the_guest() {
    const ANSWER: &str = "public-answer-5c2e";
    let site = Site::start(|request| match is_login(request) {
        true => token(),
        false => {
            let carried = request.head.contains(TOKEN);
            ("200 OK".to_owned(), if carried { ANSWER.into() } else { b"not signed in".to_vec() })
        }
    });
    let origin = site.origin();
    let installation = Installation::new(&[]);
    install(&installation, "misbehaving-source");
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    let hunted = [ANSWER, PASSWORD, TOKEN].map(backwards).join(",");
    let hunter = Connector {
        name: "hunter",
        source: "misbehaving-source.wasm",
        settings: &format!("behave = \"hunts-secret\", site = \"{origin}\", hunt = \"{hunted}\""),
        credential: Some("canary"),
        more: "catch_all = \"anna@example.com\"",
        grant: &format!("origins = [\"{origin}\"]"),
        ..Connector::default()
    };
    let more = format!(
        "[network]\nallowed_networks = [\"127.0.0.0/8\"]\n[credential.canary]\nscheme = \"login\"\n\
         origins = [\"{origin}\"]\nusername = \"archive\"\npassword = {{ env = \"CANARY\" }}\n"
    );
    installation.configure(&[hunter], &more);
    let ran = installation.run_as(&["sync", "--window", "2026-01-01..2026-01-02"], with_canary);
    ran.expect(0);
    let mut found: Vec<String> = installation.mails().iter().map(|mail| mail.text()).collect();
    found.sort_unstable();
    let told = ["observed: 0 found", "observed: 1 not found", "observed: 2 not found"];
    assert_eq!(found.len(), told.len(), "the answer, the password, the token: {found:?} {ran}");
    assert!(found.iter().zip(told).all(|(found, told)| found.contains(told)), "{found:?}");
}

/// A crash leaves no core file, which would hold secrets.
#[test]
fn the_process_leaves_no_core() {
    let site = Site::start(|_| (SLOW.to_owned(), vec![b'x'; 10_000]));
    let installation = Installation::new(&[]);
    let origin = site.origin();
    installation.put(
        "chancery.toml",
        format!(
            "data_dir = \"data\"\n[network]\nallowed_networks = [\"127.0.0.0/8\"]\n[[connector]]\nname = \"slow\"\n\
             accepted_terms = \"1\"\nsource = {{ plugin = \"telemessage\", settings = {{ site = \"{origin}\" }}, credential = \"slow\" }}\n\
             mapper = {{ plugin = \"users\" }}\nconverter = {{ plugin = \"email\" }}\n\
             destinations = [{{ kind = \"maildir\", root = \"mail\", mailboxes = {{ domains = [\"example.com\"] }} }}]\n\
             grant = {{ source = {{ origins = [\"{origin}\"] }} }}\n\
             [credential.slow]\nscheme = \"login\"\norigins = [\"{origin}\"]\nusername = \"archive\"\npassword = {{ env = \"CANARY\" }}\n"
        ),
    );
    let mut command = command(&installation.path(""), &["connector", "check", "slow"]);
    with_canary(&mut command);
    let mut running = Running::start(command);
    let limits = format!("/proc/{}/limits", running.id());
    // Once it has asked, it holds the secret.
    running.wait_until(Duration::from_secs(60), || site.requests() > 0);
    let limits = fs::read_to_string(limits).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    running.kill().expect_killed();
}

fn with_canary(command: &mut std::process::Command) {
    command.env("CANARY", PASSWORD);
}

fn is_login(request: &Request) -> bool {
    request.line.starts_with("POST /v1/session ")
}

fn token() -> (String, Vec<u8>) {
    ("200 OK\r\nContent-Type: application/json".to_owned(), format!("{{\"token\":\"{TOKEN}\"}}").into_bytes())
}

/// Everything that was sent, and what one might guess of it.
fn echo(request: &Request) -> Vec<u8> {
    format!("{{\"error\":{{\"code\":\"{TOKEN}\",\"message\":\"{PASSWORD} {TOKEN}\"}},\"head\":{:?}}}", request.head)
        .into_bytes()
}

/// The files below a folder that hold these bytes.
fn files_with(folder: &Path, secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, secret));
        } else if fs::read(&path).unwrap().windows(secret.len()).any(|bytes| bytes == secret.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}
