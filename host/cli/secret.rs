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
use crate::{
    catalog::secrets::SecretStore,
    item::{Failure, NextMove},
    network::{self, PersonSignIn, RefreshToken as _},
    scheduler::{self, Host, Kept},
    state::Act,
};

/// Longest secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let config = context.config()?;
    let store = SecretStore::of(&config.data_dir);
    match command {
        Command::Set { name } => {
            store.set(&name, &read()?)?;
            eprintln!("secret `{name}` is set; use it as `{{ store = \"{name}\" }}`");
        }
        Command::List => store.names()?.iter().for_each(|name| println!("{name}")),
        Command::SignIn { name, redirect } => {
            let host = context.host()?;
            let sign_in = scheduler::person_sign_in(&host.config, &name, redirect)?;
            let token = by_hand(&host, &sign_in, |prompt| {
                eprint!("{prompt}");
                let mut line = String::new();
                std::io::stdin().read_line(&mut line).map(|_| line)
            });
            Kept::of(&host.config, &name).write(&token.await?)?;
            host.state.record_act(Act::of(&context.actor(), "secret sign-in", &name, ""))?;
            host.state.close()?;
            eprintln!("somebody is signed in for credential `{name}`; next: `chancery connector check`");
        }
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

/// Where a browser is sent back to unless somebody says otherwise: this machine, where nothing needs to answer (RFC 8252,
/// section 7.3).
pub(super) const REDIRECT: &str = "http://localhost:8765/";

/// Lets a person sign in with a browser that may be anywhere: they bring the address back that it ends at.
///
/// # Errors
/// `sign-in-refused`, `no-answer`.
pub(super) async fn by_hand(
    host: &Host,
    sign_in: &PersonSignIn,
    ask: impl FnOnce(&str) -> std::io::Result<String>,
) -> Result<SecretString, Failure> {
    let refused = |why: String| Failure::new("sign-in-refused", NextMove::AskPerson, why);
    let mut random = [0; 64];
    getrandom::fill(&mut random).map_err(|error| refused(format!("the system gives no random numbers: {error}")))?;
    let (url, waiting) = sign_in.begin(&random);
    eprintln!("Open this address in a browser, and sign in:\n\n  {url}\n");
    eprintln!("The browser is then sent to {}, where nothing needs to answer.", sign_in.redirect);
    let line = ask("Paste the address that it ends at: ").map_err(|error| refused(error.to_string()))?;
    let came_back = url::Url::parse(line.trim()).map_err(|_| {
        refused("what was pasted is no address".to_owned())
            .hint("copy all of the browser's address bar, from `http` on")
    })?;
    let code = sign_in.code(&waiting, &came_back)?;
    sign_in.redeem(&network::http_client(&host.config.network)?, &waiting, &code).await
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
