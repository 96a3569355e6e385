//! `chancery stage`: what waits between source and mailbox, emptying it, and its key.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::Arc,
};

use super::{
    arguments::Stage as Command,
    context::{self, Context, actor, now_ms, print_json},
    error::{self, CliError},
};
use crate::{
    item::{Failure, time::rfc3339},
    pipeline,
    scheduler::{self, Host},
    stage::{Collected, Holding, Keyring, Stage, Staging},
    state::{Act, ConnectorState, PageNeed},
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    match command {
        Command::List { name, json } => list(&host, name.as_deref(), json).await?,
        Command::Purge { name } => purge(&host, name.as_deref()).await?,
        Command::RotateKey { reason } => rotate(&host, &reason).await?,
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

/// The connectors that are meant: all that have a ledger, or the named one.
fn meant(host: &Host, name: Option<&str>) -> Result<Vec<Arc<ConnectorState>>, CliError> {
    let mut names = host.state.connectors()?;
    if let Some(name) = name {
        if !names.iter().any(|known| known == name) {
            context::connector(&host.config, name)?;
        }
        names = vec![name.to_owned()];
    }
    Ok(names.iter().map(|name| host.state.connector(name)).collect::<Result<_, _>>()?)
}

/// Works on a connector's stage off the async threads.
async fn with_stage<T: Send + 'static>(
    staging: &Staging,
    state: &Arc<ConnectorState>,
    work: impl FnOnce(&Stage, &ConnectorState) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (staging, state) = (staging.clone(), Arc::clone(state));
    pipeline::blocking(move || work(&staging.open(state.name(), state.stage_key()), &state)).await
}

/// What a connector has staged.
struct Listing {
    connector: String,
    place: String,
    holdings: BTreeMap<Option<PageNeed>, Holding>,
}

async fn list(host: &Host, name: Option<&str>, json: bool) -> Result<(), CliError> {
    let staging = scheduler::staging(&host.config)?;
    let (now_ms, keep_days) = (now_ms(), host.config.stage.keep_days);
    let mut listings = Vec::new();
    for state in meant(host, name)? {
        let listing = with_stage(&staging, &state, move |stage, state| {
            let needs = scheduler::needs(stage, state, now_ms, keep_days)?;
            let holdings = stage.holdings(&needs)?;
            Ok(Listing { connector: state.name().to_owned(), place: stage.label(), holdings })
        });
        listings.push(listing.await?);
    }
    if json {
        let document = listings.iter().map(|listing| {
            let rows: Vec<_> = listing
                .holdings
                .iter()
                .map(|(need, holding)| {
                    serde_json::json!({
                        "needed_for": word(*need), "until": until(*need),
                        "pages": holding.pages, "attachments": holding.attachments, "bytes": holding.bytes,
                    })
                })
                .collect();
            serde_json::json!({ "connector": listing.connector, "place": listing.place, "staged": rows })
        });
        return print_json(&document.collect::<Vec<_>>());
    }
    for Listing { connector, place, holdings } in &listings {
        println!("{connector}  in `{place}`");
        if holdings.is_empty() {
            println!("  empty");
        }
        for (need, Holding { pages, attachments, bytes }) in holdings {
            let until = until(*need).map_or_else(String::new, |until| format!(" {until}"));
            let what = format!("{}{until}", word(*need));
            println!("  {what:<40} {pages} pages, {attachments} attachments, {bytes} bytes");
        }
    }
    if listings.is_empty() {
        println!("nothing was staged yet");
    }
    Ok(())
}

fn word(need: Option<PageNeed>) -> &'static str {
    match need {
        Some(PageNeed::Pending) => "pending",
        Some(PageNeed::Parked) => "parked",
        Some(PageNeed::Partial) => "left out of mailboxes",
        Some(PageNeed::Until(_)) => "kept until",
        None => "nothing",
    }
}

fn until(need: Option<PageNeed>) -> Option<String> {
    match need {
        Some(PageNeed::Until(at_ms)) => Some(rfc3339(at_ms)),
        _ => None,
    }
}

async fn purge(host: &Host, name: Option<&str>) -> Result<(), CliError> {
    let staging = scheduler::staging(&host.config)?;
    let now_ms = now_ms();
    for state in meant(host, name)? {
        let Collected { objects, bytes } =
            with_stage(&staging, &state, move |stage, state| scheduler::collect(stage, state, now_ms, 0)).await?;
        println!("{}: removed {objects} objects, {bytes} bytes", state.name());
    }
    if name.is_none() {
        retire(host, &staging).await?;
    }
    Ok(())
}

async fn rotate(host: &Host, reason: &str) -> Result<(), CliError> {
    if reason.trim().is_empty() {
        return Err(
            CliError::usage("a new key needs a reason").hint("say why: `--reason \"…\"`; it stands in the ledger")
        );
    }
    let public = Keyring::rotate(&host.config.data_dir)?;
    host.state.record_act(Act {
        at_ms: 0,
        actor: actor(),
        verb: "stage rotate-key".into(),
        subject: public.clone(),
        reason: reason.to_owned(),
    })?;
    println!("what is staged from now on is sealed for {public}");
    println!("make a new copy of `keys/`: without `stage.key` nothing that is staged can be read");
    retire(host, &scheduler::staging(&host.config)?).await
}

/// Forgets the keys that sealed nothing of what is left, of any connector.
async fn retire(host: &Host, staging: &Staging) -> Result<(), CliError> {
    let mut needed = BTreeSet::new();
    for state in meant(host, None)? {
        needed.extend(with_stage(staging, &state, |stage, _| stage.keys_needed()).await?);
    }
    match Keyring::retire(&host.config.data_dir, &needed)? {
        (0, 0) => {}
        (gone, left) => println!("older keys: {gone} forgotten, {left} kept for what they sealed"),
    }
    Ok(())
}
