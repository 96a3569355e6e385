//! Adding a connector whose source reads for a person: the person signs in at the other side while the connector is put together,
//! and what is archived was asked for in their name.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    Console,
    wizard::{administrator, ready, step},
};
use crate::support::{site::Request, site::Site};

/// The other side: where people sign in, where tokens are given out, and the chats. A token to renew with is good once, as
/// directories have it that would notice a stolen one.
fn other_side() -> Site {
    let renewed = AtomicU32::new(0);
    Site::start(move |request: &Request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        let ok = |text: &str| ("200 OK\r\nContent-Type: application/json".to_owned(), text.as_bytes().to_vec());
        let is_hers = request.head.to_ascii_lowercase().contains("authorization: bearer of-anna\r\n");
        match path {
            "/token" => {
                let times = renewed.load(Ordering::SeqCst);
                let is_good = match times {
                    0 => request.body.contains("code=good"),
                    times => request.body.contains(&format!("refresh_token=hers-to-renew-{times}")),
                };
                if !is_good {
                    return ("400 Bad Request".to_owned(), br#"{"error":"invalid_grant"}"#.to_vec());
                }
                renewed.store(times + 1, Ordering::SeqCst);
                let next = format!("hers-to-renew-{}", times + 1);
                ok(&format!(
                    r#"{{"access_token":"of-anna","refresh_token":"{next}","token_type":"Bearer","expires_in":3600}}"#
                ))
            }
            "/me" if is_hers => ok("anna-7"),
            "/chats" if is_hers => ok("For Anna's eyes."),
            _ => ("401 Unauthorized".to_owned(), Vec::new()),
        }
    })
}

#[test]
fn whoever_adds_it_is_sent_to_sign_in_and_comes_back_to_the_next_step() {
    let console = Console::start();
    ready(&console);
    fs::write(console.world.path("personal.wasm"), crate::bad_input::guest("misbehaving-personal")).unwrap();
    console.world.done(&["plugin", "install", "personal.wasm"]);
    let site = other_side();
    let origin = site.origin();
    let mut connie = administrator(&console, "connie");
    let plugin = console.world.path("plugins/misbehaving-personal.wasm");
    step(&mut connie, "source", &[("plugin", plugin.to_str().unwrap()), ("name", "personal")])
        .leads_to("/connectors/new/terms");
    step(&mut connie, "terms", &[]).leads_to("/connectors/new/grant");
    step(&mut connie, "grant", &[("granted", "yes")]).leads_to("/connectors/new/settings");
    let page = connie.get("/connectors/new/settings").expect(200);
    assert!(page.body.contains("value=\"chats.read offline_access\""), "what it asks for is filled in: {}", page.body);
    let (token_url, authorization_url) = (format!("{origin}/token"), format!("{origin}/authorize"));
    let mut settings = vec![
        ("site", &*origin),
        ("credential-token-url", &*token_url),
        ("credential-client-id", "chancery"),
        ("credential-scope", "chats.read offline_access"),
    ];
    step(&mut connie, "settings", &settings).expect(422);
    settings.push(("credential-authorization-url", &authorization_url));
    step(&mut connie, "settings", &settings).leads_to("/connectors/new/sign-in");
    assert_eq!(site.requests(), 0, "nothing is asked before somebody signed in");
    let page = connie.get("/connectors/new/sign-in").expect(200);
    let url: url::Url = page.between("class=\"button\" href=\"", "\"").replace("&amp;", "&").parse().unwrap();
    let said = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!((said("client_id"), said("code_challenge_method")), ("chancery".to_owned(), "S256".to_owned()));
    let back = format!("/credentials/signed-in?code=good&state={}", said("state"));
    administrator(&console, "dan").get(&back).expect(422);
    let url: url::Url = connie
        .get("/connectors/new/sign-in")
        .expect(200)
        .between("class=\"button\" href=\"", "\"")
        .replace("&amp;", "&")
        .parse()
        .unwrap();
    let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    connie.get(&format!("/credentials/signed-in?code=good&state={state}")).leads_to("/connectors/new/destination");
    // Once is enough: who comes back to the page goes on.
    connie.get("/connectors/new/sign-in").leads_to("/connectors/new/destination");
    step(&mut connie, "destination", &[("kind", "maildir")]).leads_to("/connectors/new/destination-settings");
    step(&mut connie, "destination-settings", &[("root", "mail"), ("domains", "example.com")])
        .leads_to("/connectors/new/mapping");
    step(&mut connie, "mapping", &[("automatic", "yes")]).leads_to("/connectors/new/schedule");
    step(&mut connie, "schedule", &[("schedule", "hourly")]).leads_to("/connectors/new/review");
    step(&mut connie, "review", &[]).leads_to("/connectors/personal");
    let file = fs::read_to_string(console.world.path("connectors.d/personal.toml")).unwrap();
    for secret in ["hers-to-renew", "of-anna"] {
        assert!(!file.contains(secret) && !console.served.log().contains(secret), "{secret} is told");
    }
    console.served.stop().expect(0);

    console.world.done(&["connector", "check", "personal"]);
    let synced = console.world.run(&["sync", "personal", "--window", "2026-01-01..2026-01-02"]);
    assert_eq!(synced.code, Some(0), "{synced}");
    let mails = console.world.mails();
    assert!(mails.iter().any(|mail| String::from_utf8_lossy(&mail.bytes).contains("For Anna's eyes.")), "{synced}");
}
