//! `chancery state`: checking, rebuilding, backing up and moving what the data folder keeps.

use std::process::ExitCode;

use super::{
    arguments::State as Command,
    context::{self, Context, actor, print_json},
    error::{self, CliError},
};
use crate::{
    config::Config,
    scheduler,
    state::{self, Announcement, BackupReport, IndexStanding, PageNeed, State},
};

pub(super) fn run(context: &Context, command: &Command) -> Result<ExitCode, CliError> {
    let config = context.config()?;
    match command {
        Command::Check { json } => check(&config, *json)?,
        Command::Rebuild { accept_loss, reason } => {
            let because = accept_loss.then(|| reason.as_deref().unwrap_or_default());
            let rebuilt = state::rebuild(&config.data_dir, &actor(), because);
            announce(&context::unserved(&config.data_dir, rebuilt)?);
            println!("rebuilt the index of every connector; `{}` stands in the ledger", actor());
        }
        Command::Backup { to, with_keys } => {
            let report = state::backup(&config.data_dir, to, *with_keys, "state backup", &actor());
            let report = context::unserved(&config.data_dir, report)?;
            copied(&report, &format!("backed up to `{}`", to.display()));
        }
        Command::Export { to, with_keys } => {
            let report = state::backup(&config.data_dir, to, *with_keys, "state export", &actor());
            let report = context::unserved(&config.data_dir, report)?;
            copied(&report, &format!("exported to `{}`", to.display()));
        }
        Command::Import { from } => {
            let report = state::import(&config.data_dir, from, &actor())?;
            announce(&report.announcements);
            println!(
                "imported {} files, {} bytes, from `{}`; what may have been delivered since it was made is looked for before it is sent",
                report.files,
                report.bytes,
                from.display()
            );
        }
    }
    Ok(error::DONE.into())
}

fn check(config: &Config, json: bool) -> Result<(), CliError> {
    let report = state::check(&config.data_dir)?;
    let mut pages = None;
    if matches!(report.index, IndexStanding::Opens { .. }) {
        pages = Some(staged_pages(config)?);
    }
    let (standing, index_words) = match &report.index {
        IndexStanding::Opens { groups_behind: 0 } => ("current", "the index is at the ledgers' end".to_owned()),
        IndexStanding::Opens { groups_behind } => {
            ("behind", format!("the index lacks {groups_behind} groups, which the next start reads from the ledgers"))
        }
        IndexStanding::Broken { why } => ("broken", format!("the next start builds the index anew: {why}")),
    };
    if json {
        return print_json(&serde_json::json!({
            "ledgers": report.ledgers.ledgers.len(), "index": standing, "mappings": report.mappings, "staged_pages": pages,
        }));
    }
    println!("ok: {} ledgers verify, keys can be used", report.ledgers.ledgers.len());
    println!("ok: {index_words}");
    println!("ok: {} mappings open", report.mappings);
    match pages {
        Some(pages) => println!("ok: {pages} staged pages that are still needed can be read"),
        None => println!("not looked at: staged pages; run this again after the next start"),
    }
    Ok(())
}

/// Reads every staged page that the ledgers still need.
fn staged_pages(config: &Config) -> Result<u64, CliError> {
    let (state, told) = State::open(&config.data_dir)?;
    announce(&told);
    let staging = scheduler::staging(config)?;
    let mut count = 0;
    for name in state.connectors()? {
        let connector = state.connector(&name)?;
        let needed = connector.needed_pages(i64::MAX, 0)?;
        let needed = needed.into_iter().filter(|(_, need)| *need != PageNeed::Partial);
        let stage = staging.open(&name, connector.stage_key());
        for (page, _) in needed {
            stage.read_page(&page)?;
            count += 1;
        }
    }
    announce(&state.take_announcements());
    state.close()?;
    Ok(count)
}

fn announce(announcements: &[Announcement]) {
    for announcement in announcements {
        match &announcement.connector {
            Some(connector) => eprintln!("note: {connector}: {}", announcement.text),
            None => eprintln!("note: {}", announcement.text),
        }
    }
}

fn copied(report: &BackupReport, what: &str) {
    announce(&report.announcements);
    println!("{what}: {} files, {} bytes, verified", report.files, report.bytes);
    if report.has_keys {
        eprintln!(
            "warning: the secret keys are in it: whoever has it can read everything and sign in this host's name"
        );
    } else {
        eprintln!(
            "note: the secret keys are not in it; without `keys/` from elsewhere it can be verified, but not opened. Keep a copy of `keys/` apart from it, made again after each `ledger rotate-key`"
        );
    }
}
