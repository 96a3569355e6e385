//! The console in Debian's Chromium, looked at and held against axe-core. On Debian: `apt-get install chromium
//! chromium-driver`, and `npm install axe-core@4.10.3` with `CHANCERY_AXE` naming its `axe.min.js`.

use crate::support::{
    browser::{Browser, Look},
    served::Served,
    shared,
    world::DOMAIN,
};

const PASSWORD: &str = "four words that differ";

fn is_wanted() -> bool {
    let wanted = std::env::var_os("CHANCERY_TEST_SERVICES").is_some_and(|value| value == "1");
    if !wanted {
        println!("no browser is tested: CHANCERY_TEST_SERVICES is not 1");
    }
    wanted
}

/// Looks at the page that is open in each way, keeps pictures, and collects what stands in somebody's way.
fn look_at(browser: &mut Browser, name: &str, barriers: &mut Vec<String>) {
    for (look, suffix) in [(Look::Dark, "dark"), (Look::Phone, "phone"), (Look::Light, "light")] {
        browser.look(look);
        browser.picture(&format!("{name}-{suffix}"));
        if name.ends_with("-plain") {
            // Without scripts there is none that looks; the same pages are looked at with them.
            continue;
        }
        barriers.extend(browser.barriers().into_iter().map(|barrier| format!("{name}, {suffix}: {barrier}")));
    }
}

/// Makes the first account, and goes to where it signs in.
fn make_first_account(browser: &mut Browser, served: &Served) {
    browser.open(&served.set_up());
    browser.fill("#name", "anna");
    browser.fill("#password", PASSWORD);
    browser.fill("#again", PASSWORD);
    browser.press("Make the first account");
    browser.follow("Sign in");
}

/// Signs in as the first account, and waits for it: a page opened before the answer is here ends the question.
fn sign_in(browser: &mut Browser) {
    browser.fill("#name", "anna");
    browser.fill("#password", PASSWORD);
    browser.press("Sign in");
    browser.wait_for_element("form[action='/sign-out']");
}

/// Makes the first account and signs in, with every right.
fn sign_in_with_every_right(browser: &mut Browser, served: &Served, world: &crate::support::world::World) {
    make_first_account(browser, served);
    let rights = ["administer-connectors", "operate", "read-content", "evidence"];
    world.done(&[&["people", "grant", "anna"][..], &rights].concat());
    sign_in(browser);
}

/// A new operator, from the link to a finished first sync, then to a parked copy that is delivered after all.
fn journey(scripts: bool) {
    let name = "chats";
    let world = shared::archived().before.beside();
    world.run(&["init"]).expect(0);
    let config = std::fs::read_to_string(world.path("chancery.toml")).unwrap();
    // The simulated site is on this machine.
    let config = config + "\n[network]\nallowed_networks = [\"127.0.0.0/8\"]\n";
    std::fs::write(world.path("chancery.toml"), &config).unwrap();
    let served = Served::start(world.command(&crate::service::SERVE));
    let (mut browser, mut barriers) = (Browser::start(served.address()), Vec::new());
    if !scripts {
        browser.without_scripts();
    }
    make_first_account(&mut browser, &served);
    sign_in(&mut browser);
    // Nobody may do anything yet but give rights.
    browser.wait_for("There is no connector yet.");
    browser.open("/people/anna");
    for right in ["administer-connectors", "operate", "evidence"] {
        browser.click(&format!("input[value={right}]"));
    }
    browser.press("Save");
    sign_in(&mut browser);

    browser.open("/connectors");
    browser.press("Add a connector");
    let mut look = |browser: &mut Browser, step: &str| {
        browser.wait_for("Add a connector");
        look_at(browser, &format!("wizard-{step}{}", if scripts { "" } else { "-plain" }), &mut barriers);
    };
    look(&mut browser, "source");
    browser.fill("#name", name);
    browser.click("input[name=plugin][value=telemessage]");
    browser.press("Next");
    browser.wait_for("Where data flows");
    look(&mut browser, "terms");
    browser.press("Next");
    browser.wait_for("This is not taken yet");
    look(&mut browser, "refused");
    for place in 0..browser.find_all("input[type=checkbox]").len() {
        let boxes = browser.find_all("input[type=checkbox]");
        browser.click_element(&boxes[place]);
    }
    browser.press("Next");
    browser.wait_for("It asks for");
    look(&mut browser, "grant");
    browser.click("#granted");
    browser.press("Next");
    let credentials = world.story().credentials();
    browser.fill("#site", &world.site().url());
    browser.fill("#credential-username", &credentials.username);
    browser.fill("#credential-secret", "another password");
    browser.press("Next");
    browser.wait_for("The check did not succeed");
    browser.follow("Settings and sign-in");
    look(&mut browser, "settings");
    browser.fill("#credential-secret", &credentials.password);
    browser.press("Next");
    browser.wait_for("The source answers as");
    look(&mut browser, "destination");
    browser.click("#kind option[value=maildir]");
    browser.press("Next");
    browser.fill("#domains", DOMAIN);
    look(&mut browser, "destination-settings");
    browser.press("Next");
    browser.wait_for("registered addresses are mailboxes there");
    browser.fill("#internal", DOMAIN);
    let mapping = world.path("people.csv");
    let good = world.story().mapping_csv();
    std::fs::write(&mapping, good.replacen(',', ";;", 3)).unwrap();
    browser.choose("#file", &mapping);
    browser.press("Next");
    browser.wait_for("some of its lines cannot be used");
    look(&mut browser, "mapping-refused");
    std::fs::write(&mapping, &good).unwrap();
    browser.choose("#file", &mapping);
    browser.press("Next");
    browser.wait_for("0 problems");
    let (start_ms, _) = world.story().span_ms();
    let since = jiff::Timestamp::from_millisecond(start_ms).unwrap().to_string();
    browser.fill("#since", &since);
    browser.fill("#schedule", "now and then");
    browser.press("Next");
    browser.wait_for("is no schedule");
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(12);
    browser.fill("#schedule", &later.strftime("daily at %H:%M UTC").to_string());
    look(&mut browser, "schedule");
    browser.press("Next");
    browser.wait_for("[[connector]]");
    assert!(!browser.text().contains(&credentials.password), "a secret is shown");
    look(&mut browser, "review");
    browser.press("Finish, and begin the first sync");
    browser.wait_for_path(&format!("/connectors/{name}"));
    let settled = |browser: &mut Browser| {
        if !scripts {
            browser.open(&format!("/connectors/{name}"));
        }
        let text = browser.text();
        text.contains("waits for its schedule") && !text.contains("none was done yet")
    };
    let began = std::time::Instant::now();
    while !settled(&mut browser) {
        assert!(
            began.elapsed() < std::time::Duration::from_secs(90),
            "the first sync does not end: {}",
            browser.text()
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    look_at(&mut browser, if scripts { "first-sync" } else { "first-sync-plain" }, &mut barriers);
    let file = std::fs::read_to_string(world.path(&format!("connectors.d/{name}.toml"))).unwrap();
    assert!(!file.contains(&credentials.password) && file.contains("store = "), "{file}");

    browser.open(&format!("/connectors/{name}"));
    browser.follow("Change its file");
    browser.wait_for("What is changed here is tried first");
    look_at(&mut browser, if scripts { "file" } else { "file-plain" }, &mut barriers);
    browser.press("Change it");
    browser.wait_for_path(&format!("/connectors/{name}"));
    let unchanged = std::fs::read_to_string(world.path(&format!("connectors.d/{name}.toml"))).unwrap();
    assert_eq!(unchanged, file, "a form that is sent as it came changes nothing");

    // Somebody has no mailbox: their copy waits, whole.
    browser.follow("Parked");
    browser.wait_for("unmapped");
    let parked = world.done(&["parked", "list", name, "--reason", "unmapped", "--json"]).json();
    let (item, person) = (parked[0]["item"].clone(), parked[0]["source_user"].as_str().unwrap().to_owned());
    let mended = format!("mended.{person}@{DOMAIN}");
    std::fs::write(&mapping, format!("{good}{person},{mended}\n")).unwrap();
    browser.follow("Mapping");
    browser.choose("#file", &mapping);
    browser.press("Look at what it would change");
    browser.wait_for(&format!("{person} -> {mended}"));
    look_at(&mut browser, if scripts { "mapping-preview" } else { "mapping-preview-plain" }, &mut barriers);
    browser.press("Adopt it");
    browser.wait_for_path(&format!("/mapping/{name}"));
    browser.follow("Parked");
    browser.press("Retry all of unmapped");
    let began = std::time::Instant::now();
    loop {
        if !scripts {
            browser.open(&format!("/parked/{name}"));
        }
        if browser.text().contains("delivered,") {
            break;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{}", browser.text());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    browser.open(&format!("/runs/{name}/items/{item}"));
    browser.wait_for(&mended);
    assert!(browser.text().contains("imported"), "{}", browser.text());
    look_at(&mut browser, if scripts { "delivered" } else { "delivered-plain" }, &mut barriers);
    browser.open("/activity");
    for act in ["connector add", "mapping adopt", "parked retry", "people grant", "sign in"] {
        browser.wait_for(act);
    }
    drop(browser);
    served.stop().expect(0);
    assert!(barriers.is_empty(), "{}", barriers.join("\n"));
}

#[test]
fn a_new_operator_comes_from_the_link_to_a_copy_that_is_delivered_after_all() {
    if is_wanted() {
        journey(true);
    }
}

#[test]
fn the_same_without_scripts() {
    if is_wanted() {
        journey(false);
    }
}

#[test]
fn no_page_stands_in_anybodys_way() {
    if !is_wanted() {
        return;
    }
    let world = shared::archived().after.copy();
    crate::service::quiet(&world);
    let served = Served::start(world.command(&crate::service::SERVE));
    let (mut browser, mut barriers) = (Browser::start(served.address()), Vec::new());
    sign_in_with_every_right(&mut browser, &served, &world);
    let pages = [
        ("connectors", "/connectors"),
        ("connector", "/connectors/whatsapp"),
        ("runs", "/runs/whatsapp"),
        ("empty-day", "/runs/whatsapp?day=2020-01-01"),
        ("window", "/runs/whatsapp/windows/1?outcome=parked"),
        ("parked", "/parked/whatsapp"),
        ("mapping", "/mapping/whatsapp"),
        ("plugins", "/plugins"),
        ("ledger", "/ledger"),
        ("activity", "/activity"),
    ];
    for (name, path) in pages {
        browser.open(path);
        assert_eq!(browser.path(), path);
        look_at(&mut browser, name, &mut barriers);
    }
    browser.open("/connectors/whatsapp");
    browser.press("Check");
    browser.wait_for("The source answers as");
    look_at(&mut browser, "checked", &mut barriers);
    browser.open("/ledger");
    browser.press("Verify every byte now");
    browser.wait_for("Everything is as it was written.");
    look_at(&mut browser, "verified", &mut barriers);
    let parked = world.done(&["parked", "list", "whatsapp", "--json"]).json()[0]["item"].clone();
    browser.open(&format!("/runs/whatsapp/items/{parked}"));
    browser.fill("#why", "somebody asked what it says");
    browser.press("Show the message");
    browser.wait_for("What it says");
    look_at(&mut browser, "message", &mut barriers);
    browser.open("/activity");
    browser.wait_for("somebody asked what it says");
    drop(browser);
    served.stop().expect(0);
    assert!(barriers.is_empty(), "{}", barriers.join("\n"));
}

#[test]
fn signing_in_and_people_stand_in_nobodys_way() {
    if !is_wanted() {
        return;
    }
    let world = shared::archived().after.copy();
    crate::service::quiet(&world);
    let served = Served::start(world.command(&crate::service::SERVE));
    let (mut browser, mut barriers) = (Browser::start(served.address()), Vec::new());
    browser.open(&served.set_up());
    look_at(&mut browser, "set-up", &mut barriers);
    browser.fill("#name", "anna");
    browser.fill("#password", PASSWORD);
    browser.fill("#again", "other words");
    browser.press("Make the first account");
    browser.wait_for("The two passwords differ.");
    look_at(&mut browser, "set-up-refused", &mut barriers);
    browser.fill("#password", PASSWORD);
    browser.fill("#again", PASSWORD);
    browser.press("Make the first account");
    browser.follow("Sign in");
    look_at(&mut browser, "sign-in", &mut barriers);
    sign_in(&mut browser);
    browser.open("/people");
    browser.fill("#name", "ben@example.org");
    browser.click("input[value=operate]");
    browser.press("Add");
    browser.wait_for("Give this link to ben@example.org");
    look_at(&mut browser, "people", &mut barriers);
    browser.follow("ben@example.org");
    look_at(&mut browser, "person", &mut barriers);
    browser.open("/account");
    look_at(&mut browser, "account", &mut barriers);
    browser.open("/nothing");
    look_at(&mut browser, "not-found", &mut barriers);
    drop(browser);
    served.stop().expect(0);
    assert!(barriers.is_empty(), "{}", barriers.join("\n"));
}

#[test]
fn the_description_holds_against_whatever_schemathesis_sends() {
    if !is_wanted() {
        return;
    }
    let program = std::env::var_os("CHANCERY_SCHEMATHESIS");
    let program = program.expect("CHANCERY_TEST_SERVICES=1 needs CHANCERY_SCHEMATHESIS: see CONTRIBUTING.md");
    let world = shared::archived().after.copy();
    crate::service::quiet(&world);
    let served = Served::start(world.command(&crate::service::SERVE));
    let mut token = vec!["token", "create", "everything"];
    let rights = ["administer-connectors", "operate", "read-content", "evidence", "administer-people"];
    rights.iter().for_each(|right| token.extend(["--scope", right]));
    let token = world.done(&token).stdout;
    let folder = tempfile::tempdir().unwrap();
    // Names of what is there, so that more than the look-up is reached.
    let known = "[parameters]\n\"path.name\" = \"whatsapp\"\n\"path.window\" = 1\n\"path.item\" = 1\n";
    std::fs::write(folder.path().join("schemathesis.toml"), known).unwrap();
    let ran = std::process::Command::new(program)
        .current_dir(folder.path())
        .arg("run")
        .arg(format!("http://{}/api/v1/openapi.json", served.address()))
        .args(["--header", &format!("Authorization: Bearer {}", token.trim())])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .args(["--max-examples", "40", "--seed", "7", "--generation-database", "none", "--workers", "1"])
        .args(["--request-timeout", "30", "--no-color"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains(" generated, "), "it sent nothing: {said}");
    println!("{}", said.lines().find(|line| line.contains(" generated, ")).unwrap_or_default());
    // Whatever it did, the record is whole.
    served.stop().expect(0);
    world.done(&["ledger", "verify"]);
}
