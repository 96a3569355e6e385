//! `chancery ledger bundle`: what became of some windows, with the proof, for a person without Chancery.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use super::{
    arguments::Bundle as Command,
    context::{self, Context},
    error::CliError,
    sync::parse_window,
};
use crate::{
    item::{
        Failure, Interval, NextMove,
        time::{DAY_MS, parse_instant},
    },
    report::bundle::{self, Bundle, BundleItem},
    scheduler::{self, Host},
    state::WindowRow,
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
    let state = host.state.connector(&command.name)?;
    let windows: Vec<WindowRow> = state.windows()?.into_iter().filter(|window| touches(window, asked)).collect();
    if windows.is_empty() {
        return Err(CliError::failed("no window touches that time")
            .hint(format!("`chancery report {}` lists the windows", command.name)));
    }
    // Under another name until it is whole.
    let mut aside = command.out.clone().into_os_string();
    aside.push(".partial");
    let aside = std::path::PathBuf::from(aside);
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    for folder in ["mail", "proof"] {
        fs::create_dir_all(aside.join(folder))?;
    }
    let ids: Vec<_> = windows.iter().map(|window| window.id).collect();
    let extract = state.extract(&ids, &bundle::records_path(&aside))?;
    let mut items = bundle::collect(&state, &windows, &extract)?;
    let messages = fetch(&host, &command.name, &mut items, &aside).await?;
    Bundle { connector: &command.name, windows: &windows, extract: &extract, items: &items }.write(&aside)?;
    fs::rename(&aside, &command.out)?;
    host.state.close()?;
    println!(
        "bundled {} windows, {} items, {messages} messages in `{}`; HOW-TO-CHECK.md in it says how it is checked",
        windows.len(),
        items.len(),
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

pub(super) fn touches(window: &WindowRow, asked: Interval) -> bool {
    let Interval { start_ms, end_ms } = window.interval;
    // A snapshot counts by the instant of its reading.
    let start_ms = start_ms.unwrap_or(end_ms - 1);
    start_ms < asked.end_ms && end_ms > asked.start_ms.unwrap_or(i64::MIN)
}

/// Reads the messages back from the mailboxes they were delivered to; returns how many there are.
async fn fetch(host: &Host, name: &str, items: &mut [BundleItem], folder: &Path) -> Result<usize, CliError> {
    let mut found: HashSet<[u8; 32]> = HashSet::new();
    let mut unread: Option<Failure> = None;
    if let Some(connector) = host.config.connector(name) {
        let mut wanted: BTreeMap<(u16, String), HashSet<[u8; 32]>> = BTreeMap::new();
        for copy in items.iter().flat_map(|item| &item.copies) {
            if let (Some(mailbox), Some(sha256)) = (&copy.mailbox, copy.sha256) {
                wanted.entry((copy.destination, mailbox.clone())).or_default().insert(sha256);
            }
        }
        let destinations = scheduler::destinations_of(host, connector).await?;
        for ((number, mailbox), mut wanted) in wanted {
            let Some(slot) = destinations.iter().find(|slot| slot.number == number) else { continue };
            wanted.retain(|sha256| !found.contains(sha256));
            let mut show = |sha256: [u8; 32], bytes: &[u8]| {
                found.insert(sha256);
                fs::write(folder.join(bundle::message_name(&sha256)), bytes)
            };
            match slot.destination.read_back(&mailbox, wanted, &mut show).await {
                // It will never show them: the bundle says which messages are not in it.
                Err(failure) if failure.next == NextMove::Reject => unread = Some(failure),
                read => read?,
            }
        }
    }
    if let Some(failure) = unread {
        eprintln!("note: {failure}; `summary.txt` counts what is not in the bundle");
        if let Some(hint) = failure.hint {
            eprintln!("hint: {hint}");
        }
    }
    for copy in items.iter_mut().flat_map(|item| &mut item.copies) {
        copy.file = copy.sha256.filter(|sha256| found.contains(sha256)).map(|sha256| bundle::message_name(&sha256));
    }
    Ok(found.len())
}
