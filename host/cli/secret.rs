//! `chancery secret`: the host's own store of secrets.

use std::{
    io::{IsTerminal as _, Read as _},
    process::ExitCode,
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    arguments::Secret as Command,
    context::Context,
    error::{self, CliError},
};
use crate::catalog::secrets::SecretStore;

/// Longest secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;

pub(super) fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let config = context.config()?;
    let store = SecretStore::of(&config.data_dir);
    match command {
        Command::Set { name } => {
            store.set(&name, &read()?)?;
            eprintln!("secret `{name}` is set; use it as `{{ store = \"{name}\" }}`");
        }
        Command::List => store.names()?.iter().for_each(|name| println!("{name}")),
        Command::Rotate => {
            let sealed = store.rotate()?;
            eprintln!("{sealed} secrets are sealed under a new key");
        }
        Command::Remove { name } => {
            store.remove(&name)?;
            eprintln!("secret `{name}` is removed");
        }
    }
    Ok(error::DONE.into())
}

/// Reads one secret from standard input, without its line end; on a terminal without echo.
fn read() -> Result<SecretString, CliError> {
    let stdin = std::io::stdin();
    let mut text = Zeroizing::new(String::new());
    if stdin.is_terminal() {
        eprint!("secret: ");
        let quiet = Quiet::begin(&stdin);
        stdin.read_line(&mut text)?;
        drop(quiet);
        eprintln!();
    } else {
        stdin.lock().take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    }
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(CliError::usage("no secret was given")
            .hint("type it, or pipe it in: `printf %s \"$PASSWORD\" | chancery secret set NAME`"));
    }
    if secret.len() as u64 > SECRET_BYTES_MAX {
        return Err(CliError::usage(format!("the secret is longer than {SECRET_BYTES_MAX} bytes")));
    }
    Ok(SecretString::from(secret.to_owned()))
}

/// Turns a terminal's echo off until dropped.
struct Quiet<'a> {
    stdin: &'a std::io::Stdin,
    before: Option<rustix::termios::Termios>,
}

impl<'a> Quiet<'a> {
    fn begin(stdin: &'a std::io::Stdin) -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(stdin).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_modes.remove(LocalModes::ECHO);
            let _visible_at_worst = tcsetattr(stdin, OptionalActions::Flush, &quiet);
        }
        Self { stdin, before }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _nothing_better =
                rustix::termios::tcsetattr(self.stdin, rustix::termios::OptionalActions::Flush, before);
        }
    }
}
