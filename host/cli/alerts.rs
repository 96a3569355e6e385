//! `chancery alerts`: what is the matter, and whether anybody hears of it.

use std::process::ExitCode;

use super::{
    arguments::Alerts as Command,
    context::{Context, now_ms, print_json},
    error::{self, CliError},
};
use crate::scheduler::{
    Host,
    alerts::{self, Standing},
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let (standing, json) = match command {
        Command::Check(json) => (look(&host, now_ms()).await?, json.json),
        Command::List(json) => (alerts::standing(&host)?, json.json),
        Command::Test => return test(host).await,
    };
    if json {
        print_json(&serde_json::json!({ "alerts": standing }))?;
    } else if standing.is_empty() {
        println!("nothing is the matter");
    } else {
        print(&standing);
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

/// Looks, and tells whom it concerns. A place that cannot be told is said and keeps nothing else from being done.
pub(super) async fn look(host: &Host, now_ms: i64) -> Result<Vec<Standing>, CliError> {
    let standing = alerts::evaluate(host, now_ms)?;
    for failure in alerts::deliver(host, now_ms).await {
        eprintln!("warning: {failure}");
        if let Some(hint) = error::hint(&failure) {
            eprintln!("hint: {hint}");
        }
    }
    Ok(standing)
}

/// A block for each that stands; nothing for none.
pub(super) fn print(standing: &[Standing]) {
    for Standing { since, alarm, .. } in standing {
        println!("{} ({}), since {since}", alarm.code, alarm.connector.as_deref().unwrap_or("this host"));
        println!("  {}\n  hint: {}", alarm.text, alarm.hint);
    }
}

async fn test(host: Host) -> Result<ExitCode, CliError> {
    let tried = alerts::test(&host, now_ms()).await;
    if tried.is_empty() {
        println!("`[alerts] send_to` names nobody: alerts go to the log alone");
    }
    let mut failed = None;
    for (place, done) in tried {
        match done {
            Ok(()) => println!("{place}: told"),
            Err(failure) => {
                println!("{place}: {failure}");
                failed = Some(failure);
            }
        }
    }
    host.state.close()?;
    failed.map_or_else(|| Ok(error::DONE.into()), |failure| Err(failure.into()))
}
