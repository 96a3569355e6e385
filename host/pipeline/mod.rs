//! The spine: one item's journey, and nothing else.
//!
//! ```text
//! source.pull -> stage -> map -> convert -> deliver -> settle
//! ```
//!
//! What lives here: the six steps, each consuming the previous step's type, so that skipping or repeating one does not
//! compile. What may not: foreign protocols (they are behind [`Source`], [`Mapper`], [`Converter`] and
//! [`crate::destinations::Destination`]), schedules, words for people. What follows a failure is decided in
//! [`policy`], by one function without IO.
//!
//! The next page is pulled while the last one is being delivered; the channel between them is bounded. Where a
//! destination gains by it, several pages are delivered as one load, and the next load is mapped and converted meanwhile. If the process
//! dies anywhere, the ledger says how far each copy came: a window is taken up again from its staged pages, copies
//! whose intent has no receipt are looked for at the destination before they are sent, and then the reading goes on
//! from its cursor.

mod attempt;
mod brake;
mod circle;
mod convert;
pub mod crash;
mod deliver;
mod fetch;
mod file;
mod load;
mod map;
pub mod parked;
pub mod policy;
pub mod reconcile;
mod settle;
mod stage;
mod tally;
mod totals;
mod turn;
mod window;

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use self::load::Load;
use crate::{
    item::{Failure, NextMove, limits},
    state::WindowRow,
};

pub use attempt::attempt_for;
pub use brake::Brakes;
pub use file::gone;
pub use parked::{Retried, Selection, retry};
pub use turn::{
    Closing, Converted, Converter, DestinationSlot, Directory, Mapper, Progress, PullRequest, Reading, Silent, Source,
    Step, Turn, blocking,
};
pub use window::{Due, WindowReport};

/// The reason of a turn that was asked to stop.
pub const STOPPED: &str = "turn-stopped";

/// Takes one window from wherever it stands to its end.
///
/// # Errors
/// The failure that ended the turn. What was staged and delivered until then stands in the ledger; the same call
/// again goes on from there.
pub async fn run(turn: &Turn, due: &Due) -> Result<WindowReport, Failure> {
    if turn.progress.is_stopping() {
        return Err(stopped(&turn.connector));
    }
    let window = window::open(turn, due).await?;
    crash::point("window:opened");
    let left = AtomicBool::new(false);
    let reading = async |sender: mpsc::Sender<stage::Staged>| {
        stage::resume(turn, &window, &sender).await?;
        let mut cursor = window.next_page();
        while let Some(at) = cursor {
            if turn.progress.is_stopping() {
                left.store(true, Ordering::Relaxed);
                break;
            }
            let fetched = fetch::pull(turn, &window, at).await?;
            let staged = stage::stage(turn, &window, fetched).await?;
            cursor = staged.next_page();
            if sender.send(staged).await.is_err() {
                break; // Delivery failed and says why itself.
            }
        }
        Ok(())
    };
    side_by_side(turn, reading).await?;
    if left.load(Ordering::Relaxed) {
        return Err(stopped(&turn.connector));
    }
    window::close(turn, window).await
}

/// The turn ends between two pages, with everything that was read delivered and recorded.
pub fn stopped(connector: &str) -> Failure {
    let message = format!("the turn of connector `{connector}` was left between two pages");
    Failure::new(STOPPED, NextMove::Retry { after: None }, message)
        .hint("nothing: it goes on there with the next start, or with `chancery sync`")
}

/// Delivers what is still under way in a window that was closed before: a retry of parked copies was interrupted there.
///
/// # Errors
/// The failure that ended it; the same call again goes on from there.
pub async fn finish(turn: &Turn, row: &WindowRow) -> Result<(), Failure> {
    side_by_side(turn, async |sender| stage::resume_closed(turn, row, &sender).await).await?;
    let id = row.id;
    turn.with_state(move |state| state.seal_if_settled(id)).await.map(drop)
}

/// Delivers pages while the next ones are being read.
async fn side_by_side(
    turn: &Turn,
    reading: impl AsyncFnOnce(mpsc::Sender<stage::Staged>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (sender, mut staged_pages) = mpsc::channel(limits::PAGES_AHEAD_MAX);
    let delivering = async {
        let mut load = load::gather(turn, &mut staged_pages).await?;
        while let Some(mut ready) = load {
            if !load::gathers(turn) {
                deliver(turn, ready).await?;
                load = load::gather(turn, &mut staged_pages).await?;
                continue;
            }
            ready.record_plans(turn).await?;
            // What is being delivered comes to its end before it is said that a later page could not be mapped or converted.
            let gathering = async { Ok(load::gather(turn, &mut staged_pages).await) };
            let (next, ()) = futures::try_join!(gathering, deliver(turn, ready))?;
            load = next?;
        }
        staged_pages.close();
        Ok::<(), Failure>(())
    };
    futures::try_join!(reading(sender), delivering)?;
    Ok(())
}

/// Delivers a load, to the last receipt.
async fn deliver(turn: &Turn, load: Load) -> Result<(), Failure> {
    let delivered = deliver::deliver(turn, load).await?;
    settle::settle(turn, delivered).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
