//! Compares what a reading met with what the source says it has, before the window's last page is staged.

use std::sync::atomic::Ordering;

use super::{
    attempt::attempt,
    turn::{Reading, Turn},
    window::Window,
};
use crate::item::{Failure, NextMove};

/// Whether the reading, at its last page, has met what the source says it has. False means that it begins anew, which
/// it does once: what was left out of a listing may stand in the next one. The last page is not staged before this, so
/// that the window can still be read.
///
/// # Errors
/// `source-total-missing` when it falls short a second time; the window stays open, and the next turn tries again.
pub(super) async fn agree(turn: &Turn, window: &Window) -> Result<bool, Failure> {
    let met = window.tally.count();
    let Some(total) = ask(turn, window).await? else { return Ok(true) };
    if met >= total {
        if met > total {
            tracing::warn!(connector = turn.connector, met, total, "the source gave more than it says it has");
        }
        return Ok(true);
    }
    if !window.read_again.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            connector = turn.connector,
            met,
            total,
            "the source gave less than it says it has; it is read once more"
        );
        window.tally.clear();
        window.circle.clear();
        return Ok(false);
    }
    Err(Failure::new(
        "source-total-missing",
        NextMove::Retry { after: None },
        format!(
            "the source of connector `{}` says it has {total} observations for this window and gave {met} different \
             ones, in two readings; the window stays open",
            turn.connector
        ),
    )
    .hint(format!("run `chancery sync {}` again; if it stays so, ask the source's operator", turn.connector)))
}

/// How much the source says it has for the window; none when it cannot tell.
pub(super) async fn ask(turn: &Turn, window: &Window) -> Result<Option<u64>, Failure> {
    let Reading::Window(interval) = window.reading(turn.lookback_ms) else { return Ok(None) };
    let total = attempt(turn, false, || async { turn.source.lock().await.totals(&turn.account, interval).await })
        .await
        .map_err(|(failure, _)| failure)?;
    window.remember_total(total);
    Ok(total)
}
