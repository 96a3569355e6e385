//! What a source may call: `http`, `folder`, `archive`, `blobs`.
//!
//! Each function turns a host failure into the contract's `error` record and remembers it, so that a guest that hands
//! it on does not lose the host's hint. Failures of the host itself (a full stage) end the call instead.

use std::sync::Arc;

use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    blobs::{BlobTable, STAGE_UNWRITABLE},
    contract::v1::{
        source::chancery::connector::{archive, blobs, folder, http},
        types,
    },
    egress::{Outgoing, wasi_http::Hooks},
    limits::{CallLimits, Stop},
    powers::SourcePowers,
    store::Guest,
};
use crate::item::{BlobSink, BlobWriter, Failure, NextMove, limits};

/// A source's powers within one store.
pub(super) struct SourceCall {
    powers: SourcePowers,
    sink: Arc<dyn BlobSink>,
    pub(super) blobs: BlobTable,
    wasi_http: WasiHttpCtx,
    hooks: Hooks,
    /// What the host last refused in this call.
    refusal: Option<Failure>,
}

/// What an import returns: the outer error ends the guest's call.
type Answered<T> = wasmtime::Result<Result<T, types::Error>>;

impl SourceCall {
    pub(super) fn new(powers: SourcePowers, limits: &CallLimits) -> Self {
        let hooks = Hooks::new(Arc::clone(&powers.egress), limits.requests_max);
        Self {
            powers,
            sink: Arc::new(super::blobs::NoBlobs),
            blobs: BlobTable::default(),
            wasi_http: WasiHttpCtx::new(),
            hooks,
            refusal: None,
        }
    }

    /// Begins a call whose attachments go into `sink`.
    pub(super) fn begin(&mut self, sink: Arc<dyn BlobSink>) {
        self.sink = sink;
        self.blobs.begin();
        self.hooks.begin();
        self.refusal = None;
    }

    /// What the host last refused in this call.
    pub(super) fn refusal(&self) -> Option<Failure> {
        self.refusal.clone().or_else(|| self.hooks.refusal())
    }

    fn answer<T>(&mut self, result: Result<T, Failure>) -> Answered<T> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(failure) if failure.code == STAGE_UNWRITABLE => Err(Stop::Host(failure).into()),
            Err(failure) => {
                self.refusal = Some(failure.clone());
                Ok(Err(in_guest_words(failure)))
            }
        }
    }
}

/// The contract's record for what the host refused.
fn in_guest_words(failure: Failure) -> types::Error {
    let (kind, after) = match failure.next {
        NextMove::Retry { after } => (types::ErrorKind::Retry, after),
        NextMove::Reject => (types::ErrorKind::Rejected, None),
        NextMove::AskPerson => (types::ErrorKind::Denied, None),
        NextMove::Stop => (types::ErrorKind::Other, None),
    };
    types::Error {
        kind,
        code: failure.code,
        message: failure.message,
        hint: failure.hint,
        retry_after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        extensions: Vec::new(),
    }
}

impl WasiHttpView for Guest<SourceCall> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let powers = &mut self.powers;
        WasiHttpCtxView { ctx: &mut powers.wasi_http, table: &mut self.table, hooks: &mut powers.hooks }
    }
}

impl Guest<SourceCall> {
    /// Runs file work on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(SourcePowers) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let powers = self.powers.powers.clone();
        let done = self.waiting(tokio::task::spawn_blocking(move || work(powers))).await;
        done.unwrap_or_else(|error| {
            Err(Failure::new("host-panic", NextMove::Stop, format!("reading a file ended badly: {error}")))
        })
    }
}

impl http::Host for Guest<SourceCall> {
    async fn send(&mut self, request: http::Request) -> Answered<http::Response> {
        self.meter.count_request()?;
        let egress = Arc::clone(&self.powers.powers.egress);
        let work = async {
            let mut answer = egress.send(request.into()).await?;
            let body = answer.collect(limits::RESPONSE_BODY_BYTES_MAX).await?;
            Ok(http::Response { status: answer.status, headers: answer.headers, body: egress.scrub().body(body) })
        };
        let response = self.waiting(work).await;
        self.powers.answer(response)
    }

    async fn fetch(&mut self, request: http::Request) -> Answered<http::Fetched> {
        self.meter.count_request()?;
        let powers = self.powers.powers.clone();
        let sink = Arc::clone(&self.powers.sink);
        let fetched = self.waiting(fetch(request.into(), powers, sink)).await;
        let fetched = fetched.and_then(|fetched| {
            let blob = fetched.blob.map(|blob| self.powers.blobs.keep(blob)).transpose()?;
            let Fetch { status, headers, excerpt, .. } = fetched;
            Ok(http::Fetched { status, headers, blob, excerpt })
        });
        self.powers.answer(fetched)
    }
}

impl From<http::Request> for Outgoing {
    fn from(request: http::Request) -> Self {
        let http::Request { method, url, headers, body, credential } = request;
        Self { method, url, headers, body, credential }
    }
}

/// A fetched answer before its blob has a number.
struct Fetch {
    status: u16,
    headers: Vec<(String, String)>,
    blob: Option<crate::item::BlobRef>,
    excerpt: Vec<u8>,
}

async fn fetch(outgoing: Outgoing, powers: SourcePowers, sink: Arc<dyn BlobSink>) -> Result<Fetch, Failure> {
    let mut answer = powers.egress.send(outgoing).await?;
    let headers = std::mem::take(&mut answer.headers);
    if answer.status != 200 {
        let mut excerpt = Vec::new();
        while excerpt.len() < limits::RESPONSE_EXCERPT_BYTES_MAX
            && let Some(chunk) = answer.chunk().await?
        {
            let room = limits::RESPONSE_EXCERPT_BYTES_MAX - excerpt.len();
            excerpt.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        let excerpt = powers.egress.scrub().body(excerpt);
        return Ok(Fetch { status: answer.status, headers, blob: None, excerpt });
    }
    let bytes_max = powers.attachment_bytes_max;
    answer.check_size(bytes_max)?;
    let staged = |error: std::io::Error| super::blobs::stage_failed(&error);
    // Network chunks are small: writing them into the stage's buffers does not hold the runtime up.
    let mut writer: Box<dyn BlobWriter> = sink.create().map_err(staged)?;
    let mut size = 0_u64;
    while let Some(chunk) = answer.chunk().await? {
        size += chunk.len() as u64;
        if size > bytes_max {
            return Err(answer.too_large(bytes_max));
        }
        writer.write(&chunk).map_err(staged)?;
    }
    let blob = tokio::task::spawn_blocking(move || writer.finish()).await;
    let blob = blob.map_err(std::io::Error::other).and_then(|finished| finished).map_err(staged)?;
    Ok(Fetch { status: answer.status, headers, blob: Some(blob), excerpt: Vec::new() })
}

impl folder::Host for Guest<SourceCall> {
    async fn entries(&mut self, under: String) -> Answered<Vec<folder::Entry>> {
        let listed = self.blocking(move |powers| powers.folders.list(&under)).await;
        let entry = |stamp: super::folders::FileStamp| folder::Entry {
            path: stamp.path,
            size: stamp.size,
            modified: stamp.modified_ms,
        };
        let listed = listed.map(|stamps| stamps.into_iter().map(entry).collect());
        self.powers.answer(listed)
    }

    async fn read(&mut self, path: String, offset: u64, max: u32) -> Answered<Vec<u8>> {
        let read = self.blocking(move |powers| powers.folders.read(&path, offset, max)).await;
        self.powers.answer(read)
    }

    async fn keep(&mut self, path: String) -> Answered<types::Blob> {
        let sink = Arc::clone(&self.powers.sink);
        let kept = self.blocking(move |powers| powers.folders.keep(&path, powers.attachment_bytes_max, &*sink)).await;
        let kept = kept.and_then(|blob| self.powers.blobs.keep(blob));
        self.powers.answer(kept)
    }
}

impl archive::Host for Guest<SourceCall> {
    async fn entries(&mut self, path: String) -> Answered<Vec<archive::Entry>> {
        let listed =
            self.blocking(move |powers| powers.folders.with_archive(&path, |archive| Ok(archive.entries()))).await;
        let entry = |entry: &super::archive::Entry| archive::Entry {
            index: entry.index,
            name: entry.name.clone(),
            size: entry.size,
        };
        let listed = listed.map(|entries| entries.iter().map(entry).collect());
        self.powers.answer(listed)
    }

    async fn read(&mut self, path: String, index: u32, offset: u64, max: u32) -> Answered<Vec<u8>> {
        let read =
            move |powers: SourcePowers| powers.folders.with_archive(&path, |archive| archive.read(index, offset, max));
        let read = self.blocking(read).await;
        self.powers.answer(read)
    }

    async fn keep(&mut self, path: String, index: u32) -> Answered<types::Blob> {
        let sink = Arc::clone(&self.powers.sink);
        let keep = move |powers: SourcePowers| {
            let bytes_max = powers.attachment_bytes_max;
            powers.folders.with_archive(&path, |archive| archive.keep(index, bytes_max, &*sink))
        };
        let kept = self.blocking(keep).await;
        let kept = kept.and_then(|blob| self.powers.blobs.keep(blob));
        self.powers.answer(kept)
    }
}

impl blobs::Host for Guest<SourceCall> {
    async fn create(&mut self) -> Answered<u32> {
        let SourceCall { blobs, sink, .. } = &mut self.powers;
        let created = blobs.create(&**sink);
        self.powers.answer(created)
    }

    async fn write(&mut self, writer: u32, chunk: Vec<u8>) -> Answered<()> {
        let bytes_max = self.powers.powers.attachment_bytes_max;
        let written = self.powers.blobs.write(writer, &chunk, bytes_max);
        self.powers.answer(written)
    }

    async fn finish(&mut self, writer: u32) -> Answered<types::Blob> {
        let finished = self.powers.blobs.finish(writer);
        self.powers.answer(finished)
    }
}
