//! The room as its callers see it: a data folder, and what is let in.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::item::limits::{SESSION_IDLE_TIME_MAX, SESSION_TIME_MAX, SIGN_IN_FREE_ATTEMPTS};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const RECORD: Record<'_> = &|_, _| Ok(());
const PASSWORD: &str = "four words that differ";

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

/// A folder with `anna`, who may administer people.
async fn world() -> (tempfile::TempDir, People) {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(folder.path()).unwrap();
    let link = people.setup_link(0).unwrap();
    assert_eq!(people.follow_link(&link, "anna", secret(PASSWORD), 1, RECORD).await.unwrap(), "anna");
    (folder, people)
}

#[tokio::test]
async fn a_setup_link_works_once_in_time_and_gives_one_right() {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(folder.path()).unwrap();
    let first = people.setup_link(0).unwrap();
    let second = people.setup_link(0).unwrap();
    let late = ms(SETUP_LINK_TIME_MAX);
    for (link, now_ms) in [(&first, 1), (&second, late)] {
        assert_eq!(
            people.follow_link(link, "anna", secret(PASSWORD), now_ms, RECORD).await.unwrap_err().code,
            "people-link"
        );
    }
    let short = people.follow_link(&second, "anna", secret("short"), 1, RECORD).await.unwrap_err();
    assert_eq!(short.code, "people-password", "and the link stays usable");
    people.follow_link(&second, "anna", secret(PASSWORD), 1, RECORD).await.unwrap();
    assert_eq!(people.find("anna").unwrap().rights, Rights::from([Right::AdministerPeople]));
    assert_eq!(people.follow_link(&second, "ben", secret(PASSWORD), 2, RECORD).await.unwrap_err().code, "people-link");
    assert_eq!(people.setup_link(2).unwrap_err().code, "people-link");
}

#[tokio::test]
async fn nothing_that_lets_somebody_in_stands_in_the_file() {
    let (folder, people) = world().await;
    let link = people.add("ben", &Rights::from([Right::Operate]), 1, RECORD).unwrap();
    let scopes = Rights::from([Right::Operate]);
    let life = Duration::from_secs(60);
    let token = people.add_token(&NewToken { name: "ci", scopes, person: Some("ben"), life }, 1, RECORD).unwrap();
    let path = folder.path().join("people/people");
    let text = fs::read_to_string(&path).unwrap();
    for secret in [PASSWORD, link.expose_secret(), token.expose_secret()] {
        assert!(!text.contains(secret));
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let again = People::open(folder.path()).unwrap();
    assert_eq!((again.list(), again.tokens()), (people.list(), people.tokens()));
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_written_does_not_open() {
    let (folder, people) = world().await;
    drop(people);
    let path = folder.path().join("people/people");
    let whole = fs::read_to_string(&path).unwrap();
    let cases = [
        ("changed", whole.replace("administer-people", "read-content")),
        ("torn", whole[..whole.len() - 1].to_owned()),
        ("another format", whole.replacen("people 1", "people 2", 1)),
        ("empty", String::new()),
    ];
    for (case, text) in cases {
        fs::write(&path, text).unwrap();
        assert_eq!(People::open(folder.path()).unwrap_err().code, "people-file", "{case}");
    }
    fs::write(&path, &whole).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(People::open(folder.path()).unwrap_err().code, "people-file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(People::open(folder.path()).unwrap().list().len(), 1);
}

#[tokio::test]
async fn sessions_end_by_idleness_age_signing_out_and_changes_of_rights() {
    let (_folder, people) = world().await;
    let idle = ms(SESSION_IDLE_TIME_MAX);
    let start = async || people.sign_in("anna", secret(PASSWORD), HERE, 0).await.unwrap().secret;
    let session = start().await;
    assert_eq!(people.session(&session, idle - 1).unwrap().name, "anna");
    assert_eq!(people.session(&session, 2 * idle - 1).unwrap_err(), SessionEnd::Expired);
    let old = start().await;
    for now_ms in (0..ms(SESSION_TIME_MAX)).step_by(usize::try_from(idle / 2).unwrap()) {
        people.session(&old, now_ms).unwrap();
    }
    assert_eq!(people.session(&old, ms(SESSION_TIME_MAX)).unwrap_err(), SessionEnd::Expired);
    let out = start().await;
    people.sign_out(&out);
    assert_eq!(people.session(&out, 1).unwrap_err(), SessionEnd::Unknown);
    let before = start().await;
    people.grant("anna", &Rights::from([Right::Evidence]), RECORD).unwrap();
    assert_eq!(people.session(&before, 1).unwrap_err(), SessionEnd::Unknown);
    let reset = start().await;
    people.reset("anna", 1, RECORD).unwrap();
    assert_eq!(people.session(&reset, 1).unwrap_err(), SessionEnd::Unknown);
    assert!(matches!(people.sign_in("anna", secret(PASSWORD), HERE, 1).await, Err(Refused::Wrong)));
}

#[tokio::test]
async fn a_changed_password_ends_the_sessions_that_knew_the_old_one() {
    let (_folder, people) = world().await;
    let stolen = people.sign_in("anna", secret(PASSWORD), HERE, 0).await.unwrap();
    let wrong =
        people.change_password("anna", secret("not it at all"), secret("another long one"), HERE, 1, RECORD).await;
    assert!(matches!(wrong, Err(Refused::Wrong)));
    assert!(people.session(&stolen.secret, 1).is_ok());
    let new =
        people.change_password("anna", secret(PASSWORD), secret("another long one"), HERE, 1, RECORD).await.unwrap();
    assert_eq!(people.session(&stolen.secret, 1).unwrap_err(), SessionEnd::Unknown);
    let session = people.session(&new.secret, 1).unwrap();
    assert!(Session::is_same_secret(&session.form_token, new.session.form_token.expose_secret()));
    assert!(!Session::is_same_secret(&session.form_token, stolen.session.form_token.expose_secret()));
}

#[tokio::test]
async fn guessing_waits_and_a_wrong_name_is_answered_as_a_wrong_password() {
    let (_folder, people) = world().await;
    for name in ["anna", "nobody"] {
        for _ in 0..SIGN_IN_FREE_ATTEMPTS {
            let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, name.len().try_into().unwrap()));
            assert!(matches!(people.sign_in(name, secret("a wrong guess"), address, 0).await, Err(Refused::Wrong)));
        }
        assert!(matches!(people.sign_in(name, secret(PASSWORD), HERE, 0).await, Err(Refused::Wait(_))));
    }
    assert!(people.sign_in("anna", secret(PASSWORD), HERE, 1_000).await.is_ok());
}

#[tokio::test]
async fn somebody_is_left_to_administer_people() {
    let (_folder, people) = world().await;
    let administer = Rights::from([Right::AdministerPeople]);
    assert_eq!(people.revoke("anna", &administer, RECORD).unwrap_err().code, "people-last");
    assert_eq!(people.remove("anna", RECORD).unwrap_err().code, "people-last");
    people.add("ben", &administer, 1, RECORD).unwrap();
    people.revoke("anna", &administer, RECORD).unwrap();
    people.remove("anna", RECORD).unwrap();
    assert_eq!(people.grant("anna", &administer, RECORD).unwrap_err().code, "people-unknown");
}

#[tokio::test]
async fn a_token_never_does_more_than_its_person_may() {
    let (_folder, people) = world().await;
    people.add("ben", &Rights::from([Right::Operate, Right::Evidence]), 1, RECORD).unwrap();
    let life = Duration::from_secs(60);
    let token =
        |name, scopes: &[Right]| NewToken { name, scopes: scopes.iter().copied().collect(), person: Some("ben"), life };
    let refused = [token("none", &[]), token("more", &[Right::ReadContent])];
    for new in refused {
        assert_eq!(people.add_token(&new, 1, RECORD).unwrap_err().code, "token-refused");
    }
    let made = people.add_token(&token("ci", &[Right::Operate, Right::Evidence]), 1, RECORD).unwrap();
    assert_eq!(people.add_token(&token("ci", &[Right::Operate]), 1, RECORD).unwrap_err().code, "token-refused");
    people.revoke("ben", &Rights::from([Right::Operate]), RECORD).unwrap();
    assert_eq!(people.token(&made, 2).unwrap().scopes, Rights::from([Right::Evidence]));
    assert!(people.token(&made, 1 + ms(life)).is_none(), "expired");
    people.revoke_token("ci", RECORD).unwrap();
    assert!(people.token(&made, 2).is_none());
    assert_eq!(people.revoke_token("ci", RECORD).unwrap_err().code, "token-unknown");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done_and_what_is_refused_is_not_recorded() {
    let (folder, people) = world().await;
    let full: Record<'_> = &|_, _| Err(Failure::new("disk-full", crate::item::NextMove::AskPerson, "no space"));
    let operate = Rights::from([Right::Operate]);
    let before = fs::read(folder.path().join("people/people")).unwrap();
    assert_eq!(people.add("ben", &operate, 1, full).unwrap_err().code, "disk-full");
    assert_eq!(people.grant("anna", &operate, full).unwrap_err().code, "disk-full");
    assert_eq!(people.reset("anna", 1, full).unwrap_err().code, "disk-full");
    assert_eq!(fs::read(folder.path().join("people/people")).unwrap(), before);
    assert!(people.sign_in("anna", secret(PASSWORD), HERE, 1).await.is_ok(), "nothing changed in memory either");
    let recorded = Mutex::new(Vec::new());
    let record: Record<'_> = &|verb, subject| {
        recorded.lock().unwrap().push(format!("{verb} {subject}"));
        Ok(())
    };
    assert_eq!(people.remove("anna", record).unwrap_err().code, "people-last");
    people.add("ben", &operate, 1, record).unwrap();
    assert_eq!(*recorded.lock().unwrap(), ["people add ben: operate"]);
}

#[test]
fn the_first_account_can_add_others() {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(folder.path()).unwrap();
    assert_eq!(people.add("anna", &Rights::from([Right::Operate]), 0, RECORD).unwrap_err().code, "people-last");
    people.add("anna", &Rights::from([Right::AdministerPeople]), 0, RECORD).unwrap();
}
