//! Signing in at the other side, for a credential that acts for a person: while a connector is put together, and again when the
//! sign-in has run out.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, Query, State},
    http::Uri,
    response::Response,
    routing::get,
};
use maud::html;
use secrecy::SecretString;
use serde::Deserialize;

use super::{drafts::Drafts, path, tried};
use crate::{
    console::kernel::{Actor, Console, Place, Returning, Trouble, back, page},
    item::{Failure, NextMove},
    network::{self, PersonSignIn, RefreshToken as _, Waiting},
    people::Right,
    scheduler::{self, Host, Kept},
    setup::{self, Catalogue, Draft, Step},
    state::Act,
};

/// Where people are sent back to: the one address that the other side must know.
const BACK: &str = "/credentials/signed-in";

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/connectors/new/sign-in", get(for_draft))
        .route("/credentials/{name}/sign-in", get(for_credential))
        .route(BACK, get(signed_in))
        .layer(Extension(Arc::<Returning<Attempt>>::default()))
}

/// A sign-in whose person has not come back yet.
#[derive(Debug)]
struct Attempt {
    waiting: Waiting,
    actor: String,
    what: What,
}

/// What a sign-in is for.
#[derive(Debug)]
enum What {
    /// The connector that its person is putting together.
    Draft,
    /// This credential.
    Credential(String),
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::new("sign-in-refused", NextMove::AskPerson, message)
}

fn redirect(console: &Console) -> Result<url::Url, Failure> {
    let address = console.address(BACK);
    address.parse().map_err(|_| refused(format!("`{address}` is no address to come back to")))
}

async fn for_draft(
    State(console): State<Console>,
    Extension(drafts): Extension<Arc<Drafts>>,
    Extension(attempts): Extension<Arc<Returning<Attempt>>>,
    actor: Actor,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (draft, _) = drafts.of(&actor.name, console.now_ms());
    if !draft.awaits_sign_in() {
        return Ok(back(&path(draft.next())));
    }
    let host = console.host()?;
    let catalogue = Catalogue::read(&host).await?;
    let sign_in = of_draft(&host, &draft, &catalogue, redirect(&console)?)?;
    asked(&console, &attempts, &actor, &sign_in, What::Draft)
}

async fn for_credential(
    State(console): State<Console>,
    Extension(attempts): Extension<Arc<Returning<Attempt>>>,
    actor: Actor,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let sign_in = scheduler::person_sign_in(&console.host()?.config, &name, redirect(&console)?)?;
    asked(&console, &attempts, &actor, &sign_in, What::Credential(name))
}

fn of_draft(host: &Host, draft: &Draft, catalogue: &Catalogue, redirect: url::Url) -> Result<PersonSignIn, Failure> {
    let tried = setup::as_if(host, draft, catalogue)?;
    scheduler::person_sign_in(&tried.config, &draft.name().unwrap_or_default(), redirect)
}

/// The page with the way to the other side.
fn asked(
    console: &Console,
    attempts: &Returning<Attempt>,
    actor: &Actor,
    sign_in: &PersonSignIn,
    what: What,
) -> Result<Response, Trouble> {
    let mut random = [0; 64];
    getrandom::fill(&mut random).map_err(|error| refused(format!("the system gives no random numbers: {error}")))?;
    let (url, waiting) = sign_in.begin(&random);
    let place = url.origin().ascii_serialization();
    let state = waiting.state.clone();
    attempts.keep(&state, Attempt { waiting, actor: actor.name.clone(), what }, console.now_ms());
    let body = html! {
        h1 { "Sign in at the source" }
        p { "What is archived belongs to somebody, who has to allow it once. Signing in there leaves a token, which goes to the host's store of secrets; it is renewed from then on, and neither the plugin nor anybody else sees it." }
        p { "The other side sends you back here. It must know this address: " code { (sign_in.redirect) } }
        div class="actions" { a class="button" href=(url) rel="noreferrer" { "Sign in at " (place) } }
    };
    Ok(page(actor, Place::Connectors, "Sign in at the source", body))
}

#[derive(Debug, Default, Deserialize)]
struct Returned {
    state: Option<SecretString>,
}

async fn signed_in(
    State(console): State<Console>,
    Extension(drafts): Extension<Arc<Drafts>>,
    Extension(attempts): Extension<Arc<Returning<Attempt>>>,
    actor: Actor,
    Query(returned): Query<Returned>,
    uri: Uri,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let attempt = attempts.take(&returned.state.unwrap_or_default(), console.now_ms());
    let Some(Attempt { waiting, what, .. }) = attempt.filter(|attempt| attempt.actor == actor.name) else {
        return Err(refused("this sign-in was not begun by you, or too long ago").hint("begin it anew").into());
    };
    let host = console.host()?;
    let mut came_back = redirect(&console)?;
    came_back.set_query(uri.query());
    match what {
        What::Draft => {
            let (mut draft, _) = drafts.of(&actor.name, console.now_ms());
            let catalogue = Catalogue::read(&host).await?;
            let sign_in = of_draft(&host, &draft, &catalogue, redirect(&console)?)?;
            draft.signed_in(redeemed(&host, &sign_in, &waiting, &came_back).await?);
            let found = tried(&setup::check(&host, &draft, &catalogue).await);
            let next = draft.next_after(Step::Settings);
            drafts.keep(&actor.name, draft, Some(found), console.now_ms());
            Ok(back(&path(next)))
        }
        What::Credential(name) => {
            let sign_in = scheduler::person_sign_in(&host.config, &name, redirect(&console)?)?;
            let token = redeemed(&host, &sign_in, &waiting, &came_back).await?;
            Kept::of(&host.config, &name).write(&token)?;
            console.record(Act::of(&actor.name, "secret sign-in", &name, "")).await?;
            Ok(back(Place::Connectors.path()))
        }
    }
}

async fn redeemed(
    host: &Host,
    sign_in: &PersonSignIn,
    waiting: &Waiting,
    came_back: &url::Url,
) -> Result<SecretString, Failure> {
    let code = sign_in.code(waiting, came_back)?;
    sign_in.redeem(&network::http_client(&host.config.network)?, waiting, &code).await
}
