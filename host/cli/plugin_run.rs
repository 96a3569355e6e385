//! `chancery plugin run`: a source, read with once.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use clap::Args;

use super::{
    context::{self, Context},
    error::{self, CliError},
    plugin::component,
    sync::parse_window,
};
use crate::{
    author::conformance::{self, ReadFiles, Recorder, Used},
    catalog::Component,
    item::Failure,
    sandbox::{CallLimits, Sandbox},
    scheduler::{self, TriedSource},
};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// A source that reads files: a `.wasm` file, or a bundled name.
    #[arg(required_unless_present = "connector")]
    plugin: Option<String>,
    /// Settings, as JSON; the folder that they name is read, relative to here.
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "connector")]
    settings: String,
    /// The source of this connector, with its settings, grants and credential; for sources that ask over HTTP.
    #[arg(long, value_name = "NAME", requires = "window", conflicts_with = "plugin")]
    connector: Option<String>,
    /// What it is asked for: `2026-11-01..2026-11-02`.
    #[arg(long, value_name = "FROM..TO", requires = "connector")]
    window: Option<String>,
    /// Keep settings, what was read and what came out as a case for `plugin test`, in this folder.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Run) -> Result<ExitCode, CliError> {
    let Run { plugin, settings, connector, window, record } = command;
    if let (Some(connector), Some(window)) = (connector, window) {
        return ask(context, &connector, &window, record.as_deref()).await;
    }
    let sandbox = Sandbox::new(None, CallLimits::default())?;
    Ok(read(&sandbox, &component(&plugin.unwrap_or_default())?, &settings, record.as_deref()).await?)
}

/// Prints a line of JSON for each item, a line for each request, and what it took.
async fn ask(context: &Context, name: &str, window: &str, record: Option<&Path>) -> Result<ExitCode, CliError> {
    let host = context.host()?;
    let connector = context::connector(&host.config, name)?;
    let interval = parse_window(window, (host.clocks.wall_ms)())?;
    let window = (interval.start_ms.unwrap_or_default(), interval.end_ms);
    let recorder = Arc::new(Recorder::default());
    let TriedSource { mut worker, plugin, settings } =
        scheduler::tried_source(&host, connector, Arc::clone(&recorder) as _).await?;
    let began = Instant::now();
    let asked = conformance::ask(&mut worker, &plugin, window).await;
    let took_ms = began.elapsed().as_millis();
    recorder.lines().iter().for_each(|line| eprintln!("{line}"));
    let asked = asked?;
    said(&asked.used);
    asked.items.iter().for_each(|item| println!("{item}"));
    eprintln!(
        "{} items, {} unreadable, {} pages, {} requests in {took_ms} ms; {}",
        asked.items.len() - asked.unreadable,
        asked.unreadable,
        asked.pages,
        recorder.lines().len(),
        cost(&asked.used)
    );
    if let Some(case) = record {
        conformance::record_exchange(&host.sandbox, &plugin, &settings, window, &recorder, case).await?;
        eprintln!("what was asked and told holds the messages of these people: keep it as you keep them");
        kept(case, &connector.source.plugin.plugin.label());
    }
    host.state.close()?;
    Ok(error::DONE.into())
}

/// What the guest wrote to its log.
fn said(used: &Used) {
    used.log.lines().for_each(|line| eprintln!("log: {}", line));
}

fn cost(used: &Used) -> String {
    format!(
        "the longest call took {} ms, the guest {} KiB of memory",
        used.slowest.as_millis(),
        used.memory_bytes >> 10
    )
}

fn kept(case: &Path, source: &str) {
    let cases = case.parent().unwrap_or(Path::new(".")).display();
    eprintln!("kept as `{}`; next: `chancery plugin test {source} --cases {cases}`", case.display());
}

/// Prints a line of JSON for each item, and what it took.
async fn read(
    sandbox: &Sandbox,
    component: &Component,
    settings: &str,
    record: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let ReadFiles { files, used } = conformance::read(sandbox, component, settings).await?;
    let (took_ms, count) = (began.elapsed().as_millis(), files.len());
    let mut is_good = true;
    for file in files {
        file.items.iter().for_each(|item| println!("{item}"));
        let took = format!("{} pages", file.pages);
        match &file.failure {
            None => eprintln!(
                "{}: {} items, {} unreadable, {took}",
                file.path,
                file.items.len() - file.unreadable,
                file.unreadable
            ),
            Some(failure) => {
                is_good = false;
                eprintln!("{}: {failure} ({}), {took}", file.path, failure.code);
                failure.hint.iter().for_each(|hint| eprintln!("hint: {hint}"));
            }
        }
    }
    said(&used);
    eprintln!("{count} files in {took_ms} ms; {}", cost(&used));
    if let Some(case) = record {
        conformance::record(sandbox, component, settings, case).await?;
        kept(case, &component.source);
    }
    Ok(if is_good { error::DONE.into() } else { error::FAILED.into() })
}
