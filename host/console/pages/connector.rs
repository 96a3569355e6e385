//! One connector: how it stands, running, pausing, checking.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{alarms, connectors::standing, failure, live, segment};
use crate::{
    console::{
        documents::{connectors, connectors::ConnectorDocument},
        kernel::{Actor, Console, Form, Place, Trouble, back, form_token, page},
    },
    item::Failure,
    people::Right,
    scheduler::{self, Checked, RosterFinding},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/connectors/{name}", get(show))
        .route("/connectors/{name}/live", get(follow))
        .route("/connectors/{name}/run", post(run))
        .route("/connectors/{name}/pause", post(pause))
        .route("/connectors/{name}/resume", post(resume))
        .route("/connectors/{name}/check", post(check))
}

async fn read(console: &Console, name: &str) -> Result<ConnectorDocument, Trouble> {
    let (service, name) = (console.service.clone(), name.to_owned());
    let found = console.read(move |host| connectors::read(&service, host, &name)).await?;
    found.ok_or(Trouble::NotFound)
}

async fn show(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Result<Response, Trouble> {
    let connector = read(&console, &name).await?;
    Ok(shown(&actor, &connector, &html! {}))
}

fn shown(actor: &Actor, connector: &ConnectorDocument, news: &Markup) -> Response {
    let name = &connector.status.name;
    let path = format!("/connectors/{}", segment(name));
    let sees = |place: Place| actor.require_any(place.rights()).is_ok();
    let body = html! {
        h1 { (name) }
        (news)
        (alarms(&connector.alerts))
        div data-live={ (path) "/live" } { (standing(&connector.status)) }
        @if actor.may(Right::Operate) { (acts(actor, connector, &path)) }
        ul {
            @for place in [Place::Runs, Place::Parked, Place::Mapping].into_iter().filter(|place| sees(*place)) {
                li { a href={ (place.path()) "/" (segment(name)) } { (place.name()) " of " (name) } }
            }
        }
        h2 { "As it is configured" }
        dl {
            dt { "Source" } dd { (connector.source) @if let Some(terms) = &connector.accepted_terms { ", terms " (terms) " accepted" } }
            dt { "Mapper" } dd { (connector.mapper) }
            dt { "Converter" } dd { (connector.converter) }
            dt { "Destinations" } dd { @for (place, destination) in connector.destinations.iter().enumerate() { @if place > 0 { br; } (destination) } }
            dt { "Folder" } dd { @if let Some(folder) = &connector.folder { (folder) } @else { "the source's own" } }
        }
        @if actor.may(Right::AdministerConnectors) { p { a href={ (path) "/file" } { "Change its file" } } }
    };
    page(actor, Place::Connectors, name, body)
}

fn acts(actor: &Actor, connector: &ConnectorDocument, path: &str) -> Markup {
    html! {
        div class="actions" {
            form method="post" action={ (path) "/run" } { (form_token(actor)) button { "Run now" } }
            form method="post" action={ (path) "/check" } { (form_token(actor)) button class="quiet" { "Check" } }
            @if connector.status.pause.is_some() {
                form method="post" action={ (path) "/resume" } { (form_token(actor)) button class="quiet" { "Resume" } }
            }
        }
        @if connector.status.pause.is_none() {
            details {
                summary { "Pause it" }
                form method="post" action={ (path) "/pause" } {
                    (form_token(actor))
                    div class="field" {
                        label for="reason" { "Why" }
                        input id="reason" name="reason" required maxlength="500" autocomplete="off";
                    }
                    button class="quiet" { "Pause" }
                    p class="hint" { "A turn under way ends by itself; nothing begins until somebody resumes it. Nothing is lost by that." }
                }
            }
        }
    }
}

async fn follow(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Result<Response, Trouble> {
    if !console.service.connectors().iter().any(|status| status.name == name) {
        return Err(Trouble::NotFound);
    }
    live::stream(&console, &actor, move |console| {
        let statuses = console.service.connectors();
        let found = statuses.iter().find(|status| status.name == name);
        html! { @if let Some(status) = found { (standing(status)) } }
    })
}

#[derive(Deserialize)]
struct Nothing {}

async fn run(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Trouble> {
    actor.require(Right::Operate)?;
    console.run_now(&actor, &name).await?;
    Ok(back(&format!("/connectors/{}", segment(&name))))
}

#[derive(Deserialize)]
struct Why {
    #[serde(default)]
    reason: String,
}

async fn pause(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, Trouble> {
    actor.require(Right::Operate)?;
    console.set_pause(&actor, &name, &reason, true).await?;
    Ok(back(&format!("/connectors/{}", segment(&name))))
}

async fn resume(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Why { reason }): Form<Why>,
) -> Result<Response, Trouble> {
    actor.require(Right::Operate)?;
    console.set_pause(&actor, &name, &reason, false).await?;
    Ok(back(&format!("/connectors/{}", segment(&name))))
}

async fn check(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Trouble> {
    actor.require(Right::Operate)?;
    let connector = read(&console, &name).await?;
    let host = console.host()?;
    let config = host.config.connector(&name).ok_or(Trouble::NotFound)?;
    let news = match scheduler::check(&host, config).await {
        Ok(checked) => {
            let compared = scheduler::compare_roster(&host, config, &checked).await;
            found(&checked, &compared)
        }
        Err(why) => html! { h2 { "What the check found" } (failure(&why)) },
    };
    Ok(shown(&actor, &connector, &news))
}

fn found(checked: &Checked, compared: &Result<Vec<RosterFinding>, Failure>) -> Markup {
    /// People shown of one finding.
    const SHOWN_MAX: usize = 20;
    html! {
        section role="status" {
            h2 { "What the check found" }
            p { span class="badge ok" { "good" } " The source answers as " strong { (checked.account) } "." }
            ul {
                @for finding in &checked.findings { li { (finding) } }
                @for (destination, findings) in &checked.destinations {
                    @for finding in findings {
                        li {
                            @if finding.is_good { span class="badge ok" { "good" } } @else { span class="badge bad" { "bad" } }
                            " " (destination) ": " (finding.text)
                            @if let Some(hint) = &finding.hint { " " span class="hint" { (hint) } }
                        }
                    }
                }
            }
            @match compared {
                Ok(findings) if findings.is_empty() && checked.roster.is_some() => {
                    p { "Everybody who is registered has a mailbox, and everybody who is mapped is registered." }
                }
                Ok(findings) => @for finding in findings {
                    h3 { (finding.text) }
                    ul {
                        @for person in finding.people.iter().take(SHOWN_MAX) { li { (person) } }
                        @if finding.count > SHOWN_MAX { li { "and " (finding.count - SHOWN_MAX) " more" } }
                    }
                    p class="hint" { (finding.hint) }
                },
                Err(why) => (failure(why)),
            }
        }
    }
}
