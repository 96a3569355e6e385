//! Following a link: the first account, or a new password.

use axum::{
    Extension, Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::html;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Said, said};
use crate::{
    console::kernel::{Asker, Console, Kind, OpenForm, Trouble, frame},
    item::{Failure, limits::PASSWORD_CHARS_MIN},
    pipeline,
    state::Act,
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/link/{secret}", get(show).post(follow))
}

async fn show(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(secret): Path<SecretString>,
) -> Result<Response, Trouble> {
    match console.people.link(&secret, console.now_ms()) {
        Ok(person) => Ok(form(&secret, person.as_deref(), "", None)),
        Err(failure) => Err(gone(&console, &asker, failure).await),
    }
}

async fn gone(console: &Console, asker: &Asker, failure: Failure) -> Trouble {
    if failure.code == "people-link" {
        console.refused(Kind::Link, None, asker.address).await;
    }
    failure.into()
}

fn form(secret: &SecretString, person: Option<&str>, name: &str, said: Option<&Said>) -> Response {
    let described = said.map(|_| "refused");
    let (title, what) = match person {
        Some(_) => ("Choose a password", "Choose a password"),
        None => ("Set up", "Make the first account"),
    };
    frame(
        title,
        html! {
            h1 { (what) }
            @if person.is_none() {
                p { "Whoever has it adds people and gives rights, their own included; nobody has another right at first." }
            }
            (Said::show(said))
            form method="post" action={ "/link/" (secret.expose_secret()) } {
                div class="field" {
                    label for="name" { "Name" }
                    @if let Some(person) = person {
                        input id="name" name="name" value=(person) autocomplete="username" readonly;
                    } @else {
                        input id="name" name="name" value=(name) autocomplete="username" autocapitalize="none" required
                            autofocus aria-describedby={ "name-hint " (described.unwrap_or_default()) };
                        p id="name-hint" class="hint" { "Lower-case letters, digits and " code { "-_.@+" } }
                    }
                }
                div class="field" {
                    label for="password" { "Password" }
                    input id="password" name="password" type="password" autocomplete="new-password" required
                        autofocus[person.is_some()] aria-describedby={ "password-hint " (described.unwrap_or_default()) };
                    p id="password-hint" class="hint" { "At least " (PASSWORD_CHARS_MIN) " characters; a few words are easier to keep" }
                }
                div class="field" {
                    label for="again" { "The same again" }
                    input id="again" name="again" type="password" autocomplete="new-password" required;
                }
                button { (what) }
            }
        },
    )
}

#[derive(Deserialize)]
struct Chosen {
    name: String,
    password: SecretString,
    again: SecretString,
}

async fn follow(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    Path(secret): Path<SecretString>,
    OpenForm(chosen): OpenForm<Chosen>,
) -> Result<Response, Trouble> {
    let now_ms = console.now_ms();
    let person = match console.people.link(&secret, now_ms) {
        Ok(person) => person,
        Err(failure) => return Err(gone(&console, &asker, failure).await),
    };
    let refused = |said: &Said| {
        let mut response = form(&secret, person.as_deref(), chosen.name.trim(), Some(said));
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        response
    };
    if chosen.password.expose_secret() != chosen.again.expose_secret() {
        return Ok(refused(&Said::new("The two passwords differ.")));
    }
    let host = console.host()?;
    let actor = person.clone().unwrap_or_else(|| chosen.name.trim().to_owned());
    let people = std::sync::Arc::clone(&console.people);
    let (name, password, link) = (chosen.name.trim().to_owned(), chosen.password.clone(), secret.clone());
    let runtime = tokio::runtime::Handle::current();
    let followed = pipeline::blocking(move || {
        let record = |verb: &str, subject: &str| Ok(host.state.record_act(Act::of(&actor, verb, subject, ""))?);
        runtime.block_on(people.follow_link(&link, &name, password, now_ms, &record))
    });
    match followed.await {
        Ok(name) => Ok(frame(
            "Done",
            html! {
                h1 { "Done" }
                p class="notice" role="status" { "The account " strong { (name) } " has its password. The link is used up." }
                p { a class="button" href="/sign-in" { "Sign in" } }
            },
        )),
        Err(failure) if failure.code == "people-link" => Err(gone(&console, &asker, failure).await),
        Err(failure) => Ok(refused(&said(failure)?)),
    }
}
