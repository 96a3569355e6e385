//! Where archives lie: a folder, or an object store.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    archive::{self, Row},
    in_doubt, trouble,
};
use crate::{
    destinations::{Finding, maildir::check_root},
    item::{Failure, NextMove},
    store::{ObjectName, Store},
};

/// A place of archives. Each is there whole or not at all, and is never written again.
pub(super) trait Place: Send + Sync {
    /// Names it across the host, and for people.
    fn label(&self) -> String;

    /// Where an archive is written before it is kept: a file that nobody else reads.
    fn draft(&self, name: &str) -> PathBuf;

    /// The archives' names, in order. What a dead process put there is durable when this returns.
    fn names(&self) -> Result<Vec<String>, Failure>;

    /// What an archive holds; none when there is no such archive.
    fn manifest(&self, name: &str) -> Result<Option<Vec<Row>>, Failure>;

    /// An archive, to be read.
    fn read(&self, name: &str) -> Result<File, Failure>;

    /// Makes a draft the archive of this name, durable when this returns. The draft is gone then.
    fn keep(&self, name: &str, draft: File, rows: &[Row]) -> Result<(), Failure>;

    /// Whether archives can be put there.
    fn check(&self) -> Finding;
}

/// A folder of archives.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens it, creating it when it is missing.
    pub(super) fn open(root: &Path) -> Result<Self, Failure> {
        let root = fs::create_dir_all(root).and_then(|()| root.canonicalize()).map_err(|error| {
            let message = format!("cannot use `{}` as the root of archives: {error}", root.display());
            Failure::new("eml-root", NextMove::AskPerson, message)
                .hint("give the user that runs chancery the right to write there, or change `root` of this destination")
        })?;
        Ok(Self { root })
    }

    fn open_archive(&self, name: &str) -> io::Result<File> {
        File::open(self.root.join(name))
    }

    fn of(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    fn sync(&self) -> Result<(), Failure> {
        File::open(&self.root).and_then(|root| root.sync_all()).map_err(|error| in_doubt(&self.root, &error))
    }
}

impl Place for Folder {
    fn label(&self) -> String {
        self.root.display().to_string()
    }

    fn draft(&self, name: &str) -> PathBuf {
        self.root.join(format!(".{name}.tmp"))
    }

    fn names(&self) -> Result<Vec<String>, Failure> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.root)? {
                names.extend(entry?.file_name().into_string().ok().filter(|name| is_archive(name)));
            }
            names.sort_unstable();
            Ok(names)
        };
        let names = list().map_err(|error| trouble(&self.label(), &error))?;
        self.sync()?;
        Ok(names)
    }

    fn manifest(&self, name: &str) -> Result<Option<Vec<Row>>, Failure> {
        match self.open_archive(name).and_then(archive::manifest) {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(trouble(&self.of(name), &error)),
        }
    }

    fn read(&self, name: &str) -> Result<File, Failure> {
        self.open_archive(name).map_err(|error| trouble(&self.of(name), &error))
    }

    fn keep(&self, name: &str, draft: File, _: &[Row]) -> Result<(), Failure> {
        let (aside, path) = (self.draft(name), self.root.join(name));
        draft.sync_all().map_err(|error| in_doubt(&aside, &error))?;
        fs::rename(&aside, &path).map_err(|error| in_doubt(&path, &error))?;
        self.sync()
    }

    fn check(&self) -> Finding {
        check_root(&self.root)
    }
}

/// Archives as objects. Beside each lies its manifest, so that copies in doubt are found without reading archives; it is
/// put after its archive, and one that is missing is read from the archive itself.
pub(super) struct Objects {
    store: Store,
    /// A folder of this machine, for archives on their way.
    scratch: PathBuf,
}

impl Objects {
    /// Opens it; the store is not asked anything yet. What an earlier process left in `scratch` is removed.
    pub(super) fn open(store: Store, scratch: &Path) -> Result<Self, Failure> {
        let empty = || -> io::Result<()> {
            fs::create_dir_all(scratch)?;
            fs::read_dir(scratch)?.try_for_each(|entry| fs::remove_file(entry?.path()))
        };
        empty().map_err(|error| trouble(&scratch.display().to_string(), &error))?;
        Ok(Self { store, scratch: scratch.to_owned() })
    }

    fn trouble(&self, name: &str, error: &io::Error) -> Failure {
        trouble(&format!("{}/{name}", self.store.label()), error)
    }

    /// The whole archive, in a file without a name.
    fn fetched(&self, name: &str) -> io::Result<File> {
        let mut object = self.store.open("", name)?;
        let path = self.draft(name);
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        let copied = fs::remove_file(&path).and_then(|()| io::copy(&mut object, &mut file));
        copied.map(|_| file)
    }
}

/// The object that holds an archive's manifest.
fn beside(name: &str) -> String {
    format!("{name}.manifest.csv")
}

impl Place for Objects {
    fn label(&self) -> String {
        self.store.label().to_owned()
    }

    fn draft(&self, name: &str) -> PathBuf {
        self.scratch.join(format!("{name}.tmp"))
    }

    fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = self.store.names("").map_err(|error| self.trouble("", &error))?;
        names.retain(|name| is_archive(name));
        names.sort_unstable();
        Ok(names)
    }

    fn manifest(&self, name: &str) -> Result<Option<Vec<Row>>, Failure> {
        let read = match self.store.open("", &beside(name)) {
            Ok(list) => archive::rows(list),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.fetched(name).and_then(archive::manifest),
            Err(error) => Err(error),
        };
        match read {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.trouble(name, &error)),
        }
    }

    fn read(&self, name: &str) -> Result<File, Failure> {
        self.fetched(name).map_err(|error| self.trouble(name, &error))
    }

    fn keep(&self, name: &str, draft: File, rows: &[Row]) -> Result<(), Failure> {
        drop(draft);
        let (aside, list) = (self.draft(name), self.draft(&beside(name)));
        let object = |file: String| ObjectName { folder: String::new(), file };
        let put = || -> io::Result<()> {
            fs::write(&list, archive::csv(rows)?)?;
            self.store.keep_files(vec![(object(name.to_owned()), aside.clone()), (object(beside(name)), list.clone())])
        };
        let kept = put();
        for path in [&aside, &list] {
            // What stays is removed when the destination is opened again.
            let _ = fs::remove_file(path);
        }
        kept.map_err(|error| self.trouble(name, &error))
    }

    fn check(&self) -> Finding {
        match self.names() {
            Ok(names) => Finding::good(format!("`{}` is reached and holds {} archives", self.label(), names.len())),
            Err(failure) => failure.into(),
        }
    }
}

fn is_archive(name: &str) -> bool {
    name.ends_with(".zip") && !name.starts_with('.')
}
