//! A page being written: attachments first, while the source is still answering, then the page itself. Everything is
//! sealed before it touches a disk.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use age::stream::StreamWriter;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use super::{
    PageName, Stage, bundle,
    objects::{Drafted, Kind, Place},
};
use crate::item::{BlobRef, BlobSink, BlobWriter, Failure, Page};

/// A page on its way in. Dropped without [`PageDraft::commit`], it leaves nothing behind.
pub struct PageDraft {
    stage: Arc<Stage>,
    /// Opened before the first write, because `syncfs` reports what failed since then.
    system: Mutex<Option<OwnedFd>>,
    /// Its attachments, in `tmp` still. Shared with their writers.
    drafted: Arc<Mutex<Vec<Drafted>>>,
}

/// Numbers temporary files within this process.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

impl PageDraft {
    pub(super) fn new(stage: Arc<Stage>) -> Arc<Self> {
        Arc::new(Self { stage, system: Mutex::new(None), drafted: Arc::default() })
    }

    /// Writes the page and makes it and its attachments durable. A failure that may pass can be followed by another try.
    ///
    /// # Errors
    /// `disk-full`, `no-permission`, `stage-io`; for an object store `store-unreachable` and `store-denied`. The page is
    /// then not there, as far as anybody knows.
    pub fn commit(&self, page: &Page) -> Result<PageName, Failure> {
        self.try_commit(page).map_err(|error| self.stage.failure("writing a page", &error))
    }

    fn try_commit(&self, page: &Page) -> io::Result<PageName> {
        self.watch()?;
        let bytes = bundle::encode(page)?;
        let name = self.stage.keyed(&bytes);
        let (path, file) = self.temporary()?;
        let mut drafted = self.drafted();
        drafted.push(Drafted { path, place: Place::sealed(Kind::Page, &name) });
        let mut sealed = self.stage.keys.seal(file)?;
        sealed.write_all(&bytes)?;
        sealed.finish()?;
        let system = unpoisoned(&self.system).take();
        let put = system.map_or(Ok(()), |system| self.stage.objects.put(&drafted, system));
        // The attachments stay for another try; the page is written anew.
        if put.is_err()
            && let Some(page) = drafted.pop()
        {
            let _rubbish_is_collected_at_start = fs::remove_file(page.path);
        }
        put?;
        remove(std::mem::take(&mut *drafted));
        Ok(name)
    }

    fn drafted(&self) -> MutexGuard<'_, Vec<Drafted>> {
        unpoisoned(&self.drafted)
    }

    fn watch(&self) -> io::Result<()> {
        let mut system = unpoisoned(&self.system);
        if system.is_none() {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            *system = Some(rustix::fs::open(&self.stage.root, flags, Mode::empty())?);
        }
        Ok(())
    }

    fn temporary(&self) -> io::Result<(PathBuf, File)> {
        let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let path = self.stage.root.join("tmp").join(format!("{}-{number}", std::process::id()));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok((path, file))
    }
}

impl Drop for PageDraft {
    fn drop(&mut self) {
        remove(std::mem::take(&mut *self.drafted()));
    }
}

/// Removes what lies in `tmp` of these; a local stage has moved them away.
fn remove(drafted: Vec<Drafted>) {
    for draft in drafted {
        let _rubbish_is_collected_at_start = fs::remove_file(draft.path);
    }
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlobSink for PageDraft {
    fn create(&self) -> io::Result<Box<dyn BlobWriter>> {
        self.watch()?;
        let (path, file) = self.temporary()?;
        Ok(Box::new(StagedWriter {
            stage: Arc::clone(&self.stage),
            drafted: Arc::clone(&self.drafted),
            sealed: Some(self.stage.keys.seal(BufWriter::with_capacity(64 << 10, file))?),
            path: Some(path),
            hasher: Sha256::new(),
            size: 0,
        }))
    }
}

struct StagedWriter {
    stage: Arc<Stage>,
    drafted: Arc<Mutex<Vec<Drafted>>>,
    sealed: Option<StreamWriter<BufWriter<File>>>,
    path: Option<PathBuf>,
    hasher: Sha256,
    size: u64,
}

impl BlobWriter for StagedWriter {
    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if let Some(sealed) = &mut self.sealed {
            sealed.write_all(chunk)?;
        }
        self.hasher.update(chunk);
        self.size += chunk.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<BlobRef> {
        if let Some(sealed) = self.sealed.take() {
            sealed.finish()?.flush()?;
        }
        let sha256: [u8; 32] = self.hasher.finalize_reset().into();
        let name = self.stage.keyed(&sha256);
        if let Some(path) = self.path.take() {
            unpoisoned(&self.drafted).push(Drafted { path, place: Place::sealed(Kind::Attachment, &name) });
        }
        Ok(BlobRef { name, size: self.size, sha256 })
    }
}

impl Drop for StagedWriter {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            let _rubbish_is_collected_at_start = fs::remove_file(path);
        }
    }
}
