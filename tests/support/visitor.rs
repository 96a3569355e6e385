//! A browser without a screen: it keeps a session's cookie, finds forms and sends them as they stand.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// An answer is waited for no longer.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Somebody who visits the console.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    address: String,
    /// The secret of their session.
    pub(crate) session: Option<String>,
    /// Sent instead of a session.
    pub(crate) token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Page {
    /// Fails unless it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.body);
        self
    }

    /// Where it leads.
    #[track_caller]
    pub(crate) fn leads_to(&self, path: &str) {
        assert_eq!((self.status, self.headers.get("location").map(String::as_str)), (303, Some(path)), "{}", self.body);
    }

    /// What a form of it carries so that it is believed.
    pub(crate) fn form_token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"form_token\" value=\"").unwrap_or_else(|| panic!("{}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The first text between two others.
    pub(crate) fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", self.body));
        rest.split(after).next().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Visitor {
    /// Somebody new at this address.
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), session: None, token: None }
    }

    /// Asks with these further headers and this body.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", self.address);
        }
        if method != "GET" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        if let Some(session) = &self.session {
            head += &format!("Cookie: other=1; __Host-chancery={session}\r\n");
        }
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        stream.write_all(body).unwrap();
        let answer = whole(&mut stream);
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let lines: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let cookies = lines.iter().filter(|(name, _)| name == "set-cookie");
        for cookie in cookies.filter_map(|(_, value)| value.strip_prefix("__Host-chancery=")) {
            let secret = cookie.split(';').next().unwrap();
            self.session = (!secret.is_empty()).then(|| secret.to_owned());
        }
        let headers = lines.into_iter().collect::<BTreeMap<_, _>>();
        let body = if headers.get("transfer-encoding").is_some_and(|kind| kind == "chunked") {
            unchunked(body)
        } else {
            body.to_owned()
        };
        Page { status, headers, body }
    }

    pub(crate) fn get(&mut self, path: &str) -> Page {
        self.ask("GET", path, &[], b"")
    }

    /// Sends fields as a form does.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        self.ask("POST", path, &[kind], body.as_bytes())
    }

    /// Opens a page and sends a form of it to `path`.
    pub(crate) fn send(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get(page).expect(200).form_token();
        let mut all = vec![("form_token", &*token)];
        all.extend_from_slice(fields);
        self.post(path, &all)
    }

    /// Signs in.
    pub(crate) fn sign_in(&mut self, name: &str, password: &str) -> Page {
        self.post("/sign-in", &[("name", name), ("password", password)])
    }
}

/// An answer to its end: what its head says, or that of the connection. Not every server ends that when asked to.
fn whole(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        let head = answer.windows(4).position(|four: &[u8]| four == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if length.is_some_and(|length: usize| answer.len() >= head + 4 + length) {
                return answer;
            }
        }
        let read = stream.read(&mut piece).unwrap();
        if read == 0 {
            return answer;
        }
        answer.extend_from_slice(&piece[..read]);
    }
}

fn unchunked(mut rest: &str) -> String {
    let mut text = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let Some(part) = after.get(..size) else { break };
        text += part;
        rest = after.get(size + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
    }
    text
}
