//! What lies where in an export.

use kit::{Error, ErrorKind, Host, source::ArchiveEntry};
use sha2::{Digest as _, Sha256};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Users.
    Users,
    /// Conversations.
    Channels(Listing),
    /// A list of records that belong to no conversation (`integration_logs`).
    Records(String),
    /// Messages of the folder with this name.
    Messages(String),
    /// Any other file.
    File,
}

/// Which list of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// `channels.json`.
    Public,
    /// `groups.json`.
    Private,
    /// `dms.json`.
    Direct,
    /// `mpims.json`.
    Group,
}

/// The entries of an export.
pub(crate) struct Layout {
    /// In stored order.
    pub(crate) entries: Vec<ArchiveEntry>,
    /// Of the names and sizes of all entries: another archive has another one.
    pub(crate) fingerprint: [u8; 8],
    /// Folder that all of it lies in, with its slash; empty where there is none.
    root: String,
}

impl Layout {
    /// Lists the archive; `rejected` when it is no export.
    pub(crate) fn read(host: &mut dyn Host, path: &str) -> Result<Self, Error> {
        let entries = host.archive_entries(path)?;
        let listed = entries
            .iter()
            .filter_map(|entry| {
                let (folder, name) = split(&entry.name);
                matches!(
                    name,
                    "users.json" | "org_users.json" | "channels.json" | "groups.json" | "dms.json" | "mpims.json"
                )
                .then_some(folder)
            })
            .min_by_key(|folder| folder.len());
        let root = listed.map(str::to_owned);
        let has_days = || entries.iter().any(|entry| is_day(split(&entry.name).1));
        if root.is_none() && !has_days() {
            return Err(Error::new(
                ErrorKind::Rejected,
                "not-a-slack-export",
                format!("`{path}` holds neither `users.json` nor `channels.json` nor a file named after a day"),
            )
            .hint("put the zip file here that Slack gives under Workspace settings, Import/Export Data, as it is"));
        }
        Ok(Self { fingerprint: fingerprint(&entries), entries, root: root.unwrap_or_default() })
    }

    /// What an entry is.
    pub(crate) fn role(&self, entry: &ArchiveEntry) -> Role {
        let Some(inner) = entry.name.strip_prefix(&self.root) else { return Role::File };
        let is_json = inner.len() > 5 && inner.to_ascii_lowercase().ends_with(".json");
        if !is_json {
            return Role::File;
        }
        match inner {
            "users.json" | "org_users.json" => Role::Users,
            "channels.json" => Role::Channels(Listing::Public),
            "groups.json" => Role::Channels(Listing::Private),
            "dms.json" => Role::Channels(Listing::Direct),
            "mpims.json" => Role::Channels(Listing::Group),
            _ => match inner.rsplit_once('/') {
                None => Role::Records(inner.get(..inner.len() - 5).unwrap_or(inner).to_owned()),
                Some((folder, name)) if is_day(name) => Role::Messages(folder.to_owned()),
                Some(_) => Role::File,
            },
        }
    }
}

fn fingerprint(entries: &[ArchiveEntry]) -> [u8; 8] {
    let mut hash = Sha256::new();
    for entry in entries {
        hash.update((entry.name.len() as u64).to_be_bytes());
        hash.update(&entry.name);
        hash.update(entry.size.to_be_bytes());
    }
    let hash = hash.finalize();
    std::array::from_fn(|place| hash[place])
}

/// Folder with its slash, and name.
fn split(name: &str) -> (&str, &str) {
    name.rfind('/').and_then(|slash| name.split_at_checked(slash + 1)).unwrap_or(("", name))
}

/// `2026-11-02.json`, also with something between (`2026-11-02-2.json`).
fn is_day(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= 15
        && name.to_ascii_lowercase().ends_with(".json")
        && bytes.iter().take(10).enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use shelf::Shelf;

    use super::*;

    #[test]
    fn roles_are_told_by_name() {
        let names = [
            ("top/users.json", Role::Users),
            ("top/dms.json", Role::Channels(Listing::Direct)),
            ("top/general/2026-11-02.json", Role::Messages("general".to_owned())),
            ("top/general/notes.json", Role::File),
            ("top/integration_logs.json", Role::Records("integration_logs".to_owned())),
            ("top/general/é", Role::File),
            ("other/2026-11-02.json", Role::File),
        ];
        let entries: Vec<(&str, &[u8])> = names.iter().map(|(name, _)| (*name, &b"[]"[..])).collect();
        let layout = Layout::read(&mut Shelf::archive("in/a.zip", &entries), "in/a.zip").unwrap();
        for (entry, (name, role)) in layout.entries.iter().zip(&names) {
            assert_eq!(layout.role(entry), *role, "{name}");
        }
    }

    #[test]
    fn other_archives_are_refused() {
        let host = &mut Shelf::archive("in/a.zip", &[("photo.jpg", b"x"), ("data.json", b"[]")]);
        assert_eq!(Layout::read(host, "in/a.zip").err().unwrap().code, "not-a-slack-export");
    }
}
