//! Changing the file of a connector: two people at once, texts that do not fit, what is not changed from here.

use std::fs;

use super::{Console, wizard};
use crate::support::visitor::Visitor;

const FILE: &str = "connectors.d/exports.toml";

/// The connector `exports`, added by connie.
fn added(console: &Console) -> Visitor {
    wizard::ready(console);
    let mut connie = wizard::administrator(console, "connie");
    wizard::until_review(&mut connie, "exports");
    wizard::step(&mut connie, "review", &[]).leads_to("/connectors/exports");
    connie
}

/// What the page of the file carries: the form's token, and what the change is made from.
fn opened(visitor: &mut Visitor) -> [String; 2] {
    let page = visitor.get("/connectors/exports/file").expect(200);
    [page.form_token(), page.between("name=\"before\" value=\"", "\"").to_owned()]
}

#[test]
fn of_two_who_change_the_same_file_one_is_told() {
    let console = Console::start();
    let mut connie = added(&console);
    let mut dan = wizard::administrator(&console, "dan");
    let text = fs::read_to_string(console.world.path(FILE)).unwrap();
    let [connies, dans] = [opened(&mut connie), opened(&mut dan)];
    let send = |visitor: &mut Visitor, [token, before]: &[String; 2], text: &str| {
        visitor.post("/connectors/exports/file", &[("form_token", token), ("before", before), ("text", text)])
    };
    let first =
        format!("# Agreed with legal, case 7\r\n{}", text.replace("\"hourly\"", "\"daily at 03:00 Europe/Berlin\""));
    send(&mut connie, &connies, &first).leads_to("/connectors/exports");
    let written = fs::read_to_string(console.world.path(FILE)).unwrap();
    assert_eq!(written, first.replace("\r\n", "\n"), "comments stay, and line breaks are as they were");
    assert!(connie.get("/connectors/exports").body.contains("03:00"), "the service has read it");
    let second = format!("{text}# dan was here & <there>\n");
    let told = send(&mut dan, &dans, &second).expect(409);
    assert!(told.body.contains("connector-stale") && told.body.contains("case 7"), "{}", told.body);
    assert!(told.body.contains("# dan was here &amp; &lt;there&gt;"), "his text is not lost: {}", told.body);
    assert_eq!(fs::read_to_string(console.world.path(FILE)).unwrap(), written);
    let anew = opened(&mut dan);
    send(&mut dan, &anew, &format!("{written}# dan was here\n")).leads_to("/connectors/exports");
    let acts = console.with_rights("eve", &["evidence"]).get("/activity").expect(200).body;
    assert_eq!(acts.matches("connector edit").count(), 2, "{acts}");
    console.served.stop().expect(0);
}

#[test]
fn a_text_that_does_not_fit_changes_nothing() {
    let console = Console::start();
    let mut connie = added(&console);
    let [token, before] = opened(&mut connie);
    let text = fs::read_to_string(console.world.path(FILE)).unwrap();
    let renamed = text.replace("name = \"exports\"", "name = \"other\"");
    let two = format!("{text}\n{renamed}");
    let cases: [(&str, &str, &str); 7] = [
        ("no TOML", "[[connector", "connectors.d/exports.toml"),
        ("nothing", " ", "it has the connectors"),
        ("another name", &renamed, "not `exports`"),
        ("one more", &two, "not `exports`"),
        ("a key of the machine", &format!("data_dir = \"/elsewhere\"\n{text}"), "may hold only"),
        ("a key that there is not", &text.replace("schedule =", "shedule ="), "shedule"),
        ("a plugin that there is not", &text.replace("\"whatsapp-export\"", "\"nothing\""), "nothing"),
    ];
    for (what, sent, said) in cases {
        let fields = [("form_token", &*token), ("before", &*before), ("text", sent)];
        let page = connie.post("/connectors/exports/file", &fields).expect(422);
        assert!(page.body.contains(said), "{what}: {}", page.body);
        assert_eq!(fs::read_to_string(console.world.path(FILE)).unwrap(), text, "{what}");
    }
    // One that stands beside the keys of the machine is not changed from here.
    let page = connie.get("/connectors/whatsapp/file").expect(422);
    assert!(page.body.contains("not changed from here"), "{}", page.body);
    connie.get("/connectors/nothing/file").expect(404);
    let acts = console.with_rights("eve", &["evidence"]).get("/activity").expect(200).body;
    assert!(!acts.contains("connector edit"), "{acts}");
    console.served.stop().expect(0);
}

#[test]
fn programs_say_which_file_they_change() {
    let console = Console::start();
    added(&console);
    let token =
        console.world.done(&["token", "create", "files", "--scope", "administer-connectors", "--person", "connie"]);
    let mut program = console.visitor();
    program.token = Some(token.stdout.trim().to_owned());
    let path = "/api/v1/connectors/exports/file";
    let file = program.get(path).expect(200).json();
    let text = format!("# by a program\n{}", file["text"].as_str().unwrap());
    let kind = ("Content-Type", "text/plain");
    program.ask("PUT", path, &[kind], text.as_bytes()).expect(422);
    let old = format!("\"{}\"", "0".repeat(64));
    program.ask("PUT", path, &[kind, ("If-Match", &old)], text.as_bytes()).expect(409);
    let digest = format!("\"{}\"", file["digest"].as_str().unwrap());
    program.ask("PUT", path, &[kind, ("If-Match", &digest)], text.as_bytes()).expect(200);
    program.ask("PUT", path, &[kind, ("If-Match", &digest)], text.as_bytes()).expect(409);
    assert_eq!(program.get(path).expect(200).json()["text"], text);
    console.served.stop().expect(0);
}
