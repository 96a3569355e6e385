//! When: which windows are due, and running connectors' turns.
//!
//! What lives here: putting a connector's turn together from the configuration ([`assemble`]), the time line ([`due`]),
//! what is read again ([`reread`]), whether the clock can be trusted ([`clock`]), what the stage keeps ([`needs`]),
//! turns side by side ([`sync`]), and the service that waits for schedules ([`service`]). What may not: what happens inside a
//! turn (`pipeline`) and words for people (`cli`).

pub mod alerts;
mod assemble;
mod bundle;
mod check;
pub mod clock;
pub mod due;
mod evidence;
mod files;
mod granted;
mod installing;
mod mapping;
pub mod parked;
pub mod pauses;
mod plugins;
mod reconcile;
pub mod reread;
mod roster;
mod routes;
mod secrets;
pub mod service;
#[cfg(test)]
mod simulation;
mod staging;
mod sync;
mod trial;
pub mod turns;

use std::{ops::Deref, sync::Arc};

use crate::{
    config::{Calls, Config},
    destinations::{MailboxLocks, imap::Servers},
    item::Failure,
    sandbox::{CallLimits, Sandbox},
    stage::Keyring,
    state::{State, StateError},
};

pub use assemble::destinations_of;
pub use bundle::{Bundled, bundle, touches};
pub use check::{Checked, check, compare_roster, prove};
pub use clock::Clocks;
use clock::Steady;
pub use installing::{Installed, diff, install, remove};
pub use mapping::{
    MappingCheck, MappingFile, adopt_mapping, check_mapping, check_mapping_bytes, check_mapping_of, mapping_file,
    mapping_in_force, replace_file,
};
pub use plugins::{Inspected, approve, inspect};
pub use reconcile::{Reconcile, reconcile};
pub use roster::{Listed, RosterFinding};
pub use routes::{TriedRoute, try_routes};
pub use secrets::{Kept, person_sign_in, read as secret_of};
pub use staging::{collect, keep, needs, stage, staging};
pub use sync::{ConnectorOutcome, Lane, Sync, backfill_dry_run, dry_run, retry, sync};
pub use trial::{Trial, TriedSource, tried_plugin, tried_source};

/// What every connector of this host shares.
pub struct Host {
    /// What was configured.
    pub config: Config,
    /// Where plugins run.
    pub sandbox: Sandbox,
    /// Ledger and index.
    pub state: SharedState,
    /// One writer a mailbox.
    pub locks: Arc<MailboxLocks>,
    /// How many connections each mail server has, whichever connectors use it.
    pub servers: Servers,
    /// What time it is, as far as that can be known.
    pub clocks: Clocks,
    /// What the ledger is stamped by.
    steady: Steady,
}

impl Host {
    /// Opens the data folder and starts the sandbox. The announcements are for the operator.
    ///
    /// # Errors
    /// When the data folder is missing, in use, damaged or behind.
    pub fn open(config: Config, clocks: Clocks) -> Result<(Self, Vec<String>), Failure> {
        let steady = clocks.steady();
        let (state, announcements) = State::open_with_clock(&config.data_dir, steady.read_ms(&clocks))?;
        let sandbox = sandbox_of(&config)?;
        let mut announcements: Vec<String> = announcements.into_iter().map(|announcement| announcement.text).collect();
        // A data folder of before the stage was sealed has no key for it yet.
        announcements.extend(Keyring::open(&config.data_dir, &config.stage.recipients)?.1);
        let (state, locks, servers) = (SharedState(Arc::new(state)), Arc::default(), Servers::default());
        Ok((Self { config, sandbox, state, locks, servers, clocks, steady }, announcements))
    }

    /// The same host with another configuration of the same data folder. Turns under way keep theirs.
    ///
    /// # Errors
    /// When the sandbox does not start with its limits.
    pub fn with(&self, config: Config) -> Result<Self, Failure> {
        let sandbox = if config.calls == self.config.calls { self.sandbox.clone() } else { sandbox_of(&config)? };
        let (locks, servers) = (Arc::clone(&self.locks), self.servers.clone());
        let (clocks, steady) = (self.clocks.clone(), self.steady.clone());
        Ok(Self { config, sandbox, state: self.state.clone(), locks, servers, clocks, steady })
    }
}

/// The state of the data folder, as the configurations that follow each other in a running service share it.
#[derive(Clone)]
pub struct SharedState(Arc<State>);

impl SharedState {
    /// A clean stop by the last who holds it; others let go of it.
    ///
    /// # Errors
    /// What [`State::close`] fails with.
    pub fn close(self) -> Result<(), StateError> {
        Arc::into_inner(self.0).map_or(Ok(()), State::close)
    }
}

impl Deref for SharedState {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

/// The sandbox of a configuration, its compiled code kept in the data folder.
///
/// # Errors
/// When the cache folder cannot be made.
pub fn sandbox_of(config: &Config) -> Result<Sandbox, Failure> {
    let Calls { time_max, cpu_time_max, memory_bytes_max } = config.calls;
    let limits = CallLimits { time_max, cpu_time_max, memory_bytes_max, ..CallLimits::default() };
    Sandbox::new(Some(config.data_dir.join("cache")), limits)
}
