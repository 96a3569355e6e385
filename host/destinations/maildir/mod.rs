//! Maildir++: `<root>/<address>/.<Folder>/{tmp,new,cur}`.
//!
//! A group is written whole to `tmp`, made durable by one `syncfs`, renamed to `new`, and made durable again: two
//! syncs for a thousand copies over forty mailboxes. Names are deterministic, so that a copy in doubt is found again
//! in `new` or `cur`, whatever flags a reader gave it, and a rename that finds its name taken is no second copy.
//! A failed sync is never tried over: what it left behind is in doubt. A copy that is found again may have been put
//! there by a process that died before its sync, so it is made durable before it counts; and so is a mailbox's folder
//! that this process has not used before.

mod folder;
mod inventory;
mod name;

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::{Asked, Capabilities, Delivered, Delivery, Destination, Finding, Mailboxes, Note, Show};
use crate::item::{BlobSource, Failure, NextMove, limits};

use folder::{Folder, Folders};

/// Groups of fewer files are synced file by file: cheaper than waiting for everything else on the file system.
const SYNC_WHOLE_FROM_FILES: usize = 32;

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct MaildirSettings {
    /// Folder that holds the mailboxes.
    pub root: PathBuf,
    /// Folder name in each mailbox (`WhatsApp Archiver`).
    pub folder: String,
    /// Which addresses are mailboxes.
    pub mailboxes: Mailboxes,
    /// Largest message.
    pub message_bytes_max: Option<u64>,
}

/// Mailboxes below one root.
pub struct Maildir {
    identity: String,
    settings: MaildirSettings,
    folders: Arc<Mutex<Folders>>,
}

impl Maildir {
    /// Opens the root, creating it when it is missing.
    ///
    /// # Errors
    /// `maildir-root` when it cannot be created or is no folder.
    pub fn open(settings: MaildirSettings) -> Result<Self, Failure> {
        let root = &settings.root;
        std::fs::create_dir_all(root)
            .and_then(|()| root.canonicalize())
            .and_then(|path| Ok((Folders::open(&path, &settings.folder)?, path)))
            .map(|(folders, path)| Self {
                identity: format!("maildir:{}", path.display()),
                folders: Arc::new(Mutex::new(folders)),
                settings: settings.clone(),
            })
            .map_err(|error| {
                Failure::new(
                    "maildir-root",
                    NextMove::AskPerson,
                    format!("cannot use `{}` as the root of mailboxes: {error}", root.display()),
                )
                .hint("give the user that runs chancery the right to write there, or change `root` of this destination")
            })
    }

    fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Folders) -> Result<T, Trouble> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Failure>> {
        let folders = Arc::clone(&self.folders);
        Box::pin(async move {
            let done =
                tokio::task::spawn_blocking(move || work(&mut folders.lock().unwrap_or_else(PoisonError::into_inner)))
                    .await;
            match done {
                Ok(result) => result.map_err(|trouble| trouble.failure(what, &self.settings.root)),
                Err(error) => Err(Failure::new("maildir-panic", NextMove::Stop, format!("{what} ended: {error}"))),
            }
        })
    }
}

impl Destination for Maildir {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            message_bytes_max: self.settings.message_bytes_max,
            group_copies_max: limits::GROUP_COPIES_MAX,
            gather_copies: 0,
        }
    }

    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        Box::pin(async move {
            let exists = |address: &str| self.settings.root.join(address).is_dir();
            Ok(addresses.iter().map(|address| self.settings.mailboxes.find(address, exists)).collect())
        })
    }

    fn deliver(
        &self,
        group: Vec<Delivery>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'_, Result<Vec<Delivered>, Failure>> {
        self.blocking("writing mail", move |folders| deliver(folders, &group, &*blobs))
    }

    fn read_back<'a>(
        &'a self,
        mailbox: &'a str,
        mut wanted: HashSet<[u8; 32]>,
        show: &'a mut Show<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            // Looked at from outside: a mailbox that is not there is not made.
            let folder = folder::path(&self.settings.root, mailbox, &self.settings.folder);
            let mut read = || -> io::Result<()> {
                for part in ["new", "cur"] {
                    let entries = match std::fs::read_dir(folder.join(part)) {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        entries => entries?,
                    };
                    for entry in entries {
                        let bytes = std::fs::read(entry?.path())?;
                        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
                        if wanted.remove(&sha256) {
                            show(sha256, &bytes)?;
                        }
                    }
                }
                Ok(())
            };
            read().map_err(|error| Trouble::Before(error).failure("reading mail back", &self.settings.root))
        })
    }

    fn inventory<'a>(
        &'a self,
        mailbox: &'a str,
        asked: Asked<'a>,
        note: &'a mut Note<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { inventory::inventory(&self.settings, mailbox, asked, note) })
    }

    fn check<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move { vec![check_root(&self.settings.root)] })
    }

    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>> {
        let wanted: Vec<(Arc<str>, String)> =
            group.iter().map(|copy| (Arc::clone(&copy.mailbox), name::base(copy))).collect();
        self.blocking("looking for mail", move |folders| {
            let found = folders.find(&wanted).map_err(Trouble::Before)?;
            if found.contains(&true) {
                // Whoever put it there may have died before its name was durable, and nobody will sync it later.
                let systems = folders.file_systems().map_err(Trouble::Before)?;
                folders.sync_systems(&systems).map_err(Trouble::InDoubt)?;
            }
            Ok(found.into_iter().map(|there| there.then(Vec::new)).collect())
        })
    }
}

/// A folder that holds mailboxes, as a check sees it.
pub(super) fn check_root(root: &Path) -> Finding {
    /// Free space below which an operator is told.
    const FREE_BYTES_MIN: u64 = 1 << 30;
    let shown = root.display();
    match rustix::fs::statvfs(root) {
        Err(error) => Finding::bad(format!("cannot look at `{shown}`: {error}"), "check that it is mounted"),
        Ok(_) if rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_err() => Finding::bad(
            format!("`{shown}` may not be written"),
            "give the user that runs chancery the right to write there",
        ),
        Ok(system) if system.f_bavail * system.f_frsize < FREE_BYTES_MIN => {
            let free_mib = (system.f_bavail * system.f_frsize) >> 20;
            Finding::bad(format!("`{shown}` has {free_mib} MiB free"), "free space there")
        }
        Ok(system) => {
            let free_gib = (system.f_bavail * system.f_frsize) >> 30;
            Finding::good(format!("`{shown}` may be written and has {free_gib} GiB free"))
        }
    }
}

/// When an IO error struck decides what is known about the group.
enum Trouble {
    /// Before the first rename: no copy of the group is in any mailbox.
    Before(io::Error),
    /// After it, or in a sync: the group is in doubt, and the file system may be lying.
    InDoubt(io::Error),
}

impl Trouble {
    fn failure(self, what: &str, root: &Path) -> Failure {
        let message = |error: &io::Error| format!("{what} below `{}` failed: {error}", root.display());
        match self {
            // Also what was to be written and could not be read: that is not the mail root's trouble.
            Self::Before(error) => {
                let other = Failure::new("maildir-io", NextMove::Retry { after: None }, message(&error));
                Failure::of_disk(&error, other.hint("run `chancery doctor`"))
            }
            Self::InDoubt(error) => Failure::new("maildir-sync-failed", NextMove::Stop, message(&error)).hint(
                "look at the disk (`dmesg`), then run `chancery sync` again: copies in doubt are looked for before anything is written",
            ),
        }
    }
}

fn deliver(folders: &mut Folders, group: &[Delivery], blobs: &dyn BlobSource) -> Result<Vec<Delivered>, Trouble> {
    folders.trim();
    let mut names = Vec::with_capacity(group.len());
    let mut places = Vec::with_capacity(group.len());
    for copy in group {
        places.push(folders.prepare(&copy.mailbox).map_err(Trouble::Before)?);
        names.push(name::base(copy));
    }
    let whole = group.len() >= SYNC_WHOLE_FROM_FILES;
    // Descriptors for `syncfs` are opened before the first write: it reports only what failed since then.
    let systems = folders.file_systems().map_err(Trouble::Before)?;
    for (index, copy) in group.iter().enumerate() {
        let folder = folders.at(places[index]);
        let file = match folder.write(&names[index], |file| copy.message.write_to(file, blobs)) {
            Ok(file) => file,
            Err(error) => {
                for (place, name) in places.iter().zip(&names).take(index + 1) {
                    folders.at(*place).forget(name);
                }
                return Err(Trouble::Before(error));
            }
        };
        if !whole {
            file.sync_all().map_err(Trouble::InDoubt)?;
        }
    }
    if whole {
        folders.sync_systems(&systems).map_err(Trouble::InDoubt)?;
    }
    let mut outcomes = Vec::with_capacity(group.len());
    for (copy, (place, name)) in group.iter().zip(places.iter().zip(&names)) {
        outcomes.push(settle(folders.at(*place), name, copy, blobs).map_err(Trouble::InDoubt)?);
    }
    let synced = if whole { folders.sync_systems(&systems) } else { folders.sync_new(&places, &systems) };
    synced.map_err(Trouble::InDoubt)?;
    Ok(outcomes)
}

fn settle(folder: &Folder, name: &str, copy: &Delivery, blobs: &dyn BlobSource) -> io::Result<Delivered> {
    if folder.publish(name)? {
        // No token: the name follows from the message, and a token would cost the ledger a sync.
        return Ok(Delivered::Stored(Vec::new()));
    }
    if folder.holds(name, |there| same_bytes(there, copy, blobs))? {
        return Ok(Delivered::AlreadyThere(Vec::new()));
    }
    Ok(Delivered::Refused(
        Failure::new(
            "mailbox-conflict",
            NextMove::Reject,
            format!("the mailbox already holds a file `{name}` with other bytes"),
        )
        .hint("move that file away, then run `chancery parked retry`"),
    ))
}

fn same_bytes(mut there: File, copy: &Delivery, blobs: &dyn BlobSource) -> io::Result<bool> {
    if there.metadata()?.len() != copy.message.size_bytes() {
        return Ok(false);
    }
    let mut hasher = Sha256::new();
    io::copy(&mut there, &mut hasher)?;
    Ok(hasher.finalize()[..] == copy.message.sha256(blobs)?)
}
