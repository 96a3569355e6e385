//! A client of a few lines: one request a connection, nothing hidden, so that a test sees what the site sends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use world::Site;

/// An answer as it came.
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// Time from the request to the last byte.
    pub(crate) took: Duration,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// True when as many bytes came as were announced.
    pub(crate) fn is_whole(&self) -> bool {
        self.header("content-length").unwrap().parse::<usize>().unwrap() == self.body.len()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Somebody who talks to a site.
pub(crate) struct Client {
    address: String,
    pub(crate) token: Option<String>,
    /// Further header lines, each with its end.
    pub(crate) headers: String,
}

impl Client {
    /// Not signed in.
    pub(crate) fn stranger(site: &Site) -> Self {
        Self::at(&site.url())
    }

    /// Not signed in, at this origin.
    pub(crate) fn at(url: &str) -> Self {
        Self { address: url.strip_prefix("http://").unwrap().to_owned(), token: None, headers: String::new() }
    }

    pub(crate) async fn signed_in(site: &Site) -> Self {
        let mut client = Self::stranger(site);
        let reply = client.sign_in(&site.story().credentials().password).await;
        client.token = Some(reply.json()["token"].as_str().unwrap().to_owned());
        client
    }

    pub(crate) async fn sign_in(&self, password: &str) -> Reply {
        let body = json!({ "username": "archive@example.com", "password": password }).to_string();
        self.send("POST", "/v1/session", &body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let started = Instant::now();
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let authorization =
            self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let further = &self.headers;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\nContent-Length: {}\r\n{authorization}{further}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A broken connection is an answer too: what came before it counts.
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let body = answer.split_off(end + 4);
        let head = String::from_utf8(answer).unwrap();
        let status = head[9..12].parse().unwrap();
        Reply { status, head, body, took: started.elapsed() }
    }

    /// Every item of a window as listed, page by page.
    pub(crate) async fn items(&self, (from, to): (i64, i64), limit: u32) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&items_path((from, to), limit, &cursor)).await.json();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return items,
            }
        }
    }
}

pub(crate) fn items_path((from, to): (i64, i64), limit: u32, cursor: &str) -> String {
    format!("/v1/items?from={from}&to={to}&archiver=whatsapp&limit={limit}&cursor={cursor}")
}

pub(crate) fn count_path((from, to): (i64, i64)) -> String {
    format!("/v1/items/count?from={from}&to={to}&archiver=whatsapp")
}
