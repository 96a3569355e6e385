//! `chancery parked`: what could not go on, and freeing it.

use std::{collections::BTreeMap, process::ExitCode};

use super::{
    arguments::{Parked as Command, ParkedSelection},
    context::{self, Context, print_json},
    error::{self, CliError},
    progress::Bars,
};
use crate::{
    item::{reason, time::rfc3339},
    pipeline::Selection,
    report::csv,
    scheduler::{
        self, Host,
        parked::{self, Parked},
    },
    state::{ConnectorState, CopyKey, CopyStep, Ordinal, Target},
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    match command {
        Command::List { selection, csv, json } => list(&host, &selection, csv, json)?,
        Command::Show { name, item, save } => {
            show(&host, &name, Ordinal(item))?;
            if let Some(folder) = save {
                super::save::save(&host, &name, Ordinal(item), &folder).await?;
            }
        }
        Command::Retry(selection) => retry(context, &host, &selection).await?,
        Command::Discard { selection, because } => discard(context, &host, &selection, &because)?,
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

fn selection(arguments: &ParkedSelection) -> Selection {
    Selection { reason: arguments.reason.clone(), item: arguments.item.map(Ordinal) }
}

fn list(host: &Host, arguments: &ParkedSelection, as_csv: bool, json: bool) -> Result<(), CliError> {
    let state = open(host, &arguments.name)?;
    let (rows, _) = parked::list(&state, &selection(arguments), None, usize::MAX)?;
    if json {
        return print_json(&rows);
    }
    if as_csv {
        let header = ["item", "copy", "reason", "message", "source_id", "source_user", "mailbox", "hint"];
        let cells = rows.into_iter().map(|row| {
            let copy = row.copy.map_or_else(String::new, |copy| copy.to_string());
            vec![
                row.item.to_string(),
                copy,
                row.reason,
                row.message,
                row.source_id,
                row.source_user,
                row.mailbox,
                row.hint,
            ]
        });
        print!("{}", csv::table(&header, cells)?);
        return Ok(());
    }
    if rows.is_empty() {
        println!("nothing is parked");
        return Ok(());
    }
    let mut by_reason: BTreeMap<&str, Vec<&Parked>> = BTreeMap::new();
    for row in &rows {
        by_reason.entry(&row.reason).or_default().push(row);
    }
    for (code, rows) in by_reason {
        /// Rows shown of a reason; the rest is counted.
        const SHOWN_MAX: usize = 5;
        println!("{code}: {}", rows.len());
        if let Some(reason) = reason::find(code) {
            println!("  {}\n  hint: {}", reason.meaning, reason.remedy);
        }
        for row in rows.iter().take(SHOWN_MAX) {
            let who = if row.mailbox.is_empty() { &row.source_user } else { &row.mailbox };
            println!("  item {:<8} {who:<24} {}", row.item, row.message);
        }
        if rows.len() > SHOWN_MAX {
            println!(
                "  … {} more: `chancery parked list {} --reason {code} --csv`",
                rows.len() - SHOWN_MAX,
                arguments.name
            );
        }
    }
    Ok(())
}

/// A ledger stays when its connector is taken out of the configuration.
fn open(host: &Host, name: &str) -> Result<std::sync::Arc<ConnectorState>, CliError> {
    if !host.state.connectors()?.iter().any(|known| known == name) {
        context::connector(&host.config, name)?;
    }
    Ok(host.state.connector(name)?)
}

fn show(host: &Host, name: &str, item: Ordinal) -> Result<(), CliError> {
    let state = open(host, name)?;
    let row = state.item(item)?;
    let private = state.item_private(item)?.unwrap_or_default();
    println!("item {} of {name}", item.0);
    println!("  source id   {}", private.id);
    println!("  event       {}", row.event.name());
    println!("  time        {}", private.sent_at_ms.map_or_else(|| "unknown".to_owned(), rfc3339));
    if let Some(owner) = &private.owner {
        println!("  owner       {owner}");
    }
    if let Some(code) = &row.parked {
        println!("  parked      {code}: {}", parked::message(&private, CopyKey::WHOLE));
    }
    for (who, why) in &private.decisions {
        println!("  decided     {who}: {why}");
    }
    for (number, (copy, target)) in (0_u16..).zip(row.copies.iter().zip(&private.targets)) {
        let target = match target {
            Target::Mailbox(address) => format!("mailbox {address}"),
            Target::Person(id) => format!("participant {id}"),
        };
        let state = match &copy.state {
            CopyStep::Planned => "planned".to_owned(),
            CopyStep::Intended { .. } => "in doubt".to_owned(),
            CopyStep::Done(outcome) => outcome.name().to_owned(),
            CopyStep::Parked { code } => format!("parked: {code}: {}", parked::message(&private, number)),
            CopyStep::Discarded => "discarded".to_owned(),
        };
        println!("  copy {number:<6} {target:<40} {state}");
    }
    Ok(())
}

async fn retry(context: &Context, host: &Host, arguments: &ParkedSelection) -> Result<(), CliError> {
    let connector = context::connector(&host.config, &arguments.name)?;
    let retried = match context.service() {
        // In its turn: it never works on a connector twice at once.
        Some(service) => service.retry(&connector.name, selection(arguments), &context.actor()).await?.done().await?,
        None => {
            let bars = Bars::new(true);
            scheduler::retry(host, connector, &selection(arguments), bars.watch(&connector.name)).await?
        }
    };
    println!("tried {}: {} delivered, {} still parked", retried.tried, retried.freed, retried.still_parked);
    if retried.still_parked > 0 {
        println!("hint: `chancery parked list {}` says what would free them", connector.name);
    }
    Ok(())
}

fn discard(context: &Context, host: &Host, arguments: &ParkedSelection, because: &str) -> Result<(), CliError> {
    open(host, &arguments.name)?;
    let actor = context.actor();
    let count = parked::discard(host, &arguments.name, &selection(arguments), because, &actor)?;
    println!("discarded {count}; the reason and `{actor}` stand in the ledger");
    Ok(())
}
