//! Where a chat's text and its media lie: a text file beside its media, or one archive.

use std::collections::BTreeMap;

use kit::{Attachment, Content, Error, ErrorKind, Host, Withheld, source::ArchiveEntry};
use unicode_normalization::UnicodeNormalization as _;

use crate::{header::Shape, title, words::titles};

/// Bytes of an archive's text that are looked at to see whether it is a chat.
const PROBE_BYTES: u32 = 4096;

/// A chat's text in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chat {
    /// The file's path.
    pub(crate) path: String,
    /// For archives: the text's number and name.
    pub(crate) entry: Option<(u32, String)>,
    /// Size of the text, 0 where unknown.
    pub(crate) size: u64,
}

impl Chat {
    /// Finds the chat in the file at `path`.
    pub(crate) fn find(host: &mut dyn Host, path: &str) -> Result<Self, Error> {
        if !is_zip(path) {
            return Ok(Self { path: path.to_owned(), entry: None, size: size_of(host, path)? });
        }
        let entries = host.archive_entries(path)?;
        let entry = find_text(host, path, &entries)?;
        Ok(Self { path: path.to_owned(), entry: Some((entry.index, entry.name.clone())), size: entry.size })
    }

    /// Up to `bytes_max` bytes from `offset`.
    pub(crate) fn read(&self, host: &mut dyn Host, offset: u64, bytes_max: u32) -> Result<Vec<u8>, Error> {
        match &self.entry {
            Some((index, _)) => host.archive_read(&self.path, *index, offset, bytes_max),
            None => host.folder_read(&self.path, offset, bytes_max),
        }
    }

    /// How messages name it.
    pub(crate) fn label(&self) -> String {
        match &self.entry {
            Some((_, name)) => format!("{}/{name}", self.path),
            None => self.path.clone(),
        }
    }
}

/// True for paths of archives.
pub(crate) fn is_zip(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("zip"))
}

/// The name without its folders.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// True for what operating systems put into archives on their own account.
pub(crate) fn is_system_file(name: &str) -> bool {
    let base = base_name(name);
    name.starts_with("__MACOSX/") || base.starts_with("._") || matches!(base, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// The size of a plain file, for the progress figure; a file alone in its grant may not be listed.
fn size_of(host: &mut dyn Host, path: &str) -> Result<u64, Error> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let entries = if folder.is_empty() { Vec::new() } else { host.folder_entries(folder).unwrap_or_default() };
    Ok(entries.into_iter().find(|entry| entry.path == path).map_or(0, |entry| entry.size))
}

/// The text of the chat among an archive's entries: `_chat.txt`; else one named like an export or like the archive;
/// else the only text that begins like a chat.
fn find_text<'a>(host: &mut dyn Host, path: &str, entries: &'a [ArchiveEntry]) -> Result<&'a ArchiveEntry, Error> {
    let texts: Vec<&ArchiveEntry> = entries
        .iter()
        .filter(|entry| !is_system_file(&entry.name) && entry.name.to_ascii_lowercase().ends_with(".txt"))
        .collect();
    let archive = title::stem(base_name(path));
    let named = |entry: &&&ArchiveEntry| base_name(&entry.name).eq_ignore_ascii_case("_chat.txt");
    let like_export = |entry: &&&ArchiveEntry| {
        let stem = title::stem(base_name(&entry.name));
        stem == archive || titles::is_export_name(&stem)
    };
    let mut found: Vec<&ArchiveEntry> = texts.iter().filter(named).copied().collect();
    if found.is_empty() {
        found = texts.iter().filter(like_export).copied().collect();
    }
    if found.is_empty() {
        for entry in &texts {
            if begins_like_chat(&host.archive_read(path, entry.index, 0, PROBE_BYTES)?) {
                found.push(entry);
            }
        }
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Error::new(
            ErrorKind::Rejected,
            "no-chat-in-zip",
            format!("`{path}` holds {} files and none of them is a chat's text", entries.len()),
        )
        .hint("export the chat again with `Export chat`; an export holds `_chat.txt` or `WhatsApp Chat with ….txt`")),
        several => Err(Error::new(
            ErrorKind::Rejected,
            "several-chats-in-zip",
            format!(
                "`{path}` holds {} chats, `{}` and `{}` among them",
                several.len(),
                several[0].name,
                several[1].name
            ),
        )
        .hint("unpack it and put each export into the folder as a file of its own")),
    }
}

/// True when the first line that is not empty has a head.
fn begins_like_chat(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| Shape::detect(line).is_some())
}

/// The media that messages name, looked up by file name when the first one is asked for.
#[derive(Debug, Default)]
pub(crate) struct Media {
    files: Option<BTreeMap<String, File>>,
}

/// A file that a message may name.
#[derive(Clone, Debug)]
struct File {
    /// Path or name in the archive.
    name: String,
    /// Number in the archive.
    index: Option<u32>,
    size: u64,
}

impl Media {
    /// The attachment of this name, its bytes kept by the host where they are there, and its number in the archive.
    pub(crate) fn keep(
        &mut self,
        host: &mut dyn Host,
        chat: &Chat,
        name: &str,
    ) -> Result<(Attachment, Option<u32>), Error> {
        let Some(file) = self.find(host, chat, name)? else {
            return Ok((attachment(name, None, Content::Missing("not-found".to_owned())), None));
        };
        file.keep(host, chat)
    }

    /// The attachment that an archive's entry becomes.
    pub(crate) fn keep_entry(
        host: &mut dyn Host,
        chat: &Chat,
        entry: &ArchiveEntry,
    ) -> Result<(Attachment, Option<u32>), Error> {
        File { name: entry.name.clone(), index: Some(entry.index), size: entry.size }.keep(host, chat)
    }

    /// The file that is meant by a name in the text.
    fn find(&mut self, host: &mut dyn Host, chat: &Chat, name: &str) -> Result<Option<File>, Error> {
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(list(host, chat)?),
        };
        let key = key(name);
        if let Some(file) = files.get(&key) {
            return Ok(Some(file.clone()));
        }
        // Android names sent audio without its ending: `AUD-20190101-WA0000.`
        let bare = key.ends_with('.').then(|| files.range(key.clone()..).next()).flatten();
        Ok(bare.filter(|(found, _)| found.starts_with(&key)).map(|(_, file)| file.clone()))
    }
}

/// The files beside the text, by [`key`]; of two with one name the first counts.
fn list(host: &mut dyn Host, chat: &Chat) -> Result<BTreeMap<String, File>, Error> {
    let mut files = BTreeMap::new();
    if let Some((text, _)) = &chat.entry {
        for entry in host.archive_entries(&chat.path)? {
            if entry.index != *text && !is_system_file(&entry.name) {
                let file = File { index: Some(entry.index), size: entry.size, name: entry.name };
                files.entry(key(base_name(&file.name))).or_insert(file);
            }
        }
    } else if let Some((folder, _)) = chat.path.rsplit_once('/') {
        for entry in host.folder_entries(folder)? {
            // Only beside the text: files deeper down are another chat's.
            let beside = entry.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
            if beside.is_some_and(|rest| !rest.contains('/')) && entry.path != chat.path {
                let file = File { index: None, size: entry.size, name: entry.path };
                files.entry(key(base_name(&file.name))).or_insert(file);
            }
        }
    }
    Ok(files)
}

/// Names as they are compared: composed, lower case, without marks.
fn key(name: &str) -> String {
    name.nfc().filter(|c| !crate::chars::is_mark(*c)).flat_map(char::to_lowercase).collect::<String>().trim().to_owned()
}

impl File {
    /// Has the host keep the bytes. Those over the connector's limit become a withheld attachment, those of a damaged
    /// entry of an otherwise good archive a missing one: its directory was read before. Any other trouble (a file that
    /// is being written) is the whole reading's, to be tried again or parked.
    fn keep(&self, host: &mut dyn Host, chat: &Chat) -> Result<(Attachment, Option<u32>), Error> {
        let kept = match self.index {
            Some(index) => host.archive_keep(&chat.path, index),
            None => host.folder_keep(&self.name),
        };
        let mut extensions = Vec::new();
        let content = match kept {
            Ok(blob) => Content::Present(blob),
            Err(error) if error.code == "too-large" => Content::Withheld(Withheld { reason: error.code, limit: None }),
            Err(error) if error.code == "zip-damaged" && self.index.is_some() => {
                extensions.push(("error".to_owned(), error.code));
                Content::Missing("damaged".to_owned())
            }
            Err(error) => return Err(error),
        };
        Ok((Attachment { extensions, ..attachment(base_name(&self.name), Some(self.size), content) }, self.index))
    }
}

/// An attachment of this name.
pub(crate) fn attachment(name: &str, size: Option<u64>, content: Content) -> Attachment {
    Attachment {
        name: Some(name.to_owned()),
        media_type: media_type(name).map(str::to_owned),
        size,
        content,
        extensions: Vec::new(),
    }
}

/// The media type that a file name's ending stands for, for what WhatsApp sends.
fn media_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "3gp" => "video/3gpp",
        "opus" | "ogg" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        "amr" => "audio/amr",
        "wav" => "audio/wav",
        "vcf" => "text/vcard",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "ppt" => "application/vnd.ms-powerpoint",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => return None,
    })
}
