//! `chancery report`: a connector's windows with their counts.

use std::{collections::BTreeMap, process::ExitCode};

use super::{
    arguments::Report,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::{
    item::time::{DAY_MS, parse_instant, rfc3339},
    report::{ConnectorSummary, csv, text},
    state::{ConnectorState, WindowRow},
};

pub(super) fn run(context: &Context, command: &Report) -> Result<ExitCode, CliError> {
    let day_ms = command
        .day
        .as_deref()
        .map(parse_instant)
        .transpose()
        .map_err(|error| CliError::usage(format!("`--day`: {error}")).hint("write `--day 2026-11-01`"))?;
    let host = context.host()?;
    // A connector that was removed from the configuration still has its ledger.
    if !host.state.connectors()?.contains(&command.name) {
        super::context::connector(&host.config, &command.name)?;
    }
    let state = host.state.connector(&command.name)?;
    let touches = |window: &WindowRow| {
        day_ms.is_none_or(|day_ms| {
            let start_ms = window.interval.start_ms.unwrap_or(window.interval.end_ms);
            start_ms < day_ms + DAY_MS && window.interval.end_ms >= day_ms
        })
    };
    let rows: Vec<WindowRow> = state.windows()?.into_iter().filter(touches).collect();
    let windows = rows.iter().map(Into::into).collect();
    let summary = ConnectorSummary { name: command.name.clone(), windows, error: None, warnings: Vec::new() };
    let (items, copies) = summary.total();
    let erased = host.state.erased(&command.name)?;
    let excluded = excluded(&state, &rows)?;
    if command.csv {
        print!("{}", csv::windows(&[summary])?);
    } else if command.json {
        print_json(&serde_json::json!({
            "name": summary.name, "windows": summary.windows, "items": items, "copies": copies, "excluded": excluded,
            "erased": erased.iter().map(|(item, at_ms)| serde_json::json!({ "item": item.0, "at": rfc3339(*at_ms) })).collect::<Vec<_>>(),
        }))?;
    } else if summary.windows.is_empty() {
        match &command.day {
            Some(day) => println!("No items were archived on {day}: no window touches that day."),
            None => println!("No window was read yet."),
        }
    } else {
        print!("{}", text::connector(&summary));
        for (rule, items) in &excluded {
            println!("  left out: {items} by {rule}");
        }
        for (item, at_ms) in &erased {
            println!("  erased from the record: what is private of item {}, at {}", item.0, rfc3339(*at_ms));
        }
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

/// Items that were left out, by the rule that did it.
fn excluded(state: &ConnectorState, windows: &[WindowRow]) -> Result<BTreeMap<String, u64>, CliError> {
    let mut rules = BTreeMap::new();
    for window in windows.iter().filter(|window| window.items.excluded > 0) {
        for page in state.pages(window.id)? {
            let rows = state.page_items(window.id, page.seq)?;
            rows.into_iter().filter_map(|row| row.excluded).for_each(|rule| *rules.entry(rule).or_default() += 1);
        }
    }
    Ok(rules)
}
