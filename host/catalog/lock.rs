//! `chancery.lock`: source, digest and wishes of each plugin as the operator approved them. Kept in git.
//!
//! Bundled plugins are trusted through the host's release and stand in the lock for the record; a plugin from a file
//! must be approved, and again when its digest or its wishes grow.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Component;
use crate::item::{Descriptor, Failure, NextMove};

/// What a plugin asks for beyond computing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    /// Origins it names itself.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub origins: BTreeSet<String>,
    /// Settings whose URL it wants to reach.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub origin_settings: BTreeSet<String>,
    /// Credentials it names in requests.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub credentials: BTreeSet<String>,
    /// The setting that names a folder it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_setting: Option<String>,
}

impl Wishes {
    /// What a descriptor asks for.
    pub fn of(descriptor: &Descriptor) -> Self {
        let folder_setting = match &descriptor.kind {
            crate::item::PluginKind::Source(source) => source.folder_setting.clone(),
            crate::item::PluginKind::Mapper | crate::item::PluginKind::Converter(_) => None,
        };
        Self {
            origins: descriptor.origins.iter().cloned().collect(),
            origin_settings: descriptor.origin_settings.iter().cloned().collect(),
            credentials: descriptor.credentials.iter().map(|wish| wish.name.clone()).collect(),
            folder_setting,
        }
    }

    /// What is asked for beyond `approved`, in words.
    pub fn beyond(&self, approved: &Self) -> Vec<String> {
        let new = |kind: &str, now: &BTreeSet<String>, then: &BTreeSet<String>| {
            now.difference(then).map(|wish| format!("{kind} `{wish}`")).collect::<Vec<_>>()
        };
        let mut more = new("origin", &self.origins, &approved.origins);
        more.extend(new("the origin in setting", &self.origin_settings, &approved.origin_settings));
        more.extend(new("credential", &self.credentials, &approved.credentials));
        if self.folder_setting.is_some() && self.folder_setting != approved.folder_setting {
            more.extend(self.folder_setting.iter().map(|setting| format!("the folder in setting `{setting}`")));
        }
        more
    }
}

/// One plugin as approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// `sha256:…`.
    pub digest: String,
    /// Its version as it says itself, for reading only.
    pub version: String,
    /// What it asked for.
    #[serde(default)]
    pub wishes: Wishes,
}

/// The lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    path: PathBuf,
    plugins: BTreeMap<String, Locked>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default)]
    plugin: BTreeMap<String, Locked>,
}

/// The format this host writes and reads.
const VERSION: u32 = 1;

impl Lock {
    /// Reads the lock beside a configuration file; a missing one is empty.
    ///
    /// # Errors
    /// `lock-unreadable` for a file that is no lock or of another version.
    pub fn beside(config: &Path) -> Result<Self, Failure> {
        let path = config.with_file_name("chancery.lock");
        let wrong = |what: String| {
            Failure::new("lock-unreadable", NextMove::AskPerson, format!("cannot use `{}`: {what}", path.display()))
                .hint(
                    "restore it from git, or delete it and run `chancery plugin approve` for each of your own plugins",
                )
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, plugins: BTreeMap::new() });
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let document: Document = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        if document.version != VERSION {
            return Err(wrong(format!("it has version {}, this chancery reads {VERSION}", document.version)));
        }
        Ok(Self { path, plugins: document.plugin })
    }

    /// The approved plugins by source.
    pub fn plugins(&self) -> &BTreeMap<String, Locked> {
        &self.plugins
    }

    /// Refuses a plugin that was not approved as it is. Bundled ones pass.
    ///
    /// # Errors
    /// `plugin-not-approved`, with what changed.
    pub fn check(&self, component: &Component, descriptor: &Descriptor) -> Result<(), Failure> {
        if component.bundled {
            return Ok(());
        }
        let refuse = |why: String| {
            let message = format!("plugin `{}` {why}", component.source);
            Failure::new("plugin-not-approved", NextMove::AskPerson, message).hint(format!(
                "look at it with `chancery plugin inspect {0}`, then run `chancery plugin approve {0}`",
                component.source
            ))
        };
        let Some(locked) = self.plugins.get(&component.source) else {
            return Err(refuse("was not approved yet".to_owned()));
        };
        let more = Wishes::of(descriptor).beyond(&locked.wishes);
        if !more.is_empty() {
            return Err(refuse(format!("asks for more than was approved: {}", more.join(", "))));
        }
        if locked.digest != component.digest_text() {
            return Err(refuse(format!("has digest {}, approved was {}", component.digest_text(), locked.digest)));
        }
        Ok(())
    }

    /// Records a plugin as it is now.
    pub fn approve(&mut self, component: &Component, descriptor: &Descriptor) {
        let locked = Locked {
            digest: component.digest_text(),
            version: descriptor.version.clone(),
            wishes: Wishes::of(descriptor),
        };
        self.plugins.insert(component.source.clone(), locked);
    }

    /// Forgets a plugin.
    pub fn forget(&mut self, source: &str) {
        self.plugins.remove(source);
    }

    /// Writes the lock, replacing the file whole.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let document = Document { version: VERSION, plugin: self.plugins.clone() };
        let text = toml::to_string_pretty(&document).map_err(io::Error::other)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(b"# Written by `chancery plugin approve`. Keep it in git.\n")?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::borrow::Cow;

    use super::*;
    use crate::item::PluginKind;

    fn descriptor(origins: &[&str]) -> Descriptor {
        Descriptor {
            name: "mine".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            settings_schema: "{}".into(),
            credentials: vec![],
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            origin_settings: vec![],
            kind: PluginKind::Mapper,
            extensions: vec![],
        }
    }

    #[test]
    fn only_what_was_approved_passes() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("chancery.toml");
        let component = Component::new("mine.wasm".into(), false, Cow::Borrowed(b"one"));
        let mut lock = Lock::beside(&config).unwrap();
        let refused = lock.check(&component, &descriptor(&["https://a"])).unwrap_err();
        assert!(refused.message.contains("not approved yet"), "{refused}");
        lock.approve(&component, &descriptor(&["https://a"]));
        lock.save().unwrap();

        let lock = Lock::beside(&config).unwrap();
        lock.check(&component, &descriptor(&["https://a"])).unwrap();
        lock.check(&component, &descriptor(&[])).unwrap();
        let larger = lock.check(&component, &descriptor(&["https://a", "https://b"])).unwrap_err();
        assert!(larger.message.contains("origin `https://b`"), "{larger}");
        let other = Component::new("mine.wasm".into(), false, Cow::Borrowed(b"two"));
        assert!(lock.check(&other, &descriptor(&["https://a"])).unwrap_err().message.contains("has digest"));
        let bundled = Component::new("email".into(), true, Cow::Borrowed(b"x"));
        lock.check(&bundled, &descriptor(&["https://z"])).unwrap();
    }

    #[test]
    fn a_lock_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chancery.lock"), "version = 9\n").unwrap();
        let refused = Lock::beside(&folder.path().join("chancery.toml")).unwrap_err();
        assert_eq!(refused.code, "lock-unreadable");
    }
}
