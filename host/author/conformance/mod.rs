//! The conformance suite: a component tried against the contract, alone, in the sandbox that runs it later.
//!
//! What is tried is what hosts rely on and authors overlook: the same answers from a fresh and a used instance, however a run is
//! cut and ordered, at another time and with other randomness; pages from nothing but their cursor; input that is cut,
//! damaged, or from the future.

mod asking;
mod converter;
mod exchange;
mod golden;
mod mapper;
mod memory;
mod reading;
mod samples;
mod source;
mod watch;

use std::path::Path;

pub use self::{asking::ReadWindow, exchange::Recorder, reading::ReadFiles, watch::Used};
use super::report::{Finding, Report};
use crate::{
    catalog::{Component, schema::Schema},
    item::{Failure, TimestampMs},
    sandbox::{Plugin, Sandbox, SourceWorker, World},
};

/// What a component is tried with.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// Settings, a JSON object; those of a case come before them.
    pub settings: &'a str,
    /// A folder of cases.
    pub cases: Option<&'a Path>,
    /// Whether what comes out becomes what is expected.
    pub update: bool,
}

/// Tries a component.
///
/// # Errors
/// When a case cannot be read, or what is expected not be written. What is wrong with the component is in the report.
pub async fn test(sandbox: &Sandbox, component: &Component, trial: Trial<'_>) -> Result<Report, Failure> {
    let findings = match sandbox.load(component.name(), &component.source, &component.bytes).await {
        Err(failure) => vec![failed("world", &failure)],
        Ok(plugin) => match plugin.world {
            World::Converter => converter::test(sandbox, &plugin, trial).await?,
            World::Mapper => mapper::test(sandbox, &plugin, trial).await?,
            World::Source => source::test(sandbox, &plugin, trial).await?,
        },
    };
    Ok(Report::of(component.source.clone(), findings))
}

/// Whether it is a source that reads a folder of files.
///
/// # Errors
/// When it is no plugin.
pub async fn reads_files(sandbox: &Sandbox, component: &Component) -> Result<bool, Failure> {
    let plugin = sandbox.load(component.name(), &component.source, &component.bytes).await?;
    Ok(source::reads_files(&plugin))
}

/// Reads the files of the folder that a source's settings name, below the folder this runs in.
///
/// # Errors
/// When it is no source of files, or its files cannot be listed.
pub async fn read(sandbox: &Sandbox, component: &Component, settings: &str) -> Result<ReadFiles, Failure> {
    let plugin = sandbox.load(component.name(), &component.source, &component.bytes).await?;
    reading::read(sandbox, &plugin, settings).await
}

/// Keeps files, settings and what comes of them as a case: a folder that is not there yet.
///
/// # Errors
/// When it is there already, or cannot be written.
pub async fn record(sandbox: &Sandbox, component: &Component, settings: &str, case: &Path) -> Result<(), Failure> {
    let plugin = sandbox.load(component.name(), &component.source, &component.bytes).await?;
    reading::copy_case(sandbox, &plugin, settings, case)?;
    source::one(sandbox, &plugin, case, Trial { settings: "{}", cases: None, update: true }).await.map(drop)
}

/// Asks a source over HTTP for a window, once. `worker` is the source as its connector has it.
///
/// # Errors
/// What the source ends with.
pub async fn ask(
    worker: &mut SourceWorker,
    plugin: &Plugin,
    window: (TimestampMs, TimestampMs),
) -> Result<ReadWindow, Failure> {
    asking::ask(worker, plugin, window).await
}

/// Keeps what `recorder` heard while a source was asked for a window, and what came out, as a case: a folder that is not
/// there yet. The source is tried with it at once.
///
/// # Errors
/// When it is there already, or cannot be written.
pub async fn record_exchange(
    sandbox: &Sandbox,
    plugin: &Plugin,
    settings: &str,
    window: (TimestampMs, TimestampMs),
    recorder: &Recorder,
    case: &Path,
) -> Result<Report, Failure> {
    asking::keep(recorder, settings, window, case)?;
    let findings = source::one(sandbox, plugin, case, Trial { settings: "{}", cases: None, update: true }).await?;
    Ok(Report::of(case.display().to_string(), findings))
}

/// How a call ended, as a finding.
fn failed(about: &'static str, failure: &Failure) -> Finding {
    let hint = failure.hint.clone().unwrap_or_else(|| format!("chancery explain {}", failure.code));
    Finding::bad(about, format!("{} ({})", failure.message, failure.code), hint)
}

/// Settings with the defaults of the plugin's schema.
fn with_defaults(plugin: &Plugin, settings: &str) -> Result<String, Finding> {
    let bad = |why: String| {
        Finding::bad("settings", why, "`chancery plugin inspect FILE` lists the settings; give them with `--settings`")
    };
    let schema = Schema::parse(&plugin.descriptor.settings_schema).map_err(bad)?;
    let given = serde_json::from_str(settings).map_err(|error| bad(format!("they are no JSON object: {error}")))?;
    let checked = schema.check(&given).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|of| format!("`{}` {}", of.setting, of.message)).collect();
        bad(lines.join("; "))
    })?;
    Ok(serde_json::Value::Object(checked).to_string())
}
