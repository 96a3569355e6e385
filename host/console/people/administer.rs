//! Who may do what: add people, give and take rights.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{Said, account::names, boxes, rights, said, secret_once};
use crate::{
    console::kernel::{Actor, Console, Form, Place, Trouble, back, form_token, page, time},
    item::{Failure, limits::LINK_TIME_MAX},
    people::{Person, Right, Rights},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/people", get(list).post(add))
        .route("/people/{name}", get(show).post(change))
        .route("/people/{name}/reset", post(reset))
        .route("/people/{name}/remove", post(remove))
}

async fn list(State(console): State<Console>, actor: Actor) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    Ok(listed(&console, &actor, &html! {}, None))
}

fn listed(console: &Console, actor: &Actor, news: &Markup, said: Option<&Said>) -> Response {
    let people = console.people.list();
    page(
        actor,
        Place::People,
        "People",
        html! {
            h1 { "People" }
            (news)
            div class="wide" role="region" aria-label="People" tabindex="0" { table {
                caption { "Who has an account" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Rights" } th scope="col" { "Since" } th scope="col" { "Password" } } }
                tbody { @for person in &people { tr {
                    th scope="row" { a href=(path(&person.name)) { (person.name) } }
                    td { @if person.rights.is_empty() { "none" } @else { (names(&person.rights)) } }
                    td { (time(person.added_at_ms)) }
                    td { @if person.has_password() { "chosen" } @else { span class="badge warn" { "not chosen yet" } } }
                } } }
            } }
            h2 { "Add somebody" }
            (Said::show(said))
            form method="post" action="/people" {
                (form_token(actor))
                div class="field" {
                    label for="name" { "Name" }
                    input id="name" name="name" autocomplete="off" autocapitalize="none" required aria-describedby="name-hint";
                    p id="name-hint" class="hint" { "Lower-case letters, digits and " code { "-_.@+" } "; an e-mail address will do" }
                }
                (boxes("Rights", &Rights::new(), &Right::ALL))
                button { "Add" }
            }
        },
    )
}

/// Names hold nothing that must be escaped in a path but `@` and `+`, which may stand there.
fn path(name: &str) -> String {
    format!("/people/{name}")
}

#[derive(Deserialize)]
struct Add {
    name: String,
    #[serde(default)]
    right: Vec<String>,
}

async fn add(State(console): State<Console>, actor: Actor, Form(sent): Form<Add>) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    let (name, wanted, now_ms) = (sent.name.trim().to_owned(), rights(&sent.right)?, console.now_ms());
    let added = console.change_people(&actor.name, {
        let name = name.clone();
        move |people, record| people.add(&name, &wanted, now_ms, record)
    });
    match added.await {
        Ok(secret) => Ok(listed(&console, &actor, &handed_over(&console, &name, secret.expose_secret()), None)),
        Err(Trouble::Failed(failure)) => Ok(unfit(listed(&console, &actor, &html! {}, Some(&said(failure)?)))),
        Err(trouble) => Err(trouble),
    }
}

fn unfit(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response
}

fn handed_over(console: &Console, name: &str, secret: &str) -> Markup {
    let days = LINK_TIME_MAX.as_secs() / 86_400;
    let what = format!("Give this link to {name}: with it they choose a password, once, within {days} days.");
    secret_once(&what, &console.address(&format!("/link/{secret}")))
}

async fn show(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    let person = console.people.find(&name).ok_or(Trouble::NotFound)?;
    Ok(shown(&actor, &person, &html! {}, None))
}

fn shown(actor: &Actor, person: &Person, news: &Markup, said: Option<&Said>) -> Response {
    let Person { name, rights, .. } = person;
    page(
        actor,
        Place::People,
        name,
        html! {
            h1 { (name) }
            (news)
            (Said::show(said))
            form method="post" action=(path(name)) {
                (form_token(actor))
                // What the form was made from: who else changed it meanwhile is not overruled unseen.
                input type="hidden" name="before" value=(names(rights));
                (boxes("Rights", rights, &Right::ALL))
                button { "Save" }
                p class="hint" { "Changed rights sign " (name) " out; signing in again brings the new ones." }
            }
            h2 { "Password" }
            form method="post" action={ (path(name)) "/reset" } {
                (form_token(actor))
                button class="danger" { "Take it away and make a link for a new one" }
            }
            h2 { "Remove" }
            form method="post" action={ (path(name)) "/remove" } {
                (form_token(actor))
                label class="choice" { input type="checkbox" name="sure" value="yes" required; "Their account, sessions and tokens end" }
                button class="danger" { "Remove " (name) }
            }
        },
    )
}

#[derive(Deserialize)]
struct Change {
    before: String,
    #[serde(default)]
    right: Vec<String>,
}

async fn change(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(sent): Form<Change>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    let person = console.people.find(&name).ok_or(Trouble::NotFound)?;
    let wanted = rights(&sent.right)?;
    if names(&person.rights) != sent.before {
        return Err(Trouble::Conflict(format!("somebody else changed the rights of `{name}`; open the page again")));
    }
    let given: Rights = wanted.difference(&person.rights).copied().collect();
    let taken: Rights = person.rights.difference(&wanted).copied().collect();
    let changed = console.change_people(&actor.name, {
        let name = name.clone();
        move |people, record| {
            // Taken first: only that can be refused.
            if !taken.is_empty() {
                people.revoke(&name, &taken, record)?;
            }
            if given.is_empty() { Ok(()) } else { people.grant(&name, &given, record) }
        }
    });
    changed_or_said(&actor, &person, changed.await, &path(&name))
}

fn changed_or_said(
    actor: &Actor,
    person: &Person,
    changed: Result<(), Trouble>,
    path: &str,
) -> Result<Response, Trouble> {
    match changed {
        Ok(()) => Ok(back(path)),
        Err(Trouble::Failed(failure)) => Ok(unfit(shown(actor, person, &html! {}, Some(&said(failure)?)))),
        Err(trouble) => Err(trouble),
    }
}

#[derive(Deserialize)]
struct Sure {
    #[serde(default)]
    sure: String,
}

async fn reset(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Sure { .. }): Form<Sure>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    let (person, now_ms) = (console.people.find(&name).ok_or(Trouble::NotFound)?, console.now_ms());
    let reset = console.change_people(&actor.name, {
        let name = name.clone();
        move |people, record| people.reset(&name, now_ms, record)
    });
    let secret = reset.await?;
    Ok(shown(&actor, &person, &handed_over(&console, &name, secret.expose_secret()), None))
}

async fn remove(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Sure { sure }): Form<Sure>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    let person = console.people.find(&name).ok_or(Trouble::NotFound)?;
    let removed: Result<(), Trouble> = if sure == "yes" {
        console.change_people(&actor.name, move |people, record| people.remove(&name, record)).await
    } else {
        let failure =
            Failure::new("people-name", crate::item::NextMove::AskPerson, "tick the box to remove the account");
        Err(failure.into())
    };
    changed_or_said(&actor, &person, removed, "/people")
}
