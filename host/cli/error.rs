//! Errors for people: what failed, on what, why, and the next command; and exit codes, in this one place.

use std::process::ExitCode;

use crate::{
    config::ConfigError,
    item::{Failure, NextMove},
    state::StateError,
};

/// Done and accounted for.
pub(super) const DONE: u8 = 0;
/// Failed.
pub(super) const FAILED: u8 = 1;
/// Usage or configuration.
pub(super) const USAGE: u8 = 2;
/// With `--strict`: something is parked.
pub(super) const PARKED: u8 = 3;

/// Something a command could not do.
#[derive(Debug)]
pub(super) struct CliError {
    message: String,
    hint: Option<String>,
    exit: u8,
}

impl CliError {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: FAILED }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: USAGE }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn print(&self) -> ExitCode {
        eprintln!("error: {}", self.message);
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        self.exit.into()
    }
}

/// The number of one of these codes.
pub(super) fn number(code: ExitCode) -> u8 {
    [DONE, USAGE, PARKED].into_iter().find(|number| ExitCode::from(*number) == code).unwrap_or(FAILED)
}

/// What a person has to mend in files or arguments is a matter of configuration; the rest failed.
pub(super) fn exit_code(code: &str) -> u8 {
    use crate::item::reason::{About, find};
    match find(code) {
        Some(reason) if reason.about == About::Configuration => USAGE,
        _ => FAILED,
    }
}

/// The next step: the failure's own, else what the table of reasons says.
pub(super) fn hint(failure: &Failure) -> Option<String> {
    failure.hint.clone().or_else(|| match failure.next {
        NextMove::Retry { .. } => Some("it may pass: run the same command again".to_owned()),
        _ => crate::item::reason::find(&failure.code).map(|reason| reason.remedy.to_owned()),
    })
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let hint = hint(&failure);
        Self { message: format!("{} ({})", failure.message, failure.code), hint, exit: exit_code(&failure.code) }
    }
}

impl From<StateError> for CliError {
    fn from(error: StateError) -> Self {
        Failure::from(error).into()
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self { message: error.to_string(), hint: error.hint, exit: USAGE }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<csv::Error> for CliError {
    fn from(error: csv::Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// Prints what clap says, with our exit code for misuse.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let asked_for = !error.use_stderr();
    // A closed pipe is no reason to fail.
    let _printed = error.print();
    if asked_for { DONE.into() } else { USAGE.into() }
}
