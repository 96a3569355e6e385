//! Puts components into the folder `plugins` beside the configuration, takes them out, and says how one differs from another.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{
    Host, Inspected, inspect,
    plugins::{load_component, unlocked},
};
use crate::{
    catalog::{
        self,
        lock::{Lock, Wishes},
        schema::Schema,
    },
    config::PluginSource,
    item::{Descriptor, Failure, NextMove, PluginKind},
    network::ArtifactReference,
    state::Act,
};

/// The folder, beside the configuration.
const FOLDER: &str = "plugins";

/// A component that was put in place.
#[derive(Clone, Debug)]
pub struct Installed {
    /// What `plugin = "…"` says to use it.
    pub file: String,
    /// `sha256:…`.
    pub digest: String,
    /// What it asks for beyond what was approved before, in words.
    pub more: Vec<String>,
}

fn refused(why: String, hint: &str) -> Failure {
    Failure::new("plugin-not-installed", NextMove::AskPerson, why).hint(hint)
}

/// The place of a plugin, from its name: as the configuration has it, and where it is.
fn place(host: &Host, name: &str) -> (String, PathBuf) {
    let file = format!("{FOLDER}/{name}.wasm");
    let path = host.config.base.join(&file);
    (file, path)
}

/// A component that is offered: a file, or an artifact of a registry.
async fn offered(host: &Host, from: &str) -> Result<Inspected, Failure> {
    let component = match ArtifactReference::parse(from).filter(|_| !Path::new(from).exists()) {
        Some(reference) => catalog::fetched(from, reference?.fetch(&host.config.network).await?),
        None => catalog::from_file(Path::new(from))?,
    };
    load_component(&host.sandbox, component).await
}

/// Copies a component into its place and approves it, recorded with who did it. One that is there already is replaced.
///
/// # Errors
/// `plugin-not-installed` when it is not of `digest`, or asks for more than the one in its place did and `approve` is not given.
/// What was there before is still there.
pub async fn install(
    host: &Host,
    from: &str,
    digest: Option<&str>,
    approve: bool,
    actor: &str,
) -> Result<Installed, Failure> {
    let new = offered(host, from).await?;
    let is = new.component.digest_text();
    if let Some(wanted) = digest.filter(|wanted| *wanted != is) {
        return Err(refused(
            format!("`{from}` is `{is}`, not `{wanted}`"),
            "fetch it again, or ask its author which digest it has",
        ));
    }
    let (file, path) = place(host, &new.descriptor().name);
    let mut lock = Lock::beside(&host.config.file)?;
    let source = path.display().to_string();
    let before = lock.plugins().get(&source).map(|locked| locked.wishes.clone());
    let more = Wishes::of(new.descriptor()).beyond(&before.clone().unwrap_or_default());
    if before.is_some() && !more.is_empty() && !approve {
        let why = format!("`{from}` asks for more than `{file}` does: {}", more.join(", "));
        return Err(refused(why, "look with `chancery plugin diff`; if that is right, install it with `--approve`"));
    }
    host.state.record_act(Act::of(actor, "plugin install", &format!("{file}: {is}"), &more.join(", ")))?;
    written(&path, &new.component.bytes).map_err(|error| {
        Failure::of_disk(
            &error,
            refused(format!("cannot write `{}`: {error}", path.display()), "look at the folder's rights"),
        )
    })?;
    let there = inspect(&host.sandbox, &PluginSource::File(path)).await?;
    lock.approve(&there.component, there.descriptor());
    lock.save().map_err(|error| unlocked(&error))?;
    Ok(Installed { file, digest: is, more })
}

/// A file that is there whole, or as it was.
fn written(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

/// Takes a plugin out, its approval with it.
///
/// # Errors
/// `plugin-not-installed` when it is not there, or a connector uses it.
pub fn remove(host: &Host, name: &str, actor: &str) -> Result<String, Failure> {
    let (file, path) = place(host, name);
    let source = PluginSource::File(path.clone());
    let uses = |connector: &&crate::config::Connector| {
        [&connector.source.plugin, &connector.mapper.plugin, &connector.converter].iter().any(|of| of.plugin == source)
    };
    let users: Vec<&str> =
        host.config.connectors.iter().filter(uses).map(|connector| connector.name.as_str()).collect();
    if !users.is_empty() {
        let why = format!("`{file}` is used by {}", users.join(", "));
        return Err(refused(why, "give those connectors another plugin first, or remove them"));
    }
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_name || !path.is_file() {
        return Err(refused(format!("there is no `{file}`"), "`chancery plugin list` says which there are"));
    }
    let mut lock = Lock::beside(&host.config.file)?;
    host.state.record_act(Act::of(actor, "plugin remove", &file, ""))?;
    lock.forget(&path.display().to_string());
    lock.save().map_err(|error| unlocked(&error))?;
    fs::remove_file(&path).map_err(|error| {
        Failure::of_disk(&error, refused(format!("cannot remove `{}`: {error}", path.display()), "remove it by hand"))
    })?;
    Ok(file)
}

/// How a component differs from the one of its name that is installed, or else bundled; a line each, none when it does not.
///
/// # Errors
/// `plugin-not-installed` when there is none of its name.
pub async fn diff(host: &Host, from: &str) -> Result<Vec<String>, Failure> {
    let new = offered(host, from).await?;
    let name = &new.descriptor().name;
    let (file, path) = place(host, name);
    let old = if path.is_file() {
        inspect(&host.sandbox, &PluginSource::File(path)).await?
    } else {
        let bundled = inspect(&host.sandbox, &PluginSource::Bundled(name.clone())).await;
        bundled.map_err(|_| refused(format!("there is neither `{file}` nor a bundled `{name}`"), "install it"))?
    };
    Ok(changes(&old, &new))
}

fn changes(old: &Inspected, new: &Inspected) -> Vec<String> {
    if old.component.digest == new.component.digest {
        return Vec::new();
    }
    let (was, is) = (old.descriptor(), new.descriptor());
    let mut lines = vec![
        format!("digest    {} -> {}", old.component.digest_text(), new.component.digest_text()),
        format!("size      {} -> {} bytes", old.component.bytes.len(), new.component.bytes.len()),
    ];
    let mut changed = |about: &str, was: String, is: String| {
        if was != is {
            lines.push(format!("{about:<9} {was} -> {is}"));
        }
    };
    changed("version", was.version.clone(), is.version.clone());
    changed("kind", old.plugin.world.name().to_owned(), new.plugin.world.name().to_owned());
    changed("imports", old.plugin.imports.join(", "), new.plugin.imports.join(", "));
    let terms = |of: &Descriptor| match &of.kind {
        PluginKind::Source(traits) => traits.terms.as_ref().map_or("none".to_owned(), |terms| terms.version.clone()),
        PluginKind::Mapper | PluginKind::Converter(_) => "none".to_owned(),
    };
    changed("terms", terms(was), terms(is));
    let flow = |of: &Descriptor| match &of.kind {
        PluginKind::Source(traits) => traits.data_flow.clone(),
        PluginKind::Mapper | PluginKind::Converter(_) => String::new(),
    };
    changed("data flow", flow(was), flow(is));
    let (less, more) = (Wishes::of(was), Wishes::of(is));
    lines.extend(more.beyond(&less).into_iter().map(|wish| format!("asks for  {wish}")));
    lines.extend(less.beyond(&more).into_iter().map(|wish| format!("no more   {wish}")));
    let settings = |of: &Descriptor| {
        let schema = Schema::parse(&of.settings_schema);
        schema.map(|schema| {
            schema.properties().map(|(name, property)| (name.clone(), property.to_string())).collect::<Vec<_>>()
        })
    };
    if let (Ok(was), Ok(is)) = (settings(was), settings(is)) {
        let missing = |name: &str, from: &[(String, String)]| !from.iter().any(|(known, _)| known == name);
        lines.extend(
            is.iter().filter(|(name, _)| missing(name, &was)).map(|(name, _)| format!("setting   new: `{name}`")),
        );
        lines.extend(
            was.iter().filter(|(name, _)| missing(name, &is)).map(|(name, _)| format!("setting   gone: `{name}`")),
        );
        let others = is.iter().filter(|(name, text)| was.iter().any(|(known, old)| known == name && old != text));
        lines.extend(others.map(|(name, _)| format!("setting   changed: `{name}`")));
    }
    lines
}
