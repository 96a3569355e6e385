//! The headers that all messages have, and the parts of their files.

use kit::converter::{Item, Splice, State};

use crate::{
    Problem, header,
    identity::{Hex, token},
    mime::{self, Level},
    moment::Moment,
    people::{Card, People},
    thread::Thread,
    words,
};

/// What `X-Chancery-Format` says; a change to what messages look like raises it.
const FORMAT: &[u8] = b"1";

/// `From` and `To`. A line without author comes from the network itself; whoever writes to nobody writes to themself.
pub fn write_addresses(out: &mut Vec<u8>, people: &People<'_>, thread: &Thread, sender: Option<&Card>) {
    out.extend_from_slice(b"From: ");
    match sender {
        Some(card) => out.extend_from_slice(&card.header),
        None => header::mailbox(out, &thread.network, "notice@chancery.invalid", 6),
    }
    out.extend_from_slice(b"\r\nTo: ");
    let start = out.len();
    for &index in &thread.addressees {
        if let Some(card) = people.card(index).filter(|card| sender.is_none_or(|sender| sender.key != card.key)) {
            if out.len() > start {
                out.extend_from_slice(b",\r\n ");
            }
            out.extend_from_slice(&card.header);
        }
    }
    if out.len() == start {
        match sender {
            Some(card) => out.extend_from_slice(&card.header),
            None => out.extend_from_slice(b"undisclosed-recipients:;"),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// `Date`.
pub fn write_date(out: &mut Vec<u8>, moment: &Moment) {
    out.extend_from_slice(b"Date: ");
    moment.write_date(out);
    out.extend_from_slice(b"\r\n");
}

/// `MIME-Version`, `Auto-Submitted` and the five headers of our own. `source` is a [`token`].
pub fn write_marks(out: &mut Vec<u8>, source: &str, thread: &Thread, item: &Item) {
    out.extend_from_slice(b"MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n");
    for (name, value) in [
        (&b"X-Chancery-Item: "[..], token(&item.id).as_bytes()),
        (b"X-Chancery-Source: ", source.as_bytes()),
        (b"X-Chancery-Event: ", item.event.name().as_bytes()),
        (b"X-Chancery-Conversation: ", thread.token.as_bytes()),
        (b"X-Chancery-Format: ", FORMAT),
    ] {
        out.extend_from_slice(name);
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

/// The message's time, or why mail cannot express it.
///
/// # Errors
/// `time-out-of-range`.
pub fn moment(item: &Item) -> Result<Moment, Problem> {
    Moment::from_milliseconds(item.sent_at).ok_or_else(|| Problem {
        code: "time-out-of-range",
        message: format!("The item's time, {} ms, is outside the years 1900 to 9999 of e-mail.", item.sent_at),
    })
}

/// Whoever wrote an item; none when nobody did.
///
/// # Errors
/// `index-out-of-range`.
pub fn sender<'a>(people: &'a People<'_>, item: &Item) -> Result<Option<&'a Card>, Problem> {
    item.sender.map(|sender| people.card(sender).ok_or_else(|| Problem::out_of_range("sender", sender))).transpose()
}

/// Whether a file of the item goes into the message.
pub fn has_files(item: &Item) -> bool {
    item.attachments.iter().any(|attachment| attachment.state == State::Present)
}

/// The present attachments' parts, and where their bytes go; `index` is the item's place in the batch.
pub fn write_attachments(out: &mut Vec<u8>, splices: &mut Vec<Splice>, own: &Hex, index: u32, item: &Item) {
    for (number, attachment) in item.attachments.iter().enumerate() {
        if attachment.state != State::Present {
            continue;
        }
        mime::next(out, own, Level::Mixed);
        let name = words::file_name(attachment, number);
        let offset = mime::attachment(out, attachment.media_type.as_deref(), &name);
        // Both fit, or the skeleton is over its limit and is refused as a whole.
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        splices.push(Splice { offset, item: index, attachment: number });
    }
}
