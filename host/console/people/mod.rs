//! Signing in and out, one's own account, and who may do what.
//!
//! What lives here: the pages. Who is let in, and what is kept of them, is decided in the room `people`.

mod account;
mod administer;
mod link;
pub(super) mod openid;
mod sign_in;

use axum::Router;
use maud::{Markup, html};

use super::kernel::{Console, Trouble};
use crate::{
    item::Failure,
    people::{Right, Rights},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .merge(sign_in::routes())
        .merge(link::routes())
        .merge(openid::routes())
        .merge(account::routes())
        .merge(administer::routes())
}

/// What was refused of a form, if it is something to say beside its fields; else it is a problem of its own.
fn said(failure: Failure) -> Result<Said, Trouble> {
    match failure.code.as_str() {
        "people-name" | "people-password" | "people-last" | "people-unknown" | "token-refused" | "token-unknown" => {
            Ok(Said { text: failure.message, hint: failure.hint })
        }
        _ => Err(failure.into()),
    }
}

/// Why a form was not taken.
#[derive(Debug)]
struct Said {
    text: String,
    hint: Option<String>,
}

impl Said {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None }
    }

    /// Beside a form whose fields name it (`aria-describedby="refused"`).
    fn show(said: Option<&Self>) -> Markup {
        html! {
            @if let Some(Self { text, hint }) = said {
                div id="refused" class="problem" role="alert" { (text) @if let Some(hint) = hint { br; (hint) } }
            }
        }
    }
}

/// A secret that is shown once.
fn secret_once(what: &str, text: &str) -> Markup {
    html! {
        div class="notice" role="status" {
            p { (what) }
            pre { code { (text) } }
        }
    }
}

/// Boxes to tick.
fn boxes(legend: &str, ticked: &Rights, offered: &[Right]) -> Markup {
    html! {
        fieldset {
            legend { (legend) }
            @for right in offered {
                label {
                    input type="checkbox" name="right" value=(right.name()) checked[ticked.contains(right)];
                    span { strong { (right.name()) } ": " (right.summary()) }
                }
            }
        }
    }
}

/// Rights as a form sends them.
fn rights(names: &[String]) -> Result<Rights, Trouble> {
    let right = |name: &String| Right::parse(name).ok_or_else(|| Trouble::Unfit("there is no such right".to_owned()));
    names.iter().map(right).collect()
}
