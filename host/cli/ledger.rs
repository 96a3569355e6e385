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
        print_json(&report)?;
    } else {
        for ledger in &report.ledgers {
            println!("ok: {}: {} records in {} segments, {} checkpoints, head {}", ledger.name, ledger.records, ledger.segments, ledger.checkpoints, ledger.head);
        }
        if report.ledgers.is_empty() {
            println!("there is no ledger yet");
        }
    }
    Ok(error::DONE.into())
}
