//! A data folder, mailboxes and a turn around any source, mapper and converter.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Result, bail};
use chancery::{
    destinations::{
        Destination, MailboxLocks, Mailboxes,
        maildir::{Maildir, MaildirSettings},
    },
    item::{Interval, descriptor::Grouping},
    pipeline::{self, Brakes, Converter, DestinationSlot, Directory, Due, Mapper, Silent, Source, Turn},
    stage::{Keyring, Staging},
    state::{FileMemory, Pins, State, WindowKind},
};
use tokio::sync::Mutex;

use super::{
    Bench,
    compare::{Sample, Stopwatch},
    folder::{Folder, settle_disk},
    items,
};

const CONNECTOR: &str = "bench";
/// The folder in each mailbox.
pub(crate) const MAIL_FOLDER: &str = "WhatsApp Archiver";

/// What a turn's plugins are: sandboxed or linked into this program.
pub(crate) struct Parts {
    /// Reads.
    pub(crate) source: Box<dyn Source>,
    /// Its name, part of every item's identity.
    pub(crate) source_name: &'static str,
    /// Finds mailboxes.
    pub(crate) mapper: Box<dyn Mapper>,
    /// Writes messages.
    pub(crate) converter: Box<dyn Converter>,
}

/// Everything of one run on disk.
pub(crate) struct House {
    folder: Folder,
}

impl House {
    /// A data folder with keys, and mailboxes as they are on every day but the first.
    ///
    /// # Errors
    /// When they cannot be made.
    pub(crate) fn new(mailboxes: impl IntoIterator<Item = String>) -> Result<Self> {
        let house = Self { folder: Folder::new("house")? };
        State::create(&house.folder.path().join("data"))?;
        for mailbox in mailboxes {
            make_mailbox(&house.mail(), &mailbox)?;
        }
        Ok(house)
    }

    /// The root of the mailboxes.
    pub(crate) fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Runs one window from its opening to its seal and gives what it took, in copies. Opening the data folder and
    /// loading plugins come before; they happen once a process, not once a copy.
    ///
    /// # Errors
    /// When the run failed, or did not deliver exactly `copies` copies: a benchmark of less work would lie.
    pub(crate) fn run(&self, bench: &Bench, parts: Parts, due: &Due, copies: u64) -> Result<Sample> {
        self.run_into(self.maildir()?, bench, parts, due, copies)
    }

    /// As [`House::run`], into another destination.
    ///
    /// # Errors
    /// When the run failed, or did not deliver exactly `copies` copies.
    pub(crate) fn run_into(
        &self,
        destination: Arc<dyn Destination>,
        bench: &Bench,
        parts: Parts,
        due: &Due,
        copies: u64,
    ) -> Result<Sample> {
        let (state, _) = State::open(&self.folder.path().join("data"))?;
        let turn = self.turn(&state, parts, destination)?;
        settle_disk();
        let watch = Stopwatch::start();
        let report = bench.runtime.block_on(pipeline::run(&turn, due))?;
        let sample = watch.stop(copies);
        let imported: u64 = report.row.copies.iter().map(|counts| counts.imported).sum();
        if imported != copies {
            bail!("the pipeline delivered {imported} copies instead of {copies}");
        }
        drop(turn);
        state.close()?;
        Ok(sample)
    }

    fn maildir(&self) -> Result<Arc<dyn Destination>> {
        Ok(Arc::new(Maildir::open(MaildirSettings {
            root: self.mail(),
            folder: MAIL_FOLDER.to_owned(),
            mailboxes: Mailboxes::Domains([items::DOMAIN.to_owned()].into()),
            message_bytes_max: None,
        })?))
    }

    fn turn(&self, state: &State, parts: Parts, destination: Arc<dyn Destination>) -> Result<Turn> {
        let connector = state.connector(CONNECTOR)?;
        let stage_root = self.folder.path().join("stage");
        fs::create_dir_all(&stage_root)?;
        let (keys, _) = Keyring::open(&self.folder.path().join("data"), &[])?;
        let staging = Staging { root: stage_root, keys: Arc::new(keys), store: None };
        let stage = staging.open(CONNECTOR, connector.stage_key());
        stage.prepare()?;
        Ok(Turn {
            connector: CONNECTOR.to_owned(),
            account: "bench-account".to_owned(),
            source_name: parts.source_name.to_owned(),
            converter_settings: "{}".to_owned(),
            grouping: Grouping::Item,
            pins: Pins::default(),
            catch_all: None,
            lookback_ms: 0,
            stage,
            state: connector,
            source: Mutex::new(parts.source),
            mapper: Mutex::new(parts.mapper),
            converter: Mutex::new(parts.converter),
            destinations: vec![DestinationSlot { number: 0, destination: Arc::clone(&destination) }],
            locks: Arc::new(MailboxLocks::default()),
            progress: Arc::new(Silent),
            closing: Arc::new(Silent),
            brakes: Brakes::off(),
            directory: Directory::new(vec![destination]),
            scope: chancery::item::scope::Scope::default(),
            mailboxes: std::sync::Mutex::default(),
            given_up: std::sync::Mutex::default(),
        })
    }
}

/// A day of the synthetic source, or of anything else that has a time axis.
pub(crate) fn live(start_ms: i64, end_ms: i64) -> Due {
    Due {
        kind: WindowKind::Live,
        interval: Interval { start_ms: Some(start_ms), end_ms },
        file: None,
        is_gone: false,
        since_bookmark: false,
    }
}

/// One file, read as a whole.
///
/// # Errors
/// When it is not there.
pub(crate) fn snapshot(base: &Path, path: &str, end_ms: i64) -> Result<Due> {
    let size = fs::metadata(base.join(path))?.len();
    let file = FileMemory { path: path.to_owned(), size, modified_ms: 0, sha256: [7; 32] };
    Ok(Due {
        kind: WindowKind::Snapshot,
        interval: Interval { start_ms: None, end_ms },
        file: Some(file),
        is_gone: false,
        since_bookmark: false,
    })
}

/// Makes a mailbox with its folder, as the Maildir destination would.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_mailbox(root: &Path, mailbox: &str) -> Result<PathBuf> {
    let home = root.join(mailbox);
    let folder = home.join(format!(".{MAIL_FOLDER}"));
    for place in [&home, &folder] {
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(place.join(part))?;
        }
    }
    File::create(folder.join("maildirfolder"))?;
    Ok(folder)
}
