//! What one message is: its author, its text, its media, and which kind of event the app wrote it for.
//!
//! The form of a line decides wherever it can; the word lists of [`crate::words`] decide the rest. Text is taken out
//! only where a marker was recognised as one, and then the marker became an attachment, a call or an extension.

use std::sync::LazyLock;

use kit::{Call, Event, Extensions};
use memchr::memmem::Finder;

use crate::{
    chars::{self, is_app_mark, is_mark, is_space},
    words::{calls, fold, media, media::MediaKind, system},
};

/// Longest author in bytes; before a colon further on stands text.
const AUTHOR_BYTES_MAX: usize = 240;
/// Longest text in bytes that is compared with sentences of the app.
const SENTENCE_BYTES_MAX: usize = 400;

/// A file that a message speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Attached under this name.
    Named(String),
    /// Left out of the export.
    Omitted {
        /// What it was.
        kind: MediaKind,
        /// A document's name.
        name: Option<String>,
    },
    /// Could be looked at only once; never exported.
    ViewOnce,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// What happened.
    pub(crate) event: Event,
    /// The text without the markers that became something else; empty when there is none.
    pub(crate) text: String,
    /// A call's facts.
    pub(crate) call: Option<Call>,
    /// Its file.
    pub(crate) medium: Option<Medium>,
    /// What else is known.
    pub(crate) extensions: Extensions,
}

/// Finds the author in front of a message: the ends of the name and of what parts it from the text.
///
/// The author is what stands before the first `: `, or before the longest such that is a `known` name (names may
/// hold a colon). A colon without a space parts only after a known name. Text that cannot be a name (an open
/// quotation, a sentence about the group) is a line of the app without author, whatever colons it holds.
pub(crate) fn split_author(body: &str, mut known: impl FnMut(&str) -> bool) -> Option<(usize, usize)> {
    let line = &body[..memchr::memchr2(b'\n', b'\r', body.as_bytes()).unwrap_or(body.len())];
    let mut first = None;
    for colon in memchr::memchr_iter(b':', line.as_bytes()) {
        if colon > AUTHOR_BYTES_MAX {
            break;
        }
        let (name, after) = (&line[..colon], &line[colon + 1..]);
        let parted = after.is_empty() || after.starts_with(|c| is_space(c) || is_mark(c));
        let text = colon + 1 + after.chars().next().filter(|c| is_space(*c)).map_or(0, char::len_utf8);
        if first.is_none() && parted {
            if !known(name) && !can_be_name(name) {
                return None;
            }
            first = Some((colon, text));
            // Without a second colon there is nothing to weigh.
            if !after.contains(':') {
                return first;
            }
        } else if known(name) {
            return Some((colon, text));
        }
    }
    first
}

/// Tells a name from the beginning of a sentence of the app.
fn can_be_name(text: &str) -> bool {
    let name = chars::trim(text);
    let open = |open: char, close: char| name.matches(open).count() != name.matches(close).count();
    let quoted =
        name.matches('"').count() % 2 == 1 || open('“', '”') && open('„', '“') || open('«', '»') || open('「', '」');
    if name.is_empty() || quoted {
        return false;
    }
    // Only long enough texts can be sentences; names are mostly shorter than that.
    let words = name.split(is_space).count();
    !(words >= 3 && system::is_membership(&fold(name)))
}

/// Tells what a message says. `text` is what follows the author; `authored` whether there was one.
pub(crate) fn read(text: &str, authored: bool) -> Said {
    let text = text.trim_end_matches(|c: char| c == '\n' || is_space(c));
    let marked = text.trim_start_matches(is_space).starts_with(is_app_mark);
    let mut said =
        Said { event: Event::Message, text: String::new(), call: None, medium: None, extensions: Vec::new() };
    let mut rest = text;
    if let Some(before) = edited(rest) {
        said.extensions.push(("edited".to_owned(), "true".to_owned()));
        rest = before;
    }
    if authored && let Some((medium, left)) = find_medium(rest) {
        said.medium = Some(medium);
        said.text = left;
        return said;
    }
    said.text = strip_marks(rest).to_owned();
    if rest.len() <= SENTENCE_BYTES_MAX {
        let folded = fold(rest);
        said.event = event_of(&folded, authored, marked, &mut said);
        if said.event == Event::Message && system::is_live_location(&folded) {
            said.extensions.push(("location".to_owned(), "live".to_owned()));
        }
    } else if !authored || marked {
        said.event = Event::Notice;
    }
    if said.event == Event::Message {
        describe_text(rest, marked, &mut said);
    }
    said
}

/// The event that a whole text stands for.
fn event_of(folded: &str, authored: bool, marked: bool, said: &mut Said) -> Event {
    if system::is_deleted(folded) {
        return Event::Deletion;
    }
    if let Some(call) = calls::call(folded, marked || !authored) {
        said.call = Some(call);
        return Event::Call;
    }
    if authored && !marked {
        return if folded.len() > 20 && system::is_app_sentence(folded) { Event::Notice } else { Event::Message };
    }
    let (first_line, _) = first_line(folded);
    if authored
        && (coordinates(folded).is_some()
            || folded.contains("https://")
            || is_poll(first_line)
            || system::is_live_location(folded))
    {
        return Event::Message;
    }
    if system::is_notice(folded) {
        Event::Notice
    } else if system::is_membership(folded) {
        Event::Membership
    } else {
        Event::Notice
    }
}

/// What is known of a message's text besides its words.
fn describe_text(text: &str, marked: bool, said: &mut Said) {
    let mut note = |name: &str, value: &str| said.extensions.push((name.to_owned(), value.to_owned()));
    let bare = chars::trim(text);
    if bare.is_empty() {
        note("content", "empty");
    } else if bare == "null" {
        // What the app writes for content that it cannot export.
        note("content", "unavailable");
    }
    if let Some(place) = coordinates(bare) {
        note("location", &place);
    }
    let (first_line, below) = first_line(bare);
    if !below.is_empty()
        && first_line.ends_with([':', '：'])
        && (marked || first_line.chars().all(|c| !c.is_lowercase()))
        && is_poll(&fold(first_line))
    {
        note("kind", "poll");
    }
}

/// True for a folded first line that announces a poll.
fn is_poll(first_line: &str) -> bool {
    first_line.strip_suffix([':', '：']).is_some_and(|word| system::is_poll(word.trim_end()))
}

/// The text before the app's note that a message was edited.
fn edited(text: &str) -> Option<&str> {
    let (before, inner) = angle_at_end(text)?;
    let marked = before.ends_with(is_app_mark);
    let note = system::is_edited(&fold(inner))
        || (marked
            && !inner.contains([':', '：'])
            && !chars::trim(before).is_empty()
            && media::omitted(&fold(inner)).is_none());
    note.then(|| before.trim_end_matches(|c| is_mark(c) || is_space(c)))
}

/// The text before `<…>` at the end of a text, and what stands between.
fn angle_at_end(text: &str) -> Option<(&str, &str)> {
    let closed = text.trim_end_matches(|c| is_mark(c) || is_space(c)).strip_suffix('>')?;
    let open = closed.rfind('<')?;
    let inner = &closed[open + 1..];
    (!inner.contains('\n')).then_some((&text[..open], inner))
}

/// The file that a text speaks of, and the text that is left without the marker.
fn find_medium(text: &str) -> Option<(Medium, String)> {
    attached_at_end(text)
        .or_else(|| attached_first_line(text))
        .or_else(|| omitted_first_line(text))
        .or_else(|| omitted_at_end(text))
}

/// iOS: `caption <attached: 00000035-PHOTO.jpg>`, in any language by its form.
fn attached_at_end(text: &str) -> Option<(Medium, String)> {
    let (before, inner) = angle_at_end(text)?;
    let (word, name) = inner.split_once([':', '：'])?;
    let name = chars::trim(name);
    let marked = before.ends_with(is_app_mark);
    let sure = is_ios_media_name(name) || media::is_attached(&fold(word));
    let is_file = (marked && (has_ending(name) || sure)) || (sure && has_ending(name));
    (is_file && !name.contains('/')).then(|| (Medium::Named(name.to_owned()), left(before)))
}

/// Android: `IMG-20220318-WA0001.jpg (file attached)` on the first line, a caption or a document's name below.
fn attached_first_line(text: &str) -> Option<(Medium, String)> {
    let (line, below) = first_line(text);
    let marked = line.trim_start_matches(is_space).starts_with(is_app_mark);
    let line = chars::trim(line);
    let (name, words) = line.strip_suffix([')', '）'])?.rsplit_once(['(', '（'])?;
    let name = chars::trim(name);
    let sure = is_android_media_name(name)
        || (has_ending(name) && (name.to_ascii_lowercase().ends_with(".vcf") || media::is_attached(&fold(words))));
    let is_file = !name.is_empty() && !name.contains('/') && (sure || (marked && has_ending(name)));
    is_file.then(|| (Medium::Named(name.to_owned()), left(below)))
}

/// Android: `<Media omitted>` on the first line, a caption below.
fn omitted_first_line(text: &str) -> Option<(Medium, String)> {
    let (line, below) = first_line(text);
    let inner = chars::trim(line).strip_prefix('<')?.strip_suffix('>')?;
    let folded = fold(inner);
    if media::is_view_once(&folded) {
        return Some((Medium::ViewOnce, left(below)));
    }
    // Android leaves all media out by the same words.
    media::omitted(&folded)?;
    Some((Medium::Omitted { kind: MediaKind::Any, name: None }, left(below)))
}

/// iOS: `image omitted` behind an app mark at the end, a document's name and its pages before it.
fn omitted_at_end(text: &str) -> Option<(Medium, String)> {
    // The first byte of both marks; most text has none of it.
    memchr::memchr(0xE2, text.as_bytes())?;
    let text = text.trim_end_matches(is_mark);
    let mark = text.rfind(is_app_mark)?;
    let phrase = &text[mark..];
    if phrase.len() > SENTENCE_BYTES_MAX || phrase.contains('\n') {
        return None;
    }
    let folded = fold(phrase);
    let before = left(&text[..mark]);
    if before.is_empty() && media::is_view_once(&folded) {
        return Some((Medium::ViewOnce, before));
    }
    // A sentence is a notice; what was left out is told in a few words.
    if folded.chars().count() > 48 || system::is_deleted(&folded) {
        return None;
    }
    let kind = media::omitted(&folded)?;
    let name = (kind == MediaKind::Document && !before.is_empty() && !before.contains('\n'))
        .then(|| chars::clean(before.split(" \u{2022} ").next().unwrap_or(&before)));
    Some((Medium::Omitted { kind, name }, before))
}

/// The first line, and what stands below it.
fn first_line(text: &str) -> (&str, &str) {
    memchr::memchr(b'\n', text.as_bytes()).map_or((text, ""), |end| (&text[..end], &text[end + 1..]))
}

/// What is left of a text when its marker is gone.
fn left(text: &str) -> String {
    text.trim_matches(|c: char| is_app_mark(c) || is_space(c) || c == '\n').to_owned()
}

/// Leaves the app's marks at both ends away, and spaces with them.
fn strip_marks(text: &str) -> &str {
    if text.starts_with(is_app_mark) || text.ends_with(is_app_mark) {
        text.trim_matches(|c| is_app_mark(c) || is_space(c))
    } else {
        text
    }
}

/// `00000035-PHOTO-2022-03-27-21-41-55.jpg`: eight digits, a hyphen, a name.
fn is_ios_media_name(name: &str) -> bool {
    name.split_once('-')
        .is_some_and(|(id, rest)| id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty())
}

/// `IMG-20220318-WA0001.jpg`, also without the ending.
fn is_android_media_name(name: &str) -> bool {
    let mut parts = name.splitn(3, '-');
    let (kind, day, number) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.strip_prefix("WA").and_then(|rest| rest.split_once('.')).map(|(number, _)| number);
    (2..=5).contains(&kind.len())
        && kind.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits(day, 8)
        && number.is_some_and(|number| digits(number, 4))
}

/// True for a name with an ending as files have it.
fn has_ending(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && (1..=8).contains(&ending.len()) && ending.chars().all(char::is_alphanumeric)
    })
}

/// `latitude,longitude` of a link to a map.
fn coordinates(text: &str) -> Option<String> {
    static MAPS: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("maps"));
    MAPS.find(text.as_bytes())?;
    let start =
        text.find("maps.google.").or_else(|| text.find("google.com/maps")).or_else(|| text.find("maps.apple.com"))?;
    let link = text[start..].split(|c: char| c.is_whitespace()).next()?;
    let place = ["?q=", "&q=", "query=", "ll=", "/@"].iter().find_map(|key| link.split_once(key))?.1;
    let place = place.replace("%2C", ",");
    let mut numbers = place.split(',');
    let mut number = |limit: f64| {
        let text = numbers.next()?;
        let text = &text[..text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'))).unwrap_or(text.len())];
        text.parse::<f64>().ok().filter(|value| value.abs() <= limit).map(|_| text.to_owned())
    };
    Some(format!("{},{}", number(90.0)?, number(180.0)?))
}

#[cfg(test)]
mod tests;
