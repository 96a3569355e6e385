//! The set-up link, signing in and out, accounts, tokens.

use super::{Console, PASSWORD};

#[test]
fn the_first_account_comes_from_the_link_and_adds_others() {
    let console = Console::start();
    let mut anna = console.anna();
    let listed = anna.get("/people").expect(200);
    assert!(listed.body.contains("administer-people"));
    let added = anna.send("/people", "/people", &[("name", "ben"), ("right", "operate"), ("right", "evidence")]);
    let link = added.expect(200).between("/link/", "<").to_owned();

    let mut ben = console.visitor();
    let shown = ben.get(&format!("/link/{link}")).expect(200);
    assert!(shown.body.contains("value=\"ben\""));
    let choose = |password: &str, again: &str| {
        console
            .visitor()
            .post(&format!("/link/{link}"), &[("name", "somebody-else"), ("password", password), ("again", again)])
    };
    assert!(choose(PASSWORD, "four words").expect(422).body.contains("differ"));
    assert!(choose("short", "short").expect(422).body.contains("12"));
    choose(PASSWORD, PASSWORD).expect(200);
    choose(PASSWORD, PASSWORD).expect(422);
    console.visitor().sign_in("somebody-else", PASSWORD).expect(401);
    ben.sign_in("ben", PASSWORD).leads_to("/");

    // What a form was made from has changed meanwhile.
    let stale = anna.get("/people/ben").expect(200).form_token();
    console.world.done(&["people", "revoke", "ben", "evidence"]);
    let sent = [("form_token", &*stale), ("before", "operate, evidence"), ("right", "read-content")];
    anna.post("/people/ben", &sent).expect(409);
    assert_eq!(ben.get("/account").status, 303, "their rights have changed: signed out");

    let sent = [("before", "operate"), ("right", "operate"), ("right", "read-content")];
    anna.send("/people/ben", "/people/ben", &sent).leads_to("/people/ben");
    let people = console.world.done(&["people", "list", "--json"]).json();
    assert_eq!(people[1]["rights"], serde_json::json!(["operate", "read-content"]));

    // Somebody stays who can do this.
    let sent = [("before", "administer-people"), ("right", "operate")];
    let kept = anna.send("/people/anna", "/people/anna", &sent).expect(422);
    assert!(kept.body.contains("nobody would be left"));
    assert!(anna.send("/people/ben", "/people/ben/remove", &[]).expect(422).body.contains("tick the box"));
    anna.send("/people/ben", "/people/ben/remove", &[("sure", "yes")]).leads_to("/people");
    anna.get("/people/ben").expect(404);
    console.served.stop().expect(0);
}

#[test]
fn a_password_changes_by_the_old_one_and_ends_other_sessions() {
    let console = Console::start();
    let (mut anna, mut elsewhere) = (console.anna(), console.anna());
    let new = "five other words that differ";
    let change = |old, new, again| [("old", old), ("new", new), ("again", again)];
    anna.send("/account", "/account/password", &change("wrong words here", new, new)).expect(401);
    anna.send("/account", "/account/password", &change(PASSWORD, "short", "short")).expect(422);
    anna.send("/account", "/account/password", &change(PASSWORD, new, PASSWORD)).expect(422);
    anna.send("/account", "/account/password", &change(PASSWORD, new, new)).leads_to("/account");
    anna.get("/account").expect(200);
    elsewhere.get("/account").leads_to("/sign-in?next=%2Faccount");
    console.visitor().sign_in("anna", PASSWORD).expect(401);
    let mut again = console.visitor();
    again.sign_in("anna", new).leads_to("/");
    again.send("/account", "/sign-out", &[]).leads_to("/sign-in");
    assert_eq!(again.session, None);
    console.served.stop().expect(0);
}

#[test]
fn a_token_does_what_it_is_for_and_ends_with_its_person() {
    let console = Console::start();
    let mut ben = console.with_rights("ben", &["operate"]);
    let make = |right| [("name", "nightly"), ("days", "30"), ("right", right)];
    ben.send("/account", "/account/tokens", &make("read-content")).expect(422);
    let made = ben.send("/account", "/account/tokens", &make("operate")).expect(200);
    let secret = made.between("<code>chancery_", "<").to_owned();
    assert!(!ben.get("/account").body.contains(&secret), "shown once");
    // Nobody ends another one's.
    let mut anna = console.anna();
    anna.send("/account", "/account/tokens/revoke", &[("name", "nightly")]).expect(404);
    ben.send("/account", "/account/tokens/revoke", &[("name", "nightly")]).leads_to("/account");
    assert_eq!(console.world.done(&["token", "list", "--json"]).json(), serde_json::json!([]));
    console.served.stop().expect(0);
}

#[test]
fn a_start_without_accounts_prints_another_link_and_the_one_before_ends() {
    let world = crate::support::shared::archived().after.copy();
    crate::service::quiet(&world);
    let start = || crate::support::served::Served::start(world.command(&crate::service::SERVE));
    let served = start();
    let first = served.set_up();
    assert!(!served.log().contains("/link/"), "a link is a secret");
    served.stop().expect(0);
    let served = start();
    let second = served.set_up();
    let mut visitor = crate::support::visitor::Visitor::new(served.address());
    let gone = visitor.get(&first).expect(422);
    assert!(gone.body.contains("people-link"), "{}", gone.body);
    visitor.get(&second).expect(200);
    served.stop().expect(0);
}
