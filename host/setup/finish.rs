//! Trying a draft, and putting it in place.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    catalogue::{Catalogue, MAPPER},
    draft::Draft,
    file::{self, ConnectorFile},
    step::Step,
};
use crate::{
    catalog::secrets::SecretStore,
    config::{Config, HeldSecret, PluginSource},
    item::{Failure, NextMove},
    scheduler::{self, Checked, Host, MappingCheck},
    state::Act,
};

/// The folder of the files.
const FOLDER: &str = "connectors.d";

/// What came of it.
#[derive(Debug)]
pub enum Finished {
    /// It is there.
    Added {
        /// The connector.
        name: String,
        /// Its file.
        file: PathBuf,
    },
    /// The folder cannot be written: a person puts the file there.
    Copy {
        /// Where it belongs.
        file: PathBuf,
        /// What is to be in it.
        text: String,
        /// The secrets that are to be set, by `chancery secret set NAME`.
        secrets: Vec<String>,
        /// Why it could not be written.
        why: String,
    },
}

pub(super) fn refused(message: impl Into<String>) -> Failure {
    Failure::new("connector-refused", NextMove::AskPerson, message)
}

fn written(draft: &Draft, catalogue: &Catalogue, host: &Host) -> Result<ConnectorFile, Failure> {
    file::of(draft, catalogue, (host.clocks.wall_ms)())
        .map_err(|step: Step| refused(format!("the step `{}` is not answered", step.title())))
}

impl Draft {
    /// The file as it would be.
    ///
    /// # Errors
    /// `connector-refused` when a step is missing.
    pub fn text(&self, catalogue: &Catalogue, host: &Host) -> Result<String, Failure> {
        Ok(written(self, catalogue, host)?.text)
    }
}

/// A host whose configuration has this text as that file; its secrets are held in memory.
pub(super) fn with(host: &Host, text: &str, secrets: Vec<(String, HeldSecret)>, path: &Path) -> Result<Host, Failure> {
    let config = Config::load_with(&host.config.file, Some((path, text)));
    let mut config = config.map_err(|error| {
        let failure = refused(error.to_string());
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    config.held = secrets.into_iter().collect();
    host.with(config)
}

fn paths(host: &Host, name: &str) -> (PathBuf, PathBuf) {
    let base = &host.config.base;
    (base.join(FOLDER).join(format!("{name}.toml")), base.join("mappings").join(format!("{name}.csv")))
}

/// Looks whether everything that a draft names answers: signs in, asks the destinations. Nothing is written.
///
/// # Errors
/// The first thing that would keep a turn from working.
pub async fn check(host: &Host, draft: &Draft, catalogue: &Catalogue) -> Result<Checked, Failure> {
    let tried = as_if(host, draft, catalogue)?;
    let connector = tried
        .config
        .connector(&draft.name().unwrap_or_default())
        .ok_or_else(|| refused("the file has no connector"))?;
    let mut checked = scheduler::check(&tried, connector).await?;
    if !draft.has_destinations() {
        checked.destinations.clear();
    }
    Ok(checked)
}

/// A host that has what is answered so far, to try it.
///
/// # Errors
/// `connector-refused` when a step before is missing.
pub fn as_if(host: &Host, draft: &Draft, catalogue: &Catalogue) -> Result<Host, Failure> {
    // What is not answered yet does not keep what is answered from being tried.
    let file = written(&draft.completed(), catalogue, host)?;
    with(host, &file.text, file.secrets, &paths(host, &draft.name().unwrap_or_default()).0)
}

/// What the mapping file of a draft would do; none when none was chosen.
///
/// # Errors
/// When the mapper cannot be read.
pub async fn check_mapping(host: &Host, draft: &Draft) -> Result<Option<MappingCheck>, Failure> {
    let Some(bytes) = draft.mapping() else { return Ok(None) };
    let plugin = PluginSource::Bundled(MAPPER.to_owned());
    let settings = draft.mapper.clone();
    let checked = scheduler::check_mapping_of(host, &plugin, &settings, bytes.to_vec()).await?;
    Ok(Some(checked))
}

/// Puts a draft in place: proven whole with the rest of the configuration, recorded with who did it, then its secrets, its
/// mapping and its file, which is what makes it a connector. What fails on the way is taken back.
///
/// # Errors
/// `connector-refused` when something of it does not fit, or somebody was faster.
pub async fn finish(host: &Host, draft: &Draft, catalogue: &Catalogue, actor: &str) -> Result<Finished, Failure> {
    let file = written(draft, catalogue, host)?;
    let name = draft.name().unwrap_or_default();
    let (path, mapping) = paths(host, &name);
    if path.exists() || (file.mapping.is_some() && mapping.exists()) {
        return Err(refused(format!("there is a file of `{name}` already, `{}`", path.display()))
            .hint("somebody added it meanwhile: choose another name"));
    }
    let store = SecretStore::of(&host.config.data_dir);
    let known = store.names().map_err(|error| refused(format!("the store of secrets cannot be read: {error}")))?;
    if let Some((taken, _)) = file.secrets.iter().find(|(secret, _)| known.contains(secret)) {
        return Err(refused(format!("there is a secret `{taken}` already, which something else may use"))
            .hint(format!("choose another name for the connector, or `chancery secret remove {taken}`")));
    }
    let tried = with(host, &file.text, file.secrets.clone(), &path)?;
    let connector = tried.config.connector(&name).ok_or_else(|| refused("the file has no connector"))?;
    prove(&tried, connector, draft).await?;
    if let Err(why) = writable(&path) {
        let secrets = file.secrets.into_iter().map(|(name, _)| name).collect();
        return Ok(Finished::Copy { file: path, text: file.text, secrets, why: why.to_string() });
    }
    let terms =
        connector.accepted_terms.as_ref().map_or_else(String::new, |version| format!("terms {version} accepted"));
    host.state.record_act(Act::of(actor, "connector add", &name, &terms))?;
    let placed = place(&file, draft, &store, &path, &mapping);
    let placed = placed.and_then(|()| found(host, &name, &path));
    if let Err(failure) = placed {
        take_back(&file, &store, &path, &mapping);
        host.state.record_act(Act::of(actor, "connector add failed", &name, &failure.message))?;
        return Err(failure);
    }
    Ok(Finished::Added { name, file: path })
}

/// Adds a connector from the text of its file, as [`finish`] does from answers. Returns its name and its file.
///
/// # Errors
/// As [`finish`]; the text holds one `[[connector]]`, and accepts the terms of its source where that has some.
pub async fn add_text(host: &Host, text: &str, actor: &str) -> Result<(String, PathBuf), Failure> {
    // Whose file it becomes is in it.
    let aside = host.config.base.join(FOLDER).join("new connector");
    let before = host.config.connectors.len();
    let with = with(host, text, Vec::new(), &aside)?;
    let new: Vec<_> = with.config.connectors.iter().filter(|connector| connector.file == aside).collect();
    let [connector] = new.as_slice() else {
        return Err(refused(format!(
            "the file adds {} connectors, not one",
            with.config.connectors.len().saturating_sub(before)
        ))
        .hint("keep one `[[connector]]` in it; docs/configuration.md has examples"));
    };
    scheduler::prove(&with, connector).await?;
    let name = connector.name.clone();
    let (path, _) = paths(host, &name);
    if path.exists() {
        return Err(refused(format!("there is a file of `{name}` already, `{}`", path.display()))
            .hint("remove that connector first, or choose another name"));
    }
    let terms =
        connector.accepted_terms.as_ref().map_or_else(String::new, |version| format!("terms {version} accepted"));
    host.state.record_act(Act::of(actor, "connector add", &name, &terms))?;
    let placed = put(&path, text.as_bytes()).map_err(|error| unwritten(&path, &error));
    let placed = placed.and_then(|()| found(host, &name, &path));
    if let Err(failure) = placed {
        let _there_or_not = fs::remove_file(&path);
        host.state.record_act(Act::of(actor, "connector add failed", &name, &failure.message))?;
        return Err(failure);
    }
    Ok((name, path))
}

/// Everything fits, the mapping included, whose file is not there yet.
async fn prove(tried: &Host, connector: &crate::config::Connector, draft: &Draft) -> Result<(), Failure> {
    let mut connector = connector.clone();
    connector.mapper.file = None;
    scheduler::prove(tried, &connector).await?;
    let check = check_mapping(tried, draft).await?;
    match check.as_ref().and_then(|check| check.summary.problems.first()) {
        Some(problem) => Err(refused(format!("the mapping file, line {}: {}", problem.line, problem.message))
            .hint("mend the file and choose it again")),
        None => Ok(()),
    }
}

/// Whether a file can be made there; the folder is made where it is missing.
fn writable(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    tempfile_in(folder).and_then(|(path, _)| fs::remove_file(path))
}

fn tempfile_in(folder: &Path) -> io::Result<(PathBuf, fs::File)> {
    let path = folder.join(".new-connector");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path)?;
    Ok((path, file))
}

fn place(file: &ConnectorFile, draft: &Draft, store: &SecretStore, path: &Path, mapping: &Path) -> Result<(), Failure> {
    for (name, secret) in &file.secrets {
        store.set(name, &secret.secret())?;
    }
    if let (Some(_), Some(bytes)) = (&file.mapping, draft.mapping()) {
        put(mapping, bytes).map_err(|error| unwritten(mapping, &error))?;
    }
    put(path, file.text.as_bytes()).map_err(|error| unwritten(path, &error))
}

/// Makes a file that was not there: whole, or not at all.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let (aside, mut file) = tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // A link, unlike a rename, never takes the place of what somebody else put there.
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    linked?;
    fs::File::open(folder)?.sync_all()
}

pub(super) fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::of_disk(error, refused(format!("cannot write `{}`: {error}", path.display())))
}

/// Whether the configuration has it now.
fn found(host: &Host, name: &str, path: &Path) -> Result<(), Failure> {
    let config = Config::load(&host.config.file).map_err(|error| refused(error.to_string()))?;
    if config.connector(name).is_some() {
        return Ok(());
    }
    Err(refused(format!("`{}` is not read: no `include` names it", path.display()))
        .hint(format!("add `include = [\"{FOLDER}/*.toml\"]` to `{}`", host.config.file.display())))
}

/// As it was. What cannot be removed is said: it is no connector, but it is there.
fn take_back(file: &ConnectorFile, store: &SecretStore, path: &Path, mapping: &Path) {
    for path in [Some(path), file.mapping.as_ref().map(|_| mapping)].into_iter().flatten() {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("`{}` was begun and cannot be removed: {error}", path.display());
        }
    }
    for (name, _) in &file.secrets {
        if let Err(failure) = store.remove(name)
            && failure.code != "secret-missing"
        {
            tracing::warn!(code = failure.code, "{failure}");
        }
    }
}
