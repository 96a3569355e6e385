//! Connectors, mappings, plugins.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};

use super::body::{Answer, Json, Text, answer};
use crate::{
    console::{
        documents::{
            connectors::{self, ConnectorDocument},
            mapping::{self, MappingDocument, Preview},
            plugins::{self, PluginDocument},
            unknown,
        },
        kernel::{Actor, Console, Place, Trouble},
    },
    item::{limits::CONSOLE_ROWS_MAX, unhex},
    people::Right,
    scheduler::{self, RosterFinding, service::Failed},
    setup::{
        self,
        edit::{self, FileText},
    },
};

pub(super) async fn list(State(console): State<Console>, _actor: Actor) -> Answer<Vec<ConnectorDocument>> {
    let service = console.service.clone();
    let read = move |host: &scheduler::Host| {
        let statuses = service.connectors();
        let read = statuses.iter().map(|status| connectors::read(&service, host, &status.name));
        Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    };
    answer(console.read(read).await?)
}

pub(super) async fn show(
    State(console): State<Console>,
    _actor: Actor,
    Path(name): Path<String>,
) -> Answer<ConnectorDocument> {
    let (service, of) = (console.service.clone(), name.clone());
    let found = console.read(move |host| connectors::read(&service, host, &of)).await?;
    answer(found.ok_or_else(|| unknown(&name))?)
}

/// A connector that was added.
#[derive(Serialize)]
pub(super) struct Added {
    name: String,
    file: String,
}

pub(super) async fn add(State(console): State<Console>, actor: Actor, Text(text): Text) -> Result<Response, Trouble> {
    actor.require(Right::AdministerConnectors)?;
    let (name, file) = setup::add_text(&*console.host()?, utf8(&text)?, &actor.name).await?;
    console.service.reload().await?;
    let added = Added { name, file: file.display().to_string() };
    Ok((StatusCode::CREATED, axum::Json(added)).into_response())
}

pub(super) async fn file(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Answer<FileText> {
    actor.require(Right::AdministerConnectors)?;
    answer(console.read(move |host| edit::read(host, &name)).await?)
}

/// `If-Match` names the digest of the file that this one was made from.
pub(super) async fn replace(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    headers: HeaderMap,
    Text(text): Text,
) -> Answer<Done> {
    actor.require(Right::AdministerConnectors)?;
    let before = matched(&headers)
        .ok_or_else(|| Trouble::Unfit("send `If-Match` with the digest of the file it was made from".to_owned()))?;
    edit::replace(&*console.host()?, &name, before, utf8(&text)?, &actor.name).await?;
    console.service.reload().await?;
    answer(Done { changed: true })
}

fn utf8(text: &[u8]) -> Result<&str, Trouble> {
    std::str::from_utf8(text).map_err(|_| Trouble::Unfit("the file is not UTF-8".to_owned()))
}

/// The digest that `If-Match` names.
fn matched(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::IF_MATCH)?.to_str().ok()?;
    Some(value.trim_matches('"'))
}

/// That something was done, or was so before.
#[derive(Serialize)]
pub(super) struct Done {
    changed: bool,
}

pub(super) async fn run(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Answer<Done> {
    actor.require(Right::Operate)?;
    console.run_now(&actor, &name).await?;
    answer(Done { changed: true })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    #[serde(default)]
    reason: String,
}

pub(super) async fn pause(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Json(Why { reason }): Json<Why>,
) -> Answer<Done> {
    actor.require(Right::Operate)?;
    answer(Done { changed: console.set_pause(&actor, &name, &reason, true).await? })
}

pub(super) async fn resume(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Json(Why { reason }): Json<Why>,
) -> Answer<Done> {
    actor.require(Right::Operate)?;
    answer(Done { changed: console.set_pause(&actor, &name, &reason, false).await? })
}

/// What a check has found.
#[derive(Serialize)]
pub(super) struct CheckDocument {
    /// Whether a turn would work.
    ok: bool,
    /// The account that the source answers as.
    account: Option<String>,
    /// What it says of itself.
    findings: Vec<String>,
    /// What each destination says.
    destinations: Vec<DestinationFinding>,
    /// Registered people beside the mapping and the mailboxes.
    roster: Vec<RosterFinding>,
    /// Why it did not come to its end.
    failure: Option<Failed>,
}

#[derive(Serialize)]
struct DestinationFinding {
    name: String,
    ok: bool,
    text: String,
    hint: Option<String>,
}

pub(super) async fn check(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
) -> Answer<CheckDocument> {
    actor.require(Right::Operate)?;
    let host = console.host()?;
    let connector = host.config.connector(&name).ok_or_else(|| unknown(&name))?;
    let failed = |failure: &crate::item::Failure| CheckDocument {
        ok: false,
        account: None,
        findings: Vec::new(),
        destinations: Vec::new(),
        roster: Vec::new(),
        failure: Some(failure.into()),
    };
    let checked = match scheduler::check(&host, connector).await {
        Ok(checked) => checked,
        Err(failure) => return answer(failed(&failure)),
    };
    let compared = scheduler::compare_roster(&host, connector, &checked).await;
    let destinations = checked.destinations.iter().flat_map(|(name, findings)| {
        findings.iter().map(|finding| DestinationFinding {
            name: name.clone(),
            ok: finding.is_good,
            text: finding.text.clone(),
            hint: finding.hint.clone(),
        })
    });
    let destinations: Vec<_> = destinations.collect();
    answer(CheckDocument {
        ok: compared.is_ok() && destinations.iter().all(|finding| finding.ok),
        account: Some(checked.account.clone()),
        findings: checked.findings.clone(),
        destinations,
        failure: compared.as_ref().err().map(Failed::from),
        roster: compared.unwrap_or_default(),
    })
}

pub(super) async fn mapping(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
) -> Answer<MappingDocument> {
    actor.require_any(Place::Mapping.rights())?;
    answer(mapping::read(&*console.host()?, &name, CONSOLE_ROWS_MAX).await?)
}

pub(super) async fn preview(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Text(bytes): Text,
) -> Answer<Preview> {
    actor.require(Right::AdministerConnectors)?;
    answer(mapping::preview(&*console.host()?, &name, bytes.to_vec()).await?)
}

/// `If-Match` names the digest of the file that this one was made from; without it there must be none yet.
pub(super) async fn adopt(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    headers: HeaderMap,
    Text(bytes): Text,
) -> Answer<Done> {
    actor.require(Right::AdministerConnectors)?;
    let host = console.host()?;
    let connector = host.config.connector(&name).ok_or_else(|| unknown(&name))?;
    let before = matched(&headers).and_then(unhex);
    scheduler::adopt_mapping(&host, connector, bytes.to_vec(), before, &actor.name).await?;
    answer(Done { changed: true })
}

pub(super) async fn plugins(State(console): State<Console>, actor: Actor) -> Answer<Vec<PluginDocument>> {
    actor.require_any(Place::Plugins.rights())?;
    answer(plugins::read(&*console.host()?).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    source: String,
    digest: String,
}

pub(super) async fn approve(
    State(console): State<Console>,
    actor: Actor,
    Json(Approve { source, digest }): Json<Approve>,
) -> Answer<Done> {
    actor.require(Right::AdministerConnectors)?;
    let host = console.host()?;
    let known = plugins::read(&host).await?;
    let is_file = |plugin: &&PluginDocument| plugin.source == source && plugin.trust != "bundled";
    known.iter().find(is_file).ok_or(Trouble::NotFound)?;
    scheduler::approve(&host, &source, &digest, &actor.name).await?;
    answer(Done { changed: true })
}
