//! A delivery: one zip, its name, its entries, its manifest.

use jiff::{civil::Date, tz::TimeZone};
use kit::{Error, ErrorKind, Host, source::ArchiveEntry};

use crate::{
    limits::{CHUNK_BYTES_MAX, EVENT_AHEAD_MAX_MS, EVENT_TIME_MAX_MS, MANIFEST_BYTES_MAX},
    manifest::{Manifest, has_ending, is_mail},
};

/// What `YYYYMMDD0000-TeleMessage_<file#>_<TimeZipped>.zip` says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeliveryName {
    /// The day, as `YYYYMMDD`.
    pub(crate) day: String,
    /// The number of the file within the day.
    pub(crate) number: u32,
    /// First instant of the day, ms since the epoch.
    day_start_ms: i64,
}

impl DeliveryName {
    /// Reads a path's last part; none when it is named otherwise.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let (stamp, rest) = name.split_once("-TeleMessage_")?;
        let (number, zipped) = rest.split_once('_')?;
        let is_stamp = stamp.len() == 12 && stamp.bytes().all(|byte| byte.is_ascii_digit());
        if !is_stamp || !has_ending(zipped, ".zip") {
            return None;
        }
        let day = stamp.get(..8)?;
        let date = Date::new(day[..4].parse().ok()?, day[4..6].parse().ok()?, day[6..].parse().ok()?).ok()?;
        let day_start_ms = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
        Some(Self { day: day.to_owned(), number: number.parse().ok()?, day_start_ms })
    }

    /// The last instant at which an event of the delivery at `path` is believed.
    pub(crate) fn event_time_max_ms(path: &str) -> i64 {
        // Whether the day in the name is the events' or the one after them is not documented; both fit.
        let bound = |name: Self| name.day_start_ms + 24 * 60 * 60 * 1_000 + EVENT_AHEAD_MAX_MS;
        Self::parse(path).map_or(EVENT_TIME_MAX_MS, bound)
    }
}

/// The mails of the delivery at `path`, in stored order, after its manifest agreed with what is there.
pub(crate) fn checked_mails(host: &mut dyn Host, path: &str) -> Result<Vec<ArchiveEntry>, Error> {
    let entries = host.archive_entries(path)?;
    let manifests: Vec<&ArchiveEntry> = entries.iter().filter(|entry| has_ending(&entry.name, ".mf")).collect();
    let manifest = match manifests.as_slice() {
        [manifest] => *manifest,
        [] => return Err(mismatch(path, "it has no manifest (`.mf`)")),
        [..] => return Err(mismatch(path, &format!("it has {} manifests (`.mf`)", manifests.len()))),
    };
    if manifest.size > MANIFEST_BYTES_MAX {
        return Err(mismatch(path, &format!("its manifest is {} bytes long", manifest.size)));
    }
    let text = read(host, path, manifest, MANIFEST_BYTES_MAX)?;
    // A manifest names what lies beside it.
    let folder = manifest.name.rfind('/').map_or("", |slash| &manifest.name[..=slash]);
    let files: Vec<(&str, u64)> = entries
        .iter()
        .filter(|entry| entry.index != manifest.index)
        .map(|entry| (entry.name.strip_prefix(folder).unwrap_or(&entry.name), entry.size))
        .collect();
    let problems = Manifest::parse(&String::from_utf8_lossy(&text)).disagreements(&files);
    if problems.is_empty() { Ok(mails(entries)) } else { Err(mismatch(path, &problems.join("; "))) }
}

/// The mails of a delivery that was checked when its first page was read.
pub(crate) fn known_mails(host: &mut dyn Host, path: &str) -> Result<Vec<ArchiveEntry>, Error> {
    host.archive_entries(path).map(mails)
}

/// Up to `bytes_max` bytes of an entry from its beginning.
pub(crate) fn read(host: &mut dyn Host, path: &str, entry: &ArchiveEntry, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let wanted = entry.size.min(bytes_max);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < wanted {
        let left = wanted - bytes.len() as u64;
        let chunk_bytes = u32::try_from(left).unwrap_or(u32::MAX).min(CHUNK_BYTES_MAX);
        let chunk = host.archive_read(path, entry.index, bytes.len() as u64, chunk_bytes)?;
        if chunk.is_empty() {
            return Err(Error::new(
                ErrorKind::Rejected,
                "zip-damaged",
                format!("entry {} of `{path}` ends after {} of {} bytes", entry.index, bytes.len(), entry.size),
            )
            .hint("fetch the file again from the SFTP server"));
        }
        bytes.extend(chunk);
    }
    Ok(bytes)
}

fn mails(entries: Vec<ArchiveEntry>) -> Vec<ArchiveEntry> {
    entries.into_iter().filter(|entry| is_mail(&entry.name)).collect()
}

fn mismatch(path: &str, what: &str) -> Error {
    let mut message = format!("nothing was taken from `{path}`: it disagrees with its manifest: {what}");
    if message.len() > 1_000 {
        let end = message.floor_char_boundary(1_000);
        message.truncate(end);
        message.push('…');
    }
    Error::new(ErrorKind::Rejected, "manifest-mismatch", message)
        .hint("fetch the file again from the SFTP server; if it still disagrees, ask TeleMessage to deliver it anew")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn names_are_read() {
        let name = DeliveryName::parse("in/202611020000-TeleMessage_3_20261103-0102.zip").unwrap();
        assert_eq!((name.day.as_str(), name.number, name.day_start_ms), ("20261102", 3, 1_793_577_600_000));
        for other in [
            "20261102-TeleMessage_3_1.zip",
            "202613020000-TeleMessage_3_1.zip",
            "202611020000-TeleMessage_x_1.zip",
            "202611020000-TeleMessage_3.zip",
            "202611020000-TeleMessage_3_1.tar",
            "éééééééé0000-TeleMessage_3_1.zip",
            "chat.zip",
            "",
        ] {
            assert_eq!(DeliveryName::parse(other), None, "{other}");
        }
    }
}
