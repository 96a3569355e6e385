//! The file of a connector: read and changed as its administrators would with an editor.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{failure, segment};
use crate::{
    console::kernel::{Actor, Console, Form, Place, Trouble, back, form_token, page},
    people::Right,
    setup::edit::{self, FileText},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/connectors/{name}/file", get(show).post(replace))
}

async fn read(console: &Console, name: &str) -> Result<FileText, Trouble> {
    let name = name.to_owned();
    console.read(move |host| edit::read(host, &name)).await
}

async fn show(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let file = read(&console, &name).await?;
    Ok(shown(&actor, &name, &file, &file.text, &file.digest, &html! {}))
}

/// The file, with a text in its place that was made from the one with the digest `before`.
fn shown(actor: &Actor, name: &str, file: &FileText, text: &str, before: &str, news: &Markup) -> Response {
    let path = format!("/connectors/{}", segment(name));
    let body = html! {
        h1 { "File of " (name) }
        (news)
        @if file.connectors.len() > 1 { p { "It is the file of " (file.connectors.join(", ")) "." } }
        p { "What is changed here is tried first: with the rest of the configuration, with each plugin it names, and with what is approved. Passwords are not in it; " code { "chancery secret set" } " changes those." }
        form method="post" action={ (path) "/file" } {
            (form_token(actor))
            input type="hidden" name="before" value=(before);
            div class="field" {
                label for="text" { code { (file.file.display()) } }
                textarea id="text" name="text" rows="24" cols="100" wrap="off" spellcheck="false" autocomplete="off" required aria-describedby="text-hint" {
                    // A browser drops the first line break of it.
                    "\n" (text)
                }
                p id="text-hint" class="hint" { "The keys are in " code { "docs/configuration.md" } "." }
            }
            div class="actions" { button { "Change it" } a class="button quiet" href=(path) { "Back" } }
        }
    };
    page(actor, Place::Connectors, &format!("File of {name}"), body)
}

#[derive(Deserialize)]
struct Changed {
    before: String,
    text: String,
}

async fn replace(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Changed { before, text }): Form<Changed>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    // Browsers end the lines of a form with CRLF, whatever was there.
    let text = text.replace("\r\n", "\n");
    let host = console.host()?;
    match edit::replace(&host, &name, &before, &text, &actor.name).await {
        Ok(()) => {
            console.service.reload().await?;
            Ok(back(&format!("/connectors/{}", segment(&name))))
        }
        Err(why) => {
            let file = read(&console, &name).await?;
            let is_stale = why.code == "connector-stale";
            let news = html! {
                (failure(&why))
                @if is_stale {
                    p { a href={ "/connectors/" (segment(&name)) "/file" } { "Open it again" } ". Your text stands below until then." }
                    details { summary { "The file as it is now" } pre tabindex="0" { (file.text) } }
                }
            };
            let mut response = shown(&actor, &name, &file, &text, &before, &news);
            *response.status_mut() = if is_stale { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
            Ok(response)
        }
    }
}
