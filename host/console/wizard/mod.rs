//! Adding a connector, a page a step. What is asked and what an answer must be is decided in the room `setup`.
//!
//! The answers are kept here, in memory, for their person: who is signed out in the middle goes on after signing in.

mod drafts;
mod form;
mod sign_in;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use self::{drafts::Drafts, form::fields};
use super::{
    kernel::{Actor, Console, Form, Place, Trouble, Upload, back, form_token, page, words},
    pages::{failed, segment},
};
use crate::{
    config::Schedule,
    item::{Failure, time::rfc3339},
    people::Right,
    scheduler::{self, Checked},
    setup::{self, Answers, Catalogue, Draft, Finished, Kind, Problem, Step},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/connectors/new", get(begin).post(begin_anew))
        .route("/connectors/new/destinations", post(drop_destinations))
        .route("/connectors/new/{step}", get(show).post(answer))
        .merge(sign_in::routes())
        .layer(Extension(Arc::<Drafts>::default()))
}

fn path(step: Step) -> String {
    format!("/connectors/new/{}", step.name())
}

/// What a check or a look at a file has found, for the next page.
#[derive(Clone, Debug, Default)]
struct Found {
    title: String,
    is_good: bool,
    lines: Vec<String>,
}

impl Found {
    fn show(&self) -> Markup {
        html! {
            section class={ @if self.is_good { "notice" } @else { "problem" } } role="status" {
                p { strong { (self.title) } }
                ul { @for line in &self.lines { li { (words(line)) } } }
            }
        }
    }
}

async fn begin(
    State(console): State<Console>,
    Extension(drafts): Extension<Arc<Drafts>>,
    actor: Actor,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (draft, _) = drafts.of(&actor.name, console.now_ms());
    Ok(back(&path(draft.next())))
}

#[derive(Deserialize)]
struct Nothing {}

async fn begin_anew(
    Extension(drafts): Extension<Arc<Drafts>>,
    actor: Actor,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    drafts.forget(&actor.name);
    Ok(back(&path(Step::Source)))
}

async fn drop_destinations(
    State(console): State<Console>,
    Extension(drafts): Extension<Arc<Drafts>>,
    actor: Actor,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (mut draft, _) = drafts.of(&actor.name, console.now_ms());
    draft.drop_destinations();
    drafts.keep(&actor.name, draft, None, console.now_ms());
    Ok(back(&path(Step::Destination)))
}

async fn show(
    State(console): State<Console>,
    Extension(drafts): Extension<Arc<Drafts>>,
    actor: Actor,
    Path(step): Path<String>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let step = Step::parse(&step).ok_or(Trouble::NotFound)?;
    let (draft, found) = drafts.of(&actor.name, console.now_ms());
    if !draft.may_see(step) {
        return Ok(back(&path(draft.next())));
    }
    let catalogue = Catalogue::read(&*console.host()?).await?;
    let asked = Asked { actor: &actor, draft: &draft, catalogue: &catalogue, step };
    if step == Step::Review {
        return review(&console, &asked, found.as_ref(), &html! {});
    }
    Ok(asked.page(found.as_ref(), &Answers::new(), &[]))
}

/// A step that somebody looks at.
struct Asked<'a> {
    actor: &'a Actor,
    draft: &'a Draft,
    catalogue: &'a Catalogue,
    step: Step,
}

impl Asked<'_> {
    /// The step's form, with what was just sent, and what is wrong with it.
    fn page(&self, found: Option<&Found>, sent: &Answers, problems: &[Problem]) -> Response {
        let Self { actor, draft, catalogue, step } = self;
        let form = draft.form(*step, catalogue);
        let body = html! {
            (self.head())
            @if let Some(found) = found { (found.show()) }
            (form::summary(problems))
            @for paragraph in &form.words { p { (words(paragraph)) } }
            form method="post" action=(path(*step)) enctype="multipart/form-data" {
                (form_token(actor))
                (fields(&form.fields, draft, *step, sent, problems))
                div class="actions" { button { "Next" } (self.before()) }
            }
            (self.beside())
        };
        let mut response = page(actor, Place::Connectors, &format!("Add a connector: {}", step.title()), body);
        if !problems.is_empty() {
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        }
        response
    }

    fn head(&self) -> Markup {
        html! {
            h1 { "Add a connector" }
            ol class="steps" {
                @for step in Step::ALL {
                    @let is_here = step == self.step;
                    li aria-current=[is_here.then_some("step")] {
                        @if !is_here && self.draft.may_see(step) { a href=(path(step)) { (step.title()) } } @else { (step.title()) }
                    }
                }
            }
            h2 { (self.step.title()) }
        }
    }

    fn before(&self) -> Markup {
        let before = Step::ALL.into_iter().take_while(|step| *step != self.step).last();
        html! { @if let Some(before) = before { a class="button quiet" href=(path(before)) { "Back" } } }
    }

    fn beside(&self) -> Markup {
        let has_destinations = self.step == Step::Destination && self.draft.has_destinations();
        html! {
            @if has_destinations {
                form method="post" action="/connectors/new/destinations" { (form_token(self.actor)) button class="quiet" { "Choose destinations anew" } }
            }
            @if self.draft.next() > Step::Source {
                form method="post" action="/connectors/new" { (form_token(self.actor)) button class="danger" { "Forget all of it" } }
                p class="hint" { "Nothing is written before the last step." }
            }
        }
    }
}

async fn answer(
    State(console): State<Console>,
    Extension(drafts): Extension<Arc<Drafts>>,
    actor: Actor,
    Path(step): Path<String>,
    upload: Upload,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let step = Step::parse(&step).ok_or(Trouble::NotFound)?;
    let (mut draft, found) = drafts.of(&actor.name, console.now_ms());
    let host = console.host()?;
    let catalogue = Catalogue::read(&host).await?;
    if step == Step::Review {
        return finish(&console, &drafts, &actor, &draft, &catalogue, found.as_ref()).await;
    }
    let sent = sent(&draft, step, &catalogue, upload.fields);
    let file = upload.file.map(|(_, bytes)| bytes);
    let problems = draft.take(step, &sent, file, &catalogue).err().unwrap_or_default();
    if !problems.is_empty() {
        return Ok(Asked { actor: &actor, draft: &draft, catalogue: &catalogue, step }.page(None, &sent, &problems));
    }
    if step == Step::Settings && draft.awaits_sign_in() {
        drafts.keep(&actor.name, draft, None, console.now_ms());
        return Ok(back("/connectors/new/sign-in"));
    }
    let found = match step {
        Step::Settings | Step::DestinationSettings => Some(tried(&setup::check(&host, &draft, &catalogue).await)),
        Step::Mapping => preview(&host, &draft).await?,
        _ => None,
    };
    if let Some(found) = found.as_ref().filter(|found| step == Step::Mapping && !found.is_good) {
        // A file that would be refused at the end is refused here.
        let problems = [Problem::of("file", "some of its lines cannot be used")];
        return Ok(Asked { actor: &actor, draft: &draft, catalogue: &catalogue, step }.page(
            Some(found),
            &sent,
            &problems,
        ));
    }
    let next = draft.next_after(step);
    drafts.keep(&actor.name, draft, found, console.now_ms());
    Ok(back(&path(next)))
}

/// What was sent, box by box: one that is not ticked is not sent.
fn sent(draft: &Draft, step: Step, catalogue: &Catalogue, mut fields: Answers) -> Answers {
    for field in draft.form(step, catalogue).fields.iter().filter(|field| field.kind == Kind::YesNo) {
        fields.entry(field.name.clone()).or_insert_with(|| "no".to_owned());
    }
    fields
}

/// What a check has found.
fn tried(checked: &Result<Checked, Failure>) -> Found {
    match checked {
        Ok(checked) => {
            let of_destinations = checked.destinations.iter().flat_map(|(name, findings)| {
                findings.iter().map(move |finding| {
                    let hint = finding.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
                    format!("{}{name}: {}{hint}", if finding.is_good { "" } else { "BAD: " }, finding.text)
                })
            });
            let is_good = checked.destinations.iter().flat_map(|(_, found)| found).all(|finding| finding.is_good);
            let lines = checked.findings.iter().cloned().chain(of_destinations).collect();
            Found { title: format!("The source answers as {}.", checked.account), is_good, lines }
        }
        Err(failure) => {
            // What was typed here is in no store yet.
            let hint = match failure.code.as_str() {
                "login-refused" => Some("type the user name and the password again".to_owned()),
                _ => failure.hint.clone(),
            };
            let lines = [format!("{} ({})", failure.message, failure.code)].into_iter().chain(hint).collect();
            Found {
                title: "The check did not succeed. You may go on, or go back and mend it.".to_owned(),
                is_good: false,
                lines,
            }
        }
    }
}

/// What the chosen mapping file would do.
async fn preview(host: &scheduler::Host, draft: &Draft) -> Result<Option<Found>, Trouble> {
    /// Lines shown.
    const SHOWN_MAX: usize = 50;
    let Some(check) = setup::check_mapping(host, draft).await? else { return Ok(None) };
    let summary = check.summary;
    let mut lines: Vec<String> = summary
        .problems
        .iter()
        .map(|problem| format!("line {}: {} ({})", problem.line, problem.message, problem.code))
        .collect();
    if lines.is_empty() {
        lines.extend(check.rows.iter().map(|row| format!("{} -> {}", row.key, row.mailbox)));
    }
    let more = lines.len().saturating_sub(SHOWN_MAX);
    lines.truncate(SHOWN_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let title = format!(
        "The mapping file has {} rows for {} mailboxes, {} problems.",
        summary.rows,
        summary.mailboxes,
        summary.problems.len()
    );
    Ok(Some(Found { title, is_good: summary.problems.is_empty(), lines }))
}

fn review(console: &Console, asked: &Asked<'_>, found: Option<&Found>, refused: &Markup) -> Result<Response, Trouble> {
    let host = console.host()?;
    let text = asked.draft.text(asked.catalogue, &host)?;
    let body = html! {
        (asked.head())
        (refused)
        @if let Some(found) = found { (found.show()) }
        @if let Some(looks) = looks(asked.draft, console.now_ms()) { p { "The first time it looks is now, then at " (looks) "." } }
        p { "This file is written, and nothing else but its secrets and its mapping:" }
        pre tabindex="0" { (text) }
        form method="post" action=(path(Step::Review)) enctype="multipart/form-data" {
            (form_token(asked.actor))
            div class="actions" { button { "Finish, and begin the first sync" } (asked.before()) }
        }
        (asked.beside())
    };
    Ok(page(asked.actor, Place::Connectors, "Add a connector: Review", body))
}

/// The next three instants of its schedule.
fn looks(draft: &Draft, now_ms: i64) -> Option<String> {
    let schedule = Schedule::parse(&draft.schedule()?).ok()?;
    let next = |instant_ms: &i64| schedule.after(*instant_ms);
    let instants: Vec<String> = std::iter::successors(next(&now_ms), next).take(3).map(rfc3339).collect();
    Some(instants.join(", "))
}

async fn finish(
    console: &Console,
    drafts: &Drafts,
    actor: &Actor,
    draft: &Draft,
    catalogue: &Catalogue,
    found: Option<&Found>,
) -> Result<Response, Trouble> {
    let host = console.host()?;
    let asked = Asked { actor, draft, catalogue, step: Step::Review };
    match setup::finish(&host, draft, catalogue, &actor.name).await {
        Ok(Finished::Added { name, .. }) => {
            drafts.forget(&actor.name);
            console.service.reload().await?;
            console.service.run_now(&name);
            Ok(back(&format!("/connectors/{}", segment(&name))))
        }
        Ok(Finished::Copy { file, text, secrets, why }) => {
            let body = html! {
                (asked.head())
                div class="problem" role="alert" { p { "The folder of the configuration cannot be written here: " (why) "." } }
                p { "Put this into " code { (file.display()) } ", then reload the service:" }
                pre tabindex="0" { (text) }
                @if !secrets.is_empty() {
                    p { "Its secrets were not stored; set them on the machine:" }
                    ul { @for secret in &secrets { li { code { "chancery secret set " (secret) } } } }
                }
            };
            Ok(page(actor, Place::Connectors, "Add a connector: copy the file", body))
        }
        Err(failure) => {
            let why = failed(&failure.code, &failure.message, failure.hint.as_deref());
            let mut response = review(console, &asked, found, &why)?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
    }
}
