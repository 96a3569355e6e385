//! `chancery report`: a connector's windows with their counts.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use super::{
    arguments::Report,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::{
    config::DestinationConfig,
    item::time::{DAY_MS, parse_instant, rfc3339},
    report::{
        ConnectorSummary,
        compare::{Comparison, Log, LogProblem},
        csv, text,
    },
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
    let labels = host.config.connector(&command.name).map_or(&[][..], |connector| &connector.destinations);
    let label =
        |place: usize| labels.get(place).map_or_else(|| "not configured any more".to_owned(), DestinationConfig::label);
    let destinations: Vec<_> =
        summary.by_destination().into_iter().enumerate().map(|(at, copies)| (label(at), copies)).collect();
    if let Some(file) = &command.compare {
        let exit = compare(file, &summary, command.json)?;
        host.state.close()?;
        return Ok(exit);
    }
    let erased = host.state.erased(&command.name)?;
    let excluded = excluded(&state, &rows)?;
    if command.csv {
        print!("{}", csv::windows(&[summary])?);
    } else if command.json {
        print_json(&serde_json::json!({
            "name": summary.name, "windows": summary.windows, "items": items, "copies": copies, "excluded": excluded,
            "destinations": destinations.iter().map(|(label, copies)| serde_json::json!({ "label": label, "copies": copies })).collect::<Vec<_>>(),
            "erased": erased.iter().map(|(item, at_ms)| serde_json::json!({ "item": item.0, "at": rfc3339(*at_ms) })).collect::<Vec<_>>(),
        }))?;
    } else if summary.windows.is_empty() {
        match &command.day {
            Some(day) => println!("No items were archived on {day}: no window touches that day."),
            None => println!("No window was read yet."),
        }
    } else {
        print!("{}", text::connector(&summary));
        for (number, (label, _)) in (1..).zip(&destinations).filter(|_| destinations.len() > 1) {
            println!("  to {number}: {label}");
        }
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

/// Sets the counts beside another connector's log. Fewer here fails, and so does a log of other days.
fn compare(file: &Path, summary: &ConnectorSummary, json: bool) -> Result<ExitCode, CliError> {
    let shown = file.display();
    let bytes = fs::read(file).map_err(|error| {
        CliError::usage(format!("cannot read `{shown}`: {error}")).hint("name the log that Purview let you download")
    })?;
    let log = Log::read(&bytes).map_err(|LogProblem { line, column, message }| {
        let place = match (line, column) {
            (0, _) => String::new(),
            (line, 0) => format!(", line {line}"),
            (line, column) => format!(", line {line}, column {column}"),
        };
        CliError::usage(format!("the log `{shown}`{place}: {message}"))
            .hint("download it again, and give it as it came; docs/from-purview.md says what is read")
    })?;
    let comparison = Comparison::of(summary, log);
    let (fewer, compared) = (comparison.fewer(), comparison.compared());
    if json {
        print_json(
            &serde_json::json!({ "ok": fewer == 0 && compared > 0, "fewer": fewer, "compared": compared, "comparison": comparison }),
        )?;
    } else {
        print!("{}", comparison.text());
    }
    let name = &comparison.name;
    if compared == 0 {
        eprintln!("hint: no day of the log could be compared; `chancery report {name}` shows which days are archived");
    } else if fewer > 0 {
        eprintln!("hint: look at `chancery parked list {name}`, then at `chancery report {name} --day D` for each day");
    }
    Ok(if fewer == 0 && compared > 0 { error::DONE } else { error::FAILED }.into())
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
