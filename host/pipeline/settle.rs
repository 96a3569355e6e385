//! `settle`: the last receipts of a page.

use super::{crash, deliver::Delivered, turn::Turn};
use crate::item::Failure;

/// Every copy of the page is delivered, parked or excluded, and the ledger says so durably.
pub(super) struct Settled;

/// Commits what the last delivery group left open.
pub(super) async fn settle(turn: &Turn, delivered: Delivered) -> Result<Settled, Failure> {
    let facts = delivered.into_facts();
    if !facts.is_empty() {
        turn.with_state(move |state| state.commit(facts)).await?;
    }
    crash::point("settle:recorded");
    Ok(Settled)
}
