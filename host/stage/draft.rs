//! A page being written: attachments first, while the source is still answering, then the page itself.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use super::{PageName, Stage, bundle};
use crate::item::{BlobRef, BlobSink, BlobWriter, Failure, Page};

/// A page on its way in. Dropped without [`PageDraft::commit`], its files are rubbish that the next start collects.
pub struct PageDraft {
    stage: Arc<Stage>,
    /// Opened before the first write, because `syncfs` reports what failed since then.
    system: Mutex<Option<OwnedFd>>,
}

/// Numbers temporary files within this process.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

impl PageDraft {
    pub(super) fn new(stage: Arc<Stage>) -> Arc<Self> {
        Arc::new(Self { stage, system: Mutex::new(None) })
    }

    /// Writes the page and makes it and its attachments durable.
    ///
    /// # Errors
    /// `disk-full`, `no-permission` or `stage-io`. The page is then not there, as far as anybody knows.
    pub fn commit(&self, page: &Page) -> Result<PageName, Failure> {
        self.try_commit(page).map_err(|error| self.stage.failure("writing a page", &error))
    }

    fn try_commit(&self, page: &Page) -> io::Result<PageName> {
        self.watch()?;
        let bytes = bundle::encode(page)?;
        let name = self.stage.name_of(&bytes);
        let (path, mut file) = self.temporary()?;
        file.write_all(&bytes)?;
        drop(file);
        fs::rename(path, self.stage.page_path(&name))?;
        let system = self.system.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(system) = system {
            rustix::fs::syncfs(system)?;
        }
        Ok(name)
    }

    fn watch(&self) -> io::Result<()> {
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
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

impl BlobSink for PageDraft {
    fn create(&self) -> io::Result<Box<dyn BlobWriter>> {
        self.watch()?;
        let (path, file) = self.temporary()?;
        Ok(Box::new(StagedWriter {
            stage: Arc::clone(&self.stage),
            path: Some(path),
            file: BufWriter::with_capacity(64 << 10, file),
            hasher: Sha256::new(),
            size: 0,
        }))
    }
}

struct StagedWriter {
    stage: Arc<Stage>,
    path: Option<PathBuf>,
    file: BufWriter<File>,
    hasher: Sha256,
    size: u64,
}

impl BlobWriter for StagedWriter {
    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.hasher.update(chunk);
        self.size += chunk.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<BlobRef> {
        self.file.flush()?;
        let sha256: [u8; 32] = self.hasher.finalize_reset().into();
        let name = self.stage.keyed(&sha256);
        if let Some(path) = self.path.take() {
            fs::rename(path, self.stage.attachment_path(&name))?;
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
