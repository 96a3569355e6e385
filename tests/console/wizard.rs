//! Adding a connector, with what nobody should send: hostile values, large files, two people, a session that ends in the
//! middle, a folder that cannot be written.

use std::fs;

use chancery::item::limits;

use super::{Console, PASSWORD};
use crate::support::visitor::{Page, Visitor};

/// Sends a form with files as browsers do.
fn upload(visitor: &mut Visitor, path: &str, fields: &[(&str, &str)], file: Option<&[u8]>) -> Page {
    const BOUNDARY: &str = "----a-boundary";
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    if let Some(file) = file {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\nContent-Type: application/x-evil\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    visitor.ask("POST", path, &[("Content-Type", &format!("multipart/form-data; boundary={BOUNDARY}"))], &body)
}

/// Opens a step and sends its form.
pub(super) fn step(visitor: &mut Visitor, step: &str, fields: &[(&str, &str)]) -> Page {
    let path = format!("/connectors/new/{step}");
    let token = visitor.get(&path).expect(200).form_token();
    upload(visitor, &path, &[&[("form_token", &*token)], fields].concat(), None)
}

pub(super) fn administrator(console: &Console, name: &str) -> Visitor {
    console.with_rights(name, &["administer-connectors"])
}

/// Everything but the last step, for a source that reads a folder.
pub(super) fn until_review(visitor: &mut Visitor, name: &str) {
    step(visitor, "source", &[("plugin", "whatsapp-export"), ("name", name)]).leads_to("/connectors/new/terms");
    let page = visitor.get("/connectors/new/terms").expect(200);
    let boxes: Vec<String> = page
        .body
        .split("type=\"checkbox\" name=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let ticked: Vec<(&str, &str)> = boxes.iter().map(|name| (&**name, "yes")).collect();
    step(visitor, "terms", &ticked).leads_to("/connectors/new/grant");
    step(visitor, "grant", &[("granted", "yes")]).leads_to("/connectors/new/settings");
    let settings = [("path", "inbox"), ("zone", "Europe/Berlin"), ("owner", "anna@example.com")];
    step(visitor, "settings", &settings).leads_to("/connectors/new/destination");
    step(visitor, "destination", &[("kind", "maildir")]).leads_to("/connectors/new/destination-settings");
    step(visitor, "destination-settings", &[("root", "mail"), ("domains", "example.com")])
        .leads_to("/connectors/new/mapping");
    step(visitor, "mapping", &[("automatic", "yes")]).leads_to("/connectors/new/schedule");
    step(visitor, "schedule", &[("schedule", "hourly")]).leads_to("/connectors/new/review");
}

#[test]
fn hostile_answers_are_shown_as_text_and_taken_by_nobody() {
    let console = Console::start();
    let mut anna = administrator(&console, "connie");
    let hostile = "\"><script>alert(1)</script>";
    for (field, value) in
        [("name", hostile), ("name", "../../etc"), ("plugin", hostile), ("name", &*"x".repeat(70_000))]
    {
        let mut fields = vec![("plugin", "telemessage"), ("name", "new")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let page = step(&mut anna, "source", &fields).expect(422);
        assert!(!page.body.contains("<script>alert"), "{field}");
        assert!(page.body.contains("aria-invalid=\"true\""), "{field}: the field says so");
    }
    // Later steps cannot be had early, nor ones that there are not.
    anna.get("/connectors/new/review").leads_to("/connectors/new/source");
    anna.get("/connectors/new/nothing").expect(404);
    let token = anna.get("/connectors/new/source").form_token();
    upload(&mut anna, "/connectors/new/schedule", &[("form_token", &token), ("schedule", "hourly")], None).expect(422);
    // Not a form at all, and one of another kind.
    anna.ask("POST", "/connectors/new/source", &[("Content-Type", "application/json")], b"{}").expect(415);
    anna.ask("POST", "/connectors/new/source", &[("Content-Type", "multipart/form-data; boundary=x")], b"no form")
        .expect(422);
    console.served.stop().expect(0);
}

#[test]
fn a_hundred_megabytes_are_refused_and_forgotten() {
    let console = Console::start();
    let mut anna = administrator(&console, "connie");
    let token = anna.get("/mapping/whatsapp").expect(200).form_token();
    let before = fs::read(console.world.path("mapping.csv")).unwrap();
    let large = vec![b'x'; 100 << 20];
    let fields = [("form_token", &*token)];
    let page = upload(&mut anna, "/mapping/whatsapp/preview", &fields, Some(&large)).expect(413);
    assert!(page.body.contains(&limits::CONSOLE_UPLOAD_BYTES_MAX.to_string()), "{}", page.body);
    let page = upload(&mut anna, "/mapping/whatsapp/preview", &fields, Some(b"\xff\xfe\x00=1+1,\x00")).expect(422);
    assert!(page.body.contains("cannot be used"), "{}", page.body);
    assert_eq!(fs::read(console.world.path("mapping.csv")).unwrap(), before);
    console.served.stop().expect(0);
}

#[test]
fn whoever_is_signed_out_in_the_middle_goes_on_where_they_were() {
    let console = Console::start();
    let mut connie = administrator(&console, "connie");
    step(&mut connie, "source", &[("plugin", "whatsapp-export"), ("name", "exports")])
        .leads_to("/connectors/new/terms");
    // Rights that change end the session.
    console.world.done(&["people", "grant", "connie", "operate"]);
    let page = upload(&mut connie, "/connectors/new/terms", &[("form_token", "old")], None);
    page.leads_to("/sign-in?next=%2Fconnectors%2Fnew%2Fterms");
    let sent = [("name", "connie"), ("password", PASSWORD), ("next", "/connectors/new/terms")];
    connie.post("/sign-in", &sent).leads_to("/connectors/new/terms");
    let page = connie.get("/connectors/new/source").expect(200);
    assert!(page.body.contains("value=\"exports\""), "{}", page.body);
    // Somebody else has a draft of their own.
    let mut dan = administrator(&console, "dan");
    assert!(!dan.get("/connectors/new/source").body.contains("value=\"exports\""));
    console.served.stop().expect(0);
}

/// A folder to read from, and one for connectors that is read. Returns the main file as it was.
pub(super) fn ready(console: &Console) -> String {
    fs::create_dir(console.world.path("inbox")).unwrap();
    let text = fs::read_to_string(console.world.path("chancery.toml")).unwrap();
    fs::write(console.world.path("chancery.toml"), format!("include = [\"connectors.d/*.toml\"]\n{text}")).unwrap();
    text
}

#[test]
fn of_two_who_add_the_same_one_is_told() {
    let console = Console::start();
    let text = ready(&console);
    let (mut connie, mut dan) = (administrator(&console, "connie"), administrator(&console, "dan"));
    until_review(&mut connie, "exports");
    until_review(&mut dan, "exports");
    step(&mut connie, "review", &[]).leads_to("/connectors/exports");
    let page = step(&mut dan, "review", &[]).expect(422);
    assert!(page.body.contains("connector-refused"), "{}", page.body);
    let file = fs::read_to_string(console.world.path("connectors.d/exports.toml")).unwrap();
    assert!(file.starts_with("[[connector]]\nname = \"exports\"\n"), "{file}");
    let mine = fs::read_to_string(console.world.path("chancery.toml")).unwrap();
    assert!(mine.ends_with(&text), "the other file stays as it was");
    console.served.stop().expect(0);
}

#[test]
fn a_folder_that_cannot_be_written_or_is_not_read_leaves_nothing_half_made() {
    let console = Console::start();
    fs::create_dir(console.world.path("inbox")).unwrap();
    let mut connie = administrator(&console, "connie");
    // A file stands where the folder would be: nobody can write into it, root neither.
    let _made_by_init = fs::remove_dir_all(console.world.path("connectors.d"));
    fs::write(console.world.path("connectors.d"), "").unwrap();
    until_review(&mut connie, "exports");
    let page = step(&mut connie, "review", &[]).expect(200);
    assert!(page.body.contains("[[connector]]") && page.body.contains("cannot be written"), "{}", page.body);
    fs::remove_file(console.world.path("connectors.d")).unwrap();
    // No `include` names the folder.
    let page = step(&mut connie, "review", &[]).expect(422);
    assert!(page.body.contains("include = ["), "{}", page.body);
    assert!(!console.world.path("connectors.d/exports.toml").exists());
    assert!(!console.world.done(&["connector", "list"]).stdout.contains("exports"));
    console.served.stop().expect(0);
}
