//! What is parked, as people ask for it: a row each with what would free it, and giving up on some of it.

use serde::Serialize;

use super::Host;
use crate::{
    item::{Failure, NextMove, reason},
    pipeline::Selection,
    state::{ConnectorState, CopyKey, Group, ItemPrivate, Ordinal, ParkedRow, Target},
};

/// Rows read from the state at a time.
const ROWS_MAX: usize = 1_000;

/// A parked copy or item with what a person needs to find it.
#[derive(Clone, Debug, Serialize)]
pub struct Parked {
    /// The item's number.
    pub item: u64,
    /// The copy's number; none: the whole item.
    pub copy: Option<u16>,
    /// The reason code.
    pub reason: String,
    /// What would free it.
    pub message: String,
    /// The source's id of the item.
    pub source_id: String,
    /// Whose copy it is, as the source names them; empty for a mailbox.
    pub source_user: String,
    /// The mailbox it is for; empty for a person without one.
    pub mailbox: String,
    /// What to do about this reason.
    pub hint: String,
}

/// What is parked, in the order of the items, after a place, at most so many; and the place to go on after, if there is
/// more.
///
/// # Errors
/// When the state cannot be read.
pub fn list(
    state: &ConnectorState,
    selection: &Selection,
    mut after: Option<CopyKey>,
    max: usize,
) -> Result<(Vec<Parked>, Option<CopyKey>), Failure> {
    let mut rows = Vec::new();
    loop {
        let page = state.parked(after, ROWS_MAX)?;
        if page.is_empty() {
            return Ok((rows, None));
        }
        for parked in &page {
            if selection.holds(parked) {
                if rows.len() == max {
                    return Ok((rows, after));
                }
                rows.push(row(state, parked)?);
            }
            after = Some(parked.key);
        }
    }
}

fn row(state: &ConnectorState, parked: &ParkedRow) -> Result<Parked, Failure> {
    let private = state.item_private(parked.key.ordinal)?.unwrap_or_default();
    let copy = (!parked.key.is_whole()).then_some(parked.key.copy);
    let (mut source_user, mut mailbox) = (String::new(), String::new());
    match copy.and_then(|copy| private.targets.get(usize::from(copy))) {
        Some(Target::Mailbox(address)) => mailbox.clone_from(address),
        Some(Target::Person(id)) => source_user.clone_from(id),
        None => source_user = private.owner.clone().unwrap_or_default(),
    }
    Ok(Parked {
        item: parked.key.ordinal.0,
        copy,
        reason: parked.code.clone(),
        message: message(&private, parked.key.copy).to_owned(),
        source_id: private.id,
        source_user,
        mailbox,
        hint: reason::find(&parked.code).map_or_else(String::new, |reason| reason.remedy.to_owned()),
    })
}

/// What would free a copy, or the whole item.
pub fn message(private: &ItemPrivate, copy: u16) -> &str {
    private.messages.get(&copy).map_or("", String::as_str)
}

/// How many are parked, by reason code.
///
/// # Errors
/// When the state cannot be read.
pub fn by_reason(state: &ConnectorState) -> Result<std::collections::BTreeMap<String, u64>, Failure> {
    let (mut counts, mut after) = (std::collections::BTreeMap::new(), None);
    loop {
        let page = state.parked(after, ROWS_MAX)?;
        let Some(last) = page.last() else { return Ok(counts) };
        after = Some(last.key);
        for parked in page {
            *counts.entry(parked.code).or_default() += 1;
        }
    }
}

/// Gives up on what is parked: a decision that stands in the connector's ledger with who made it and why. Returns how
/// many copies and items it was.
///
/// # Errors
/// `discard-refused` without a reason, or when everything is meant; what the state fails with.
pub fn discard(host: &Host, name: &str, selection: &Selection, because: &str, actor: &str) -> Result<usize, Failure> {
    let refused = |message: &str| Failure::new("discard-refused", NextMove::AskPerson, message);
    if because.trim().is_empty() {
        return Err(refused("discarding needs a reason").hint("say why: `--because \"…\"`; it stands in the ledger"));
    }
    if selection.item.is_none() && selection.reason.is_none() {
        return Err(refused("say what to discard").hint("name `--item N` or `--reason CODE`"));
    }
    let state = host.state.connector(name)?;
    let (rows, _) = list(&state, selection, None, usize::MAX)?;
    let mut facts = Group::new();
    for row in &rows {
        let item = Ordinal(row.item);
        let key = row.copy.map_or(CopyKey::whole(item), |copy| CopyKey { ordinal: item, copy });
        facts.discard(key, because.trim(), actor);
    }
    state.commit(facts)?;
    Ok(rows.len())
}
