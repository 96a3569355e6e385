//! Parts of a page that follow what happens, by server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;

use axum::response::{
    IntoResponse as _, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures::{Stream, StreamExt as _, stream};
use maud::Markup;

use crate::{
    console::kernel::{Actor, Console, Trouble},
    item::limits::{CONSOLE_EVENT_INTERVAL, CONSOLE_EVENT_QUIET_MAX},
};

/// Tells of a part whenever the service changes, at most once in a while, until the session ends.
///
/// # Errors
/// [`Trouble::Busy`] when too many are told already.
pub(super) fn stream(
    console: &Console,
    actor: &Actor,
    part: impl Fn(&Console) -> Markup + Send + 'static,
) -> Result<Response, Trouble> {
    let place = console.stream_place()?;
    let events = parts(console.clone(), actor.clone(), part).map(move |event| {
        let _held = &place;
        Ok::<_, Infallible>(event)
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(CONSOLE_EVENT_QUIET_MAX)).into_response())
}

fn parts(
    console: Console,
    actor: Actor,
    part: impl Fn(&Console) -> Markup + Send + 'static,
) -> impl Stream<Item = Event> + Send {
    let changes = console.service.changes();
    stream::unfold(Some((console, actor, part, changes, true)), |told| async move {
        let (console, actor, part, mut changes, is_first) = told?;
        if !is_first {
            tokio::time::sleep(CONSOLE_EVENT_INTERVAL).await;
            // What runs has a rate, and what waits has a duration: they change by themselves.
            let changed = tokio::time::timeout(CONSOLE_EVENT_QUIET_MAX, changes.changed()).await;
            if changed.is_ok_and(|changed| changed.is_err()) {
                return None;
            }
        }
        changes.mark_unchanged();
        if !console.is_still_in(&actor) || console.service.is_stopping() {
            return Some((Event::default().event("end").data("."), None));
        }
        let event = Event::default().event("part").data(part(&console).into_string());
        Some((event, Some((console, actor, part, changes, false))))
    })
}
