//! Line ends, NULs and header names wherever a stranger's text goes: names, titles, texts, file names, numbers.

use super::archive::Archive;
use crate::support::{
    exports::{Connector, Installation, head},
    mail::Mail,
};

/// The header fields a mail of ours may have, each at most once.
const FIELDS: &[&str] = &[
    "Auto-Submitted",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "In-Reply-To",
    "MIME-Version",
    "Message-ID",
    "References",
    "Subject",
    "To",
    "X-Chancery-Conversation",
    "X-Chancery-Event",
    "X-Chancery-Format",
    "X-Chancery-Item",
    "X-Chancery-Source",
];

/// What would be a field, an end of the head or an end of a mail, if somebody let it through.
const INJECTIONS: &[&str] = &[
    "Eve\r\nBcc: eve@example.com",
    "Eve\rBcc: eve@example.com",
    "Eve\0Bcc: eve@example.com",
    "Eve\u{85}Bcc: eve@example.com",
    "Eve\u{2028}Bcc: eve@example.com\u{2029}",
    "Eve\u{b}\u{c}Bcc: eve@example.com",
    "=?utf-8?q?Eve=0D=0ABcc:_eve=40example.com?=",
    "\"Eve\" <eve@example.com>, Ben",
    "Eve\u{202e}moc.elpmaxe@eve",
    "(Eve \\ ;:@,<>[]",
];

#[test]
fn nothing_in_a_chat_becomes_a_header() {
    let installation = Installation::new(&[Connector::default()]);
    for (number, injection) in INJECTIONS.iter().enumerate() {
        // In the title (the file name in the archive), as an author, as a number, in a text, as a medium's name.
        let line_free: String =
            injection.chars().filter(|character| !matches!(character, '\r' | '\n' | '\0')).collect();
        let medium = format!("IMG-{number} {line_free}.jpg").replace(['/', '\\'], "_");
        let chat = format!(
            "23/06/2023, 10:15 - {line_free}: {injection}\n\
             23/06/2023, 10:16 - +49 151 23456789{injection}: {injection}\r\n\r\n.\r\n\r\nFrom: eve@example.com\n\
             23/06/2023, 10:17 - Anna: {medium} (file attached)\n"
        );
        let title = format!("WhatsApp Chat with {number} {}.txt", line_free.replace(['/', '\\'], "_"));
        let archive = Archive::default().file(title, chat).file(&medium, b"GIF89a");
        installation.put(&format!("inbox/{number}.zip"), archive.end());
    }
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    let mails = installation.mails();
    assert_eq!(outcomes["exports"].item("delivered"), mails.len() as u64, "{ran}");
    assert!(mails.len() >= 3 * INJECTIONS.len(), "{} mails\n{ran}", mails.len());
    mails.iter().for_each(assert_sound);
    assert_eq!(mails.iter().filter(|mail| mail.message().attachment_count() == 1).count(), INJECTIONS.len());
}

/// A head of our own fields only, no control character but line ends in pairs, no line over the limit of RFC 5322.
pub(crate) fn assert_sound(mail: &Mail) {
    let text = String::from_utf8_lossy(&mail.bytes).into_owned();
    let shown = || text.chars().take(2_000).collect::<String>().escape_debug().to_string().replace("\\r\\n", "\n");
    let head = head(mail);
    let mut fields: Vec<&str> = head.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    fields.sort_unstable();
    assert!(fields.windows(2).all(|pair| pair[0] != pair[1]), "a field stands twice: {fields:?}\n{}", shown());
    assert!(fields.iter().all(|field| FIELDS.contains(field)), "a field is not ours: {fields:?}\n{}", shown());
    assert!(head.iter().all(|line| line.is_ascii()), "{}", shown());
    let without_line_ends = text.replace("\r\n", "");
    assert!(!without_line_ends.contains(['\r', '\n', '\0', '\u{b}', '\u{c}', '\u{1b}']), "{}", shown());
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "{}", shown());
    let message = mail.message();
    let addresses = |address: Option<&mail_parser::Address<'_>>| {
        let list = address
            .map(|address| address.iter().map(|one| one.address().unwrap_or_default().to_owned()).collect::<Vec<_>>());
        list.unwrap_or_default()
    };
    for address in addresses(message.from()).into_iter().chain(addresses(message.to())) {
        assert!(address == "anna@example.com" || address.ends_with(".invalid"), "`{address}` is nobody's\n{}", shown());
    }
}
