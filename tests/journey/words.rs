//! What each command says of an archived world, to people and to programs.

use serde_json::Value;

use crate::support::{
    program::Ran,
    shared,
    world::{CONNECTOR, Counts, World},
};

/// Replaces what differs from run to run: instants, the folder, the port, times taken, free space, digests.
fn filtered(world: &World, text: &str) -> String {
    let text = text.replace(&world.folder().display().to_string(), "DIR").replace(&world.site().url(), "SITE");
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.split_inclusive([' ', ',']).map(|word| {
            let bare = word.trim_end_matches([' ', ',', '\n']);
            if bare.parse::<jiff::Timestamp>().is_ok() { word.replace(bare, "TIME") } else { word.to_owned() }
        });
        kept.extend(words);
    }
    kept
}

fn expect_lines(world: &World, ran: &Ran, expected: &str) {
    assert_eq!(filtered(world, &ran.stdout).trim_end(), expected.trim(), "{ran}");
}

#[test]
fn status_and_report_give_the_same_counts_in_every_form() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let report = world.done(&["report", CONNECTOR, "--json"]).json();
    let windows = report["windows"].as_array().unwrap();
    assert_eq!(report["name"], CONNECTOR);

    let status = world.done(&["status", "--json"]).json();
    let connector = &status["connectors"][0];
    assert_eq!((&connector["items"], &connector["copies"]), (&report["items"], &report["copies"]));
    assert_eq!(connector["windows"], windows.len());
    assert_eq!(connector["open_windows"], 0);
    assert_eq!(connector["covered_until"], windows.last().unwrap()["end"]);

    let csv = world.done(&["report", CONNECTOR, "--csv"]).stdout;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    for (row, window) in rows.records().map(Result::unwrap).zip(windows) {
        for (name, cell) in header.iter().zip(&row) {
            let expected = match name {
                "connector" => CONNECTOR.to_owned(),
                "start" | "end" | "kind" => window[name].as_str().unwrap().to_owned(),
                _ => [&window["items"][name], &window["copies"][name], &window[name]]
                    .into_iter()
                    .find_map(Value::as_u64)
                    .unwrap()
                    .to_string(),
            };
            assert_eq!(cell, expected, "{name}");
        }
    }
    assert_eq!(csv.lines().count(), windows.len() + 1);

    let Counts { items, copies } = Counts::read(&windows[0]);
    let text = world.done(&["report", CONNECTOR]).stdout;
    let line = format!(
        "    items   {} fetched = {} delivered + {} parked + {} duplicate + {} excluded; {} seen before\n    copies  {} available = {} imported + {} partial + {} skipped + {} failed + {} pending\n",
        items["fetched"],
        items["delivered"],
        items["parked"],
        items["duplicate"],
        items["excluded"],
        items["seen"],
        copies["available"],
        copies["imported"],
        copies["partial"],
        copies["skipped"],
        copies["failed"],
        copies["pending"],
    );
    assert!(text.contains(&line), "{text}\ndoes not have\n{line}");
    let words = world.done(&["status"]);
    for part in ["archived until", "(0 open)", &format!("chancery parked list {CONNECTOR}")] {
        assert!(words.stdout.contains(part), "`{part}`\n{words}");
    }
}

/// A log of Microsoft's connector that says of each of these windows' days what is archived, and `more` copies besides.
fn log(windows: &[Value], more: u64) -> String {
    let mut days: std::collections::BTreeMap<String, [u64; 2]> = std::collections::BTreeMap::new();
    for window in windows {
        let [fetched, there] = days.entry(window["end"].as_str().unwrap()[..10].to_owned()).or_default();
        *fetched += window["items"]["fetched"].as_u64().unwrap();
        *there += ["imported", "partial", "skipped"]
            .map(|count| window["copies"][count].as_u64().unwrap())
            .iter()
            .sum::<u64>();
    }
    let rows = days
        .iter()
        .map(|(day, [fetched, there])| format!("{day} 05:00:00,{fetched},{},{},0,0,0\n", there + more, there + more));
    let header = "Import completion time (UTC),Items available from source,Items available for import,Imported successfully,Partially imported,Skipped,Failed\n";
    header.to_owned() + &rows.collect::<String>()
}

#[test]
fn a_log_of_another_connector_is_compared_day_by_day() {
    let world = shared::archived().after.copy();
    let windows = world.done(&["report", CONNECTOR, "--json"]).json()["windows"].as_array().unwrap().clone();
    let compare = |text: &str, more: &[&str]| {
        std::fs::write(world.path("log.csv"), text).unwrap();
        world.run(&[&["report", CONNECTOR, "--compare", "log.csv"], more].concat())
    };
    let same = compare(&log(&windows, 0), &["--json"]);
    same.expect(0);
    let same = same.json();
    assert_eq!((&same["ok"], &same["fewer"]), (&true.into(), &0.into()), "{same}");
    assert!(same["compared"].as_u64().unwrap() >= 1, "{same}");

    let fewer = compare(&log(&windows, 7), &[]);
    fewer.expect(1);
    assert!(fewer.stdout.contains("FEWER: 7 less here") && fewer.stderr.contains("hint: look at"), "{fewer}");

    let other_days = compare("No items ingested on 02/29/2012.\n", &[]);
    other_days.expect(1);
    assert!(other_days.stdout.contains("no window ends on this day"), "{other_days}");

    let bad = compare(&log(&windows, 0).replacen(",0,0,0", ",0,none,0", 1), &[]);
    bad.expect(2);
    for part in ["`log.csv`, line 2, column 6: no count", "hint: "] {
        assert!(bad.stderr.contains(part), "`{part}`\n{bad}");
    }
    world.run(&["report", CONNECTOR, "--compare", "no-such.csv"]).expect(2);
}

#[test]
fn a_day_without_windows_says_so() {
    let archived = shared::archived();
    let ran = archived.after.copy().done(&["report", CONNECTOR, "--day", "2012-02-29"]);
    assert!(ran.stdout.contains("2012-02-29"), "{ran}");
    let empty = archived.before.copy();
    assert!(empty.done(&["report", CONNECTOR]).stdout.contains("No window was read yet"), "nothing was read");
    assert!(empty.done(&["status"]).stdout.contains("nothing yet"), "nothing was read");
}

#[test]
fn strict_says_3_when_something_is_parked() {
    let archived = shared::archived();
    archived.before.copy().run(&["sync", "--strict", "--json"]).expect(3);
    // Nothing is parked in a turn that only meets known items.
    archived.after.copy().run(&["sync", "--strict"]).expect(0);
}

#[test]
fn plan_says_what_would_happen_and_does_not_do_it() {
    let archived = shared::archived();
    let world = archived.before.copy();
    let plan = world.done(&["plan"]);
    assert!(plan.stdout.contains("due: 2 windows from "), "{plan}");
    let document = world.done(&["plan", "--json"]).json();
    assert!(document.as_array().unwrap().iter().all(|line| line["connector"] == CONNECTOR), "{document}");
    assert!(!world.path("mail").exists() || world.mails().is_empty(), "a plan reads nothing");
    let toml = std::fs::read_to_string(world.path("chancery.toml")).unwrap();
    std::fs::write(world.path("chancery.toml"), toml.replace("\"users\"", "\"uzers\"")).unwrap();
    let broken = world.run(&["plan"]);
    assert!(format!("{}{}", broken.stdout, broken.stderr).contains("uzers"), "{broken}");
}

#[test]
fn connectors_are_listed_shown_and_checked() {
    let archived = shared::archived();
    let world = archived.after.copy();
    expect_lines(
        &world,
        &world.done(&["connector", "list"]),
        "whatsapp             telemessage          daily at 02:00 Europe/Berlin",
    );
    let list = world.done(&["connector", "list", "--json"]).json();
    assert_eq!((&list[0]["name"], &list[0]["source"]), (&CONNECTOR.into(), &"telemessage".into()), "{list}");
    let shown = world.done(&["connector", "show", CONNECTOR]);
    let site = world.site().url();
    for part in ["telemessage", &site, "mapping.csv", "email", "maildir", "WhatsApp Archiver", "daily at 02:00"] {
        assert!(shown.stdout.contains(part), "`{part}`\n{shown}");
    }
    let checked = world.done(&["connector", "check", CONNECTOR]);
    assert!(checked.stdout.contains("Example Organisation"), "{checked}");
    let registered = world.story().people().iter().filter(|person| person.user_id.is_some()).count();
    let found = checked.stdout.split_whitespace().find_map(|word| word.parse::<usize>().ok());
    assert!(found.is_some_and(|found| found >= registered), "{registered} people\n{checked}");
    for secret in [&world.story().credentials().password[..], "tm_"] {
        for ran in [&shown, &checked] {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran}");
        }
    }
    let nobody = world.run(&["connector", "show", "nosuch"]);
    nobody.expect(2);
    assert!(nobody.stderr.contains("`nosuch`") && nobody.stderr.contains("hint: there are `whatsapp`"), "{nobody}");
}

#[test]
fn doctor_finds_a_healthy_installation_and_what_ails_it() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let archived = shared::archived();
    let world = archived.after.copy();
    let healthy = world.done(&["doctor", "--json"]).json();
    assert_eq!(healthy["ok"], true, "{healthy}");
    world.done(&["doctor"]);

    fs::set_permissions(world.path("data/keys"), fs::Permissions::from_mode(0o755)).unwrap();
    world.set_password("not the password");
    let ran = world.run(&["doctor", "--json"]);
    ran.expect(1);
    let document = ran.json();
    let bad: Vec<&Value> =
        document["findings"].as_array().unwrap().iter().filter(|finding| finding["ok"] == false).collect();
    for about in ["keys", CONNECTOR] {
        let finding = bad.iter().find(|finding| finding["about"] == about).unwrap_or_else(|| panic!("{about}\n{ran}"));
        assert!(finding["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{ran}");
    }
}

#[test]
fn every_reason_that_occurs_is_explained() {
    let archived = shared::archived();
    let world = archived.after.copy();
    let all = world.done(&["explain"]);
    for row in &archived.parked {
        assert!(all.stdout.contains(&row.reason), "{}\n{all}", row.reason);
        let one = world.done(&["explain", &row.reason]);
        assert!(one.stdout.contains(&row.hint), "{one}");
        let list = world.done(&["parked", "list", CONNECTOR, "--reason", &row.reason]);
        assert!(list.stdout.contains(&format!("{}: ", row.reason)) && list.stdout.contains("hint: "), "{list}");
    }
    world.run(&["explain", "no-such-reason"]).expect(2);
}

#[test]
fn json_stands_alone_on_stdout_and_words_for_people_on_stderr() {
    let archived = shared::archived();
    let world = archived.after.copy();
    for arguments in [
        &["sync", "--json"][..],
        &["sync", "--dry-run", "--json"],
        &["status", "--json"],
        &["report", CONNECTOR, "--json"],
        &["parked", "list", CONNECTOR, "--json"],
        &["mapping", "check", "mapping.csv", "--json"],
        &["plan", "--json"],
        &["connector", "list", "--json"],
        &["doctor", "--json"],
        &["plugin", "list", "--json"],
        &["plugin", "inspect", "telemessage", "--json"],
        &["ledger", "verify", "--json"],
    ] {
        world.done(arguments).json();
    }
}

#[test]
fn one_process_at_a_time_holds_the_data() {
    let archived = shared::archived();
    let world =
        archived.before.copy_with(world::Faults::none().on(world::Route::Items, 1.., world::Fault::Throttle(Some(60))));
    let mut first = crate::support::program::Running::start(world.command(&["sync"]));
    let reading = || world.site().requests().to(world::Route::Items) > 0;
    assert!(!first.wait_until(std::time::Duration::from_secs(60), reading), "the first turn ended early");
    let second = world.run(&["sync"]);
    assert!(matches!(second.code, Some(1 | 2)), "{second}");
    assert!(second.stderr.contains("in use") && second.stderr.contains("hint: "), "{second}");
    first.kill();
    world.site().set_faults(world::Faults::none());
    world.done(&["sync"]);
    archived.expect_same_end(&world, "after two at once");
}

#[test]
fn doctor_tries_each_route_and_names_what_is_in_its_way() {
    let world = shared::archived().after.copy();
    let routes = |world: &World, code| {
        let ran = world.run(&["doctor", "--json"]);
        ran.expect(code);
        let found = ran.json()["findings"].as_array().unwrap().clone();
        found.into_iter().filter(|finding| finding["about"] == "route").collect::<Vec<_>>()
    };
    let healthy = routes(&world, 0);
    let said = healthy[0]["text"].as_str().unwrap();
    assert!(healthy.len() == 1 && said.contains("for whatsapp: source: reached directly at 127.0.0.1"), "{healthy:?}");

    let toml = std::fs::read_to_string(world.path("chancery.toml")).unwrap();
    std::fs::write(world.path("chancery.toml"), toml.replace("127.0.0.0/8", "10.0.0.0/8")).unwrap();
    let forbidden = &routes(&world, 1)[0];
    assert_eq!(forbidden["ok"], false);
    assert!(forbidden["hint"].as_str().unwrap().contains("allowed_networks = [\"127.0.0.0/8\"]"), "{forbidden}");

    let sink = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = sink.local_addr().unwrap().port();
    drop(sink);
    std::fs::write(world.path("chancery.toml"), format!("{toml}\nproxy = \"http://user:hunter2@127.0.0.1:{port}\"\n"))
        .unwrap();
    let ran = world.run(&["doctor"]);
    ran.expect(1);
    assert!(ran.stdout.contains("BAD  route") && ran.stdout.contains("`[network] proxy`"), "{ran}");
    assert!(!ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"), "{ran}");
}
