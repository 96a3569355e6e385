//! A chat as WhatsApp exports it, of any length, each line made from its number.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

/// The chat's file below the connector's folder.
pub(crate) const CHAT: &str = "inbox/WhatsApp Chat with Delivery round.txt";
/// Copies an item gets: in the owner's mailbox and in that of the one author the mapping file names.
pub(crate) const COPIES_PER_ITEM: u64 = 2;
/// Those mailboxes.
pub(crate) const MAILBOXES: [&str; 2] = ["anna@example.com", "ben@example.com"];
/// The source's settings.
pub(crate) const SETTINGS: &str = r#"{"path":"inbox","owner":"anna@example.com","owner_name":"Anna Lind","zone":"Europe/Berlin","date_order":"dmy","kind":"group"}"#;

const AUTHORS: [&str; 5] = ["Anna Lind", "Ben Carter", "Carla Diaz", "Dimitri Egorov", "Esra Faruk"];
const ITEMS_PER_MINUTE: u32 = 4;
const DAYS_PER_MONTH: u32 = 28;

/// The mapping file.
pub(crate) fn mapping() -> Vec<u8> {
    b"ExternalUserId,O365UserMailbox\nBen Carter,ben@example.com\n".to_vec()
}

/// Writes a chat of `items` messages below `base`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(base: &Path, items: u32) -> io::Result<()> {
    write_with(base, items, "")
}

/// As [`write`], with this line at the end: `(name)` stands for a media line's file.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_with(base: &Path, items: u32, last_text: &str) -> io::Result<()> {
    let path = base.join(CHAT);
    std::fs::create_dir_all(path.parent().unwrap_or(base))?;
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..items {
        line(&mut file, number, &text(number))?;
    }
    if !last_text.is_empty() {
        line(&mut file, items, last_text)?;
    }
    file.flush()
}

fn line(out: &mut impl Write, number: u32, text: &str) -> io::Result<()> {
    let minute = number / ITEMS_PER_MINUTE;
    let (hour, day) = (minute / 60, minute / 60 / 24);
    let (month, year) = (day / DAYS_PER_MONTH, 2020 + day / DAYS_PER_MONTH / 12);
    let author = AUTHORS[number as usize % AUTHORS.len()];
    let (day, month) = (day % DAYS_PER_MONTH + 1, month % 12 + 1);
    writeln!(out, "{day:02}/{month:02}/{year}, {:02}:{:02} - {author}: {text}", hour % 24, minute % 60)
}

fn text(number: u32) -> String {
    format!(
        "No. {number}: the van for gate {} leaves when the pallets of order {} are on it",
        number % 17,
        number * 7 % 9973
    )
}
