//! Log lines: to stderr, for people or as JSON, never with message content, names or numbers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `CHANCERY_LOG` chooses what is logged (`info`, `chancery=debug`); without it warnings are.
pub fn start(format: Format, verbose: bool) {
    let default = if verbose { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("CHANCERY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        Format::Text => builder.without_time().try_init(),
        Format::Json => builder.json().try_init(),
    };
    // A second start in one process (tests) keeps the first.
    drop(started);
}
