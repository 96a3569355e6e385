//! `stage`: makes a page durable, and takes staged pages up again.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::{
    attempt::attempt,
    crash,
    fetch::{Cursor, Fetched},
    turn::{Turn, blocking},
    window::{self, Window},
};
use crate::{
    item::{Failure, Page, Resolution, TimestampMs},
    state::{CopyStep, ItemRow, ItemStep, Observation, Ordinal, StagedPage, Standing, Target, WindowId, WindowRow},
};

/// A page that survives a crash, with the items of it that are ours to do.
pub(super) struct Staged {
    pub(super) page: Arc<Page>,
    pub(super) items: Vec<StagedItem>,
    /// An item that says it happened later than this is parked.
    pub(super) believable_until_ms: TimestampMs,
    /// Where the next page begins, when there is one and it was not read yet.
    next: Option<Cursor>,
}

/// An item that was met for the first time, or for a further owner.
pub(super) struct StagedItem {
    pub(super) ordinal: Ordinal,
    /// Among the page's items; those beyond are its unreadable ones.
    pub(super) position: usize,
    /// The item it is a further observation of.
    pub(super) of: Option<Ordinal>,
    /// What an earlier attempt planned and did, when this is not the first.
    pub(super) planned: Option<EarlierPlan>,
}

/// What the ledger holds of an item's plan.
pub(super) struct EarlierPlan {
    pub(super) resolutions: Vec<Resolution>,
    pub(super) copies: Vec<(u16, Target, CopyStep)>,
}

impl Staged {
    /// Where the next page begins, if it is still to be read.
    pub(super) fn next_page(&self) -> Option<Cursor> {
        self.next.clone()
    }
}

/// Commits page and cursor together: first the stage, then the ledger.
pub(super) async fn stage(turn: &Turn, window: &Window, fetched: Fetched) -> Result<Staged, Failure> {
    let Fetched { page, draft } = fetched;
    let page = Arc::new(page);
    let next = page.cursor.clone().map(Some);
    let (state, staging, id) = (Arc::clone(&turn.state), Arc::clone(&page), window.id);
    let late = late(&page, window);
    let page_name = match attempt(turn, false, || {
        let (draft, page) = (Arc::clone(&draft), Arc::clone(&page));
        blocking(move || draft.commit(&page))
    })
    .await
    {
        Ok(name) => name,
        Err((failure, _)) => return Err(failure),
    };
    crash::point("stage:written");
    let standings = blocking(move || {
        let observations = observations(&staging, &late);
        Ok(state.stage_page(StagedPage {
            window: id,
            page_name,
            cursor: staging.cursor.as_deref(),
            bookmark: staging.bookmark.as_deref(),
            observations: &observations,
        })?)
    })
    .await?;
    crash::point("stage:recorded");
    let items = standings
        .into_iter()
        .enumerate()
        .filter_map(|(position, standing)| {
            let (ordinal, of) = match standing {
                Standing::New(ordinal) => (ordinal, None),
                Standing::Duplicate { ordinal, of } => (ordinal, Some(of)),
                Standing::Seen { .. } => return None,
            };
            Some(StagedItem { ordinal, position, of, planned: None })
        })
        .collect();
    Ok(Staged { page, items, believable_until_ms: window.believable_until_ms(), next })
}

/// For each observation of a page, unreadable ones last, whether it belongs to a window that was closed before.
fn late(page: &Page, window: &Window) -> Vec<bool> {
    let items = page.items.iter().map(|item| Some(item.sent_at_ms));
    let times = items.chain(page.unreadable.iter().map(|unreadable| unreadable.sent_at_ms));
    times.map(|at_ms| at_ms.is_some_and(|at_ms| window.is_late(at_ms))).collect()
}

fn observations<'a>(page: &'a Page, late: &[bool]) -> Vec<Observation<'a>> {
    let items = page.items.iter().map(|item| Observation {
        id: &item.id,
        event: item.event,
        revision: item.revision,
        owner: item.owner.map(|owner| page.people[owner as usize].id.as_str()),
        sent_at_ms: Some(item.sent_at_ms),
        position: 0,
        unreadable: false,
        late: false,
    });
    let unreadable = page.unreadable.iter().map(|unreadable| Observation {
        id: &unreadable.id,
        event: crate::item::Event::Other,
        revision: 0,
        owner: None,
        sent_at_ms: unreadable.sent_at_ms,
        position: 0,
        unreadable: true,
        late: false,
    });
    let numbered = items.chain(unreadable).zip(0..).zip(late);
    numbered.map(|((observation, position), late)| Observation { position, late: *late, ..observation }).collect()
}

/// Hands on the pages that an earlier attempt staged and did not settle.
pub(super) async fn resume(turn: &Turn, window: &Window, sender: &Sender<Staged>) -> Result<(), Failure> {
    if !window.taken_up {
        return Ok(());
    }
    unsettled(turn, window.id, window.believable_until_ms(), sender).await
}

/// Hands on what is under way of a window that was closed.
pub(super) async fn resume_closed(turn: &Turn, row: &WindowRow, sender: &Sender<Staged>) -> Result<(), Failure> {
    unsettled(turn, row.id, window::believable_until_ms(row.interval), sender).await
}

async fn unsettled(
    turn: &Turn,
    id: WindowId,
    believable_until_ms: TimestampMs,
    sender: &Sender<Staged>,
) -> Result<(), Failure> {
    let pages = turn.with_state(move |state| state.pages(id)).await?;
    for row in pages.into_iter().filter(|page| !page.settled) {
        let page = turn.staged_page(row.page_name).await?;
        let state = Arc::clone(&turn.state);
        let items = blocking(move || unfinished(&state, id, row.seq)).await?;
        let staged = Staged { page, items, believable_until_ms, next: None };
        if sender.send(staged).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn unfinished(state: &crate::state::ConnectorState, window: WindowId, seq: u32) -> Result<Vec<StagedItem>, Failure> {
    state.page_items(window, seq)?.into_iter().map(|row| staged_item(state, row)).collect()
}

/// An item as the ledger knows it, to be taken up where it stands.
pub(super) fn staged_item(state: &crate::state::ConnectorState, row: ItemRow) -> Result<StagedItem, Failure> {
    let planned = if row.step == ItemStep::Staged {
        None
    } else {
        // Without its private part (it was erased) nothing of an item can go on.
        let private = state.item_private(row.ordinal)?.unwrap_or_default();
        let copies = row.copies.into_iter().zip(private.targets);
        Some(EarlierPlan {
            resolutions: private.resolutions,
            copies: copies.map(|(copy, target)| (copy.destination, target, copy.state)).collect(),
        })
    };
    let of = match row.standing {
        Standing::Duplicate { of, .. } => Some(of),
        Standing::New(_) | Standing::Seen { .. } => None,
    };
    Ok(StagedItem { ordinal: row.ordinal, position: row.position as usize, of, planned })
}
