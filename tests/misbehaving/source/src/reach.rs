//! Tries to get at what was not granted: other hosts, other files, other calls' blobs, the machine itself.
//!
//! Each attempt becomes an item whose text begins with `refused` or `escaped`, so that one page shows them all. What
//! the host should end by an error is passed on as that error.

use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::BuildHasher,
    time::{Instant, SystemTime},
};

use kit::{
    Blob, Error, Host,
    source::{HttpRequest, HttpResponse},
};

use crate::{CREDENTIAL, Settings, Table, honest::Attempt, memory};

type Reach = fn(&mut dyn Host, &Settings) -> Result<Vec<Attempt>, Error>;

pub(crate) const BEHAVIOURS: Table<Reach> = &[
    ("big-body", |host, settings| fetch_and_send(host, &settings.url("/big"))),
    ("big-request", big_request),
    ("blob-flood", blob_flood),
    ("blob-leak", blob_leak),
    ("blob-misuse", blob_misuse),
    ("forbidden-host", |host, _| fetch_and_send(host, "https://forbidden.example/")),
    ("header-smuggling", header_smuggling),
    ("hunts-secret", hunts_secret),
    ("ipv4-in-ipv6-url", |host, _| try_urls(host, IPV4_IN_IPV6.iter().map(|&url| url.to_owned()))),
    ("loopback-url", |host, _| try_urls(host, LOOPBACK.iter().map(|&url| url.to_owned()))),
    ("metadata-url", |host, _| try_urls(host, METADATA.iter().map(|&url| url.to_owned()))),
    ("odd-methods", odd_methods),
    ("odd-urls", |host, _| try_urls(host, ODD_URLS.iter().map(|&url| url.to_owned()))),
    ("outside-folder", outside_folder),
    ("oversized-read", oversized_read),
    ("read-clock", |_, _| Ok(read_clock())),
    ("read-machine", |_, _| Ok(read_machine())),
    ("redirect", |host, settings| fetch_and_send(host, &settings.url("/redirect"))),
    ("request-storm", request_storm),
    ("slow-body", |host, settings| send(host, &settings.url("/slow"))),
    ("unknown-credential", unknown_credential),
    ("userinfo-url", |host, settings| try_urls(host, userinfo_urls(settings))),
];

const IPV4_IN_IPV6: &[&str] = &[
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
];

const METADATA: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254:80/metadata/instance",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://169.254.170.2/v2/credentials/",
    "http://100.100.100.200/",
];

const LOOPBACK: &[&str] = &[
    "http://127.0.0.1/",
    "http://127.1/",
    "http://localhost/",
    "http://localhost./",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::]/",
];

const ODD_URLS: &[&str] = &[
    "",
    "/relative",
    "//forbidden.example/",
    "https:",
    "https:///",
    "file:///etc/passwd",
    "ftp://forbidden.example/",
    "unix:/var/run/docker.sock",
    "data:text/plain,x",
    "https://forbidden.example:99999/",
    "https://forbidden.example\r\nX-Injected: 1/",
    "https://forbidden.example\\@archive.example.com/",
    "https://forbidden.example#@archive.example.com/",
    "https://archive.example.com.forbidden.example/",
    "https://xn--80ak6aa92e.example/",
];

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest { method: "GET".to_owned(), url: url.into(), ..HttpRequest::default() }
}

fn status(response: HttpResponse) -> String {
    format!("status {}, {} bytes", response.status, response.body.len())
}

fn send(host: &mut dyn Host, url: &str) -> Result<Vec<Attempt>, Error> {
    let response = host.http_send(get(url))?;
    Ok(vec![Attempt::observed("send", status(response))])
}

/// Both ways out, as a naive plugin would go them: the host's error is passed on.
fn fetch_and_send(host: &mut dyn Host, url: &str) -> Result<Vec<Attempt>, Error> {
    let fetched = host.http_fetch(get(url))?;
    let size = fetched.blob.map_or(0, |blob| blob.size);
    let response = host.http_send(get(url))?;
    Ok(vec![
        Attempt::observed("fetch", format!("status {}, {size} bytes", fetched.status)),
        Attempt::observed("send", status(response)),
    ])
}

fn try_urls(host: &mut dyn Host, urls: impl Iterator<Item = String>) -> Result<Vec<Attempt>, Error> {
    let try_url = |url: String| {
        let got = host.http_send(get(url.as_str()));
        Attempt::new(format!("send {}", url.escape_default()), got, status)
    };
    Ok(urls.map(try_url).collect())
}

/// The granted host, where only a careless reader sees it.
fn userinfo_urls(settings: &Settings) -> impl Iterator<Item = String> + use<> {
    let (scheme, authority) = settings.site.split_once("://").unwrap_or(("https", &settings.site));
    [format!("{scheme}://user:secret@{authority}/"), format!("{scheme}://{authority}@forbidden.example/")].into_iter()
}

/// 10,000 requests, or as many as are let through.
fn request_storm(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    for number in 0..10_000 {
        host.http_send(get(settings.url(&format!("/storm/{number}"))))?;
    }
    Ok(vec![Attempt::found("10,000 requests", Some("all were sent".to_owned()))])
}

fn big_request(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    let body = Some(vec![b'x'; (1 << 20) + 1]);
    let request = HttpRequest { method: "POST".to_owned(), body, ..get(settings.url("/upload")) };
    Ok(vec![Attempt::new("a body over 1 MiB", host.http_send(request), status)])
}

fn unknown_credential(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    let request = HttpRequest { credential: Some("someone-elses".to_owned()), ..get(settings.url("/")) };
    Ok(vec![Attempt::new("a credential nobody granted", host.http_send(request), status)])
}

/// Makes the host sign in for it, then looks through all of its own memory for what was typed and what was given.
fn hunts_secret(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    let credential = Some(CREDENTIAL.to_owned());
    let response = host.http_send(HttpRequest { credential, ..get(settings.url("/hunt")) })?;
    let hunt = |(number, reversed): (usize, &str)| {
        let found = if memory::holds_reversed(reversed.as_bytes()) { "found" } else { "not found" };
        Attempt::observed(format!("hunt {number}"), format!("{number} {found}"))
    };
    let attempts = settings.hunt.split(',').enumerate().map(hunt).collect();
    // The answer is what is surely there.
    drop(std::hint::black_box(response));
    Ok(attempts)
}

/// Header fields that are the host's, and some that are two.
fn header_smuggling(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    const FIELDS: &[(&str, &str)] = &[
        ("Host", "forbidden.example"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("X-Plain", "one\r\nX-Injected: two"),
        ("X-Plain", "one\0two"),
        ("X-Injected: one\r\nX-Plain", "two"),
        ("X Space", "one"),
        ("", "one"),
    ];
    let try_field = |&(name, value): &(&str, &str)| {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let got = host.http_send(HttpRequest { headers, ..get(settings.url("/")) });
        Attempt::new(format!("{}: {}", name.escape_default(), value.escape_default()), got, status)
    };
    Ok(FIELDS.iter().map(try_field).collect())
}

fn odd_methods(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    let try_method = |method: &str| {
        let got = host.http_send(HttpRequest { method: method.to_owned(), ..get(settings.url("/")) });
        Attempt::new(format!("method {}", method.escape_default()), got, status)
    };
    Ok(["CONNECT", "TRACE", "", "GET / HTTP/1.1\r\nX-Injected: 1\r\n\r\nGET"].into_iter().map(try_method).collect())
}

/// By `..`, by an absolute path, by the link `link` and by the archive `link.zip` that a test lays in the folder.
fn outside_folder(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    let folder = &settings.folder;
    let paths = [
        "../secret".to_owned(),
        "/etc/passwd".to_owned(),
        ".".to_owned(),
        String::new(),
        format!("{folder}/../secret"),
        format!("{folder}/./../secret"),
        format!("{folder}\\..\\secret"),
        format!("{folder}/link"),
        format!("{folder}/link/secret"),
        format!("{folder}-and-more/secret"),
        format!("{folder}/a\0b"),
    ];
    let mut attempts = Vec::new();
    for path in &paths {
        let shown = path.escape_default();
        let entries = |entries: usize| format!("{entries} entries");
        attempts.push(Attempt::new(
            format!("list {shown}"),
            host.folder_entries(path).map(|found| found.len()),
            entries,
        ));
        attempts.push(Attempt::new(format!("read {shown}"), host.folder_read(path, 0, 64), bytes));
        attempts.push(Attempt::new(format!("keep {shown}"), host.folder_keep(path), blob));
    }
    for path in ["../secret.zip".to_owned(), format!("{folder}/link.zip")] {
        let got = host.archive_entries(&path).map(|found| found.len());
        attempts.push(Attempt::new(format!("open {path}"), got, |entries| format!("{entries} entries")));
        attempts.push(Attempt::new(format!("unpack {path}"), host.archive_read(&path, 0, 0, 64), bytes));
        attempts.push(Attempt::new(format!("keep from {path}"), host.archive_keep(&path, 0), blob));
    }
    Ok(attempts)
}

/// More than one read may return, and a place where nothing is.
fn oversized_read(host: &mut dyn Host, settings: &Settings) -> Result<Vec<Attempt>, Error> {
    let mut attempts = Vec::new();
    for entry in host.folder_entries(&settings.folder)? {
        let got = host.folder_read(&entry.path, 0, u32::MAX);
        attempts.push(Attempt::new(format!("all of {}", entry.path), got, bytes));
        let got = host.folder_read(&entry.path, u64::MAX, 64);
        attempts.push(Attempt::new(format!("behind {}", entry.path), got, bytes));
    }
    Ok(attempts)
}

/// Writes one blob until the host says no.
fn blob_flood(host: &mut dyn Host, _: &Settings) -> Result<Vec<Attempt>, Error> {
    let writer = host.blob_create()?;
    let chunk = vec![0; 4 << 20];
    loop {
        host.blob_write(writer, &chunk)?;
    }
}

/// Begins blobs until the host says no, and ends none.
fn blob_leak(host: &mut dyn Host, _: &Settings) -> Result<Vec<Attempt>, Error> {
    for _ in 0..1_000_000 {
        host.blob_create()?;
    }
    Ok(vec![Attempt::found("a million writers", Some("all were made".to_owned()))])
}

/// Writers that were never given, or are over, and a chunk over the limit.
fn blob_misuse(host: &mut dyn Host, _: &Settings) -> Result<Vec<Attempt>, Error> {
    let nothing = |()| String::new();
    let mut attempts = vec![
        Attempt::new("write to a guessed writer", host.blob_write(4_242, b"x"), nothing),
        Attempt::new("finish a guessed writer", host.blob_finish(4_242), blob),
    ];
    let writer = host.blob_create()?;
    attempts.push(Attempt::new("write over 4 MiB", host.blob_write(writer, &vec![0; (4 << 20) + 1]), nothing));
    let finished = host.blob_create()?;
    host.blob_write(finished, b"x")?;
    host.blob_finish(finished)?;
    attempts.push(Attempt::new("write after the end", host.blob_write(finished, b"x"), nothing));
    attempts.push(Attempt::new("finish twice", host.blob_finish(finished), blob));
    Ok(attempts)
}

/// Files, variables and arguments of the machine.
fn read_machine() -> Vec<Attempt> {
    let listed = |path: &str| fs::read_dir(path).ok().map(|entries| format!("{} entries", entries.count()));
    let some = |count: usize| (count > 0).then(|| count.to_string());
    vec![
        Attempt::found("list /", listed("/")),
        Attempt::found("list .", listed(".")),
        Attempt::found("read /etc/passwd", fs::read("/etc/passwd").ok().map(bytes)),
        Attempt::found("write /tmp/misbehaving", fs::write("/tmp/misbehaving", "x").ok().map(|()| String::new())),
        Attempt::found("variables", some(env::vars_os().count())),
        Attempt::found("arguments", some(env::args_os().count())),
    ]
}

/// Clock and randomness, which a pure plugin must find the same in every call.
fn read_clock() -> Vec<Attempt> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let waited = Instant::now().elapsed();
    vec![
        Attempt::observed("clock", since_epoch.map_or(-1, |time| time.as_nanos() as i128).to_string()),
        Attempt::observed("elapsed", waited.as_nanos().to_string()),
        Attempt::observed("random", RandomState::new().hash_one(0_u8).to_string()),
    ]
}

fn bytes(bytes: Vec<u8>) -> String {
    format!("{} bytes", bytes.len())
}

fn blob(blob: Blob) -> String {
    format!("{} bytes", blob.size)
}
