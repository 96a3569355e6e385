//! Mail as a stranger's reader sees it: with a parser that shares no code with what wrote it.

use std::{collections::BTreeMap, fs, path::Path};

use mail_parser::{Message, MessageParser, MimeHeaders as _};
use sha2::{Digest as _, Sha256};

use super::files::{children, name};

/// A delivered mail.
pub(crate) struct Mail {
    /// The mailbox's address.
    pub(crate) mailbox: String,
    /// The folder in it, without the dot.
    pub(crate) folder: String,
    pub(crate) bytes: Vec<u8>,
}

impl Mail {
    /// As a mail program sees it.
    pub(crate) fn message(&self) -> Message<'_> {
        MessageParser::default().parse(&self.bytes).expect("a mail can be parsed")
    }

    /// The header field of this name; fails unless there is exactly one.
    pub(crate) fn field(&self, name: &str) -> String {
        let head = self.bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a mail has a head");
        let head = std::str::from_utf8(&self.bytes[..head]).expect("a head is ASCII");
        // RFC 5322 section 2.2.3: a line end before white space is no line end.
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", "\t");
        let fields = unfolded.split("\r\n").filter_map(|line| line.split_once(':'));
        let values: Vec<&str> =
            fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect();
        let [value] = values.as_slice() else { panic!("{} fields `{name}` in\n{head}", values.len()) };
        (*value).to_owned()
    }

    /// The item it archives.
    pub(crate) fn item(&self) -> String {
        self.field("X-Chancery-Item")
    }

    /// The conversation it belongs to.
    pub(crate) fn conversation(&self) -> String {
        self.field("X-Chancery-Conversation")
    }

    /// Its attachments, by name, with the SHA-256 of their bytes in hex. Sorted.
    pub(crate) fn attachments(&self) -> Vec<(String, String)> {
        let message = self.message();
        let mut attachments: Vec<(String, String)> = message
            .attachments()
            .map(|part| (part.attachment_name().unwrap_or_default().to_owned(), hex(&Sha256::digest(part.contents()))))
            .collect();
        attachments.sort();
        attachments
    }

    /// The text part.
    pub(crate) fn text(&self) -> String {
        self.message().body_text(0).unwrap_or_default().replace("\r\n", "\n")
    }
}

/// Every mail of the Maildirs below `root`, by path.
pub(crate) fn read(root: &Path) -> Vec<Mail> {
    let mut mails = Vec::new();
    for mailbox in children(root) {
        for folder in children(&mailbox).into_iter().filter(|folder| name(folder).starts_with('.')) {
            for place in ["new", "cur"] {
                for file in children(&folder.join(place)) {
                    let (mailbox, folder) = (name(&mailbox), name(&folder)[1..].to_owned());
                    mails.push(Mail { mailbox, folder, bytes: fs::read(file).unwrap() });
                }
            }
        }
    }
    mails
}

/// Mails by mailbox and item.
pub(crate) fn by_copy(mails: &[Mail]) -> BTreeMap<(String, String), Vec<&Mail>> {
    let mut by_copy: BTreeMap<_, Vec<&Mail>> = BTreeMap::new();
    for mail in mails {
        by_copy.entry((mail.mailbox.clone(), mail.item())).or_default().push(mail);
    }
    by_copy
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
