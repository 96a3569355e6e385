//! `chancery people` and `chancery token`: accounts, rights and tokens, by whoever owns the data folder.

use std::{process::ExitCode, time::Duration};

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use super::{
    arguments::Json,
    context::{Context, now_ms, print_json},
    error::{self, CliError},
};
use crate::{
    config::ConsoleConfig,
    item::{limits::LINK_TIME_MAX, time::rfc3339},
    people::{self, NewToken, Person, Right},
    state::Act,
};

/// What is done about people.
#[derive(Debug, Subcommand)]
pub(super) enum People {
    /// Everybody with an account, and their rights.
    List(Json),
    /// Add an account; prints the one-time link with which its person chooses a password.
    Add {
        /// How they sign in: lower-case letters, digits and `-_.@+`.
        name: String,
        /// What they may do; nothing when left out.
        #[arg(value_name = "RIGHT", value_parser = right)]
        rights: Vec<Right>,
    },
    /// Give rights.
    Grant {
        /// Whom.
        name: String,
        /// Which.
        #[arg(value_name = "RIGHT", value_parser = right, required = true)]
        rights: Vec<Right>,
    },
    /// Take rights away.
    Revoke {
        /// Whose.
        name: String,
        /// Which.
        #[arg(value_name = "RIGHT", value_parser = right, required = true)]
        rights: Vec<Right>,
    },
    /// Remove an account with its tokens.
    Remove {
        /// Whose.
        name: String,
    },
    /// Take a password away; prints the one-time link with which its person chooses a new one.
    Reset {
        /// Whose.
        name: String,
    },
}

/// What is done about tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// All tokens, without their secrets.
    List(Json),
    /// Make a token; its secret is printed once.
    Create {
        /// Its name.
        name: String,
        /// What it is for; may be said several times.
        #[arg(long = "scope", value_name = "RIGHT", value_parser = right, required = true)]
        scopes: Vec<Right>,
        /// Whose it is: it never may do more than they may. Left out, it belongs to the owner of the data folder.
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
        /// How long it lives.
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: u32,
    },
    /// Revoke a token.
    Revoke {
        /// Its name.
        name: String,
    },
}

fn right(text: &str) -> Result<Right, String> {
    Right::parse(text).ok_or_else(|| {
        let lines = Right::ALL.iter().map(|right| format!("\n  {right}: {}", right.summary()));
        format!("there is no such right; there are{}", lines.collect::<String>())
    })
}

pub(super) fn run(context: &Context, command: &People) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let people = context.people(&host)?;
    let actor = context.actor();
    let record: people::Record<'_> = &|verb, subject| Ok(host.state.record_act(Act::of(&actor, verb, subject, ""))?);
    match command {
        People::List(Json { json }) => list(&people.list(), *json)?,
        People::Add { name, rights } => {
            let secret = people.add(name, &rights.iter().copied().collect(), now_ms(), record)?;
            hand_over(&host.config.console, name, secret.expose_secret());
        }
        People::Grant { name, rights } => {
            people.grant(name, &rights.iter().copied().collect(), record)?;
            println!("`{name}` has {} now", names(rights));
        }
        People::Revoke { name, rights } => {
            people.revoke(name, &rights.iter().copied().collect(), record)?;
            println!("`{name}` has {} no more", names(rights));
        }
        People::Remove { name } => {
            people.remove(name, record)?;
            println!("`{name}` is removed, and their tokens with them");
        }
        People::Reset { name } => {
            let secret = people.reset(name, now_ms(), record)?;
            hand_over(&host.config.console, name, secret.expose_secret());
        }
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

pub(super) fn tokens(context: &Context, command: &Token) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let people = context.people(&host)?;
    let actor = context.actor();
    let record: people::Record<'_> = &|verb, subject| Ok(host.state.record_act(Act::of(&actor, verb, subject, ""))?);
    match command {
        Token::List(Json { json }) => list_tokens(&people.tokens(), *json)?,
        Token::Create { name, scopes, person, days } => {
            let life = Duration::from_secs(u64::from(*days) * 86_400);
            let new = NewToken { name, scopes: scopes.iter().copied().collect(), person: person.as_deref(), life };
            let secret = people.add_token(&new, now_ms(), record)?;
            eprintln!("token `{name}`, for {days} days; this is the only time that its secret is shown");
            println!("{}", secret.expose_secret());
        }
        Token::Revoke { name } => {
            people.revoke_token(name, record)?;
            println!("token `{name}` is revoked");
        }
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

fn hand_over(console: &ConsoleConfig, name: &str, secret: &str) {
    let days = LINK_TIME_MAX.as_secs() / 86_400;
    let origin = console.origin.as_deref().unwrap_or("http://127.0.0.1:8460");
    eprintln!("give this link to `{name}`: with it they choose a password, once, within {days} days");
    println!("{origin}/link/{secret}");
}

fn names<'a>(rights: impl IntoIterator<Item = &'a Right>) -> String {
    rights.into_iter().map(|right| right.name()).collect::<Vec<_>>().join(", ")
}

fn list(people: &[Person], json: bool) -> Result<(), CliError> {
    if json {
        let rows = people.iter().map(|person| {
            serde_json::json!({
                "name": person.name, "rights": person.rights, "added_at": rfc3339(person.added_at_ms),
                "has_password": person.has_password(),
            })
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    if people.is_empty() {
        println!("nobody has an account; `chancery people add NAME administer-people` makes the first");
    }
    for person in people {
        let rights = if person.rights.is_empty() { "no rights".to_owned() } else { names(&person.rights) };
        let password = if person.has_password() { "" } else { "  (has not chosen a password)" };
        println!("{}  {rights}{password}", person.name);
    }
    Ok(())
}

fn list_tokens(tokens: &[people::Token], json: bool) -> Result<(), CliError> {
    if json {
        let rows = tokens.iter().map(|token| {
            serde_json::json!({
                "name": token.name, "scopes": token.scopes, "person": token.person,
                "made_at": rfc3339(token.made_at_ms), "ends_at": rfc3339(token.ends_at_ms),
            })
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    if tokens.is_empty() {
        println!("there is no token");
    }
    for token in tokens {
        let whose = token.person.as_ref().map_or_else(String::new, |person| format!(", of {person}"));
        println!("{}  {}{whose}, until {}", token.name, names(&token.scopes), rfc3339(token.ends_at_ms));
    }
    Ok(())
}
