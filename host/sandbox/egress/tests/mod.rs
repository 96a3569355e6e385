//! The gate against a server on this machine.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::item::descriptor::{CredentialScheme, HmacEncoding, HmacPart, HmacRecipe, LoginRecipe};

mod tokens;

/// A server that answers what a function says, and keeps the requests as they came.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `answer` gets the number of the request and its text, and returns everything that is sent back.
    async fn start(answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    let number = {
                        let mut kept = kept.lock().unwrap();
                        kept.push(request.clone());
                        kept.len() - 1
                    };
                    stream.write_all(answer(number, &request).as_bytes()).await.ok();
                    stream.shutdown().await.ok();
                });
            }
        });
        Self { address, seen }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        text += std::str::from_utf8(&buffer[..read]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(read > 0, "half a request: {text}");
            continue;
        };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn ok(body: &str) -> String {
    status("200 OK", "", body)
}

fn status(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn loopback() -> Network {
    Network { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Network::default() }
}

fn egress(origins: &[&str], credentials: Vec<Credential>) -> Egress {
    Egress::new(&loopback(), origins.iter().map(|origin| origin.parse().unwrap()).collect(), credentials).unwrap()
}

fn credential(scheme: CredentialScheme, origin: &str) -> Credential {
    Credential {
        name: "archive".to_owned(),
        asked_as: "site".to_owned(),
        scheme,
        origins: vec![origin.parse().unwrap()],
        username: Some("anna".to_owned()),
        proof: Proof::Secret(SecretString::from("hunter2-hunter2-hunter2")),
    }
}

fn get(url: String) -> Outgoing {
    Outgoing { method: "GET".to_owned(), url, headers: Vec::new(), body: None, credential: None }
}

fn signed(url: String) -> Outgoing {
    Outgoing { credential: Some("site".to_owned()), ..get(url) }
}

async fn body(egress: &Egress, outgoing: Outgoing) -> (u16, String) {
    let mut answer = egress.send(outgoing).await.unwrap();
    let body = answer.collect(1 << 20).await.unwrap();
    (answer.status, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn what_is_not_granted_is_denied_with_the_line_that_would_allow_it() {
    let egress = egress(&["https://a.example.com"], Vec::new());
    let failure = egress.send(get("https://b.example.com/path?key=1".into())).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("egress-denied", NextMove::AskPerson));
    assert_eq!(failure.message, "`https://b.example.com` is not granted to this connector's source");
    assert_eq!(
        failure.hint.unwrap(),
        "if it should be, in that connector: `grant = { source = { origins = [\"https://a.example.com\", \"https://b.example.com\"] } }`"
    );
    let failure = Egress::closed().send(get("https://a.example.com/".into())).await.unwrap_err();
    assert_eq!(failure.code, "egress-denied");
}

#[tokio::test]
async fn private_addresses_are_denied_as_written_and_as_resolved() {
    let server = Server::start(|_, _| ok("reached")).await;
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost"] {
        let origin: Origin = format!("http://{host}:{port}").parse().unwrap();
        let egress = Egress::new(&Network::default(), vec![origin], Vec::new()).unwrap();
        let failure = egress.send(get(format!("http://{host}:{port}/"))).await.unwrap_err();
        assert_eq!(failure.code, "egress-denied", "{failure}");
        assert!(failure.message.contains("a loopback address"), "{failure}");
        assert!(failure.hint.unwrap().contains("[network] allowed_networks = ["), "{host}");
    }
    assert!(server.seen().is_empty(), "nothing was sent");
    let allowed = egress(&[&format!("http://localhost:{port}")], Vec::new());
    assert_eq!(body(&allowed, get(format!("http://localhost:{port}/"))).await, (200, "reached".to_owned()));
}

#[tokio::test]
async fn malformed_requests_are_rejected() {
    let egress = egress(&["https://a.example.com"], Vec::new());
    let url = || "https://a.example.com/".to_owned();
    let table = [
        (Outgoing { url: "not a url".into(), ..get(url()) }, "request-malformed"),
        (Outgoing { url: "https://user:pw@a.example.com/".into(), ..get(url()) }, "egress-denied"),
        (Outgoing { url: "http://a.example.com/".into(), ..get(url()) }, "egress-denied"),
        (Outgoing { url: "file:///etc/passwd".into(), ..get(url()) }, "egress-denied"),
        (Outgoing { method: "CONNECT".into(), ..get(url()) }, "request-malformed"),
        (Outgoing { method: "GE T".into(), ..get(url()) }, "request-malformed"),
        (Outgoing { headers: vec![("a\r\nb".into(), "c".into())], ..get(url()) }, "request-malformed"),
        (Outgoing { body: Some(vec![0; limits::REQUEST_BODY_BYTES_MAX + 1]), ..get(url()) }, "too-large"),
        (signed(url()), "credential-missing"),
    ];
    for (outgoing, code) in table {
        let shown = format!("{} {}", outgoing.method, outgoing.url);
        assert_eq!(egress.send(outgoing).await.unwrap_err().code, code, "{shown}");
    }
}

fn signature() -> CredentialScheme {
    CredentialScheme::Hmac(HmacRecipe {
        parts: vec![HmacPart::Method, HmacPart::PathAndQuery],
        separator: " ".into(),
        header: "X-Signature".into(),
        prefix: "sha256=".into(),
        encoding: HmacEncoding::Hex,
        timestamp_header: None,
        key_header: Some("X-Key".into()),
    })
}

#[tokio::test]
async fn each_scheme_is_attached_and_the_guests_own_header_is_not() {
    let table = [
        (CredentialScheme::Basic, "authorization: Basic YW5uYTpodW50ZXIyLWh1bnRlcjItaHVudGVyMg==", "/x?a=1"),
        (CredentialScheme::Bearer, "authorization: Bearer hunter2-hunter2-hunter2", "/x?a=1"),
        (CredentialScheme::Header("X-Api-Key".into()), "x-api-key: hunter2-hunter2-hunter2", "/x?a=1"),
        (CredentialScheme::Query("key".into()), "GET /x?a=1&key=hunter2-hunter2-hunter2", "/x?a=1&key=forged"),
        (signature(), "x-key: anna", "/x?a=1"),
        // printf 'GET /x?a=1' | openssl dgst -sha256 -hmac hunter2-hunter2-hunter2
        (signature(), "x-signature: sha256=b4ad75c5850596f3b09f8b9498c47d586230b0b8d8111696a930b4bab98a14df", "/x?a=1"),
    ];
    for (scheme, expect, path) in table {
        let server = Server::start(|_, request| {
            status("200 OK", &format!("x-echo: {}\r\n", request.lines().next().unwrap()), request)
        })
        .await;
        let egress = egress(&[&server.origin()], vec![credential(scheme, &server.origin())]);
        let forged = ["Authorization", "X-Api-Key", "X-Signature", "X-Key"]
            .map(|name| (name.to_owned(), "forged".to_owned()))
            .to_vec();
        let outgoing = Outgoing { headers: forged, ..signed(format!("{}{path}", server.origin())) };
        let mut answer = egress.send(outgoing).await.unwrap();
        let echoed = answer.collect(1 << 20).await.unwrap();
        let seen = server.seen()[0].clone();
        assert!(seen.contains(expect), "{expect}: {seen}");
        assert!(!seen.contains("key=forged"), "{seen}");
        assert!(!answer.headers.iter().any(|(_, value)| value.contains("hunter2")), "{:?}", answer.headers);
        let echoed = String::from_utf8(egress.scrub().body(echoed)).unwrap();
        assert!(!echoed.contains("hunter2-") && !echoed.contains("YW5uYTpodW50ZXIy"), "{echoed}");
    }
}

#[tokio::test]
async fn a_credential_goes_only_where_it_is_bound() {
    let server = Server::start(|_, _| ok("")).await;
    let other = "https://elsewhere.example.com";
    let egress = egress(&[&server.origin()], vec![credential(CredentialScheme::Bearer, other)]);
    let failure = egress.send(signed(format!("{}/", server.origin()))).await.unwrap_err();
    assert_eq!(failure.code, "egress-denied");
    let hint = failure.hint.unwrap();
    assert_eq!(hint, format!("in `[credential.archive]`: `origins = [\"{other}\", \"{}\"]`", server.origin()));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn redirects_stay_within_the_grant_and_credentials_with_their_origin() {
    let target = Server::start(|_, _| ok("arrived")).await;
    let elsewhere = format!("{}/there", target.origin());
    let location = elsewhere.clone();
    let start = Server::start(move |_, request| match request.split(' ').nth(1).unwrap() {
        "/away" => status("302 Found", &format!("location: {location}\r\n"), ""),
        "/post" => status("303 See Other", "location: /here\r\n", ""),
        "/keep" => status("307 Temporary Redirect", "location: /here\r\n", ""),
        "/loop" => status("301 Moved Permanently", "location: loop\r\n", ""),
        "/file" => status("302 Found", "location: file:///etc/passwd\r\n", ""),
        "/choices" => status("300 Multiple Choices", "location: /here\r\n", "pick"),
        _ => ok("here"),
    })
    .await;
    let bearer = || vec![credential(CredentialScheme::Bearer, &start.origin())];
    let only_start = egress(&[&start.origin()], bearer());
    let both = egress(&[&start.origin(), &target.origin()], bearer());
    let url = |path: &str| format!("{}{path}", start.origin());

    let failure = only_start.send(signed(url("/away"))).await.unwrap_err();
    assert_eq!(failure.code, "egress-denied");
    assert!(failure.message.contains(&target.origin()), "{failure}");
    assert!(target.seen().is_empty());

    let outgoing = Outgoing {
        headers: vec![("cookie".into(), "a=b".into()), ("x-mine".into(), "1".into())],
        ..signed(url("/away"))
    };
    assert_eq!(body(&both, outgoing).await, (200, "arrived".to_owned()));
    let arrived = target.seen().remove(0);
    assert!(
        arrived.contains("x-mine: 1") && !arrived.contains("authorization") && !arrived.contains("cookie"),
        "{arrived}"
    );

    let post = |path: &str| Outgoing { method: "POST".into(), body: Some(b"text".to_vec()), ..signed(url(path)) };
    assert_eq!(body(&both, post("/post")).await.0, 200);
    assert!(
        start.seen().last().unwrap().starts_with("GET /here")
            && start.seen().last().unwrap().contains("Bearer hunter2")
    );
    assert_eq!(body(&both, post("/keep")).await.0, 200);
    assert!(start.seen().last().unwrap().starts_with("POST /here") && start.seen().last().unwrap().ends_with("text"));
    assert_eq!(body(&both, get(url("/choices"))).await, (300, "pick".to_owned()));
    let before = start.seen().len();
    assert_eq!(both.send(get(url("/loop"))).await.unwrap_err().code, "redirect-loop");
    assert_eq!(start.seen().len() - before, 1 + limits::REDIRECTS_MAX as usize);
    assert_eq!(both.send(get(url("/file"))).await.unwrap_err().code, "egress-denied");
}

#[tokio::test]
async fn bodies_are_bounded_and_a_broken_one_is_tried_again() {
    let server = Server::start(|_, request| match request.split(' ').nth(1).unwrap() {
        "/claims" => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_owned(),
        "/chunked" => format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\n{}\r\n64\r\n{0}\r\n0\r\n\r\n",
            "x".repeat(100)
        ),
        "/broken" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned(),
        "/silent?q=private" => String::new(),
        _ => status("500 Oops", "", "why"),
    })
    .await;
    let egress = egress(&[&server.origin()], Vec::new());
    for (path, bytes_max, code) in
        [("/claims", 999, "too-large"), ("/chunked", 199, "too-large"), ("/broken", 1_000, "no-answer")]
    {
        let mut answer = egress.send(get(format!("{}{path}", server.origin()))).await.unwrap();
        assert_eq!(answer.collect(bytes_max).await.unwrap_err().code, code, "{path}");
    }
    let mut answer = egress.send(get(format!("{}/chunked", server.origin()))).await.unwrap();
    assert_eq!(answer.collect(200).await.unwrap().len(), 200);
    let failure = egress.send(get(format!("{}/silent?q=private", server.origin()))).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("no-answer", NextMove::Retry { after: None }));
    assert!(!failure.message.contains("private"), "{failure}");
    assert_eq!(
        body(&egress, get(format!("{}/error", server.origin()))).await,
        (500, "why".to_owned()),
        "an answer, no error"
    );
}

fn login(origin: &str) -> Vec<Credential> {
    let recipe = LoginRecipe {
        path: "/v1/session".into(),
        username_field: "user".into(),
        password_field: "pass\"word".into(),
        token_pointer: "/session/token".into(),
        header: "X-Session".into(),
    };
    vec![credential(CredentialScheme::Login(recipe), origin)]
}

/// A site that gives tokens `token-N-…` and accepts only the newest `valid`.
async fn site(valid: Arc<Mutex<String>>) -> Server {
    let issued = Mutex::new(0);
    Server::start(move |_, request| {
        if request.starts_with("POST /v1/session") {
            let mut issued = issued.lock().unwrap();
            *issued += 1;
            let token = format!("token-{issued}-of-the-archive");
            *valid.lock().unwrap() = token.clone();
            return ok(&format!("{{\"session\":{{\"token\":\"{token}\"}}}}"));
        }
        match request.contains(&format!("x-session: Bearer {}\r\n", valid.lock().unwrap())) {
            true => ok("data"),
            false => status("401 Unauthorized", "", "sign in"),
        }
    })
    .await
}

fn logins(server: &Server) -> usize {
    server.seen().iter().filter(|request| request.starts_with("POST /v1/session")).count()
}

#[tokio::test]
async fn login_signs_in_once_for_many_requests_and_again_when_the_session_ran_out() {
    let valid = Arc::new(Mutex::new(String::new()));
    let server = site(Arc::clone(&valid)).await;
    let egress = egress(&[&server.origin()], login(&server.origin()));
    let url = format!("{}/items", server.origin());
    let many = futures::future::join_all((0..8).map(|_| body(&egress, signed(url.clone())))).await;
    assert!(many.iter().all(|answer| *answer == (200, "data".to_owned())), "{many:?}");
    assert_eq!(logins(&server), 1, "single flight");
    let posted = server.seen().into_iter().find(|request| request.starts_with("POST")).unwrap();
    assert!(posted.ends_with("{\"user\":\"anna\",\"pass\\\"word\":\"hunter2-hunter2-hunter2\"}"), "{posted}");

    *valid.lock().unwrap() = "expired".to_owned();
    let many = futures::future::join_all((0..8).map(|_| body(&egress, signed(url.clone())))).await;
    assert!(many.iter().all(|answer| answer.0 == 200), "{many:?}");
    assert_eq!(logins(&server), 2, "renewed once for all");
    assert_eq!(egress.scrub().text("Bearer token-2-of-the-archive"), "Bearer [secret]");
}

#[tokio::test]
async fn a_session_that_is_never_accepted_is_renewed_once_a_request() {
    let server = Server::start(|_, request| match request.starts_with("POST") {
        true => ok("{\"session\":{\"token\":\"useless\"}}"),
        false => status("401 Unauthorized", "", "no"),
    })
    .await;
    let egress = egress(&[&server.origin()], login(&server.origin()));
    assert_eq!(body(&egress, signed(format!("{}/items", server.origin()))).await, (401, "no".to_owned()));
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn a_login_that_does_not_work_says_what_to_do() {
    let table = [
        (status("401 Unauthorized", "", "wrong for anna"), "login-refused", NextMove::AskPerson),
        (status("403 Forbidden", "", ""), "login-refused", NextMove::AskPerson),
        (
            status("429 Slow", "retry-after: 7\r\n", ""),
            "login-failed",
            NextMove::Retry { after: Some(Duration::from_secs(7)) },
        ),
        (status("500 Oops", "", ""), "login-failed", NextMove::Retry { after: None }),
        (status("404 Not Found", "", ""), "login-failed", NextMove::AskPerson),
        (status("302 Found", "location: /elsewhere\r\n", ""), "login-failed", NextMove::AskPerson),
        (ok("not json"), "login-failed", NextMove::AskPerson),
        (ok("{\"token\":\"at the wrong place\"}"), "login-failed", NextMove::AskPerson),
        (ok("{\"session\":{\"token\":\"a\\r\\nb\"}}"), "login-failed", NextMove::AskPerson),
        (ok("{\"session\":{\"token\":\"\"}}"), "login-failed", NextMove::AskPerson),
        (ok("{\"session\":{\"token\":7}}"), "login-failed", NextMove::AskPerson),
    ];
    for (answer, code, next) in table {
        let shown = answer.clone();
        let server = Server::start(move |_, _| answer.clone()).await;
        let egress = egress(&[&server.origin()], login(&server.origin()));
        let url = format!("{}/items", server.origin());
        let failure = egress.send(signed(url.clone())).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), (code, next), "{shown}");
        assert!(!failure.message.contains("hunter2") && !failure.message.contains("wrong for"), "{failure}");
        if code == "login-refused" {
            assert_eq!(failure.hint.as_deref(), Some("chancery secret set archive"));
        }
        egress.send(signed(url)).await.unwrap_err();
        let tries = if next == NextMove::AskPerson { 1 } else { 2 };
        assert_eq!(logins(&server), tries, "a refused password is not tried again at once: {shown}");
    }
}

#[test]
fn credentials_that_cannot_work_are_found_at_once() {
    let origin = "https://a.example.com";
    let table = [
        (Credential { username: None, ..credential(CredentialScheme::Basic, origin) }, "no user name"),
        (Credential { username: None, ..login(origin).remove(0) }, "no user name"),
        (
            Credential { proof: Proof::Secret(SecretString::from("")), ..credential(CredentialScheme::Bearer, origin) },
            "secret is empty",
        ),
        (credential(CredentialScheme::Header("a b".into()), origin), "header's name"),
        (credential(CredentialScheme::Certificate, origin), "of another scheme"),
        (Credential { username: None, ..credential(signature(), origin) }, "no user name"),
    ];
    for (credential, reason) in table {
        let failure = Egress::new(&Network::default(), vec![origin.parse().unwrap()], vec![credential]).unwrap_err();
        assert!(failure.message.contains(reason), "{failure}");
        assert_eq!(failure.next, NextMove::AskPerson);
    }
    let debug = format!("{:?}", egress(&[origin], vec![credential(CredentialScheme::Bearer, origin)]));
    assert!(!debug.contains("hunter2"), "{debug}");
}
