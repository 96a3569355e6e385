//! Objects in an object store.

use std::{
    io::{self, Read},
    os::fd::OwnedFd,
};

use super::objects::{Drafted, Kind, Listed, Objects, Place};
use crate::store::{ObjectName, Store};

/// One connector's folder in a store.
pub(super) struct Remote {
    pub(super) store: Store,
    pub(super) folder: String,
}

impl Remote {
    fn folder(&self, kind: Kind) -> String {
        format!("{}/{}", self.folder, kind.folder())
    }

    fn name(&self, place: &Place) -> ObjectName {
        ObjectName { folder: self.folder(place.kind), file: place.file.clone() }
    }
}

impl Objects for Remote {
    fn label(&self) -> String {
        self.store.label().to_owned()
    }

    /// A store is asked for nothing before it is needed.
    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn put(&self, drafted: &[Drafted], _: OwnedFd) -> io::Result<()> {
        let files = drafted.iter().map(|Drafted { path, place }| (self.name(place), path.clone()));
        self.store.keep_files(files.collect())
    }

    fn get(&self, place: &Place) -> io::Result<Box<dyn Read + Send>> {
        self.store.open(&self.folder(place.kind), &place.file)
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<Listed>> {
        let listed = self.store.listed(&self.folder(kind))?;
        Ok(listed.into_iter().map(|(file, bytes)| Listed { place: Place { kind, file }, bytes }).collect())
    }

    fn delete(&self, places: &[Place]) -> io::Result<()> {
        let names: Vec<ObjectName> = places.iter().map(|place| self.name(place)).collect();
        self.store.delete(&names)
    }
}
