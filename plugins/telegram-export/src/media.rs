//! Files of a record: the export names them by paths beside it, or says why they are not there.

use std::collections::{BTreeSet, HashMap};

use kit::{Attachment, Content, Error, ErrorKind, Host, Withheld};
use serde_json::Value;

use crate::{
    limits::{NAME_BYTES_MAX, PAGE_KEPT_BYTES_MAX, PATH_BYTES_MAX},
    value::{name, natural, text},
};

/// Members that name a file, and which say its size.
const FILES: [(&str, &str); 4] = [
    ("photo", "photo_file_size"),
    ("file", "file_size"),
    ("contact_vcard", "contact_vcard_file_size"),
    ("media", "media_file_size"),
];

/// Folders that Telegram Desktop makes beside a `result.json`.
const FOLDERS: [&str; 12] = [
    "photos",
    "files",
    "video_files",
    "voice_messages",
    "round_video_messages",
    "audio_files",
    "animations",
    "stickers",
    "contacts",
    "profile_pictures",
    "stories",
    "lists",
];

/// The files beside an export.
pub(crate) struct Media<'a> {
    host: &'a mut dyn Host,
    /// The export's folder.
    folder: &'a str,
    /// What is there; looked up once something seems not to be.
    there: Option<BTreeSet<String>>,
    /// What was kept on this page.
    kept: HashMap<String, Content>,
    /// Bytes of it.
    kept_bytes: u64,
}

impl<'a> Media<'a> {
    /// The files beside the export at `path`.
    pub(crate) fn new(host: &'a mut dyn Host, path: &'a str) -> Self {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self { host, folder, there: None, kept: HashMap::new(), kept_bytes: 0 }
    }

    /// True when the page should end: keeping files takes time.
    pub(crate) fn is_full(&self) -> bool {
        self.kept_bytes >= PAGE_KEPT_BYTES_MAX
    }

    /// The files of a record.
    pub(crate) fn of_record(&mut self, record: &Value) -> Result<Vec<Attachment>, Error> {
        let mut files = Vec::new();
        for (member, size) in FILES {
            let Some(written) = text(record, member) else { continue };
            let reason = reason(written);
            let content = match reason {
                Some(code) => Content::Missing(code.to_owned()),
                None => self.content(written)?,
            };
            let own = text(record, "file_name").filter(|_| member == "file");
            let in_path = written.rsplit('/').next().filter(|_| reason.is_none());
            let media_type = text(record, "mime_type").filter(|kind| member == "file" && kind.contains('/'));
            files.push(Attachment {
                name: own.or(in_path).and_then(|shown| name(shown, NAME_BYTES_MAX)),
                media_type: media_type.and_then(|kind| name(kind, NAME_BYTES_MAX)),
                size: natural(record, size),
                content,
                extensions: Vec::new(),
            });
        }
        Ok(files)
    }

    fn content(&mut self, written: &str) -> Result<Content, Error> {
        if let Some(known) = self.kept.get(written) {
            return Ok(known.clone());
        }
        let content = if is_plain(written) { self.keep(written)? } else { Content::Missing("path-unsafe".to_owned()) };
        self.kept.insert(written.to_owned(), content.clone());
        Ok(content)
    }

    fn keep(&mut self, written: &str) -> Result<Content, Error> {
        let path = if self.folder.is_empty() { written.to_owned() } else { format!("{}/{written}", self.folder) };
        match self.host.folder_keep(&path) {
            Ok(blob) => {
                self.kept_bytes = self.kept_bytes.saturating_add(blob.size);
                Ok(Content::Present(blob))
            }
            Err(error) if error.code == "too-large" => {
                Ok(Content::Withheld(Withheld { reason: error.code, limit: None }))
            }
            Err(error) if error.code == "not-found" => Ok(Content::Missing(error.code)),
            Err(error) if error.kind == ErrorKind::Rejected => Ok(Content::Missing("not-readable".to_owned())),
            // A host says the same of a file that is not there and of one that may not be read.
            Err(error) if error.kind == ErrorKind::Misconfigured && !self.is_there(&path)? => {
                Ok(Content::Missing("not-found".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    fn is_there(&mut self, path: &str) -> Result<bool, Error> {
        if self.there.is_none() {
            let entries = self.host.folder_entries(self.folder)?;
            self.there = Some(entries.into_iter().map(|entry| entry.path).collect());
        }
        Ok(self.there.as_ref().is_some_and(|there| there.contains(path)))
    }
}

/// Why there is no path, where Telegram Desktop says so instead of one.
fn reason(written: &str) -> Option<&'static str> {
    let (_, said) = written.rsplit_once('(').filter(|(before, _)| before.is_empty() || before.ends_with(' '))?;
    let said = said.strip_suffix(')')?;
    if said.contains("not included") {
        Some("not-in-export")
    } else if said.contains("exceeds maximum size") {
        Some("over-export-limit")
    } else if said.contains("unavailable") {
        Some("unavailable")
    } else {
        None
    }
}

/// A path below the export's folder, without anything that could lead elsewhere.
fn is_plain(written: &str) -> bool {
    written.len() <= PATH_BYTES_MAX
        && !written.contains(['\\', '\0'])
        && written.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// True for a file that somebody sent: it lies beside an export, in a folder that Telegram Desktop makes, and comes with its
/// message.
pub(crate) fn is_beside_an_export(host: &mut dyn Host, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let Some([above @ .., folder, _]) = parts.get(..) else { return false };
    if !FOLDERS.contains(folder) {
        return false;
    }
    let above = match above {
        // A full export has a folder a chat.
        [root @ .., "chats", chat] if chat.starts_with("chat_") => root,
        _ => above,
    };
    let export: Vec<&str> = above.iter().copied().chain(["result.json"]).collect();
    host.folder_read(&export.join("/"), 0, 1).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_from_paths() {
        let cases = [
            ("(File not included. Change data exporting settings to download.)", Some("not-in-export")),
            ("sticker (File not included. Change data exporting settings to download.)", Some("not-in-export")),
            ("(File exceeds maximum size. Change data exporting settings to download.)", Some("over-export-limit")),
            ("(Photo unavailable, please try again later)", Some("unavailable")),
            ("photos/photo_1@05-07-2019_16-55-32.jpg", None),
            ("files/plan (1)", None),
        ];
        for (written, expected) in cases {
            assert_eq!(reason(written), expected, "{written}");
        }
    }

    #[test]
    fn paths_lead_nowhere_else() {
        for path in ["", "/etc/passwd", "../a", "a/../b", "a//b", "a\\b", "a/", "./a", "a\0"] {
            assert!(!is_plain(path), "{path}");
        }
        assert!(is_plain("chats/chat_001/files/plan.pdf"));
    }
}
