//! `chancery sync`: one turn, now.

use std::{process::ExitCode, time::Instant};

use super::{
    arguments::Sync as Command,
    context::{self, Context, now_ms, print_json},
    error::{self, CliError},
    progress::Bars,
};
use crate::{
    config::Connector,
    item::{Interval, time::{parse_instant, rfc3339}},
    report::{ConnectorSummary, Summary, summary::ErrorSummary, text},
    scheduler::{self, ConnectorOutcome, Host, Sync, due},
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let window = command.window.as_deref().map(parse_window).transpose()?;
    let host = context.host()?;
    let connectors = context::connectors(&host.config, &command.names)?;
    if command.dry_run {
        return dry_run(&host, &connectors, window, command.json);
    }
    let what = Sync { now_ms: now_ms(), window };
    let summary = turns(&host, &connectors, &what, !command.json).await?;
    if command.json {
        print_json(&summary)?;
    } else {
        summary.connectors.iter().for_each(|connector| print!("{}", text::connector(connector)));
    }
    host.state.close()?;
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
    let mut mailboxes = 0;
    for connector in connectors {
        mailboxes += host.state.connector(&connector.name)?.mailboxes()?;
    }
    Ok(Summary {
        connectors: outcomes.into_iter().map(summary).collect(),
        mailboxes,
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn summary(outcome: ConnectorOutcome) -> ConnectorSummary {
    ConnectorSummary {
        name: outcome.name,
        windows: outcome.windows.iter().map(|report| (&report.row).into()).collect(),
        error: outcome.failure.map(|failure| ErrorSummary {
            code: failure.code,
            message: failure.message,
            hint: failure.hint,
        }),
    }
}

/// 0 when everything is accounted for.
pub(super) fn exit_code(summary: &Summary, strict: bool) -> u8 {
    match summary.first_error() {
        Some((_, failure)) => error::exit_code(&failure.code),
        None if strict && summary.has_parked() => error::PARKED,
        None => error::DONE,
    }
}

fn parse_window(text: &str) -> Result<Interval, CliError> {
    let wrong = |why: String| CliError::usage(format!("`--window {text}`: {why}")).hint("write `--window 2026-11-01..2026-11-02`");
    let (from, to) = text.split_once("..").ok_or_else(|| wrong("it has no `..`".to_owned()))?;
    let start_ms = parse_instant(from).map_err(wrong)?;
    let end_ms = parse_instant(to).map_err(wrong)?;
    if start_ms >= end_ms {
        return Err(wrong("it ends before it begins".to_owned()));
    }
    Ok(Interval { start_ms: Some(start_ms), end_ms })
}

fn dry_run(
    host: &Host,
    connectors: &[&Connector],
    window: Option<Interval>,
    json: bool,
) -> Result<ExitCode, CliError> {
    let mut planned = Vec::new();
    for connector in connectors {
        let state = host.state.connector(&connector.name)?;
        let line = due::Line {
            covered_until_ms: state.covered_until_ms(),
            since_ms: connector.since_ms,
            now_ms: now_ms(),
            grace_ms: connector.grace_ms,
        };
        let windows = window.map_or_else(|| due::windows(line), |window| vec![window]);
        planned.push((connector.name.clone(), windows));
    }
    if json {
        let document = planned.iter().map(|(name, windows)| {
            let windows = windows.iter().map(|window| serde_json::json!({ "start": window.start_ms.map(rfc3339), "end": rfc3339(window.end_ms) }));
            serde_json::json!({ "name": name, "due": windows.collect::<Vec<_>>() })
        });
        print_json(&serde_json::json!({ "connectors": document.collect::<Vec<_>>() }))?;
    } else {
        for (name, windows) in planned {
            println!("{name}");
            if windows.is_empty() {
                println!("  nothing is due");
            }
            for window in windows {
                println!("  would read {} .. {}", window.start_ms.map_or_else(String::new, rfc3339), rfc3339(window.end_ms));
            }
        }
    }
    Ok(error::DONE.into())
}
