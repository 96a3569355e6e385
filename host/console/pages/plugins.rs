//! Plugins: what is there, what it asks for, and approving what has changed.

use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    console::{
        documents::plugins::{self, PluginDocument},
        kernel::{Actor, Console, Form, Place, Trouble, back, form_token, page},
    },
    people::Right,
    scheduler,
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/plugins", get(list)).route("/plugins/approve", post(approve))
}

async fn list(State(console): State<Console>, actor: Actor) -> Result<Response, Trouble> {
    actor.require_any(Place::Plugins.rights())?;
    let plugins = plugins::read(&*console.host()?).await?;
    let body = html! {
        h1 { "Plugins" }
        ul class="cards" { @for plugin in &plugins { li class="card" { (card(&actor, plugin)) } } }
    };
    Ok(page(&actor, Place::Plugins, "Plugins", body))
}

fn card(actor: &Actor, plugin: &PluginDocument) -> Markup {
    let class = match plugin.trust {
        "bundled" | "approved" => "ok",
        "changed" | "unapproved" => "warn",
        _ => "bad",
    };
    html! {
        h2 { (plugin.source) }
        p { span class={ "badge " (class) } { (plugin.trust) } " " (plugin.kind.unwrap_or_default()) " " (plugin.version) }
        p { (plugin.summary) }
        @if let Some(problem) = &plugin.problem { p class="problem" { (problem) } }
        dl {
            @if !plugin.digest.is_empty() { dt { "Digest" } dd { code { (plugin.digest) } } }
            dt { "Asks for" }
            dd { @if plugin.wishes.is_empty() { "nothing" } @else { (plugin.wishes.join(", ")) } }
            dt { "Used by" }
            dd { @if plugin.used_by.is_empty() { "no connector" } @else { (plugin.used_by.join(", ")) } }
        }
        @if !plugin.beyond.is_empty() { p class="notice" { "Not approved so far: " (plugin.beyond.join(", ")) } }
        @if matches!(plugin.trust, "changed" | "unapproved") && actor.may(Right::AdministerConnectors) {
            form method="post" action="/plugins/approve" {
                (form_token(actor))
                input type="hidden" name="source" value=(plugin.source);
                // What was looked at is what is approved.
                input type="hidden" name="digest" value=(plugin.digest);
                button { "Approve it as it is" }
            }
        }
    }
}

#[derive(Deserialize)]
struct Approve {
    source: String,
    digest: String,
}

async fn approve(
    State(console): State<Console>,
    actor: Actor,
    Form(Approve { source, digest }): Form<Approve>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let host = console.host()?;
    let known = plugins::read(&host).await?.into_iter().find(|plugin| plugin.source == source);
    let plugin = known.filter(|plugin| plugin.kind.is_some()).ok_or(Trouble::NotFound)?;
    if plugin.digest != digest {
        return Err(Trouble::Conflict(format!("`{source}` has changed since you looked at it; look again")));
    }
    scheduler::approve(&host, &source, &digest, &actor.name).await?;
    Ok(back("/plugins"))
}
