//! Words for people: one file per command, and the one place that turns a result into an exit code.
//!
//! What lives here: reading arguments, prompts, progress bars, tables, and errors as kind, cause and `hint:`. What may
//! not: deciding what happens to items. With `--json` exactly one JSON document goes to stdout; people's words and logs
//! go to stderr.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "talking to people is what this room is for")]

#[macro_use]
mod speak;

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
mod people;
mod plan;
mod plugin;
mod plugin_run;
mod progress;
mod reconcile;
mod report;
mod running;
mod save;
mod secret;
mod serve;
mod stage;
mod state;
mod status;
mod sync;
mod wizard;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;
use rustix::process::{Resource, Rlimit};

use arguments::{Arguments, Command};
use context::Context;
use error::CliError;

use crate::{item::limits, sandbox};

/// Runs the program with these arguments. A service calls `idle` when it has nothing to do any more.
pub fn main(arguments: impl IntoIterator<Item = OsString>, idle: fn()) -> ExitCode {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(error) => return error::usage(&error),
    };
    // A core file would hold secrets and what people wrote; where the system refuses this, it writes none either.
    let _refused = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let format = if arguments.log_json { crate::report::log::Format::Json } else { crate::report::log::Format::Text };
    // A service tells of its turns by itself: nobody stands beside it.
    let verbose = arguments.verbose || matches!(arguments.command, Command::Serve(_));
    crate::report::log::start(format, verbose);
    if let Ok(program) = std::env::current_exe() {
        sandbox::compile_in_children_of(program);
    }
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the runtime: {error}")))
        .and_then(|runtime| {
            let done = runtime.block_on(run(arguments, &typed, idle));
            // A turn that was left may still be in a call that cannot be ended.
            runtime.shutdown_timeout(limits::RUNTIME_STOP_TIME_MAX);
            done
        });
    match done {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

async fn run(arguments: Arguments, typed: &[OsString], idle: fn()) -> Result<ExitCode, CliError> {
    let context = Context::new(&arguments);
    let words: Option<Vec<String>> = typed.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    if let Some(answered) = words.and_then(|words| running::ask(&context, &arguments.command, &words)) {
        return answered;
    }
    match arguments.command {
        Command::Serve(command) => serve::run(&context, command, idle).await,
        command => dispatch(&context, command).await,
    }
}

/// Runs a command, in a program of its own or within a service.
async fn dispatch(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Demo(command) => demo::run(command).await,
        Command::Init(command) => init::run(&command),
        Command::Connector(command) => connector::run(context, command).await,
        Command::Sync(command) => sync::run(context, command).await,
        Command::Backfill(command) => backfill::run(context, command).await,
        Command::Serve(_) => Err(CliError::usage("a service runs no other")),
        Command::Status(command) => status::run(context, &command),
        Command::Alerts(command) => alerts::run(context, command).await,
        Command::Report(command) => report::run(context, &command),
        Command::Parked(command) => parked::run(context, command).await,
        Command::Mapping(command) => mapping::run(context, command).await,
        Command::Secret(command) => secret::run(context, command).await,
        Command::People(command) => people::run(context, &command),
        Command::Token(command) => people::tokens(context, &command),
        Command::Plan(command) => plan::run(context, &command).await,
        Command::Plugin(command) => plugin::run(context, command).await,
        Command::Ledger(command) => ledger::run(context, &command).await,
        Command::Reconcile(command) => reconcile::run(context, &command).await,
        Command::Hold(command) => hold::run(context, &command),
        Command::Erase(command) => hold::erase(context, &command),
        Command::Stage(command) => stage::run(context, command).await,
        Command::State(command) => state::run(context, &command),
        Command::Explain(command) => explain::run(&command),
        Command::Doctor(command) => doctor::run(context, &command).await,
        Command::CompileComponent { path } => {
            sandbox::compile_here(&path)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
