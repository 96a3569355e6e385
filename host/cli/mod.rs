//! Words for people: one file per command, and the one place that turns a result into an exit code.
//!
//! What lives here: reading arguments, prompts, progress bars, tables, and errors as kind, cause and `hint:`. What may
//! not: deciding what happens to items. With `--json` exactly one JSON document goes to stdout; people's words and logs
//! go to stderr.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "talking to people is what this room is for")]

mod alerts;
mod arguments;
mod backfill;
mod bundle;
mod connector;
mod context;
mod demo;
mod doctor;
mod error;
mod explain;
mod hold;
mod init;
mod ledger;
mod mapping;
mod parked;
mod plan;
mod plugin;
mod progress;
mod reconcile;
mod report;
mod save;
mod secret;
mod stage;
mod state;
mod status;
mod sync;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;
use rustix::process::{Resource, Rlimit};

use arguments::{Arguments, Command};
use context::Context;
use error::CliError;

use crate::sandbox;

/// Runs the program with these arguments.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return error::usage(&error),
    };
    // A core file would hold secrets and what people wrote; where the system refuses this, it writes none either.
    let _refused = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let format = if arguments.log_json { crate::report::log::Format::Json } else { crate::report::log::Format::Text };
    crate::report::log::start(format, arguments.verbose);
    if let Ok(program) = std::env::current_exe() {
        sandbox::compile_in_children_of(program);
    }
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the runtime: {error}")))
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match done {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let context = Context::new(&arguments);
    match arguments.command {
        Command::Demo(command) => demo::run(command).await,
        Command::Init(command) => init::run(&command),
        Command::Connector(command) => connector::run(&context, command).await,
        Command::Sync(command) => sync::run(&context, command).await,
        Command::Backfill(command) => backfill::run(&context, command).await,
        Command::Status(command) => status::run(&context, &command),
        Command::Alerts(command) => alerts::run(&context, command).await,
        Command::Report(command) => report::run(&context, &command),
        Command::Parked(command) => parked::run(&context, command).await,
        Command::Mapping(command) => mapping::run(&context, command).await,
        Command::Secret(command) => secret::run(&context, command),
        Command::Plan(command) => plan::run(&context, &command).await,
        Command::Plugin(command) => plugin::run(&context, command).await,
        Command::Ledger(command) => ledger::run(&context, &command).await,
        Command::Reconcile(command) => reconcile::run(&context, &command).await,
        Command::Hold(command) => hold::run(&context, &command),
        Command::Erase(command) => hold::erase(&context, &command),
        Command::Stage(command) => stage::run(&context, command).await,
        Command::State(command) => state::run(&context, &command),
        Command::Explain(command) => explain::run(&command),
        Command::Doctor(command) => doctor::run(&context, &command).await,
        Command::CompileComponent { path } => {
            sandbox::compile_here(&path)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
