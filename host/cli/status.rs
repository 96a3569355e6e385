//! `chancery status`: how each connector stands.

use std::process::ExitCode;

use super::{
    alerts,
    arguments::Json,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::{
    item::time::rfc3339,
    report::{ConnectorSummary, text},
    scheduler,
    state::{WindowKind, WindowRow, WindowState},
};

pub(super) fn run(context: &Context, command: &Json) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let mut rows = Vec::new();
    for connector in &host.config.connectors {
        let state = host.state.connector(&connector.name)?;
        let windows = state.windows()?;
        let open = windows.iter().filter(|window| window.state == WindowState::Open).count();
        let is_beside = |window: &&WindowRow| matches!(window.kind, WindowKind::Replay | WindowKind::Backfill);
        let last = windows.iter().rev().find(|window| !is_beside(window));
        let half_filled =
            windows.iter().find(|window| window.kind == WindowKind::Backfill && window.state == WindowState::Open);
        let summary = ConnectorSummary {
            name: connector.name.clone(),
            windows: windows.iter().map(Into::into).collect(),
            error: None,
            warnings: Vec::new(),
        };
        let (items, copies) = summary.total();
        let under_way: u64 = summary.windows.iter().map(|window| window.under_way).sum();
        let late: u64 = summary.windows.iter().map(|window| window.late).sum();
        let (again, again_new) = summary.of_kind(WindowKind::Replay);
        let (backfills, backfills_new) = summary.of_kind(WindowKind::Backfill);
        if command.json {
            rows.push(serde_json::json!({
                "name": connector.name,
                "covered_until": state.covered_until_ms()?.map(rfc3339),
                "windows": windows.len(),
                "open_windows": open,
                "items": items,
                "copies": copies,
                "under_way": under_way,
                "late": late,
                "read_again": { "windows": again, "new": again_new },
                "backfill": { "windows": backfills, "new": backfills_new },
            }));
            continue;
        }
        println!("{}", connector.name);
        println!("  archived until  {}", state.covered_until_ms()?.map_or_else(|| "nothing yet".to_owned(), rfc3339));
        println!("  windows         {} ({open} open)", windows.len());
        if let Some(last) = last {
            println!("  last");
            print!("{}", text::window(&last.into()));
        }
        if again > 0 {
            println!("  read again      {again} windows, {again_new} new items");
        }
        if backfills > 0 {
            println!("  backfill        {backfills} windows, {backfills_new} new items");
        }
        if late > 0 {
            println!("  late            {late} items came after their window was closed");
        }
        if under_way > 0 {
            println!("  under way       {under_way} items");
        }
        if items.parked > 0 || copies.failed > 0 {
            println!(
                "  parked          {} items, {} copies: `chancery parked list {}`",
                items.parked, copies.failed, connector.name
            );
        }
        if let Some(window) = half_filled {
            println!(
                "  hint: a backfill stopped before {}: run the same `chancery backfill {}` again, it goes on there",
                rfc3339(window.interval.end_ms),
                connector.name
            );
        }
        if open > usize::from(half_filled.is_some()) || under_way > 0 && half_filled.is_none() {
            println!("  hint: `chancery sync {}` goes on where it stopped", connector.name);
        }
    }
    let standing = scheduler::alerts::standing(&host)?;
    if command.json {
        print_json(&serde_json::json!({ "connectors": rows, "alerts": standing }))?;
    } else if host.config.connectors.is_empty() {
        println!("no connector is configured");
    }
    if !command.json {
        alerts::print(&standing);
    }
    host.state.close()?;
    Ok(error::DONE.into())
}
