//! `chancery hold` and `chancery erase`: what must not be erased from the record, and erasing it.

use std::process::ExitCode;

use super::{
    arguments::{Erase, Hold as Command, HoldSubject as Typed},
    context::{self, Context, actor, now_ms, print_json},
    error::{self, CliError},
};
use crate::{
    item::time::rfc3339,
    scheduler,
    state::{HoldSubject, Ordinal, PageNeed},
};

pub(super) fn run(context: &Context, command: &Command) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    match command {
        Command::Add { subject, reason } => {
            let actor = context.actor();
            host.state.hold(&meaning(subject), &actor, reason)?;
            println!("held from now on; the reason and `{actor}` stand in the ledger");
        }
        Command::Release { subject, reason } => {
            let actor = context.actor();
            host.state.release(&meaning(subject), &actor, reason)?;
            println!("released; the reason and `{actor}` stand in the ledger");
        }
        Command::List { json } => {
            let holds = host.state.holds()?;
            if *json {
                let rows = holds.iter().map(|hold| {
                    serde_json::json!({
                        "subject": hold.subject.text(), "since": rfc3339(hold.at_ms), "actor": hold.actor, "reason": hold.reason,
                    })
                });
                print_json(&rows.collect::<Vec<_>>())?;
            } else if holds.is_empty() {
                println!("nothing is held");
            }
            for hold in holds.iter().filter(|_| !json) {
                println!("{}  since {}, by {}: {}", hold.subject.text(), rfc3339(hold.at_ms), hold.actor, hold.reason);
            }
        }
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

fn meaning(typed: &Typed) -> HoldSubject {
    match (&typed.mailbox, &typed.person, &typed.case) {
        (Some(address), ..) => HoldSubject::Mailbox(address.trim().to_lowercase()),
        (_, Some(id), _) => HoldSubject::Person(id.clone()),
        (.., case) => HoldSubject::Case(case.clone().unwrap_or_default()),
    }
}

pub(super) fn erase(context: &Context, command: &Erase) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    if !host.state.connectors()?.contains(&command.connector) {
        context::connector(&host.config, &command.connector)?;
    }
    let item = Ordinal(command.item);
    if !host.state.erase(&command.connector, item, &actor(), &command.reason)? {
        println!("item {} was erased before", command.item);
        host.state.close()?;
        return Ok(error::DONE.into());
    }
    let state = host.state.connector(&command.connector)?;
    let stage = scheduler::stage(&host.config, &state)?;
    let mut needs = scheduler::needs(&stage, &state, now_ms(), host.config.stage.keep_days)?;
    let page = state.item(item)?.page_name;
    // A page that is only kept for some days goes now; so does one that nothing needs any more.
    if let Some(PageNeed::Until(_)) = needs.get(&page) {
        needs.remove(&page);
    }
    let staged = needs.contains_key(&page);
    stage.collect(&scheduler::keep(&needs))?;
    host.state.close()?;
    println!("erased from the record: id, owner, time, addresses and reasons of item {}", command.item);
    println!("kept: its number, its counts, keyed hashes, who erased it and why; the ledger still verifies");
    println!("not touched: the mails in their mailboxes, backups, and bundles made before");
    if staged {
        println!(
            "not yet gone: its staged page, which other items still need; it goes when they are delivered or discarded"
        );
    }
    Ok(error::DONE.into())
}
