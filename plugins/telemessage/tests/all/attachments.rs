//! Files: there, gone, too large, and not what they seem.

use kit::{Content, Error, ErrorKind, Withheld};

use crate::host::{Answer, NOON, SETTINGS, Script};

fn item(file: &str) -> String {
    format!(r#"{{"key":"k","event_time_ms":{NOON},"type":"file","sender":"1234567","attachments":[{file}]}}"#)
}

const PHOTO: &str = r#"{"id":"a/1","name":"photo.jpg","media_type":"image/jpeg","size":3}"#;
const PHOTO_URL: &str = "/v1/attachments/a%2F1";

fn pull(file: &str, answer: Answer) -> Result<kit::Attachment, Error> {
    let page = Script::of_items(&item(file)).with(PHOTO_URL, answer).pull(SETTINGS, None)?;
    Ok(page.items[0].attachments[0].clone())
}

#[test]
fn bytes_stay_with_the_host() {
    let found = pull(PHOTO, Answer::http(200, "image/jpeg", "abc")).unwrap();
    assert!(matches!(&found.content, Content::Present(blob) if blob.size == 3));
    assert_eq!(
        (found.name.as_deref(), found.media_type.as_deref(), found.size),
        (Some("photo.jpg"), Some("image/jpeg"), Some(3))
    );
    assert_eq!(found.extensions, []);
}

#[test]
fn a_size_that_differs_is_told() {
    let found = pull(PHOTO, Answer::http(200, "image/jpeg", "ab")).unwrap();
    assert_eq!(found.extensions, [("size-differs".to_owned(), "announced 3, received 2".to_owned())]);
}

#[test]
fn the_answers_type_stands_in_for_a_missing_one() {
    let file = r#"{"id":"a/1","name":null,"media_type":null,"size":null}"#;
    let found = pull(file, Answer::http(200, "audio/ogg; codecs=opus", "abc")).unwrap();
    assert_eq!((found.name, found.media_type.as_deref()), (None, Some("audio/ogg")));
}

#[test]
fn what_is_not_there_is_said() {
    let too_large = |limit: Option<&str>| {
        let mut error = Error::new(ErrorKind::Rejected, "too-large", "over the limit");
        error.extensions.extend(limit.map(|limit| ("limit".to_owned(), limit.to_owned())));
        Answer::Fails(error)
    };
    let withheld = |limit| Content::Withheld(Withheld { reason: "too-large".into(), limit });
    let cases = [
        (Answer::http(404, "application/json", "{}"), Content::Missing("expired".into())),
        (Answer::http(410, "application/json", "{}"), Content::Missing("expired".into())),
        (too_large(Some("10485760")), withheld(Some(10_485_760))),
        (too_large(Some("ten")), withheld(None)),
        (too_large(None), withheld(None)),
    ];
    for (answer, expected) in cases {
        let found = pull(PHOTO, answer).unwrap();
        assert_eq!((found.content, found.size), (expected, Some(3)));
    }
    let nameless = Script::of_items(&item(r#"{"name":"photo.jpg"}"#)).pull(SETTINGS, None).unwrap();
    assert_eq!(nameless.items[0].attachments[0].content, Content::Missing("not-found".into()));
}

#[test]
fn other_failures_fail_the_page() {
    let retry = |code: &str| Answer::Fails(Error::new(ErrorKind::Retry, code, "no answer"));
    let cases = [
        (Answer::http(500, "text/plain", ""), ErrorKind::Retry, "unexpected-answer"),
        (Answer::http(400, "text/plain", ""), ErrorKind::Retry, "unexpected-answer"),
        (Answer::http(401, "text/plain", ""), ErrorKind::Denied, "login-refused"),
        (Answer::http(429, "text/plain", ""), ErrorKind::RateLimited, "rate-limited"),
        (Answer::http(200, "text/html; charset=utf-8", "<html>sign in"), ErrorKind::Retry, "unexpected-answer"),
        (retry("no-answer"), ErrorKind::Retry, "no-answer"),
    ];
    for (answer, kind, code) in cases {
        let error = pull(PHOTO, answer).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (kind, code), "{}", error.message);
    }
}

#[test]
fn a_page_made_by_somebody_is_a_file_like_any_other() {
    let file = r#"{"id":"a/1","name":"page.html","media_type":"TEXT/HTML","size":3}"#;
    assert!(matches!(pull(file, Answer::http(200, "text/html", "abc")).unwrap().content, Content::Present(_)));
}

#[test]
fn a_groups_file_is_fetched_once_a_page() {
    let both = [item(PHOTO), item(PHOTO).replace(r#""key":"k""#, r#""key":"l""#)].join(",");
    let mut host = Script::of_items(&both).with(PHOTO_URL, Answer::http(200, "image/jpeg", "abc"));
    let page = host.pull(SETTINGS, None).unwrap();
    assert_eq!(page.items[0].attachments, page.items[1].attachments);
    assert_eq!(host.asked.iter().filter(|url| *url == PHOTO_URL).count(), 1);
}
