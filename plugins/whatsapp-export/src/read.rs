//! The second walk through a file: messages become items, page by page.

use kit::{Attachment, Content, Error, Host, Timestamp, source::Page};

use crate::{
    authors::Authors,
    clock::{Clock, Rule},
    cursor::{Decoder, Encoder},
    dates::{Calendar, LocalTime, Order},
    header::Shape,
    identity::ChatKind,
    input::{Chat, Media, attachment},
    lines::{HEAD_BYTES, Run, head_of, next_run},
    marks::Marks,
    message::{self, Medium},
    ordinals::Ordinals,
    page::{Filling, cut},
    pins::Pin,
    scan::Found,
    settings::Settings,
    text::Text,
};

/// Bytes of text after which a page ends before it is full.
const PAGE_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of the file that a page walks through at most while it drops the rest of a message that is too large.
const SKIP_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes read at a time: at most and, close to the end of a page, at least. A page that ends with little text in hand
/// hands it on in its cursor; with more, the next page would have to go back, which archives do by unpacking anew.
const CHUNK_BYTES: std::ops::RangeInclusive<usize> = 2048..=65_536;
/// Fewest bytes of a message: so many bytes hold at most so many items.
const MESSAGE_BYTES_MIN: usize = 8;
/// The minute in which things without a date are counted.
const NO_MINUTE: i64 = -(1 << 40);

/// The walk, between two pages.
#[derive(Debug)]
pub(crate) struct Reader {
    text: Text,
    shape: Shape,
    order: Order,
    /// What years of two digits mean.
    calendar: Calendar,
    /// What was decided about the conversation's dates, for the bookmark.
    pin: Option<Pin>,
    authors: Authors,
    kind: ChatKind,
    ordinals: Ordinals,
    /// Archive entries that messages named.
    named: Marks,
    /// When the last message was sent.
    last_at: Option<Timestamp>,
    /// Dropping the rest of a message that was too large: none, at a line's start, within a line.
    skip: Skip,
}

/// Where the reader is in a message that it drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    No,
    AtLine,
    InLine,
}

/// What follows a page of the reader.
pub(crate) enum Next {
    /// Another page of messages.
    Messages(Box<Reader>),
    /// The archive's other files.
    Files(Ended),
}

/// What the reader hands on at the end of the text.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Archive entries that messages named.
    pub(crate) named: Marks,
    /// When the last message was sent.
    pub(crate) last_at: Option<Timestamp>,
    /// Who wrote.
    pub(crate) authors: Authors,
    /// What the chat is.
    pub(crate) kind: ChatKind,
    /// What was decided about the conversation's dates.
    pub(crate) pin: Option<Pin>,
}

impl Reader {
    /// Begins at the start of the text.
    pub(crate) fn new(host: &mut dyn Host, chat: &Chat, found: Found) -> Result<Self, Error> {
        Ok(Self {
            text: Text::open(host, chat)?,
            shape: found.shape,
            order: found.order,
            calendar: found.calendar,
            pin: found.pin,
            authors: found.authors,
            kind: found.kind,
            ordinals: Ordinals::default(),
            named: Marks::default(),
            last_at: None,
            skip: Skip::No,
        })
    }

    /// Bytes walked through.
    pub(crate) const fn offset(&self) -> u64 {
        self.text.offset()
    }

    /// Fills one page.
    pub(crate) fn page(
        mut self,
        host: &mut dyn Host,
        chat: &Chat,
        settings: &Settings,
        items_max: usize,
    ) -> Result<(Page, Next), Error> {
        let owner = settings.owner_of(&chat.path)?;
        let mut filling = Filling::new(chat, settings, &self.authors, self.kind, &owner);
        let mut clock = Clock::new(settings.zone.clone());
        let mut media = Media::default();
        let skip_until = self.text.offset() + SKIP_BYTES;
        while filling.len() < items_max && filling.bytes < PAGE_TEXT_BYTES && self.text.offset() < skip_until {
            let chunk = self.chunk_bytes(&filling, items_max);
            if self.skip != Skip::No {
                self.skip_on(host, chat, skip_until)?;
                continue;
            }
            match next_run(host, chat, &mut self.text, &self.shape, chunk)? {
                Run::End => {
                    let Self { named, last_at, authors, kind, pin, .. } = self;
                    return Ok((filling.page, Next::Files(Ended { named, last_at, authors, kind, pin })));
                }
                Run::Whole(length, lines) => {
                    self.message(host, chat, &mut filling, &mut clock, &mut media, length)?;
                    self.text.advance(length, lines);
                }
                Run::TooLarge => self.too_large(chat, &mut filling),
            }
        }
        Ok((filling.page, Next::Messages(Box::new(self))))
    }

    /// How much to read at a time, for what the page has room for.
    fn chunk_bytes(&self, filling: &Filling<'_>, items_max: usize) -> u32 {
        let room = (items_max - filling.len())
            .saturating_mul(MESSAGE_BYTES_MIN)
            .min(PAGE_TEXT_BYTES.saturating_sub(filling.bytes) / 2);
        room.clamp(*CHUNK_BYTES.start(), *CHUNK_BYTES.end()) as u32
    }

    /// Makes an item of the message at the front.
    fn message(
        &mut self,
        host: &mut dyn Host,
        chat: &Chat,
        filling: &mut Filling<'_>,
        clock: &mut Clock,
        media: &mut Media,
        length: usize,
    ) -> Result<(), Error> {
        let raw = self.text.rest().get(..length).unwrap_or_default();
        let line = self.text.line;
        let Some(head) = self.shape.read(head_of(raw)) else {
            if raw.chars().any(|c| !c.is_whitespace() && !crate::chars::is_mark(c)) {
                let id = filling.identity.other("text-before-first-message", cut(raw).as_bytes());
                let message = format!("`{}` has text in line {line}, before its first message", chat.label());
                filling.unreadable(id, "text-before-first-message", message, raw);
            }
            return Ok(());
        };
        let written = LocalTime::of(&head, self.order, self.shape.year, self.calendar)
            .ok()
            .and_then(|time| Some((time, clock.instant(&time)?)));
        let Some((time, (sent_at, rule))) = written else {
            let ordinal = self.ordinals.next(NO_MINUTE, fingerprint(raw));
            let id = filling.identity.other(&format!("impossible-date-{ordinal}"), raw.trim_end().as_bytes());
            let message = format!("line {line} of `{}` has a date that cannot be right", chat.label());
            filling.unreadable(id, "impossible-date", message, raw);
            return Ok(());
        };
        let body = unix_lines(&raw[head.body..]);
        let body = body.trim_end_matches(['\n', '\r']);
        let split = message::split_author(body, |name| self.authors.place(name).is_some());
        let (before, text) = body.split_at(split.map_or(0, |(_, text)| text));
        let said = message::read(text, split.is_some());
        let ordinals = &mut self.ordinals;
        let id = filling.identity.item(&time, before, &said.text, |hash| ordinals.next(time.minute(), hash));
        let mut item = filling.item(id, said.event, split.map(|(name, _)| &body[..name]), sent_at);
        item.call = said.call;
        item.extensions.extend(said.extensions);
        match rule {
            Rule::Plain => {}
            Rule::Gap => item.extensions.push(("local-time".to_owned(), "skipped-by-clock-change".to_owned())),
            Rule::Fold => item.extensions.push(("local-time".to_owned(), "first-of-two".to_owned())),
        }
        if let Some(medium) = said.medium {
            let (file, index) = attach(host, chat, media, medium)?;
            index.into_iter().for_each(|index| self.named.add(index));
            item.attachments.push(file);
        }
        item.text = Some(said.text).filter(|text| !text.is_empty());
        item.original = Some(cut(raw.trim_end_matches(['\n', '\r'])).as_bytes().to_vec());
        self.last_at = Some(sent_at);
        filling.push(item);
        Ok(())
    }

    /// Parks the start of a message that is too large, and begins to drop its rest.
    fn too_large(&mut self, chat: &Chat, filling: &mut Filling<'_>) {
        let raw = self.text.rest();
        let line = self.text.line;
        let ordinal = self.ordinals.next(NO_MINUTE, fingerprint(cut(raw)));
        let id = filling.identity.other(&format!("message-too-large-{ordinal}"), cut(raw).as_bytes());
        let message = format!(
            "the message that begins in line {line} of `{}` is larger than 16 MiB; its first 64 KiB are kept here",
            chat.label()
        );
        let last_line = memchr::memrchr(b'\n', raw.as_bytes()).map(|at| at + 1);
        let lines = memchr::memchr_iter(b'\n', raw.as_bytes()).count() as u64;
        let (taken, skip) = last_line.map_or((raw.len(), Skip::InLine), |start| (start, Skip::AtLine));
        let original = cut(raw).to_owned();
        filling.unreadable(id, "message-too-large", message, &original);
        self.text.advance(taken, lines);
        self.skip = skip;
    }

    /// Drops lines up to the next head or the end.
    fn skip_on(&mut self, host: &mut dyn Host, chat: &Chat, until: u64) -> Result<(), Error> {
        while self.text.offset() < until {
            let rest = self.text.rest();
            let newline = memchr::memchr(b'\n', rest.as_bytes());
            let in_sight = newline.is_some() || rest.len() >= HEAD_BYTES || self.text.is_read();
            match self.skip {
                Skip::No => return Ok(()),
                Skip::AtLine if self.text.is_done() || (in_sight && self.shape.read(head_of(rest)).is_some()) => {
                    self.skip = Skip::No
                }
                Skip::AtLine if in_sight => self.skip = Skip::InLine,
                Skip::AtLine => self.text.fill(host, chat, *CHUNK_BYTES.start() as u32)?,
                Skip::InLine => {
                    let taken = newline.map_or(rest.len(), |at| at + 1);
                    self.text.advance(taken, u64::from(newline.is_some()));
                    if newline.is_some() || self.text.is_read() {
                        self.skip = Skip::AtLine;
                    } else {
                        self.text.fill(host, chat, *CHUNK_BYTES.start() as u32)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the walk into a cursor.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.text.encode(out);
        out.text(&self.shape.pattern());
        out.byte(self.order as u8);
        out.byte(self.calendar as u8);
        Pin::encode(self.pin, out);
        self.authors.encode(out, false);
        out.byte(self.kind as u8);
        self.ordinals.encode(out);
        self.named.encode(out);
        encode_time(self.last_at, out);
        out.byte(self.skip as u8);
    }

    /// Reads a walk from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            text: Text::decode(from)?,
            shape: Shape::parse(from.text()?)?,
            order: *Order::ALL.get(usize::from(from.byte()?))?,
            calendar: *Calendar::ALL.get(usize::from(from.byte()?))?,
            pin: Pin::decode(from)?,
            authors: Authors::decode(from, false)?,
            kind: *ChatKind::ALL.get(usize::from(from.byte()?))?,
            ordinals: Ordinals::decode(from)?,
            named: Marks::decode(from)?,
            last_at: decode_time(from)?,
            skip: *[Skip::No, Skip::AtLine, Skip::InLine].get(usize::from(from.byte()?))?,
        })
    }
}

/// The attachment that a medium becomes, and its number in the archive.
fn attach(
    host: &mut dyn Host,
    chat: &Chat,
    media: &mut Media,
    medium: Medium,
) -> Result<(Attachment, Option<u32>), Error> {
    let missing = |name: Option<&str>, code: &str| {
        let mut file = attachment(name.unwrap_or_default(), None, Content::Missing(code.to_owned()));
        file.name = name.map(str::to_owned);
        file
    };
    match medium {
        Medium::Named(name) => media.keep(host, chat, &name),
        Medium::Omitted { kind, name } => {
            let mut file = missing(name.as_deref(), "omitted");
            file.extensions.push(("kind".to_owned(), kind.name().to_owned()));
            Ok((file, None))
        }
        Medium::ViewOnce => Ok((missing(None, "view-once"), None)),
    }
}

/// Text with line ends of one kind.
fn unix_lines(text: &str) -> std::borrow::Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_some() { text.replace("\r\n", "\n").into() } else { text.into() }
}

/// A number of a text, to count equal ones by.
fn fingerprint(text: &str) -> u64 {
    // FNV-1a: short, and the same on every machine.
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Writes a time that may be missing.
pub(crate) fn encode_time(time: Option<Timestamp>, out: &mut Encoder) {
    out.byte(u8::from(time.is_some()));
    out.signed(time.unwrap_or(0));
}

/// Reads a time that may be missing.
pub(crate) fn decode_time(from: &mut Decoder<'_>) -> Option<Option<Timestamp>> {
    let is_there = from.byte()? != 0;
    let time = from.signed()?;
    Some(is_there.then_some(time))
}
