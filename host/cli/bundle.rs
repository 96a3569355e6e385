//! `chancery ledger bundle`: what became of some windows, with the proof, for a person without Chancery.

use super::{
    arguments::Bundle as Command,
    context::{self, Context},
    error::CliError,
    sync::parse_window,
};
use crate::{
    item::{
        Interval,
        time::{DAY_MS, parse_instant},
    },
    scheduler::{self, Bundled},
};

pub(super) async fn run(context: &Context, command: &Command) -> Result<(), CliError> {
    let asked = interval(command)?;
    if command.out.exists() {
        return Err(CliError::usage(format!("`{}` exists already", command.out.display()))
            .hint("name a folder that does not exist yet"));
    }
    let host = context.host()?;
    if !host.state.connectors()?.contains(&command.name) {
        context::connector(&host.config, &command.name)?;
    }
    let Bundled { windows, items, messages, unread } =
        scheduler::bundle(&host, &command.name, asked, &command.out).await?;
    host.state.close()?;
    if let Some(failure) = unread {
        eprintln!("note: {failure}; `summary.txt` counts what is not in the bundle");
        if let Some(hint) = failure.hint {
            eprintln!("hint: {hint}");
        }
    }
    println!(
        "bundled {windows} windows, {items} items, {messages} messages in `{}`; HOW-TO-CHECK.md in it says how it is checked",
        command.out.display()
    );
    eprintln!("note: it holds mail, names and addresses in clear: hand it over as such");
    Ok(())
}

fn interval(command: &Command) -> Result<Interval, CliError> {
    if let Some(window) = &command.window {
        // Whatever was read: a bundle may ask for days to come.
        return parse_window(window, i64::MAX);
    }
    let day = command.day.as_deref().unwrap_or_default();
    let start_ms = parse_instant(day)
        .map_err(|error| CliError::usage(format!("`--day`: {error}")).hint("write `--day 2026-11-01`"))?;
    Ok(Interval { start_ms: Some(start_ms), end_ms: start_ms + DAY_MS })
}
