//! Archives of mail, read by a reader of zip files.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Seek},
};

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::{
    mail::{Mail, hex},
    world::FOLDER,
};

/// Every message of an archive; fails unless its manifest names exactly what is there.
pub(crate) fn messages(archive: impl Read + Seek) -> Vec<Mail> {
    let mut archive = ZipArchive::new(archive).unwrap();
    let mut text = String::new();
    archive.by_name("manifest.csv").unwrap().read_to_string(&mut text).unwrap();
    let rows: Vec<BTreeMap<String, String>> =
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect();
    let named: BTreeSet<String> = rows.iter().map(|row| row["file"].clone()).collect();
    let names = archive.file_names().map(|name| name.unwrap().into_owned());
    let held: BTreeSet<String> = names.filter(|name| name != "manifest.csv").collect();
    assert_eq!(named, held);
    let mut mails = Vec::with_capacity(rows.len());
    for row in rows {
        let mut bytes = Vec::new();
        archive.by_name(&row["file"]).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(row["sha256"], hex(&Sha256::digest(&bytes)), "{}", row["file"]);
        assert!(row["file"].starts_with(&format!("{}/{FOLDER}/", row["mailbox"])), "{}", row["file"]);
        mails.push(Mail { mailbox: row["mailbox"].clone(), folder: FOLDER.to_owned(), bytes });
    }
    mails
}
