//! `chancery connector`: add, list, show, check, pause, resume, remove.

use std::{fs, path::Path, process::ExitCode};

use super::{
    arguments::{Connector as Command, Pause},
    context::{self, Context, print_json},
    error::{self, CliError},
    wizard,
};
use crate::{
    item::Failure,
    scheduler::{self, Checked, RosterFinding, pauses},
    setup,
    state::Act,
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Add { from: Some(from) } => add(context, &from).await,
        Command::Add { from: None } => wizard::run(context).await,
        Command::List(arguments) => list(context, arguments.json),
        Command::Show { name } => show(context, &name),
        Command::Check { name, json } => check(context, &name, json).await,
        Command::Pause(command) => pause(context, &command, true).await,
        Command::Resume(command) => pause(context, &command, false).await,
        Command::Remove { name } => remove(context, &name),
    }
}

/// Puts the file into `connectors.d` when the whole configuration is sound with it.
async fn add(context: &Context, from: &Path) -> Result<ExitCode, CliError> {
    let text = fs::read_to_string(from).map_err(|error| {
        let problem = CliError::usage(format!("cannot read `{}`: {error}", from.display()));
        problem.hint("name a file with one `[[connector]]`; docs/configuration.md has examples")
    })?;
    let host = context.host()?;
    let (name, file) = setup::add_text(&host, &text, &context.actor()).await?;
    host.state.close()?;
    println!("added `{name}` as {}", file.display());
    match context.service() {
        Some(service) => {
            service.reload().await?;
            println!("the service runs it; next: `chancery connector check {name}`, then `chancery status`");
        }
        None => println!("next: `chancery connector check {name}`, then `chancery sync {name}`"),
    }
    Ok(error::DONE.into())
}

fn list(context: &Context, json: bool) -> Result<ExitCode, CliError> {
    let config = context.config()?;
    if json {
        let rows: Vec<_> = config
            .connectors
            .iter()
            .map(|connector| {
                serde_json::json!({
                    "name": connector.name,
                    "source": connector.source.plugin.plugin.label(),
                    "schedule": connector.schedule.as_ref().map(|schedule| &schedule.text),
                    "file": connector.file,
                })
            })
            .collect();
        print_json(&rows)?;
        return Ok(error::DONE.into());
    }
    for connector in &config.connectors {
        let schedule = connector.schedule.as_ref().map_or("when `chancery sync` runs", |schedule| &schedule.text);
        println!("{:<20} {:<20} {schedule}", connector.name, connector.source.plugin.plugin.label());
    }
    Ok(error::DONE.into())
}

fn show(context: &Context, name: &str) -> Result<ExitCode, CliError> {
    let config = context.config()?;
    let connector = context::connector(&config, name)?;
    let settings = |settings: &serde_json::Map<String, serde_json::Value>| serde_json::Value::Object(settings.clone());
    println!("{name} (in {})", connector.file.display());
    println!("  source     {} {}", connector.source.plugin.plugin.label(), settings(&connector.source.plugin.settings));
    if let Some(credential) = &connector.source.credential {
        println!("             credential {credential}");
    }
    println!(
        "  may reach  {}",
        if connector.source.origins.is_empty() { "nothing".to_owned() } else { connector.source.origins.join(", ") }
    );
    println!(
        "  may read   {}",
        if connector.source.folders.is_empty() { "nothing".to_owned() } else { connector.source.folders.join(", ") }
    );
    println!("  mapper     {} {}", connector.mapper.plugin.plugin.label(), settings(&connector.mapper.plugin.settings));
    if let Some(file) = &connector.mapper.file {
        println!("             file {}", file.display());
    }
    println!("  converter  {} {}", connector.converter.plugin.label(), settings(&connector.converter.settings));
    for destination in &connector.destinations {
        println!("  to         {}", destination.label());
    }
    println!("  folder     {}", connector.folder.as_deref().unwrap_or("the source's default"));
    println!("  schedule   {}", connector.schedule.as_ref().map_or("none", |schedule| &schedule.text));
    Ok(error::DONE.into())
}

async fn check(context: &Context, name: &str, json: bool) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let connector = context::connector(&host.config, name)?;
    let checked = scheduler::check(&host, connector).await?;
    let compared = scheduler::compare_roster(&host, connector, &checked).await;
    let healthy = checked.destinations.iter().flat_map(|(_, found)| found).all(|finding| finding.is_good);
    if json {
        print_json(&check_json(&checked, &compared, healthy))?;
    } else {
        println!("ok: {} answers as `{}`", connector.source.plugin.plugin.label(), checked.account);
        print_check(&checked, &compared);
    }
    host.state.close()?;
    Ok(if healthy && compared.is_ok() { error::DONE } else { error::FAILED }.into())
}

fn check_json(checked: &Checked, compared: &Result<Vec<RosterFinding>, Failure>, healthy: bool) -> serde_json::Value {
    let destinations = checked.destinations.iter().map(|(name, findings)| {
        let findings = findings
            .iter()
            .map(|finding| serde_json::json!({ "ok": finding.is_good, "text": finding.text, "hint": finding.hint }));
        serde_json::json!({ "name": name, "findings": findings.collect::<Vec<_>>() })
    });
    let failed = compared.as_ref().err();
    serde_json::json!({
        "ok": healthy && failed.is_none(),
        "account": checked.account,
        "registered": checked.roster.as_ref().map(Vec::len),
        "findings": checked.findings,
        "destinations": destinations.collect::<Vec<_>>(),
        "roster": compared.as_ref().ok(),
        "roster_error": failed.map(|failure| serde_json::json!({
            "code": failure.code, "message": failure.message, "hint": error::hint(failure),
        })),
    })
}

fn print_check(checked: &Checked, compared: &Result<Vec<RosterFinding>, Failure>) {
    /// People shown of one finding.
    const SHOWN_MAX: usize = 5;
    if let Some(roster) = &checked.roster {
        println!("  {} people are registered there", roster.len());
    }
    checked.findings.iter().for_each(|finding| println!("  {finding}"));
    for (name, findings) in &checked.destinations {
        for finding in findings {
            println!("{}  {name}: {}", if finding.is_good { "ok " } else { "BAD" }, finding.text);
            if let Some(hint) = &finding.hint {
                println!("     hint: {hint}");
            }
        }
    }
    match compared {
        Ok(findings) if findings.is_empty() && checked.roster.is_some() => {
            println!("ok   everybody who is registered has a mailbox, and everybody who is mapped is registered");
        }
        Ok(findings) => {
            for finding in findings {
                println!("look {}", finding.text);
                finding.people.iter().take(SHOWN_MAX).for_each(|person| println!("       {person}"));
                if finding.count > SHOWN_MAX {
                    println!("       and {} more (`--json` lists them)", finding.count - SHOWN_MAX);
                }
                println!("     hint: {}", finding.hint);
            }
        }
        Err(failure) => {
            let what = if checked.roster.is_some() { "the roster cannot be compared: " } else { "" };
            println!("BAD  {what}{} ({})", failure.message, failure.code);
            if let Some(hint) = error::hint(failure) {
                println!("     hint: {hint}");
            }
        }
    }
}

/// Through the service within which it runs, so that its plan knows at once.
async fn pause(context: &Context, Pause { name, reason }: &Pause, pause: bool) -> Result<ExitCode, CliError> {
    context::connector(&context.config()?, name)?;
    let actor = context.actor();
    let changed = match context.service() {
        Some(service) if pause => service.pause(name, &actor, reason).await?,
        Some(service) => service.resume(name, &actor, reason).await?,
        None => {
            let host = context.host()?;
            let change = if pause { pauses::pause } else { pauses::resume };
            let changed = change(&host.state, name, &actor, reason)?;
            host.state.close()?;
            changed
        }
    };
    match (pause, changed) {
        (true, true) => println!(
            "paused `{name}`: nothing begins by itself until `chancery connector resume {name}`; a turn under way ends by itself"
        ),
        (true, false) => println!("`{name}` was paused before; `chancery status` says by whom"),
        (false, true) => println!("resumed `{name}`: what is due is read with the next turn"),
        (false, false) => println!("`{name}` was not paused"),
    }
    Ok(error::DONE.into())
}

fn remove(context: &Context, name: &str) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let connector = context::connector(&host.config, name)?;
    let file = connector.file.clone();
    let own_file = host.config.connectors.iter().filter(|other| other.file == file).count() == 1
        && file.parent().is_some_and(|folder| folder.ends_with("connectors.d"));
    if !own_file {
        return Err(CliError::usage(format!("`{name}` stands in `{}` beside other things", file.display())).hint(
            format!("take its `[[connector]]` out of that file yourself; `data/ledger/{name}` and the mail stay"),
        ));
    }
    let kept = file.with_extension("toml.removed");
    host.state.record_act(Act::of(&context.actor(), "connector remove", name, ""))?;
    fs::rename(&file, &kept)?;
    println!("removed `{name}`; its file is kept as {}", kept.display());
    println!(
        "what stays: its ledger in {}, its staged pages, and every delivered mail",
        host.config.data_dir.join("ledger").join(name).display()
    );
    host.state.close()?;
    Ok(error::DONE.into())
}
