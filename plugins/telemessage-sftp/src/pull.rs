//! One page's journey: check the delivery, read the next mails, say where the next page begins.

use kit::{
    Error, ErrorKind, Host,
    source::{ArchiveEntry, Page, PullRequest, Reading},
};

use kit::Tables;

use crate::{
    cursor::Cursor,
    delivery::{self, DeliveryName},
    limits::{MAIL_BYTES_MAX, MAIL_HEAD_BYTES, PAGE_MAIL_BYTES_MAX},
    mail::{self, Place},
};

/// Reads one page of a delivery.
pub(crate) fn pull(host: &mut dyn Host, request: &PullRequest) -> Result<Page, Error> {
    let Reading::File(path) = &request.reading else {
        return Err(Error::new(ErrorKind::Misconfigured, "reading-unknown", "`telemessage-sftp` is read by files"));
    };
    let (mails, start) = match &request.cursor {
        None => (delivery::checked_mails(host, path)?, 0),
        Some(cursor) => {
            let cursor = Cursor::decode(cursor)?;
            let mails = delivery::known_mails(host, path)?;
            if mails.len() != cursor.total as usize {
                return Err(changed(path, cursor.total, mails.len()));
            }
            (mails, cursor.position as usize)
        }
    };

    let mut page = Page::default();
    let mut tables = Tables::default();
    let event_time_max_ms = DeliveryName::event_time_max_ms(path);
    let mut position = start;
    let mut bytes_read = 0_u64;
    for entry in mails.iter().skip(start).take(request.max_items.max(1) as usize) {
        let head_bytes = bytes_to_read(entry);
        if position > start && bytes_read + head_bytes > PAGE_MAIL_BYTES_MAX {
            break;
        }
        bytes_read += head_bytes;
        position += 1;
        let bytes = delivery::read(host, path, entry, head_bytes)?;
        match mail::read(host, &Place { path, entry, event_time_max_ms }, &bytes, &mut tables)? {
            Ok(item) => page.items.push(item),
            Err(unreadable) => page.unreadable.push(unreadable),
        }
    }
    (page.people, page.conversations) = tables.into_rows();
    // Both come from the host's list of at most 100,000 entries.
    let (position, total) =
        (u32::try_from(position).unwrap_or(u32::MAX), u32::try_from(mails.len()).unwrap_or(u32::MAX));
    page.cursor = (position < total).then(|| Cursor { position, total }.encode());
    page.progress =
        (u64::from(position) * 1_000).checked_div(u64::from(total)).map_or(Some(1_000), |p| u32::try_from(p).ok());
    Ok(page)
}

/// All of a mail, or the head of one that is too big to pass through here.
fn bytes_to_read(entry: &ArchiveEntry) -> u64 {
    if entry.size > MAIL_BYTES_MAX { MAIL_HEAD_BYTES } else { entry.size }
}

fn changed(path: &str, before: u32, now: usize) -> Error {
    Error::new(
        ErrorKind::Rejected,
        "file-changed",
        format!("`{path}` had {before} mails when it was begun and has {now} now"),
    )
    .hint("let the upload end before the file gets its name; the file is read anew from its beginning")
}
