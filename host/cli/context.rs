//! What most commands begin with: the configuration and the opened host.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{arguments::Arguments, error::CliError, running};
use crate::{
    config::{Config, Connector},
    item::Failure,
    people::People,
    scheduler::{Clocks, Host, service::Service},
};

/// What was said for every command.
pub(super) struct Context {
    pub(super) config_file: PathBuf,
    /// What runs the command within a service; none in a program of its own.
    beside: Option<Beside>,
}

/// A service that runs a command.
struct Beside {
    service: Service,
    people: Arc<People>,
    /// Who asked.
    actor: String,
}

impl Context {
    pub(super) fn new(arguments: &Arguments) -> Self {
        Self { config_file: arguments.config.clone(), beside: None }
    }

    /// For a command that is run within a service.
    pub(super) fn beside(arguments: &Arguments, service: Service, people: Arc<People>, actor: String) -> Self {
        Self { beside: Some(Beside { service, people, actor }), ..Self::new(arguments) }
    }

    /// The service within which the command runs.
    pub(super) fn service(&self) -> Option<&Service> {
        self.beside.as_ref().map(|beside| &beside.service)
    }

    /// Who runs the command.
    pub(super) fn actor(&self) -> String {
        self.beside.as_ref().map_or_else(actor, |beside| beside.actor.clone())
    }

    /// Everybody whom the data folder knows, as the service has them.
    pub(super) fn people(&self, host: &Host) -> Result<Arc<People>, CliError> {
        match &self.beside {
            Some(beside) => Ok(Arc::clone(&beside.people)),
            None => Ok(Arc::new(People::open(&host.config.data_dir)?)),
        }
    }

    pub(super) fn config(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.config_file)?)
    }

    /// Opens the data folder, or takes the service's; what it has to announce goes to the operator at once.
    pub(super) fn host(&self) -> Result<Host, CliError> {
        let config = self.config()?;
        match &self.beside {
            None => open(config),
            Some(beside) => {
                let host = beside.service.host().ok_or_else(|| CliError::failed("the service is stopping"))?;
                Ok(host.with(config)?)
            }
        }
    }
}

/// What to do when a service holds the data folder.
const SERVED: &str = "a service (`chancery serve`) runs here and does turns by itself; for this command stop it first \
                      (`systemctl stop chancery`)";

/// Opens a configuration's data folder.
pub(super) fn open(config: Config) -> Result<Host, CliError> {
    let data_dir = config.data_dir.clone();
    let (host, announcements) = unserved(&data_dir, Host::open(config, clocks()))?;
    for announcement in announcements {
        eprintln!("note: {announcement}");
    }
    Ok(host)
}

/// What needs the data folder for itself; where a service holds it, the hint says so.
pub(super) fn unserved<T, E: Into<Failure>>(data_dir: &Path, done: Result<T, E>) -> Result<T, CliError> {
    done.map_err(|error| {
        let failure: Failure = error.into();
        let served = failure.code == "state-locked" && running::is_there(data_dir);
        let error = CliError::from(failure);
        if served { error.hint(SERVED) } else { error }
    })
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
    jiff::Timestamp::now().as_millisecond() + moved_ms("CHANCERY_CLOCK_PASSED_MS") + moved_ms("CHANCERY_CLOCK_MOVED_MS")
}

/// The machine's clocks.
pub(super) fn clocks() -> Clocks {
    Clocks { wall_ms: Arc::new(now_ms), uptime_ms: Arc::new(uptime_ms), boot: boot() }
}

/// Time since the machine was started, sleep included; unlike the wall clock it is never set.
fn uptime_ms() -> i64 {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    since.tv_sec * 1000 + since.tv_nsec / 1_000_000 + moved_ms("CHANCERY_CLOCK_PASSED_MS")
}

/// The kernel's number of this start of the machine; all zero where it has none.
fn boot() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).map_or([0; 16], u128::to_be_bytes)
}

/// In builds with debug assertions a test says here that time has passed, or that somebody moved the wall clock.
#[cfg(debug_assertions)]
fn moved_ms(variable: &str) -> i64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Nothing moves the clock.
#[cfg(not(debug_assertions))]
fn moved_ms(_: &str) -> i64 {
    0
}
