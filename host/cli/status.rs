//! `chancery status`: how each connector stands.

use std::process::ExitCode;

use super::{
    arguments::Json,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::{
    item::time::rfc3339,
    report::{ConnectorSummary, text},
    state::WindowState,
};

pub(super) fn run(context: &Context, command: &Json) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let mut rows = Vec::new();
    for connector in &host.config.connectors {
        let state = host.state.connector(&connector.name)?;
        let windows = state.windows()?;
        let open = windows.iter().filter(|window| window.state == WindowState::Open).count();
        let last = windows.last();
        let summary = ConnectorSummary {
            name: connector.name.clone(),
            windows: windows.iter().map(Into::into).collect(),
            error: None,
            warnings: Vec::new(),
        };
        let (items, copies) = summary.total();
        if command.json {
            rows.push(serde_json::json!({
                "name": connector.name,
                "covered_until": state.covered_until_ms()?.map(rfc3339),
                "windows": windows.len(),
                "open_windows": open,
                "items": items,
                "copies": copies,
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
        if items.parked > 0 || copies.failed > 0 {
            println!(
                "  parked          {} items, {} copies: `chancery parked list {}`",
                items.parked, copies.failed, connector.name
            );
        }
        if open > 0 {
            println!("  hint: `chancery sync {}` goes on where it stopped", connector.name);
        }
    }
    if command.json {
        print_json(&serde_json::json!({ "connectors": rows }))?;
    } else if host.config.connectors.is_empty() {
        println!("no connector is configured");
    }
    host.state.close()?;
    Ok(error::DONE.into())
}
