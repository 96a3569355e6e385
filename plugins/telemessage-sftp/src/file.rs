//! Cuts a mail's files out and hands them to the host; or hands the mail on whole.

use std::borrow::Cow;

use kit::{Attachment, Blob, Content, Error, ErrorKind, Extensions, Host, Withheld, source::ArchiveEntry};
use mail_parser::{
    Encoding, Message, MessagePart, MimeHeaders, PartType,
    decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode},
};

use crate::{
    limits::{CHUNK_BYTES_MAX, NAME_BYTES_MAX},
    manifest::is_mail,
};

/// The parts of a mail that are files: everything with a content of its own but the text that was written.
pub(crate) fn parts<'a>(message: &'a Message<'_>) -> Vec<&'a MessagePart<'a>> {
    let is_body = |index: usize| {
        u32::try_from(index).is_ok_and(|id| message.text_body.contains(&id) || message.html_body.contains(&id))
    };
    let is_file = |index: usize, part: &MessagePart<'_>| match part.body {
        PartType::Multipart(_) => false,
        PartType::Text(_) | PartType::Html(_) => !is_body(index),
        _ => true,
    };
    message.parts.iter().enumerate().filter(|(index, part)| is_file(*index, part)).map(|(_, part)| part).collect()
}

/// Hands one part's bytes to the host.
pub(crate) fn cut(host: &mut dyn Host, message: &Message<'_>, part: &MessagePart<'_>) -> Result<Attachment, Error> {
    let bytes = decoded(message, part);
    let media_type = part.content_type().map(|ct| match ct.subtype() {
        Some(subtype) => format!("{}/{subtype}", ct.ctype()),
        None => ct.ctype().to_owned(),
    });
    let mut extensions = Extensions::new();
    if part.is_encoding_problem {
        extensions.push(("encoding-problem".to_owned(), "the mail's transfer encoding is damaged".to_owned()));
    }
    Ok(Attachment {
        name: short(part.attachment_name().map(str::to_owned)),
        media_type: short(media_type),
        size: Some(bytes.len() as u64),
        content: present_or_withheld(keep(host, &bytes))?,
        extensions,
    })
}

/// Hands a whole mail to the host, without a byte of it passing through here.
pub(crate) fn whole(host: &mut dyn Host, path: &str, entry: &ArchiveEntry) -> Result<Attachment, Error> {
    let name = entry.name.rsplit('/').next().filter(|name| is_mail(name)).unwrap_or("message.eml");
    Ok(Attachment {
        name: short(Some(name.to_owned())),
        media_type: Some("message/rfc822".to_owned()),
        size: Some(entry.size),
        content: present_or_withheld(host.archive_keep(path, entry.index))?,
        extensions: Extensions::new(),
    })
}

/// A part's bytes as its sender had them. Text is taken from the mail's own bytes: the parser has turned it into
/// UTF-8, and a file's bytes, and with them its SHA-256, must not depend on that.
fn decoded<'a>(message: &'a Message<'_>, part: &'a MessagePart<'_>) -> Cow<'a, [u8]> {
    if matches!(part.body, PartType::Binary(_) | PartType::InlineBinary(_)) {
        return Cow::Borrowed(part.contents());
    }
    let Some(raw) = message.raw_message.get(part.offset_body as usize..part.offset_end as usize) else {
        return Cow::Borrowed(part.contents());
    };
    let bytes = match part.encoding {
        Encoding::None => return Cow::Borrowed(raw),
        Encoding::Base64 => base64_decode(raw),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
    };
    bytes.map_or_else(|| Cow::Borrowed(part.contents()), Cow::Owned)
}

fn keep(host: &mut dyn Host, bytes: &[u8]) -> Result<Blob, Error> {
    let writer = host.blob_create()?;
    for chunk in bytes.chunks(CHUNK_BYTES_MAX as usize) {
        host.blob_write(writer, chunk)?;
    }
    host.blob_finish(writer)
}

/// A file over the connector's limit is withheld, visibly; any other error is the page's.
fn present_or_withheld(kept: Result<Blob, Error>) -> Result<Content, Error> {
    match kept {
        Ok(blob) => Ok(Content::Present(blob)),
        Err(error) if error.kind == ErrorKind::Rejected && error.code == "too-large" => {
            let limit = error.extensions.iter().find(|(name, _)| name == "limit");
            let limit = limit.and_then(|(_, bytes)| bytes.parse().ok());
            Ok(Content::Withheld(Withheld { reason: error.code, limit }))
        }
        Err(error) => Err(error),
    }
}

/// A name that the host would refuse is cut rather than costing the item; the bytes are what counts.
fn short(name: Option<String>) -> Option<String> {
    name.map(|mut name| {
        name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
        name
    })
    .filter(|name| !name.is_empty())
}
