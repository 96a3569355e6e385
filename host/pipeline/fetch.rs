//! `source.pull`: asks the source for one page.

use std::sync::Arc;

use super::{
    attempt::attempt,
    circle::Held,
    crash,
    policy::Decision,
    totals,
    turn::{PullRequest, Step, Turn},
    window::Window,
};
use crate::{
    item::{BlobSink, Failure, Page, limits},
    stage::PageDraft,
};

/// A page as the source gave it, checked, its attachments in the stage but nothing durable yet.
pub(super) struct Fetched {
    pub(super) page: Page,
    pub(super) draft: Arc<PageDraft>,
}

/// Where a page begins: none for the first.
pub(super) type Cursor = Option<Vec<u8>>;

/// Asks for the page at `cursor`. A page that failed half-way leaves nothing but rubbish in the stage. When the last page
/// shows that the reading fell short of what the source says it has, this is the first page of another reading.
pub(super) async fn pull(turn: &Turn, window: &Window, mut cursor: Cursor) -> Result<Fetched, Failure> {
    loop {
        let fetched = page(turn, window, cursor).await?;
        if fetched.page.cursor.is_some() || totals::agree(turn, window).await? {
            crash::point("fetch:pulled");
            turn.progress.advanced(Step::Staged, fetched.page.items.len() as u64);
            return Ok(fetched);
        }
        cursor = None;
    }
}

async fn page(turn: &Turn, window: &Window, cursor: Cursor) -> Result<Fetched, Failure> {
    window.count_page()?;
    if let Some(failure) = window.file_lost() {
        return Ok(Fetched { page: window.unreadable_file(failure), draft: turn.stage.page() });
    }
    let reading = window.reading(turn.lookback_ms);
    let request = || PullRequest {
        reading: &reading,
        account: &turn.account,
        bookmark: window.bookmark.as_deref(),
        cursor: cursor.as_deref(),
        max_items: limits::PAGE_ITEMS_MAX,
    };
    let answer = attempt(turn, window.is_file(), || async {
        let draft = turn.stage.page();
        let blobs: Arc<dyn BlobSink> = Arc::clone(&draft) as _;
        let page = turn.source.lock().await.pull(request(), blobs).await?;
        Ok(Fetched { page, draft })
    })
    .await;
    let fetched = match answer {
        Ok(fetched) => {
            let unreadable = &fetched.page.unreadable;
            let of = fetched.page.items.len() + unreadable.len();
            let codes = unreadable.iter().map(|entry| &*entry.code);
            turn.brakes.source.note(unreadable.len() as u64, of as u64, codes)?;
            fetched
        }
        // A file that cannot be read is parked by itself; the other files of the folder are not concerned.
        Err((failure, Decision::Park)) => Fetched { page: window.unreadable_file(failure), draft: turn.stage.page() },
        Err((failure, Decision::Wait(_) | Decision::EndTurn)) => return Err(failure),
    };
    let held = match window.tally.note(&fetched.page) {
        _ if fetched.page.items.is_empty() && fetched.page.unreadable.is_empty() => Held::Nothing,
        0 => Held::Repetitions,
        _ => Held::SomethingNew,
    };
    window.circle.note(&turn.connector, fetched.page.cursor.as_deref(), held)?;
    if let Some(per_mille) = fetched.page.progress {
        turn.progress.position(per_mille);
    }
    Ok(fetched)
}
