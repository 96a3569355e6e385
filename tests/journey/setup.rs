//! Adding a connector in a terminal: answers on lines, the same questions as in the console.

use std::{fs, io::Write as _, process::Stdio};

use crate::support::{
    shared,
    world::{DOMAIN, World},
};

/// A new installation beside the archived world's site.
fn fresh() -> World {
    let world = shared::archived().before.beside();
    world.run(&["init"]).expect(0);
    let config = fs::read_to_string(world.path("chancery.toml")).unwrap();
    fs::write(world.path("chancery.toml"), config + "\n[network]\nallowed_networks = [\"127.0.0.0/8\"]\n").unwrap();
    world
}

/// What the program says to these lines, and how it ends.
fn answered(world: &World, lines: &[&str]) -> (Option<i32>, String) {
    let mut command = world.command(&["connector", "add"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may end before it has read everything.
    let _heard = stdin.write_all((lines.join("\n") + "\n").as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), said)
}

fn lines(world: &World) -> Vec<String> {
    let credentials = world.story().credentials();
    let (start_ms, _) = world.story().span_ms();
    let since = jiff::Timestamp::from_millisecond(start_ms).unwrap().to_string();
    fs::write(world.path("people.csv"), world.story().mapping_csv()).unwrap();
    let mut lines: Vec<String> = ["telemessage", "chats"].map(str::to_owned).to_vec();
    // Each prerequisite, then the terms; the number of them is the plugin's.
    let asked = world.done(&["plugin", "inspect", "telemessage", "--json"]).json();
    let prerequisites = asked["descriptor"]["kind"]["Source"]["prerequisites"].as_array().unwrap().clone();
    let open = prerequisites.iter().filter(|of| of["checked"] == false).count();
    lines.extend(std::iter::repeat_n("yes".to_owned(), open + 1));
    lines.push("yes".to_owned());
    lines.extend([world.site().url(), String::new(), String::new(), String::new()]);
    lines.extend([credentials.username.clone(), credentials.password.clone()]);
    lines.extend(["maildir", DOMAIN, "", "no"].map(str::to_owned));
    lines.extend(["", "", "", DOMAIN, "people.csv"].map(str::to_owned));
    lines.extend(["hourly".to_owned(), since, String::new()]);
    lines.push("yes".to_owned());
    lines
}

#[test]
fn a_connector_is_added_by_answering_and_works() {
    let world = fresh();
    let lines = lines(&world);
    let (code, said) = answered(&world, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok: the source answers as") && said.contains("0 problems"), "{said}");
    let file = fs::read_to_string(world.path("connectors.d/chats.toml")).unwrap();
    assert!(
        !said.contains(&world.story().credentials().password) && file.contains("store = \"chats\""),
        "{file}\n{said}"
    );
    world.run(&["sync", "chats"]).expect(0);
    let status = world.done(&["status", "--json"]).json();
    assert!(status["connectors"][0]["items"]["delivered"].as_u64().unwrap() > 0, "{status}");
}

#[test]
fn an_input_that_ends_early_leaves_nothing_behind() {
    let world = fresh();
    let lines = lines(&world);
    for count in [0, 1, 4, 12, lines.len() - 1] {
        let some: Vec<&str> = lines.iter().take(count).map(String::as_str).collect();
        let (code, said) = answered(&world, &some);
        assert_eq!(code, Some(2), "after {count} lines: {said}");
        assert!(said.contains("nothing was written"), "{said}");
    }
    assert!(!world.path("connectors.d/chats.toml").exists() && !world.path("mappings").exists());
    assert!(!world.done(&["secret", "list"]).stdout.contains("chats"));
}

#[test]
fn a_wrong_answer_is_asked_again_and_a_taken_name_refused() {
    let world = fresh();
    let mut all = lines(&world);
    all.splice(0..2, ["paper", "chats", "telemessage", "../x", "telemessage", "chats"].map(str::to_owned));
    let (code, said) = answered(&world, &all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("  ! ").count(), 2, "{said}");
    let (code, said) = answered(&world, &["telemessage", "chats"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is taken"), "{said}");
}

#[test]
fn a_file_is_added_whole_or_not_at_all() {
    let world = fresh();
    let good = r#"[[connector]]
name = "exports"
source = { plugin = "whatsapp-export", settings = { path = "inbox", zone = "Europe/Berlin", owner = "anna@example.com" } }
mapper = { plugin = "users" }
converter = { plugin = "email" }
destinations = [{ kind = "maildir", root = "mail", mailboxes = { domains = ["example.com"] } }]
grant = { source = { folders = ["inbox"] } }
"#;
    fs::create_dir(world.path("inbox")).unwrap();
    let cases = [
        ("two connectors", good.repeat(2).replacen("exports", "others", 1)),
        ("a taken key", format!("data_dir = \"x\"\n{good}")),
        ("an unknown setting", good.replace("zone =", "zones =")),
        ("an unknown plugin", good.replace("\"users\"", "\"nobody\"")),
    ];
    for (what, text) in cases {
        fs::write(world.path("new.toml"), text).unwrap();
        let ran = world.run(&["connector", "add", "--from", "new.toml"]);
        assert_ne!(ran.code, Some(0), "{what}: {ran}");
        assert!(ran.stderr.contains("hint:"), "{what}: {ran}");
        assert!(
            fs::read_dir(world.path("connectors.d")).is_ok_and(|mut of| of.next().is_none())
                || !world.path("connectors.d").exists(),
            "{what}"
        );
    }
    fs::write(world.path("new.toml"), good).unwrap();
    world.run(&["connector", "add", "--from", "new.toml"]).expect(0);
    assert_eq!(fs::read_to_string(world.path("connectors.d/exports.toml")).unwrap(), good);
    assert_ne!(world.run(&["connector", "add", "--from", "new.toml"]).code, Some(0), "a second time");
}
