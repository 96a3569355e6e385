//! One archive: how it is written, and what its manifest says.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read as _, Write},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{Delivered, Delivery, EmlSettings, Show, key, place::Place, trouble};
use crate::{
    destinations::{Lies, Note, inventory::Seen},
    item::{BlobSource, Failure, NextMove, hex, time::rfc3339},
};

/// Name of the list in each archive.
const MANIFEST: &str = "manifest.csv";
/// Bytes of a manifest: a thousand copies have a small part of it.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// A file of an archive, as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) file: String,
    pub(super) mailbox: String,
    pub(super) message_id: String,
    pub(super) received: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Writes a group as one archive. The same group has the same name: an archive that is there already is not written
/// again.
pub(super) fn write(
    place: &dyn Place,
    settings: &EmlSettings,
    group: &[Delivery],
    blobs: &dyn BlobSource,
) -> Result<Delivered, Failure> {
    let name = name(group);
    let aside = place.draft(&name);
    let fill = || -> io::Result<(File, Vec<Row>)> {
        let mut zip = ZipWriter::new(File::create(&aside)?);
        let mut rows = Vec::with_capacity(group.len());
        for copy in group {
            rows.push(add(&mut zip, settings, copy, blobs)?);
        }
        zip.start_file(MANIFEST, options(0)).map_err(io::Error::other)?;
        zip.write_all(&csv(&rows)?)?;
        Ok((zip.finish().map_err(io::Error::other)?, rows))
    };
    // What is left of a draft is rubbish under a name that nobody reads.
    let give_up = || drop(fs::remove_file(&aside));
    let (file, rows) = fill().map_err(|error| {
        give_up();
        trouble(&aside.display().to_string(), &error)
    })?;
    match place.manifest(&name).inspect_err(|_| give_up())? {
        None => place.keep(&name, file, &rows).map(|()| Delivered::Stored(Vec::new())),
        Some(there) if there == rows => {
            give_up();
            place.names().map(|_| Delivered::AlreadyThere(Vec::new()))
        }
        Some(_) => {
            give_up();
            let message = format!("there is an archive `{name}` with other messages");
            let failure = Failure::new("mailbox-conflict", NextMove::Reject, message);
            Ok(Delivered::Refused(failure.hint("move it away, then run `chancery parked retry`")))
        }
    }
}

/// `<date of the first message>-<hash of the copies>.zip`
fn name(group: &[Delivery]) -> String {
    let mut keys: Vec<_> = group.iter().map(|copy| key(&copy.mailbox, &copy.message.message_id)).collect();
    keys.sort_unstable();
    let hash = Sha256::digest(keys.concat());
    let first_ms = group.iter().map(|copy| copy.received_at_ms).min().unwrap_or(0);
    let date = rfc3339(first_ms);
    format!("{}-{}.zip", date.get(..10).unwrap_or("undated"), hex(&hash[..8]))
}

/// The same bytes for the same group: no clock, and a size that is known.
fn options(bytes: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644)
        .large_file(bytes >= u64::from(u32::MAX))
}

fn add(zip: &mut ZipWriter<File>, settings: &EmlSettings, copy: &Delivery, blobs: &dyn BlobSource) -> io::Result<Row> {
    let folder: String =
        settings.folder.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c }).collect();
    let folder = if folder.starts_with('.') { format!("_{folder}") } else { folder };
    let id = Sha256::digest(copy.message.message_id.as_bytes());
    // Mailboxes are plain addresses: nothing of them leads out of a folder.
    let file =
        format!("{}/{folder}/{}.{}.eml", copy.mailbox, copy.received_at_ms.div_euclid(1000).max(0), hex(&id[..16]));
    let bytes = copy.message.size_bytes();
    zip.start_file(&file, options(bytes)).map_err(io::Error::other)?;
    let mut hashed = Hashed { out: zip, hasher: Sha256::new() };
    copy.message.write_to(&mut hashed, blobs)?;
    let sha256 = hex(&hashed.hasher.finalize());
    Ok(Row {
        file,
        mailbox: copy.mailbox.to_string(),
        message_id: copy.message.message_id.to_string(),
        received: rfc3339(copy.received_at_ms),
        bytes,
        sha256,
    })
}

/// Hashes what passes.
struct Hashed<'a> {
    out: &'a mut ZipWriter<File>,
    hasher: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A manifest's bytes.
pub(super) fn csv(rows: &[Row]) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// What an archive says it holds.
pub(super) fn manifest(archive: File) -> io::Result<Vec<Row>> {
    let mut archive = ZipArchive::new(archive).map_err(damaged)?;
    rows(archive.by_name(MANIFEST).map_err(damaged)?)
}

/// What a manifest says.
pub(super) fn rows(list: impl io::Read) -> io::Result<Vec<Row>> {
    let mut text = Vec::new();
    list.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map_err(|error| match Failure::within(&error) {
        Some(_) => error,
        None => damaged(error),
    })?;
    csv::Reader::from_reader(&*text).deserialize().collect::<Result<_, _>>().map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// Of these rows, shows the messages whose SHA-256 is wanted and which are still as they were.
pub(super) fn show(archive: File, rows: &[Row], wanted: &mut HashSet<[u8; 32]>, show: &mut Show<'_>) -> io::Result<()> {
    let is_wanted = |row: &&Row| wanted.iter().any(|sha256| hex(sha256) == row.sha256);
    let found: Vec<&Row> = rows.iter().filter(is_wanted).collect();
    let mut archive = ZipArchive::new(archive).map_err(damaged)?;
    for row in found {
        let Ok(entry) = archive.by_name(&row.file) else { continue };
        let mut bytes = Vec::new();
        if entry.take(row.bytes + 1).read_to_end(&mut bytes).is_err() {
            continue;
        }
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        if wanted.remove(&sha256) {
            show(sha256, &bytes)?;
        }
    }
    Ok(())
}

/// Tells what an archive holds of these rows: each file as it is now.
pub(super) fn sight(archive: File, rows: &[Row], note: &mut Note<'_>) -> io::Result<()> {
    let mut archive = ZipArchive::new(archive).map_err(damaged)?;
    for row in rows {
        let entry = match archive.by_name(&row.file) {
            Ok(entry) => entry,
            Err(zip::result::ZipError::FileNotFound) => continue,
            Err(error) => return Err(damaged(error)),
        };
        let mut entry = entry.take(row.bytes + 1);
        let (mut seen, mut piece) = (Seen::default(), vec![0; 64 << 10]);
        loop {
            match entry.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => seen.take(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error().is_some() => return Err(error),
                // It does not unpack, or not to its checksum: it is there, and what it holds is hashed as far as it goes.
                Err(_) => break,
            }
        }
        note(seen.end(Lies::InFolder));
    }
    Ok(())
}
