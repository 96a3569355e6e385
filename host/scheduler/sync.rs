//! Turns: one connector's due windows, and connectors side by side.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
};

use futures::{StreamExt as _, stream};

use super::{
    Host, alerts,
    assemble::{self, Assembled, SignIn},
    clock::{self, Doubt},
    due::{self, Line},
    evidence,
    files::Folder,
    reread::{self, Read},
    staging,
};
use crate::{
    catalog::lock::Lock,
    config::Connector,
    item::{Failure, Interval, NextMove, ReadingMode, TimestampMs},
    pipeline::{self, Brakes, Due, Progress, Retried, Selection, Turn, WindowReport},
    state::{ConnectorState, WindowKind, WindowRow, WindowState},
};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Sync {
    /// The wall clock.
    pub now_ms: TimestampMs,
    /// What to read.
    pub lane: Lane,
}

/// What a turn reads. Lanes do not wait for each other: a window that stays open in one does not keep the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What is due: the time line, then what is to be read again.
    Due,
    /// This interval, beside the time line; a source without one does what is due.
    Interval(Interval),
    /// This interval, beside the time line; refused for a source without one.
    Backfill(Interval),
}

/// What became of a connector's turn.
pub struct ConnectorOutcome {
    /// Its name.
    pub name: String,
    /// The windows that were done.
    pub windows: Vec<WindowReport>,
    /// What ended the turn early.
    pub failure: Option<Failure>,
    /// What did not end the turn and wants looking after all the same.
    pub warnings: Vec<Failure>,
    /// Mailboxes that got a copy.
    pub mailboxes: HashSet<Arc<str>>,
}

/// Runs the named connectors' turns side by side. One that fails does not concern the others.
pub async fn sync(
    host: &Host,
    connectors: &[&Connector],
    what: &Sync,
    watch: impl Fn(&str) -> Arc<dyn Progress>,
) -> Vec<ConnectorOutcome> {
    let moved = clock::look(&host.config.data_dir, &host.clocks);
    let turns = connectors.iter().map(|connector| one(host, connector, what, moved, watch(&connector.name)));
    let mut outcomes: Vec<ConnectorOutcome> =
        stream::iter(turns.collect::<Vec<_>>()).buffer_unordered(host.config.connectors_at_once_max).collect().await;
    let position = |outcome: &ConnectorOutcome| connectors.iter().position(|connector| connector.name == outcome.name);
    outcomes.sort_by_key(position);
    outcomes
}

async fn one(
    host: &Host,
    connector: &Connector,
    what: &Sync,
    moved: Option<Doubt>,
    progress: Arc<dyn Progress>,
) -> ConnectorOutcome {
    let mut outcome = ConnectorOutcome {
        name: connector.name.clone(),
        windows: Vec::new(),
        failure: None,
        warnings: Vec::new(),
        mailboxes: HashSet::new(),
    };
    outcome.failure = turn(host, connector, what, moved, progress, &mut outcome).await.err();
    if let Some(failure) = &outcome.failure {
        tracing::error!(connector = connector.name, code = failure.code, "{failure}");
    }
    let code = outcome.failure.as_ref().map_or("", |failure| &failure.code);
    let noted = host.state.connector(&connector.name).and_then(|state| alerts::note(&state, alerts::TURN_FAILED, code));
    outcome.warnings.extend(noted.err().map(Failure::from));
    outcome.warnings.extend(evidence::copy(host, &connector.name).await);
    for warning in &outcome.warnings {
        tracing::warn!(connector = connector.name, code = warning.code, "{warning}");
    }
    outcome
}

async fn turn(
    host: &Host,
    connector: &Connector,
    what: &Sync,
    moved: Option<Doubt>,
    progress: Arc<dyn Progress>,
    outcome: &mut ConnectorOutcome,
) -> Result<(), Failure> {
    let assembled = assemble::turn(host, connector, progress, SignIn::Now).await?;
    let done = match clock::begin(&connector.name, &assembled.turn.state, &host.clocks, moved) {
        Ok(()) => all_due(connector, &assembled, what, &mut outcome.windows).await,
        Err(failure) => Err(failure),
    };
    if done.is_ok() {
        // What is not deleted now is deleted at the next start.
        outcome.warnings.extend(empty_stage(host, &assembled.turn).await.err());
    }
    let done = done.and_then(|()| assembled.turn.waits_for().map_or(Ok(()), Err));
    outcome.mailboxes = assembled.turn.mailboxes.into_inner().unwrap_or_else(PoisonError::into_inner);
    done
}

/// Deletes what is settled and was kept for long enough.
async fn empty_stage(host: &Host, turn: &Turn) -> Result<(), Failure> {
    let (stage, state) = (Arc::clone(&turn.stage), Arc::clone(&turn.state));
    let (now_ms, keep_days) = ((host.clocks.wall_ms)(), host.config.stage.keep_days);
    pipeline::blocking(move || staging::collect(&stage, &state, now_ms, keep_days)).await.map(drop)
}

async fn all_due(
    connector: &Connector,
    assembled: &Assembled,
    what: &Sync,
    windows: &mut Vec<WindowReport>,
) -> Result<(), Failure> {
    let turn = &assembled.turn;
    let state = Arc::clone(&turn.state);
    tokio::task::spawn_blocking(move || state.seal_settled())
        .await
        .map_err(|error| Failure::new("host-panic", NextMove::Stop, error.to_string()))??;
    finish(turn).await?;
    match (assembled.traits.reading, what.lane) {
        (ReadingMode::Whole | ReadingMode::Since, Lane::Backfill(_)) => Err(no_time_line(connector)),
        (ReadingMode::Windowed, Lane::Interval(interval) | Lane::Backfill(interval)) => {
            beside(turn, interval, windows).await
        }
        (ReadingMode::Whole, _) => files(connector, assembled, what.now_ms, windows).await,
        (ReadingMode::Since, _) => time_line(connector, turn, true, what.now_ms, windows).await,
        (ReadingMode::Windowed, Lane::Due) => {
            time_line(connector, turn, false, what.now_ms, windows).await?;
            for due in left_open(turn, WindowKind::Replay, false)? {
                windows.push(pipeline::run(turn, &due).await?);
            }
            for interval in rereads_due(connector, &turn.state, what.now_ms)? {
                windows.push(pipeline::run(turn, &due(WindowKind::Replay, interval)).await?);
            }
            Ok(())
        }
    }
}

/// Delivers what an interrupted retry left under way in windows that were closed before.
async fn finish(turn: &Turn) -> Result<(), Failure> {
    for row in turn.state.windows()?.iter().filter(|row| row.state != WindowState::Open && row.in_flight > 0) {
        pipeline::finish(turn, row).await?;
    }
    Ok(())
}

/// The time line: what an earlier turn left open, then everything since, oldest first.
async fn time_line(
    connector: &Connector,
    turn: &Turn,
    since_bookmark: bool,
    now_ms: TimestampMs,
    windows: &mut Vec<WindowReport>,
) -> Result<(), Failure> {
    for due in left_open(turn, WindowKind::Live, since_bookmark)? {
        windows.push(pipeline::run(turn, &due).await?);
    }
    for interval in due::windows(line(connector, &turn.state, now_ms)?) {
        windows.push(pipeline::run(turn, &Due { since_bookmark, ..due(WindowKind::Live, interval) }).await?);
    }
    Ok(())
}

/// An interval in windows of its own, beside the time line. How far it has come is remembered, so that the same request
/// goes on where it stopped; once it is through, the same request reads everything again.
async fn beside(turn: &Turn, interval: Interval, windows: &mut Vec<WindowReport>) -> Result<(), Failure> {
    let start_ms = interval.start_ms.unwrap_or(interval.end_ms);
    let name = format!("backfill:{start_ms}..{}", interval.end_ms);
    let reached = turn.state.recall(&name)?.and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)));
    let slices = due::slices(reached.unwrap_or(start_ms), interval.end_ms);
    for due in left_open(turn, WindowKind::Backfill, false)? {
        if !slices.contains(&due.interval) {
            windows.push(pipeline::run(turn, &due).await?);
        }
    }
    for slice in slices {
        windows.push(pipeline::run(turn, &due(WindowKind::Backfill, slice)).await?);
        turn.state.remember(&name, &slice.end_ms.to_le_bytes())?;
    }
    Ok(turn.state.remember(&name, &[])?)
}

/// Files: those that are gone and were left half-read, then those that are new or changed.
async fn files(
    connector: &Connector,
    assembled: &Assembled,
    now_ms: TimestampMs,
    windows: &mut Vec<WindowReport>,
) -> Result<(), Failure> {
    let turn = &assembled.turn;
    let folder = Folder::of(connector, &assembled.traits, &assembled.folders, assembled.folder.as_deref())?;
    for due in folder.gone(&turn.state)? {
        windows.push(pipeline::run(turn, &due).await?);
    }
    for due in folder.due(connector, &turn.state, now_ms).await? {
        let mut report = pipeline::run(turn, &due).await?;
        if report.file_is_due {
            let again = pipeline::run(turn, &due).await?;
            // What stood for the file is parked no more, once it was read after all.
            report.row = turn.state.window(report.row.id)?;
            windows.extend([report, again]);
        } else {
            windows.push(report);
        }
    }
    Ok(())
}

/// An interval to be read.
fn due(kind: WindowKind, interval: Interval) -> Due {
    Due { kind, interval, file: None, is_gone: false, since_bookmark: false }
}

/// Windows of a lane that an earlier turn did not finish, oldest first.
fn left_open(turn: &Turn, kind: WindowKind, since_bookmark: bool) -> Result<Vec<Due>, Failure> {
    let mut rows: Vec<WindowRow> = turn.state.open_windows()?;
    rows.retain(|row| row.kind == kind);
    rows.sort_by_key(|row| row.interval.start_ms);
    Ok(rows.into_iter().map(|row| Due { since_bookmark, ..due(kind, row.interval) }).collect())
}

fn rereads_due(connector: &Connector, state: &ConnectorState, now_ms: TimestampMs) -> Result<Vec<Interval>, Failure> {
    let windows: Vec<Read> = state.windows()?.iter().map(Read::from).collect();
    Ok(reread::due(&windows, &connector.reread_ms, now_ms))
}

fn no_time_line(connector: &Connector) -> Failure {
    let message = format!(
        "connector `{}` cannot be asked for an interval: its source reads files or from a bookmark",
        connector.name
    );
    Failure::new("no-time-line", NextMove::AskPerson, message)
        .hint("lay the files of that time into its folder; what is new in them is read with the next `chancery sync`")
}

/// What `sync` would read now, without reading it.
///
/// # Errors
/// What would keep the turn from beginning.
pub async fn dry_run(host: &Host, connector: &Connector, what: &Sync) -> Result<Vec<Due>, Failure> {
    let source = assemble::source(host, &Lock::beside(&host.config.file)?, connector, SignIn::Now).await?;
    let state = host.state.connector(&connector.name)?;
    match (source.traits.reading, what.lane) {
        (ReadingMode::Whole | ReadingMode::Since, Lane::Backfill(_)) => Err(no_time_line(connector)),
        (ReadingMode::Whole, _) => {
            let folder = Folder::of(connector, &source.traits, &source.folders, source.folder.as_deref())?;
            folder.due(connector, &state, what.now_ms).await
        }
        (ReadingMode::Windowed, Lane::Interval(Interval { start_ms: Some(start_ms), end_ms })) => {
            Ok(due::slices(start_ms, end_ms).into_iter().map(|slice| due(WindowKind::Backfill, slice)).collect())
        }
        (mode, _) => {
            let live = due::windows(line(connector, &state, what.now_ms)?);
            let mut all: Vec<Due> = live.into_iter().map(|interval| due(WindowKind::Live, interval)).collect();
            if mode == ReadingMode::Windowed {
                let again = rereads_due(connector, &state, what.now_ms)?;
                all.extend(again.into_iter().map(|interval| due(WindowKind::Replay, interval)));
            }
            Ok(all)
        }
    }
}

/// What a backfill would read: its windows, each with how much the source says it has for it, where it can tell. Signs
/// in and asks, reads no item and records nothing.
///
/// # Errors
/// What would keep the turn from beginning.
pub async fn backfill_dry_run(
    host: &Host,
    connector: &Connector,
    interval: Interval,
) -> Result<Vec<(Interval, Option<u64>)>, Failure> {
    let mut source = assemble::source(host, &Lock::beside(&host.config.file)?, connector, SignIn::Now).await?;
    if source.traits.reading != ReadingMode::Windowed {
        return Err(no_time_line(connector));
    }
    let account = source.worker.check().await?.id;
    let mut planned = Vec::new();
    for slice in due::slices(interval.start_ms.unwrap_or(interval.end_ms), interval.end_ms) {
        let totals = source.worker.totals(&account, slice).await?;
        planned.push((slice, totals.map(|totals| totals.observations)));
    }
    Ok(planned)
}

fn line(connector: &Connector, state: &ConnectorState, now_ms: TimestampMs) -> Result<Line, Failure> {
    Ok(Line {
        covered_until_ms: state.covered_until_ms()?,
        since_ms: connector.since_ms,
        now_ms,
        grace_ms: connector.grace_ms,
    })
}

/// Tries a connector's parked copies again. The source is not asked, so its secret is not needed.
///
/// # Errors
/// The failure that ended it; what was freed before stays so.
pub async fn retry(
    host: &Host,
    connector: &Connector,
    selection: &Selection,
    progress: Arc<dyn Progress>,
) -> Result<Retried, Failure> {
    let mut assembled = assemble::turn(host, connector, progress, SignIn::NotNeeded).await?;
    // Everything is parked already: what fails again stays so.
    assembled.turn.brakes = Brakes::off();
    finish(&assembled.turn).await?;
    let retried = pipeline::retry(&assembled.turn, selection).await?;
    assembled.turn.waits_for().map_or(Ok(retried), Err)
}
