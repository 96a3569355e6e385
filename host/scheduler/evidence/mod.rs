//! Copies of signed checkpoints, kept where the host cannot take them back.
//!
//! What is missing there is copied at the end of every turn, so that a copy that failed is made with the next one. It
//! never keeps mail from being delivered. A further kind of place is one more [`Keeper`].

pub(super) mod send;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use self::send::Sender;
use super::{Host, staging};
use crate::{
    config::{CheckpointCopy, Config},
    item::{Failure, NextMove},
    store::Store,
};

/// A place that keeps copies, by connector and file name.
trait Keeper: Send + Sync {
    /// For messages.
    fn label(&self) -> String;
    /// The names it has of a connector.
    fn held(&self, connector: &str) -> io::Result<BTreeSet<String>>;
    /// Keeps one more, durably and whole or not at all.
    fn keep(&self, connector: &str, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A folder, perhaps on another machine's disk.
struct Folder(PathBuf);

impl Keeper for Folder {
    fn label(&self) -> String {
        self.0.display().to_string()
    }

    fn held(&self, connector: &str) -> io::Result<BTreeSet<String>> {
        // Never created here: what is not mounted would hide behind an empty folder of the same name.
        if !self.0.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such folder"));
        }
        match fs::read_dir(self.0.join(connector)) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, connector: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.0.join(connector);
        if !folder.exists() {
            fs::create_dir(&folder)?;
            sync(&self.0)?;
        }
        let aside = folder.join(format!(".{name}.tmp"));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, folder.join(name))?;
        sync(&folder)
    }
}

impl Keeper for Store {
    fn label(&self) -> String {
        Self::label(self).to_owned()
    }

    fn held(&self, connector: &str) -> io::Result<BTreeSet<String>> {
        Ok(self.names(connector)?.into_iter().collect())
    }

    fn keep(&self, connector: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        Self::keep(self, connector, name, bytes.to_vec())
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Copies what is missing of a connector's checkpoints to every place; what could not be copied is for the operator.
pub(super) async fn copy(host: &Host, connector: &str) -> Vec<Failure> {
    if host.config.checkpoint_copies.is_empty() {
        return Vec::new();
    }
    let files = match host.state.checkpoint_files(connector) {
        Ok(files) => files,
        Err(error) => return vec![error.into()],
    };
    let (mut keepers, mut failures): (Vec<Arc<dyn Keeper>>, Vec<Failure>) = (Vec::new(), Vec::new());
    for copy in &host.config.checkpoint_copies {
        match place(&host.config, copy) {
            Ok(Place::Keeps(keeper)) => keepers.push(keeper),
            Ok(Place::IsSent(sender)) => failures.extend(send(host, connector, &sender, &files).await.err()),
            Err(failure) => failures.push(failure),
        }
    }
    let connector = connector.to_owned();
    let copied = tokio::task::spawn_blocking(move || {
        failures.extend(keepers.iter().filter_map(|keeper| copy_to(&**keeper, &connector, &files).err()));
        failures
    });
    copied.await.unwrap_or_else(|error| {
        vec![Failure::new("host-panic", NextMove::Stop, format!("copying checkpoints ended: {error}"))]
    })
}

/// Where checkpoints go.
enum Place {
    /// It can be asked what it has.
    Keeps(Arc<dyn Keeper>),
    /// It is told, and cannot be asked.
    IsSent(Sender),
}

fn place(config: &Config, copy: &CheckpointCopy) -> Result<Place, Failure> {
    Ok(match copy {
        CheckpointCopy::Folder(path) => Place::Keeps(Arc::new(Folder(path.clone()))),
        CheckpointCopy::Store(typed) => {
            Place::Keeps(Arc::new(staging::store(config, "[checkpoints] copy_to", "checkpoints", typed)?))
        }
        CheckpointCopy::Webhook { url, token } => Place::IsSent(Sender::webhook(config, url, token.as_ref())?),
        CheckpointCopy::Mail { mailbox } => Place::IsSent(Sender::Mailbox(mailbox.clone())),
    })
}

/// Nothing to send for a connector that is not configured any more: its windows are sealed for good.
async fn send(host: &Host, connector: &str, sender: &Sender, files: &[(String, PathBuf)]) -> Result<(), Failure> {
    let Some(connector) = host.config.connector(connector) else { return Ok(()) };
    sender.send_new(host, connector, files).await.map_err(|failure| {
        let message = format!(
            "checkpoints of connector `{}` could not be sent to `{}`: {failure}; mail is not concerned",
            connector.name,
            sender.label()
        );
        let hint =
            failure.hint.unwrap_or_else(|| "make that place reachable; the next turn sends what is missing".to_owned());
        Failure::new("checkpoint-copy-failed", NextMove::AskPerson, message).hint(hint)
    })
}

fn copy_to(keeper: &dyn Keeper, connector: &str, files: &[(String, PathBuf)]) -> Result<(), Failure> {
    let copy = || -> io::Result<()> {
        let held = keeper.held(connector)?;
        for (name, path) in files.iter().filter(|(name, _)| !held.contains(name)) {
            keeper.keep(connector, name, &fs::read(path)?)?;
        }
        Ok(())
    };
    copy().map_err(|error| {
        let message = format!(
            "checkpoints of connector `{connector}` could not be copied to `{}`: {error}; mail is not concerned",
            keeper.label()
        );
        // A store's own failure says what to do about it.
        let hint = Failure::within(&error).and_then(|failure| failure.hint.as_deref());
        Failure::new("checkpoint-copy-failed", NextMove::AskPerson, message)
            .hint(hint.unwrap_or("mount or create that folder and give the user that runs chancery the right to write there; the next turn copies what is missing"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn what_is_missing_is_copied_once_and_a_missing_folder_is_never_made() {
        let world = tempfile::tempdir().unwrap();
        let from = world.path().join("a.checkpoint");
        fs::write(&from, "signed").unwrap();
        let files = vec![("a.checkpoint".to_owned(), from)];
        let keeper = Folder(world.path().join("copies"));
        let failure = copy_to(&keeper, "c", &files).unwrap_err();
        assert_eq!(failure.code, "checkpoint-copy-failed");
        assert!(!keeper.0.exists());
        fs::create_dir(&keeper.0).unwrap();
        copy_to(&keeper, "c", &files).unwrap();
        let copy = keeper.0.join("c/a.checkpoint");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "signed");
        // What is there is not written again: it may be on a disk that takes each file once.
        fs::write(&copy, "kept").unwrap();
        copy_to(&keeper, "c", &files).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "kept");
        assert_eq!(fs::read_dir(keeper.0.join("c")).unwrap().count(), 1);
    }
}
