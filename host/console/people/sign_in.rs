//! Signing in and out.

use axum::{
    Extension, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use maud::html;
use secrecy::SecretString;
use serde::Deserialize;

use super::Said;
use crate::{
    console::kernel::{
        Actor, Asker, Console, Form, Kind, OpenForm, Trouble, back, clear_cookie, frame, safe_path, set_cookie,
    },
    people::{Refused, Started},
    state::Act,
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/sign-in", get(show).post(sign_in)).route("/sign-out", axum::routing::post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
struct Next {
    next: Option<String>,
}

async fn show(State(console): State<Console>, Query(Next { next }): Query<Next>) -> Response {
    form(&console, safe_path(next.as_deref()), "", None)
}

fn form(console: &Console, next: &str, name: &str, said: Option<&Said>) -> Response {
    let openid = console.service.host().and_then(|host| host.config.console.openid.clone());
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    let described = said.map(|_| "refused");
    frame(
        "Sign in",
        html! {
            h1 { "Sign in" }
            (Said::show(said))
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                div class="field" {
                    label for="name" { "Name" }
                    input id="name" name="name" value=(name) autocomplete="username" autocapitalize="none" required
                        autofocus[name.is_empty()] aria-describedby=[described];
                }
                div class="field" {
                    label for="password" { "Password" }
                    input id="password" name="password" type="password" autocomplete="current-password" required
                        autofocus[!name.is_empty()] aria-describedby=[described];
                }
                button { "Sign in" }
            }
            @if let Some(openid) = openid {
                p { "or" }
                p { a class="button quiet" href={ "/sign-in/openid?" (query) } { "Sign in at " (openid.issuer.host_str().unwrap_or("your directory")) } }
            }
        },
    )
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    next: String,
    name: String,
    password: SecretString,
}

async fn sign_in(
    State(console): State<Console>,
    Extension(asker): Extension<Asker>,
    OpenForm(sent): OpenForm<SignIn>,
) -> Result<Response, Trouble> {
    let (name, next) = (sent.name.trim(), safe_path(Some(&sent.next)));
    let started = console.people.sign_in(name, sent.password, asker.address, console.now_ms()).await;
    match started {
        Ok(Started { secret, session }) => {
            let act = Act::of(&session.name, "sign in", &session.name, &format!("from {}", asker.address));
            if let Err(trouble) = console.record(act).await {
                console.people.sign_out(&secret);
                return Err(trouble);
            }
            let mut response = back(next);
            response.headers_mut().extend(set_cookie(&secret).map(|value| (header::SET_COOKIE, value)));
            Ok(response)
        }
        Err(refused) => {
            if matches!(refused, Refused::Wrong | Refused::Wait(_)) {
                let known = console.people.find(name).map(|person| person.name);
                console.refused(Kind::SignIn, known.as_deref(), asker.address).await;
            }
            let (status, text) = explained(refused)?;
            let mut response = form(&console, next, name, Some(&Said::new(text)));
            *response.status_mut() = status;
            Ok(response)
        }
    }
}

/// What they are told: the same for a wrong name as for a wrong password.
pub(super) fn explained(refused: Refused) -> Result<(StatusCode, String), Trouble> {
    match refused {
        Refused::Wrong => Ok((StatusCode::UNAUTHORIZED, "Name or password is wrong.".to_owned())),
        Refused::Wait(wait) => {
            let text = format!("There were too many attempts. Wait {} seconds, then try again.", wait.as_secs().max(1));
            Ok((StatusCode::TOO_MANY_REQUESTS, text))
        }
        Refused::Busy => {
            let text = "Many people sign in at this moment. Try again.".to_owned();
            Ok((StatusCode::SERVICE_UNAVAILABLE, text))
        }
        Refused::Failed(failure) => Err(failure.into()),
    }
}

#[derive(Deserialize)]
struct Nothing {}

async fn sign_out(
    State(console): State<Console>,
    actor: Actor,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Trouble> {
    // Ended whether or not that can be recorded.
    if let Some(secret) = actor.session_secret() {
        console.people.sign_out(secret);
    }
    console.record(Act::of(&actor.name, "sign out", &actor.name, "")).await?;
    let mut response = back("/sign-in").into_response();
    response.headers_mut().append(header::SET_COOKIE, clear_cookie());
    Ok(response)
}
