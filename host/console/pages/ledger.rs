//! Ledgers: checkpoints, verifying, holds.

use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{day, failure, wide};
use crate::{
    console::{
        documents::ledger::{self, LedgerDocument, Verified},
        kernel::{Actor, Console, Form, Place, Trouble, back, form_token, page},
    },
    item::{Failure, limits::REASON_CHARS_MAX},
    people::Right,
    state::HoldSubject,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/ledger", get(show))
        .route("/ledger/verify", post(verify))
        .route("/ledger/bundle", post(bundle))
        .route("/ledger/holds", post(hold))
        .route("/ledger/holds/release", post(release))
}

async fn show(State(console): State<Console>, actor: Actor) -> Result<Response, Trouble> {
    actor.require_any(Place::Ledger.rights())?;
    let ledger = console.read(ledger::read).await?;
    Ok(shown(&actor, &ledger, &html! {}))
}

fn shown(actor: &Actor, ledger: &LedgerDocument, news: &Markup) -> Response {
    let may_hold = actor.may(Right::AdministerConnectors);
    let body = html! {
        h1 { "Ledger" }
        (news)
        form method="post" action="/ledger/verify" class="actions" { (form_token(actor)) button { "Verify every byte now" } }
        (wide("Checkpoints", &html! { table {
            caption { "Signed checkpoints" }
            thead { tr { @for head in ["Connector", "Last group", "Head of the chain", "Checkpoints", "Last checkpoint"] { th scope="col" { (head) } } } }
            tbody { @for of in &ledger.ledgers { tr {
                th scope="row" { (of.name) }
                td class="numbers" { (of.group) }
                td { code { (of.head.get(..16).unwrap_or(&of.head)) } }
                td class="numbers" { (of.checkpoints) }
                td { (of.last.as_deref().unwrap_or("none yet")) }
            } } }
        } }))
        @if actor.may(Right::ReadContent) { (new_bundle(actor, ledger)) } @else {
            p class="hint" { "A day with its mails and its proof is bundled by somebody who may read content too, or by " code { "chancery ledger bundle" } "." }
        }
        h2 { "Holds" }
        @if ledger.holds.is_empty() { p { "Nothing is held: the record may be erased on request." } } @else {
            (wide("Holds", &html! { table {
                caption { "What is not erased" }
                thead { tr { @for head in ["What", "Since", "By", "Why", "Act"] { th scope="col" { (head) } } } }
                tbody { @for hold in &ledger.holds { tr {
                    th scope="row" { (hold.subject) }
                    td { (hold.since) } td { (hold.actor) } td { (hold.reason) }
                    td { @if may_hold {
                        form method="post" action="/ledger/holds/release" {
                            (form_token(actor))
                            input type="hidden" name="subject" value=(hold.subject);
                            label { "Why it is released" input name="reason" required maxlength=(REASON_CHARS_MAX) autocomplete="off"; }
                            button class="danger" { "Release" }
                        }
                    } }
                } } }
            } }))
        }
        @if may_hold { (new_hold(actor)) }
    };
    page(actor, Place::Ledger, "Ledger", body)
}

fn new_bundle(actor: &Actor, ledger: &LedgerDocument) -> Markup {
    html! {
        h2 { "Bundle a day" }
        form method="post" action="/ledger/bundle" {
            (form_token(actor))
            div class="field" {
                label for="connector" { "Connector" }
                select id="connector" name="connector" { @for of in &ledger.ledgers { option { (of.name) } } }
            }
            div class="field" { label for="day" { "Day (UTC)" } input id="day" name="day" type="date" required; }
            div class="field" {
                label for="why" { "Why" }
                input id="why" name="reason" required maxlength=(REASON_CHARS_MAX) autocomplete="off" aria-describedby="why-hint";
                p id="why-hint" class="hint" { "It holds mails, lists and proof in clear, in a folder on the host. Your name and this reason stand in the ledger." }
            }
            button { "Bundle it" }
        }
    }
}

#[derive(Deserialize)]
struct Day {
    connector: String,
    day: String,
    reason: String,
}

async fn bundle(State(console): State<Console>, actor: Actor, Form(sent): Form<Day>) -> Result<Response, Trouble> {
    let day_ms = day(Some(&sent.day))?.ok_or_else(|| Trouble::Unfit("choose a day".to_owned()))?;
    let made = console.bundle(&actor, &sent.connector, day_ms, reason(&sent.reason)?).await?;
    let news = html! {
        p class="notice" role="status" {
            (made.windows) " windows, " (made.items) " items and " (made.messages) " mails are in " code { (made.folder) }
            "; HOW-TO-CHECK.md in it says how it is checked."
        }
    };
    let ledger = console.read(ledger::read).await?;
    Ok(shown(&actor, &ledger, &news))
}

fn new_hold(actor: &Actor) -> Markup {
    html! {
        h3 { "Hold something" }
        form method="post" action="/ledger/holds" {
            (form_token(actor))
            fieldset {
                legend { "What" }
                label { input type="radio" name="kind" value="mailbox" checked; "a mailbox, by its address" }
                label { input type="radio" name="kind" value="person"; "a person, by the source's id" }
                label { input type="radio" name="kind" value="case"; "a case: everything" }
            }
            div class="field" { label for="subject" { "Address, id or the case's name" } input id="subject" name="subject" required maxlength="500" autocomplete="off"; }
            div class="field" { label for="reason" { "Why" } input id="reason" name="reason" required maxlength=(REASON_CHARS_MAX) autocomplete="off"; }
            button { "Hold it" }
        }
    }
}

#[derive(Deserialize)]
struct Nothing {}

async fn verify(
    State(console): State<Console>,
    actor: Actor,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Trouble> {
    actor.require(Right::Evidence)?;
    let host = console.host()?;
    let verified = tokio::task::spawn_blocking(move || ledger::verify(&host)).await;
    let verified = verified.map_err(|_| Trouble::Late)?;
    let ledger = console.read(ledger::read).await?;
    Ok(shown(&actor, &ledger, &outcome(&verified)))
}

fn outcome(verified: &Result<Vec<Verified>, Failure>) -> Markup {
    html! {
        section role="status" {
            @match verified {
                Err(why) => (failure(why)),
                Ok(ledgers) => {
                    p class="notice" { "Everything is as it was written." }
                    (wide("Verified", &html! { table {
                        caption { "What was read" }
                        thead { tr { @for head in ["Ledger", "Facts", "Groups", "Sealed entries", "Erased", "Checkpoints"] { th scope="col" { (head) } } } }
                        tbody { @for of in ledgers { tr {
                            th scope="row" { (of.name) }
                            @for count in [of.facts, of.groups, of.entries, of.erased, of.checkpoints] { td class="numbers" { (count) } }
                        } } }
                    } }))
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Hold {
    kind: String,
    subject: String,
    reason: String,
}

fn reason(text: &str) -> Result<&str, Trouble> {
    let text = text.trim();
    let fits = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    fits.then_some(text).ok_or_else(|| Trouble::Unfit(format!("say why, in 1 to {REASON_CHARS_MAX} characters")))
}

async fn hold(State(console): State<Console>, actor: Actor, Form(sent): Form<Hold>) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (why, what) = (reason(&sent.reason)?.to_owned(), reason(&sent.subject)?.to_owned());
    let subject = match &*sent.kind {
        "mailbox" => HoldSubject::Mailbox(what.to_lowercase()),
        "person" => HoldSubject::Person(what),
        "case" => HoldSubject::Case(what),
        _ => return Err(Trouble::Unfit("say what is held: a mailbox, a person or a case".to_owned())),
    };
    console.read(move |host| Ok(host.state.hold(&subject, &actor.name, &why)?)).await?;
    Ok(back("/ledger"))
}

#[derive(Deserialize)]
struct Release {
    subject: String,
    reason: String,
}

async fn release(State(console): State<Console>, actor: Actor, Form(sent): Form<Release>) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let why = reason(&sent.reason)?.to_owned();
    let released = console.read(move |host| {
        let held = host.state.holds()?.into_iter().find(|hold| hold.subject.text() == sent.subject);
        let Some(hold) = held else { return Ok(false) };
        host.state.release(&hold.subject, &actor.name, &why)?;
        Ok(true)
    });
    if released.await? { Ok(back("/ledger")) } else { Err(Trouble::NotFound) }
}
