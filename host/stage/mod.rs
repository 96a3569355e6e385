//! The durable waiting room between source and mailbox: pages and attachments, sealed.
//!
//! What lives here: one object per page, one per attachment, named by HMAC under the connector's key, sealed with `age`
//! for this host's key and for escrow ([`Keyring`]), in a local folder or in an object store. What may not: knowledge of
//! windows, items' fates or plugins; the ledger says which pages are still needed.
//!
//! A page's objects are drafted in `tmp`, sealed as they are written, and made durable together before
//! [`PageDraft::commit`] returns: a local folder renames them and ends with one `syncfs`; an object store takes each
//! whole or not at all, only if it is not there yet, the page last. The ledger may refer to the page only after that.
//! Whatever the ledger does not refer to is rubbish of a crash and is collected at start, so a torn file under a final
//! name is never read.
//!
//! ```text
//! <data_dir>/stage/<connector>/pages/<64 hex>.age      bundle (see `bundle`), sealed; the name is its HMAC
//! <data_dir>/stage/<connector>/attachments/<64 hex>.age      sealed; the name is the HMAC of its SHA-256
//! <data_dir>/stage/<connector>/tmp/      drafts, sealed already; always here
//! <prefix>/<32 hex>/pages/…, attachments/…      in an object store; the folder is the HMAC of the connector's name
//! ```
//!
//! An object without `.age` was staged in the clear by an older version; it is still read.
//!
//! Reading proves what is read: `age` refuses what was changed or cut, and the content must be what the name (page) or
//! the page (attachment) says, so that an object in another's place is refused too.

mod bundle;
mod draft;
mod holdings;
mod keys;
mod local;
mod objects;
mod read;
mod remote;

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    item::{BlobRef, BlobSource, Failure, NextMove, Page, hex, limits},
    store::Store,
};

use local::Folder;
use objects::{Kind, Objects, Place};
use read::{Attachment, Opened};
use remote::Remote;

pub use draft::PageDraft;
pub use holdings::Holding;
pub use keys::Keyring;

/// The stage's name for a page.
pub type PageName = [u8; 32];

/// Where a host's waiting rooms are, and what seals them.
#[derive(Clone)]
pub struct Staging {
    /// The local folder: of the objects, or with an object store of the drafts alone.
    pub root: PathBuf,
    /// What seals and opens.
    pub keys: Arc<Keyring>,
    /// The object store, when objects lie in one.
    pub store: Option<Store>,
}

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Objects.
    pub objects: u64,
    /// Their bytes, as they lay there.
    pub bytes: u64,
}

/// One connector's waiting room.
pub struct Stage {
    root_parent: PathBuf,
    root: PathBuf,
    key: [u8; 32],
    keys: Arc<Keyring>,
    objects: Box<dyn Objects>,
    /// What the pages that were looked at refer to: an object store is asked for each once a turn.
    references: Mutex<HashMap<PageName, Vec<[u8; 32]>>>,
}

impl Staging {
    /// A connector's waiting room. Nothing is touched or asked yet: whoever only reads does no more than this, also while
    /// a turn is writing there.
    pub fn open(&self, connector: &str, key: [u8; 32]) -> Arc<Stage> {
        let root = self.root.join(connector);
        let objects: Box<dyn Objects> = match &self.store {
            None => Box::new(Folder { root: root.clone() }),
            Some(store) => {
                let folder = hex(&keyed(&key, connector.as_bytes())[..16]);
                Box::new(Remote { store: store.clone(), folder })
            }
        };
        let (root_parent, keys, references) = (self.root.clone(), Arc::clone(&self.keys), Mutex::default());
        Arc::new(Stage { root_parent, root, key, keys, objects, references })
    }
}

impl Stage {
    /// Makes what is missing, durably, and removes what an earlier process left in `tmp`. For the one turn that is going to
    /// write, before its first page: the drafts of another one would be lost.
    ///
    /// # Errors
    /// `stage-io` when the folder cannot be used.
    pub fn prepare(&self) -> Result<(), Failure> {
        self.try_prepare().map_err(|error| failure(&self.root.display().to_string(), "opening it", &error))
    }

    fn try_prepare(&self) -> io::Result<()> {
        let drafts = self.root.join("tmp");
        fs::create_dir_all(&drafts)?;
        for entry in fs::read_dir(drafts)? {
            fs::remove_file(entry?.path())?;
        }
        self.objects.prepare()?;
        fs::File::open(&self.root)?.sync_all()?;
        fs::File::open(&self.root_parent)?.sync_all()
    }

    /// Begins a page.
    pub fn page(self: &Arc<Self>) -> Arc<PageDraft> {
        PageDraft::new(Arc::clone(self))
    }

    /// Reads a page back.
    ///
    /// # Errors
    /// `stage-page-lost` when it is gone or damaged; what an object store fails with.
    pub fn read_page(&self, name: &PageName) -> Result<Page, Failure> {
        self.try_read_page(name).map_err(|error| self.page_lost(name, &error))
    }

    fn try_read_page(&self, name: &PageName) -> io::Result<Page> {
        let mut bytes = Vec::new();
        self.opened(Kind::Page, name)?.take(limits::STAGED_PAGE_BYTES_MAX).read_to_end(&mut bytes)?;
        if self.keyed(&bytes) != *name {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its content does not match its name"));
        }
        bundle::decode(&bytes)
    }

    /// Removes every page not in `keep` and every attachment that no kept page refers to. While a page is missing that must
    /// be here (`true` in `keep`), no attachment is removed: it may come back, and nobody knows which are its.
    ///
    /// # Errors
    /// `stage-io` when a folder cannot be read or a file not removed; what an object store fails with.
    pub fn collect(&self, keep: &HashMap<PageName, bool>) -> Result<Collected, Failure> {
        self.try_collect(keep).map_err(|error| self.failure("collecting what is not needed", &error))
    }

    fn try_collect(&self, keep: &HashMap<PageName, bool>) -> io::Result<Collected> {
        let is_kept = |place: &Place| place.name().is_some_and(|name| keep.contains_key(&name));
        let (kept, mut gone): (Vec<_>, Vec<_>) =
            self.objects.list(Kind::Page)?.into_iter().partition(|page| is_kept(&page.place));
        let here: HashSet<PageName> = kept.iter().filter_map(|page| page.place.name()).collect();
        let is_whole = keep.iter().all(|(name, must_be_here)| !must_be_here || here.contains(name));
        let attachments = if is_whole { self.objects.list(Kind::Attachment)? } else { Vec::new() };
        if !attachments.is_empty() {
            let mut needed = HashSet::new();
            for page in &kept {
                needed.extend(self.references(&page.place)?);
            }
            let is_needed = |place: &Place| place.name().is_some_and(|name| needed.contains(&name));
            gone.extend(attachments.into_iter().filter(|attachment| !is_needed(&attachment.place)));
        }
        let collected =
            Collected { objects: gone.len() as u64, bytes: gone.iter().map(|object| object.bytes).sum::<u64>() };
        let places: Vec<Place> = gone.into_iter().map(|object| object.place).collect();
        if !places.is_empty() {
            self.objects.delete(&places)?;
        }
        Ok(collected)
    }

    /// The attachments that a page refers to.
    fn references(&self, page: &Place) -> io::Result<Vec<[u8; 32]>> {
        let known = |name: [u8; 32]| self.referred().get(&name).cloned();
        if let Some(attachments) = page.name().and_then(known) {
            return Ok(attachments);
        }
        let attachments = bundle::attachments(&mut self.open_place(page)?)?;
        if let Some(name) = page.name() {
            self.referred().insert(name, attachments.clone());
        }
        Ok(attachments)
    }

    fn referred(&self) -> MutexGuard<'_, HashMap<PageName, Vec<[u8; 32]>>> {
        self.references.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object in the clear.
    fn opened(&self, kind: Kind, name: &[u8; 32]) -> io::Result<Opened> {
        match self.open_place(&Place::sealed(kind, name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.open_place(&Place::clear(kind, name)).map_err(|_| error)
            }
            opened => opened,
        }
    }

    fn open_place(&self, place: &Place) -> io::Result<Opened> {
        let bytes = self.objects.get(place)?;
        if !place.file.ends_with(".age") {
            return Ok(Opened::Clear(bytes));
        }
        let bytes = BufReader::with_capacity(64 << 10, bytes);
        Ok(Opened::Sealed(Box::new(self.keys.open_sealed(bytes)?)))
    }

    fn keyed(&self, bytes: &[u8]) -> [u8; 32] {
        keyed(&self.key, bytes)
    }

    fn failure(&self, what: &str, error: &io::Error) -> Failure {
        failure(&self.objects.label(), what, error)
    }

    fn page_lost(&self, name: &PageName, error: &io::Error) -> Failure {
        if let Some(failure) = Failure::within(error) {
            return failure.clone();
        }
        let message = format!(
            "the staged page `{}` in `{}` cannot be read: {error}",
            Place::sealed(Kind::Page, name).file,
            self.objects.label()
        );
        Failure::new("stage-page-lost", NextMove::Stop, message)
            .hint("restore the stage from a backup, or run `chancery sync --window FROM..TO` to read the window again")
    }
}

impl BlobSource for Stage {
    fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn Read + Send>> {
        let label = self.objects.label();
        let bytes = self.opened(Kind::Attachment, &blob.name).map_err(|error| read::lost(&label, &error))?;
        Ok(Box::new(Attachment::new(bytes, blob.clone(), label)))
    }
}

fn keyed(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

fn failure(label: &str, what: &str, error: &io::Error) -> Failure {
    let other = Failure::new("stage-io", NextMove::Stop, format!("the stage `{label}` failed at {what}: {error}"))
        .hint("look at the disk (`dmesg`), then run `chancery sync` again");
    Failure::of_disk(error, other)
}

/// Makes the folder of the waiting rooms.
///
/// # Errors
/// `stage-io`.
pub fn make_root(root: &Path) -> Result<(), Failure> {
    fs::create_dir_all(root).map_err(|error| {
        Failure::new("stage-io", NextMove::AskPerson, format!("cannot make the stage `{}`: {error}", root.display()))
    })
}

#[cfg(test)]
mod tests;
