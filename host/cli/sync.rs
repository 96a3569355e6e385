//! `chancery sync`: one turn, now.

use std::{collections::HashSet, process::ExitCode, sync::Arc, time::Instant};

use super::{
    alerts,
    arguments::Sync as Command,
    backfill,
    context::{self, Context, now_ms, print_json},
    error::{self, CliError},
    progress::Bars,
};
use crate::{
    config::Connector,
    item::{Failure, Interval, time::rfc3339},
    report::{ConnectorSummary, Summary, summary::ErrorSummary, text},
    scheduler::{self, ConnectorOutcome, Host, Lane, Sync, pauses},
    state::WindowKind,
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let now_ms = now_ms();
    let window = command.window.as_deref().map(|text| parse_window(text, now_ms)).transpose()?;
    let host = context.host()?;
    let mut connectors = context::connectors(&host.config, &command.names)?;
    let pauses = pauses::in_force(&host.state)?;
    connectors.retain(|connector| {
        let Some(pause) = pauses.get(&connector.name) else { return true };
        let (name, by, since) = (&connector.name, &pause.by, rfc3339(pause.since_ms));
        if command.names.is_empty() {
            eprintln!("note: `{name}` is left out: {by} paused it at {since} (`chancery connector resume {name}`)");
        } else {
            eprintln!("note: `{name}` was paused by {by} at {since}; it is read because it is named");
        }
        !command.names.is_empty()
    });
    let what = Sync { now_ms, lane: window.map_or(Lane::Due, Lane::Interval) };
    if command.dry_run {
        return dry_run(&host, &connectors, &what, command.json).await;
    }
    let summary = turns(&host, &connectors, &what, !command.json).await?;
    if command.json {
        print_json(&summary)?;
    } else {
        summary.connectors.iter().for_each(|connector| print!("{}", text::connector(connector)));
    }
    let looked = alerts::look(&host, now_ms).await;
    host.state.close()?;
    looked?;
    Ok(exit_code(&summary, command.strict).into())
}

/// Runs turns and sums them up.
pub(super) async fn turns(
    host: &Host,
    connectors: &[&Connector],
    what: &Sync,
    show_progress: bool,
) -> Result<Summary, CliError> {
    let started = Instant::now();
    let bars = Bars::new(show_progress);
    let outcomes = scheduler::sync(host, connectors, what, |name| bars.watch(name)).await;
    drop(bars);
    let mailboxes: HashSet<Arc<str>> = outcomes.iter().flat_map(|outcome| outcome.mailboxes.iter().cloned()).collect();
    Ok(Summary {
        connectors: outcomes.into_iter().map(summary).collect(),
        mailboxes: mailboxes.len() as u64,
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn summary(outcome: ConnectorOutcome) -> ConnectorSummary {
    ConnectorSummary {
        name: outcome.name,
        windows: outcome.windows.iter().map(|report| (&report.row).into()).collect(),
        error: outcome.failure.map(explained),
        warnings: outcome.warnings.into_iter().map(explained).collect(),
    }
}

fn explained(failure: Failure) -> ErrorSummary {
    ErrorSummary { hint: error::hint(&failure), code: failure.code, message: failure.message }
}

/// 0 when everything is accounted for.
pub(super) fn exit_code(summary: &Summary, strict: bool) -> u8 {
    match summary.first_error() {
        Some((_, failure)) => error::exit_code(&failure.code),
        None if strict && summary.has_parked() => error::PARKED,
        None => error::DONE,
    }
}

pub(super) fn parse_window(text: &str, now_ms: i64) -> Result<Interval, CliError> {
    let wrong = |why: String| {
        CliError::usage(format!("`--window {text}`: {why}")).hint("write `--window 2026-11-01..2026-11-02`")
    };
    let (from, to) = text.split_once("..").ok_or_else(|| wrong("it has no `..`".to_owned()))?;
    backfill::interval(from, to, now_ms).map_err(wrong)
}

async fn dry_run(host: &Host, connectors: &[&Connector], what: &Sync, json: bool) -> Result<ExitCode, CliError> {
    let mut planned = Vec::new();
    for connector in connectors {
        planned.push((*connector, scheduler::dry_run(host, connector, what).await?));
    }
    if json {
        let document = planned.iter().map(|(connector, due)| {
            let due = due.iter().map(|due| {
                serde_json::json!({
                    "start": due.interval.start_ms.map(rfc3339),
                    "end": rfc3339(due.interval.end_ms),
                    "kind": due.kind.name(),
                    "file": due.file.as_ref().map(|file| &file.path),
                })
            });
            serde_json::json!({
                "name": connector.name, "due": due.collect::<Vec<_>>(), "scope": connector.scope.describe(),
            })
        });
        print_json(&serde_json::json!({ "connectors": document.collect::<Vec<_>>() }))?;
        return Ok(error::DONE.into());
    }
    for (connector, due) in planned {
        println!("{}", connector.name);
        if due.is_empty() {
            println!("  nothing is due");
        }
        for due in due {
            match (due.file, due.interval.start_ms) {
                (Some(file), _) => println!("  would read file `{}`, {} bytes", file.path, file.size),
                (None, start) => println!(
                    "  would read {}{} .. {}",
                    if due.kind == WindowKind::Replay { "again " } else { "" },
                    start.map_or_else(|| "from the bookmark".to_owned(), rfc3339),
                    rfc3339(due.interval.end_ms)
                ),
            }
        }
        connector.scope.describe().iter().for_each(|line| println!("  {line}"));
    }
    Ok(error::DONE.into())
}
