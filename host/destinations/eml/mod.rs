//! Messages as files: zip archives of `.eml`, each with a manifest.
//!
//! A group becomes one archive, `<root>/<date>-<hash>.zip`, written aside, synced, and renamed: an archive is there whole
//! or not at all, and is never written again. Its `manifest.csv` names every file with its mailbox, Message-ID, size and
//! SHA-256, and is what copies in doubt are looked for in.

mod archive;

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{
    Asked, Capabilities, Delivered, Delivery, Destination, Finding, Mailboxes, Note, Show, maildir::check_root,
};
use crate::item::{BlobSource, Failure, NextMove, limits};

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct EmlSettings {
    /// Folder of the archives.
    pub root: PathBuf,
    /// Folder name in each mailbox.
    pub folder: String,
    /// Which addresses are mailboxes; nothing exists beforehand.
    pub mailboxes: Mailboxes,
    /// Largest message.
    pub message_bytes_max: Option<u64>,
}

/// Archives below one root.
pub struct Eml {
    identity: String,
    settings: Arc<EmlSettings>,
    /// Which copies the archives hold, once somebody was in doubt.
    known: Arc<Mutex<Option<HashSet<Key>>>>,
}

/// A copy: the first half of the SHA-256 of mailbox and Message-ID.
type Key = [u8; 16];

fn key(mailbox: &str, message_id: &str) -> Key {
    let mut hasher = Sha256::new();
    hasher.update((mailbox.len() as u64).to_le_bytes());
    hasher.update(mailbox);
    hasher.update(message_id);
    let digest: [u8; 32] = hasher.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

impl Eml {
    /// Opens the root, creating it when it is missing.
    ///
    /// # Errors
    /// `eml-root` when it cannot be created or is no folder.
    pub fn open(settings: EmlSettings) -> Result<Self, Failure> {
        let root = &settings.root;
        let path = fs::create_dir_all(root).and_then(|()| root.canonicalize()).map_err(|error| {
            let message = format!("cannot use `{}` as the root of archives: {error}", root.display());
            Failure::new("eml-root", NextMove::AskPerson, message)
                .hint("give the user that runs chancery the right to write there, or change `root` of this destination")
        })?;
        let identity = format!("eml:{}", path.display());
        Ok(Self { identity, settings: Arc::new(EmlSettings { root: path, ..settings }), known: Arc::default() })
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&EmlSettings, &mut Option<HashSet<Key>>) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Failure>> {
        let (settings, known) = (Arc::clone(&self.settings), Arc::clone(&self.known));
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                work(&settings, &mut known.lock().unwrap_or_else(PoisonError::into_inner))
            });
            done.await.unwrap_or_else(|error| {
                Err(Failure::new("host-panic", NextMove::Stop, format!("writing an archive ended: {error}")))
            })
        })
    }
}

impl Destination for Eml {
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
            Ok(addresses.iter().map(|address| self.settings.mailboxes.find(address, |_| false)).collect())
        })
    }

    fn deliver(
        &self,
        group: Vec<Delivery>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'_, Result<Vec<Delivered>, Failure>> {
        self.blocking(move |settings, known| {
            let outcome = archive::write(settings, &group, &*blobs)?;
            if let Some(known) = known {
                known.extend(group.iter().map(|copy| key(&copy.mailbox, &copy.message.message_id)));
            }
            Ok(vec![outcome; group.len()])
        })
    }

    fn read_back<'a>(
        &'a self,
        mailbox: &'a str,
        mut wanted: HashSet<[u8; 32]>,
        show: &'a mut Show<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let mailbox = mailbox.to_owned();
        let (to, mut coming) = mpsc::channel::<([u8; 32], Vec<u8>)>(1);
        let reading = self.blocking(move |settings, _| {
            let root = &settings.root;
            let mut hand_over = |sha256, bytes: &[u8]| {
                to.blocking_send((sha256, bytes.to_vec())).map_err(|_| io::ErrorKind::BrokenPipe.into())
            };
            for path in archives(root).map_err(|error| trouble(root, &error))? {
                archive::show(&path, &mailbox, &mut wanted, &mut hand_over).map_err(|error| trouble(&path, &error))?;
            }
            Ok(())
        });
        Box::pin(async move {
            let showing = async move {
                while let Some((sha256, bytes)) = coming.recv().await {
                    show(sha256, &bytes).map_err(|error| {
                        let message = format!("a mail that was read back cannot be written: {error}");
                        Failure::new("mail-unwritable", NextMove::AskPerson, message)
                            .hint("free space, then run the command again")
                    })?;
                }
                Ok(())
            };
            // Who cannot show any more says why; that nobody listens is all that the reading knows of it.
            let (read, shown) = futures::future::join(reading, showing).await;
            shown.and(read)
        })
    }

    /// Archives have one folder a mailbox, and nobody moves mail in them.
    fn inventory<'a>(
        &'a self,
        mailbox: &'a str,
        asked: Asked<'a>,
        note: &'a mut Note<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let root = &self.settings.root;
            if matches!(asked, Asked::Elsewhere(_)) {
                return Ok(());
            }
            for path in archives(root).map_err(|error| trouble(root, &error))? {
                archive::sight(&path, mailbox, note).map_err(|error| trouble(&path, &error))?;
            }
            Ok(())
        })
    }

    fn check<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move { vec![check_root(&self.settings.root)] })
    }

    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>> {
        let wanted: Vec<Key> = group.iter().map(|copy| key(&copy.mailbox, &copy.message.message_id)).collect();
        self.blocking(move |settings, known| {
            let root = &settings.root;
            let known = match known {
                Some(known) => known,
                None => {
                    let mut found = HashSet::new();
                    for path in archives(root).map_err(|error| trouble(root, &error))? {
                        let rows = archive::manifest(&path).map_err(|error| trouble(&path, &error))?;
                        found.extend(rows.iter().map(|row| key(&row.mailbox, &row.message_id)));
                    }
                    // Whoever renamed them may have died before their names were durable.
                    sync_folder(root).map_err(|error| in_doubt(root, &error))?;
                    known.insert(found)
                }
            };
            Ok(wanted.iter().map(|key| known.contains(key).then(Vec::new)).collect())
        })
    }
}

/// The archives, in the order of their names.
fn archives(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".zip") && !name.starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn sync_folder(root: &Path) -> io::Result<()> {
    File::open(root)?.sync_all()
}

/// Nothing of the group is there.
fn trouble(path: &Path, error: &io::Error) -> Failure {
    let message = format!("`{}` cannot be read or written: {error}", path.display());
    let (code, next, hint) = match error.kind() {
        io::ErrorKind::InvalidData => (
            "eml-damaged",
            NextMove::AskPerson,
            "restore it from a backup, or move it out of the folder, then run `chancery sync` again",
        ),
        _ => ("eml-io", NextMove::Retry { after: None }, "run `chancery doctor`"),
    };
    Failure::of_disk(error, Failure::new(code, next, message).hint(hint))
}

/// A sync or rename failed: what is on the disk is not known.
fn in_doubt(path: &Path, error: &io::Error) -> Failure {
    let message = format!("`{}` could not be made durable: {error}", path.display());
    Failure::new("eml-sync-failed", NextMove::Stop, message).hint(
        "look at the disk (`dmesg`), then run `chancery sync` again: copies in doubt are looked for before anything is written",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;
    use crate::item::{BlobRef, Message, Splice};

    /// A stage that is out of reach.
    struct Away;

    impl BlobSource for Away {
        fn open(&self, _: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
            let away = Failure::new("store-unreachable", NextMove::Retry { after: None }, "away");
            Err(away.into_io(io::ErrorKind::TimedOut))
        }
    }

    fn copy(splices: &[Splice]) -> Delivery {
        let text = "Message-ID: <a@b>\r\n\r\nText.\r\n";
        let message = Message { skeleton: text.as_bytes().into(), splices: splices.into(), message_id: "<a@b>".into() };
        Delivery { mailbox: "anna@example.com".into(), message, received_at_ms: 0 }
    }

    fn eml(root: &Path) -> Eml {
        let mailboxes = Mailboxes::Domains(["example.com".to_owned()].into());
        let (root, folder) = (root.to_owned(), "Chats".to_owned());
        Eml::open(EmlSettings { root, folder, mailboxes, message_bytes_max: None }).unwrap()
    }

    #[tokio::test]
    async fn what_the_stage_says_of_an_attachment_is_passed_on_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let splice = Splice { offset: 19, blob: BlobRef { name: [0; 32], size: 3, sha256: [0; 32] } };
        let failure = eml(root.path()).deliver(vec![copy(&[splice])], Arc::new(Away)).await.unwrap_err();
        assert_eq!((&*failure.code, failure.next), ("store-unreachable", NextMove::Retry { after: None }));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_message_is_read_back_and_who_cannot_show_it_says_why() {
        let root = tempfile::tempdir().unwrap();
        let eml = eml(root.path());
        let copy = copy(&[]);
        let sha256 = copy.message.sha256(&Away).unwrap();
        eml.deliver(vec![copy.clone()], Arc::new(Away)).await.unwrap();
        let mut shown = Vec::new();
        let mut show = |_: [u8; 32], bytes: &[u8]| {
            shown.push(bytes.to_vec());
            Ok(())
        };
        eml.read_back("anna@example.com", [sha256, [7; 32]].into(), &mut show).await.unwrap();
        assert_eq!(shown, [copy.message.skeleton.to_vec()]);
        let mut full = |_: [u8; 32], _: &[u8]| Err(io::ErrorKind::StorageFull.into());
        let failure = eml.read_back("anna@example.com", [sha256].into(), &mut full).await.unwrap_err();
        assert_eq!(failure.code, "mail-unwritable");
    }
}
