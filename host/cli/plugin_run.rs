//! `chancery plugin run`: a source, read with once.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use clap::Args;
use serde_json::{Map, Value};

use super::{
    context::{self, Context},
    error::{self, CliError},
    plugin::component,
    sync::parse_window,
};
use crate::{
    author::conformance::{self, ReadFiles, Recorder, Used},
    catalog::Component,
    item::{Failure, Interval},
    sandbox::{CallLimits, Sandbox},
    scheduler::{self, Trial, TriedSource},
};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// A source: a `.wasm` file, or a bundled name.
    #[arg(required_unless_present = "connector")]
    plugin: Option<String>,
    /// Settings, as JSON. The folder that they name is read, relative to here; the address that they name may be asked.
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "connector")]
    settings: String,
    /// The source of this connector, with its settings, grants and credential.
    #[arg(long, value_name = "NAME", requires = "window", conflicts_with = "plugin")]
    connector: Option<String>,
    /// What it is asked for: `2026-11-01..2026-11-02`; of files, which items are printed.
    #[arg(long, value_name = "FROM..TO")]
    window: Option<String>,
    /// A credential of the configuration.
    #[arg(long, value_name = "NAME", conflicts_with = "connector")]
    credential: Option<String>,
    /// An address that it may ask beside those of its settings: `https://files.example.com`.
    #[arg(long, value_name = "ORIGIN", conflicts_with = "connector")]
    grant: Vec<String>,
    /// Keep settings, what was read and what came out as a case for `plugin test`, in this folder.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Run) -> Result<ExitCode, CliError> {
    let now_ms = (context::clocks().wall_ms)();
    let window = command.window.as_deref().map(|text| parse_window(text, now_ms)).transpose()?;
    let recorder = Arc::new(Recorder::default());
    if let (Some(name), Some(window)) = (&command.connector, window) {
        let host = context.host()?;
        let connector = context::connector(&host.config, name)?;
        let tried = scheduler::tried_source(&host, connector, Arc::clone(&recorder) as _).await?;
        let source = connector.source.plugin.plugin.label();
        let asking = Asking { sandbox: &host.sandbox, tried, recorder, window, source };
        let done = asking.done(command.record.as_deref()).await?;
        host.state.close()?;
        return Ok(done);
    }
    let sandbox = Sandbox::new(None, CallLimits::default())?;
    let component = component(command.plugin.as_deref().unwrap_or_default())?;
    if conformance::reads_files(&sandbox, &component).await? {
        return Ok(read(&sandbox, &component, &command, window).await?);
    }
    let window = window.ok_or_else(|| {
        CliError::usage(format!("`{}` is asked over HTTP, and for a time", component.source))
            .hint("add `--window 2026-11-01..2026-11-02`")
    })?;
    let config = context.config()?;
    let settings: Map<String, Value> = serde_json::from_str(&command.settings)
        .map_err(|error| CliError::usage(format!("`--settings` is no JSON object: {error}")))?;
    let trial = Trial { settings: &settings, origins: &command.grant, credential: command.credential.as_deref() };
    let source = component.source.clone();
    let tried = scheduler::tried_plugin(&sandbox, &config, component, trial, Arc::clone(&recorder) as _).await?;
    Asking { sandbox: &sandbox, tried, recorder, window, source }.done(command.record.as_deref()).await
}

/// A source that asks over HTTP, and what it is asked for.
struct Asking<'a> {
    sandbox: &'a Sandbox,
    tried: TriedSource,
    recorder: Arc<Recorder>,
    window: Interval,
    /// As it was named.
    source: String,
}

impl Asking<'_> {
    /// Prints a line of JSON for each item, a line for each request, and what it took.
    async fn done(self, record: Option<&Path>) -> Result<ExitCode, CliError> {
        let Self { sandbox, tried: TriedSource { mut worker, plugin, settings }, recorder, window, source } = self;
        let window = (window.start_ms.unwrap_or_default(), window.end_ms);
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
            conformance::record_exchange(sandbox, &plugin, &settings, window, &recorder, case).await?;
            eprintln!("what was asked and told holds the messages of these people: keep it as you keep them");
            kept(case, &source);
        }
        Ok(error::DONE.into())
    }
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
    command: &Run,
    window: Option<Interval>,
) -> Result<ExitCode, Failure> {
    let (settings, record) = (&command.settings, command.record.as_deref());
    // What has no time is not of another one.
    let is_asked_for = |item: &&Value| {
        item["sent_at_ms"].as_i64().is_none_or(|at_ms| window.is_none_or(|window| window.contains(at_ms)))
    };
    let began = Instant::now();
    let ReadFiles { files, used } = conformance::read(sandbox, component, settings).await?;
    let (took_ms, count) = (began.elapsed().as_millis(), files.len());
    let mut is_good = true;
    for file in files {
        file.items.iter().filter(is_asked_for).for_each(|item| println!("{item}"));
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
