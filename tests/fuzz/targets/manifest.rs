//! `telemessage-sftp`: any bytes as a delivery. Pieces between NULs: the manifest, then the mails.

use kit::source::Reading;
use telemessage_sftp::TelemessageSftp;

use super::host::{Shelf, read_all};

const ZIP: &str = "inbox/202611020000-TeleMessage_1_20261103010203.zip";

/// Reads the delivery in large and in small pages: both give the same items, and no mail is left out.
pub(super) fn run(data: &[u8]) -> bool {
    let mut pieces = data.split(|byte| *byte == 0);
    let manifest = pieces.next().unwrap_or_default().to_vec();
    let mails = (1..).zip(pieces).map(|(number, mail): (u32, _)| (format!("mail-{number}.eml"), mail.to_vec()));
    let mut entries: Vec<(String, Vec<u8>)> = mails.collect();
    let mails = entries.len();
    entries.push(("export.mf".to_owned(), manifest));
    let shelf = Shelf { files: vec![(ZIP.to_owned(), Vec::new())], entries, ..Shelf::default() };
    let reading = Reading::File(ZIP.to_owned());
    let settings = r#"{"path":"inbox"}"#;
    let whole = read_all::<TelemessageSftp>(&shelf, settings, &reading, 1_000);
    let in_parts = read_all::<TelemessageSftp>(&shelf, settings, &reading, 2);
    if let (Ok(whole), Ok(in_parts)) = (whole, in_parts) {
        assert_eq!(whole.items, in_parts.items, "items do not depend on the size of pages");
        assert_eq!(whole.items.len() + whole.unreadable.len(), mails, "every mail is an item or unreadable");
        return !whole.items.is_empty();
    }
    false
}
