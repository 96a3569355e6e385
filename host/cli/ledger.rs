//! `chancery ledger verify`: checks every byte of the record, offline.

use std::process::ExitCode;

use super::{
    arguments::Ledger as Command,
    context::{Context, print_json},
    error::{self, CliError},
};
use crate::state;

pub(super) fn run(context: &Context, command: &Command) -> Result<ExitCode, CliError> {
    let Command::Verify { name, json } = command;
    let config = context.config()?;
    let report = state::verify(&config.data_dir, name.as_deref())?;
    if *json {
        print_json(&report.ledgers.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        for ledger in &report.ledgers {
            println!(
                "ok: {}: {} facts in {} groups and {} segments, {} sealed entries, {} checkpoints",
                ledger.name, ledger.facts, ledger.groups, ledger.segments, ledger.entries, ledger.checkpoints
            );
        }
        if report.ledgers.is_empty() {
            println!("there is no ledger yet");
        }
    }
    Ok(error::DONE.into())
}

fn as_json(ledger: &state::LedgerReport) -> serde_json::Value {
    serde_json::json!({
        "name": ledger.name, "segments": ledger.segments, "groups": ledger.groups, "facts": ledger.facts,
        "entries": ledger.entries, "erased": ledger.erased, "checkpoints": ledger.checkpoints,
    })
}
