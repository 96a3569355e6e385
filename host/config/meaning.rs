//! What the configuration means: checked, with absolute paths.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    alerts::{AlertPlace, AlertsConfig},
    console::ConsoleConfig,
    credential::{Credential, HeldSecret},
    destination::DestinationConfig,
    error::ConfigError,
    schedule::Schedule,
    scope,
    store::{CheckpointCopy, StageConfig},
    typed,
};
use crate::item::{
    limits,
    network::Network,
    scope::Scope,
    time::{DAY_MS, parse_instant},
};

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The main file.
    pub file: PathBuf,
    /// Its folder: what relative paths and plugins' folders start from.
    pub base: PathBuf,
    /// Where state lives.
    pub data_dir: PathBuf,
    /// Connectors by configuration order.
    pub connectors: Vec<Connector>,
    /// Credentials by name.
    pub credentials: BTreeMap<String, Credential>,
    /// Secrets that are to be in the store under these names and are not yet: somebody tries them first.
    pub held: BTreeMap<String, HeldSecret>,
    /// How to reach the world.
    pub network: Network,
    /// Where pages and attachments wait.
    pub stage: StageConfig,
    /// What is worth an alert.
    pub alerts: AlertsConfig,
    /// How people reach the pages of a running service.
    pub console: ConsoleConfig,
    /// Where signed checkpoints are copied to.
    pub checkpoint_copies: Vec<CheckpointCopy>,
    /// Attachment bytes taken in.
    pub attachment_bytes_max: u64,
    /// Connectors that run side by side.
    pub connectors_at_once_max: usize,
    /// What one call of a plugin may use.
    pub calls: Calls,
}

/// What one call of a plugin may use, as far as an operator may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Wall-clock time, waiting included.
    pub time_max: Duration,
    /// Time without waiting.
    pub cpu_time_max: Duration,
    /// Linear memory.
    pub memory_bytes_max: usize,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            time_max: limits::CALL_TIME_MAX,
            cpu_time_max: limits::CALL_CPU_TIME_MAX,
            memory_bytes_max: limits::GUEST_MEMORY_BYTES_MAX,
        }
    }
}

/// One connector.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// The file it stands in.
    pub file: PathBuf,
    /// When to look.
    pub schedule: Option<Schedule>,
    /// How far after its schedule's instants it may look, in milliseconds; how far is its name's choice.
    pub jitter_ms: i64,
    /// Start of the first window.
    pub since_ms: Option<i64>,
    /// Folder in the mailbox; none: the source's default.
    pub folder: Option<String>,
    /// Where items come from.
    pub source: Source,
    /// How mailboxes are found.
    pub mapper: Mapper,
    /// How messages are written.
    pub converter: Plugin,
    /// Where copies go.
    pub destinations: Vec<DestinationConfig>,
    /// Version of the source's terms that was accepted.
    pub accepted_terms: Option<String>,
    /// How long after its end a window is read, in milliseconds.
    pub grace_ms: i64,
    /// How much before its start a window's reading begins, in milliseconds.
    pub lookback_ms: i64,
    /// How long a file must have been unchanged, in milliseconds.
    pub settle_ms: i64,
    /// Where items without any mailbox go.
    pub catch_all: Option<String>,
    /// What of the items is archived.
    pub scope: Scope,
    /// How long after its end a window is read again, in milliseconds, ascending.
    pub reread_ms: Vec<i64>,
    /// Items of a batch, in percent, that a plugin may fail at.
    pub failures_percent_max: u32,
}

/// Which plugin, with which settings.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Where it comes from.
    pub plugin: PluginSource,
    /// Its settings, a JSON object.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// Where a plugin comes from: its identity together with its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PluginSource {
    /// Shipped in the binary, by name.
    Bundled(String),
    /// A component file.
    File(PathBuf),
}

impl PluginSource {
    /// As it is written in `chancery.lock` and in messages.
    pub fn label(&self) -> String {
        match self {
            Self::Bundled(name) => name.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }

    fn parse(text: &str, base: &Path) -> Self {
        if text.ends_with(".wasm") || text.contains('/') {
            Self::File(base.join(text))
        } else {
            Self::Bundled(text.to_owned())
        }
    }
}

/// A connector's source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Plugin and settings.
    pub plugin: Plugin,
    /// Name of the credential attached to its requests.
    pub credential: Option<String>,
    /// Origins it may reach.
    pub origins: Vec<String>,
    /// Folders it may read, relative to [`Config::base`].
    pub folders: Vec<String>,
}

/// A connector's mapper.
#[derive(Clone, Debug)]
pub struct Mapper {
    /// Plugin and settings.
    pub plugin: Plugin,
    /// The mapping file.
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads and checks a configuration with its includes.
    ///
    /// # Errors
    /// The first thing that is wrong, with file and place.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_with(file, None)
    }

    /// As [`Config::load`], with an included file of this name as if it held this text: one that is there, or a further one.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(file: &Path, mut instead: Option<(&Path, &str)>) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|error| {
            let problem = ConfigError::new(file, format!("cannot read it: {error}"));
            problem.hint("run `chancery init` to make one, or name yours with `--config FILE`")
        })?;
        let mut main = parse(file, &text)?;
        let absolute = std::path::absolute(file).map_err(|error| ConfigError::new(file, error.to_string()))?;
        let base = absolute.parent().map_or_else(PathBuf::new, Path::to_owned);
        let mut config = Self {
            file: file.to_owned(),
            data_dir: base.join(main.data_dir.as_deref().unwrap_or(Path::new("data"))),
            connectors: Vec::new(),
            credentials: BTreeMap::new(),
            held: BTreeMap::new(),
            network: network(&base, main.network.as_ref()),
            stage: StageConfig::parse(&base, main.stage.as_ref()).map_err(|why| {
                ConfigError::new(file, why).hint("the keys of `[stage]` are in docs/configuration.md")
            })?,
            alerts: AlertsConfig::parse(&base, main.alerts.as_ref()).map_err(|why| {
                ConfigError::new(file, why).hint("the keys of `[alerts]` are in docs/configuration.md")
            })?,
            console: ConsoleConfig::parse(&base, main.console.take()).map_err(|why| {
                ConfigError::new(file, why).hint("the keys of `[console]` are in docs/configuration.md")
            })?,
            checkpoint_copies: main
                .checkpoints
                .iter()
                .flat_map(|checkpoints| &checkpoints.copy_to)
                .map(|typed| CheckpointCopy::parse(&base, typed))
                .collect::<Result<_, _>>()
                .map_err(|why| {
                    ConfigError::new(file, why)
                        .hint("write `copy_to = [{ kind = \"folder\", path = \"/mnt/evidence\" }]`")
                })?,
            attachment_bytes_max: main
                .limits
                .as_ref()
                .and_then(|limits| limits.attachment_bytes_max)
                .unwrap_or(limits::ATTACHMENT_BYTES_MAX),
            connectors_at_once_max: main
                .limits
                .as_ref()
                .and_then(|limits| limits.connectors_at_once_max)
                .unwrap_or(limits::CONNECTORS_AT_ONCE_MAX)
                .max(1),
            calls: main
                .limits
                .as_ref()
                .map_or_else(|| Ok(Calls::default()), calls)
                .map_err(|why| ConfigError::new(file, why))?,
            base,
        };
        let includes = main.include.clone();
        config.add(file, main)?;
        for pattern in &includes {
            for path in included(file, &config.base, pattern)? {
                match instead.take_if(|(other, _)| *other == path) {
                    Some((_, text)) => config.include(file, &path, text)?,
                    None => {
                        let text = fs::read_to_string(&path);
                        let text = text.map_err(|error| ConfigError::new(&path, error.to_string()))?;
                        config.include(file, &path, &text)?;
                    }
                }
            }
        }
        if let Some((path, text)) = instead {
            config.include(file, path, text)?;
        }
        config.check_alerts()?;
        for connector in &config.connectors {
            config.check_credentials(connector)?;
        }
        Ok(config)
    }

    /// The connector of this name.
    pub fn connector(&self, name: &str) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.name == name)
    }

    fn include(&mut self, main: &Path, path: &Path, text: &str) -> Result<(), ConfigError> {
        let part = parse(path, text)?;
        let has_more = part.stage.is_some()
            || part.limits.is_some()
            || part.checkpoints.is_some()
            || part.alerts.is_some()
            || part.console.is_some();
        if part.data_dir.is_some() || part.network.is_some() || has_more {
            let problem = ConfigError::new(path, "an included file may hold only `[[connector]]` and `[credential.…]`");
            return Err(problem.hint(format!("move the other keys to `{}`", main.display())));
        }
        self.add(path, part)
    }

    fn add(&mut self, file: &Path, part: typed::File) -> Result<(), ConfigError> {
        for (name, credential) in part.credential {
            let meaning = Credential::parse(file, &self.base, &name, credential)?;
            if self.credentials.insert(name.clone(), meaning).is_some() {
                return Err(ConfigError::new(file, format!("`[credential.{name}]` is defined twice")));
            }
        }
        for typed in part.connector {
            let connector = connector(file, &self.base, typed)?;
            if let Some(other) = self.connector(&connector.name) {
                let message =
                    format!("connector `{}` is defined in `{}` already", connector.name, other.file.display());
                return Err(ConfigError::new(file, message).hint("give it another `name`"));
            }
            self.connectors.push(connector);
        }
        Ok(())
    }

    fn check_alerts(&self) -> Result<(), ConfigError> {
        for place in &self.alerts.send_to {
            if let AlertPlace::Mail { connector, .. } = place
                && self.connector(connector).is_none()
            {
                let message = format!("`alerts.send_to` names connector `{connector}`, which is not defined");
                return Err(ConfigError::new(&self.file, message).hint("name one of `chancery connector list`"));
            }
        }
        Ok(())
    }

    fn check_credentials(&self, connector: &Connector) -> Result<(), ConfigError> {
        let wrong =
            |message: String| ConfigError::new(&connector.file, format!("connector `{}` {message}", connector.name));
        let find = |name: &str| {
            self.credentials.get(name).ok_or_else(|| {
                let problem = wrong(format!("uses credential `{name}`, which is not defined"));
                problem.hint(format!("add a section `[credential.{name}]`"))
            })
        };
        if let Some(name) = &connector.source.credential
            && find(name)?.origins.is_empty()
        {
            let problem = wrong(format!("lets its source use credential `{name}`, which is bound to no `origins`"));
            return Err(
                problem.hint("name the origins it may be sent to: `origins = [\"https://archive.example.com\"]`")
            );
        }
        for destination in &connector.destinations {
            for name in destination.credentials() {
                destination.check_scheme(find(name)?).map_err(&wrong)?;
            }
        }
        Ok(())
    }
}

fn parse(file: &Path, text: &str) -> Result<typed::File, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        ConfigError::new(file, format!("line {line}: {}", error.message()))
            .hint("every key is explained in docs/configuration.md")
    })
}

fn included(file: &Path, base: &Path, pattern: &str) -> Result<Vec<PathBuf>, ConfigError> {
    let path = base.join(pattern);
    let Some((folder, ending)) = pattern.rsplit_once('*') else { return Ok(vec![path]) };
    if folder.contains('*') || !(folder.is_empty() || folder.ends_with('/')) {
        let problem = ConfigError::new(file, format!("`include` does not understand `{pattern}`"));
        return Err(problem.hint("write a file or `folder/*.toml`"));
    }
    let folder = base.join(folder);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(|error| ConfigError::new(&folder, error.to_string()))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.ends_with(ending) && !name.starts_with('.'))
        })
        .collect();
    paths.sort();
    Ok(paths)
}

/// What one call may use. Times that are 0 would end every call, and computing is part of the whole time.
fn calls(typed: &typed::Limits) -> Result<Calls, String> {
    let default = Calls::default();
    let time = |key: &str, text: Option<&String>, default: Duration| -> Result<Duration, String> {
        let ms = duration_ms(&format!("limits.{key}"), text, default)?;
        u64::try_from(ms)
            .ok()
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
            .ok_or_else(|| format!("`limits.{key}` must be more than 0"))
    };
    let time_max = time("call_time_max", typed.call_time_max.as_ref(), default.time_max)?;
    let cpu_time_max = time("call_cpu_time_max", typed.call_cpu_time_max.as_ref(), default.cpu_time_max.min(time_max))?;
    if cpu_time_max > time_max {
        return Err("`limits.call_cpu_time_max` is more than `limits.call_time_max`, of which it is a part".to_owned());
    }
    let memory_bytes_max = typed.guest_memory_bytes_max.unwrap_or(default.memory_bytes_max);
    Ok(Calls { time_max, cpu_time_max, memory_bytes_max })
}

/// A duration in milliseconds, as typed under `key`.
pub(super) fn duration_ms(key: &str, text: Option<&String>, default: Duration) -> Result<i64, String> {
    let Some(text) = text else { return Ok(default.as_millis() as i64) };
    let parsed = text.parse::<jiff::SignedDuration>().ok().filter(|duration| !duration.is_negative());
    parsed
        .and_then(|duration| i64::try_from(duration.as_millis()).ok())
        .ok_or_else(|| format!("`{key} = \"{text}\"` is no duration; write one like `48h` or `15m`"))
}

/// How far after the schedule's instants a connector may look.
fn jitter_ms(text: Option<&String>) -> Result<i64, String> {
    let jitter_ms = duration_ms("jitter", text, limits::JITTER)?;
    if jitter_ms > limits::JITTER_MAX.as_millis() as i64 {
        return Err(format!("`jitter` is more than {} minutes", limits::JITTER_MAX.as_secs() / 60));
    }
    Ok(jitter_ms)
}

/// When a closed window is read again; ascending, each once.
fn reread_ms(typed: Option<&[u32]>) -> Result<Vec<i64>, String> {
    let mut days = typed.unwrap_or(&limits::REREAD_DAYS).to_vec();
    if let Some(wrong) = days.iter().find(|days| !(1..=limits::REREAD_DAYS_MAX).contains(days)) {
        return Err(format!("`reread_days` has {wrong}; write days from 1 to {}", limits::REREAD_DAYS_MAX));
    }
    days.sort_unstable();
    days.dedup();
    Ok(days.into_iter().map(|days| i64::from(days) * DAY_MS).collect())
}

fn network(base: &Path, typed: Option<&Network>) -> Network {
    let mut network = typed.cloned().unwrap_or_default();
    network.ca_file = network.ca_file.map(|path| base.join(path));
    network
}

/// Letters, digits, `-` and `_`: names are also folder names.
fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= limits::CONNECTOR_NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn connector(file: &Path, base: &Path, typed: typed::Connector) -> Result<Connector, ConfigError> {
    let name = typed.name;
    if !valid_name(&name) {
        let problem = ConfigError::new(file, format!("`{name}` cannot be a connector's name"));
        let hint = format!("use lower-case letters, digits, `-` and `_`, at most {}", limits::CONNECTOR_NAME_BYTES_MAX);
        return Err(problem.hint(hint));
    }
    let wrong = |message: String| ConfigError::new(file, format!("connector `{name}`: {message}"));
    let schedule = typed.schedule.as_deref().map(Schedule::parse).transpose().map_err(&wrong)?;
    let jitter_ms = jitter_ms(typed.jitter.as_ref()).map_err(&wrong)?;
    let since_ms = typed.since.map(|at| parse_instant(&at.to_string())).transpose().map_err(&wrong)?;
    let grace_ms = duration_ms("grace", typed.grace.as_ref(), limits::GRACE).map_err(&wrong)?;
    let lookback_ms = duration_ms("lookback", typed.lookback.as_ref(), limits::LOOKBACK).map_err(&wrong)?;
    let settle_ms = duration_ms("settle", typed.settle.as_ref(), limits::FILE_SETTLE).map_err(&wrong)?;
    let reread_ms = reread_ms(typed.reread_days.as_deref()).map_err(&wrong)?;
    let scope = scope::parse(typed.scope).map_err(&wrong)?;
    let failures_percent_max = typed.failures_percent_max.unwrap_or(limits::FAILURES_PERCENT_MAX);
    if failures_percent_max > 100 {
        return Err(wrong(
            "`failures_percent_max` is more than 100, which already means that nothing stops a window".into(),
        ));
    }
    if typed.destinations.is_empty() {
        return Err(wrong("it has no destination".into()).hint("add `destinations = [{ kind = \"maildir\", root = \"mail\", mailboxes = { domains = [\"example.com\"] } }]`"));
    }
    let folder = typed.folder;
    let destinations = typed
        .destinations
        .into_iter()
        .map(|destination| DestinationConfig::parse(base, folder.as_deref(), destination).map_err(&wrong))
        .collect::<Result<_, _>>()?;
    let plugin = |text: &str, settings| Plugin { plugin: PluginSource::parse(text, base), settings };
    Ok(Connector {
        file: file.to_owned(),
        schedule,
        jitter_ms,
        since_ms,
        folder,
        source: Source {
            plugin: plugin(&typed.source.plugin, typed.source.settings),
            credential: typed.source.credential,
            origins: typed.grant.source.origins,
            folders: typed.grant.source.folders,
        },
        mapper: Mapper {
            plugin: plugin(&typed.mapper.plugin, typed.mapper.settings),
            file: typed.mapper.file.map(|path| base.join(path)),
        },
        converter: plugin(&typed.converter.plugin, typed.converter.settings),
        destinations,
        accepted_terms: typed.accepted_terms,
        grace_ms,
        lookback_ms,
        settle_ms,
        catch_all: typed.catch_all,
        scope,
        reread_ms,
        failures_percent_max,
        name,
    })
}
