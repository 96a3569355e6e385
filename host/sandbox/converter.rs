//! Calls a converter plugin.

use std::{io::Read, sync::Arc};

use wasmtime::Store;

use super::{
    Sandbox,
    contract::v1::{converter as world, params, types},
    converted,
    diagnostic::{Call, Ending, Position},
    egress::Scrub,
    hex,
    limits::Stop,
    load::Plugin,
    store::{Guest, LastCall, begin, limited, new_store},
};
use crate::item::{
    AttachmentState, Batch, BatchItem, BlobRef, BlobSource, Content, Failure, Message, NextMove, limits,
};

use world::exports::chancery::connector::converter;

/// Bytes of one `read-attachment`.
const ATTACHMENT_CHUNK_BYTES_MAX: u32 = 1 << 20;
/// Bytes that a read counts for at the least, so that reading byte by byte ends too.
const ATTACHMENT_CHUNK_BYTES_MIN: u64 = 4 << 10;

/// What became of some items of a batch. Over all of a batch's, each item is named exactly once.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The items concerned, indices into the batch, ascending.
    pub items: Vec<u32>,
    /// The message, checked; or why there is none, to be parked.
    pub result: Result<Message, Failure>,
}

/// A converter's powers: to look into the attachments of the batch it was given.
pub(super) struct ConverterCall {
    blobs: Option<Arc<dyn BlobSource>>,
    /// For each item its attachments; none where the bytes do not go in.
    attachments: Vec<Vec<Option<BlobRef>>>,
    /// Bytes that this call may still read.
    left: u64,
    reading: Option<Reading>,
}

/// An attachment that is being read from start to end.
struct Reading {
    item: u32,
    attachment: u32,
    at: u64,
    bytes: Box<dyn Read + Send>,
}

impl ConverterCall {
    pub(super) fn new() -> Self {
        Self { blobs: None, attachments: Vec::new(), left: 0, reading: None }
    }

    fn begin(&mut self, batch: &Batch<'_>, blobs: Arc<dyn BlobSource>) {
        let of_item = |item: &BatchItem<'_>| present(item).map(|blob| blob.cloned()).collect();
        self.attachments = batch.items.iter().map(of_item).collect();
        self.blobs = Some(blobs);
        self.left = limits::ATTACHMENT_READ_BYTES_MAX;
        self.reading = None;
    }

    /// Where to read, or why the guest may not.
    fn locate(&mut self, item: u32, attachment: u32, max: u32) -> Result<(BlobRef, Arc<dyn BlobSource>), types::Error> {
        let rejected = |code: &str, message: String| types::Error {
            kind: types::ErrorKind::Rejected,
            code: code.to_owned(),
            message,
            hint: None,
            retry_after_ms: None,
            extensions: Vec::new(),
        };
        let found = self.attachments.get(item as usize).and_then(|attachments| attachments.get(attachment as usize));
        let (Some(found), Some(blobs)) = (found, &self.blobs) else {
            return Err(rejected(
                "attachment-unknown",
                format!("item {item} of this batch has no attachment {attachment}"),
            ));
        };
        let Some(blob) = found else {
            return Err(rejected(
                "attachment-absent",
                format!("attachment {attachment} of item {item} is not present"),
            ));
        };
        if self.left < u64::from(max.min(ATTACHMENT_CHUNK_BYTES_MAX)).min(blob.size) {
            let why = format!("one call reads at most {} bytes of attachments", limits::ATTACHMENT_READ_BYTES_MAX);
            return Err(rejected("too-large", why));
        }
        Ok((blob.clone(), Arc::clone(blobs)))
    }
}

/// For each attachment of an item its staged bytes, where they go into the message.
pub(super) fn present<'a>(item: &'a BatchItem<'_>) -> impl Iterator<Item = Option<&'a BlobRef>> {
    item.item.attachments.iter().zip(&item.attachments).map(|(attachment, state)| match (&attachment.content, state) {
        (Content::Present(blob), AttachmentState::Present) => Some(blob),
        _ => None,
    })
}

impl world::chancery::connector::attachments::Host for Guest<ConverterCall> {
    async fn read_attachment(
        &mut self,
        item: u32,
        attachment: u32,
        offset: u64,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        let (blob, blobs) = match self.powers.locate(item, attachment, max) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let max = u64::from(max.min(ATTACHMENT_CHUNK_BYTES_MAX)).min(blob.size.saturating_sub(offset));
        if max == 0 {
            return Ok(Ok(Vec::new()));
        }
        let kept = self.powers.reading.take();
        let kept = kept.filter(|kept| (kept.item, kept.attachment) == (item, attachment) && kept.at <= offset);
        let work = move || -> std::io::Result<(Vec<u8>, Reading)> {
            let mut reading = match kept {
                Some(reading) => reading,
                None => Reading { item, attachment, at: 0, bytes: blobs.open(&blob)? },
            };
            let skipped = offset - reading.at;
            std::io::copy(&mut (&mut reading.bytes).take(skipped), &mut std::io::sink())?;
            let mut bytes = Vec::new();
            (&mut reading.bytes).take(max).read_to_end(&mut bytes)?;
            reading.at = offset + bytes.len() as u64;
            Ok((bytes, reading))
        };
        let done = self.waiting(tokio::task::spawn_blocking(work)).await.map_err(std::io::Error::other);
        let (bytes, reading) = done.and_then(|read| read).map_err(|error| {
            if let Some(failure) = Failure::within(&error) {
                return Stop::Host(failure.clone());
            }
            let why = format!("a staged attachment cannot be read: {error}");
            Stop::Host(Failure::new("stage-unreadable", NextMove::Retry { after: None }, why))
        })?;
        self.powers.left = self.powers.left.saturating_sub((bytes.len() as u64).max(ATTACHMENT_CHUNK_BYTES_MIN));
        self.powers.reading = Some(reading);
        Ok(Ok(bytes))
    }
}

/// One converter. The instance is reused, and replaced after an error, or when it has become large or old; randomness
/// and clock are set anew before every call, so that its age cannot be seen in what it writes.
pub struct ConverterWorker {
    sandbox: Sandbox,
    plugin: Plugin,
    connector: Option<String>,
    instance: Option<Instance>,
}

struct Instance {
    store: Store<Guest<ConverterCall>>,
    bindings: world::ConverterPlugin,
    batches: u32,
}

impl ConverterWorker {
    /// A worker for `plugin`. Nothing of the guest runs yet.
    ///
    /// # Errors
    /// When the plugin is not a converter.
    pub fn new(sandbox: &Sandbox, plugin: &Plugin) -> Result<Self, Failure> {
        plugin.converter_code()?;
        Ok(Self { sandbox: sandbox.clone(), plugin: plugin.clone(), connector: None, instance: None })
    }

    /// Names the connector in diagnostics. A worker must not be shared by connectors: what one has written would be in
    /// the memory of the instance that writes for the other.
    #[must_use]
    pub fn for_connector(mut self, connector: &str) -> Self {
        self.connector = Some(connector.to_owned());
        self
    }

    /// What is seen of the last call beside its answer; none when its instance is gone.
    pub fn last_call(&self) -> Option<LastCall> {
        self.instance.as_ref().map(|instance| instance.store.data().last_call(&Scrub::default()))
    }

    /// Drops the instance; the next call makes a new one.
    pub fn replace_instance(&mut self) {
        self.instance = None;
    }

    /// Writes the messages of a batch. Every item of it is named by exactly one of the answers. A message that breaks
    /// a rule costs its own items only: they are rejected (`plugin-bad-output`), and the instance is replaced.
    ///
    /// # Errors
    /// How the call ended, or that its answer as a whole breaks the contract.
    pub async fn convert(&mut self, batch: &Batch<'_>, blobs: Arc<dyn BlobSource>) -> Result<Vec<Converted>, Failure> {
        let label = self.plugin.label();
        let call = Call {
            plugin: &label,
            function: "convert",
            connector: self.connector.as_deref(),
            position: Some(Position::Batch(batch.items.len())),
        };
        let limits = self.sandbox.limits();
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => fresh(&self.sandbox, &self.plugin, &call).await?,
        };
        begin(&mut instance.store, limits);
        instance.store.data_mut().powers.begin(batch, blobs);
        let outcome = limited(limits, instance.convert(batch)).await;
        let answers = outcome.map_err(|ending| instance.failed(&call, ending))?;
        let converted = converted::take(answers, batch, self.plugin.descriptor.grouping(), &call)
            .map_err(|violation| instance.failed(&call, Ending::BadOutput(violation)))?;
        instance.batches += 1;
        let well_behaved = converted.all_good;
        let small = instance.store.data().limiter.memory_bytes() <= limits.reuse_bytes_max;
        if well_behaved && small && instance.batches < limits.reuse_batches_max {
            instance.store.data_mut().powers = ConverterCall::new();
            self.instance = Some(instance);
        }
        Ok(converted.answers)
    }
}

async fn fresh(sandbox: &Sandbox, plugin: &Plugin, call: &Call<'_>) -> Result<Instance, Failure> {
    let limits = sandbox.limits();
    let mut store = new_store(sandbox.engine(), limits, sandbox.pure, ConverterCall::new());
    begin(&mut store, limits);
    match limited(limits, plugin.converter_code()?.instantiate_async(&mut store)).await {
        Ok(bindings) => Ok(Instance { store, bindings, batches: 0 }),
        Err(ending) => {
            let data = store.data();
            Err(call.failure(ending.of_start(), data.limiter.refused_bytes, &data.log.text(), &Scrub::default()))
        }
    }
}

impl std::fmt::Debug for ConverterWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConverterWorker").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl Instance {
    fn failed(&self, call: &Call<'_>, ending: Ending) -> Failure {
        let data = self.store.data();
        call.failure(ending, data.limiter.refused_bytes, &data.log.text(), &Scrub::default())
    }

    async fn convert(
        &mut self,
        batch: &Batch<'_>,
    ) -> wasmtime::Result<Vec<Result<converter::Message, converter::Failure>>> {
        let function = *self.bindings.chancery_connector_converter().func_convert().func();
        let function = function
            .typed::<(params::Batch<'_>,), (Vec<Result<converter::Message, converter::Failure>>,)>(&self.store)?;
        let (answers,) = function.call_async(&mut self.store, (in_guest_words(batch),)).await?;
        Ok(answers)
    }
}

fn in_guest_words<'a>(batch: &'a Batch<'_>) -> params::Batch<'a> {
    let party = |party: &crate::item::Party<'a>| params::Party { person: party.person.into(), mailbox: party.mailbox };
    params::Batch {
        source: batch.source,
        account: batch.account,
        people: batch.people.iter().map(party).collect(),
        conversations: batch.conversations.iter().map(|conversation| (*conversation).into()).collect(),
        items: batch.items.iter().map(item).collect(),
        settings: batch.settings,
        extensions: &[],
    }
}

fn item<'a>(batch_item: &'a BatchItem<'_>) -> params::Item<'a> {
    let item = batch_item.item;
    let attachment = |(attachment, state): (&'a crate::item::Attachment, &AttachmentState<'a>)| {
        let staged = match &attachment.content {
            Content::Present(blob) => Some(blob),
            _ => None,
        };
        params::Attachment {
            name: attachment.name.as_deref(),
            media_type: attachment.media_type.as_deref(),
            size: staged.map(|blob| blob.size).or(attachment.size),
            sha256: staged.map(|blob| hex(&blob.sha256)),
            state: match *state {
                AttachmentState::Present => params::State::Present,
                AttachmentState::Withheld { reason, limit_bytes } => {
                    params::State::Withheld(types::Withheld { reason: reason.to_owned(), limit: limit_bytes })
                }
                AttachmentState::Missing(reason) => params::State::Missing(reason),
            },
        }
    };
    params::Item {
        id: &item.id,
        event: item.event.into(),
        revision: item.revision,
        conversation: batch_item.conversation,
        sender: batch_item.sender,
        participants: &batch_item.participants,
        direction: item.direction.map(Into::into),
        sent_at: item.sent_at_ms,
        zone: item.zone.as_deref(),
        text: item.text.as_deref(),
        previous_text: item.previous_text.as_deref(),
        refers_to: item.refers_to.as_ref().map(Into::into),
        call: item.call.map(Into::into),
        attachments: item.attachments.iter().zip(&batch_item.attachments).map(attachment).collect(),
        extensions: &item.extensions,
    }
}
