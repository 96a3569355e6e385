//! `source.pull`: asks the source for one page.

use std::sync::Arc;

use super::{
    attempt::attempt,
    crash,
    policy::Decision,
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

/// Asks for the page at `cursor`. A page that failed half-way leaves nothing but rubbish in the stage.
pub(super) async fn pull(turn: &Turn, window: &Window, cursor: Cursor) -> Result<Fetched, Failure> {
    window.count_page()?;
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
        Ok(fetched) => fetched,
        // A file that cannot be read is parked by itself; the other files of the folder are not concerned.
        Err((failure, Decision::Park)) => Fetched { page: window.unreadable_file(failure), draft: turn.stage.page() },
        Err((failure, Decision::Wait(_) | Decision::EndTurn)) => return Err(failure),
    };
    let is_empty = fetched.page.items.is_empty() && fetched.page.unreadable.is_empty();
    window.circle.note(&turn.connector, fetched.page.cursor.as_deref(), is_empty)?;
    if let Some(per_mille) = fetched.page.progress {
        turn.progress.position(per_mille);
    }
    crash::point("fetch:pulled");
    turn.progress.advanced(Step::Staged, fetched.page.items.len() as u64);
    Ok(fetched)
}
