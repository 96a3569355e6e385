//! The source for WhatsApp's "Export chat" files: text or archive, iOS or Android, in the language and the date
//! format of whatever phone made them.
//!
//! A file is read twice. The [`scan`] finds what only the whole file tells: the shape of its message heads, the order
//! of its dates, who wrote. The [`read`]er then makes items of messages, and [`files`] of what an archive holds
//! besides. Both walk in pages; a [`cursor`] holds everything a page needs, and never the file.
//!
//! Modules in reading order: what a file says (`chars`, `words`, `header`, `dates`, `evidence`, `message`), where it lies and how
//! it is walked through (`input`, `text`, `lines`), what is made of it (`scan`, `read`, `files`, `page`), what
//! makes ids stable (`title`, `identity`, `ordinals`), and what is remembered from file to file (`pins`). `README.md` tells operators what is read and how.

mod authors;
mod chars;
mod clock;
mod cursor;
mod dates;
mod evidence;
mod files;
mod header;
mod identity;
mod input;
mod lines;
mod marks;
mod message;
mod ordinals;
mod page;
mod pins;
mod read;
mod scan;
mod settings;
mod text;
mod title;
mod words;

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    Descriptor, Error, ErrorKind, Host, Person, PluginKind, Prerequisite, ReadingMode, Source, SourceTraits, Window,
    source::{Account, Counts, Page, PullRequest, Reading},
};

use crate::{
    cursor::{Decoder, Encoder},
    files::Files,
    input::Chat,
    pins::{Pin, Pins},
    read::{Next, Reader},
    scan::{Scan, Step},
    settings::{Owner, Settings},
};

/// The source plugin.
#[derive(Clone, Copy, Debug)]
pub struct WhatsappExport;

/// The account's id: the same for every connector, so that a group's message has one id in everybody's exports.
const ACCOUNT: &str = "whatsapp";
/// Thousandths of the progress that are done when the scan is, and when the messages are.
const PROGRESS_SCANNED: u64 = 300;
const PROGRESS_READ: u64 = 950;

impl Source for WhatsappExport {
    fn describe() -> Descriptor {
        Descriptor {
            name: "whatsapp-export".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Reads chats that people exported from WhatsApp with `Export chat`, as text or zip.".to_owned(),
            settings_schema: settings::SCHEMA.to_owned(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Source(SourceTraits {
                reading: ReadingMode::Whole,
                prerequisites: vec![
                    Prerequisite {
                        id: "inbox-folder".to_owned(),
                        text: "There is a folder that receives the exported chats, and the connector is granted to read it.".to_owned(),
                        checked: true,
                    },
                    Prerequisite {
                        id: "owners-informed".to_owned(),
                        text: "The people whose chats are archived know it and export them with media.".to_owned(),
                        checked: false,
                    },
                ],
                terms: None,
                data_flow: "People export chats on their phones and put the files into a folder of yours. This plugin reads that folder and nothing else; it has no network."
                    .to_owned(),
                default_folder: "WhatsApp Archiver".to_owned(),
                folder_setting: Some("path".to_owned()),
                file_endings: vec![".txt".to_owned(), ".zip".to_owned()],
            }),
            extensions: Vec::new(),
        }
    }

    fn check(host: &mut dyn Host, settings: &str) -> Result<Account, Error> {
        let settings = Settings::parse(settings)?;
        let mut findings = vec![found_files(host, &settings.path)?];
        if !settings.zone_is_set {
            findings.push(
                "`zone` is not set: times are read as UTC. Set the zone of the phones, as `zone = \"Europe/Berlin\"`."
                    .to_owned(),
            );
        }
        if settings.date_order.is_none() {
            findings.push("`date_order` is not set: files whose dates do not tell day from month will be refused with a question.".to_owned());
        }
        if settings.owner == Owner::Folder {
            findings.push("Each export must lie in a folder named after its owner's address.".to_owned());
        }
        Ok(Account { id: ACCOUNT.to_owned(), name: format!("WhatsApp exports in {}", settings.path), findings })
    }

    fn roster(_: &mut dyn Host, _: &str) -> Result<Option<Vec<Person>>, Error> {
        Ok(None)
    }

    fn totals(_: &mut dyn Host, _: &str, _: &str, _: Window) -> Result<Option<Counts>, Error> {
        Ok(None)
    }

    fn pull(host: &mut dyn Host, settings: &str, request: PullRequest) -> Result<Page, Error> {
        let settings = Settings::parse(settings)?;
        let Reading::File(path) = &request.reading else {
            return Err(Error::new(
                ErrorKind::Misconfigured,
                "wrong-reading",
                "this source reads files, neither windows nor bookmarks",
            ));
        };
        let owner = settings.owner_of(path)?;
        let items_max = request.max_items.max(1) as usize;
        let bookmark = request.bookmark.as_deref();
        let (chat, pins, phase) = match &request.cursor {
            None => {
                let chat = Chat::find(host, path)?;
                let pins = Pins::read(bookmark, &chat, &settings, &owner)?;
                let scan = Scan::new(host, &chat, settings.calendar_of(pins.known()))?;
                (chat, pins, Phase::Scan(Box::new(scan)))
            }
            Some(cursor) => {
                let (chat, phase) = Phase::decode(path, cursor).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Rejected,
                        "unknown-cursor",
                        format!("the cursor for `{path}` is not of this version of the plugin"),
                    )
                    .hint("read the file again from its start")
                })?;
                let pins = Pins::read(bookmark, &chat, &settings, &owner)?;
                (chat, pins, phase)
            }
        };
        phase.pull(host, chat, &settings, pins, items_max)
    }
}

/// One line about the files that are there.
fn found_files(host: &mut dyn Host, path: &str) -> Result<String, Error> {
    let is_chat = |path: &str| input::is_zip(path) || path.to_ascii_lowercase().ends_with(".txt");
    if is_chat(path) {
        host.folder_read(path, 0, 1)?;
        return Ok(format!("`{path}` is there."));
    }
    let entries = host.folder_entries(path)?;
    let chats: Vec<_> = entries.iter().filter(|entry| is_chat(&entry.path)).collect();
    let archives = chats.iter().filter(|entry| input::is_zip(&entry.path)).count();
    let bytes: u64 = chats.iter().map(|entry| entry.size).sum();
    Ok(match chats.len() {
        0 => format!("`{path}` holds no .zip and no .txt file yet."),
        count => {
            format!("`{path}` holds {archives} .zip and {} .txt files, {} kB.", count - archives, bytes.div_ceil(1000))
        }
    })
}

/// Where the reading of a file is.
enum Phase {
    Scan(Box<Scan>),
    Messages(Box<Reader>),
    Files(Files),
}

impl Phase {
    /// Fills one page.
    fn pull(
        self,
        host: &mut dyn Host,
        chat: Chat,
        settings: &Settings,
        pins: Pins,
        items_max: usize,
    ) -> Result<Page, Error> {
        let (page, next, progress) = match self {
            Self::Scan(scan) => match scan.step(host, &chat, settings, &pins)? {
                Step::Again(scan) => {
                    let progress = share(scan.offset(), chat.size) * PROGRESS_SCANNED / 1000;
                    (Page::default(), Then::On(Self::Scan(scan)), progress)
                }
                Step::Done(found) => {
                    let reader = Reader::new(host, &chat, *found)?;
                    (Page::default(), Then::On(Self::Messages(Box::new(reader))), PROGRESS_SCANNED)
                }
            },
            Self::Messages(reader) => match reader.page(host, &chat, settings, items_max)? {
                (page, Next::Messages(reader)) => {
                    let progress = PROGRESS_SCANNED
                        + share(reader.offset(), chat.size) * (PROGRESS_READ - PROGRESS_SCANNED) / 1000;
                    (page, Then::On(Self::Messages(reader)), progress)
                }
                (page, Next::Files(ended)) if chat.entry.is_none() => (page, Then::End(ended.pin), 1000),
                (page, Next::Files(ended)) => (page, Then::On(Self::Files(Files::new(ended))), PROGRESS_READ),
            },
            Self::Files(files) => {
                let pin = files.pin();
                match files.page(host, &chat, settings, items_max)? {
                    (page, Some(files)) => (page, Then::On(Self::Files(files)), PROGRESS_READ),
                    (page, None) => (page, Then::End(pin), 1000),
                }
            }
        };
        let (cursor, bookmark) = match next {
            Then::On(phase) => (Some(phase.encode(&chat)), None),
            Then::End(pin) => (None, Some(pins.write(pin, &chat)?)),
        };
        Ok(Page { cursor, bookmark, progress: u32::try_from(progress).ok(), ..page })
    }

    /// Writes the cursor.
    fn encode(&self, chat: &Chat) -> Vec<u8> {
        let mut out = Encoder::default();
        out.byte(cursor::VERSION);
        out.number(chat.size);
        out.byte(u8::from(chat.entry.is_some()));
        if let Some((index, name)) = &chat.entry {
            out.number(u64::from(*index));
            out.text(name);
        }
        match self {
            Self::Scan(scan) => {
                out.byte(0);
                scan.encode(&mut out);
            }
            Self::Messages(reader) => {
                out.byte(1);
                reader.encode(&mut out);
            }
            Self::Files(files) => {
                out.byte(2);
                files.encode(&mut out);
            }
        }
        out.0
    }

    /// Reads the cursor of the file at `path`.
    fn decode(path: &str, cursor: &[u8]) -> Option<(Chat, Self)> {
        let mut from = Decoder(cursor);
        if from.byte()? != cursor::VERSION {
            return None;
        }
        let size = from.number()?;
        let entry = match from.byte()? {
            0 => None,
            _ => Some((from.small()?, from.text()?.to_owned())),
        };
        let phase = match from.byte()? {
            0 => Self::Scan(Box::new(Scan::decode(&mut from)?)),
            1 => Self::Messages(Box::new(Reader::decode(&mut from)?)),
            2 => Self::Files(Files::decode(&mut from)?),
            _ => return None,
        };
        from.0.is_empty().then(|| (Chat { path: path.to_owned(), entry, size }, phase))
    }
}

/// What follows a page.
enum Then {
    /// Another page.
    On(Phase),
    /// Nothing; the file decided this much about its conversation's dates.
    End(Option<Pin>),
}

/// Thousandths of a file, 0 where its size is unknown.
fn share(offset: u64, size: u64) -> u64 {
    offset.min(size).saturating_mul(1000).checked_div(size).unwrap_or(0)
}
