//! `chancery plan`: what the configuration would change, before anything is touched.

use std::process::ExitCode;

use super::{
    arguments::Json,
    context::{Context, now_ms, print_json},
    error::{self, CliError},
};
use crate::{
    item::time::rfc3339,
    scheduler::{self, due},
};

pub(super) async fn run(context: &Context, command: &Json) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let known = host.state.connectors()?;
    let mut lines: Vec<(String, String)> = Vec::new();
    for connector in &host.config.connectors {
        let name = connector.name.clone();
        if !known.contains(&name) {
            lines.push((name.clone(), "new: a ledger will be started".to_owned()));
        }
        match scheduler::prove(&host, connector).await {
            Ok(changes) => lines.extend(changes.into_iter().map(|change| (name.clone(), change))),
            Err(failure) => lines.push((name.clone(), format!("cannot run: {} ({})", failure.message, failure.code))),
        }
        if connector.since_ms.is_some() || known.contains(&name) {
            let covered_until_ms =
                if known.contains(&name) { host.state.connector(&name)?.covered_until_ms()? } else { None };
            let line = due::Line {
                covered_until_ms,
                since_ms: connector.since_ms,
                now_ms: now_ms(),
                grace_ms: connector.grace_ms,
            };
            if let (Some(first), Some(last)) = (due::windows(line).first(), due::windows(line).last()) {
                let from = first.start_ms.map_or_else(String::new, rfc3339);
                lines.push((
                    name.clone(),
                    format!("due: {} windows from {from} to {}", due::windows(line).len(), rfc3339(last.end_ms)),
                ));
            }
        }
    }
    for name in known.iter().filter(|name| host.config.connector(name).is_none()) {
        lines.push((name.clone(), "not configured any more: its ledger and mail stay, nothing is read".to_owned()));
    }
    if command.json {
        let document: Vec<_> =
            lines.iter().map(|(name, change)| serde_json::json!({ "connector": name, "change": change })).collect();
        print_json(&document)?;
    } else if lines.is_empty() {
        println!("nothing would change");
    } else {
        lines.iter().for_each(|(name, change)| println!("{name:<20} {change}"));
    }
    host.state.close()?;
    Ok(error::DONE.into())
}
