//! `chancery reconcile`: reads the mailboxes back and compares them with the record.

use std::{collections::BTreeSet, process::ExitCode};

use super::{
    arguments::Reconcile as Command,
    context::{self, Context, actor, print_json},
    error::{self, CliError},
    sync::parse_window,
};
use crate::{
    config::Connector,
    item::{reason, time::rfc3339},
    pipeline::reconcile::{Class, Extent, Fate, Finding, MailboxReport, Reconciled, Tally},
    scheduler,
};

/// Items that people are shown of a mailbox; the others are in the JSON.
const SHOWN_MAX: usize = 20;

pub(super) async fn run(context: &Context, command: &Command) -> Result<ExitCode, CliError> {
    let asked = command.window.as_deref().map(|text| parse_window(text, i64::MAX)).transpose()?;
    if let Some(reason) = &command.reason
        && reason.trim().is_empty()
    {
        return Err(
            CliError::usage("a repair needs a reason").hint("say why: `--reason \"…\"`; it stands in the ledger")
        );
    }
    let host = context.host()?;
    let connector = context::connector(&host.config, &command.name)?;
    let destination = command.destination.as_deref().map(|name| number(connector, name)).transpose()?;
    let state = host.state.connector(&connector.name)?;
    let windows = match asked {
        None => None,
        Some(asked) => {
            let touched =
                state.windows()?.into_iter().filter(|window| scheduler::touches(window, asked)).map(|window| window.id);
            let windows: BTreeSet<_> = touched.collect();
            if windows.is_empty() {
                return Err(CliError::failed("no window touches that time")
                    .hint(format!("`chancery report {}` lists the windows", command.name)));
            }
            Some(windows)
        }
    };
    let extent = Extent { windows, destination };
    let what = scheduler::Reconcile {
        extent: &extent,
        described: format!(
            "windows {}, destination {}",
            command.window.as_deref().unwrap_or("all"),
            destination.map_or_else(|| "all".to_owned(), |number| number.to_string())
        ),
        actor: &actor(),
        repair: command.reason.as_deref().filter(|_| command.repair),
    };
    let mut reports = Vec::new();
    let mut show = |report: MailboxReport| {
        if command.json {
            reports.push(report);
        } else {
            print_mailbox(connector, &report);
        }
    };
    let (done, warnings) = scheduler::reconcile(&host, connector, &what, &mut show).await?;
    for warning in warnings {
        eprintln!("warning: {} ({})", warning.message, warning.code);
    }
    if command.json {
        print_json(&serde_json::json!({
            "name": connector.name,
            "mailboxes": reports,
            "judged": done.mailboxes,
            "not_judged": done.not_judged,
            "copies": done.copies,
            "last_reconciled_at": done.last_at_ms.map(rfc3339),
        }))?;
    } else {
        print_all(&connector.name, &done, command.repair);
    }
    host.state.close()?;
    let failed = done.copies.has_loss() || done.not_judged > 0;
    Ok(if failed { error::FAILED } else { error::DONE }.into())
}

/// The destination that is meant: by its number, its kind when no other has it, or as `connector show` calls it.
fn number(connector: &Connector, name: &str) -> Result<u16, CliError> {
    let labels: Vec<(u16, String)> = (0..).zip(connector.destinations.iter().map(|config| config.label())).collect();
    let is_it = |(number, label): &&(u16, String)| {
        name == number.to_string() || name == label || label.split(' ').next() == Some(name)
    };
    let meant: Vec<_> = labels.iter().filter(is_it).collect();
    match meant.as_slice() {
        [(number, _)] => Ok(*number),
        _ => {
            let all: Vec<String> = labels.iter().map(|(number, label)| format!("{number} (`{label}`)")).collect();
            let what = if meant.is_empty() { "no" } else { "more than one" };
            Err(CliError::usage(format!("connector `{}` has {what} destination `{name}`", connector.name))
                .hint(format!("name one by its number: {}", all.join(", "))))
        }
    }
}

fn print_mailbox(connector: &Connector, report: &MailboxReport) {
    let mailbox = report.mailbox.as_deref().unwrap_or("a mailbox whose address was erased");
    let place =
        if connector.destinations.len() > 1 { format!(" (destination {})", report.destination) } else { String::new() };
    if report.failure.is_none() || report.copies != Tally::default() {
        println!("{mailbox}{place}: {}", counts(&report.copies));
        if report.others > 0 {
            println!("  {} other messages in the folder", report.others);
        }
    } else {
        println!("{mailbox}{place}: not judged");
    }
    for Finding { item, copy, class, repair } in report.findings.iter().take(SHOWN_MAX) {
        let repair = match repair {
            None => String::new(),
            Some(Fate::Repaired) => ", written again".to_owned(),
            Some(Fate::NotRepaired { code }) => {
                let why = reason::find(code).map_or("", |reason| reason.meaning);
                format!(", not written again: {code}: {why}")
            }
        };
        println!("  {}: item {item} copy {copy}{repair}", class.name());
    }
    if report.findings.len() > SHOWN_MAX {
        let more = report.findings.len() - SHOWN_MAX;
        println!("  … {more} more: `chancery reconcile {} --json`", connector.name);
    }
    if let Some(trouble) = &report.failure {
        println!("  {} ({})", trouble.message, trouble.code);
        let hint = trouble.hint.as_deref().or_else(|| Some(reason::find(&trouble.code)?.remedy));
        if let Some(hint) = hint {
            println!("  hint: {hint}");
        }
    }
}

fn print_all(name: &str, done: &Reconciled, repairing: bool) {
    println!("{name}: {} mailboxes judged, {} not; {}", done.mailboxes, done.not_judged, counts(&done.copies));
    if let Some(at_ms) = done.last_at_ms {
        println!("they were last read back at {}", rfc3339(at_ms));
    }
    let copies = &done.copies;
    if copies.missing > copies.repaired && !repairing {
        println!(
            "hint: `chancery reconcile {name} --repair --reason \"…\"` writes again what is missing, and nothing else"
        );
    } else if copies.missing > copies.repaired {
        println!(
            "hint: what could not be written again stands above with its reason; `chancery explain CODE` says more"
        );
    } else if copies.altered > 0 {
        println!("hint: altered copies are never touched: `chancery parked show {name} ITEM` says which they are");
    }
}

/// What there is of each class, in order.
fn counts(tally: &Tally) -> String {
    let mut copy = *tally;
    let of = Class::ALL.into_iter().map(|class| (class.name(), *copy.of(class)));
    let mut words: Vec<String> =
        of.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    if tally.repaired > 0 {
        words.push(format!("written again {}", tally.repaired));
    }
    if words.is_empty() { "nothing was delivered".to_owned() } else { words.join(", ") }
}
