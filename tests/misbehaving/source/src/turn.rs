//! Goes wrong over several calls: cursors that lead nowhere, errors, answers that depend on what came before.

use std::sync::atomic::{AtomicU32, Ordering};

use kit::{
    Attachment, Blob, Content, Error, ErrorKind, Host,
    source::{Page, PullRequest},
};

use crate::{Settings, Table, honest};

type Turn = fn(&mut dyn Host, &Settings, &PullRequest) -> Result<Page, Error>;

pub(crate) const BEHAVIOURS: Table<Turn> = &[
    ("bad-error", |_, _, _| Err(bad_error())),
    ("cursor-back", |_, _, request| {
        Ok(Page { cursor: Some(other_cursor(request)), bookmark: None, ..honest::page(request, 1)? })
    }),
    ("cursor-forever", |_, _, request| {
        Ok(Page { cursor: Some(honest::digits(honest::cursor(request)?.wrapping_add(1))), ..honest::empty_page() })
    }),
    ("cursor-same", |_, _, request| {
        Ok(Page { cursor: Some(honest::digits(0)), bookmark: None, ..honest::page(request, 1)? })
    }),
    ("fail-denied", |_, _, _| Err(failure(ErrorKind::Denied))),
    ("fail-first", |_, settings, request| match calls_before() {
        0 => Err(failure(ErrorKind::Retry).retry_after_ms(settings.wait_ms)),
        _ => honest::page(request, settings.items),
    }),
    ("fail-midway", |_, settings, request| match request.cursor {
        Some(_) => Err(failure(ErrorKind::Retry).retry_after_ms(settings.wait_ms)),
        None => honest::page(request, settings.items),
    }),
    ("fail-misconfigured", |_, _, _| Err(failure(ErrorKind::Misconfigured))),
    ("fail-other", |_, _, _| Err(failure(ErrorKind::Other))),
    ("fail-rate-limited", |_, settings, _| Err(failure(ErrorKind::RateLimited).retry_after_ms(settings.wait_ms))),
    ("fail-rejected", |_, _, _| Err(failure(ErrorKind::Rejected))),
    ("fail-retry", |_, settings, _| Err(failure(ErrorKind::Retry).retry_after_ms(settings.wait_ms))),
    ("keep-blob", keep_blob),
    ("lying-blob", lying_blob),
    ("panic-midway", |_, settings, request| {
        assert!(request.cursor.is_none(), "misbehaving on purpose, as `panic-midway` asks");
        honest::page(request, settings.items)
    }),
    ("remembers", |_, settings, request| {
        // The cursor says nothing: in a new instance this begins again.
        let cursor = Some(honest::digits(calls_before().wrapping_mul(request.max_items)));
        honest::page(&PullRequest { cursor, ..request.clone() }, settings.items)
    }),
    ("second-thoughts", |_, settings, request| {
        // Asked again for the same page, it has other items.
        let mut page = honest::page(request, settings.items)?;
        let call = calls_before();
        page.items.iter_mut().for_each(|item| item.id = format!("{}-{call}", item.id));
        Ok(page)
    }),
];

/// How many calls this instance has seen through here.
fn calls_before() -> u32 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed)
}

fn failure(kind: ErrorKind) -> Error {
    Error::new(kind, "made-up", "the source failed, because a test asked it to").hint("ask it for something else")
}

/// An error that breaks the rules for errors.
fn bad_error() -> Error {
    let mut error = Error::new(ErrorKind::Other, "NOT a\r\ncode", "\u{1b}[31mred\r\nalert\0 ".repeat(64 << 10));
    error.retry_after_ms = Some(u64::MAX);
    error.extensions = (0..1_000).map(|number| (format!("X {number}"), "x".repeat(100))).collect();
    error
}

/// 1, then 0, then 1, …
fn other_cursor(request: &PullRequest) -> Vec<u8> {
    honest::digits(u32::from(request.cursor.as_deref() != Some(b"1")))
}

fn made_blob(host: &mut dyn Host) -> Result<Blob, Error> {
    let writer = host.blob_create()?;
    host.blob_write(writer, b"hello")?;
    host.blob_finish(writer)
}

fn attach(page: &mut Page, blob: &Blob) {
    for item in &mut page.items {
        item.attachments.push(Attachment {
            name: Some("hello.txt".to_owned()),
            media_type: Some("text/plain".to_owned()),
            size: Some(5),
            content: Content::Present(blob.clone()),
            extensions: Vec::new(),
        });
    }
}

/// Makes a blob in one call and names it in the next, where its number means nothing.
fn keep_blob(host: &mut dyn Host, _: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let Some(kept) = &request.cursor else {
        let blob = made_blob(host)?;
        return Ok(Page {
            cursor: Some(format!("{} {}", blob.handle, blob.sha256).into_bytes()),
            ..honest::empty_page()
        });
    };
    let kept = String::from_utf8_lossy(kept);
    let (handle, sha256) = kept.split_once(' ').unwrap_or_default();
    let blob = Blob { handle: handle.parse().unwrap_or_default(), size: 5, sha256: sha256.to_owned() };
    let mut page = honest::page(&PullRequest { cursor: None, ..request.clone() }, 1)?;
    attach(&mut page, &blob);
    Ok(page)
}

/// Names a true blob with another size and another hash.
fn lying_blob(host: &mut dyn Host, _: &Settings, request: &PullRequest) -> Result<Page, Error> {
    let blob = made_blob(host)?;
    let mut page = honest::page(request, 1)?;
    attach(&mut page, &Blob { size: blob.size + 1, sha256: "0".repeat(64), ..blob });
    Ok(page)
}
