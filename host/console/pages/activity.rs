//! Who did what and when.

use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use maud::html;
use serde::Deserialize;

use super::{query, wide};
use crate::{
    console::{
        documents::activity,
        kernel::{Actor, Console, Place, Trouble, page, time},
    },
    item::limits::CONSOLE_ROWS,
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/activity", get(show))
}

#[derive(Debug, Default, Deserialize)]
struct Which {
    words: Option<String>,
    before: Option<usize>,
}

async fn show(
    State(console): State<Console>,
    actor: Actor,
    Query(Which { words, before }): Query<Which>,
) -> Result<Response, Trouble> {
    actor.require_any(Place::Activity.rights())?;
    let words = words.unwrap_or_default();
    let of = words.clone();
    let activity = console.read(move |host| activity::read(host, &of, before, CONSOLE_ROWS)).await?;
    let body = html! {
        h1 { "Activity" }
        form class="filter" method="get" {
            div { label for="words" { "Words" } input id="words" name="words" value=(words) autocomplete="off"; }
            button class="quiet" { "Show" }
        }
        @if activity.acts.is_empty() { p { "There is no such act." } } @else {
            (wide("Activity", &html! { table {
                caption { "Acts, newest first" }
                thead { tr { @for head in ["When", "Who", "Did what", "To what", "Why"] { th scope="col" { (head) } } } }
                tbody { @for act in &activity.acts { tr {
                    td { (time(act.at_ms)) } td { (act.actor) } td { (act.verb) } td { (act.subject) } td { (act.reason) }
                } } }
            } }))
        }
        @if let Some(before) = activity.before {
            p { a href={ "/activity?" (query(&[("words", &words), ("before", &before.to_string())])) } { "Older" } }
        }
    };
    Ok(page(&actor, Place::Activity, "Activity", body))
}
