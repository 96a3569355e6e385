//! What is refused before anybody looks at it, and what every answer carries.

use chancery::item::limits;

use super::{Console, PASSWORD};

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let console = Console::start();
    let mut anna = console.anna();
    let pages = ["/people", "/account", "/sign-in", "/nothing", "/assets/console.css", "/api/v1/nothing", "/link/x"];
    for path in pages {
        let page = anna.get(path);
        let header = |name: &str| page.headers.get(name).map_or("", String::as_str);
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(!header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff", "same-origin"), "{path}");
        let kept = header("cache-control");
        assert_eq!(kept == "no-store", !path.starts_with("/assets/"), "{path}: {kept}");
        // What the policy forbids is not there.
        for forbidden in [" style=", " onclick=", "<style", "javascript:", "http-equiv", "//cdn"] {
            assert!(!page.body.contains(forbidden), "{forbidden} in {path}");
        }
    }
    let program = anna.get("/api/v1/nothing");
    assert_eq!(program.headers["content-type"], "application/problem+json");
    assert_eq!(program.json()["status"], program.status);
    console.served.stop().expect(0);
}

#[test]
fn a_form_of_another_origin_or_session_does_nothing() {
    let console = Console::start();
    let mut anna = console.anna();
    let token = anna.get("/people").expect(200).form_token();
    let other = console.anna().get("/people").form_token();
    let body = |token: &str| format!("form_token={token}&name=eve&right=administer-people");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let here = format!("http://{}", console.served.address());
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], String, u16);
    let cases: [Case<'_>; 8] = [
        ("another site", &[form, ("Origin", "https://evil.example")], body(&token), 403),
        ("a sandboxed frame", &[form, ("Origin", "null")], body(&token), 403),
        ("another site's fetch", &[form, ("Sec-Fetch-Site", "cross-site")], body(&token), 403),
        ("another session's form", &[form, ("Origin", &here)], body(&other), 403),
        ("no token", &[form, ("Origin", &here)], "name=eve".to_owned(), 403),
        ("an empty token", &[form, ("Origin", &here)], body(""), 403),
        ("another kind of body", &[("Content-Type", "text/plain"), ("Origin", &here)], body(&token), 415),
        ("another name of this host", &[form, ("Host", "evil.example")], body(&token), 421),
    ];
    for (what, headers, body, status) in cases {
        let answer = anna.ask("POST", "/people", headers, body.as_bytes());
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }
    let people = console.world.done(&["people", "list", "--json"]).json();
    assert_eq!(people.as_array().unwrap().len(), 1, "{people}");
    anna.post("/people", &[("form_token", &token), ("name", "ben")]).expect(200);
    console.served.stop().expect(0);
}

#[test]
fn an_old_session_leads_to_signing_in_and_back() {
    let console = Console::start();
    let mut anna = console.anna();
    let stolen = anna.clone();
    anna.send("/account", "/sign-out", &[]).leads_to("/sign-in");
    let mut thief = stolen.clone();
    thief.get("/people?x=1").leads_to("/sign-in?next=%2Fpeople%3Fx%3D1");
    assert_eq!(thief.session, None, "the browser forgets it");
    let mut thief = stolen;
    thief.post("/people", &[("name", "eve")]).leads_to("/sign-in?next=%2Fpeople");
    let sent = [("name", "anna"), ("password", PASSWORD), ("next", "/people?x=1")];
    console.visitor().post("/sign-in", &sent).leads_to("/people?x=1");
    let sent = [("name", "anna"), ("password", PASSWORD), ("next", "//evil.example/")];
    console.visitor().post("/sign-in", &sent).leads_to("/");
    console.served.stop().expect(0);
}

#[test]
fn guessing_is_slowed_down_and_a_wrong_name_looks_like_a_wrong_password() {
    let console = Console::start();
    let mut answers = std::collections::BTreeSet::new();
    for name in ["anna", "nobody"] {
        let page = console.visitor().sign_in(name, "a wrong guess of mine").expect(401);
        answers.insert(page.body.replace(name, "NAME"));
    }
    assert_eq!(answers.len(), 1, "one can tell an account from none: {answers:?}");
    let mut statuses = Vec::new();
    for _ in 0..limits::SIGN_IN_FREE_ATTEMPTS + 2 {
        statuses.push(console.visitor().sign_in("anna", "a wrong guess of mine").status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    console.visitor().sign_in("anna", PASSWORD).expect(429);
    console.served.stop().expect(0);
}

#[test]
fn a_body_that_is_too_large_is_refused_in_words() {
    let console = Console::start();
    let mut anna = console.anna();
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let large = vec![b'a'; limits::CONSOLE_BODY_BYTES_MAX + 1];
    let refused = anna.ask("POST", "/people", &[form], &large).expect(413);
    assert!(refused.body.contains("Too large"), "{}", refused.body);
    anna.ask("POST", "/sign-in", &[form], &large).expect(413);
    anna.get("/people").expect(200);
    console.served.stop().expect(0);
}

#[test]
fn only_who_may_sees_the_pages_of_people() {
    let console = Console::start();
    let rights = ["administer-connectors", "operate", "read-content", "evidence"];
    let mut ben = console.with_rights("ben", &rights);
    let token = ben.get("/account").expect(200).form_token();
    ben.get("/people").expect(403);
    ben.get("/people/anna").expect(403);
    for path in ["/people", "/people/anna", "/people/anna/reset", "/people/anna/remove"] {
        let fields = [("form_token", &*token), ("name", "eve"), ("before", ""), ("sure", "yes")];
        ben.post(path, &fields).expect(403);
    }
    console.visitor().sign_in("anna", PASSWORD).leads_to("/");
    console.visitor().get("/people").leads_to("/sign-in?next=%2Fpeople");
    console.served.stop().expect(0);
}
