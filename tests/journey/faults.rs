//! A site that throttles, fails, lies and hangs up: what passes is sat out, what does not pass ends the turn with the
//! reason and the next step, nothing is half-changed, and once the trouble is over the same command completes.

use std::{sync::Arc, thread, time::Duration};

use world::{Fault, Faults, Route};

use crate::support::{
    program::Ran,
    shared::{self, Archived},
    truth,
    world::{CONNECTOR, World},
};

/// Exit code of a turn that ended early.
const FAILED: i32 = 1;

#[test]
fn what_passes_is_sat_out_within_the_turn() {
    let archived = shared::archived();
    let faults = Faults::none()
        .on(Route::Session, 1..=1, Fault::Status(503))
        .on(Route::Items, 1..=1, Fault::SlowBody { piece_bytes: 600, pause: Duration::from_millis(2) })
        .on(Route::Items, 2..=2, Fault::Throttle(Some(1)))
        .on(Route::Items, 4..=4, Fault::Status(502))
        .on(Route::Items, 6..=6, Fault::Html(200))
        .on(Route::Items, 8..=8, Fault::TruncatedJson)
        .on(Route::Items, 10..=10, Fault::DropMidBody)
        .on(Route::Items, 12..=12, Fault::ExpireTokens)
        .on(Route::Items, 13..=14, Fault::Status(500))
        .on(Route::Attachment, 1..=1, Fault::DropMidBody)
        .on(Route::Attachment, 3..=3, Fault::Status(503))
        .on(Route::Count, 1..=1, Fault::Status(504));
    let world = archived.before.copy_with(faults);
    let ran = world.done(&["sync", "--json"]);
    assert_eq!(ran.json()["connectors"][0]["error"], serde_json::Value::Null, "{ran}");
    let requests = world.site().requests();
    for (route, status) in
        [(Route::Items, 429), (Route::Items, 500), (Route::Items, 502), (Route::Attachment, 503), (Route::Items, 401)]
    {
        assert!(requests.answered(route, status) > 0, "{route:?} was never answered with {status}: {requests:?}");
    }
    archived.expect_same_end(&world, "after a rough turn");
}

#[test]
fn tokens_that_run_out_are_renewed() {
    let archived = shared::archived();
    let world = archived.before.copy_with(Faults::none().tokens_last(3));
    world.sync();
    let requests = world.site().requests();
    assert!(requests.answered(Route::Session, 200) > 5, "tokens were renewed: {requests:?}");
    archived.expect_same_end(&world, "after many renewals");
}

/// What is wrong.
enum Trouble {
    /// The site does this.
    Site(Faults),
    /// The password is another.
    Password,
    /// Nobody answers at the site's address.
    NobodyThere,
}

/// What is wrong, and what the turn must end with: code, a part of the message, a part of the hint.
struct Case(&'static str, Trouble, &'static str, &'static str, &'static str);

fn from_second_page(fault: Fault) -> Trouble {
    Trouble::Site(Faults::none().on(Route::Items, 2.., fault))
}

#[test]
fn what_does_not_pass_ends_the_turn_with_a_reason_and_a_hint() {
    let redirect = Fault::Redirect("http://127.0.0.1:1/elsewhere".to_owned());
    run([
        Case("slow down for an hour", from_second_page(Fault::Throttle(Some(3600))), "rate-limited", "429", "again"),
        Case("wrong types", from_second_page(Fault::WrongTypes), "unexpected-answer", "another shape", "gateway"),
        Case("the same cursor for ever", from_second_page(Fault::SameCursor), "cursor-loop", "page", "gateway"),
        Case("no such path", from_second_page(Fault::Status(404)), "unexpected-answer", "404", "site"),
        Case("a bad request", from_second_page(Fault::Status(400)), "unexpected-answer", "400", "gateway"),
        Case("a sign-in form", from_second_page(Fault::Html(403)), "login-refused", "403", "chancery secret set"),
        Case("a redirect out of the grant", from_second_page(redirect), "egress-denied", "127.0.0.1:1", "origins"),
        Case(
            "a sign-in that is refused",
            Trouble::Site(Faults::none().on(Route::Session, .., Fault::RefuseLogin)),
            "login-refused",
            "",
            "secret",
        ),
        Case("a wrong password", Trouble::Password, "login-refused", "", "secret"),
        Case(
            "fewer items than it says it has",
            Trouble::Site(Faults::none().on(Route::Count, .., Fault::WrongCount(50))),
            "source-total-missing",
            "stays open",
            "chancery sync",
        ),
    ]);
}

/// These are tried as often as the policy says before the turn is given up, which takes about a minute of waiting; so
/// they wait side by side.
#[test]
fn what_might_have_passed_ends_the_turn_in_the_end() {
    run([
        Case("trouble", from_second_page(Fault::Status(503)), "unexpected-answer", "503", "gateway"),
        Case("a gateway's page", from_second_page(Fault::Html(200)), "unexpected-answer", "gateway", "gateway"),
        Case(
            "JSON cut short",
            from_second_page(Fault::TruncatedJson),
            "unexpected-answer",
            "ends too early",
            "gateway",
        ),
        Case("a dropped connection", from_second_page(Fault::DropMidBody), "", "", "again"),
        Case("nobody there", Trouble::NobodyThere, "", "", "again"),
    ]);
}

fn run<const N: usize>(cases: [Case; N]) {
    let archived = shared::archived();
    let threads = cases.map(|case| {
        let archived = Arc::clone(&archived);
        (case.0, thread::spawn(move || fails_then_completes(&archived, case)))
    });
    let failed: Vec<&str> =
        threads.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect();
    assert!(failed.is_empty(), "failed: {failed:?}; what each said stands above");
}

fn fails_then_completes(archived: &Archived, Case(name, trouble, code, message, hint): Case) {
    let world = match &trouble {
        Trouble::Site(faults) => archived.before.copy_with(faults.clone()),
        Trouble::Password | Trouble::NobodyThere => archived.before.copy_with(Faults::none()),
    };
    match &trouble {
        Trouble::Site(_) => {}
        Trouble::Password => world.set_password("not the password"),
        Trouble::NobodyThere => world.configure_for(&nobody_there()),
    }

    let ran = world.run(&["sync", "--json"]);
    expect_reason(name, &ran, code, message, hint);
    expect_nothing_half_changed(archived, &world, name);

    world.site().set_faults(Faults::none());
    world.set_password(&world.story().credentials().password);
    world.configure();
    let again = world.done(&["sync", "--json"]);
    assert_eq!(again.json()["connectors"][0]["error"], serde_json::Value::Null, "{name}\n{again}");
    archived.expect_same_end(&world, name);
}

/// An address at which a listener was and is no more.
fn nobody_there() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn expect_reason(name: &str, ran: &Ran, code: &str, message: &str, hint: &str) {
    assert_eq!(ran.code, Some(FAILED), "{name}\n{ran}");
    let error = ran.json()["connectors"][0]["error"].clone();
    let text = |key: &str| error[key].as_str().unwrap_or_else(|| panic!("{name}: no {key}\n{ran}")).to_owned();
    let said = text("code");
    assert!(said == code || code.is_empty(), "{name}: `{said}`\n{ran}");
    assert!(text("message").contains(message), "{name}\n{ran}");
    assert!(text("hint").contains(hint), "{name}\n{ran}");
    let secrets = ["demo-password", "not the password", "tm_"];
    assert!(secrets.iter().all(|secret| !ran.stderr.contains(secret) && !ran.stdout.contains(secret)), "{name}\n{ran}");
}

fn expect_nothing_half_changed(archived: &Archived, world: &World, name: &str) {
    world.done(&["ledger", "verify"]);
    world.mail_files().expect_kept(&archived.mail, name);
    if world.path("data/ledger").join(CONNECTOR).exists() {
        // The window is open: what is staged and has no plan yet stands apart.
        world.counts().expect_balance();
    }
}

#[test]
fn pages_without_end_are_stopped_soon_and_bring_nothing_twice() {
    let archived = shared::archived();
    let world = archived.before.copy_with(Faults::none().on(Route::Items, .., Fault::EndlessPages));
    let ran = world.run(&["sync", "--json"]);
    expect_reason("endless pages", &ran, "page-loop", "in this reading", "connector check");
    let pages_of_a_round = archived.counts.item("fetched").div_ceil(u64::from(shared::PAGE_SIZE));
    let asked = world.site().requests().to(Route::Items);
    assert!(asked > 100 && asked <= 101 + 2 * pages_of_a_round, "{asked} pages");
    expect_nothing_half_changed(&archived, &world, "endless pages");
    world.site().set_faults(Faults::none());
    world.sync();
    archived.expect_same_end(&world, "after endless pages");
}

#[test]
fn a_repetition_hides_nothing_that_is_missing() {
    let archived = shared::archived();
    // One listing leaves deliveries out behind repetitions: as many lines as there should be. It is read once more.
    let world = archived.before.copy_with(Faults::none().on(Route::Items, 2..=3, Fault::HiddenByRepeat));
    let ran = world.done(&["sync", "--json"]);
    assert_eq!(ran.json()["connectors"][0]["error"], serde_json::Value::Null, "{ran}");
    expect_whole(&world);

    // It stays so: the window stays open, and is tried again with every turn.
    let world = archived.before.copy_with(Faults::none().on(Route::Items, .., Fault::HiddenByRepeat));
    for turn in 0..2 {
        let ran = world.run(&["sync", "--json"]);
        expect_reason("hidden", &ran, "source-total-missing", "different ones, in two readings", "chancery sync");
        world.counts().expect_balance();
        world.done(&["ledger", "verify"]);
        let status = world.done(&["status", "--json"]).json();
        assert_eq!(status["connectors"][0]["open_windows"], 1, "turn {turn}: {status}");
    }
    world.site().set_faults(Faults::none());
    world.sync();
    expect_whole(&world);
}

/// Everything is there once; which owner's view of an item came first may differ from an undisturbed run.
fn expect_whole(world: &World) {
    truth::expect_archived(world);
    truth::expect_counts(&world.counts(), world.story());
    world.done(&["ledger", "verify"]);
}

#[test]
fn a_site_that_breaks_most_items_stops_the_window_instead_of_parking_them() {
    let archived = shared::archived();
    let world = archived.before.copy_with(Faults::none().on(Route::Items, 2.., Fault::BrokenItems));
    let ran = world.run(&["sync", "--json"]);
    expect_reason("broken items", &ran, "plugin-failing", "20 of 20 items", "failures_percent_max");
    expect_nothing_half_changed(&archived, &world, "broken items");
    assert!(world.parked().iter().all(|row| row.reason != "item-broken"), "nothing of it is parked");
    let mended = world.copy();
    mended.site().set_faults(Faults::none());
    mended.sync();
    archived.expect_same_end(&mended, "after a site that broke everything");
}

#[test]
fn one_broken_item_does_not_stop_the_others() {
    let archived = shared::archived();
    let world = archived.before.copy_with(Faults::none().on(Route::Items, 1..=1, Fault::BrokenItem));
    world.sync();
    let broken: Vec<_> = world.parked().into_iter().filter(|row| row.reason == "item-broken").collect();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(!broken[0].message.contains("yesterday at noon"), "a message keeps the item's text to itself: {broken:?}");
    // The next window looks back, and reads it as it should be; the first to be read may now be another owner's view.
    let expected: Vec<_> = world.story().expectations().collect();
    truth::expect_mail(world.story(), &expected, &world.mails());
    world.done(&["ledger", "verify"]);
}
