//! Signing in by a directory: a small one that checks what it is sent.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{served::Served, shared, visitor::Visitor};

/// What the directory is to say of the next person.
#[derive(Clone)]
struct Says {
    claims: Value,
    /// What it was asked for, to be compared when the code is exchanged.
    challenge: String,
    nonce: String,
    /// Exchanges that it has answered.
    exchanges: u32,
}

/// A directory. It lives as long as the test process.
struct Directory {
    issuer: String,
    says: Arc<Mutex<Says>>,
}

impl Directory {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let says = Says { claims: json!({}), challenge: String::new(), nonce: String::new(), exchanges: 0 };
        let says = Arc::new(Mutex::new(says));
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
        let (of, shared) = (issuer.clone(), Arc::clone(&says));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &of, &key, &shared);
            }
        });
        Self { issuer, says }
    }
}

/// A request: its head, and its body.
pub(super) fn read(stream: &mut TcpStream) -> (String, String) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(read > 0, "a request that ends early: {text}");
    }
}

/// Answers with JSON.
pub(super) fn write(stream: &mut TcpStream, status: &str, document: &Value) {
    let text = document.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all((head + &text).as_bytes()).unwrap();
}

fn answer(mut stream: TcpStream, issuer: &str, key: &EcdsaKeyPair, says: &Mutex<Says>) {
    let (head, body) = read(&mut stream);
    let path = head.split(' ').nth(1).unwrap();
    let point = key.public_key().as_ref();
    let document = match path {
        "/.well-known/openid-configuration" => json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        }),
        "/keys" => json!({ "keys": [{ "kid": "1", "kty": "EC", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) }] }),
        "/token" => {
            let mut says = says.lock().unwrap();
            says.exchanges += 1;
            let sent = |name: &str| {
                url::form_urlencoded::parse(body.as_bytes())
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.into_owned())
            };
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sent("code_verifier").unwrap()));
            assert_eq!(challenge, says.challenge, "who exchanges the code did not ask for it");
            assert_eq!(
                (sent("code").as_deref(), sent("client_secret").as_deref()),
                (Some("a code"), Some("hidden words"))
            );
            let now = jiff::Timestamp::now().as_second();
            let mut claims = says.claims.clone();
            for (name, value) in [
                ("iss", json!(issuer)),
                ("aud", json!("chancery")),
                ("exp", json!(now + 60)),
                ("iat", json!(now)),
                ("nonce", json!(says.nonce)),
            ] {
                if claims.get(name).is_none() {
                    claims[name] = value;
                }
            }
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "1" })), part(&claims));
            let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            json!({ "id_token": format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())) })
        }
        other => panic!("the directory is asked for {other}"),
    };
    write(&mut stream, "200 OK", &document);
}

/// Goes to the directory, which says this of them, and comes back.
fn sign_in(directory: &Directory, visitor: &mut Visitor, claims: Value) -> (String, crate::support::visitor::Page) {
    let begun = visitor.get("/sign-in/openid?next=/runs").expect(303);
    let url: url::Url = begun.headers["location"].parse().unwrap();
    let asked =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", directory.issuer)), "{url}");
    assert_eq!((asked("code_challenge_method"), asked("response_type")), ("S256".into(), "code".into()));
    {
        let mut says = directory.says.lock().unwrap();
        (says.claims, says.challenge, says.nonce) = (claims, asked("code_challenge"), asked("nonce"));
    }
    let cookie = begun.headers["set-cookie"].split(';').next().unwrap().to_owned();
    let back = format!("/sign-in/openid/back?code=a+code&state={}", asked("state"));
    let page = visitor.ask("GET", &back, &[("Cookie", &cookie)], b"");
    (back, page)
}

#[test]
fn people_of_the_directory_get_the_rights_of_their_groups() {
    let directory = Directory::start();
    let world = shared::archived().after.copy();
    let text = crate::service::quiet(&world);
    let console = format!(
        "\n[console]\norigin = \"http://localhost:1\"\nopenid = {{ issuer = \"{}\", client_id = \"chancery\", client_secret = {{ file = \"openid-secret\" }}, groups = {{ law = [\"evidence\"] }} }}\n",
        directory.issuer
    );
    fs::write(world.path("chancery.toml"), text + &console).unwrap();
    fs::write(world.path("openid-secret"), "hidden words\n").unwrap();
    let served = Served::start(world.command(&crate::service::SERVE));
    let visitor = || Visitor::new(served.address());
    assert!(visitor().get("/sign-in").expect(200).body.contains("Sign in at 127.0.0.1"));

    let mut carla = visitor();
    let (back, page) =
        sign_in(&directory, &mut carla, json!({ "preferred_username": "Carla", "groups": ["law", "x"] }));
    page.leads_to("/runs");
    carla.get("/activity").expect(200);
    carla.get("/people").expect(403);
    assert!(carla.get("/account").expect(200).body.contains("carla"));
    // Coming back a second time, or in another browser, is nothing.
    let exchanges = || directory.says.lock().unwrap().exchanges;
    let before = exchanges();
    visitor().get(&back).expect(422);
    let refused = [
        ("no group of ours", json!({ "preferred_username": "dora", "groups": ["x"] })),
        ("no name", json!({ "groups": ["law"] })),
        ("a hostile name", json!({ "preferred_username": "<script>alert(1)</script>", "groups": ["law"] })),
        ("another application", json!({ "preferred_username": "dora", "groups": ["law"], "aud": "other" })),
        ("another sign-in", json!({ "preferred_username": "dora", "groups": ["law"], "nonce": "x" })),
        ("another issuer", json!({ "preferred_username": "dora", "groups": ["law"], "iss": "https://evil.example" })),
    ];
    for (what, claims) in refused {
        let mut dora = visitor();
        let (_, page) = sign_in(&directory, &mut dora, claims);
        assert!(page.status == 422 && dora.session.is_none(), "{what}: {} {}", page.status, page.body);
        assert!(!page.body.contains("<script>alert"), "{what}");
    }
    assert_eq!(exchanges(), before + 6);
    // Without the cookie of the browser that began it the code is not even exchanged.
    let mut elsewhere = visitor();
    let begun = elsewhere.get("/sign-in/openid").expect(303);
    let url: url::Url = begun.headers["location"].parse().unwrap();
    let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    visitor().get(&format!("/sign-in/openid/back?code=a+code&state={state}")).expect(422);
    assert_eq!(exchanges(), before + 6);
    assert!(!served.log().contains("hidden words"));
    served.stop().expect(0);
}
