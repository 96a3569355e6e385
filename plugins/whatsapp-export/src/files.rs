//! The files of an archive that no message names: each becomes an item of its own, so that nothing in an export is
//! passed over in silence. Files of operating systems (`__MACOSX/`, `.DS_Store`, `Thumbs.db`) are the exception.

use kit::{Error, Event, Host, source::Page};

use crate::{
    authors::Authors,
    cursor::{Decoder, Encoder},
    identity::ChatKind,
    input::{Chat, Media, base_name, is_system_file},
    marks::Marks,
    page::Filling,
    pins::Pin,
    read::{Ended, decode_time, encode_time},
    settings::Settings,
};

/// The walk through the archive's files, between two pages.
#[derive(Debug)]
pub(crate) struct Files {
    ended: Ended,
    /// Place in the list of entries.
    next: usize,
}

impl Files {
    /// Begins.
    pub(crate) const fn new(ended: Ended) -> Self {
        Self { ended, next: 0 }
    }

    /// What the file decided about its conversation's dates.
    pub(crate) const fn pin(&self) -> Option<Pin> {
        self.ended.pin
    }

    /// Fills one page; gives itself back while there are more.
    pub(crate) fn page(
        mut self,
        host: &mut dyn Host,
        chat: &Chat,
        settings: &Settings,
        items_max: usize,
    ) -> Result<(Page, Option<Self>), Error> {
        let owner = settings.owner_of(&chat.path)?;
        let mut filling = Filling::new(chat, settings, &self.ended.authors, self.ended.kind, &owner);
        let Some((text, _)) = &chat.entry else { return Ok((filling.page, None)) };
        if self.ended.named.lost {
            let message = format!(
                "`{}` holds so many files in so little order that those no message names could not be told",
                chat.path
            );
            let id = filling.identity.other("unreferenced-files-unknown", b"");
            filling.unreadable(id, "unreferenced-files-unknown", message, "");
            return Ok((filling.page, None));
        }
        let entries = host.archive_entries(&chat.path)?;
        while let Some(entry) = entries.get(self.next) {
            if filling.len() >= items_max {
                return Ok((filling.page, Some(self)));
            }
            self.next += 1;
            if entry.index == *text || self.ended.named.has(entry.index) || is_system_file(&entry.name) {
                continue;
            }
            let id = filling.identity.other("file", entry.name.as_bytes());
            let mut item = filling.item(id, Event::File, None, self.ended.last_at.unwrap_or_default());
            let (attachment, _) = Media::keep_entry(host, chat, entry)?;
            item.text = Some(format!("File in the export that no message names: {}", base_name(&entry.name)));
            item.attachments.push(attachment);
            item.extensions.push(("unreferenced-file".to_owned(), "true".to_owned()));
            filling.push(item);
        }
        Ok((filling.page, None))
    }

    /// Writes the walk into a cursor.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.number(self.next as u64);
        self.ended.named.encode(out);
        encode_time(self.ended.last_at, out);
        self.ended.authors.encode(out, false);
        out.byte(self.ended.kind as u8);
        Pin::encode(self.ended.pin, out);
    }

    /// Reads a walk from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        let next = from.small()?;
        let named = Marks::decode(from)?;
        let last_at = decode_time(from)?;
        let authors = Authors::decode(from, false)?;
        let kind = *ChatKind::ALL.get(usize::from(from.byte()?))?;
        let pin = Pin::decode(from)?;
        Some(Self { ended: Ended { named, last_at, authors, kind, pin }, next })
    }
}
