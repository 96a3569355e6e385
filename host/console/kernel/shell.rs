//! The frame of each page: header, places to go, what it is about.

use axum::{
    http::header,
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{DOCTYPE, Markup, html};

use super::{Actor, Via, actor::form_token, trouble::Told};
use crate::{
    item::{TimestampMs, time::rfc3339},
    people::Right,
};

/// Where a page stands in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Place {
    Connectors,
    Runs,
    Parked,
    Mapping,
    Plugins,
    Ledger,
    Activity,
    People,
    Account,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Connectors,
        Self::Runs,
        Self::Parked,
        Self::Mapping,
        Self::Plugins,
        Self::Ledger,
        Self::Activity,
        Self::People,
    ];

    /// As people read it.
    pub(in crate::console) fn name(self) -> &'static str {
        match self {
            Self::Connectors => "Connectors",
            Self::Runs => "Runs",
            Self::Parked => "Parked",
            Self::Mapping => "Mapping",
            Self::Plugins => "Plugins",
            Self::Ledger => "Ledger",
            Self::Activity => "Activity",
            Self::People => "People",
            Self::Account => "Your account",
        }
    }

    /// Where it is.
    pub(in crate::console) fn path(self) -> &'static str {
        match self {
            Self::Connectors => "/connectors",
            Self::Runs => "/runs",
            Self::Parked => "/parked",
            Self::Mapping => "/mapping",
            Self::Plugins => "/plugins",
            Self::Ledger => "/ledger",
            Self::Activity => "/activity",
            Self::People => "/people",
            Self::Account => "/account",
        }
    }

    /// Who sees it: anybody with one of these; with none named, everybody who is signed in.
    pub(in crate::console) fn rights(self) -> &'static [Right] {
        match self {
            Self::Connectors | Self::Account => &[],
            Self::Runs | Self::Parked => &[Right::Operate, Right::Evidence, Right::ReadContent],
            Self::Mapping | Self::Plugins => &[Right::AdministerConnectors, Right::Operate, Right::Evidence],
            Self::Ledger | Self::Activity => &[Right::Evidence],
            Self::People => &[Right::AdministerPeople],
        }
    }
}

/// A page for somebody who is signed in.
pub(in crate::console) fn page(actor: &Actor, at: Place, title: &str, body: Markup) -> Response {
    let places = Place::ALL.into_iter().filter(|place| actor.require_any(place.rights()).is_ok());
    let around = html! {
        nav aria-label="Main" {
            ul {
                @for place in places {
                    li { a href=(place.path()) aria-current=[(place == at).then_some("page")] { (place.name()) } }
                }
            }
        }
        @if let Via::Session { .. } = actor.via {
            form class="account" method="post" action="/sign-out" {
                (form_token(actor))
                a href=(Place::Account.path()) aria-current=[(at == Place::Account).then_some("page")] { (actor.name) }
                button class="quiet" { "Sign out" }
            }
        }
    };
    document(title, &around, &body)
}

/// A page for somebody who is not.
pub(in crate::console) fn frame(title: &str, body: Markup) -> Response {
    document(title, &html! {}, &html! { div class="alone" { (body) } })
}

fn document(title: &str, around: &Markup, body: &Markup) -> Response {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Chancery" }
                link rel="stylesheet" href="/assets/console.css";
                link rel="icon" href="/assets/console.svg" type="image/svg+xml";
                script src="/assets/console.js" defer {}
            }
            body {
                a class="skip" href="#main" { "Skip to what this page is about" }
                header {
                    a class="brand" href="/" { "Chancery" }
                    (around)
                }
                main id="main" tabindex="-1" { (body) }
            }
        }
    }
    .into_response()
}

/// A problem, for a person.
pub(super) fn problem(told: &Told) -> Response {
    frame(
        &told.title,
        html! {
            h1 { (told.title) }
            p class="problem" role="alert" { (told.detail) @if let Some(code) = &told.code { " (" code { (code) } ")" } }
            @if let Some(hint) = &told.hint { p class="hint" { (hint) } }
            p { a href="/" { "Go to the start" } }
        },
    )
}

/// Where a form leads after it was taken, so that loading the page again does not send it again.
pub(in crate::console) fn back(path: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}

/// An instant, for people and for programs.
pub(in crate::console) fn time(at_ms: TimestampMs) -> Markup {
    let text = rfc3339(at_ms);
    let short = text.get(..16).unwrap_or(&text).replace('T', " ");
    html! { time datetime=(text) { (short) " UTC" } }
}

/// A sentence of ours, in which commands and keys stand between backticks.
pub(in crate::console) fn words(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
