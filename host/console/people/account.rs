//! One's own account: rights, password, tokens.

use std::time::Duration;

use axum::{
    Extension, Router,
    extract::State,
    http::{StatusCode, header},
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Said, boxes, rights, said, secret_once, sign_in};
use crate::{
    console::kernel::{Actor, Asker, Console, Form, Kind, Place, Trouble, back, form_token, page, set_cookie, time},
    item::limits::{PASSWORD_CHARS_MIN, TOKEN_TIME_MAX},
    people::{NewToken, Refused, Right, Rights, Started},
    state::Act,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/account", get(show))
        .route("/account/password", post(change_password))
        .route("/account/tokens", post(make_token))
        .route("/account/tokens/revoke", post(revoke_token))
}

async fn show(State(console): State<Console>, actor: Actor) -> Response {
    shown(&console, &actor, &html! {}, None)
}

fn shown(console: &Console, actor: &Actor, news: &Markup, said: Option<&Said>) -> Response {
    let tokens = console.people.tokens().into_iter().filter(|token| token.person.as_deref() == Some(&actor.name));
    let tokens: Vec<_> = tokens.collect();
    let own: Vec<Right> = actor.rights.iter().copied().collect();
    let days_max = TOKEN_TIME_MAX.as_secs() / 86_400;
    page(
        actor,
        Place::Account,
        "Your account",
        html! {
            h1 { "Your account" }
            (news)
            (Said::show(said))
            h2 { "Your rights" }
            @if own.is_empty() {
                p { "You have none yet. Whoever administers people can give you some." }
            } @else {
                ul { @for right in &own { li { strong { (right.name()) } ": " (right.summary()) } } }
            }
            h2 { "Change your password" }
            form method="post" action="/account/password" {
                (form_token(actor))
                input type="hidden" name="username" value=(actor.name) autocomplete="username";
                (password("old", "The one you have", "current-password", None))
                (password("new", "A new one", "new-password", Some(PASSWORD_CHARS_MIN)))
                (password("again", "The new one again", "new-password", None))
                button { "Change it" }
                p class="hint" { "Every other browser you are signed in with is signed out." }
            }
            h2 { "Your tokens" }
            @if tokens.is_empty() {
                p { "You have no token. A program that uses " code { "/api/v1" } " needs one." }
            } @else {
                div class="wide" role="region" aria-label="Your tokens" tabindex="0" { table {
                    caption { "Your tokens" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "For" } th scope="col" { "Until" } th scope="col" { "Act" } } }
                    tbody { @for token in &tokens { tr {
                        th scope="row" { (token.name) }
                        td { (names(&token.scopes)) }
                        td { (time(token.ends_at_ms)) }
                        td { form method="post" action="/account/tokens/revoke" {
                            (form_token(actor))
                            input type="hidden" name="name" value=(token.name);
                            button class="danger" aria-label={ "Revoke " (token.name) } { "Revoke" }
                        } }
                    } } }
                } }
            }
            @if !own.is_empty() {
                form method="post" action="/account/tokens" {
                    (form_token(actor))
                    div class="field" {
                        label for="token-name" { "Name of a new token" }
                        input id="token-name" name="name" autocapitalize="none" autocomplete="off" required;
                    }
                    div class="field" {
                        label for="token-days" { "Days it lives" }
                        input id="token-days" name="days" type="number" min="1" max=(days_max) value="90" required;
                    }
                    (boxes("What it may be used for", &Rights::new(), &own))
                    button { "Make the token" }
                }
            }
        },
    )
}

fn password(id: &str, label: &str, complete: &str, chars_min: Option<usize>) -> Markup {
    html! {
        div class="field" {
            label for=(id) { (label) }
            input id=(id) name=(id) type="password" autocomplete=(complete) required
                aria-describedby=[chars_min.map(|_| format!("{id}-hint"))];
            @if let Some(chars_min) = chars_min { p id={ (id) "-hint" } class="hint" { "At least " (chars_min) " characters" } }
        }
    }
}

pub(super) fn names(rights: &Rights) -> String {
    rights.iter().map(|right| right.name()).collect::<Vec<_>>().join(", ")
}

fn refused(console: &Console, actor: &Actor, status: StatusCode, said: &Said) -> Response {
    let mut response = shown(console, actor, &html! {}, Some(said));
    *response.status_mut() = status;
    response
}

#[derive(Deserialize)]
struct Change {
    old: SecretString,
    new: SecretString,
    again: SecretString,
}

async fn change_password(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    actor: Actor,
    Form(change): Form<Change>,
) -> Result<Response, Trouble> {
    if change.new.expose_secret() != change.again.expose_secret() {
        let said = Said::new("The two new passwords differ.");
        return Ok(refused(&console, &actor, StatusCode::UNPROCESSABLE_ENTITY, &said));
    }
    let (host, name, now_ms) = (console.host()?, actor.name.clone(), console.now_ms());
    let record = |verb: &str, subject: &str| Ok(host.state.record_act(Act::of(&name, verb, subject, ""))?);
    let people = &console.people;
    match people.change_password(&name, change.old, change.new, asker.address, now_ms, &record).await {
        Ok(Started { secret, .. }) => {
            let mut response = back("/account");
            response.headers_mut().extend(set_cookie(&secret).map(|value| (header::SET_COOKIE, value)));
            Ok(response)
        }
        Err(Refused::Failed(failure)) => {
            Ok(refused(&console, &actor, StatusCode::UNPROCESSABLE_ENTITY, &said(failure)?))
        }
        Err(other) => {
            if matches!(other, Refused::Wrong | Refused::Wait(_)) {
                console.refused(Kind::SignIn, Some(&actor.name), asker.address).await;
            }
            let (status, text) = sign_in::explained(other)?;
            Ok(refused(&console, &actor, status, &Said::new(text)))
        }
    }
}

#[derive(Deserialize)]
struct MakeToken {
    name: String,
    days: u32,
    #[serde(default)]
    right: Vec<String>,
}

async fn make_token(
    State(console): State<Console>,
    actor: Actor,
    Form(make): Form<MakeToken>,
) -> Result<Response, Trouble> {
    let (scopes, person, now_ms) = (rights(&make.right)?, actor.name.clone(), console.now_ms());
    let (name, life) = (make.name.trim().to_owned(), Duration::from_secs(u64::from(make.days) * 86_400));
    let made = console.change_people(&actor.name, move |people, record| {
        people.add_token(&NewToken { name: &name, scopes, person: Some(&person), life }, now_ms, record)
    });
    match made.await {
        Ok(secret) => {
            let what = format!("The token {}. This is the only time it is shown.", make.name.trim());
            Ok(shown(&console, &actor, &secret_once(&what, secret.expose_secret()), None))
        }
        Err(Trouble::Failed(failure)) => {
            Ok(refused(&console, &actor, StatusCode::UNPROCESSABLE_ENTITY, &said(failure)?))
        }
        Err(trouble) => Err(trouble),
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn revoke_token(
    State(console): State<Console>,
    actor: Actor,
    Form(Named { name }): Form<Named>,
) -> Result<Response, Trouble> {
    let is_own = |token: &crate::people::Token| token.name == name && token.person.as_deref() == Some(&actor.name);
    if !console.people.tokens().iter().any(is_own) {
        return Err(Trouble::NotFound);
    }
    console.change_people(&actor.name, move |people, record| people.revoke_token(&name, record)).await?;
    Ok(back("/account"))
}
