//! Signing in by an organisation's own directory.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
    routing::get,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    config::OpenIdConfig,
    console::kernel::{Asker, Console, Kind, Returning, Trouble, back, cookie_of, safe_path, set_cookie},
    item::{Failure, NextMove},
    network::{self, Attempt, OpenIdClient},
    people::{Right, Rights},
    scheduler::{self, Host},
    state::Act,
};

/// Binds an attempt to the browser that began it.
const COOKIE: &str = "__Host-chancery-openid";

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/sign-in/openid", get(begin))
        .route("/sign-in/openid/back", get(finish))
        .layer(Extension(Arc::<Attempts>::default()))
}

/// A sign-in whose person has not come back yet, and where they wanted to go.
type Attempts = Returning<(Attempt, String)>;

/// Rights by their names.
///
/// # Errors
/// `openid-refused`, with the first that there is not.
pub(in crate::console) fn check(config: &OpenIdConfig) -> Result<(), Failure> {
    let unknown = config.groups.values().flatten().find(|name| Right::parse(name).is_none());
    let Some(name) = unknown else { return Ok(()) };
    let known: Vec<&str> = Right::ALL.iter().map(|right| right.name()).collect();
    Err(refused(format!("`[console.openid.groups]` names `{name}`, which is no right"))
        .hint(format!("there are {}", known.join(", "))))
}

fn refused(message: String) -> Failure {
    Failure::new("openid-refused", NextMove::AskPerson, message)
}

fn client(console: &Console, host: &Host) -> Result<(OpenIdConfig, OpenIdClient), Trouble> {
    let config = host.config.console.openid.clone().ok_or(Trouble::NotFound)?;
    let secret = config
        .client_secret
        .as_ref()
        .map(|secret| scheduler::secret_of(&host.config, "the application `[console.openid]`", "openid", secret));
    let redirect = console.address("/sign-in/openid/back");
    let redirect = redirect.parse().map_err(|_| refused(format!("`{redirect}` is no address to come back to")))?;
    let client = OpenIdClient {
        issuer: config.issuer.clone(),
        client_id: config.client_id.clone(),
        secret: secret.transpose()?,
        scopes: config.scopes.clone(),
        redirect,
    };
    Ok((config, client))
}

#[derive(Debug, Default, Deserialize)]
struct Next {
    next: Option<String>,
}

async fn begin(
    State(console): State<Console>,
    Extension(attempts): Extension<Arc<Attempts>>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Trouble> {
    let host = console.host()?;
    let (_, client) = client(&console, &host)?;
    let mut random = [0; 96];
    getrandom::fill(&mut random).map_err(|error| refused(format!("the system gives no random numbers: {error}")))?;
    let begun = client.begin(&network::http_client(&host.config.network)?, &random).await?;
    let bound = cookie(begun.attempt.state.expose_secret(), "Max-Age=600");
    let state = begun.attempt.state.clone();
    attempts.keep(&state, (begun.attempt, safe_path(next.as_deref()).to_owned()), console.now_ms());
    let mut response = back(begun.url.as_str());
    response.headers_mut().extend(bound.map(|value| (header::SET_COOKIE, value)));
    Ok(response)
}

fn cookie(value: &str, age: &str) -> Option<HeaderValue> {
    let text = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; {age}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[derive(Debug, Default, Deserialize)]
struct Returned {
    code: Option<String>,
    state: Option<SecretString>,
    error: Option<String>,
}

async fn finish(
    State(console): State<Console>,
    Extension(attempts): Extension<Arc<Attempts>>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, Trouble> {
    let state = returned.state.unwrap_or_default();
    let is_bound = cookie_of(&headers, COOKIE).is_some_and(|bound| bound.expose_secret() == state.expose_secret());
    let waiting = attempts.take(&state, console.now_ms()).filter(|_| is_bound);
    let Some((attempt, next)) = waiting else {
        console.refused(Kind::SignIn, None, asker.address).await;
        return Err(refused("this sign-in was not begun in this browser, or too long ago".to_owned()).into());
    };
    let Some(code) = returned.code else {
        let why: String = returned.error.unwrap_or_default().chars().filter(char::is_ascii_graphic).take(64).collect();
        return Err(refused(format!("the directory did not let you in: {why}")).into());
    };
    let host = console.host()?;
    let (config, client) = client(&console, &host)?;
    let http = network::http_client(&host.config.network)?;
    let claims = client.finish(&http, &attempt, &code, console.now_ms()).await;
    if claims.as_ref().is_err_and(|failure| failure.code == "openid-refused") {
        console.refused(Kind::SignIn, None, asker.address).await;
    }
    let (name, rights) = meaning(&config, &claims?)?;
    let started = console.people.let_in(&name, rights, console.now_ms())?;
    let from = format!("by {} from {}", config.issuer.origin().ascii_serialization(), asker.address);
    if let Err(trouble) = console.record(Act::of(&name, "sign in", &name, &from)).await {
        console.people.sign_out(&started.secret);
        return Err(trouble);
    }
    let mut response = back(&next);
    let headers = response.headers_mut();
    for value in set_cookie(&started.secret).into_iter().chain(cookie("", "Max-Age=0")) {
        headers.append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Who they are here, and what their groups may.
fn meaning(config: &OpenIdConfig, claims: &Map<String, Value>) -> Result<(String, Rights), Failure> {
    let name = claims.get(&config.name_claim).and_then(Value::as_str).map(str::to_lowercase);
    let name = name.ok_or_else(|| refused(format!("the directory gives no `{}` for you", config.name_claim)))?;
    let groups = claims.get(&config.groups_claim).and_then(Value::as_array).into_iter().flatten();
    let rights: Rights = groups
        .filter_map(|group| config.groups.get(group.as_str()?))
        .flatten()
        .filter_map(|right| Right::parse(right))
        .collect();
    if rights.is_empty() {
        let message = format!("none of the groups of `{name}` may do anything here");
        return Err(refused(message).hint("`[console.openid.groups]` says which may"));
    }
    Ok((name, rights))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use serde_json::json;

    use super::*;

    fn config() -> OpenIdConfig {
        OpenIdConfig {
            issuer: "https://login.example".parse().unwrap(),
            client_id: "chancery".into(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: "email".into(),
            groups_claim: "groups".into(),
            groups: [("ops".to_owned(), vec!["operate".to_owned()]), ("law".to_owned(), vec!["evidence".to_owned()])]
                .into(),
        }
    }

    #[test]
    fn rights_come_from_groups_alone() {
        let meant = |claims: Value| meaning(&config(), claims.as_object().unwrap()).map_err(|failure| failure.code);
        let both = meant(json!({ "email": "Anna@Example.com", "groups": ["ops", "law", "other", 7] })).unwrap();
        assert_eq!(both, ("anna@example.com".into(), Rights::from([Right::Operate, Right::Evidence])));
        for nobody in [
            json!({ "email": "anna@example.com", "groups": ["other"] }),
            json!({ "email": "anna@example.com", "groups": "ops" }),
            json!({ "email": "anna@example.com" }),
            json!({ "groups": ["ops"] }),
            json!({ "email": 7, "groups": ["ops"] }),
        ] {
            assert_eq!(meant(nobody.clone()), Err("openid-refused".into()), "{nobody}");
        }
        let wrong = OpenIdConfig { groups: [("ops".to_owned(), vec!["everything".to_owned()])].into(), ..config() };
        assert!(check(&wrong).is_err() && check(&config()).is_ok());
    }
}
