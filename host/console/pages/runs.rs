//! Runs: windows by day with their counts, their items, and one item.

use axum::{
    Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{counts, day, query, segment, wide};
use crate::{
    console::{
        documents::{
            items::{self, ItemDocument, OUTCOMES, OfWindow},
            runs::{self, Asked, RunsDocument, WindowDocument},
        },
        kernel::{Actor, Console, Place, Trouble, back, page, time},
    },
    item::{limits::CONSOLE_ROWS, reason},
    people::Right,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/runs/{name}", get(list))
        .route("/runs/{name}/windows/{window}", get(window))
        .route("/runs/{name}/items", get(find))
        .route("/runs/{name}/items/{item}", get(item))
}

/// Which windows.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    day: Option<String>,
    before: Option<u64>,
}

impl Which {
    pub(super) fn asked(&self, max: Option<usize>) -> Result<Asked, Trouble> {
        Ok(Asked { day_ms: day(self.day.as_deref())?, before: self.before, max })
    }
}

async fn list(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    actor.require_any(Place::Runs.rights())?;
    let (of, asked) = (name.clone(), which.asked(Some(CONSOLE_ROWS))?);
    let runs = console.read(move |host| runs::read(host, &of, asked)).await?;
    let path = format!("/runs/{}", segment(&name));
    let chosen = which.day.as_deref().unwrap_or_default().trim();
    let day_query = query(&[("day", chosen)]);
    let body = html! {
        h1 { "Runs of " (name) }
        form class="filter" method="get" action=(path) {
            div { label for="day" { "Day (UTC)" } input id="day" name="day" type="date" value=(chosen); }
            button class="quiet" { "Show" }
        }
        form class="filter" method="get" action={ (path) "/items" } {
            div { label for="id" { "The source's id of an item, or its number" } input id="id" name="id" required autocomplete="off"; }
            button class="quiet" { "Find" }
        }
        @if runs.windows.is_empty() {
            p { @if chosen.is_empty() { "No window was read yet." } @else { "No items were archived on " (chosen) ": no window touches that day." } }
        } @else {
            (counts(&runs.items, &runs.copies))
            (windows(&runs, &path))
            p { a href={ (path) "/windows.csv?" (day_query) } { "As CSV" } " · " a href={ (path) "/windows.json?" (day_query) } { "As JSON" } }
            @if let Some(before) = runs.before {
                p { a href={ (path) "?" (query(&[("day", chosen), ("before", &before.to_string())])) } { "Older windows" } }
            }
        }
    };
    Ok(page(&actor, Place::Runs, &format!("Runs of {name}"), body))
}

fn windows(runs: &RunsDocument, path: &str) -> Markup {
    wide(
        "Windows",
        &html! { table {
            caption { "Windows, newest first" }
            thead { tr {
                th scope="col" { "Window" } th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "State" }
                @for count in ["Fetched", "Delivered", "Parked", "Duplicate", "Excluded", "Seen"] { th scope="col" class="numbers" { (count) } }
            } }
            tbody { @for window in &runs.windows {
                @let of = &window.summary;
                tr {
                    th scope="row" { a href={ (path) "/windows/" (window.id) } { (window.id) } }
                    td { @if let Some(start_ms) = of.start { (time(start_ms)) } @else { (of.kind) } }
                    td { @if let Some(end_ms) = of.end { (time(end_ms)) } }
                    td { (state(window)) }
                    @for count in [of.items.fetched, of.items.delivered, of.items.parked, of.items.duplicate, of.items.excluded, of.items.seen] {
                        td class="numbers" { (count) }
                    }
                }
            } }
        } },
    )
}

fn state(window: &WindowDocument) -> Markup {
    let class = match window.summary.state {
        "sealed" => "ok",
        "closed" => "quiet",
        _ => "warn",
    };
    html! { span class={ "badge " (class) } { (window.summary.state) } }
}

/// Which items of a window.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Items {
    outcome: Option<String>,
    after: Option<u64>,
}

impl Items {
    pub(super) fn of(self, window: u64) -> OfWindow {
        let outcome = self.outcome.filter(|outcome| OUTCOMES.contains(&outcome.as_str()));
        OfWindow { window, outcome, after: self.after }
    }
}

async fn window(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
    Query(which): Query<Items>,
) -> Result<Response, Trouble> {
    actor.require_any(Place::Runs.rights())?;
    let asked = which.of(id);
    let (of, outcome) = (name.clone(), asked.outcome.clone());
    let read = move |host: &_| {
        let Some(window) = runs::window(host, &of, id)? else { return Ok(None) };
        let items = items::of_window(host, &of, &asked, CONSOLE_ROWS)?;
        Ok(items.map(|items| (window, items)))
    };
    let (window, found) = console.read(read).await?.ok_or(Trouble::NotFound)?;
    let path = format!("/runs/{}", segment(&name));
    let chosen = outcome.as_deref().unwrap_or_default();
    let body = html! {
        h1 { "Window " (id) " of " (name) }
        p {
            (state(&window)) " " (window.summary.kind) ", "
            @if let Some(start_ms) = window.summary.start { (time(start_ms)) " to " }
            @if let Some(end_ms) = window.summary.end { (time(end_ms)) }
        }
        (counts(&window.summary.items, &window.summary.copies))
        form class="filter" method="get" {
            div {
                label for="outcome" { "Items that are" }
                select id="outcome" name="outcome" {
                    option value="" { "anything" }
                    @for outcome in OUTCOMES { option value=(outcome) selected[outcome == chosen] { (outcome) } }
                }
            }
            button class="quiet" { "Show" }
        }
        @if found.items.is_empty() {
            p { "There is no such item." }
        } @else {
            (rows(&found.items, &path))
            @let of_these = format!("{path}/windows/{id}/items");
            @let which = query(&[("outcome", chosen)]);
            p { a href={ (of_these) ".csv?" (which) } { "As CSV" } " · " a href={ (of_these) ".json?" (which) } { "As JSON" } }
        }
        @if let Some(after) = found.after {
            p { a href={ (path) "/windows/" (id) "?" (query(&[("outcome", chosen), ("after", &after.to_string())])) } { "More items" } }
        }
    };
    Ok(page(&actor, Place::Runs, &format!("Window {id} of {name}"), body))
}

fn rows(items: &[ItemDocument], path: &str) -> Markup {
    wide(
        "Items",
        &html! { table {
            caption { "Items, in the order of the source" }
            thead { tr { @for head in ["Item", "Time", "Event", "Owner", "Outcome", "Reason", "Copies"] { th scope="col" { (head) } } } }
            tbody { @for item in items { tr {
                th scope="row" { a href={ (path) "/items/" (item.item) } { (item.item) } }
                td { (item.time.as_deref().unwrap_or("unknown")) }
                td { (item.event) }
                td { (item.owner.as_deref().unwrap_or_default()) }
                td { (badge(item.outcome)) }
                td { (item.reason.as_deref().unwrap_or_default()) }
                td class="numbers" { (item.copies.len()) }
            } } }
        } },
    )
}

/// An outcome with its colour.
pub(super) fn badge(outcome: &str) -> Markup {
    let class = match outcome {
        "delivered" | "imported" | "skipped" => "ok",
        "parked" => "bad",
        "partial" | "in-doubt" => "warn",
        _ => "quiet",
    };
    html! { span class={ "badge " (class) } { (outcome) } }
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    id: Option<String>,
}

async fn find(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(Wanted { id }): Query<Wanted>,
) -> Result<Response, Trouble> {
    actor.require_any(Place::Runs.rights())?;
    let (of, id) = (name.clone(), id.unwrap_or_default().trim().to_owned());
    let found = console.read(move |host| {
        let by_id = items::find(host, &of, &id)?;
        // What is no id may be a number.
        let number = id.parse().ok().filter(|number| items::read(host, &of, *number).is_ok());
        Ok(by_id.or(number))
    });
    match found.await? {
        Some(item) => Ok(back(&format!("/runs/{}/items/{item}", segment(&name)))),
        None => Err(Trouble::NotFound),
    }
}

async fn item(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
) -> Result<Response, Trouble> {
    actor.require_any(Place::Runs.rights())?;
    let of = name.clone();
    let item = console.read(move |host| items::read(host, &of, id)).await.map_err(|_| Trouble::NotFound)?;
    Ok(shown(&actor, &name, &item, &html! {}))
}

/// An item's page, with what else there is to say about it.
pub(super) fn shown(actor: &Actor, name: &str, item: &ItemDocument, more: &Markup) -> Response {
    let path = format!("/runs/{}", segment(name));
    let body = html! {
        h1 { "Item " (item.item) " of " (name) }
        dl {
            dt { "Outcome" }
            dd {
                (badge(item.outcome)) " "
                @if let Some(code) = &item.reason { code { (code) } " " (reason::find(code).map_or("", |reason| reason.meaning)) }
            }
            @if let Some(message) = &item.message { dt { "What would free it" } dd { (message) } }
            dt { "Source's id" } dd { @if item.source_id.is_empty() { "erased from the record" } @else { (item.source_id) } }
            dt { "Event" } dd { (item.event) }
            dt { "Time" } dd { (item.time.as_deref().unwrap_or("unknown")) }
            @if let Some(owner) = &item.owner { dt { "Found in the archive of" } dd { (owner) } }
            dt { "Window" } dd { a href={ (path) "/windows/" (item.window) } { (item.window) } }
            @for decision in &item.decisions { dt { "Decided" } dd { (decision.actor) ": " (decision.reason) } }
        }
        @if !item.copies.is_empty() {
            (wide("Copies", &html! { table {
                caption { "Copies" }
                thead { tr { @for head in ["Copy", "Destination", "For", "Outcome", "Reason", "What would free it"] { th scope="col" { (head) } } } }
                tbody { @for copy in &item.copies { tr {
                    th scope="row" { (copy.copy) }
                    td { (copy.destination + 1) }
                    td { (copy.mailbox.as_deref().or(copy.person.as_deref()).unwrap_or("erased")) }
                    td { (badge(&copy.outcome)) }
                    td { (copy.reason.as_deref().unwrap_or_default()) }
                    td { (copy.message.as_deref().unwrap_or_default()) }
                } } }
            } }))
        }
        @if actor.may(Right::ReadContent) { (super::message::ask(actor, name, item.item)) }
        (more)
    };
    page(actor, Place::Runs, &format!("Item {} of {name}", item.item), body)
}
