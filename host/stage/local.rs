//! Objects in a local folder: renamed out of `tmp`, made durable together by one `syncfs`.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::OwnedFd,
    path::PathBuf,
};

use super::objects::{Drafted, Kind, Listed, Objects, Place};

/// The folder of one connector.
pub(super) struct Folder {
    pub(super) root: PathBuf,
}

impl Folder {
    fn path(&self, place: &Place) -> PathBuf {
        self.root.join(place.kind.folder()).join(&place.file)
    }
}

impl Objects for Folder {
    fn label(&self) -> String {
        self.root.display().to_string()
    }

    fn prepare(&self) -> io::Result<()> {
        Kind::ALL.into_iter().try_for_each(|kind| fs::create_dir_all(self.root.join(kind.folder())))
    }

    fn put(&self, drafted: &[Drafted], system: OwnedFd) -> io::Result<()> {
        for draft in drafted {
            let path = self.path(&draft.place);
            if fs::exists(&path)? {
                // Another page may rely on what is there: it is replaced only by something that is whole already.
                File::open(&draft.path)?.sync_all()?;
            }
            fs::rename(&draft.path, path)?;
        }
        Ok(rustix::fs::syncfs(system)?)
    }

    fn get(&self, place: &Place) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.path(place))?))
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        let entries = match fs::read_dir(self.root.join(kind.folder())) {
            // Nothing was staged yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // A name that is no text is nobody's object, and is not one that could be deleted by it.
            let Ok(file) = entry.file_name().into_string() else { continue };
            listed.push(Listed { place: Place { kind, file }, bytes: entry.metadata()?.len() });
        }
        Ok(listed)
    }

    fn delete(&self, places: &[Place]) -> io::Result<()> {
        for place in places {
            match fs::remove_file(self.path(place)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
