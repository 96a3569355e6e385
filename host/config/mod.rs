//! The configuration: what was typed, and what it means.
//!
//! What lives here: the TOML file and its includes ([`typed`]), and what they mean once checked ([`meaning`]). It is
//! validated whole before any state is touched. What may not: secrets (only references to them), plugins' settings
//! beyond their shape (the plugin's schema decides, in `catalog`), and state.

mod alerts;
mod console;
mod credential;
mod destination;
mod error;
mod meaning;
mod schedule;
mod scope;
mod store;
mod typed;

pub use alerts::{AlertPlace, AlertsConfig};
pub use console::{ConsoleConfig, OpenIdConfig, TlsFiles};
pub use credential::{Credential, Grant, HeldSecret, Oauth2, Proof, Scheme, SecretRef};
pub use destination::{DestinationConfig, EmlPlace};
pub use error::ConfigError;
pub use meaning::{Calls, Config, Connector, Mapper, Plugin, PluginSource, Source};
pub use schedule::Schedule;
pub use store::{AzureAccess, CheckpointCopy, ProviderConfig, StageConfig, StoreConfig};
