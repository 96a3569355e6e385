//! Loads plugins: from the catalog through the sandbox, past `chancery.lock` and their settings' schema.

use serde_json::{Map, Value};

use super::Host;
use crate::{
    catalog::{
        self, Component,
        lock::{Lock, Wishes},
        schema::Schema,
    },
    config::PluginSource,
    item::{Descriptor, Failure, NextMove},
    sandbox::{Plugin, Sandbox, World},
    state::Act,
};

/// A plugin with what identifies it.
#[derive(Clone)]
pub struct Inspected {
    /// Its bytes and identity.
    pub component: Component,
    /// It, loaded.
    pub plugin: Plugin,
}

impl Inspected {
    /// What it says of itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.plugin.descriptor
    }
}

/// Finds and loads a plugin, whatever the lock says of it.
///
/// # Errors
/// When it is not there, damaged, or not what it is asked to be.
pub async fn inspect(sandbox: &Sandbox, source: &PluginSource) -> Result<Inspected, Failure> {
    let component = match source {
        PluginSource::Bundled(name) => catalog::bundled(name)?,
        PluginSource::File(path) => catalog::from_file(path)?,
    };
    load_component(sandbox, component).await
}

/// Loads a plugin that was found.
pub(super) async fn load_component(sandbox: &Sandbox, component: Component) -> Result<Inspected, Failure> {
    let from = if component.bundled { "bundled" } else { &component.source };
    let plugin = sandbox.load(component.name(), from, &component.bytes).await?;
    Ok(Inspected { component, plugin })
}

/// Approves a plugin's file as it is now, recorded with who did it before `chancery.lock` changes. Returns what it asks
/// for beyond what was approved before.
///
/// # Errors
/// When it is not of this digest any more (`plugin-changed`), or the lock file cannot be written.
pub async fn approve(host: &Host, file: &str, digest: &str, actor: &str) -> Result<Vec<String>, Failure> {
    let inspected = inspect(&host.sandbox, &PluginSource::File(host.config.base.join(file))).await?;
    let is = inspected.component.digest_text();
    if is != digest {
        let message = format!("plugin `{file}` is `{is}` by now");
        return Err(Failure::new("plugin-changed", NextMove::AskPerson, message)
            .hint(format!("look at it again: `chancery plugin inspect {file}`")));
    }
    let mut lock = Lock::beside(&host.config.file)?;
    let source = &inspected.component.source;
    let before = lock.plugins().get(source).map(|locked| locked.wishes.clone()).unwrap_or_default();
    let more = Wishes::of(inspected.descriptor()).beyond(&before);
    host.state.record_act(Act::of(actor, "plugin approve", &format!("{source}: {is}"), &more.join(", ")))?;
    lock.approve(&inspected.component, inspected.descriptor());
    lock.save().map_err(|error| unlocked(&error))?;
    Ok(more)
}

/// The lock could not be written.
pub(super) fn unlocked(error: &std::io::Error) -> Failure {
    let message = format!("cannot write `chancery.lock`: {error}");
    Failure::of_disk(error, Failure::new("plugin-changed", NextMove::AskPerson, message))
}

/// Loads a plugin for use: approved, and with settings that pass its schema. Returns the settings with defaults, as
/// JSON.
pub(super) async fn load(
    sandbox: &Sandbox,
    lock: &Lock,
    connector: &str,
    role: World,
    source: &PluginSource,
    settings: &Map<String, Value>,
) -> Result<(Inspected, String), Failure> {
    let inspected = inspect(sandbox, source).await?;
    if inspected.plugin.world != role {
        return Err(wrong_world(connector, role, &inspected));
    }
    lock.check(&inspected.component, inspected.descriptor())?;
    let settings = check_settings(connector, role, inspected.descriptor(), settings)?;
    Ok((inspected, Value::Object(settings).to_string()))
}

pub(super) fn wrong_world(connector: &str, role: World, inspected: &Inspected) -> Failure {
    let (source, is) = (&inspected.component.source, inspected.plugin.world.name());
    let message = format!("connector `{connector}` uses plugin `{source}` as its {}, but it is a {is}", role.name());
    Failure::new("plugin-world", NextMove::AskPerson, message).hint("`chancery plugin list` says what each plugin is")
}

pub(super) fn check_settings(
    connector: &str,
    role: World,
    descriptor: &Descriptor,
    settings: &Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let schema = Schema::parse(&descriptor.settings_schema).map_err(|error| {
        let message = format!("the settings schema of plugin `{}` cannot be used: {error}", descriptor.name);
        Failure::new("plugin-schema", NextMove::AskPerson, message)
            .hint("tell the plugin's author; `docs/contract.md` has the subset")
    })?;
    schema.check(settings).map_err(|problems| {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("`{}` {}", problem.setting, problem.message)).collect();
        let message =
            format!("connector `{connector}`, settings of {} `{}`: {}", role.name(), descriptor.name, lines.join("; "));
        Failure::new("settings", NextMove::AskPerson, message)
            .hint(format!("see `chancery plugin inspect {}` for its settings", descriptor.name))
    })
}
