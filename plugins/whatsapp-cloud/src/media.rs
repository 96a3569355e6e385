//! The file of a message: the webhook has its id, the receiver may have put its bytes beside the body.

use kit::{Attachment, Content, Error, Host, Withheld};
use serde_json::Value;

use crate::{
    limits::{EXTENSION_BYTES_MAX, MEDIA_ID_BYTES_MAX, NAME_BYTES_MAX},
    redact,
    value::{cut, is_true, name, scalar, text},
};

/// Where files are looked for; each folder is listed at most once a page, and only when a message has a file.
pub(crate) struct Shelves {
    folders: Vec<(String, Option<Vec<String>>)>,
}

impl Shelves {
    /// Beside the file at `path`, then in the folder of the settings.
    pub(crate) fn new(path: &str, root: &str) -> Self {
        let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let root = root.trim_end_matches('/');
        let mut folders = vec![(beside.to_owned(), None)];
        if root != beside && beside.starts_with(&format!("{root}/")) {
            folders.push((root.to_owned(), None));
        }
        Self { folders }
    }

    /// The file of a media id: `ID`, `ID.ext`, `ID_name.ext` or `ID/name`, there or in a folder `media`.
    fn find(&mut self, host: &mut dyn Host, id: &str) -> Result<Option<String>, Error> {
        let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if id.is_empty() || id.len() > MEDIA_ID_BYTES_MAX || !is_plain {
            return Ok(None);
        }
        for (folder, listed) in &mut self.folders {
            let names = match listed {
                Some(names) => names,
                None => {
                    let entries = host.folder_entries(folder)?;
                    listed.insert(entries.into_iter().map(|entry| entry.path).collect())
                }
            };
            let is_it = |path: &&String| {
                let below = path.strip_prefix(folder.as_str()).unwrap_or_default().trim_start_matches('/');
                let below = below.strip_prefix("media/").unwrap_or(below);
                let rest = below.strip_prefix(id);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_', '-', '/']))
            };
            if let Some(path) = names.iter().find(is_it) {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }
}

/// The media object of a message of this kind, also of a kind that came later.
pub(crate) fn of_message<'a>(content: &'a Value, kind: &str) -> Option<&'a Value> {
    let media = content.get(kind)?;
    let has = |label: &str| text(media, label).is_some();
    let is_known = matches!(kind, "image" | "video" | "audio" | "voice" | "document" | "sticker");
    (media.is_object() && (is_known || has("mime_type"))).then_some(media)
}

/// The file that a media object describes.
pub(crate) fn attachment(
    host: &mut dyn Host,
    shelves: &mut Shelves,
    media: &Value,
    kind: &str,
) -> Result<Attachment, Error> {
    let id = scalar(media, "id");
    let found = match &id {
        Some(id) => shelves.find(host, id)?,
        None => None,
    };
    let content = match &found {
        None => Content::Missing("not-found".to_owned()),
        Some(path) => match host.folder_keep(path) {
            Ok(blob) => Content::Present(blob),
            Err(error) if error.code == "too-large" => Content::Withheld(Withheld { reason: error.code, limit: None }),
            Err(error) => return Err(error),
        },
    };
    let mut extensions = Vec::new();
    let flags = [("voice", is_true(media, "voice")), ("animated", is_true(media, "animated"))];
    extensions
        .extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(label, _)| ((*label).to_owned(), "true".to_owned())));
    if let (Content::Present(blob), Some(told)) = (&content, text(media, "sha256").and_then(hex))
        && told != blob.sha256
    {
        extensions.push(("checksum".to_owned(), "differs".to_owned()));
    }
    let told = [("media-id", id), ("url", text(media, "url").map(redact::url))];
    for (label, told) in told {
        if let Some(told) = told {
            extensions.push((label.to_owned(), cut(&told, EXTENSION_BYTES_MAX).to_owned()));
        }
    }
    let own_name = found.as_deref().and_then(|path| path.rsplit('/').next());
    let media_type = text(media, "mime_type").and_then(|told| name(told, NAME_BYTES_MAX));
    Ok(Attachment {
        name: text(media, "filename").or(own_name).or(Some(kind)).and_then(|shown| name(shown, NAME_BYTES_MAX)),
        media_type: media_type.filter(|told| told.contains('/')),
        size: media.get("file_size").and_then(Value::as_u64),
        content,
        extensions,
    })
}

/// The hex digits of a SHA-256 in base64; none where it is no such thing.
fn hex(base64: &str) -> Option<String> {
    let (mut bits, mut count, mut out) = (0_u32, 0_u32, String::new());
    for byte in base64.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push_str(&format!("{:02x}", (bits >> count) & 0xff));
            bits &= (1 << count) - 1;
        }
    }
    (out.len() == 64).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").as_deref(), Some(of_nothing));
        assert_eq!(hex("4654+8g="), None);
        assert_eq!(hex("é"), None);
    }
}
