//! Items: what became of them, without what they say.

use serde::Serialize;

use super::state_of;
use crate::{
    item::{Failure, time::rfc3339},
    scheduler::{Host, parked},
    state::{ConnectorState, CopyKey, CopyStep, ItemRow, ItemStep, Ordinal, Target, WindowId},
};

/// Some items of a window.
#[derive(Debug, Serialize)]
pub(in crate::console) struct ItemsDocument {
    /// In the order of the source.
    pub(in crate::console) items: Vec<ItemDocument>,
    /// The item to ask `after`, for more.
    pub(in crate::console) after: Option<u64>,
}

/// An item. Names and addresses are in it, message text is not.
#[derive(Debug, Serialize)]
pub(in crate::console) struct ItemDocument {
    /// Its number in the connector's ledger.
    pub(in crate::console) item: u64,
    /// Its window.
    pub(in crate::console) window: u64,
    /// The source's id; empty when it was erased from the record.
    pub(in crate::console) source_id: String,
    /// What happened.
    pub(in crate::console) event: &'static str,
    /// When.
    pub(in crate::console) time: Option<String>,
    /// Whose archive it was found in.
    pub(in crate::console) owner: Option<String>,
    /// What became of it.
    pub(in crate::console) outcome: &'static str,
    /// Why: the reason code, or the rule that left it out.
    pub(in crate::console) reason: Option<String>,
    /// What would free it.
    pub(in crate::console) message: Option<String>,
    /// Its copies.
    pub(in crate::console) copies: Vec<CopyDocument>,
    /// Decisions of people about it.
    pub(in crate::console) decisions: Vec<Decision>,
}

/// A copy.
#[derive(Debug, Serialize)]
pub(in crate::console) struct CopyDocument {
    /// Its number in the item.
    pub(in crate::console) copy: u16,
    /// Index of its destination.
    pub(in crate::console) destination: u16,
    /// Its mailbox.
    pub(in crate::console) mailbox: Option<String>,
    /// The person whose it would be, who has no mailbox.
    pub(in crate::console) person: Option<String>,
    /// What became of it.
    pub(in crate::console) outcome: String,
    /// The reason code, where it is parked.
    pub(in crate::console) reason: Option<String>,
    /// What would free it.
    pub(in crate::console) message: Option<String>,
}

/// What somebody decided.
#[derive(Debug, Serialize)]
pub(in crate::console) struct Decision {
    /// Who.
    pub(in crate::console) actor: String,
    /// Why.
    pub(in crate::console) reason: String,
}

/// What an item counts as, as reports have it.
pub(in crate::console) const OUTCOMES: [&str; 6] =
    ["staged", "pending", "delivered", "parked", "duplicate", "excluded"];

const fn outcome(step: ItemStep) -> &'static str {
    match step {
        ItemStep::Staged => OUTCOMES[0],
        ItemStep::Pending => OUTCOMES[1],
        ItemStep::Delivered => OUTCOMES[2],
        ItemStep::Parked => OUTCOMES[3],
        ItemStep::Duplicate => OUTCOMES[4],
        ItemStep::Excluded => OUTCOMES[5],
    }
}

/// Which items of a window.
#[derive(Clone, Debug)]
pub(in crate::console) struct OfWindow {
    /// The window.
    pub(in crate::console) window: u64,
    /// Those with this outcome.
    pub(in crate::console) outcome: Option<String>,
    /// Those after this item.
    pub(in crate::console) after: Option<u64>,
}

/// Some items of a window, at most so many.
///
/// # Errors
/// `connector-unknown`; none when there is no such window.
pub(in crate::console) fn of_window(
    host: &Host,
    name: &str,
    asked: &OfWindow,
    max: usize,
) -> Result<Option<ItemsDocument>, Failure> {
    let mut found = ItemsDocument { items: Vec::new(), after: None };
    let is_there = each(host, name, asked, |item| {
        if found.items.len() == max {
            found.after = found.items.last().map(|item| item.item);
            return false;
        }
        found.items.push(item);
        true
    })?;
    Ok(is_there.then_some(found))
}

/// Hands over the items of a window one by one, in the order of the source, until `take` says no. Whether there is such a
/// window.
///
/// # Errors
/// `connector-unknown`.
pub(in crate::console) fn each(
    host: &Host,
    name: &str,
    asked: &OfWindow,
    mut take: impl FnMut(ItemDocument) -> bool,
) -> Result<bool, Failure> {
    let state = state_of(host, name)?;
    let id = WindowId(asked.window);
    if !state.windows()?.iter().any(|row| row.id == id) {
        return Ok(false);
    }
    let is_asked = |row: &ItemRow| {
        asked.after.is_none_or(|after| row.ordinal.0 > after)
            && asked.outcome.as_ref().is_none_or(|wanted| outcome(row.step) == wanted)
    };
    for page in state.pages(id)? {
        for row in state.page_items(id, page.seq)?.into_iter().filter(is_asked) {
            if !take(document(&state, row)?) {
                return Ok(true);
            }
        }
    }
    Ok(true)
}

/// An item.
///
/// # Errors
/// `connector-unknown`; what the state fails with when there is none.
pub(in crate::console) fn read(host: &Host, name: &str, item: u64) -> Result<ItemDocument, Failure> {
    let state = state_of(host, name)?;
    let row = state.item(Ordinal(item))?;
    document(&state, row)
}

/// The item of a source's id.
///
/// # Errors
/// `connector-unknown`.
pub(in crate::console) fn find(host: &Host, name: &str, source_id: &str) -> Result<Option<u64>, Failure> {
    Ok(state_of(host, name)?.find(source_id)?.map(|item| item.0))
}

fn document(state: &ConnectorState, row: ItemRow) -> Result<ItemDocument, Failure> {
    let private = state.item_private(row.ordinal)?.unwrap_or_default();
    let said = |copy| Some(parked::message(&private, copy)).filter(|text| !text.is_empty()).map(str::to_owned);
    let copies = (0_u16..).zip(&row.copies).map(|(number, copy)| {
        let (mailbox, person) = match private.targets.get(usize::from(number)) {
            Some(Target::Mailbox(address)) => (Some(address.clone()), None),
            Some(Target::Person(id)) => (None, Some(id.clone())),
            None => (None, None),
        };
        let (outcome, reason) = match &copy.state {
            CopyStep::Planned => ("planned", None),
            CopyStep::Intended { .. } => ("in-doubt", None),
            CopyStep::Done(outcome) => (outcome.name(), None),
            CopyStep::Parked { code } => ("parked", Some(code.clone())),
            CopyStep::Discarded => ("discarded", None),
        };
        let message = reason.is_some().then(|| said(number)).flatten();
        let (destination, outcome) = (copy.destination, outcome.to_owned());
        CopyDocument { copy: number, destination, mailbox, person, outcome, reason, message }
    });
    Ok(ItemDocument {
        item: row.ordinal.0,
        window: row.window.0,
        event: row.event.name(),
        time: private.sent_at_ms.map(rfc3339),
        owner: private.owner.clone(),
        outcome: outcome(row.step),
        message: row.parked.is_some().then(|| said(CopyKey::WHOLE)).flatten(),
        reason: row.parked.clone().or(row.excluded.clone()),
        copies: copies.collect(),
        decisions: private
            .decisions
            .iter()
            .map(|(actor, reason)| Decision { actor: actor.clone(), reason: reason.clone() })
            .collect(),
        source_id: private.id,
    })
}
