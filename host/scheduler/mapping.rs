//! Mapping files: checked before they are adopted, each version kept.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use futures::future::BoxFuture;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Host, alerts, plugins};
use crate::{
    catalog::lock::Lock,
    config::{Config, Connector, PluginSource},
    item::{
        Failure, NextMove, Question, Resolution, hex,
        mapping::{DirectoryLookup, MappingRow, MappingSummary},
        time::rfc3339,
    },
    pipeline,
    sandbox::{MapperWorker, Sandbox, World},
    state::{Act, ConnectorState, State},
};

/// The fact under which a connector's mapping in force is remembered.
const IN_FORCE: &str = "mapping-in-force";

/// A mapping as a mapper understands it.
#[derive(Clone, Debug)]
pub struct MappingCheck {
    /// Counts and problems.
    pub summary: MappingSummary,
    /// Its usable rows.
    pub rows: Vec<MappingRow>,
    /// The rows of the mapping in force, when there is one.
    pub in_force: Option<Vec<MappingRow>>,
}

/// A mapper with a mapping.
pub(super) struct LoadedMapper {
    pub(super) worker: MapperWorker,
    pub(super) depends_on_time: bool,
    /// The mapping's version.
    pub(super) version: [u8; 32],
}

/// Reads the mapping file; none: an empty mapping.
fn read(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let bytes = fs::read(path).map_err(|error| {
        Failure::new(
            "mapping-unreadable",
            NextMove::AskPerson,
            format!("cannot read mapping `{}`: {error}", path.display()),
        )
        .hint("check `mapper.file` in the configuration; it is relative to the configuration file")
    })?;
    // To a mapper no bytes mean no file. A file that was emptied by accident must not pass for a wish to have none.
    Ok(if bytes.is_empty() { b"\n".to_vec() } else { bytes })
}

/// Loads the mapper with the connector's mapping file. A file with problems is not adopted: the last good one stays in
/// force, and the failure is returned when there is none.
pub(super) async fn adopt(
    state: &State,
    connector_state: &Arc<ConnectorState>,
    connector: &Connector,
    mut worker_for: impl FnMut(Vec<u8>) -> Result<MapperWorker, Failure>,
) -> Result<LoadedMapper, Failure> {
    let bytes = read(connector.mapper.file.as_deref())?;
    let mut worker = worker_for(bytes.clone())?;
    let summary = worker.load().await?;
    if summary.problems.is_empty() {
        let version = state.keep_mapping(&bytes)?;
        if connector_state.recall(IN_FORCE)?.as_deref() != Some(&version[..]) {
            connector_state.remember(IN_FORCE, &version)?;
        }
        alerts::note(connector_state, alerts::MAPPING_REFUSED, "")?;
        return Ok(LoadedMapper { depends_on_time: summary.depends_on_time, worker, version });
    }
    let problems = problems(connector, &summary);
    alerts::note(connector_state, alerts::MAPPING_REFUSED, &problems.code)?;
    let Some(version) = connector_state.recall(IN_FORCE)?.and_then(|version| <[u8; 32]>::try_from(version).ok()) else {
        return Err(problems);
    };
    tracing::warn!(
        connector = connector.name,
        code = problems.code,
        "{problems}; the mapping adopted before stays in force"
    );
    let mut worker = worker_for(state.mapping(&version)?)?;
    let summary = worker.load().await?;
    Ok(LoadedMapper { depends_on_time: summary.depends_on_time, worker, version })
}

fn problems(connector: &Connector, summary: &MappingSummary) -> Failure {
    /// Problems shown; the rest is counted.
    const SHOWN_MAX: usize = 5;
    let file = connector.mapper.file.as_deref().unwrap_or(Path::new("mapping"));
    let shown: Vec<String> = summary
        .problems
        .iter()
        .take(SHOWN_MAX)
        .map(|problem| format!("line {}: {} ({})", problem.line, problem.message, problem.code))
        .collect();
    let more = summary.problems.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message = format!("mapping `{}` has problems: {}{more}", file.display(), shown.join("; "));
    Failure::new("mapping-problems", NextMove::AskPerson, message)
        .hint(format!("mend the lines, then look with `chancery mapping check {}`", file.display()))
}

/// What would happen with a mapping file, and how it differs from the one in force.
///
/// # Errors
/// When the file or the mapper cannot be read.
pub async fn check_mapping(
    config: &Config,
    sandbox: &Sandbox,
    connector: &Connector,
    file: &Path,
    in_force: Option<Vec<u8>>,
) -> Result<MappingCheck, Failure> {
    check_mapping_bytes(config, sandbox, connector, read(Some(file))?, in_force).await
}

/// As [`check_mapping`], of a file's bytes.
///
/// # Errors
/// When the mapper cannot be read.
pub async fn check_mapping_bytes(
    config: &Config,
    sandbox: &Sandbox,
    connector: &Connector,
    bytes: Vec<u8>,
    in_force: Option<Vec<u8>>,
) -> Result<MappingCheck, Failure> {
    let lock = Lock::beside(&config.file)?;
    let mapper = &connector.mapper.plugin;
    let (inspected, settings) =
        plugins::load(sandbox, &lock, &connector.name, World::Mapper, &mapper.plugin, &mapper.settings).await?;
    let mut worker =
        MapperWorker::new(sandbox, &inspected.plugin, settings.clone(), bytes)?.for_connector(&connector.name);
    let summary = worker.load().await?;
    let rows = all_rows(&mut worker).await?;
    let in_force = match in_force {
        None => None,
        Some(bytes) => {
            let mut worker =
                MapperWorker::new(sandbox, &inspected.plugin, settings, bytes)?.for_connector(&connector.name);
            worker.load().await?;
            Some(all_rows(&mut worker).await?)
        }
    };
    Ok(MappingCheck { summary, rows, in_force })
}

/// What a mapping would be to a mapper that no connector has yet.
///
/// # Errors
/// When the mapper cannot be read.
pub async fn check_mapping_of(
    host: &Host,
    plugin: &PluginSource,
    settings: &Map<String, Value>,
    bytes: Vec<u8>,
) -> Result<MappingCheck, Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let (inspected, settings) = plugins::load(&host.sandbox, &lock, "new", World::Mapper, plugin, settings).await?;
    let mut worker = MapperWorker::new(&host.sandbox, &inspected.plugin, settings, bytes)?;
    let summary = worker.load().await?;
    let rows = all_rows(&mut worker).await?;
    Ok(MappingCheck { summary, rows, in_force: None })
}

impl MappingCheck {
    /// What would change against the mapping in force, a line a key; none when there is none.
    pub fn difference(&self) -> Option<Vec<String>> {
        self.in_force.as_deref().map(|old| difference(old, &self.rows))
    }
}

fn difference(old: &[MappingRow], new: &[MappingRow]) -> Vec<String> {
    type Span = (Option<i64>, Option<i64>);
    fn by_key(rows: &[MappingRow]) -> BTreeMap<(&str, Span), &str> {
        rows.iter().map(|row| ((&*row.key, (row.valid_from_ms, row.valid_to_ms)), &*row.mailbox)).collect()
    }
    let span = |(from, to): Span| match (from, to) {
        (None, None) => String::new(),
        (from, to) => {
            format!(" ({} .. {})", from.map_or_else(String::new, rfc3339), to.map_or_else(String::new, rfc3339))
        }
    };
    let (old, new) = (by_key(old), by_key(new));
    let mut lines = Vec::new();
    for ((key, when), mailbox) in &new {
        match old.get(&(*key, *when)) {
            None => lines.push(format!("+ {key} -> {mailbox}{}", span(*when))),
            Some(before) if before != mailbox => {
                lines.push(format!("~ {key} -> {mailbox}, was {before}{}", span(*when)))
            }
            Some(_) => {}
        }
    }
    for ((key, when), mailbox) in &old {
        if !new.contains_key(&(*key, *when)) {
            lines.push(format!("- {key} -> {mailbox}{}", span(*when)));
        }
    }
    lines
}

/// Puts a mapping file in place of the one that the connector names: checked first, recorded with who did it, then
/// replaced as a whole. It is used from the next turn or retry on.
///
/// # Errors
/// `mapping-problems` with each line, `mapping-stale` when the file is not the one it was made from (`before`: its
/// SHA-256), `mapping-unwritable`; the file there stays as it is.
pub async fn adopt_mapping(
    host: &Host,
    connector: &Connector,
    bytes: Vec<u8>,
    before: Option<[u8; 32]>,
    actor: &str,
) -> Result<(), Failure> {
    let Some(path) = connector.mapper.file.as_deref() else {
        let message = format!("connector `{}` names no mapping file", connector.name);
        return Err(unwritable(message).hint("add `file = \"mapping.csv\"` to its `mapper`, and reload"));
    };
    let checked = check_mapping_bytes(&host.config, &host.sandbox, connector, bytes.clone(), None).await?;
    if !checked.summary.problems.is_empty() {
        return Err(problems(connector, &checked.summary));
    }
    if mapping_file(connector)?.map(|(_, digest)| digest) != before {
        let message = format!("mapping `{}` was changed meanwhile", path.display());
        return Err(Failure::new("mapping-stale", NextMove::AskPerson, message)
            .hint("open the page again: it shows the difference to the file as it is now"));
    }
    let digest = hex(&Sha256::digest(&bytes));
    let rows = format!("{} rows for {} mailboxes", checked.summary.rows, checked.summary.mailboxes);
    let subject = format!("{}: {digest}", connector.name);
    host.state.record_act(Act::of(actor, "mapping adopt", &subject, &rows))?;
    replace_file(path, &bytes).map_err(|error| {
        let message = format!("cannot replace mapping `{}`: {error}", path.display());
        Failure::of_disk(
            &error,
            unwritable(message).hint("put the file there yourself; it is used from the next turn on"),
        )
    })
}

fn unwritable(message: String) -> Failure {
    Failure::new("mapping-unwritable", NextMove::AskPerson, message)
}

/// A mapping file's bytes, and their SHA-256.
pub type MappingFile = (Vec<u8>, [u8; 32]);

/// A connector's mapping file as it is now, with the SHA-256 of its bytes; none when it names none, or there is none.
///
/// # Errors
/// `mapping-unreadable`.
pub fn mapping_file(connector: &Connector) -> Result<Option<MappingFile>, Failure> {
    let path = connector.mapper.file.as_deref().filter(|path| path.exists());
    let Some(path) = path else { return Ok(None) };
    let bytes = read(Some(path))?;
    let digest = Sha256::digest(&bytes).into();
    Ok(Some((bytes, digest)))
}

/// Replaces a file: either the old one or the new one is there, whatever happens.
///
/// # Errors
/// What the disk says.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    let mut file = fs::File::create(aside)?;
    file.write_all(bytes)?;
    // As the one before: whoever may read that may read this.
    if let Ok(about) = fs::metadata(path) {
        file.set_permissions(about.permissions())?;
    }
    file.sync_all()?;
    fs::rename(aside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

async fn all_rows(worker: &mut MapperWorker) -> Result<Vec<MappingRow>, Failure> {
    /// Rows asked for at a time.
    const ROWS_MAX: u32 = 10_000;
    let mut rows = Vec::new();
    loop {
        let more = worker.rows(rows.len() as u32, ROWS_MAX).await?;
        if more.is_empty() {
            return Ok(rows);
        }
        rows.extend(more);
    }
}

/// The mapper as the next turn loads it, and its rows: with the file, unless that has problems, else with the mapping in
/// force. Nothing is recorded.
///
/// # Errors
/// `mapping-problems` when there is no good one.
pub(super) async fn next(host: &Host, connector: &Connector) -> Result<(MapperWorker, Vec<MappingRow>), Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let mapper = &connector.mapper.plugin;
    let (inspected, settings) =
        plugins::load(&host.sandbox, &lock, &connector.name, World::Mapper, &mapper.plugin, &mapper.settings).await?;
    let worker_for = |bytes| {
        let worker = MapperWorker::new(&host.sandbox, &inspected.plugin, settings.clone(), bytes)?;
        Ok::<_, Failure>(worker.for_connector(&connector.name))
    };
    let mut worker = worker_for(read(connector.mapper.file.as_deref())?)?;
    let summary = worker.load().await?;
    if !summary.problems.is_empty() {
        let bytes = mapping_in_force(host, connector)?.ok_or_else(|| problems(connector, &summary))?;
        worker = worker_for(bytes)?;
        worker.load().await?;
    }
    let rows = all_rows(&mut worker).await?;
    Ok((worker, rows))
}

/// The bytes of the mapping a connector uses now; none before its first turn.
///
/// # Errors
/// When the state cannot be read.
pub fn mapping_in_force(host: &Host, connector: &Connector) -> Result<Option<Vec<u8>>, Failure> {
    if !host.state.connectors()?.contains(&connector.name) {
        return Ok(None);
    }
    let version = host.state.connector(&connector.name)?.recall(IN_FORCE)?;
    let version = version.and_then(|version| <[u8; 32]>::try_from(version).ok());
    Ok(version.map(|version| host.state.mapping(&version)).transpose()?)
}

impl pipeline::Mapper for LoadedMapper {
    fn depends_on_time(&self) -> bool {
        self.depends_on_time
    }

    fn resolve<'a>(
        &'a mut self,
        questions: &'a [Question<'a>],
        directory: &'a dyn DirectoryLookup,
    ) -> BoxFuture<'a, Result<Vec<Resolution>, Failure>> {
        Box::pin(self.worker.resolve(questions, directory))
    }
}
