//! The files of a record: an export has their URLs, not their bytes.

use kit::{Attachment, Content};
use serde_json::Value;

use crate::{
    limits::{ATTACHMENTS_MAX, EXTENSION_BYTES_MAX, NAME_BYTES_MAX},
    redact,
    value::{cut, list, name, number, text},
};

/// The files, in their order, and how many were left out over the limit.
pub(crate) fn of_record(record: &Value) -> (Vec<Attachment>, usize) {
    let files = list(record, "files");
    // Old exports have one `file` instead.
    let single = record.get("file").filter(|file| file.is_object() && files.is_empty());
    let all = files.len() + usize::from(single.is_some());
    let attachments = files.iter().chain(single).take(ATTACHMENTS_MAX).map(attachment).collect();
    (attachments, all.saturating_sub(ATTACHMENTS_MAX))
}

/// A file as a record describes it.
pub(crate) fn attachment(file: &Value) -> Attachment {
    let why = match text(file, "mode") {
        Some("tombstone") => "deleted",
        Some("hidden_by_limit") => "hidden-by-limit",
        _ => "not-in-export",
    };
    let mut extensions = Vec::new();
    let url = text(file, "url_private").or_else(|| text(file, "url_private_download")).map(redact::url);
    let told = [
        ("file-id", text(file, "id").map(str::to_owned)),
        ("url", url),
        ("title", text(file, "title").map(redact::text)),
    ];
    for (label, value) in told {
        if let Some(value) = value {
            extensions.push((label.to_owned(), cut(&value, EXTENSION_BYTES_MAX).to_owned()));
        }
    }
    let shown = text(file, "name").or_else(|| text(file, "title"));
    Attachment {
        name: shown.and_then(|shown| name(shown, NAME_BYTES_MAX)),
        media_type: text(file, "mimetype")
            .and_then(|kind| name(kind, NAME_BYTES_MAX))
            .filter(|kind| kind.contains('/')),
        size: number(file, "size"),
        content: Content::Missing(why.to_owned()),
        extensions,
    }
}
