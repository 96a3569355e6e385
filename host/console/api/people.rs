//! Accounts and rights.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::body::{Answer, Json, answer};
use crate::{
    console::kernel::{Actor, Console, Trouble},
    item::time::rfc3339,
    people::{Person, Right, Rights},
};

/// Who asks.
#[derive(Serialize)]
pub(super) struct Me {
    name: String,
    rights: Rights,
}

/// Somebody with an account.
#[derive(Serialize)]
pub(super) struct PersonDocument {
    name: String,
    rights: Rights,
    added_at: String,
    has_password: bool,
}

/// A link with which somebody chooses a password, once.
#[derive(Serialize)]
pub(super) struct Link {
    name: String,
    link: String,
}

impl From<&Person> for PersonDocument {
    fn from(person: &Person) -> Self {
        Self {
            name: person.name.clone(),
            rights: person.rights.clone(),
            added_at: rfc3339(person.added_at_ms),
            has_password: person.has_password(),
        }
    }
}

pub(super) async fn me(actor: Actor) -> Answer<Me> {
    answer(Me { name: actor.name, rights: actor.rights })
}

pub(super) async fn list(State(console): State<Console>, actor: Actor) -> Answer<Vec<PersonDocument>> {
    actor.require(Right::AdministerPeople)?;
    answer(console.people.list().iter().map(Into::into).collect())
}

pub(super) async fn show(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
) -> Answer<PersonDocument> {
    actor.require(Right::AdministerPeople)?;
    answer((&console.people.find(&name).ok_or(Trouble::NotFound)?).into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    name: String,
    #[serde(default)]
    rights: Rights,
}

pub(super) async fn add(
    State(console): State<Console>,
    actor: Actor,
    Json(Add { name, rights }): Json<Add>,
) -> Result<Response, Trouble> {
    actor.require(Right::AdministerPeople)?;
    let (of, now_ms) = (name.clone(), console.now_ms());
    let added = console.change_people(&actor.name, move |people, record| people.add(&of, &rights, now_ms, record));
    let link = console.address(&format!("/link/{}", added.await?.expose_secret()));
    Ok((StatusCode::CREATED, axum::Json(Link { name, link })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetRights {
    rights: Rights,
}

pub(super) async fn set_rights(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
    Json(SetRights { rights }): Json<SetRights>,
) -> Answer<PersonDocument> {
    actor.require(Right::AdministerPeople)?;
    let person = console.people.find(&name).ok_or(Trouble::NotFound)?;
    let given: Rights = rights.difference(&person.rights).copied().collect();
    let taken: Rights = person.rights.difference(&rights).copied().collect();
    let of = name.clone();
    let changed = console.change_people(&actor.name, move |people, record| {
        if !taken.is_empty() {
            people.revoke(&of, &taken, record)?;
        }
        if given.is_empty() { Ok(()) } else { people.grant(&of, &given, record) }
    });
    changed.await?;
    answer((&console.people.find(&name).ok_or(Trouble::NotFound)?).into())
}

pub(super) async fn reset(State(console): State<Console>, actor: Actor, Path(name): Path<String>) -> Answer<Link> {
    actor.require(Right::AdministerPeople)?;
    let (of, now_ms) = (name.clone(), console.now_ms());
    let reset = console.change_people(&actor.name, move |people, record| people.reset(&of, now_ms, record));
    let link = console.address(&format!("/link/{}", reset.await?.expose_secret()));
    answer(Link { name, link })
}

pub(super) async fn remove(
    State(console): State<Console>,
    actor: Actor,
    Path(name): Path<String>,
) -> Result<StatusCode, Trouble> {
    actor.require(Right::AdministerPeople)?;
    console.change_people(&actor.name, move |people, record| people.remove(&name, record)).await?;
    Ok(StatusCode::NO_CONTENT)
}
