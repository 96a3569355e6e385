//! Signing in at the other side, for a credential that acts for a person: in the console, and from the command line.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    process::Stdio,
    sync::{Arc, Mutex},
};

use serde_json::json;

use super::{Console, openid};
use crate::support::world::World;

/// A token endpoint that redeems the code `good` once, and what it was asked. It lives as long as the test process.
fn endpoint() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (_, form) = openid::read(&mut stream);
            let is_good = form.contains("code=good&") && form.contains("client_secret=hidden+words");
            kept.lock().unwrap().push(form);
            let token = json!({ "access_token": "a-token", "refresh_token": "a-refresh-token", "expires_in": 60 });
            match is_good {
                true => openid::write(&mut stream, "200 OK", &token),
                false => openid::write(&mut stream, "400 Bad Request", &json!({ "error": "invalid_grant" })),
            }
        }
    });
    (origin, asked)
}

/// Adds the credential `crm` to a world's configuration.
fn configured(world: &World, origin: &str) {
    let file = world.path("chancery.toml");
    let text = fs::read_to_string(&file).unwrap();
    let credential = format!(
        "\n[credential.crm]\nscheme = \"oauth2\"\ngrant = \"authorization-code\"\nauthorization_url = \"{origin}/authorize\"\n\
         token_url = \"{origin}/token\"\nclient_id = \"chancery\"\nsecret = {{ file = \"crm-secret\" }}\n\
         scope = \"chats.read offline_access\"\norigins = [\"https://api.example.com\"]\n"
    );
    fs::write(file, text + &credential).unwrap();
    fs::write(world.path("crm-secret"), "hidden words\n").unwrap();
}

fn state_of(url: &str) -> String {
    let url: url::Url = url.replace("&amp;", "&").parse().unwrap();
    url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned()
}

#[test]
fn whoever_administers_connectors_signs_in_once() {
    let (origin, asked) = endpoint();
    let console = Console::start();
    configured(&console.world, &origin);
    console.served.signal(rustix::process::Signal::HUP);
    let mut connie = console.with_rights("connie", &["administer-connectors"]);
    let mut dan = console.with_rights("dan", &["administer-connectors"]);
    let mut page = connie.get("/credentials/crm/sign-in");
    while page.status != 200 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        page = connie.get("/credentials/crm/sign-in");
    }
    assert!(page.body.contains("/credentials/signed-in</code>"), "{}", page.body);
    assert!(page.body.contains("scope=chats.read+offline_access"), "{}", page.body);
    let url = page.between("class=\"button\" href=\"", "\"");
    assert!(url.starts_with(&format!("{origin}/authorize?response_type=code&amp;client_id=chancery")), "{url}");
    let state = state_of(url);
    let back = |state: &str, rest: &str| format!("/credentials/signed-in?{rest}&state={state}");
    // Somebody else's, or nobody's, is nothing; and it is taken once.
    dan.get(&back(&state, "code=good")).expect(422);
    connie.get(&back(&state, "code=good")).expect(422);
    connie.get(&back("made-up", "code=good")).expect(422);
    assert!(asked.lock().unwrap().is_empty());
    let mut anew = || {
        state_of(
            connie
                .get("/credentials/crm/sign-in")
                .expect(200)
                .between("href=\"http", "\"")
                .replacen("", "http", 1)
                .as_str(),
        )
    };
    let (refused, wrong, good) = (anew(), anew(), anew());
    assert!(connie.get(&back(&refused, "error=access_denied")).expect(422).body.contains("access_denied"));
    assert!(connie.get(&back(&wrong, "code=wrong")).expect(422).body.contains("invalid_grant"));
    connie.get(&back(&good, "code=good")).leads_to("/connectors");
    assert!(console.world.done(&["secret", "list"]).stdout.contains("crm-refresh-token"));
    let mut eve = console.with_rights("eve", &["evidence"]);
    eve.get("/credentials/crm/sign-in").expect(403);
    eve.get(&back(&good, "code=good")).expect(403);
    let acts = eve.get("/activity").expect(200).body;
    assert_eq!(acts.matches("secret sign-in").count(), 1, "{acts}");
    connie.get("/credentials/nothing/sign-in").expect(422);
    let said = [console.served.log(), acts].concat();
    assert!(!said.contains("a-refresh-token") && !said.contains("hidden words") && !said.contains("code=good"));
    console.served.stop().expect(0);
}

#[test]
fn from_the_command_line_the_address_is_pasted() {
    let (origin, _) = endpoint();
    let world = crate::support::shared::archived().after.copy();
    configured(&world, &origin);
    let paste = |answer: &dyn Fn(&str) -> String| {
        let mut command = world.command(&["secret", "sign-in", "crm"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.trim_start().starts_with("http") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "no address is told");
        }
        let answer = answer(&state_of(line.trim()));
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
        (child.wait().unwrap().success(), rest)
    };
    for (answer, expect) in [
        ("what is this\n", "is no address"),
        ("http://localhost:8765/?code=good&state=other\n", "belongs to another attempt"),
        ("", "is no address"),
    ] {
        let (done, said) = paste(&|_| answer.to_owned());
        assert!(!done && said.contains(expect), "{answer}: {said}");
    }
    let (done, said) = paste(&|state| format!("http://localhost:8765/?code=good&state={state}\n"));
    assert!(done && said.contains("chancery connector check"), "{said}");
    assert!(world.done(&["secret", "list"]).stdout.contains("crm-refresh-token"));
    let failed = world.run(&["secret", "sign-in", "nothing"]);
    assert!(failed.stderr.contains("is not defined"), "{}", failed.stderr);
}
