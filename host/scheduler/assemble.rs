//! Puts a connector's turn together: plugins, powers, destinations, ledger, stage.

use std::sync::Arc;

use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{Host, clock::Watch, granted::Granted, mapping, plugins, secrets, staging};
use crate::{
    catalog::lock::Lock,
    config::{Connector, DestinationConfig, EmlPlace},
    destinations::{
        Destination,
        eml::{Eml, EmlSettings},
        graph::{Graph, GraphSettings},
        imap::{Imap, ImapSettings},
        maildir::{Maildir, MaildirSettings},
        smtp::Smtp,
    },
    item::{
        Batch, BlobSink, BlobSource, Failure, Interval, NextMove, Page, PluginKind, ReadingMode,
        descriptor::SourceTraits, scope::Scope,
    },
    network::Dialer,
    pipeline::{self, Brakes, Converted, DestinationSlot, Directory, Progress, PullRequest, Turn},
    sandbox::{ConverterWorker, Folders, MapperWorker, Plugin, SourceWorker, Witness, World},
    stage::Stage,
    state::{ConnectorState, Pins},
};

/// The fact under which a connector's account is remembered.
const ACCOUNT: &str = "account";

/// A turn, and what only the scheduler needs to know of it.
pub(super) struct Assembled {
    pub(super) turn: Turn,
    pub(super) traits: SourceTraits,
    pub(super) folders: Arc<Folders>,
    /// The folder setting's value, for sources that read files.
    pub(super) folder: Option<String>,
}

/// A source with everything it may do.
pub(super) struct LoadedSource {
    pub(super) worker: SourceWorker,
    pub(super) traits: SourceTraits,
    pub(super) folders: Arc<Folders>,
    pub(super) folder: Option<String>,
    /// Its folder in each mailbox, unless the operator says otherwise.
    pub(super) mail_folder: String,
    pub(super) digest: [u8; 32],
    pub(super) settings: String,
    pub(super) plugin: Plugin,
}

/// Loads a connector's source with its powers.
///
/// A turn that does not ask it anything needs neither its secret nor the acceptance of its terms.
pub(super) async fn source(
    host: &Host,
    lock: &Lock,
    connector: &Connector,
    sign_in: SignIn,
) -> Result<LoadedSource, Failure> {
    witnessed_source(host, lock, connector, sign_in, None).await
}

/// As [`source`]; a witness is told what goes to and fro.
pub(super) async fn witnessed_source(
    host: &Host,
    lock: &Lock,
    connector: &Connector,
    sign_in: SignIn,
    witness: Option<Arc<dyn Witness>>,
) -> Result<LoadedSource, Failure> {
    let config = &connector.source.plugin;
    let (inspected, settings) =
        plugins::load(&host.sandbox, lock, &connector.name, World::Source, &config.plugin, &config.settings).await?;
    let PluginKind::Source(traits) = inspected.descriptor().kind.clone() else {
        return Err(Failure::new(
            "plugin-world",
            NextMove::AskPerson,
            format!("plugin `{}` is no source", inspected.component.source),
        ));
    };
    if sign_in == SignIn::Now {
        check_terms(connector, &traits)?;
    }
    let credential = connector.source.credential.as_deref().filter(|_| sign_in == SignIn::Now);
    let granted = Granted {
        to: &connector.name,
        origins: &connector.source.origins,
        folders: connector.source.folders.clone(),
        credential,
    };
    let powers = granted.powers(&host.config, inspected.descriptor(), witness)?;
    let folders = Arc::clone(&powers.folders);
    let folder =
        traits.folder_setting.as_ref().and_then(|setting| config.settings.get(setting)?.as_str().map(str::to_owned));
    Ok(LoadedSource {
        worker: SourceWorker::new(&host.sandbox, &inspected.plugin, powers, settings.clone())?,
        traits,
        folders,
        folder,
        mail_folder: inspected.descriptor().folder(&config.settings).unwrap_or_default(),
        digest: inspected.component.digest,
        settings,
        plugin: inspected.plugin,
    })
}

fn check_terms(connector: &Connector, traits: &SourceTraits) -> Result<(), Failure> {
    let Some(terms) = &traits.terms else { return Ok(()) };
    if connector.accepted_terms.as_deref() == Some(&*terms.version) {
        return Ok(());
    }
    let message =
        format!("connector `{}`: the terms of its source (version {}) are not accepted", connector.name, terms.version);
    Err(Failure::new("terms-not-accepted", NextMove::AskPerson, message).hint(format!(
        "read them with `chancery plugin inspect {}`, then add `accepted_terms = \"{}\"` to the connector",
        connector.source.plugin.plugin.label(),
        terms.version
    )))
}

/// The digests of a connector's plugins and settings, all of them loaded and checked.
pub(super) async fn proven(host: &Host, lock: &Lock, connector: &Connector) -> Result<Pins, Failure> {
    let source = source(host, lock, connector, SignIn::Now).await?;
    let (mapper, converter) = (&connector.mapper.plugin, &connector.converter);
    let load = |role, config: &'_ crate::config::Plugin| {
        let (plugin, settings) = (config.plugin.clone(), config.settings.clone());
        async move { plugins::load(&host.sandbox, lock, &connector.name, role, &plugin, &settings).await }
    };
    let (mapper, mapper_settings) = load(World::Mapper, mapper).await?;
    let (converter, converter_settings) = load(World::Converter, converter).await?;
    destinations(host, connector, &source.mail_folder)?;
    Ok(Pins {
        source: source.digest,
        mapper: mapper.component.digest,
        converter: converter.component.digest,
        settings: settings_digest(&[&source.settings, &mapper_settings, &converter_settings], &connector.scope),
        mapping: [0; 32],
    })
}

/// Opens a connector's destinations.
pub(super) fn destinations(
    host: &Host,
    connector: &Connector,
    default_folder: &str,
) -> Result<Vec<DestinationSlot>, Failure> {
    let open = |(number, config): (u16, &DestinationConfig)| {
        let folder = connector.folder.clone().unwrap_or_else(|| default_folder.to_owned());
        let destination: Arc<dyn Destination> = match config {
            DestinationConfig::Maildir(settings) => {
                Arc::new(Maildir::open(MaildirSettings { folder, ..settings.clone() })?)
            }
            DestinationConfig::Imap(settings) => {
                let accounts = secrets::accounts(&host.config, &settings.access)?;
                let dialer = Dialer::new(&host.config.network)?;
                Arc::new(Imap::new(ImapSettings { folder, ..settings.clone() }, accounts, dialer, &host.servers))
            }
            DestinationConfig::Eml(settings, place) => {
                let settings = EmlSettings { folder, ..settings.clone() };
                Arc::new(match place {
                    EmlPlace::Folder(root) => Eml::in_folder(settings, root)?,
                    EmlPlace::Store(typed) => {
                        let scratch =
                            host.config.data_dir.join("archives").join(&connector.name).join(number.to_string());
                        let store = staging::store(&host.config, "`store` of a destination", "archives", typed)?;
                        Eml::in_store(settings, store, &scratch)?
                    }
                })
            }
            DestinationConfig::Smtp(settings) => {
                let account = settings.credential.as_deref().map(|name| secrets::account(&host.config, name));
                let dialer = Dialer::new(&host.config.network)?;
                Arc::new(Smtp::new(settings.clone(), account.transpose()?, dialer))
            }
            DestinationConfig::Graph(settings) => {
                // The configuration was checked whole: the credential is there.
                let credential = host.config.credentials.get(&settings.credential).ok_or_else(|| {
                    let message = format!("credential `{}` is not defined", settings.credential);
                    Failure::new("credential-scheme", NextMove::AskPerson, message)
                })?;
                let tokens = secrets::token_source(&host.config, credential)?;
                let settings = GraphSettings { folder, tenant: secrets::tenant(credential), ..settings.clone() };
                let network = &host.config.network;
                Arc::new(Graph::new(settings, crate::network::http_client(network)?, network, tokens)?)
            }
        };
        Ok(DestinationSlot { number, destination })
    };
    (0..).zip(&connector.destinations).map(open).collect()
}

/// A connector's destinations, for reading mail back.
///
/// # Errors
/// When one cannot be opened, or the source must say its folder and cannot be loaded.
pub async fn destinations_of(host: &Host, connector: &Connector) -> Result<Vec<DestinationSlot>, Failure> {
    if connector.folder.is_some() {
        return destinations(host, connector, "");
    }
    let lock = Lock::beside(&host.config.file)?;
    let source = source(host, &lock, connector, SignIn::NotNeeded).await?;
    destinations(host, connector, &source.mail_folder)
}

/// Whether a turn asks its source anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    /// It reads: the source must answer for the account it was set up for.
    Now,
    /// It only delivers what is staged already; the source may be gone.
    NotNeeded,
}

/// Puts a turn together. Everything is checked before anything is changed.
pub(super) async fn turn(
    host: &Host,
    connector: &Connector,
    progress: Arc<dyn Progress>,
    sign_in: SignIn,
) -> Result<Assembled, Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let mut source = source(host, &lock, connector, sign_in).await?;
    let mapper = &connector.mapper.plugin;
    let (mapper_plugin, mapper_settings) =
        plugins::load(&host.sandbox, &lock, &connector.name, World::Mapper, &mapper.plugin, &mapper.settings).await?;
    let converter = &connector.converter;
    let (converter_plugin, converter_settings) =
        plugins::load(&host.sandbox, &lock, &connector.name, World::Converter, &converter.plugin, &converter.settings)
            .await?;
    let destinations = destinations(host, connector, &source.mail_folder)?;
    let state = host.state.connector(&connector.name)?;
    let account = match sign_in {
        SignIn::Now => account(&state, connector, &mut source, &*progress).await?,
        SignIn::NotNeeded => remembered_account(&state, connector)?,
    };
    let loaded_mapper = mapping::adopt(&host.state, &state, connector, |bytes| {
        let worker = MapperWorker::new(&host.sandbox, &mapper_plugin.plugin, mapper_settings.clone(), bytes)?;
        Ok(worker.for_connector(&connector.name))
    })
    .await?;
    let stage = open_stage(host, &state, &*progress).await?;
    let pins = Pins {
        source: source.digest,
        mapper: mapper_plugin.component.digest,
        converter: converter_plugin.component.digest,
        settings: settings_digest(&[&source.settings, &mapper_settings, &converter_settings], &connector.scope),
        mapping: loaded_mapper.version,
    };
    let directory = Directory::new(destinations.iter().map(|slot| Arc::clone(&slot.destination)).collect());
    let turn = Turn {
        connector: connector.name.clone(),
        account,
        source_name: source_name(connector),
        converter_settings,
        grouping: converter_plugin.descriptor().grouping(),
        pins,
        catch_all: connector.catch_all.clone(),
        scope: connector.scope.clone(),
        lookback_ms: connector.lookback_ms,
        state,
        stage,
        source: Mutex::new(Box::new(source.worker)),
        mapper: Mutex::new(Box::new(loaded_mapper)),
        converter: Mutex::new(Box::new(
            ConverterWorker::new(&host.sandbox, &converter_plugin.plugin)?.for_connector(&connector.name),
        )),
        destinations,
        locks: Arc::clone(&host.locks),
        progress,
        closing: Arc::new(Watch::new(&connector.name, &host.clocks)),
        brakes: Brakes::new(&connector.name, connector.failures_percent_max),
        directory,
        mailboxes: std::sync::Mutex::default(),
        given_up: std::sync::Mutex::default(),
    };
    Ok(Assembled { turn, traits: source.traits, folders: source.folders, folder: source.folder })
}

/// The source's name as part of items' identity: the plugin's, without its path.
fn source_name(connector: &Connector) -> String {
    let label = connector.source.plugin.plugin.label();
    let name = label.rsplit('/').next().unwrap_or(&label);
    name.strip_suffix(".wasm").unwrap_or(name).to_owned()
}

/// Opens the stage and collects what a crash left in it. One that cannot be reached ends the turn here, before anything
/// is pulled.
async fn open_stage(host: &Host, state: &Arc<ConnectorState>, progress: &dyn Progress) -> Result<Arc<Stage>, Failure> {
    let stage = staging::stage(&host.config, state)?;
    stage.prepare()?;
    let (now_ms, keep_days) = ((host.clocks.wall_ms)(), host.config.stage.keep_days);
    let collect = || {
        let (stage, state) = (Arc::clone(&stage), Arc::clone(state));
        pipeline::blocking(move || staging::collect(&stage, &state, now_ms, keep_days))
    };
    pipeline::attempt_for(state.name(), progress, false, collect).await.map_err(|(failure, _)| failure)?;
    Ok(stage)
}

/// The account's id: asked for once and remembered; another account under the same connector is refused, because its
/// items would be mixed with the first one's.
async fn account(
    state: &Arc<ConnectorState>,
    connector: &Connector,
    source: &mut LoadedSource,
    progress: &dyn Progress,
) -> Result<String, Failure> {
    // A moment of trouble at the door ends no turn either.
    let worker = Mutex::new(&mut source.worker);
    let found = pipeline::attempt_for(&connector.name, progress, false, || async { worker.lock().await.check().await })
        .await
        .map_err(|(failure, _)| failure)?;
    match state.recall(ACCOUNT)? {
        None => {
            state.remember(ACCOUNT, found.id.as_bytes())?;
            Ok(found.id)
        }
        Some(known) if known == found.id.as_bytes() => Ok(found.id),
        Some(_) if source.traits.reading == ReadingMode::Whole => {
            // A folder has no account of its own; what it was called first stays.
            Ok(String::from_utf8_lossy(&state.recall(ACCOUNT)?.unwrap_or_default()).into_owned())
        }
        Some(known) => {
            let message = format!(
                "connector `{}` was set up for account `{}`, the source now answers for `{}`",
                connector.name,
                String::from_utf8_lossy(&known),
                found.id
            );
            Err(Failure::new("account-changed", NextMove::AskPerson, message)
                .hint("sign in to the first account again, or add a new connector for the other one"))
        }
    }
}

fn remembered_account(state: &ConnectorState, connector: &Connector) -> Result<String, Failure> {
    let known = state.recall(ACCOUNT)?.ok_or_else(|| {
        let message = format!("connector `{}` has not read anything yet", connector.name);
        Failure::new("nothing-read", NextMove::AskPerson, message)
            .hint(format!("run `chancery sync {}` first", connector.name))
    })?;
    Ok(String::from_utf8_lossy(&known).into_owned())
}

fn settings_digest(settings: &[&str], scope: &Scope) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let scope = scope.describe();
    for text in settings.iter().copied().chain(scope.iter().map(String::as_str)) {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

impl pipeline::Source for SourceWorker {
    fn pull<'a>(
        &'a mut self,
        request: PullRequest<'a>,
        blobs: Arc<dyn BlobSink>,
    ) -> BoxFuture<'a, Result<Page, Failure>> {
        Box::pin(Self::pull(self, request, blobs))
    }

    fn totals<'a>(&'a mut self, account: &'a str, interval: Interval) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(async move { Ok(Self::totals(self, account, interval).await?.map(|totals| totals.observations)) })
    }
}

impl pipeline::Converter for ConverterWorker {
    fn convert<'a>(
        &'a mut self,
        batch: &'a Batch<'a>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'a, Result<Vec<Converted>, Failure>> {
        Box::pin(Self::convert(self, batch, blobs))
    }
}
