//! Runs and items as files to keep. However many items a window has, a file of them is written while it is read.

use std::io;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::runs::{Items, Which};
use crate::{
    console::{
        documents::{
            items::{self, ItemDocument, OfWindow},
            runs::{self, RunsDocument},
        },
        kernel::{Actor, Console, Place, Trouble},
    },
    item::{Failure, NextMove, limits::CONSOLE_ROWS},
    report::{ConnectorSummary, csv},
    scheduler::Host,
};

const CSV: &str = "text/csv; charset=utf-8";
const JSON: &str = "application/json";

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/runs/{name}/windows.csv", get(windows_csv))
        .route("/runs/{name}/windows.json", get(windows_json))
        .route("/runs/{name}/windows/{window}/items.csv", get(items_csv))
        .route("/runs/{name}/windows/{window}/items.json", get(items_json))
}

/// A file to save.
fn file(kind: &'static str, name: &str, body: impl Into<Body>) -> Response {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{plain}\""));
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body.into()).into_response();
    response.headers_mut().extend(disposition.ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    response
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("host-panic", NextMove::Stop, format!("the report cannot be written: {error}"))
}

async fn windows(console: &Console, actor: &Actor, name: String, which: &Which) -> Result<RunsDocument, Trouble> {
    actor.require_any(Place::Runs.rights())?;
    let asked = which.asked(None)?;
    console.read(move |host| runs::read(host, &name, asked)).await
}

async fn windows_csv(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let runs = windows(&console, &actor, name.clone(), &which).await?;
    let windows = runs.windows.into_iter().rev().map(|window| window.summary).collect();
    let summary = ConnectorSummary { name: name.clone(), windows, error: None, warnings: Vec::new() };
    let text = csv::windows(&[summary]).map_err(|error| broken(&error))?;
    Ok(file(CSV, &format!("{name}.csv"), text))
}

async fn windows_json(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let runs = windows(&console, &actor, name.clone(), &which).await?;
    let text = serde_json::to_string_pretty(&runs).map_err(|error| broken(&error))?;
    Ok(file(JSON, &format!("{name}.json"), text))
}

async fn items_csv(
    State(console): State<Console>,
    actor: Actor,
    Path((name, window)): Path<(String, u64)>,
    Query(which): Query<Items>,
) -> Result<Response, Trouble> {
    let header = csv::lines([ITEM_COLUMNS.map(str::to_owned).to_vec()]).map_err(|error| broken(&error))?;
    let format = Format {
        header,
        text: |items, _| csv::lines(items.iter().flat_map(lines)).map_err(|error| broken(&error)),
        footer: "",
    };
    let body = items(&console, &actor, name.clone(), which.of(window), format).await?;
    Ok(file(CSV, &format!("{name}-{window}.csv"), body))
}

async fn items_json(
    State(console): State<Console>,
    actor: Actor,
    Path((name, window)): Path<(String, u64)>,
    Query(which): Query<Items>,
) -> Result<Response, Trouble> {
    let format = Format { header: "[\n".to_owned(), text: json, footer: "\n]\n" };
    let body = items(&console, &actor, name.clone(), which.of(window), format).await?;
    Ok(file(JSON, &format!("{name}-{window}.json"), body))
}

const ITEM_COLUMNS: [&str; 14] = [
    "item",
    "window",
    "time",
    "event",
    "source_id",
    "owner",
    "outcome",
    "reason",
    "copy",
    "destination",
    "mailbox",
    "person",
    "copy_outcome",
    "copy_reason",
];

/// A line for each copy; one for an item without any.
fn lines(item: &ItemDocument) -> Vec<Vec<String>> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let of_item = [
        item.item.to_string(),
        item.window.to_string(),
        text(&item.time),
        item.event.to_owned(),
        item.source_id.clone(),
        text(&item.owner),
        item.outcome.to_owned(),
        text(&item.reason),
    ];
    let line = |of_copy: [String; 6]| of_item.iter().cloned().chain(of_copy).collect();
    if item.copies.is_empty() {
        return vec![line(Default::default())];
    }
    let of_copy = item.copies.iter().map(|copy| {
        let (number, destination) = (copy.copy.to_string(), (copy.destination + 1).to_string());
        line([number, destination, text(&copy.mailbox), text(&copy.person), copy.outcome.clone(), text(&copy.reason)])
    });
    of_copy.collect()
}

fn json(items: &[ItemDocument], is_first: bool) -> Result<String, Failure> {
    let mut text = String::new();
    for (place, item) in items.iter().enumerate() {
        if place > 0 || !is_first {
            text.push_str(",\n");
        }
        text.push_str(&serde_json::to_string(item).map_err(|error| broken(&error))?);
    }
    Ok(text)
}

/// How items become a file.
struct Format {
    header: String,
    /// Of some items, and whether they are the first.
    text: fn(&[ItemDocument], bool) -> Result<String, Failure>,
    footer: &'static str,
}

/// The items of a window, written while they are read. A file that cannot be written to its end breaks off, which whoever
/// saves it is told by their browser.
async fn items(
    console: &Console,
    actor: &Actor,
    name: String,
    asked: OfWindow,
    format: Format,
) -> Result<Body, Trouble> {
    /// Parts that wait for whoever saves them.
    const PARTS_MAX: usize = 4;
    actor.require_any(Place::Runs.rights())?;
    let (of, window) = (name.clone(), asked.window);
    let is_there = console.read(move |host| Ok(runs::window(host, &of, window)?.is_some()));
    if !is_there.await? {
        return Err(Trouble::NotFound);
    }
    let (parts, taken) = mpsc::channel(PARTS_MAX);
    let host = console.host()?;
    tokio::task::spawn_blocking(move || {
        if let Err(failure) = write(&host, &name, &asked, &format, &parts) {
            tracing::warn!(connector = name, code = failure.code, "a list of items breaks off: {failure}");
            // Nobody may be there to hear it.
            let _gone = parts.blocking_send(Err(io::Error::other("it breaks off")));
        }
    });
    let parts = futures::stream::unfold(taken, |mut taken| async { taken.recv().await.map(|part| (part, taken)) });
    Ok(Body::from_stream(parts))
}

type Part = io::Result<Bytes>;

fn write(
    host: &Host,
    name: &str,
    asked: &OfWindow,
    format: &Format,
    parts: &mpsc::Sender<Part>,
) -> Result<(), Failure> {
    let send = |text: String| text.is_empty() || parts.blocking_send(Ok(Bytes::from(text))).is_ok();
    let (mut waiting, mut is_first, mut broken) = (Vec::with_capacity(CONSOLE_ROWS), true, None);
    if !send(format.header.clone()) {
        return Ok(());
    }
    let mut flush = |waiting: &mut Vec<ItemDocument>| {
        let text = (format.text)(waiting, is_first);
        waiting.clear();
        is_first = false;
        text.map(&send)
    };
    items::each(host, name, asked, |item| {
        waiting.push(item);
        waiting.len() < CONSOLE_ROWS
            || flush(&mut waiting).unwrap_or_else(|failure| {
                broken = Some(failure);
                false
            })
    })?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    if !waiting.is_empty() {
        flush(&mut waiting)?;
    }
    send(format.footer.to_owned());
    Ok(())
}
