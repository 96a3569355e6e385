//! Open folders of mailboxes, and the system calls that make a copy durable.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs::File,
    io::{self, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{self, AtFlags, Mode, OFlags, RenameFlags},
    io::Errno,
};

use super::{super::names::modified_utf7, name::without_flags};

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// Folders held open at once; the least recently opened are closed beyond it.
const OPEN_FOLDERS_MAX: usize = 4_096;

/// One mailbox's folder.
pub(super) struct Folder {
    tmp: OwnedFd,
    new: OwnedFd,
    cur: OwnedFd,
    device: u64,
}

/// Where a prepared folder stands in [`Folders`].
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

/// The folders used so far.
pub(super) struct Folders {
    root: PathBuf,
    name: String,
    places: HashMap<Arc<str>, Place>,
    open: Vec<Folder>,
    devices: HashMap<u64, OwnedFd>,
    /// Whether a folder in use may not be durable: it was made since the last sync of the file systems, or by an earlier
    /// process, which may have died before its own.
    unsure: bool,
}

/// Descriptors to sync the file systems in use.
pub(super) struct FileSystems(Vec<OwnedFd>);

impl Folders {
    pub(super) fn open(root: &Path, folder: &str) -> io::Result<Self> {
        if folder.is_empty() || folder.contains(char::is_control) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{folder:?} cannot be a folder name")));
        }
        let root_fd = fs::open(root, FOLDER, Mode::empty())?;
        let device = fs::fstat(&root_fd)?.st_dev;
        Ok(Self {
            root: root.to_owned(),
            name: folder_name(folder),
            places: HashMap::new(),
            open: Vec::new(),
            devices: HashMap::from([(device, root_fd)]),
            unsure: true,
        })
    }

    /// Opens a mailbox's folder, creating what is missing. It is durable after the next sync of the file systems.
    pub(super) fn prepare(&mut self, mailbox: &Arc<str>) -> io::Result<Place> {
        if let Some(place) = self.places.get(mailbox) {
            return Ok(*place);
        }
        let folder = Folder::create(&self.root, mailbox, &self.name)?;
        self.unsure = true;
        if let Entry::Vacant(device) = self.devices.entry(folder.device) {
            device.insert(fs::openat(&folder.new, ".", FOLDER, Mode::empty())?);
        }
        let place = Place(self.open.len());
        self.open.push(folder);
        self.places.insert(Arc::clone(mailbox), place);
        Ok(place)
    }

    pub(super) fn at(&self, place: Place) -> &Folder {
        &self.open[place.0]
    }

    /// Fresh descriptors of the file systems in use. Called after every folder of a group was prepared.
    pub(super) fn file_systems(&self) -> io::Result<FileSystems> {
        let reopened = self.devices.values().map(|fd| fs::openat(fd, ".", FOLDER, Mode::empty()));
        Ok(FileSystems(reopened.collect::<Result<_, _>>()?))
    }

    /// Makes the names in the `new` folders of a small group durable; by way of the file systems while a folder itself
    /// may not be.
    pub(super) fn sync_new(&mut self, places: &[Place], systems: &FileSystems) -> io::Result<()> {
        if self.unsure {
            return self.sync_systems(systems);
        }
        let mut indices: Vec<usize> = places.iter().map(|place| place.0).collect();
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().try_for_each(|index| Ok(fs::fsync(&self.open[index].new)?))
    }

    /// Makes everything durable, folders included.
    pub(super) fn sync_systems(&mut self, systems: &FileSystems) -> io::Result<()> {
        systems.0.iter().try_for_each(fs::syncfs)?;
        self.unsure = false;
        Ok(())
    }

    /// For each (mailbox, base name), whether it is in `new` or `cur`. Each mailbox is listed once.
    pub(super) fn find(&mut self, wanted: &[(Arc<str>, String)]) -> io::Result<Vec<bool>> {
        let mut by_mailbox: HashMap<&Arc<str>, Vec<usize>> = HashMap::new();
        for (index, (mailbox, _)) in wanted.iter().enumerate() {
            by_mailbox.entry(mailbox).or_default().push(index);
        }
        let mut found = vec![false; wanted.len()];
        for (mailbox, indices) in by_mailbox {
            let names: HashMap<&str, usize> = indices.iter().map(|&index| (wanted[index].1.as_str(), index)).collect();
            let place = self.prepare(mailbox)?;
            let folder = self.at(place);
            for part in [&folder.new, &folder.cur] {
                for entry in fs::Dir::read_from(part)? {
                    let entry = entry?;
                    if let Some(&index) =
                        entry.file_name().to_str().ok().and_then(|name| names.get(without_flags(name)))
                    {
                        found[index] = true;
                    }
                }
            }
        }
        Ok(found)
    }

    /// Closes everything when very many mailboxes are open; called between groups.
    pub(super) fn trim(&mut self) {
        if self.open.len() > OPEN_FOLDERS_MAX {
            self.open.clear();
            self.places.clear();
        }
    }
}

/// A folder's name on disk.
fn folder_name(folder: &str) -> String {
    // The dot separates levels in Maildir++ and the slash does in most servers: neither can be part of a name.
    format!(".{}", modified_utf7(&folder.replace(['.', '/'], "-")))
}

/// Where a mailbox's folder lies.
pub(super) fn path(root: &Path, mailbox: &str, folder: &str) -> PathBuf {
    root.join(mailbox).join(folder_name(folder))
}

impl Folder {
    fn create(root: &Path, mailbox: &str, name: &str) -> io::Result<Self> {
        let home = root.join(mailbox);
        let folder = home.join(name);
        let marker = folder.join("maildirfolder");
        let parts = ["tmp", "new", "cur"];
        let homes = parts.map(|part| home.join(part));
        for path in [home].into_iter().chain(homes).chain([folder.clone()]).chain(parts.map(|part| folder.join(part))) {
            match fs::mkdir(&path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !marker.exists() {
            File::create(&marker)?;
        }
        let part = |part: &str| fs::open(folder.join(part), FOLDER, Mode::empty());
        let new = part("new")?;
        let device = fs::fstat(&new)?.st_dev;
        Ok(Self { tmp: part("tmp")?, new, cur: part("cur")?, device })
    }

    /// Writes a file in `tmp`, over whatever a crash may have left there. It is not synced.
    pub(super) fn write(&self, name: &str, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut file = File::from(fs::openat(&self.tmp, name, flags, Mode::RUSR | Mode::WUSR)?);
        content(&mut file)?;
        Ok(file)
    }

    /// Removes a file from `tmp`, as far as that works: it is no mail yet.
    pub(super) fn forget(&self, name: &str) {
        let _ignored = fs::unlinkat(&self.tmp, name, AtFlags::empty());
    }

    /// Moves a file from `tmp` to `new`; false when `new` has that name already.
    pub(super) fn publish(&self, name: &str) -> io::Result<bool> {
        match fs::renameat_with(&self.tmp, name, &self.new, name, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // File systems without NOREPLACE (some network ones): a link refuses an existing name as well.
            Err(Errno::INVAL | Errno::NOSYS) => match fs::linkat(&self.tmp, name, &self.new, name, AtFlags::empty()) {
                Ok(()) => {
                    fs::unlinkat(&self.tmp, name, AtFlags::empty())?;
                    Ok(true)
                }
                Err(Errno::EXIST) => Ok(false),
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the file in `new` satisfies `same`; the one in `tmp` is removed.
    pub(super) fn holds(&self, name: &str, same: impl FnOnce(File) -> io::Result<bool>) -> io::Result<bool> {
        self.forget(name);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        same(File::from(fs::openat(&self.new, name, flags, Mode::empty())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_become_dashes_and_no_name_leaves_the_mailbox() {
        let root = tempfile::tempdir().expect("a folder");
        for (name, expect) in [("SMS/MMS Archiver", ".SMS-MMS Archiver"), ("../x", ".---x"), ("a.b", ".a-b")] {
            assert_eq!(Folders::open(root.path(), name).expect("opens").name, expect);
        }
        for name in ["", "a\0", "a\nb"] {
            assert!(Folders::open(root.path(), name).is_err(), "{name:?}");
        }
    }
}
