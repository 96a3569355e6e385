//! `chancery ledger`: checks every byte of the record, offline, bundles parts of it, and replaces the key that signs it.

use std::process::ExitCode;

use super::{
    arguments::{Ledger as Command, Verify},
    context::{Context, actor, print_json},
    error::{self, CliError},
};
use crate::state::{self, State, VerifyOptions};

pub(super) async fn run(context: &Context, command: &Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Verify(command) => verify(context, command)?,
        Command::Bundle(command) => super::bundle::run(context, command).await?,
        Command::RotateKey { reason } => rotate_key(context, reason)?,
    }
    Ok(error::DONE.into())
}

fn verify(context: &Context, command: &Verify) -> Result<(), CliError> {
    let data_dir = match &command.data {
        // A copy elsewhere needs no configuration.
        Some(data_dir) => data_dir.clone(),
        None => context.config()?.data_dir,
    };
    let options =
        VerifyOptions { connector: command.name.as_deref(), key: command.key.as_deref(), copies: &command.against };
    let report = state::verify(&data_dir, &options)?;
    if command.json {
        return print_json(&report.ledgers.iter().map(as_json).collect::<Vec<_>>());
    }
    for ledger in &report.ledgers {
        println!(
            "ok: {}: {} facts in {} groups and {} segments, {} sealed entries ({} erased), {} checkpoints",
            ledger.name,
            ledger.facts,
            ledger.groups,
            ledger.segments,
            ledger.entries,
            ledger.erased,
            ledger.checkpoints
        );
        if !command.against.is_empty() && ledger.checkpoints > 0 {
            println!("    {} of its checkpoints are in the copies, byte for byte", ledger.copies_matched);
        }
    }
    if report.ledgers.is_empty() {
        println!("there is no ledger yet");
    }
    Ok(())
}

fn as_json(ledger: &state::LedgerReport) -> serde_json::Value {
    serde_json::json!({
        "name": ledger.name, "segments": ledger.segments, "groups": ledger.groups, "facts": ledger.facts,
        "entries": ledger.entries, "erased": ledger.erased, "checkpoints": ledger.checkpoints,
        "copies_matched": ledger.copies_matched, "superseded": ledger.superseded_files, "rotations": ledger.rotations,
    })
}

fn rotate_key(context: &Context, reason: &str) -> Result<(), CliError> {
    let config = context.config()?;
    let (public, announcements) = State::rotate_key(&config.data_dir, &actor(), reason)?;
    for announcement in announcements {
        eprintln!("note: {}", announcement.text);
    }
    println!("the new public key is {public}; every ledger records that the old key signed it");
    println!("give `keys/host.pub` to whoever verifies, and make a new copy of `keys/`: the old secret key is gone");
    Ok(())
}
