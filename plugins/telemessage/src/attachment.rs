//! Fetches the files of a page's items; the bytes stay with the host.

use std::collections::HashMap;

use kit::{Attachment, Content, Error, ErrorKind, Extensions, Host, Withheld};

use crate::{
    answer,
    identity::{digest, filled},
    settings::Settings,
    site,
    wire::WireAttachment,
};

/// The files fetched for one page: a group's file is named by every owner's delivery and fetched once.
#[derive(Default)]
pub(crate) struct Fetched {
    by_id: HashMap<String, (Content, Option<String>)>,
}

impl Fetched {
    /// Fetches one file. An error is the whole page's: nothing of it was handed over yet, and it is asked for again.
    pub(crate) fn attachment(
        &mut self,
        host: &mut dyn Host,
        settings: &Settings,
        wire: WireAttachment,
    ) -> Result<Attachment, Error> {
        let declared_type = filled(&wire.media_type);
        let (content, answered_type) = match filled(&wire.id) {
            None => (Content::Missing("not-found".to_owned()), None),
            Some(id) => match self.by_id.get(&id) {
                Some(known) => known.clone(),
                None => {
                    let fetched = fetch(host, settings, &id, declared_type.as_deref())?;
                    self.by_id.insert(id, fetched.clone());
                    fetched
                }
            },
        };
        let mut extensions = Extensions::new();
        if let (Content::Present(blob), Some(declared)) = (&content, wire.size)
            && blob.size != declared
        {
            extensions.push(("size-differs".to_owned(), format!("announced {declared}, received {}", blob.size)));
        }
        Ok(Attachment {
            name: filled(&wire.name),
            media_type: declared_type.or(answered_type),
            size: wire.size,
            content,
            extensions,
        })
    }
}

/// Hands the host bytes that no request brought: an item's JSON that is too long for `original`.
pub(crate) fn json_file(host: &mut dyn Host, json: &str) -> Result<Attachment, Error> {
    let writer = host.blob_create()?;
    for chunk in json.as_bytes().chunks(1 << 20) {
        host.blob_write(writer, chunk)?;
    }
    let blob = host.blob_finish(writer)?;
    Ok(Attachment {
        name: Some(format!("{}.json", digest("item", [json]).replace(':', "-"))),
        media_type: Some("application/json".to_owned()),
        size: Some(blob.size),
        content: Content::Present(blob),
        extensions: Extensions::new(),
    })
}

fn fetch(
    host: &mut dyn Host,
    settings: &Settings,
    id: &str,
    declared_type: Option<&str>,
) -> Result<(Content, Option<String>), Error> {
    let fetched = match site::attachment(host, settings, id) {
        Ok(fetched) => fetched,
        Err(error) if error.kind == ErrorKind::Rejected && error.code == "too-large" => {
            let limit = error.extensions.iter().find(|(name, _)| name == "limit");
            let limit = limit.and_then(|(_, bytes)| bytes.parse().ok());
            return Ok((Content::Withheld(Withheld { reason: error.code, limit }), None));
        }
        Err(error) => return Err(error),
    };
    let path = site::attachment_path(id);
    let answered_type = answer::content_type(&fetched.headers).to_owned();
    match (fetched.status, fetched.blob) {
        (200, Some(blob)) => {
            // A proxy's sign-in page comes with 200 as well; as somebody's photo it would be false evidence.
            let is_page = |media_type: &str| media_type.eq_ignore_ascii_case("text/html");
            if is_page(&answered_type) && declared_type.is_some_and(|declared| !is_page(declared)) {
                return Err(answer::gateway_page(&path, 200, &answered_type));
            }
            Ok((Content::Present(blob), Some(answered_type).filter(|media_type| !media_type.is_empty())))
        }
        (200, None) => Err(answer::unexpected(ErrorKind::Retry, format!("`{path}` answered 200 without a body"))),
        (404 | 410, _) => Ok((Content::Missing("expired".to_owned()), None)),
        (status, _) => {
            let mut error = answer::refusal(&path, status, &fetched.headers);
            // One file's odd answer says nothing of the others: ask again before anybody is called.
            if error.kind == ErrorKind::Other {
                error.kind = ErrorKind::Retry;
            }
            Err(error)
        }
    }
}
