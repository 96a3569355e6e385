//! Each right alone: what it may see and do, by page and by API, and that it may nothing else.

use std::collections::BTreeSet;

use chancery::people::Right;

use super::Console;
use crate::support::visitor::{Page, Visitor};

/// A page or an act, and the rights of which any one is enough. None: everybody who is let in.
struct Route {
    method: &'static str,
    path: &'static str,
    rights: &'static [&'static str],
    /// What a form or document of it holds, so that nothing but the right decides.
    body: &'static str,
}

const fn get(path: &'static str, rights: &'static [&'static str]) -> Route {
    Route { method: "GET", path, rights, body: "" }
}

const fn post(path: &'static str, rights: &'static [&'static str], body: &'static str) -> Route {
    Route { method: "POST", path, rights, body }
}

const CONNECTORS: &[&str] = &["administer-connectors"];
const OPERATE: &[&str] = &["operate"];
const CONTENT: &[&str] = &["read-content"];
const EVIDENCE: &[&str] = &["evidence"];
const PEOPLE: &[&str] = &["administer-people"];
/// Two rights together.
const NOBODY: &[&str] = &["evidence and read-content"];
const RECORD: &[&str] = &["operate", "evidence", "read-content"];
const CONFIGURED: &[&str] = &["administer-connectors", "operate", "evidence"];

/// Nothing here changes what the next line needs: names that are not there are found out after the right was.
const PAGES: &[Route] = &[
    get("/connectors", &[]),
    get("/connectors/whatsapp", &[]),
    get("/account", &[]),
    get("/connectors/new/source", CONNECTORS),
    get("/connectors/new/sign-in", CONNECTORS),
    get("/connectors/whatsapp/file", CONNECTORS),
    get("/runs", RECORD),
    get("/runs/whatsapp", RECORD),
    get("/runs/whatsapp/windows.csv", RECORD),
    get("/runs/whatsapp/windows.json", RECORD),
    get("/runs/whatsapp/windows/1", RECORD),
    get("/runs/whatsapp/windows/1/items.csv", RECORD),
    get("/runs/whatsapp/windows/1/items.json", RECORD),
    get("/runs/whatsapp/items/1", RECORD),
    get("/runs/whatsapp/items?id=1", RECORD),
    get("/parked", RECORD),
    get("/parked/whatsapp", RECORD),
    get("/mapping", CONFIGURED),
    get("/mapping/whatsapp", CONFIGURED),
    get("/plugins", CONFIGURED),
    get("/ledger", EVIDENCE),
    get("/activity", EVIDENCE),
    get("/people", PEOPLE),
    get("/people/anna", PEOPLE),
    post("/connectors/new", CONNECTORS, ""),
    post("/connectors/new/destinations", CONNECTORS, ""),
    post("/connectors/whatsapp/file", CONNECTORS, "before=x&text=x"),
    post("/connectors/whatsapp/run", OPERATE, ""),
    post("/connectors/whatsapp/check", OPERATE, ""),
    post("/connectors/whatsapp/pause", OPERATE, "reason=a+test"),
    post("/connectors/whatsapp/resume", OPERATE, ""),
    post("/parked/whatsapp/retry", OPERATE, "reason=nothing"),
    post("/parked/whatsapp/discard", OPERATE, "reason=nothing&because=a+test"),
    post("/runs/whatsapp/items/1/message", CONTENT, "reason=a+test"),
    post("/mapping/whatsapp/adopt", CONNECTORS, "upload=0&before="),
    post("/plugins/approve", CONNECTORS, "source=x&digest=y"),
    post("/ledger/verify", EVIDENCE, ""),
    post("/ledger/bundle", NOBODY, "connector=whatsapp&day=2020-01-01&reason=a+test"),
    post("/ledger/holds", CONNECTORS, "kind=case&subject=x&reason=a+test"),
    post("/ledger/holds/release", CONNECTORS, "subject=nothing&reason=a+test"),
    post("/people", PEOPLE, "name=No+Name"),
    post("/people/nobody", PEOPLE, "before="),
    post("/people/nobody/reset", PEOPLE, ""),
    post("/people/nobody/remove", PEOPLE, "sure=yes"),
];

const API: &[Route] = &[
    get("/api/v1/me", &[]),
    get("/api/v1/connectors", &[]),
    get("/api/v1/connectors/whatsapp", &[]),
    get("/api/v1/connectors/whatsapp/file", CONNECTORS),
    get("/api/v1/connectors/whatsapp/mapping", CONFIGURED),
    get("/api/v1/connectors/whatsapp/windows", RECORD),
    get("/api/v1/connectors/whatsapp/windows/1", RECORD),
    get("/api/v1/connectors/whatsapp/windows/1/items", RECORD),
    get("/api/v1/connectors/whatsapp/items/1", RECORD),
    get("/api/v1/connectors/whatsapp/items?source_id=x", RECORD),
    get("/api/v1/connectors/whatsapp/parked", RECORD),
    get("/api/v1/plugins", CONFIGURED),
    get("/api/v1/ledger", EVIDENCE),
    get("/api/v1/activity", EVIDENCE),
    get("/api/v1/people", PEOPLE),
    get("/api/v1/people/anna", PEOPLE),
    post("/api/v1/connectors", CONNECTORS, ""),
    post("/api/v1/connectors/whatsapp/run", OPERATE, ""),
    post("/api/v1/connectors/whatsapp/check", OPERATE, ""),
    post("/api/v1/connectors/whatsapp/pause", OPERATE, r#"{"reason":"a test"}"#),
    post("/api/v1/connectors/whatsapp/resume", OPERATE, "{}"),
    post("/api/v1/connectors/whatsapp/mapping/check", CONNECTORS, "External User ID,Microsoft 365 User Mailbox\n"),
    post("/api/v1/connectors/whatsapp/parked/retry", OPERATE, r#"{"reason":"nothing"}"#),
    post("/api/v1/connectors/whatsapp/parked/discard", OPERATE, r#"{"reason":"nothing","because":"a test"}"#),
    post("/api/v1/connectors/whatsapp/items/1/message", CONTENT, r#"{"reason":"a test"}"#),
    post("/api/v1/plugins/approve", CONNECTORS, r#"{"source":"x","digest":"y"}"#),
    post("/api/v1/ledger/verify", EVIDENCE, ""),
    post("/api/v1/ledger/bundle", NOBODY, r#"{"connector":"whatsapp","day":"2020-01-01","reason":"a test"}"#),
    post("/api/v1/ledger/holds", CONNECTORS, r#"{"kind":"case","subject":"x","reason":"a test"}"#),
    post("/api/v1/ledger/holds/release", CONNECTORS, r#"{"kind":"case","subject":"nothing","reason":"a test"}"#),
    post("/api/v1/people", PEOPLE, r#"{"name":"No Name"}"#),
    post("/api/v1/people/nobody/reset", PEOPLE, ""),
    Route { method: "PUT", path: "/api/v1/connectors/whatsapp/file", rights: CONNECTORS, body: "x" },
    Route { method: "PUT", path: "/api/v1/connectors/whatsapp/mapping", rights: CONNECTORS, body: "x" },
    Route { method: "PUT", path: "/api/v1/people/nobody/rights", rights: PEOPLE, body: r#"{"rights":[]}"# },
    Route { method: "DELETE", path: "/api/v1/people/nobody", rights: PEOPLE, body: "" },
];

fn ask(visitor: &mut Visitor, route: &Route, form_token: Option<&str>) -> u16 {
    answer(visitor, route, form_token).status
}

fn answer(visitor: &mut Visitor, route: &Route, form_token: Option<&str>) -> Page {
    let Route { method, path, body, .. } = route;
    let (kind, body) = match form_token {
        Some(token) => ("application/x-www-form-urlencoded", format!("form_token={token}&{body}")),
        None if path.ends_with("/connectors") || path.contains("/mapping") || path.ends_with("/file") => {
            ("text/plain", (*body).to_owned())
        }
        None => ("application/json", (*body).to_owned()),
    };
    let headers = [("Content-Type", kind)];
    let headers = if *method == "GET" { &headers[..0] } else { &headers };
    visitor.ask(method, path, headers, if *method == "GET" { b"" } else { body.as_bytes() })
}

#[test]
fn each_right_alone_does_its_part_and_nothing_else() {
    let console = Console::start();
    for right in Right::ALL {
        let name = right.name();
        let mut visitor = console.with_rights(&format!("only-{name}"), &[name]);
        let form_token = visitor.get("/account").expect(200).form_token();
        let token =
            console.world.done(&["token", "create", name, "--scope", name, "--person", &format!("only-{name}")]).stdout;
        let mut program = console.visitor();
        program.token = Some(token.trim().to_owned());
        let mut allowed = 0;
        for (routes, is_page) in [(PAGES, true), (API, false)] {
            for route in routes {
                let who = if is_page { &mut visitor } else { &mut program };
                let Page { status, body, .. } = answer(who, route, is_page.then_some(&form_token));
                let may = route.rights.is_empty() || route.rights.contains(&name);
                let what = format!("{name}: {} {}", route.method, route.path);
                if may {
                    assert!(status != 403 && status != 401 && status < 500, "{what}: {status}: {body}");
                    allowed += 1;
                } else {
                    assert_eq!(status, 403, "{what}");
                }
            }
        }
        assert!(allowed > 6, "{name} may hardly anything: {allowed}");
    }
    // Whoever has no token, a wrong one or a browser's session is nobody to the API.
    let mut anna = console.anna();
    for route in API {
        assert_eq!(ask(&mut anna, route, None), 401, "{} {}", route.method, route.path);
        let mut stranger = console.visitor();
        stranger.token = Some("chancery_wrong".to_owned());
        assert_eq!(ask(&mut stranger, route, None), 401, "{} {}", route.method, route.path);
    }
    // And who is not signed in sees no page.
    for route in PAGES.iter().filter(|route| route.method == "GET") {
        assert_eq!(console.visitor().get(route.path).status, 303, "{}", route.path);
    }
    console.served.stop().expect(0);
}

#[test]
fn a_bundle_needs_two_rights_and_checks() {
    let console = Console::start();
    let mut judge = console.with_rights("judge", &["evidence", "read-content"]);
    let (start_ms, _) = console.world.story().span_ms();
    let day = jiff::Timestamp::from_millisecond(start_ms).unwrap().strftime("%Y-%m-%d").to_string();
    let sent = [("connector", "whatsapp"), ("day", &*day), ("reason", "a case")];
    let made = judge.send("/ledger", "/ledger/bundle", &sent).expect(200);
    let folder = std::path::PathBuf::from(made.between("mails are in <code>", "<"));
    assert!(
        folder.join("HOW-TO-CHECK.md").exists() && folder.join("mail").read_dir().unwrap().count() > 10,
        "{folder:?}"
    );
    judge.send("/ledger", "/ledger/bundle", &sent).expect(422);
    let nothing = [("connector", "whatsapp"), ("day", "2001-01-01"), ("reason", "a case")];
    judge.send("/ledger", "/ledger/bundle", &nothing).expect(422);
    assert!(judge.get("/activity?words=bundle").expect(200).body.contains("a case"));
    console.served.stop().expect(0);
}

#[test]
fn every_route_of_the_description_is_in_the_table() {
    let console = Console::start();
    let description = console.visitor().get("/api/v1/openapi.json").expect(200).json();
    let shape = |path: &str| {
        let path = path
            .split('?')
            .next()
            .unwrap()
            .replace("whatsapp", "{name}")
            .replace("anna", "{name}")
            .replace("nobody", "{name}");
        path.replace("/windows/1", "/windows/{window}").replace("/items/1", "/items/{item}")
    };
    let tested: BTreeSet<(String, String)> =
        API.iter().map(|route| (route.method.to_lowercase(), shape(route.path))).collect();
    let mut described = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            described.insert((method.clone(), path.clone()));
        }
    }
    described.remove(&("get".to_owned(), "/api/v1/openapi.json".to_owned()));
    assert_eq!(tested, described);
    console.served.stop().expect(0);
}

#[test]
fn what_was_refused_stands_in_the_activity() {
    let console = Console::start();
    let mut anna = console.anna();
    let stolen = anna.clone();
    anna.send("/account", "/sign-out", &[]).leads_to("/sign-in");
    stolen.clone().get("/people").leads_to("/sign-in?next=%2Fpeople");
    let mut ben = console.with_rights("ben", &["evidence"]);
    ben.get("/people").expect(403);
    ben.post("/connectors/whatsapp/run", &[("form_token", "of somebody else")]).expect(403);
    let large = vec![b'a'; chancery::item::limits::CONSOLE_BODY_BYTES_MAX + 1];
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    ben.ask("POST", "/connectors/whatsapp/run", &[form], &large).expect(413);
    for _ in 0..20 {
        console.visitor().sign_in("ben", "a wrong guess of mine");
    }
    let mut program = console.visitor();
    program.token = Some("chancery_none".to_owned());
    program.get("/api/v1/me").expect(401);
    console.visitor().get("/link/guessed").expect(422);
    let page = ben.get("/activity?words=refused").expect(200).body;
    for what in [
        "a request that no page of this console made",
        "a session that has ended",
        "a token that is none",
        "a sign-in",
        "a link that is none",
        "a page or act without the right",
        "a body that is too large",
    ] {
        assert_eq!(page.matches(what).count(), 1, "{what} in\n{page}");
    }
    assert!(!page.contains("a wrong guess") && !page.contains("guessed"), "what was typed stands nowhere");
    // The flood is counted, and recorded with the end of the service at the latest.
    let world = console.world;
    console.served.stop().expect(0);
    let served = crate::support::served::Served::start(world.command(&crate::service::SERVE));
    let mut ben = Visitor::new(served.address());
    ben.sign_in("ben", super::PASSWORD).leads_to("/");
    let page = ben.get("/activity?words=times+more").expect(200).body;
    assert!(page.contains("19 times more"), "{page}");
    served.stop().expect(0);
}
