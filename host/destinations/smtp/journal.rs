//! Journal reports: how another archive is told whose message it gets.
//!
//! As Exchange writes them (MS-XJRNL): an outer message from the sender that was configured, whose first part lists who
//! wrote to whom, one field a line, and whose second is the archived message as it is. Each copy is a report of its own;
//! `Recipient:` names the mailbox it is for.
//!
//! The same copy gives the same bytes: the date is the item's, Message-ID and boundary are hashes.

use mail_parser::{Address, MessageParser};
use sha2::{Digest as _, Sha256};

use crate::{
    destinations::Delivery,
    item::{Message, Splice, hex},
};

/// A report, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) message: Message,
    /// Whether the archived message has bytes over 127, which not every server takes as they are.
    pub(super) is_eight_bit: bool,
}

/// Wraps a copy.
pub(super) fn report(copy: &Delivery, from: &str, to: &str) -> Report {
    let inner = &copy.message;
    let is_eight_bit = !inner.skeleton.is_ascii();
    let encoding = if is_eight_bit { "8bit" } else { "7bit" };
    // A message cannot hold the hash of itself, and base64 has no underscore: the boundary is nowhere in it.
    let boundary = format!("_{}", hex(&Sha256::digest(&inner.skeleton)[..16]));
    let message_id = message_id(copy);
    let parsed = MessageParser::default().parse_headers(&*inner.skeleton).unwrap_or_default();
    // As it stands there, folded and encoded already.
    let subject = parsed.header_raw("Subject").map(|raw| format!("Subject:{}\r\n", raw.trim_end())).unwrap_or_default();
    let envelope = envelope(copy, &parsed);
    let (envelope, envelope_encoding) = match envelope.is_ascii() {
        true => (envelope, "7bit"),
        false => (base64_lines(&envelope), "base64"),
    };
    let head = format!(
        "From: <{from}>\r\nTo: <{to}>\r\nDate: {date}\r\n{subject}Message-ID: {message_id}\r\n\
         X-MS-Journal-Report:\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {envelope_encoding}\r\n\r\n\
         {envelope}\r\n--{boundary}\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n",
        date = date(copy.received_at_ms),
    );
    // The line end before a boundary belongs to the boundary, so that the message keeps its own.
    let tail = format!("\r\n--{boundary}--\r\n");
    let mut skeleton = Vec::with_capacity(head.len() + inner.skeleton.len() + tail.len());
    skeleton.extend_from_slice(head.as_bytes());
    skeleton.extend_from_slice(&inner.skeleton);
    skeleton.extend_from_slice(tail.as_bytes());
    let shifted = |splice: &Splice| Splice { offset: splice.offset + head.len() as u32, blob: splice.blob.clone() };
    let message = Message {
        skeleton: skeleton.into(),
        splices: inner.splices.iter().map(shifted).collect(),
        message_id: message_id.into(),
    };
    Report { message, is_eight_bit }
}

/// Of the report: the same for the same copy, another for each mailbox.
fn message_id(copy: &Delivery) -> String {
    let mut hasher = Sha256::new();
    hasher.update((copy.mailbox.len() as u64).to_le_bytes());
    hasher.update(&*copy.mailbox);
    hasher.update(&*copy.message.message_id);
    format!("<journal.{}@chancery.invalid>", hex(&hasher.finalize()[..16]))
}

/// Who wrote to whom, a field a line.
fn envelope(copy: &Delivery, parsed: &mail_parser::Message<'_>) -> String {
    let mut lines = String::new();
    let mut line = |name: &str, value: &str| {
        // An encoded name may hold a line end, and would then make a field of its own.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        lines.push_str(&format!("{name}: {}\r\n", value.trim()));
    };
    line("Sender", addresses(parsed.from()).next().unwrap_or_default());
    line("Subject", parsed.subject().unwrap_or_default());
    line("Message-Id", &copy.message.message_id);
    addresses(parsed.to()).for_each(|address| line("To", address));
    addresses(parsed.cc()).for_each(|address| line("Cc", address));
    line("Recipient", &copy.mailbox);
    lines
}

fn addresses<'a>(of: Option<&'a Address<'a>>) -> impl Iterator<Item = &'a str> {
    of.into_iter().flat_map(Address::iter).filter_map(mail_parser::Addr::address)
}

fn base64_lines(text: &str) -> String {
    let mut encoded = Vec::new();
    encodify::base64::MIME.encode_append(text.as_bytes(), &mut encoded);
    let mut lines = String::from_utf8_lossy(&encoded).into_owned();
    if !lines.ends_with("\r\n") {
        lines.push_str("\r\n");
    }
    lines
}

/// RFC 5322's date-time, in UTC.
fn date(at_ms: i64) -> String {
    // Its year has four digits, and nothing was written before the epoch.
    let at_ms = at_ms.clamp(0, jiff::Timestamp::MAX.as_second() * 1000);
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn copy(mailbox: &str, skeleton: &str) -> Delivery {
        let message_id = skeleton.split("Message-ID: ").nth(1).unwrap().split("\r\n").next().unwrap();
        Delivery {
            mailbox: mailbox.into(),
            message: Message {
                skeleton: skeleton.as_bytes().into(),
                splices: [].into(),
                message_id: message_id.into(),
            },
            received_at_ms: 1_795_371_471_000,
        }
    }

    fn text(copy: &Delivery) -> String {
        String::from_utf8(report(copy, "bounce@example.com", "journal@archive.example").message.skeleton.to_vec())
            .unwrap()
    }

    const PLAIN: &str = "From: \"Anna\" <anna@example.com>\r\nTo: Ben <ben@example.com>,\r\n <49151@phone.invalid>\r\n\
         Cc: carl@example.com\r\nSubject: Hello\r\n there\r\nMessage-ID: <m1@x>\r\n\r\nText.\r\n";

    #[test]
    fn a_report_says_who_wrote_to_whom_and_holds_the_message_as_it_is() {
        let outer = text(&copy("ben@example.com", PLAIN));
        let expect = "Content-Transfer-Encoding: 7bit\r\n\r\n\
             Sender: anna@example.com\r\nSubject: Hello there\r\nMessage-Id: <m1@x>\r\nTo: ben@example.com\r\n\
             To: 49151@phone.invalid\r\nCc: carl@example.com\r\nRecipient: ben@example.com\r\n\r\n--_";
        assert!(outer.contains(expect), "{outer}");
        assert!(outer.starts_with("From: <bounce@example.com>\r\nTo: <journal@archive.example>\r\nDate: Sun, 22 Nov 2026 18:17:51 +0000\r\nSubject: Hello\r\n there\r\n"), "{outer}");
        assert!(outer.contains("\r\nX-MS-Journal-Report:\r\n"), "{outer}");
        let parsed = MessageParser::default().parse(outer.as_bytes()).unwrap();
        let attached = parsed.attachments().next().unwrap().message().unwrap();
        assert_eq!(String::from_utf8_lossy(attached.raw_message()), PLAIN, "unchanged to the byte");
    }

    #[test]
    fn a_name_cannot_add_a_field_and_other_scripts_go_as_base64() {
        for (subject, says) in [
            ("=?utf-8?q?x=0D=0ARecipient:_eve@evil.example?=", "Subject: x  Recipient: eve@evil.example\r\n"),
            ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: Grüße\r\n"),
        ] {
            let outer = text(&copy("ben@example.com", &PLAIN.replace("Hello\r\n there", subject)));
            let parsed = MessageParser::default().parse(outer.as_bytes()).unwrap();
            let envelope = parsed.body_text(0).unwrap();
            assert!(envelope.contains(says), "{envelope}");
            assert_eq!(envelope.lines().filter(|line| line.starts_with("Recipient:")).count(), 1, "{envelope}");
        }
    }

    #[test]
    fn the_same_copy_has_the_same_report_and_each_mailbox_its_own() {
        let of = |mailbox: &str| text(&copy(mailbox, PLAIN));
        let id = |outer: &str| outer.split("Message-ID: <journal.").nth(1).unwrap()[..32].to_owned();
        assert_eq!(of("ben@example.com"), of("ben@example.com"));
        assert_ne!(id(&of("ben@example.com")), id(&of("anna@example.com")));
    }

    #[test]
    fn attachments_keep_their_place() {
        let mut copy = copy("ben@example.com", PLAIN);
        let blob = crate::item::BlobRef { name: [0; 32], size: 3, sha256: [0; 32] };
        let offset = PLAIN.find("Text.").unwrap() as u32;
        copy.message.splices = [Splice { offset, blob }].into();
        let report = report(&copy, "a@b.org", "c@d.org").message;
        let at = report.splices[0].offset as usize;
        assert_eq!(&report.skeleton[at..at + 5], b"Text.");
    }
}
