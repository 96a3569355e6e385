//! TeleMessage's deliveries by SFTP: zips of mails with a manifest that agrees.

use std::io::{Cursor, Write as _};

use zip::write::{SimpleFileOptions, ZipWriter};

/// A delivery's name; its day is 2 November 2026.
pub(crate) const NAME: &str = "202611020000-TeleMessage_1_20261103010203.zip";

/// One delivery of these mails, written with LF.
pub(crate) fn delivery(mails: &[&str]) -> Vec<u8> {
    let names: Vec<String> = (1..=mails.len()).map(|number| format!("mail-{number}.eml")).collect();
    let manifest = format!("Count: {}\r\n{}\r\n", mails.len(), names.join("\r\n"));
    let mails = mails.iter().map(|mail| mail.replace('\n', "\r\n").into_bytes());
    zip(names.into_iter().zip(mails).chain([("export.mf".to_owned(), manifest.into_bytes())]))
}

/// An archive of these files.
pub(crate) fn zip(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
