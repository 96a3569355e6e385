//! Pages, and the ways in which a site can fail to end.

use kit::{
    ErrorKind, Source,
    source::{PullRequest, Reading},
};
use telemessage::Telemessage;

use crate::host::{Answer, DAY, NOON, SETTINGS, Script, items_url};

fn item(key: &str) -> String {
    format!(r#"{{"key":"{key}","event_time_ms":{NOON},"sender":"1234567","recipients":["7654321"]}}"#)
}

fn page(items: &[&str], next: &str) -> Answer {
    let items: Vec<String> = items.iter().map(|key| item(key)).collect();
    Answer::json(format!(r#"{{"items":[{}],"next":{next}}}"#, items.join(",")))
}

#[test]
fn pages_follow_each_other_by_cursor_alone() {
    let mut host = Script::default()
        .with(&items_url(10, None), page(&["b", "a"], r#""p/2""#))
        .with(&items_url(10, Some("p%2F2")), page(&[], r#""p3""#))
        .with(&items_url(10, Some("p3")), page(&["a", "c"], "null"));
    let mut cursor = None;
    let mut ids = Vec::new();
    loop {
        let page = host.pull(SETTINGS, cursor.clone()).unwrap();
        assert_eq!(host.pull(SETTINGS, cursor).unwrap(), page, "asked again, the same");
        ids.extend(page.items.into_iter().map(|item| item.id));
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(ids, ["b", "a", "a", "c"]);
}

#[test]
fn a_site_that_leads_in_a_circle_is_stopped() {
    let circles: [&[(&str, &str)]; 3] = [
        &[("", r#""p1""#), ("p1", r#""p1""#)],
        &[("", r#""p1""#), ("p1", r#""p2""#), ("p2", r#""p1""#)],
        &[("", r#""p1""#), ("p1", r#""p2""#), ("p2", r#""p3""#), ("p3", r#""p4""#), ("p4", r#""p2""#)],
    ];
    for circle in circles {
        let mut host = Script::default();
        for (at, next) in circle {
            host = host.with(&items_url(10, Some(*at).filter(|at| !at.is_empty())), page(&["a"], next));
        }
        let mut cursor = None;
        let error = loop {
            assert!(host.asked.len() < 20);
            match host.pull(SETTINGS, cursor) {
                Ok(page) => cursor = page.cursor,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Other, "cursor-loop"));
    }
}

#[test]
fn the_smaller_of_page_size_and_max_items_is_asked_for_and_held() {
    let request = |max_items| PullRequest {
        reading: Reading::Window(DAY),
        account: "acme".into(),
        bookmark: None,
        cursor: None,
        max_items,
    };
    let mut host = Script::default().with(&items_url(3, None), page(&["a", "b", "c", "d"], "null"));
    let error = Telemessage::pull(&mut host, SETTINGS, request(3)).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Other, "unexpected-answer"));

    let mut host = Script::default().with(&items_url(10, None), page(&["a"], "null"));
    assert_eq!(Telemessage::pull(&mut host, SETTINGS, request(1000)).unwrap().items.len(), 1);
}

#[test]
fn what_is_not_a_page_fails_the_page() {
    let cases = [
        (Answer::http(200, "text/html", "<html>sign in</html>"), ErrorKind::Retry, "unexpected-answer"),
        (Answer::http(503, "text/html", "<html>"), ErrorKind::Retry, "unexpected-answer"),
        (Answer::json(r#"{"items":[{"key":"a""#), ErrorKind::Retry, "unexpected-answer"),
        (Answer::json(r#"{"items":[]}"#), ErrorKind::Other, "unexpected-answer"),
        (Answer::json(r#"{"items":[],"next":""}"#), ErrorKind::Other, "unexpected-answer"),
        (Answer::json(r#"{"items":[],"next":7}"#), ErrorKind::Other, "unexpected-answer"),
        (Answer::json(r#"{"items":{},"next":null}"#), ErrorKind::Other, "unexpected-answer"),
        (Answer::json(r#"[]"#), ErrorKind::Other, "unexpected-answer"),
        (
            Answer::http(200, "application/json", b"{\"items\":[\"\xff\"],\"next\":null}".as_slice()),
            ErrorKind::Other,
            "unexpected-answer",
        ),
        (Answer::http(401, "application/json", r#"{"error":"token-expired"}"#), ErrorKind::Denied, "login-refused"),
        (Answer::http(429, "application/json", ""), ErrorKind::RateLimited, "rate-limited"),
        (Answer::Fails(kit::Error::new(ErrorKind::Denied, "origin-denied", "no")), ErrorKind::Denied, "origin-denied"),
    ];
    for (answer, kind, code) in cases {
        let error = Script::default().with(&items_url(10, None), answer).pull(SETTINGS, None).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (kind, code), "{}", error.message);
        assert!(error.message.len() < 1024);
    }
}

#[test]
fn a_foreign_cursor_and_a_foreign_reading_are_refused() {
    assert_eq!(Script::default().pull(SETTINGS, Some(b"p1".to_vec())).unwrap_err().code, "cursor-unknown");
    let request =
        PullRequest { reading: Reading::Since, account: "acme".into(), bookmark: None, cursor: None, max_items: 1 };
    assert_eq!(Telemessage::pull(&mut Script::default(), SETTINGS, request).unwrap_err().code, "reading-unknown");
}

#[test]
fn deep_nesting_costs_one_item() {
    let deep = format!(r#"{{"event_time_ms":{NOON},"recipients":{}7{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let page = Script::of_items(&format!("{deep},{}", item("a"))).pull(SETTINGS, None).unwrap();
    assert_eq!((page.items.len(), page.unreadable.len()), (1, 1));
}
