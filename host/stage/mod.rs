//! The durable waiting room between source and mailbox: pages and attachments.
//!
//! What lives here: one object per page, one per attachment, named by HMAC under the connector's key. What may not:
//! knowledge of windows, items' fates or plugins; the ledger says which pages are still needed.
//!
//! A page's files are written to `tmp`, renamed, and made durable together by one `syncfs` before
//! [`PageDraft::commit`] returns; the ledger may refer to the page only after that. Whatever the ledger does not refer
//! to is rubbish of a crash and is collected at start, so a torn file under a final name is never read.
//!
//! ```text
//! <root>/<connector>/pages/<64 hex>      header (below), then the page
//! <root>/<connector>/attachments/<64 hex>
//! <root>/<connector>/tmp/
//! ```

mod bundle;
mod draft;

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::item::{BlobRef, BlobSource, Failure, NextMove, Page};

pub use draft::PageDraft;

/// The stage's name for a page.
pub type PageName = [u8; 32];

/// One connector's waiting room in a local folder.
pub struct Stage {
    root: PathBuf,
    key: [u8; 32],
}

impl Stage {
    /// Opens a connector's waiting room, creating it when it is missing. What an earlier process left in `tmp` is
    /// removed.
    ///
    /// # Errors
    /// `stage-io` when the folder cannot be used.
    pub fn open(root: &Path, connector: &str, key: [u8; 32]) -> Result<Arc<Self>, Failure> {
        let stage = Self { root: root.join(connector), key };
        let prepare = || -> io::Result<()> {
            for part in ["pages", "attachments", "tmp"] {
                fs::create_dir_all(stage.root.join(part))?;
            }
            for entry in fs::read_dir(stage.root.join("tmp"))? {
                fs::remove_file(entry?.path())?;
            }
            File::open(&stage.root)?.sync_all()?;
            File::open(root)?.sync_all()
        };
        prepare().map_err(|error| stage.failure("opening it", &error))?;
        Ok(Arc::new(stage))
    }

    /// Begins a page.
    pub fn page(self: &Arc<Self>) -> Arc<PageDraft> {
        PageDraft::new(Arc::clone(self))
    }

    /// Reads a page back.
    ///
    /// # Errors
    /// `stage-page-lost` when it is gone or damaged.
    pub fn read_page(&self, name: &PageName) -> Result<Page, Failure> {
        let path = self.page_path(name);
        let bytes = fs::read(&path).map_err(|error| self.lost(&path, &error))?;
        if self.name_of(&bytes) != *name {
            return Err(
                self.lost(&path, &io::Error::new(io::ErrorKind::InvalidData, "its content does not match its name"))
            );
        }
        bundle::decode(&bytes).map_err(|error| self.lost(&path, &error))
    }

    /// Removes every page not in `keep` and every attachment that no kept page refers to; returns how many files went.
    ///
    /// # Errors
    /// `stage-io` when a folder cannot be read or a file not removed.
    pub fn collect(&self, keep: &HashSet<PageName>) -> Result<usize, Failure> {
        self.try_collect(keep).map_err(|error| self.failure("collecting what is not needed", &error))
    }

    fn try_collect(&self, keep: &HashSet<PageName>) -> io::Result<usize> {
        let mut removed = 0;
        let mut needed = HashSet::new();
        for entry in fs::read_dir(self.root.join("pages"))? {
            let path = entry?.path();
            if file_name(&path).is_some_and(|name| keep.contains(&name)) {
                needed.extend(bundle::attachments(&mut File::open(&path)?)?);
            } else {
                fs::remove_file(path)?;
                removed += 1;
            }
        }
        for entry in fs::read_dir(self.root.join("attachments"))? {
            let path = entry?.path();
            if !file_name(&path).is_some_and(|name| needed.contains(&name)) {
                fs::remove_file(path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn name_of(&self, bytes: &[u8]) -> [u8; 32] {
        self.keyed(bytes)
    }

    fn keyed(&self, bytes: &[u8]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of 32 bytes");
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    fn page_path(&self, name: &PageName) -> PathBuf {
        self.root.join("pages").join(hex(name))
    }

    fn attachment_path(&self, name: &[u8; 32]) -> PathBuf {
        self.root.join("attachments").join(hex(name))
    }

    fn failure(&self, what: &str, error: &io::Error) -> Failure {
        let (code, next, hint) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ("disk-full", NextMove::AskPerson, "free space there, then run `chancery sync` again: nothing is lost")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
                "no-permission",
                NextMove::AskPerson,
                "give the user that runs chancery the right to write there, then run `chancery sync` again",
            ),
            _ => ("stage-io", NextMove::Stop, "look at the disk (`dmesg`), then run `chancery sync` again"),
        };
        Failure::new(code, next, format!("the stage `{}` failed at {what}: {error}", self.root.display())).hint(hint)
    }

    fn lost(&self, path: &Path, error: &io::Error) -> Failure {
        Failure::new(
            "stage-page-lost",
            NextMove::Stop,
            format!("the staged page `{}` cannot be read: {error}", path.display()),
        )
        .hint(
            "restore the stage folder from a backup, or run `chancery sync --window FROM..TO` to read the window again",
        )
    }
}

impl BlobSource for Stage {
    fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.attachment_path(&blob.name))?))
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn file_name(path: &Path) -> Option<[u8; 32]> {
    let name = path.file_name()?.to_str()?;
    let mut bytes = [0; 32];
    if name.len() != 64 || !name.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&name[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
