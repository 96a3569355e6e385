//! Mappings: the one in force, its history, and putting another in its place after looking at it.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{segment, wide};
use crate::{
    console::{
        documents::{
            mapping::{self, MappingDocument, Preview},
            unknown,
        },
        kernel::{Actor, Console, Form, Place, Trouble, Upload, back, form_token, page},
    },
    item::{limits::CONSOLE_ROWS, mapping::RowProblem, unhex},
    people::Right,
    scheduler,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/mapping/{name}", get(show))
        .route("/mapping/{name}/preview", post(preview))
        .route("/mapping/{name}/adopt", post(adopt))
}

async fn show(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Result<Response, Trouble> {
    actor.require_any(Place::Mapping.rights())?;
    let mapping = mapping::read(&*console.host()?, &name, CONSOLE_ROWS).await?;
    Ok(shown(&actor, &mapping, &html! {}))
}

fn shown(actor: &Actor, mapping: &MappingDocument, news: &Markup) -> Response {
    let MappingDocument { name, file, digest, summary, rows, difference, history } = mapping;
    let path = format!("/mapping/{}", segment(name));
    let body = html! {
        h1 { "Mapping of " (name) }
        (news)
        @match file {
            None => p { "This connector names no mapping file: mailboxes come from what the source says of its people." },
            Some(file) => p {
                code { (file) } ": " (summary.rows) " rows for " (summary.mailboxes) " mailboxes"
                @if digest.is_none() { "; the file is not there" }
            },
        }
        (problems(&summary.problems, "These lines of the file cannot be used; the mapping adopted before stays in force."))
        @if let Some(difference) = difference.as_ref().filter(|lines| !lines.is_empty()) {
            h2 { "What the next turn takes over from the file" }
            (lines(difference))
        }
        @if file.is_some() && actor.may(Right::AdministerConnectors) {
            h2 { "Put another in its place" }
            form method="post" action={ (path) "/preview" } enctype="multipart/form-data" {
                (form_token(actor))
                div class="field" {
                    label for="file" { "A CSV file" }
                    input id="file" name="file" type="file" accept=".csv,text/csv" required;
                    p class="hint" { "Columns " code { "External User ID" } " and " code { "Microsoft 365 User Mailbox" } ", optional " code { "Valid From" } " and " code { "Valid To" } ". Nothing changes yet." }
                }
                button { "Look at what it would change" }
            }
        }
        @if actor.may(Right::Operate) {
            form method="post" action={ "/connectors/" (segment(name)) "/check" } {
                (form_token(actor))
                button class="quiet" { "Who is registered, and has no mailbox or never wrote" }
            }
        }
        @if !rows.is_empty() {
            (wide("Rows", &html! { table {
                caption { "Rows of the file" @if rows.len() < summary.rows as usize { ", the first " (rows.len()) } }
                thead { tr { th scope="col" { "Line" } th scope="col" { "Person" } th scope="col" { "Mailbox" } } }
                tbody { @for row in rows { tr { td class="numbers" { (row.line) } td { (row.key) } td { (row.mailbox) } } } }
            } }))
        }
        @if !history.is_empty() {
            (wide("History", &html! { table {
                caption { "Versions that windows have used, newest first" }
                thead { tr { th scope="col" { "Version" } th scope="col" { "First used" } th scope="col" { "Windows" } } }
                tbody { @for version in history { tr {
                    th scope="row" { code { (version.version.get(..16).unwrap_or(&version.version)) } }
                    td { (version.first_used_at) }
                    td class="numbers" { (version.windows) }
                } } }
            } }))
        }
    };
    page(actor, Place::Mapping, &format!("Mapping of {name}"), body)
}

/// Problems of a file, by line.
pub(in crate::console) fn problems(problems: &[RowProblem], what: &str) -> Markup {
    /// Lines shown; the rest is counted.
    const SHOWN_MAX: usize = 100;
    html! {
        @if !problems.is_empty() {
            div class="problem" role="alert" {
                p { (what) }
                ul {
                    @for problem in problems.iter().take(SHOWN_MAX) { li { "line " (problem.line) ": " (problem.message) " (" code { (problem.code) } ")" } }
                    @if problems.len() > SHOWN_MAX { li { "and " (problems.len() - SHOWN_MAX) " more" } }
                }
            }
        }
    }
}

/// A difference, a line a key.
pub(in crate::console) fn lines(difference: &[String]) -> Markup {
    /// Lines shown; the rest is counted.
    const SHOWN_MAX: usize = 200;
    html! {
        pre {
            @for line in difference.iter().take(SHOWN_MAX) { (line) "\n" }
            @if difference.len() > SHOWN_MAX { "and " (difference.len() - SHOWN_MAX) " more\n" }
        }
    }
}

async fn preview(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    upload: Upload,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let Some((_, bytes)) = upload.file else { return Err(Trouble::Unfit("choose a file".to_owned())) };
    let host = console.host()?;
    let connector = host.config.connector(&name).ok_or_else(|| unknown(&name))?;
    let before = scheduler::mapping_file(connector)?.map(|(_, digest)| digest);
    let found = mapping::preview(&host, &name, bytes.to_vec()).await?;
    let is_good = found.summary.problems.is_empty();
    let number = if is_good { Some(console.uploads.keep(&actor.name, bytes, console.now_ms())) } else { None };
    let news = previewed(&actor, &name, &found, number, before);
    let mapping = mapping::read(&host, &name, CONSOLE_ROWS).await?;
    let mut response = shown(&actor, &mapping, &news);
    if !is_good {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn previewed(actor: &Actor, name: &str, found: &Preview, number: Option<u64>, before: Option<[u8; 32]>) -> Markup {
    html! {
        section class="card" aria-labelledby="preview" {
            h2 id="preview" { "What the chosen file would do" }
            p { (found.summary.rows) " rows for " (found.summary.mailboxes) " mailboxes" }
            (problems(&found.summary.problems, "These lines cannot be used, so the file is not adopted. Mend them and choose it again."))
            @match &found.difference {
                None => p { "No mapping is in force yet." },
                Some(difference) if difference.is_empty() => p { "It makes no difference to the mapping in force." },
                Some(difference) => (lines(difference)),
            }
            @if let Some(number) = number {
                form method="post" action={ "/mapping/" (segment(name)) "/adopt" } {
                    (form_token(actor))
                    input type="hidden" name="upload" value=(number);
                    input type="hidden" name="before" value=(before.map(|digest| crate::item::hex(&digest)).unwrap_or_default());
                    button { "Adopt it" }
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Adopt {
    upload: u64,
    #[serde(default)]
    before: String,
}

async fn adopt(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Form(sent): Form<Adopt>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let host = console.host()?;
    let connector = host.config.connector(&name).ok_or_else(|| unknown(&name))?;
    let bytes = console.uploads.take(&actor.name, sent.upload, console.now_ms());
    let bytes =
        bytes.ok_or_else(|| Trouble::Conflict("the chosen file is kept no more; choose it again".to_owned()))?;
    scheduler::adopt_mapping(&host, connector, bytes.to_vec(), unhex(&sent.before), &actor.name).await?;
    Ok(back(&format!("/mapping/{}", segment(&name))))
}
