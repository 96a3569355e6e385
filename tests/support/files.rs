//! Folders as a whole: what is in them, copying them, and how two of them differ.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Every file below a folder with the SHA-256 of its bytes, by path relative to the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files(BTreeMap<String, [u8; 32]>);

impl Files {
    /// Mails that no file system holds, by mailbox and content; the same one twice is two.
    pub(crate) fn of_mails(mails: &[super::mail::Mail]) -> Self {
        let mut files = BTreeMap::new();
        for mail in mails {
            let hash: [u8; 32] = Sha256::digest(&mail.bytes).into();
            let name = format!("{}/{}/{}", mail.mailbox, mail.folder, super::mail::hex(&hash));
            let times = (1..).find(|times| !files.contains_key(&format!("{name}.{times}"))).unwrap_or(0);
            files.insert(format!("{name}.{times}"), hash);
        }
        Self(files)
    }

    /// Reads them all.
    pub(crate) fn below(folder: &Path) -> Self {
        let hash = |path: &PathBuf| Sha256::digest(fs::read(path).unwrap()).into();
        Self(paths_below(folder).iter().map(|path| (relative(folder, path), hash(path))).collect())
    }

    /// Fails, naming the first differences, unless both hold the same files with the same bytes.
    pub(crate) fn expect_same(&self, now: &Self, what: &str) {
        let differences = self.differences(now);
        assert!(
            differences.is_empty(),
            "{what}: {} differences, such as {:#?}",
            differences.len(),
            shown(&differences)
        );
    }

    /// Fails unless `now` still holds every one of these files with the same bytes; it may hold more.
    pub(crate) fn expect_kept(&self, now: &Self, what: &str) {
        let mut differences = self.differences(now);
        differences.retain(|difference| !difference.starts_with("new: "));
        assert!(
            differences.is_empty(),
            "{what}: {} differences, such as {:#?}",
            differences.len(),
            shown(&differences)
        );
    }

    /// Forgets a file below `folder`; false when it is not among these.
    pub(crate) fn forget(&mut self, folder: PathBuf, file: &Path) -> bool {
        self.0.remove(&relative(&folder, file)).is_some()
    }

    /// Paths that `now` has and these do not.
    pub(crate) fn added_in<'a>(&self, now: &'a Self) -> Vec<&'a str> {
        now.0.keys().filter(|path| !self.0.contains_key(*path)).map(String::as_str).collect()
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let gone = self.0.keys().filter(|path| !now.0.contains_key(*path)).map(|path| format!("gone: {path}"));
        let changed =
            |(path, hash): (&String, &[u8; 32])| (self.0.get(path)? != hash).then(|| format!("changed: {path}"));
        let new = self.added_in(now).into_iter().map(|path| format!("new: {path}"));
        gone.chain(now.0.iter().filter_map(changed)).chain(new).collect()
    }
}

fn shown(differences: &[String]) -> &[String] {
    &differences[..differences.len().min(6)]
}

fn relative(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap().to_string_lossy().into_owned()
}

/// Every file below a folder, sorted; none when the folder is not there.
pub(crate) fn paths_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in children(folder) {
        if path.is_dir() { files.extend(paths_below(&path)) } else { files.push(path) }
    }
    files
}

/// What lies in a folder, sorted; nothing when it is not there.
pub(crate) fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A path's last part.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Copies what is in a folder into another that exists, permissions included.
pub(crate) fn copy(from: &Path, to: &Path) {
    for path in children(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
            fs::set_permissions(&target, fs::metadata(&path).unwrap().permissions()).unwrap();
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
