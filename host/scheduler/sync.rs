//! Turns: one connector's due windows, and connectors side by side.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
};

use futures::{StreamExt as _, stream};

use super::{
    Host,
    assemble::{self, Assembled, SignIn},
    due::{self, Line},
    evidence,
};
use crate::{
    catalog::lock::Lock,
    config::Connector,
    item::{Failure, Interval, NextMove, ReadingMode, TimestampMs, descriptor::SourceTraits},
    pipeline::{self, Due, Progress, Retried, Selection, WindowReport},
    sandbox::Folders,
    state::{ConnectorState, FileMemory, WindowKind, WindowRow},
};

/// What to do.
#[derive(Clone, Debug)]
pub struct Sync {
    /// The wall clock.
    pub now_ms: TimestampMs,
    /// This interval again instead of what is due.
    pub window: Option<Interval>,
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
    let turns = connectors.iter().map(|connector| one(host, connector, what, watch(&connector.name)));
    let mut outcomes: Vec<ConnectorOutcome> =
        stream::iter(turns.collect::<Vec<_>>()).buffer_unordered(host.config.connectors_at_once_max).collect().await;
    let position = |outcome: &ConnectorOutcome| connectors.iter().position(|connector| connector.name == outcome.name);
    outcomes.sort_by_key(position);
    outcomes
}

async fn one(host: &Host, connector: &Connector, what: &Sync, progress: Arc<dyn Progress>) -> ConnectorOutcome {
    let (mut windows, mut mailboxes) = (Vec::new(), HashSet::new());
    let failure = turn(host, connector, what, progress, &mut windows, &mut mailboxes).await.err();
    if let Some(failure) = &failure {
        tracing::error!(connector = connector.name, code = failure.code, "{failure}");
    }
    let warnings = evidence::copy(host, &connector.name).await;
    for warning in &warnings {
        tracing::warn!(connector = connector.name, code = warning.code, "{warning}");
    }
    ConnectorOutcome { name: connector.name.clone(), windows, failure, warnings, mailboxes }
}

async fn turn(
    host: &Host,
    connector: &Connector,
    what: &Sync,
    progress: Arc<dyn Progress>,
    windows: &mut Vec<WindowReport>,
    mailboxes: &mut HashSet<Arc<str>>,
) -> Result<(), Failure> {
    let assembled = assemble::turn(host, connector, progress, SignIn::Now).await?;
    let done = all_due(connector, &assembled, what, windows).await;
    *mailboxes = assembled.turn.mailboxes.into_inner().unwrap_or_else(PoisonError::into_inner);
    done
}

async fn all_due(
    connector: &Connector,
    assembled: &Assembled,
    what: &Sync,
    windows: &mut Vec<WindowReport>,
) -> Result<(), Failure> {
    let state = Arc::clone(&assembled.turn.state);
    tokio::task::spawn_blocking(move || state.seal_settled())
        .await
        .map_err(|error| Failure::new("host-panic", NextMove::Stop, error.to_string()))??;
    for due in left_open(assembled)? {
        windows.push(pipeline::run(&assembled.turn, &due).await?);
    }
    for due in newly_due(connector, assembled, what).await? {
        windows.push(pipeline::run(&assembled.turn, &due).await?);
    }
    Ok(())
}

/// Windows that an earlier turn did not finish, oldest first. Files come again by themselves.
fn left_open(assembled: &Assembled) -> Result<Vec<Due>, Failure> {
    let since_bookmark = assembled.traits.reading == ReadingMode::Since;
    let mut rows: Vec<WindowRow> = assembled.turn.state.open_windows()?;
    rows.retain(|row| row.kind != WindowKind::Snapshot);
    rows.sort_by_key(|row| row.interval.start_ms);
    Ok(rows.into_iter().map(|row| Due { kind: row.kind, interval: row.interval, file: None, since_bookmark }).collect())
}

async fn newly_due(connector: &Connector, assembled: &Assembled, what: &Sync) -> Result<Vec<Due>, Failure> {
    if assembled.traits.reading == ReadingMode::Whole {
        let folder =
            Folder { traits: &assembled.traits, folders: &assembled.folders, setting: assembled.folder.as_deref() };
        return files_due(connector, folder, &assembled.turn.state, what.now_ms).await;
    }
    let since_bookmark = assembled.traits.reading == ReadingMode::Since;
    if let Some(interval) = what.window {
        return Ok(vec![Due { kind: WindowKind::Replay, interval, file: None, since_bookmark: false }]);
    }
    let line = line(connector, &assembled.turn.state, what.now_ms)?;
    if due::clock_is_behind(line) {
        let message =
            format!("the clock is behind what connector `{}` has read already; nothing is closed", connector.name);
        return Err(Failure::new("clock-behind", NextMove::AskPerson, message)
            .hint("set the clock (`timedatectl`), then run `chancery sync` again"));
    }
    let due = |interval| Due { kind: WindowKind::Live, interval, file: None, since_bookmark };
    Ok(due::windows(line).into_iter().map(due).collect())
}

/// What `sync` would read now, without reading it.
///
/// # Errors
/// What would keep the turn from beginning.
pub async fn dry_run(host: &Host, connector: &Connector, what: &Sync) -> Result<Vec<Due>, Failure> {
    let source = assemble::source(host, &Lock::beside(&host.config.file)?, connector).await?;
    let state = host.state.connector(&connector.name)?;
    match (source.traits.reading, what.window) {
        (ReadingMode::Whole, _) => {
            let folder = Folder { traits: &source.traits, folders: &source.folders, setting: source.folder.as_deref() };
            files_due(connector, folder, &state, what.now_ms).await
        }
        (_, Some(interval)) => Ok(vec![Due { kind: WindowKind::Replay, interval, file: None, since_bookmark: false }]),
        (_, None) => {
            let line = line(connector, &state, what.now_ms)?;
            let due = |interval| Due { kind: WindowKind::Live, interval, file: None, since_bookmark: false };
            Ok(due::windows(line).into_iter().map(due).collect())
        }
    }
}

fn line(connector: &Connector, state: &ConnectorState, now_ms: TimestampMs) -> Result<Line, Failure> {
    Ok(Line {
        covered_until_ms: state.covered_until_ms()?,
        recorded_at_ms: state.last_at_ms()?,
        since_ms: connector.since_ms,
        now_ms,
        grace_ms: connector.grace_ms,
    })
}

/// A folder that a source reads file by file.
struct Folder<'a> {
    traits: &'a SourceTraits,
    folders: &'a Arc<Folders>,
    setting: Option<&'a str>,
}

/// Files that are new or changed and have been quiet for a while, by path.
async fn files_due(
    connector: &Connector,
    source: Folder<'_>,
    state: &ConnectorState,
    now_ms: TimestampMs,
) -> Result<Vec<Due>, Failure> {
    let Some(folder) = source.setting else {
        let message = format!("connector `{}`: its source reads files, but no setting names a folder", connector.name);
        return Err(Failure::new("settings", NextMove::AskPerson, message));
    };
    let endings = &source.traits.file_endings;
    let wanted = |path: &str| {
        let lower = path.to_lowercase();
        endings.is_empty() || endings.iter().any(|ending| lower.ends_with(ending.as_str()))
    };
    let mut due = Vec::new();
    for stamp in source.folders.list(folder)? {
        if !wanted(&stamp.path) {
            continue;
        }
        let known = state.file_memory(&stamp.path)?;
        if known.as_ref().is_some_and(|known| known.size == stamp.size && known.modified_ms == stamp.modified_ms) {
            continue;
        }
        if now_ms - stamp.modified_ms < connector.settle_ms {
            tracing::info!(
                connector = connector.name,
                "a file changed less than {} ms ago and is left for the next turn",
                connector.settle_ms
            );
            continue;
        }
        source.folders.expect(&stamp);
        let (folders, path) = (Arc::clone(source.folders), stamp.path.clone());
        let sha256 = tokio::task::spawn_blocking(move || folders.hash(&path))
            .await
            .map_err(|error| Failure::new("host-panic", NextMove::Stop, error.to_string()))??;
        if known.is_some_and(|known| known.sha256 == sha256) {
            continue; // Touched, not changed.
        }
        due.push(Due {
            kind: WindowKind::Snapshot,
            interval: Interval { start_ms: None, end_ms: now_ms },
            file: Some(FileMemory { path: stamp.path, size: stamp.size, modified_ms: stamp.modified_ms, sha256 }),
            since_bookmark: false,
        });
    }
    Ok(due)
}

/// Tries a connector's parked copies again.
///
/// # Errors
/// The failure that ended it; what was freed before stays so.
pub async fn retry(
    host: &Host,
    connector: &Connector,
    selection: &Selection,
    progress: Arc<dyn Progress>,
) -> Result<Retried, Failure> {
    let assembled = assemble::turn(host, connector, progress, SignIn::NotNeeded).await?;
    pipeline::retry(&assembled.turn, selection).await
}
