//! What a person reads: the text, what happened in words, the files, and a short block of facts.

use kit::{Event, converter::Item};

use crate::{
    clean::{append_lines, end_line, single_line},
    moment::Moment,
    people::Card,
    subject::extension,
    thread::Thread,
    words,
};

/// Between what was said and the facts.
pub const RULE: &str = "\r\n----------------------------------------\r\n";
/// The longest id, zone or place that is shown; the header has the whole id.
const VALUE_CHARACTERS_MAX: usize = 200;

/// A body in one string; lines end in CRLF.
#[derive(Debug, Default)]
pub struct Body {
    text: String,
    main_bytes: usize,
    facts_end: usize,
}

impl Body {
    /// Writes an item's body over the last one's, so that a batch needs one buffer.
    pub fn write(&mut self, item: &Item, moment: &Moment, sender: Option<&Card>, thread: &Thread) {
        self.text.clear();
        let said = item.text.as_ref().map_or(0, String::len) + item.previous_text.as_ref().map_or(0, String::len);
        self.text.reserve(said + thread.lines.len() + 1024);
        write_main(&mut self.text, item, moment, sender);
        self.main_bytes = self.text.len();
        self.text.push_str(RULE);
        write_facts(&mut self.text, item, moment, sender, thread);
        self.facts_end = self.text.len();
        self.text.push_str(&thread.lines);
    }

    /// The whole, for the text part.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was said or happened.
    pub fn main(&self) -> &str {
        self.text.get(..self.main_bytes).unwrap_or_default()
    }

    /// The item's own facts, without the thread's.
    pub fn facts(&self) -> &str {
        self.text.get(self.main_bytes + RULE.len()..self.facts_end).unwrap_or_default()
    }
}

/// Appends what was said or happened.
pub fn write_main(out: &mut String, item: &Item, moment: &Moment, sender: Option<&Card>) {
    let label = sender.map(|card| card.label.as_str());
    let text = item.text.as_deref().filter(|text| !text.is_empty());
    let previous = item.previous_text.as_deref().filter(|text| !text.is_empty());
    match item.event {
        Event::Call => {
            words::push_call(out, item.call.as_ref(), item.direction, label);
            out.push_str("\r\n");
            if let Some(text) = text {
                append_block(out, text);
            }
            write_before(out, previous);
        }
        Event::Edit => {
            out.push_str("This message was edited.\r\n\r\nBefore:\r\n");
            append_block(out, previous.unwrap_or("(not known to the source)"));
            out.push_str("\r\nAfter:\r\n");
            append_block(out, text.unwrap_or("(no text)"));
        }
        Event::Deletion => {
            out.push_str("This message was deleted");
            if let Some(label) = label.filter(|label| !label.is_empty()) {
                out.push_str(" by ");
                out.push_str(label);
            }
            out.push_str(" at ");
            moment.write_utc(out);
            out.push_str(".\r\n");
            if let Some(text) = text {
                out.push_str("\r\n");
                append_block(out, text);
            }
            out.push_str("\r\nText before the deletion:\r\n");
            append_block(out, previous.unwrap_or("(not known to the source)"));
        }
        Event::Reaction => {
            match text {
                Some(text) => {
                    out.push_str("Reaction: ");
                    append_block(out, text);
                }
                None => out.push_str("Reaction removed.\r\n"),
            }
            write_before(out, previous);
        }
        Event::Message | Event::Membership | Event::File | Event::Notice | Event::Other => {
            if let Some(reference) = &item.refers_to {
                out.push_str("In reply to an earlier ");
                out.push_str(words::event(reference.event));
                out.push_str(" (item ");
                out.push_str(&single_line(&reference.id, VALUE_CHARACTERS_MAX));
                out.push_str("):\r\n\r\n");
            }
            match text {
                Some(text) => append_block(out, text),
                None if item.attachments.is_empty() => out.push_str("(no text)\r\n"),
                None => {}
            }
            write_before(out, previous);
        }
    }
    write_marks(out, item);
    for (number, attachment) in item.attachments.iter().enumerate() {
        if number == 0 && !out.is_empty() {
            out.push_str("\r\n");
        }
        words::push_attachment(out, attachment, number);
        out.push_str("\r\n");
    }
}

/// A text before, on an event for which the contract does not foresee one: shown, since nothing is left out.
fn write_before(out: &mut String, previous: Option<&str>) {
    if let Some(previous) = previous {
        out.push_str("\r\nText before:\r\n");
        append_block(out, previous);
    }
}

/// Visible lines for the extensions that say something about the item itself.
fn write_marks(out: &mut String, item: &Item) {
    let is_set = |name| extension(&item.extensions, name).is_some_and(|value| value != "false");
    let location = extension(&item.extensions, "location");
    let (edited, forwarded) = (is_set("edited"), is_set("forwarded"));
    if (edited || forwarded || location.is_some()) && !out.is_empty() {
        out.push_str("\r\n");
    }
    if edited {
        out.push_str("Edited by its author before it was archived.\r\n");
    }
    if forwarded {
        out.push_str("Forwarded.\r\n");
    }
    if let Some(location) = location {
        out.push_str("Location: ");
        out.push_str(&single_line(location, VALUE_CHARACTERS_MAX));
        out.push_str("\r\n");
    }
}

/// Appends the item's own facts, one a line.
pub fn write_facts(out: &mut String, item: &Item, moment: &Moment, sender: Option<&Card>, thread: &Thread) {
    out.push_str(&thread.network);
    out.push(' ');
    out.push_str(words::event(item.event));
    out.push_str("\r\nTime: ");
    moment.write_utc(out);
    out.push_str("\r\n");
    if let Some(zone) = item.zone.as_deref().map(|zone| single_line(zone, VALUE_CHARACTERS_MAX)) {
        write_zone(out, moment, &zone);
    }
    if let Some(card) = sender {
        out.push_str("From: ");
        out.push_str(&card.line);
        out.push_str("\r\n");
    }
    out.push_str("Item: ");
    out.push_str(&single_line(&item.id, VALUE_CHARACTERS_MAX));
    if item.revision > 0 {
        out.push_str(", revision ");
        words::push_integer(out, item.revision.into());
    }
    out.push_str("\r\n");
    if let Some(reference) = &item.refers_to {
        out.push_str("Refers to: item ");
        out.push_str(&single_line(&reference.id, VALUE_CHARACTERS_MAX));
        if reference.revision > 0 {
            out.push_str(", revision ");
            words::push_integer(out, reference.revision.into());
        }
        out.push_str(" (");
        out.push_str(words::event(reference.event));
        out.push_str(")\r\n");
    }
}

fn write_zone(out: &mut String, moment: &Moment, zone: &str) {
    if zone.is_empty() {
        return;
    }
    let start = out.len();
    out.push_str("Time at the source: ");
    if moment.write_in_zone(out, zone) {
        out.push_str(" (");
        out.push_str(zone);
        out.push(')');
    } else {
        out.truncate(start);
        out.push_str("Time zone at the source, as written: ");
        out.push_str(zone);
    }
    out.push_str("\r\n");
}

fn append_block(out: &mut String, text: &str) {
    append_lines(out, text);
    end_line(out);
}
