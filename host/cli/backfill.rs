//! `chancery backfill`: an interval beside the time line.

use std::process::ExitCode;

use super::{
    arguments::Backfill as Command,
    context::{self, Context, now_ms, print_json},
    error::{self, CliError},
    sync,
};
use crate::{
    config::Connector,
    item::{
        Interval, TimestampMs, limits,
        time::{DAY_MS, parse_instant, rfc3339},
    },
    report::text,
    scheduler::{self, Host, Lane, Sync},
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let now_ms = now_ms();
    let interval = interval(&command.from, &command.to, now_ms).map_err(|why| {
        CliError::usage(format!("`backfill --from {} --to {}`: {why}", command.from, command.to))
            .hint("write `chancery backfill NAME --from 2026-10-01 --to 2026-11-01`")
    })?;
    let host = context.host()?;
    let connector = context::connector(&host.config, &command.name)?;
    if command.dry_run {
        return dry_run(&host, connector, interval, command.json).await;
    }
    let what = Sync { now_ms, lane: Lane::Backfill(interval) };
    let summary = sync::turns(&host, &[connector], &what, !command.json).await?;
    if command.json {
        print_json(&summary)?;
    } else {
        for connector in &summary.connectors {
            print!("{}", text::connector(connector));
            let (items, copies) = connector.total();
            if connector.error.is_none() {
                println!(
                    "  together: {} new items, {} copies delivered, {} items known already",
                    items.fetched,
                    copies.imported + copies.partial,
                    items.seen
                );
            }
        }
    }
    host.state.close()?;
    Ok(sync::exit_code(&summary, command.strict).into())
}

/// A past interval as it was typed.
pub(super) fn interval(from: &str, to: &str, now_ms: TimestampMs) -> Result<Interval, String> {
    let (start_ms, end_ms) = (parse_instant(from)?, parse_instant(to)?);
    if start_ms >= end_ms {
        return Err("it ends before it begins".to_owned());
    }
    if end_ms > now_ms {
        return Err(format!("it ends in the future; it is {} now", rfc3339(now_ms)));
    }
    let days = (end_ms - start_ms) / DAY_MS;
    if days > limits::BACKFILL_DAYS_MAX {
        return Err(format!("{days} days are more than the {} that can be read at once", limits::BACKFILL_DAYS_MAX));
    }
    Ok(Interval { start_ms: Some(start_ms), end_ms })
}

async fn dry_run(host: &Host, connector: &Connector, interval: Interval, json: bool) -> Result<ExitCode, CliError> {
    let planned = scheduler::backfill_dry_run(host, connector, interval).await?;
    if json {
        let windows = planned.iter().map(|(interval, total)| {
            serde_json::json!({
                "start": interval.start_ms.map(rfc3339),
                "end": rfc3339(interval.end_ms),
                "source_total": total,
            })
        });
        print_json(&serde_json::json!({ "name": connector.name, "windows": windows.collect::<Vec<_>>() }))?;
    } else {
        println!("{}", connector.name);
        for (interval, total) in &planned {
            let start = interval.start_ms.map_or_else(String::new, rfc3339);
            let total =
                total.map_or_else(|| "the source cannot tell how much".to_owned(), |n| format!("the source has {n}"));
            println!("  would read {start} .. {}: {total}", rfc3339(interval.end_ms));
        }
    }
    Ok(error::DONE.into())
}
