//! `chancery init`: a configuration, keys and a data folder.

use std::{fs, path::Path, process::ExitCode};

use super::{
    arguments::Init,
    error::{self, CliError},
};
use crate::{stage::Keyring, state::State};

const TEMPLATE: &str = include_str!("init.toml");

pub(super) fn run(command: &Init) -> Result<ExitCode, CliError> {
    let config = command.dir.join("chancery.toml");
    if config.exists() {
        return Err(CliError::usage(format!("`{}` exists already; it is left as it is", config.display()))
            .hint("choose another folder: `chancery init --dir DIR`"));
    }
    make(&command.dir, TEMPLATE)?;
    println!("made {}", config.display());
    println!(
        "made {}: keys, ledger and stage live there; back it up, and keep its keys secret",
        command.dir.join("data").display()
    );
    println!(
        "next: put a connector into {}, then `chancery connector check NAME`",
        command.dir.join("connectors.d").display()
    );
    Ok(error::DONE.into())
}

/// Makes the folders, the keys and the configuration; the configuration last, so that a half-made folder can be made
/// again.
pub(super) fn make(dir: &Path, config: &str) -> Result<(), CliError> {
    let cannot =
        |what: &Path, error: std::io::Error| CliError::failed(format!("cannot make `{}`: {error}", what.display()));
    fs::create_dir_all(dir.join("connectors.d")).map_err(|error| cannot(dir, error))?;
    let data_dir = dir.join("data");
    State::create(&data_dir)?;
    Keyring::open(&data_dir, &[])?;
    let file = dir.join("chancery.toml");
    fs::write(&file, config).map_err(|error| cannot(&file, error))
}
