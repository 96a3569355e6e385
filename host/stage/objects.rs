//! Where objects lie: a small trait, implemented by a local folder and by object stores.

use std::{
    io::{self, Read},
    os::fd::OwnedFd,
    path::PathBuf,
};

use crate::item::{hex, unhex};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Page,
    Attachment,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Page, Self::Attachment];

    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Page => "pages",
            Self::Attachment => "attachments",
        }
    }
}

/// An object's place: its folder, and its file name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) file: String,
}

impl Place {
    /// Of a sealed object.
    pub(super) fn sealed(kind: Kind, name: &[u8; 32]) -> Self {
        Self { kind, file: format!("{}.age", hex(name)) }
    }

    /// Of an object that an older chancery staged in the clear.
    pub(super) fn clear(kind: Kind, name: &[u8; 32]) -> Self {
        Self { kind, file: hex(name) }
    }

    /// The object's name; none for a file that is no object of ours.
    pub(super) fn name(&self) -> Option<[u8; 32]> {
        unhex(self.file.strip_suffix(".age").unwrap_or(&self.file))
    }
}

/// A sealed file in `tmp` that is to become an object.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

/// An object that is there.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) place: Place,
    pub(super) bytes: u64,
}

/// A place that keeps one connector's objects. An error of kind `NotFound` says that there is no such object; one that
/// carries a [`crate::item::Failure`] says everything itself; the others are the disk's.
pub(super) trait Objects: Send + Sync {
    /// For messages.
    fn label(&self) -> String;

    /// Makes what has to be there before the first object can be put.
    fn prepare(&self) -> io::Result<()>;

    /// Makes drafts objects, durable when this returns, the last one after all others. An object that is there already
    /// has the same content. `system` is the drafts' file system, opened before they were written.
    fn put(&self, drafted: &[Drafted], system: OwnedFd) -> io::Result<()>;

    /// Reads an object from its beginning.
    fn get(&self, place: &Place) -> io::Result<Box<dyn Read + Send>>;

    /// Everything of a kind.
    fn list(&self, kind: Kind) -> io::Result<Vec<Listed>>;

    /// Deletes; what is not there is no error.
    fn delete(&self, places: &[Place]) -> io::Result<()>;
}
