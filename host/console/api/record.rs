//! Windows, items, parked things, ledgers, acts.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::body::{Answer, Json, Query, answer};
use crate::{
    console::{
        documents::{
            self,
            activity::{self, ActivityDocument},
            content::{self, ContentDocument},
            items::{self, ItemDocument, ItemsDocument, OUTCOMES, OfWindow},
            ledger::{self, LedgerDocument, Verified},
            runs::{self, Asked, RunsDocument, WindowDocument},
        },
        kernel::{Actor, Console, Place, Trouble},
    },
    item::{
        limits::{CONSOLE_ROWS, CONSOLE_ROWS_MAX, REASON_CHARS_MAX},
        time::parse_instant,
    },
    people::Right,
    pipeline::Selection,
    scheduler::parked::{self, Parked},
    state::{Act, CopyKey, HoldSubject, Ordinal},
};

/// Rows of an answer, as far as there may be so many.
fn rows(max: Option<usize>) -> Result<usize, Trouble> {
    let max = max.unwrap_or(CONSOLE_ROWS);
    if (1..=CONSOLE_ROWS_MAX).contains(&max) {
        return Ok(max);
    }
    Err(Trouble::Unfit(format!("`max` is 1 to {CONSOLE_ROWS_MAX}")))
}

fn reason(text: &str) -> Result<&str, Trouble> {
    let text = text.trim();
    let fits = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    fits.then_some(text)
        .ok_or_else(|| Trouble::Unfit(format!("a text of 1 to {REASON_CHARS_MAX} characters is needed")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Windows {
    day: Option<String>,
    before: Option<u64>,
    max: Option<usize>,
}

pub(super) async fn windows(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(query): Query<Windows>,
) -> Answer<RunsDocument> {
    actor.require_any(Place::Runs.rights())?;
    let day_ms = query.day.as_deref().map(parse_instant).transpose();
    let day_ms = day_ms.map_err(|why| Trouble::Unfit(format!("`day`: {why}")))?;
    let asked = Asked { day_ms, before: query.before, max: Some(rows(query.max)?) };
    answer(console.read(move |host| runs::read(host, &name, asked)).await?)
}

pub(super) async fn window(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
) -> Answer<WindowDocument> {
    actor.require_any(Place::Runs.rights())?;
    answer(console.read(move |host| runs::window(host, &name, id)).await?.ok_or(Trouble::NotFound)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Items {
    outcome: Option<String>,
    after: Option<u64>,
    max: Option<usize>,
}

pub(super) async fn items(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
    Query(Items { outcome, after, max }): Query<Items>,
) -> Answer<ItemsDocument> {
    actor.require_any(Place::Runs.rights())?;
    if let Some(outcome) = outcome.as_deref().filter(|outcome| !OUTCOMES.contains(outcome)) {
        return Err(Trouble::Unfit(format!("`outcome` is one of {}, not `{outcome}`", OUTCOMES.join(", "))));
    }
    let max = rows(max)?;
    let asked = OfWindow { window: id, outcome, after };
    let found = console.read(move |host| items::of_window(host, &name, &asked, max)).await?;
    answer(found.ok_or(Trouble::NotFound)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfSource {
    source_id: String,
}

pub(super) async fn find(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(OfSource { source_id }): Query<OfSource>,
) -> Answer<ItemDocument> {
    actor.require_any(Place::Runs.rights())?;
    let found = console.read(move |host| {
        let item = items::find(host, &name, &source_id)?;
        item.map(|item| items::read(host, &name, item)).transpose()
    });
    answer(found.await?.ok_or(Trouble::NotFound)?)
}

/// Items that the ledger does not have are not found; a connector that is not there says so.
async fn read_item(console: &Console, name: &str, item: u64) -> Result<ItemDocument, Trouble> {
    let of = name.to_owned();
    console.read(move |host| documents::state_of(host, &of).map(drop)).await?;
    let of = name.to_owned();
    console.read(move |host| items::read(host, &of, item)).await.map_err(|_| Trouble::NotFound)
}

pub(super) async fn item(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
) -> Answer<ItemDocument> {
    actor.require_any(Place::Runs.rights())?;
    answer(read_item(&console, &name, id).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    reason: String,
}

pub(super) async fn message(
    State(console): State<Console>,
    actor: Actor,
    Path((name, id)): Path<(String, u64)>,
    Json(why): Json<Why>,
) -> Answer<ContentDocument> {
    actor.require(Right::ReadContent)?;
    let why = reason(&why.reason)?;
    read_item(&console, &name, id).await?;
    console.record(Act::of(&actor.name, "message view", &format!("{name}: item {id}"), why)).await?;
    answer(console.read(move |host| content::read(host, &name, id)).await?)
}

/// Some of what is parked.
#[derive(Serialize)]
pub(super) struct ParkedDocument {
    rows: Vec<Parked>,
    /// The item and copy to ask `after` and `copy`, for more.
    more: Option<More>,
}

#[derive(Serialize)]
struct More {
    after: u64,
    copy: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichParked {
    reason: Option<String>,
    after: Option<u64>,
    copy: Option<u16>,
    max: Option<usize>,
}

pub(super) async fn parked(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Query(WhichParked { reason, after, copy, max }): Query<WhichParked>,
) -> Answer<ParkedDocument> {
    actor.require_any(Place::Parked.rights())?;
    let max = rows(max)?;
    let after = after.map(|item| CopyKey { ordinal: Ordinal(item), copy: copy.unwrap_or(CopyKey::WHOLE) });
    let read = console.read(move |host| {
        let state = documents::state_of(host, &name)?;
        parked::list(&state, &Selection { reason, item: None }, after, max)
    });
    let (rows, more) = read.await?;
    answer(ParkedDocument { rows, more: more.map(|key| More { after: key.ordinal.0, copy: key.copy }) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    reason: Option<String>,
    item: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    reason: Option<String>,
    item: Option<u64>,
    because: String,
}

/// That it waits for its turn, or is under way; how it ended is in the connector's `retrying`.
pub(super) async fn retry(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Json(Chosen { reason, item }): Json<Chosen>,
) -> Result<StatusCode, Trouble> {
    actor.require(Right::Operate)?;
    console.service.retry(&name, Selection { reason, item: item.map(Ordinal) }, &actor.name).await?;
    Ok(StatusCode::ACCEPTED)
}

/// How many were given up on.
#[derive(Serialize)]
pub(super) struct Discarded {
    discarded: usize,
}

pub(super) async fn discard(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Json(Given { reason: code, item, because }): Json<Given>,
) -> Answer<Discarded> {
    actor.require(Right::Operate)?;
    let because = reason(&because)?.to_owned();
    let discarded = console.read(move |host| {
        documents::state_of(host, &name)?;
        let selection = Selection { reason: code, item: item.map(Ordinal) };
        parked::discard(host, &name, &selection, &because, &actor.name)
    });
    answer(Discarded { discarded: discarded.await? })
}

pub(super) async fn ledger(State(console): State<Console>, actor: Actor) -> Answer<LedgerDocument> {
    actor.require_any(Place::Ledger.rights())?;
    answer(console.read(ledger::read).await?)
}

pub(super) async fn verify(State(console): State<Console>, actor: Actor) -> Answer<Vec<Verified>> {
    actor.require(Right::Evidence)?;
    answer(console.read(ledger::verify).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Day {
    connector: String,
    day: String,
    reason: String,
}

pub(super) async fn bundle(
    State(console): State<Console>,
    actor: Actor,
    Json(sent): Json<Day>,
) -> Answer<ledger::BundleDocument> {
    actor.require(Right::Evidence)?;
    actor.require(Right::ReadContent)?;
    let day_ms = parse_instant(&sent.day).map_err(|why| Trouble::Unfit(format!("`day`: {why}")))?;
    answer(console.bundle(&actor, &sent.connector, day_ms, reason(&sent.reason)?).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    kind: HoldKind,
    subject: String,
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HoldKind {
    Mailbox,
    Person,
    Case,
}

impl Hold {
    fn meaning(&self) -> Result<(HoldSubject, String), Trouble> {
        let what = reason(&self.subject)?.to_owned();
        let subject = match self.kind {
            HoldKind::Mailbox => HoldSubject::Mailbox(what.to_lowercase()),
            HoldKind::Person => HoldSubject::Person(what),
            HoldKind::Case => HoldSubject::Case(what),
        };
        Ok((subject, reason(&self.reason)?.to_owned()))
    }
}

pub(super) async fn hold(
    State(console): State<Console>,
    actor: Actor,
    Json(sent): Json<Hold>,
) -> Result<StatusCode, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (subject, why) = sent.meaning()?;
    console.read(move |host| Ok(host.state.hold(&subject, &actor.name, &why)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn release(
    State(console): State<Console>,
    actor: Actor,
    Json(sent): Json<Hold>,
) -> Result<StatusCode, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (subject, why) = sent.meaning()?;
    let released = console.read(move |host| {
        let is_held = host.state.holds()?.iter().any(|hold| hold.subject.text() == subject.text());
        if is_held {
            host.state.release(&subject, &actor.name, &why)?;
        }
        Ok(is_held)
    });
    if released.await? { Ok(StatusCode::NO_CONTENT) } else { Err(Trouble::NotFound) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acts {
    #[serde(default)]
    words: String,
    before: Option<usize>,
    max: Option<usize>,
}

pub(super) async fn activity(
    State(console): State<Console>,
    actor: Actor,
    Query(Acts { words, before, max }): Query<Acts>,
) -> Answer<ActivityDocument> {
    actor.require_any(Place::Activity.rights())?;
    let max = rows(max)?;
    answer(console.read(move |host| activity::read(host, &words, before, max)).await?)
}
