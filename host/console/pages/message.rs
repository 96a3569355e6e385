//! Reading what an item says: for whom the right allows it, with a reason, recorded before it is shown.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::post,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{runs, segment};
use crate::{
    console::{
        documents::{content, items},
        kernel::{Actor, Console, Form, Trouble, form_token},
    },
    item::limits::REASON_CHARS_MAX,
    people::Right,
    state::Act,
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/runs/{name}/items/{item}/message", post(read))
}

/// The form that asks for it.
pub(super) fn ask(actor: &Actor, name: &str, item: u64) -> Markup {
    html! {
        h2 { "Read it" }
        form method="post" action={ "/runs/" (segment(name)) "/items/" (item) "/message" } {
            (form_token(actor))
            div class="field" {
                label for="why" { "Why you read it" }
                input id="why" name="reason" required maxlength=(REASON_CHARS_MAX) autocomplete="off" aria-describedby="why-hint";
                p id="why-hint" class="hint" { "Your name and this reason stand in the ledger." }
            }
            button { "Show the message" }
        }
    }
}

#[derive(Deserialize)]
struct Why {
    reason: String,
}

async fn read(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, Trouble> {
    actor.require(Right::ReadContent)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Trouble::Unfit(format!("say why, in 1 to {REASON_CHARS_MAX} characters")));
    }
    let of = name.clone();
    let item = console.read(move |host| items::read(host, &of, id)).await.map_err(|_| Trouble::NotFound)?;
    console.record(Act::of(&actor.name, "message view", &format!("{name}: item {id}"), reason)).await?;
    let of = name.clone();
    let content = console.read(move |host| content::read(host, &of, id)).await?;
    let shown = html! {
        section aria-labelledby="message" {
            h2 id="message" { "What it says" }
            @if let Some(conversation) = &content.conversation { p { "In " (conversation) } }
            @if let Some(sender) = &content.sender { p { "From " (sender) } }
            @match &content.text {
                Some(text) => pre { (text) },
                None => p { "It has no text." },
            }
            @if let Some(previous) = &content.previous_text { h3 { "Before it was changed" } pre { (previous) } }
            @if !content.attachments.is_empty() {
                h3 { "Attachments" }
                ul { @for attachment in &content.attachments { li { (attachment) } } }
            }
        }
    };
    Ok(runs::shown(&actor, &name, &item, &shown))
}
