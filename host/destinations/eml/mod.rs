//! Messages as files: zip archives of `.eml`, each with a manifest.
//!
//! A group becomes one archive, `<date>-<hash>.zip`, in a folder (written aside, synced, and renamed) or in an object
//! store: it is there whole or not at all, and is never written again. Its `manifest.csv` names every file with its
//! mailbox, Message-ID, size and SHA-256, and is what copies in doubt are looked for in.

mod archive;
mod place;

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{Asked, Capabilities, Delivered, Delivery, Destination, Finding, Mailboxes, Note, Show, Sighting};
use crate::{
    item::{BlobSource, Failure, NextMove, limits},
    store::Store,
};

use archive::Row;
use place::{Folder, Objects, Place};

/// Messages that were looked at and not told of yet.
const SIGHTINGS_AHEAD_MAX: usize = 256;

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct EmlSettings {
    /// Folder name in each mailbox.
    pub folder: String,
    /// Which addresses are mailboxes; nothing exists beforehand.
    pub mailboxes: Mailboxes,
    /// Largest message.
    pub message_bytes_max: Option<u64>,
}

/// Archives in one place.
pub struct Eml {
    identity: String,
    settings: Arc<EmlSettings>,
    place: Arc<dyn Place>,
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
    /// Archives in a folder, which is made when it is missing.
    ///
    /// # Errors
    /// `eml-root` when it cannot be created or is no folder.
    pub fn in_folder(settings: EmlSettings, root: &Path) -> Result<Self, Failure> {
        Ok(Self::at(settings, Arc::new(Folder::open(root)?)))
    }

    /// Archives in an object store; `scratch` is a folder for them on their way. The store is not asked anything yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_store(settings: EmlSettings, store: Store, scratch: &Path) -> Result<Self, Failure> {
        Ok(Self::at(settings, Arc::new(Objects::open(store, scratch)?)))
    }

    fn at(settings: EmlSettings, place: Arc<dyn Place>) -> Self {
        let identity = format!("eml:{}", place.label());
        Self { identity, settings: Arc::new(settings), place, known: Arc::default() }
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Place, &mut Option<HashSet<Key>>) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Failure>> {
        let (place, known) = (Arc::clone(&self.place), Arc::clone(&self.known));
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                work(&*place, &mut known.lock().unwrap_or_else(PoisonError::into_inner))
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
        let settings = Arc::clone(&self.settings);
        self.blocking(move |place, known| {
            let outcome = archive::write(place, &settings, &group, &*blobs)?;
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
        let reading = self.blocking(move |place, _| {
            let mut hand_over = |sha256, bytes: &[u8]| {
                to.blocking_send((sha256, bytes.to_vec())).map_err(|_| io::ErrorKind::BrokenPipe.into())
            };
            of_mailbox(place, &mailbox, &mut |archive, rows| archive::show(archive, rows, &mut wanted, &mut hand_over))
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
        if matches!(asked, Asked::Elsewhere(_)) {
            return Box::pin(async { Ok(()) });
        }
        let mailbox = mailbox.to_owned();
        let (to, mut coming) = mpsc::channel::<Sighting>(SIGHTINGS_AHEAD_MAX);
        let reading = self.blocking(move |place, _| {
            // Whoever does not listen any more has ended for a reason of its own.
            let mut tell = |sighting| {
                let _ = to.blocking_send(sighting);
            };
            of_mailbox(place, &mailbox, &mut |archive, rows| archive::sight(archive, rows, &mut tell))
        });
        Box::pin(async move {
            let telling = async {
                while let Some(sighting) = coming.recv().await {
                    note(sighting);
                }
            };
            futures::future::join(reading, telling).await.0
        })
    }

    fn check<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Vec<Finding>> {
        let looking = self.blocking(move |place, _| Ok(place.check()));
        Box::pin(async move { vec![looking.await.unwrap_or_else(Finding::from)] })
    }

    fn present<'a>(&'a self, group: &'a [Delivery]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, Failure>> {
        let wanted: Vec<Key> = group.iter().map(|copy| key(&copy.mailbox, &copy.message.message_id)).collect();
        self.blocking(move |place, known| {
            let known = match known {
                Some(known) => known,
                None => {
                    let mut found = HashSet::new();
                    for name in place.names()? {
                        let rows = place.manifest(&name)?.unwrap_or_default();
                        found.extend(rows.iter().map(|row| key(&row.mailbox, &row.message_id)));
                    }
                    known.insert(found)
                }
            };
            Ok(wanted.iter().map(|key| known.contains(key).then(Vec::new)).collect())
        })
    }
}

/// Opens each archive that holds something of a mailbox, with the rows of its manifest that are about it.
fn of_mailbox(
    place: &dyn Place,
    mailbox: &str,
    look: &mut dyn FnMut(File, &[Row]) -> io::Result<()>,
) -> Result<(), Failure> {
    for name in place.names()? {
        let mut rows = place.manifest(&name)?.unwrap_or_default();
        rows.retain(|row| row.mailbox == mailbox);
        if !rows.is_empty() {
            look(place.read(&name)?, &rows).map_err(|error| trouble(&format!("{}/{name}", place.label()), &error))?;
        }
    }
    Ok(())
}

/// Nothing of the group is there.
fn trouble(shown: &str, error: &io::Error) -> Failure {
    let message = format!("`{shown}` cannot be read or written: {error}");
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
        Eml::in_folder(EmlSettings { folder: "Chats".to_owned(), mailboxes, message_bytes_max: None }, root).unwrap()
    }

    #[tokio::test]
    async fn what_the_stage_says_of_an_attachment_is_passed_on_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let splice = Splice { offset: 19, blob: BlobRef { name: [0; 32], size: 3, sha256: [0; 32] } };
        let failure = eml(root.path()).deliver(vec![copy(&[splice])], Arc::new(Away)).await.unwrap_err();
        assert_eq!((&*failure.code, failure.next), ("store-unreachable", NextMove::Retry { after: None }));
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
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
