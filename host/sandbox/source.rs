//! Calls a source plugin.

use std::sync::Arc;

use wasmtime::Store;

use super::{
    Sandbox,
    blobs::NoBlobs,
    contract::v1::{source as world, types},
    diagnostic::{Call, Ending, Position},
    load::Plugin,
    page,
    powers::SourcePowers,
    source_host::SourceCall,
    store::{Guest, LastCall, Nature, begin, limited, new_store},
};
use crate::item::{BlobSink, Failure, Interval, Page, Person, limits};

use world::exports::chancery::connector::source;

/// What `check` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's stable id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Findings, one line each, for the operator.
    pub findings: Vec<String>,
}

/// What the source says it has for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Items counted once per owner, as `pull` returns them.
    pub observations: u64,
}

/// What one `pull` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A window, look-back included.
    Window(Interval),
    /// What is new since the bookmark.
    Since,
    /// One file, by its path.
    File(String),
}

/// A `pull`'s question.
#[derive(Clone, Debug)]
pub struct PullRequest<'a> {
    /// What to read.
    pub reading: &'a Reading,
    /// The account's id, as `check` gave it when the connector was set up.
    pub account: &'a str,
    /// What the last page of the previous window returned.
    pub bookmark: Option<&'a [u8]>,
    /// Where the previous page ended.
    pub cursor: Option<&'a [u8]>,
    /// The most items the page may hold; the contract's limit at most.
    pub max_items: u32,
}

/// One source at work for one connector's turn. One store serves the turn; it is dropped on any error, and the cursor
/// alone must suffice for the next one.
pub struct SourceWorker {
    sandbox: Sandbox,
    plugin: Plugin,
    powers: SourcePowers,
    settings: String,
    instance: Option<Instance>,
}

struct Instance {
    store: Store<Guest<SourceCall>>,
    bindings: world::SourcePlugin,
}

impl SourceWorker {
    /// A worker for `plugin` with the connector's powers. `settings` is a JSON object that passed the schema. Nothing
    /// of the guest runs yet.
    ///
    /// # Errors
    /// When the plugin is not a source.
    pub fn new(sandbox: &Sandbox, plugin: &Plugin, powers: SourcePowers, settings: String) -> Result<Self, Failure> {
        plugin.source_code()?;
        Ok(Self { sandbox: sandbox.clone(), plugin: plugin.clone(), powers, settings, instance: None })
    }

    /// Signs in, looks, changes nothing.
    ///
    /// # Errors
    /// What the source says, or how its call ended.
    pub async fn check(&mut self) -> Result<Account, Failure> {
        let settings = self.settings.clone();
        let account = self
            .call(
                "check",
                None,
                Arc::new(NoBlobs),
                async |store, plugin| plugin.call_check(store, &settings).await,
                |_, account| {
                    // Nothing is known of what an account may say besides.
                    let source::Account { id, name, findings, extensions: _ } = account;
                    let sizes = [id.len(), name.len()].into_iter().chain(findings.iter().map(String::len));
                    if id.is_empty()
                        || sizes.max() > Some(limits::NAME_BYTES_MAX)
                        || findings.len() > limits::EXTENSIONS_MAX
                    {
                        return Err("the account's `id` is empty, or one of its texts too long".to_owned());
                    }
                    Ok(Account { id, name, findings })
                },
            )
            .await?;
        Ok(account)
    }

    /// The organisation's users as the source knows them; none when it has no roster.
    ///
    /// # Errors
    /// What the source says, or how its call ended.
    pub async fn roster(&mut self) -> Result<Option<Vec<Person>>, Failure> {
        let settings = self.settings.clone();
        let call = async |store: &mut Store<_>, plugin: &source::Guest| plugin.call_roster(store, &settings).await;
        self.call("roster", None, Arc::new(NoBlobs), call, |_, people| people.map(page::take_people).transpose()).await
    }

    /// What the source has for a window; none when it cannot tell.
    ///
    /// # Errors
    /// What the source says, or how its call ended.
    pub async fn totals(&mut self, account: &str, window: Interval) -> Result<Option<Totals>, Failure> {
        let settings = self.settings.clone();
        let call = async |store: &mut Store<_>, plugin: &source::Guest| {
            plugin.call_totals(store, &settings, account, in_guest_words(window)).await
        };
        let take = |_: &SourceCall, counts: Option<source::Counts>| {
            Ok(counts.map(|counts| Totals { observations: counts.observations }))
        };
        self.call("totals", None, Arc::new(NoBlobs), call, take).await
    }

    /// One page, whose attachments go into `blobs`.
    ///
    /// # Errors
    /// What the source says, how its call ended, or which item and field of the page break the contract.
    pub async fn pull(&mut self, request: PullRequest<'_>, blobs: Arc<dyn BlobSink>) -> Result<Page, Failure> {
        let settings = self.settings.clone();
        let max_items = request.max_items.min(limits::PAGE_ITEMS_MAX);
        let asked = source::Request {
            reading: match request.reading {
                Reading::Window(window) => source::Reading::Window(in_guest_words(*window)),
                Reading::Since => source::Reading::Since,
                Reading::File(path) => source::Reading::File(path.clone()),
            },
            account: request.account.to_owned(),
            bookmark: request.bookmark.map(<[u8]>::to_vec),
            cursor: request.cursor.map(<[u8]>::to_vec),
            max_items,
            extensions: Vec::new(),
        };
        let position = request.cursor.map_or(Position::Start, |cursor| Position::Cursor(cursor.to_vec()));
        let call =
            async |store: &mut Store<_>, plugin: &source::Guest| plugin.call_pull(store, &settings, &asked).await;
        let take = |call: &SourceCall, page| page::take(page, &call.blobs, request.cursor, max_items);
        self.call("pull", Some(position), blobs, call, take).await
    }

    /// What is seen of the last call beside its answer; none when its instance is gone.
    pub fn last_call(&self) -> Option<LastCall> {
        self.instance.as_ref().map(|instance| instance.store.data().last_call(self.powers.egress.scrub()))
    }

    /// Drops the instance; the next call makes a new one. The cursor alone must suffice: tests do this between pages.
    pub fn replace_instance(&mut self) {
        self.instance = None;
    }

    async fn call<R, T>(
        &mut self,
        function: &'static str,
        position: Option<Position>,
        blobs: Arc<dyn BlobSink>,
        run: impl AsyncFnOnce(&mut Store<Guest<SourceCall>>, &source::Guest) -> wasmtime::Result<Result<R, types::Error>>,
        take: impl FnOnce(&SourceCall, R) -> Result<T, page::Violation>,
    ) -> Result<T, Failure> {
        let label = self.plugin.label();
        let call = Call { plugin: &label, function, connector: Some(&self.powers.connector), position };
        let scrub = self.powers.egress.scrub();
        let kept = self.instance.take();
        let mut instance = match kept {
            Some(instance) => instance,
            None => instantiate(&self.sandbox, &self.plugin, &self.powers, &call).await?,
        };
        let limits = self.sandbox.limits();
        begin(&mut instance.store, limits);
        instance.store.data_mut().powers.begin(blobs);
        let guest = instance.bindings.chancery_connector_source();
        let outcome = limited(limits, run(&mut instance.store, guest)).await;
        let data = instance.store.data();
        let failed = |ending| call.failure(ending, data.limiter.refused_bytes, &data.log.text(), scrub);
        match outcome {
            Err(ending) => Err(failed(ending)),
            Ok(Err(error)) => Err(call.refusal(error, data.powers.refusal().as_ref(), scrub)),
            Ok(Ok(answer)) => {
                let taken = take(&data.powers, answer).map_err(|violation| failed(Ending::BadOutput(violation)))?;
                self.instance = Some(instance);
                Ok(taken)
            }
        }
    }
}

async fn instantiate(
    sandbox: &Sandbox,
    plugin: &Plugin,
    powers: &SourcePowers,
    call: &Call<'_>,
) -> Result<Instance, Failure> {
    let limits = sandbox.limits();
    let mut store = new_store(sandbox.engine(), limits, Nature::Source, SourceCall::new(powers.clone(), limits));
    begin(&mut store, limits);
    match limited(limits, plugin.source_code()?.instantiate_async(&mut store)).await {
        Ok(bindings) => Ok(Instance { store, bindings }),
        Err(ending) => {
            let data = store.data();
            Err(call.failure(ending.of_start(), data.limiter.refused_bytes, &data.log.text(), powers.egress.scrub()))
        }
    }
}

impl std::fmt::Debug for SourceWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceWorker").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

/// A window without a start begins with time.
fn in_guest_words(window: Interval) -> types::Window {
    types::Window { start: window.start_ms.unwrap_or(i64::MIN), end: window.end_ms }
}
