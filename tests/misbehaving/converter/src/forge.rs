//! Spoils a message in one point: its head, its lines, its splices.
//!
//! The behaviours about splices need a present attachment to show; without one the message stays as it is.

use kit::converter::{Batch, Message, Splice, State};

use crate::{Table, honest::BOUNDARY};

type Forge = fn(&mut Message, &Batch);

pub(crate) const BEHAVIOURS: Table<Forge> = &[
    ("bare-cr", |message, _| replace(message, "item ", "item\r")),
    ("bare-lf", |message, _| replace(message, "\r\n", "\n")),
    ("body-not-empty", |message, _| replace(message, "base64\r\n\r\n", "base64\r\n\r\nQUJD\r\n")),
    ("descending-splices", |message, _| message.splices.reverse()),
    ("eight-bit-header", |message, _| replace(message, "Subject: An item", "Subject: \u{c4}n \u{ef}tem")),
    ("empty-skeleton", |message, _| message.skeleton.clear()),
    ("header-injection", |message, _| {
        replace(
            message,
            "Subject: An item",
            "Subject: hello\r\nBcc: eve@forbidden.example\r\nFrom: eve@forbidden.example",
        );
    }),
    ("huge-skeleton", |message, _| {
        let line = "x".repeat(76) + "\r\n";
        append(message, &line.repeat((16 << 20) / line.len() + 1));
    }),
    ("long-line", |message, _| append(message, &("x".repeat(999) + "\r\n"))),
    ("missing-splice", |message, _| message.splices.truncate(message.splices.len().saturating_sub(1))),
    ("no-base64", |message, _| {
        replace(message, "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 8bit")
    }),
    ("no-blank-line", |message, _| replace(message, "\r\n\r\n", "\r\n")),
    ("no-date", |message, _| replace(message, "Date: ", "X-Date: ")),
    ("no-from", |message, _| replace(message, "From: ", "X-From: ")),
    ("no-message-id", |message, _| replace(message, "Message-ID: ", "X-Message-ID: ")),
    ("non-utf8", |message, _| message.skeleton.extend_from_slice(b"\xff\xfe\xc3\x28\r\n")),
    ("nul-in-body", |message, _| append(message, "a\0b\r\n")),
    ("nul-in-header", |message, _| replace(message, "Subject: An item", "Subject: An\0item")),
    ("odd-message-id", |message, _| replace(message, "Message-ID: <", "Message-ID: <a b\t\u{e9}> <")),
    ("overlapping-splices", |message, _| {
        let first = message.splices.first().map(|splice| splice.offset);
        message.splices.iter_mut().for_each(|splice| splice.offset = first.unwrap_or(splice.offset));
    }),
    ("repeated-splice", |message, _| message.splices.extend(message.splices.last().copied())),
    ("same-message-id", |message, _| {
        replace(message, "Message-ID: <", "Message-ID: <same@misbehaving.invalid>\r\nX: <")
    }),
    ("splice-in-header", |message, _| first_at(message, 0)),
    ("splice-in-line", |message, _| {
        message.splices.iter_mut().for_each(|splice| splice.offset = splice.offset.saturating_sub(3));
    }),
    ("splice-of-another-item", |message, _| {
        message.splices.iter_mut().for_each(|splice| splice.item = splice.item.wrapping_add(1));
    }),
    ("splice-of-nothing", |message, _| {
        let offset = end(message);
        let item = message.items.first().copied().unwrap_or_default();
        message.splices.push(Splice { offset, item, attachment: 4_242 });
    }),
    ("splice-out-of-range", |message, _| {
        let beyond = end(message).saturating_add(1);
        message.splices.iter_mut().for_each(|splice| splice.offset = beyond);
    }),
    ("splice-overflow", |message, _| message.splices.iter_mut().for_each(|splice| splice.offset = u32::MAX)),
    ("splice-withheld", splice_what_is_not_there),
    ("two-message-ids", |message, _| {
        replace(message, "Message-ID: <", "Message-ID: <other@misbehaving.invalid>\r\nMessage-ID: <");
    }),
];

/// Replaces every occurrence. The honest skeleton is UTF-8, so nothing is lost on the way.
fn replace(message: &mut Message, from: &str, to: &str) {
    message.skeleton = String::from_utf8_lossy(&message.skeleton).replace(from, to).into_bytes();
    relocate(message);
}

/// Adds lines to the first part, before the attachments.
fn append(message: &mut Message, lines: &str) {
    let text = String::from_utf8_lossy(&message.skeleton);
    let part = format!("\r\n--{BOUNDARY}");
    // The first is the text part's own.
    let Some((at, _)) = text.match_indices(&part).nth(1) else { return };
    let spoilt = format!("{}{lines}{}", &text[..at], &text[at..]);
    message.skeleton = spoilt.into_bytes();
    relocate(message);
}

/// Moves the splices to where the empty bodies are now, so that they are not wrong as well.
fn relocate(message: &mut Message) {
    const HEAD: &str = "Content-Type: application/octet-stream";
    let text = String::from_utf8_lossy(&message.skeleton);
    let bodies = text.match_indices(HEAD).filter_map(|(at, _)| text[at..].find("\r\n\r\n").map(|end| at + end + 4));
    for (splice, offset) in message.splices.iter_mut().zip(bodies) {
        splice.offset = offset as u32;
    }
}

fn first_at(message: &mut Message, offset: u32) {
    if let Some(splice) = message.splices.first_mut() {
        splice.offset = offset;
    }
}

fn end(message: &Message) -> u32 {
    message.skeleton.len() as u32
}

/// A splice for every attachment whose bytes are to stay out.
fn splice_what_is_not_there(message: &mut Message, batch: &Batch) {
    let offset = end(message);
    for &item in &message.items {
        let Some(attachments) = batch.items.get(item as usize).map(|item| &item.attachments) else { continue };
        for (attachment, number) in attachments.iter().zip(0..) {
            if attachment.state != State::Present {
                message.splices.push(Splice { offset, item, attachment: number });
            }
        }
    }
}
