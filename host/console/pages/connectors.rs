//! All connectors: how each stands, live.

use axum::{Router, extract::State, response::Response, routing::get};
use maud::{Markup, html};

use super::{alarms, live, segment};
use crate::{
    console::kernel::{Actor, Console, Place, Trouble, page, time},
    people::Right,
    scheduler::{
        alerts,
        service::{ConnectorStatus, Doing, Running},
    },
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/connectors", get(list)).route("/connectors/live", get(follow))
}

async fn list(State(console): State<Console>, actor: Actor) -> Result<Response, Trouble> {
    let alerts = console.read(alerts::standing).await?;
    let statuses = console.service.connectors();
    let may_add = actor.may(Right::AdministerConnectors);
    let body = html! {
        h1 { "Connectors" }
        (alarms(&alerts))
        @if may_add { p { a class="button" href="/connectors/new" { "Add a connector" } } }
        @if statuses.is_empty() {
            p { "There is no connector yet." @if !may_add { " Somebody with the right administer-connectors adds one." } }
        }
        div data-live="/connectors/live" { (cards(&statuses)) }
    };
    Ok(page(&actor, Place::Connectors, "Connectors", body))
}

fn cards(statuses: &[ConnectorStatus]) -> Markup {
    html! {
        ul class="cards" {
            @for status in statuses {
                li class="card" {
                    h2 { a id={ "connector-" (segment(&status.name)) } href={ "/connectors/" (segment(&status.name)) } { (status.name) } }
                    (standing(status))
                }
            }
        }
    }
}

/// How a connector stands, for its card and its own page.
pub(super) fn standing(status: &ConnectorStatus) -> Markup {
    let (class, word) = match &status.doing {
        Doing::Idle => ("ok", "waits for its schedule"),
        Doing::Queued => ("quiet", "waits for a place"),
        Doing::Running(_) => ("", "runs"),
        Doing::Retrying => ("bad", "failed, is tried again"),
        Doing::Paused => ("warn", "paused"),
    };
    html! {
        p {
            span class={ "badge " (class) } { (word) }
            @if let Some(since_ms) = status.overdue_since_ms { " " span class="badge bad" { "overdue since " (time(since_ms)) } }
        }
        @if let Doing::Running(running) = &status.doing { (progress(&status.name, running)) }
        dl {
            @if let Some(done_ms) = status.last.done_ms { dt { "Last turn" } dd { (time(done_ms)) } }
            @else { dt { "Last turn" } dd { "none was done yet" } }
            dt { "Next turn" }
            dd {
                @if let Some(next_ms) = status.next_ms { (time(next_ms)) }
                @else { "when somebody asks for it" }
            }
            @if let Some(schedule) = &status.schedule { dt { "Schedule" } dd { (schedule) } }
            @if let Some(pause) = &status.pause {
                dt { "Paused" }
                dd { "by " (pause.by) " since " (time(pause.since_ms)) @if !pause.reason.is_empty() { ": " (pause.reason) } }
            }
            @if let Some(failure) = &status.failure {
                dt { "Last failure" }
                dd { (failure.message) " (" code { (failure.code) } ") " @if let Some(hint) = &failure.hint { (hint) } }
            }
        }
    }
}

fn progress(name: &str, running: &Running) -> Markup {
    let Running { began_ms, staged, delivered, parked, step, per_mille, rate, waits_for, still_ms } = running;
    html! {
        @if let Some(per_mille) = per_mille {
            progress max="1000" value=(per_mille) aria-label={ "How far " (name) " is" } { (per_mille / 10) " %" }
        } @else {
            progress aria-label={ "How far " (name) " is" } {}
        }
        dl {
            dt { "Since" } dd { (time(*began_ms)) }
            dt { "So far" } dd { (staged) " read, " (delivered) " delivered, " (parked) " parked; " (format!("{rate:.0}")) " a second" }
            @if let Some(left) = left(*per_mille, *staged, *rate) { dt { "Left" } dd { (left) } }
            @if let Some(step) = step { dt { "Last step" } dd { (step) } }
            @if let Some(code) = waits_for { dt { "Waits" } dd { code { (code) } ", nothing has moved for " (still_ms / 1_000) " seconds" } }
        }
    }
}

/// An estimate, from how far the source says it is.
fn left(per_mille: Option<u32>, staged: u64, rate: f64) -> Option<String> {
    /// Earlier, it would be a guess.
    const PER_MILLE_MIN: u32 = 20;
    let per_mille = per_mille.filter(|per_mille| (PER_MILLE_MIN..1_000).contains(per_mille))?;
    let seconds = staged as f64 * f64::from(1_000 - per_mille) / f64::from(per_mille) / rate;
    let text = match seconds {
        seconds if !seconds.is_finite() => return None,
        seconds if seconds < 90.0 => format!("about {seconds:.0} seconds"),
        seconds if seconds < 5_400.0 => format!("about {:.0} minutes", seconds / 60.0),
        seconds => format!("about {:.0} hours", seconds / 3_600.0),
    };
    Some(text)
}

async fn follow(State(console): State<Console>, actor: Actor) -> Result<Response, Trouble> {
    live::stream(&console, &actor, |console| cards(&console.service.connectors()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_when_it_can_be_known() {
        assert_eq!(left(Some(500), 100, 10.0).as_deref(), Some("about 10 seconds"));
        assert_eq!(left(Some(100), 5_000, 10.0).as_deref(), Some("about 75 minutes"));
        assert_eq!(left(Some(1), 100, 10.0), None, "too early");
        assert_eq!(left(Some(500), 0, 0.0), None);
        assert_eq!(left(None, 100, 10.0), None);
    }
}
