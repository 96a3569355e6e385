//! What a fuzzer feeds the check of a converter's answer, and what must hold of the mail that comes through it.

use std::io;

use super::{
    contract::v1::converter::exports::chancery::connector::converter,
    converted::take,
    diagnostic::{Call, Label},
};
use crate::item::{
    Attachment, AttachmentState, Batch, BatchItem, BlobRef, BlobSource, Content, Event, Item, descriptor::Grouping,
};

/// Attachments of the one item.
const ATTACHMENTS: u8 = 3;
/// The longest line of a mail, CRLF left out (RFC 5322, 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Takes `data` as a converter's message for an item with three attachments and, if the host accepts it, writes it; the
/// answer is whether it did.
///
/// `data` begins with a byte, the number of splices (up to 7); each is an offset (u16, little-endian) and an attachment
/// (u8); what follows is the skeleton.
///
/// # Panics
/// When a message comes through that must not: that is what a fuzzer looks for.
pub fn message(data: &[u8]) -> bool {
    let Some((count, mut rest)) = data.split_first() else { return false };
    let mut splices = Vec::new();
    for _ in 0..count % 8 {
        let Some(([low, high, attachment], after)) = rest.split_first_chunk::<3>() else { return false };
        splices.push(converter::Splice {
            offset: u32::from(u16::from_le_bytes([*low, *high])),
            item: 0,
            attachment: u32::from(*attachment),
        });
        rest = after;
    }
    let skeleton = rest.to_vec();
    let item = item();
    let states = vec![AttachmentState::Present; ATTACHMENTS.into()];
    let batch_item =
        BatchItem { item: &item, conversation: 0, sender: None, participants: Vec::new(), attachments: states };
    let batch = Batch {
        source: "fuzz",
        account: "fuzz",
        settings: "{}",
        people: Vec::new(),
        conversations: Vec::new(),
        items: vec![batch_item],
    };
    let label = Label { name: "fuzz".to_owned(), version: None, digest: [0; 32] };
    let call = Call { plugin: &label, function: "convert", connector: None, position: None };
    let answer = converter::Message { skeleton, splices, items: vec![0], extensions: Vec::new() };
    let taken = take(vec![Ok(answer)], &batch, Grouping::Item, &call).expect("one answer for one item is a cover");
    let Ok(message) = &taken.answers[0].result else { return false };

    assert_eq!(message.splices.len(), usize::from(ATTACHMENTS), "every attachment is in once");
    let mut mail = Vec::new();
    message.write_to(&mut mail, &Bytes).expect("what was accepted can be written");
    assert_eq!(mail.len() as u64, message.size_bytes(), "the size is known before");
    assert!(mail.ends_with(b"\r\n"));
    let text = std::str::from_utf8(&mail).expect("a mail is UTF-8");
    assert!(!text.contains('\0'));
    for line in text.split("\r\n") {
        assert!(line.len() <= LINE_BYTES_MAX && !line.contains(['\r', '\n']), "a line that is none");
    }
    let (header, _) = text.split_once("\r\n\r\n").or_else(|| text.split_once("\r\n")).expect("a header ends");
    assert!(header.is_ascii());
    let fields = |name: &str| {
        header.split("\r\n").filter(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:"))).count()
    };
    for (name, expected) in [("message-id", 1), ("from", 1), ("date", 1), ("bcc", 0), ("received", 0)] {
        assert_eq!(fields(name), expected, "{name}");
    }
    assert!(message.message_id.starts_with('<') && message.message_id.ends_with('>'));
    true
}

/// The bytes of every attachment: three of them, `AQID` in base64.
struct Bytes;

impl BlobSource for Bytes {
    fn open(&self, _: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(&[1, 2, 3][..]))
    }
}

fn item() -> Item {
    let attachment = |number: u8| Attachment {
        name: None,
        media_type: None,
        size: None,
        content: Content::Present(BlobRef { name: [number; 32], size: 3, sha256: [0; 32] }),
        extensions: Vec::new(),
    };
    Item {
        id: "fuzz".to_owned(),
        event: Event::Message,
        revision: 0,
        conversation: 0,
        sender: None,
        owner: None,
        participants: Vec::new(),
        direction: None,
        sent_at_ms: 0,
        zone: None,
        text: None,
        previous_text: None,
        refers_to: None,
        call: None,
        attachments: (0..ATTACHMENTS).map(attachment).collect(),
        original: None,
        extensions: Vec::new(),
    }
}
