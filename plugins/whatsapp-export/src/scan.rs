//! The first walk through a file: its shape, the order of its dates, its people. It gives pages without items.
//!
//! Nothing of this can be known from the first lines: the day that tells day from month may be the last one.

use kit::{Error, ErrorKind, Host};

use crate::{
    authors::Authors,
    chars,
    cursor::{Decoder, Encoder},
    dates::{Calendar, Order},
    evidence::{Candidate, Evidence, Question},
    header::Shape,
    identity::ChatKind,
    input::Chat,
    lines::{HEAD_BYTES, head_of},
    message,
    pins::{self, Pin, Pins},
    settings::{KindSetting, Settings},
    text::Text,
    title::Title,
    words::{fold, system},
};

/// Bytes of the file that one page of the scan walks through.
const PAGE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes read at a time.
const CHUNK_BYTES: u32 = 256 * 1024;

/// The scan, between two pages.
#[derive(Debug)]
pub(crate) struct Scan {
    text: Text,
    /// What years of two digits mean.
    calendar: Calendar,
    seen: Seen,
    /// True when the line at the front was looked at already and only its end is awaited.
    in_line: bool,
}

/// What the lines so far told.
#[derive(Debug, Default)]
struct Seen {
    shape: Option<Shape>,
    evidence: Evidence,
    authors: Authors,
    /// True when some line was about a group's life.
    group_life: bool,
    /// True when anything but blank lines was seen.
    has_text: bool,
}

impl Seen {
    /// Looks at one line's start.
    fn line(&mut self, line: &str, number: u64, calendar: Calendar) {
        if self.shape.is_none() {
            self.has_text |= !chars::trim(line.trim_end()).is_empty();
            self.shape = Shape::detect(line);
        }
        let Some((shape, head)) = self.shape.as_ref().and_then(|shape| Some((shape, shape.read(line)?))) else {
            return;
        };
        self.evidence.add(&head, number, shape.year, calendar);
        let body = line[head.body..].trim_end_matches('\r');
        let Some((name, text)) = message::split_author(body, |name| self.authors.place(name).is_some()) else {
            self.group_life |= !self.group_life && is_group_life(body);
            return;
        };
        let (name, text) = (&body[..name], &body[text..]);
        let marked = text.starts_with(chars::is_app_mark);
        if marked || self.authors.place(name).is_none() {
            let said = message::read(text, true);
            if !matches!(said.event, kit::Event::Message | kit::Event::Call | kit::Event::Deletion) {
                self.group_life |= said.event == kit::Event::Membership;
                return;
            }
        }
        self.authors.add(name, text);
    }
}

/// What the scan found.
#[derive(Debug)]
pub(crate) struct Found {
    /// How the file writes its heads.
    pub(crate) shape: Shape,
    /// The order of its dates.
    pub(crate) order: Order,
    /// What its years of two digits mean.
    pub(crate) calendar: Calendar,
    /// What it decided about the dates of its conversation.
    pub(crate) pin: Option<Pin>,
    /// Its people.
    pub(crate) authors: Authors,
    /// What the chat is.
    pub(crate) kind: ChatKind,
}

/// Whether the scan is at its end.
pub(crate) enum Step {
    /// Another page is needed.
    Again(Box<Scan>),
    /// Everything is known.
    Done(Box<Found>),
}

impl Scan {
    /// Begins.
    pub(crate) fn new(host: &mut dyn Host, chat: &Chat, calendar: Calendar) -> Result<Self, Error> {
        Ok(Self { text: Text::open(host, chat)?, calendar, seen: Seen::default(), in_line: false })
    }

    /// Walks on for one page.
    pub(crate) fn step(
        mut self,
        host: &mut dyn Host,
        chat: &Chat,
        settings: &Settings,
        pins: &Pins,
    ) -> Result<Step, Error> {
        let until = self.text.offset() + PAGE_BYTES;
        loop {
            self.lines();
            if self.text.is_read() {
                return self.finish(chat, settings, pins).map(|found| Step::Done(Box::new(found)));
            }
            if self.text.offset() >= until {
                return Ok(Step::Again(Box::new(self)));
            }
            self.text.fill(host, chat, CHUNK_BYTES)?;
        }
    }

    /// Bytes walked through.
    pub(crate) const fn offset(&self) -> u64 {
        self.text.offset()
    }

    /// Looks at every line in sight.
    fn lines(&mut self) {
        loop {
            let rest = self.text.rest();
            let newline = memchr::memchr(b'\n', rest.as_bytes());
            let in_sight = newline.is_some() || rest.len() >= HEAD_BYTES || self.text.is_read();
            if rest.is_empty() || !in_sight {
                return;
            }
            let taken = newline.map_or(rest.len(), |at| at + 1);
            if !self.in_line {
                self.seen.line(head_of(rest), self.text.line, self.calendar);
            }
            self.in_line = newline.is_none();
            self.text.advance(taken, u64::from(newline.is_some()));
        }
    }

    /// Draws the conclusions.
    fn finish(self, chat: &Chat, settings: &Settings, pins: &Pins) -> Result<Found, Error> {
        let label = chat.label();
        let mut seen = self.seen;
        let Some(shape) = seen.shape else {
            return Err(if seen.has_text {
                Error::new(ErrorKind::Rejected, "not-a-chat", format!("`{label}` is no WhatsApp chat export: none of its {} lines begins with a date and a time", self.text.line))
                    .hint("use `Export chat` in WhatsApp; if this is such a file, please report its first line with names and text replaced")
            } else {
                Error::new(ErrorKind::Rejected, "empty-file", format!("`{label}` holds no text"))
                    .hint("copy or export it again; the upload may have been cut off")
            });
        };
        let known = pins.known();
        let decision = seen.evidence.decide(&Question {
            form: shape.year,
            year_first: shape.year_first(),
            setting: settings.date_order,
            // A calendar that is set needs no comparing with the one before.
            pinned: known
                .map(|pin| Pin { short_years: pin.short_years.filter(|_| settings.calendar.is_none()), ..pin }),
            path: &label,
        })?;
        let pin = decision.pin(shape.year, self.calendar, known, settings.date_order);
        let pin = match pin {
            // The order of a new conversation that cannot be remembered is sure while the setting stands.
            Some(_) if !pins.has_room() && settings.date_order.is_some() => None,
            Some(pin) if !pins.has_room() => return Err(pins::too_many(chat, pin.order)),
            pin => pin,
        };
        seen.authors.settle();
        let title = Title::of(chat, settings.conversation.as_deref());
        let kind = kind_of(&title, &seen.authors, seen.group_life, settings.kind);
        Ok(Found { shape, order: decision.order, calendar: self.calendar, pin, authors: seen.authors, kind })
    }

    /// Writes the scan into a cursor.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.text.encode(out);
        out.byte(self.calendar as u8);
        out.text(&self.seen.shape.as_ref().map(Shape::pattern).unwrap_or_default());
        let evidence = &self.seen.evidence;
        for candidate in &evidence.candidates {
            out.number(candidate.fits);
            out.number(candidate.impossible_line);
            out.number(candidate.year_line);
            out.number(u64::from(candidate.backward));
            out.number(u64::from(candidate.leaps));
            out.signed(i64::from(candidate.day));
        }
        out.byte(evidence.told_apart);
        out.number(evidence.heads);
        let (line, date) = evidence.example.unwrap_or_default();
        out.number(line);
        date.into_iter().for_each(|number| out.number(u64::from(number)));
        out.number(evidence.odd_year.map_or(0, |year| u64::from(year) + 1));
        self.seen.authors.encode(out, true);
        out.byte(u8::from(self.seen.group_life) | u8::from(self.in_line) << 1 | u8::from(self.seen.has_text) << 2);
    }

    /// Reads a scan from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        let text = Text::decode(from)?;
        let calendar = *Calendar::ALL.get(usize::from(from.byte()?))?;
        let pattern = from.text()?;
        let shape = if pattern.is_empty() { None } else { Some(Shape::parse(pattern)?) };
        let mut evidence = Evidence::default();
        for candidate in &mut evidence.candidates {
            *candidate = Candidate {
                fits: from.number()?,
                impossible_line: from.number()?,
                year_line: from.number()?,
                backward: from.small()?,
                leaps: from.small()?,
                day: i32::try_from(from.signed()?).ok()?,
            };
        }
        evidence.told_apart = from.byte()?;
        evidence.heads = from.number()?;
        let line = from.number()?;
        let date = [from.small()?, from.small()?, from.small()?];
        evidence.example = (line > 0).then_some((line, date));
        evidence.odd_year = match from.small::<u16>()? {
            0 => None,
            year => Some(year - 1),
        };
        let authors = Authors::decode(from, true)?;
        let flags = from.byte()?;
        let seen = Seen { shape, evidence, authors, group_life: flags & 1 != 0, has_text: flags & 4 != 0 };
        Some(Self { text, calendar, seen, in_line: flags & 2 != 0 })
    }
}

/// True for a line of the app without author that is about a group.
fn is_group_life(body: &str) -> bool {
    let folded = fold(body);
    !system::is_notice(&folded) && system::is_membership(&folded)
}

/// Tells a direct chat from a group.
///
/// A chat whose title is the name of somebody who wrote in it is direct. Three authors, a line about a group's life,
/// or two authors of whom none is the title that the app gave, make a group. Anything else stays open.
fn kind_of(title: &Title, authors: &Authors, group_life: bool, setting: KindSetting) -> ChatKind {
    match setting {
        KindSetting::Direct => return ChatKind::Direct,
        KindSetting::Group => return ChatKind::Group,
        KindSetting::Auto => {}
    }
    let title_loose = title.text().map(chars::loose).filter(|title| !title.is_empty());
    if title_loose.is_some_and(|title| authors.names().any(|name| chars::loose(name) == title)) && authors.len() <= 2 {
        ChatKind::Direct
    } else if group_life || authors.len() >= 3 || (matches!(title, Title::Known(_)) && authors.len() == 2) {
        ChatKind::Group
    } else {
        ChatKind::Unknown
    }
}
