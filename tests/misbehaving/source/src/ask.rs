//! Asks its site how many items there are, and takes trouble there in the ways that authors do. `asks` alone does it right.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use kit::{
    Error, ErrorKind, Host,
    source::{HttpRequest, HttpResponse, Page, PullRequest},
};

use crate::{Settings, Table, honest};

type Ask = fn(&mut dyn Host, &Settings, &PullRequest) -> Result<Page, Error>;

pub(crate) const BEHAVIOURS: Table<Ask> = &[
    ("asks", |host, settings, request| honest::page(request, count(&told(&ask(host, settings, "/count")?)?)?)),
    ("asks-and-swallows", |host, settings, request| match ask(host, settings, "/count")? {
        answer if answer.status == 200 => honest::page(request, count(&answer)?),
        _ => Ok(honest::empty_page()),
    }),
    ("asks-and-gives-up", |host, settings, request| match ask(host, settings, "/count")? {
        answer if answer.status == 200 => honest::page(request, count(&answer)?),
        _ => Err(Error::new(ErrorKind::Denied, "no-answer-here", "the site does not answer")),
    }),
    ("asks-and-hurries", |host, settings, request| match ask(host, settings, "/count")? {
        answer if answer.status == 429 => Err(Error::new(ErrorKind::RateLimited, "slow-down", "the site is busy")),
        answer => honest::page(request, count(&told(&answer)?)?),
    }),
    ("asks-and-trusts", |host, settings, request| {
        let answer = ask(host, settings, "/count")?;
        let answer = told(&answer)?;
        assert!(count(&answer).is_ok(), "misbehaving on purpose, as `asks-and-trusts` asks");
        honest::page(request, count(&answer)?)
    }),
    ("asks-and-remembers", |host, settings, request| {
        // What one call remembers is only there for the next when it ends well.
        static FAILED: AtomicBool = AtomicBool::new(false);
        let asked = |host: &mut dyn Host| count(&told(&ask(host, settings, "/count")?)?);
        let remembered = u32::from(FAILED.load(Ordering::Relaxed));
        let count = asked(host).or_else(|_| {
            FAILED.store(true, Ordering::Relaxed);
            asked(host)
        })?;
        honest::page(request, count + remembered)
    }),
    ("asks-and-tells", |host, settings, request| {
        let page = honest::page(request, count(&told(&ask(host, settings, "/count")?)?)?)?;
        for item in &page.items {
            let _ = writeln!(io::stderr(), "read {}: {:?}", item.id, item.text);
        }
        Ok(page)
    }),
    ("asks-and-quotes", |host, settings, request| {
        let answer = ask(host, settings, "/count")?;
        let texts: Vec<String> = honest::page(request, 1)?.items.into_iter().filter_map(|item| item.text).collect();
        let quoted = |_| Error::new(ErrorKind::Retry, "no-count", format!("no number stands beside {texts:?}"));
        honest::page(request, count(&told(&answer)?).map_err(quoted)?)
    }),
    ("asks-anew", |host, settings, request| {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let path = format!("/count?again={}", ASKED.fetch_add(1, Ordering::Relaxed));
        honest::page(request, count(&told(&ask(host, settings, &path)?)?)?)
    }),
];

fn ask(host: &mut dyn Host, settings: &Settings, path: &str) -> Result<HttpResponse, Error> {
    host.http_send(HttpRequest {
        method: "GET".to_owned(),
        url: settings.url(path),
        headers: Vec::new(),
        body: None,
        credential: None,
    })
}

/// An answer that is one; what else the site says is to be tried again.
fn told(answer: &HttpResponse) -> Result<HttpResponse, Error> {
    let wait = answer.headers.iter().find(|(name, _)| name == "retry-after").and_then(|(_, value)| value.parse().ok());
    match answer.status {
        200 => Ok(answer.clone()),
        429 => Err(Error::new(ErrorKind::RateLimited, "slow-down", "the site is busy")
            .retry_after_ms(wait.unwrap_or(1_u64).saturating_mul(1000))),
        status => Err(Error::new(ErrorKind::Retry, "no-answer-here", format!("the site says {status}"))),
    }
}

fn count(answer: &HttpResponse) -> Result<u32, Error> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    let number = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::new(ErrorKind::Retry, "no-count", "the site's answer is no list of one number"))
}
