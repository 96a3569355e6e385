//! What most commands begin with: the configuration and the opened host.

use std::path::PathBuf;

use super::{arguments::Arguments, error::CliError};
use crate::{
    config::{Config, Connector},
    scheduler::Host,
};

/// What was said for every command.
pub(super) struct Context {
    pub(super) config_file: PathBuf,
}

impl Context {
    pub(super) fn new(arguments: &Arguments) -> Self {
        Self { config_file: arguments.config.clone() }
    }

    pub(super) fn config(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.config_file)?)
    }

    /// Opens the data folder; what it has to announce goes to the operator at once.
    pub(super) fn host(&self) -> Result<Host, CliError> {
        open(self.config()?)
    }
}

/// Opens a configuration's data folder.
pub(super) fn open(config: Config) -> Result<Host, CliError> {
    let (host, announcements) = Host::open(config)?;
    for announcement in announcements {
        eprintln!("note: {announcement}");
    }
    Ok(host)
}

/// The connector of this name, or an error that names those there are.
pub(super) fn connector<'a>(config: &'a Config, name: &str) -> Result<&'a Connector, CliError> {
    config.connector(name).ok_or_else(|| {
        let error = CliError::usage(format!("there is no connector `{name}` in `{}`", config.file.display()));
        let names: Vec<String> = config.connectors.iter().map(|connector| format!("`{}`", connector.name)).collect();
        if names.is_empty() {
            error.hint("add one: `chancery connector add --from FILE`")
        } else {
            error.hint(format!("there are {}", names.join(", ")))
        }
    })
}

/// The named connectors, or all.
pub(super) fn connectors<'a>(config: &'a Config, names: &[String]) -> Result<Vec<&'a Connector>, CliError> {
    if names.is_empty() {
        if config.connectors.is_empty() {
            return Err(CliError::usage(format!("`{}` has no connector", config.file.display()))
                .hint("add one: `chancery connector add --from FILE`; docs/configuration.md has examples"));
        }
        return Ok(config.connectors.iter().collect());
    }
    names.iter().map(|name| connector(config, name)).collect()
}

/// Prints one JSON document.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// The system user, as the ledger names who did something at the command line.
pub(super) fn actor() -> String {
    let uid = rustix::process::getuid().as_raw();
    std::env::var("USER").map_or_else(|_| format!("uid {uid}"), |user| format!("{user} (uid {uid})"))
}

/// The wall clock.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
