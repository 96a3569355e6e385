//! What is parked, by reason; trying it again, and giving up on it.

use axum::{
    Router,
    extract::{Path, Query, State},
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{failed, live, query, segment, wide};
use crate::{
    console::{
        documents::{self, unknown},
        kernel::{Actor, Console, Form, Place, Trouble, back, form_token, page, time},
    },
    item::{
        limits::{CONSOLE_ROWS, REASON_CHARS_MAX},
        reason,
    },
    people::Right,
    pipeline::Selection,
    scheduler::{
        parked::{self, Parked},
        service::Retrying,
    },
    state::{CopyKey, Ordinal},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/parked/{name}", get(list))
        .route("/parked/{name}/live", get(follow))
        .route("/parked/{name}/retry", post(retry))
        .route("/parked/{name}/discard", post(discard))
}

#[derive(Debug, Default, Deserialize)]
struct Which {
    reason: Option<String>,
    after: Option<u64>,
    copy: Option<u16>,
}

async fn list(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    actor.require_any(Place::Parked.rights())?;
    let code = which.reason.filter(|code| !code.is_empty());
    let after = which.after.map(|item| CopyKey { ordinal: Ordinal(item), copy: which.copy.unwrap_or(CopyKey::WHOLE) });
    let (of, selection) = (name.clone(), Selection { reason: code.clone(), item: None });
    let read = move |host: &_| {
        let state = documents::state_of(host, &of)?;
        let counts = parked::by_reason(&state)?;
        Ok((counts, parked::list(&state, &selection, after, CONSOLE_ROWS)?))
    };
    let (counts, (rows, more)) = console.read(read).await?;
    let path = format!("/parked/{}", segment(&name));
    let may_retry = actor.may(Right::Operate);
    let body = html! {
        h1 { "Parked in " (name) }
        div data-live={ (path) "/live" } role="status" { (stands(console.service.retrying(&name).as_ref())) }
        @if counts.is_empty() {
            p { "Nothing is parked: every item is where it belongs." }
        } @else {
            ul class="cards" {
                @for (code, count) in &counts { li class="card" { (card(&actor, &path, code, *count, may_retry)) } }
            }
            form class="filter" method="get" {
                div {
                    label for="reason-filter" { "Reason" }
                    select id="reason-filter" name="reason" {
                        option value="" { "any" }
                        @for known in counts.keys() { option value=(known) selected[code.as_ref() == Some(known)] { (known) } }
                    }
                }
                button class="quiet" { "Show" }
            }
            @if rows.is_empty() { p { "There is nothing more." } } @else { (table(&actor, &name, &path, &rows, may_retry)) }
            @if let Some(more) = more {
                @let (after, copy) = (more.ordinal.0.to_string(), more.copy.to_string());
                p { a href={ (path) "?" (query(&[("reason", code.as_deref().unwrap_or_default()), ("after", &after), ("copy", &copy)])) } { "More" } }
            }
        }
    };
    Ok(page(&actor, Place::Parked, &format!("Parked in {name}"), body))
}

/// How the last retry stands.
fn stands(retrying: Option<&Retrying>) -> Markup {
    html! {
        @match retrying {
            None => {},
            Some(Retrying::Waiting) => p class="notice" { "A retry waits for the end of the turn under way." },
            Some(Retrying::Running) => p class="notice" { "A retry is under way." },
            Some(Retrying::Done { at_ms, tried, freed, still_parked }) => p class="notice" {
                "Tried " (tried) " at " (time(*at_ms)) ": " (freed) " delivered, " (still_parked) " still parked."
            },
            Some(Retrying::Failed { failure, .. }) => (failed(&failure.code, &failure.message, failure.hint.as_deref())),
        }
    }
}

fn card(actor: &Actor, path: &str, code: &str, count: u64, may_retry: bool) -> Markup {
    let known = reason::find(code);
    html! {
        h2 { (code) " " span class="badge bad" { (count) } }
        @if let Some(reason) = known { p { (reason.meaning) } p class="hint" { (reason.remedy) } }
        @if may_retry {
            div class="actions" {
                form method="post" action={ (path) "/retry" } {
                    (form_token(actor))
                    input type="hidden" name="reason" value=(code);
                    button { "Retry all of " (code) }
                }
            }
            details {
                summary { "Give up on all of " (code) }
                (give_up(actor, path, &format!("discard-{code}"), ("reason", code)))
            }
        }
    }
}

fn give_up(actor: &Actor, path: &str, id: &str, (what, value): (&str, &str)) -> Markup {
    html! {
        form method="post" action={ (path) "/discard" } {
            (form_token(actor))
            input type="hidden" name=(what) value=(value);
            div class="field" {
                label for=(id) { "Why they are not delivered" }
                input id=(id) name="because" required maxlength=(REASON_CHARS_MAX) autocomplete="off";
                p class="hint" { "Nobody gets them any more. Your name and this reason stand in the ledger." }
            }
            button class="danger" { "Discard" }
        }
    }
}

fn table(actor: &Actor, name: &str, path: &str, rows: &[Parked], may_retry: bool) -> Markup {
    wide(
        "Parked",
        &html! { table {
            caption { "Parked copies and items" }
            thead { tr { @for head in ["Item", "For", "Reason", "What would free it", "Act"] { th scope="col" { (head) } } } }
            tbody { @for row in rows { @let item = row.item.to_string(); tr {
                th scope="row" { a href={ "/runs/" (segment(name)) "/items/" (item) } { (item) @if let Some(copy) = row.copy { " copy " (copy) } } }
                td { @if row.mailbox.is_empty() { (row.source_user) } @else { (row.mailbox) } }
                td { (row.reason) }
                td { (row.message) }
                td {
                    @if may_retry {
                        form method="post" action={ (path) "/retry" } {
                            (form_token(actor))
                            input type="hidden" name="item" value=(item);
                            button class="quiet" aria-label={ "Retry item " (item) } { "Retry" }
                        }
                        details {
                            summary { "Give up on it" }
                            (give_up(actor, path, &format!("discard-{item}-{}", row.copy.unwrap_or_default()), ("item", &item)))
                        }
                    }
                }
            } } }
        } },
    )
}

async fn follow(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Result<Response, Trouble> {
    actor.require_any(Place::Parked.rights())?;
    live::stream(&console, &actor, move |console| stands(console.service.retrying(&name).as_ref()))
}

#[derive(Deserialize)]
struct Chosen {
    reason: Option<String>,
    item: Option<u64>,
    #[serde(default)]
    because: String,
}

impl Chosen {
    fn selection(&self) -> Selection {
        let reason = self.reason.clone().filter(|code| !code.is_empty());
        Selection { reason, item: self.item.map(Ordinal) }
    }
}

async fn retry(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Trouble> {
    actor.require(Right::Operate)?;
    if console.host()?.config.connector(&name).is_none() {
        return Err(unknown(&name).into());
    }
    console.service.retry(&name, chosen.selection(), &actor.name).await?;
    Ok(back(&format!("/parked/{}", segment(&name))))
}

async fn discard(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Trouble> {
    actor.require(Right::Operate)?;
    if chosen.because.chars().count() > REASON_CHARS_MAX {
        return Err(Trouble::Unfit(format!("say why, in 1 to {REASON_CHARS_MAX} characters")));
    }
    let (of, selection, who) = (name.clone(), chosen.selection(), actor.name.clone());
    console
        .read(move |host| {
            documents::state_of(host, &of)?;
            parked::discard(host, &of, &selection, &chosen.because, &who)
        })
        .await?;
    Ok(back(&format!("/parked/{}", segment(&name))))
}
