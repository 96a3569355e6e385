//! The pages: what is shown of the documents, and the forms that act on them.
//!
//! What lives here: HTML and forms, one file a place. What may not: reading the state (`documents`), deciding.

mod activity;
mod connector;
mod connectors;
mod file;
mod ledger;
mod live;
mod mapping;
mod message;
mod parked;
mod plugins;
mod runs;
mod saved;

use axum::{Router, extract::State, response::Response, routing::get};
use maud::{Markup, html};

use super::{
    documents,
    kernel::{Actor, Console, Place, Trouble, back, page},
};
use crate::{
    item::{Failure, time::parse_instant},
    report::summary::{Copies, Items},
    scheduler::alerts,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/", get(|| async { back("/connectors") }))
        .route("/runs", get(|console, actor| choose(console, actor, Place::Runs)))
        .route("/parked", get(|console, actor| choose(console, actor, Place::Parked)))
        .route("/mapping", get(|console, actor| choose(console, actor, Place::Mapping)))
        .merge(connectors::routes())
        .merge(connector::routes())
        .merge(file::routes())
        .merge(runs::routes())
        .merge(saved::routes())
        .merge(message::routes())
        .merge(parked::routes())
        .merge(mapping::routes())
        .merge(plugins::routes())
        .merge(ledger::routes())
        .merge(activity::routes())
}

/// Which connector a place is about; with one, that one.
async fn choose(State(console): State<Console>, actor: Actor, place: Place) -> Result<Response, Trouble> {
    actor.require_any(place.rights())?;
    let names = console.read(documents::names).await?;
    if let [only] = names.as_slice() {
        return Ok(back(&format!("{}/{}", place.path(), segment(only))));
    }
    let body = html! {
        h1 { (place.name()) }
        @if names.is_empty() {
            p { "There is no connector yet." }
        } @else {
            p { "Of which connector?" }
            ul { @for name in &names { li { a href={ (place.path()) "/" (segment(name)) } { (name) } } } }
        }
    };
    Ok(page(&actor, place, place.name(), body))
}

/// A name as a part of a path.
pub(super) fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A pair in a query.
fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty())).finish()
}

/// A day as a form sends it; none when nothing was chosen.
fn day(text: Option<&str>) -> Result<Option<i64>, Trouble> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(parse_instant).transpose().map_err(|why| Trouble::Unfit(format!("the day: {why}")))
}

/// Tables may be wider than a page: this part of it moves sideways, by keyboard too.
fn wide(label: &str, table: &Markup) -> Markup {
    html! { div class="wide" role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// What is the matter.
fn alarms(alerts: &[alerts::Standing]) -> Markup {
    html! {
        @for alert in alerts {
            div class="problem" {
                p {
                    strong { (alert.alarm.code) } " "
                    @if let Some(connector) = &alert.alarm.connector { "(" (connector) ") " }
                    (alert.alarm.text)
                }
                p { (alert.alarm.hint) " Since " (alert.since) "." }
            }
        }
    }
}

/// A failure with its next step.
pub(super) fn failed(code: &str, message: &str, hint: Option<&str>) -> Markup {
    html! {
        div class="problem" {
            p { (message) " (" code { (code) } ")" }
            @if let Some(hint) = hint { p { (hint) } }
        }
    }
}

fn failure(failure: &Failure) -> Markup {
    failed(&failure.code, &failure.message, failure.hint.as_deref())
}

/// The counts that must balance.
fn counts(items: &Items, copies: &Copies) -> Markup {
    html! {
        dl {
            dt { "Items" }
            dd {
                (items.fetched) " fetched = " (items.delivered) " delivered + " (items.parked) " parked + "
                (items.duplicate) " duplicate + " (items.excluded) " excluded; " (items.seen) " seen before"
            }
            dt { "Copies" }
            dd {
                (copies.available) " available = " (copies.imported) " imported + " (copies.partial) " partial + "
                (copies.skipped) " skipped + " (copies.failed) " failed + " (copies.pending) " pending"
            }
        }
    }
}
