//! Assembles a digest: one entry an item, then the facts of each, then those of the conversation.
//!
//! What was said stands indented below a numbered head, so that no text can pass for an entry of its own.

use std::{collections::BTreeSet, mem};

use kit::{
    Event,
    converter::{Batch, Failure, Item, Message},
};
use mail::{
    HTML_TEXT_BYTES_MAX, Problem, SKELETON_BYTES_MAX, body,
    clean::single_line,
    envelope, header, html,
    identity::{Hex, Identities, token},
    mime::{self, Level},
    moment::Moment,
    people::People,
    settings::Settings,
    subject::extension,
    thread::Threads,
    words,
};

/// The text of a digest, in bytes; what is beyond it begins another one. Nobody reads more at once.
const DIGEST_TEXT_BYTES_MAX: usize = 1024 * 1024;
/// The longest mark of a source that stands in a head.
const MARK_CHARACTERS_MAX: usize = 80;

/// Writes the digests of one batch.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    batch: &'a Batch,
    settings: &'a Settings,
    source: String,
    identities: Identities<'a>,
    people: People<'a>,
    threads: Threads<'a>,
    answers: Vec<Result<Message, Failure>>,
}

/// What a digest says of an item.
#[derive(Debug)]
struct Entry<'a> {
    index: u32,
    item: &'a Item,
    moment: Moment,
    /// `14:03:09 Anna Lind`.
    head: String,
    /// What was said or happened.
    main: String,
    facts: String,
}

impl Entry<'_> {
    fn text_bytes(&self) -> usize {
        self.head.len() + self.main.len() + self.facts.len()
    }
}

impl<'a> Writer<'a> {
    /// A writer whose caches are empty.
    pub(crate) fn new(batch: &'a Batch, settings: &'a Settings) -> Self {
        Self {
            batch,
            settings,
            source: token(&batch.source),
            identities: Identities::new(&batch.source, &batch.account, &settings.message_id_domain),
            people: People::new(&batch.people),
            threads: Threads::new(batch),
            answers: Vec::new(),
        }
    }

    /// Every item of the batch, covered once.
    pub(crate) fn into_answers(self) -> Vec<Result<Message, Failure>> {
        self.answers
    }

    /// The digests of a conversation's day, whose items these are; mostly one.
    pub(crate) fn write(&mut self, conversation: u32, day: i64, items: &[u32]) {
        let batch = self.batch;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let at = |index: &u32| Some((*index, batch.items.get(usize::try_from(*index).ok()?)?));
        for (index, item) in items.iter().filter_map(at) {
            match self.entry(index, item) {
                Ok(entry) => {
                    if bytes > 0 && bytes + entry.text_bytes() > DIGEST_TEXT_BYTES_MAX {
                        self.close(conversation, day, mem::take(&mut entries));
                        bytes = 0;
                    }
                    bytes += entry.text_bytes();
                    entries.push(entry);
                }
                Err(problem) => self.answers.push(Err(problem.into_failure(vec![index]))),
            }
        }
        if !entries.is_empty() {
            self.close(conversation, day, entries);
        }
    }

    fn entry(&mut self, index: u32, item: &'a Item) -> Result<Entry<'a>, Problem> {
        let said = item.text.as_ref().map_or(0, String::len) + item.previous_text.as_ref().map_or(0, String::len);
        if said > SKELETON_BYTES_MAX {
            return Err(Problem::too_large(said)); // before any of it is copied
        }
        let moment = envelope::moment(item)?;
        // Also refuses participants that are not there.
        let thread = self.threads.of(item.conversation, &item.participants, &self.people, &self.identities)?;
        let sender = envelope::sender(&self.people, item)?;
        let mut head = String::with_capacity(64);
        moment.write_time(&mut head);
        head.push(' ');
        head.push_str(sender.map_or(thread.network.as_str(), |card| &card.label));
        if item.event != Event::Message {
            head.push_str(", ");
            head.push_str(words::event(item.event));
        }
        if let Some(mark) = extension(&item.extensions, "subject-prefix") {
            let mark = single_line(mark, MARK_CHARACTERS_MAX);
            head.push_str(", ");
            head.push_str(mark.trim_end_matches([' ', '-']));
        }
        let (mut main, mut facts) = (String::with_capacity(said + 256), String::with_capacity(256));
        body::write_main(&mut main, item, &moment, sender);
        body::write_facts(&mut facts, item, &moment, sender, thread);
        Ok(Entry { index, item, moment, head, main, facts })
    }

    /// Writes a digest of these entries, or two where one would be larger than a message may be.
    fn close(&mut self, conversation: u32, day: i64, mut entries: Vec<Entry<'a>>) {
        match self.message(conversation, day, &entries) {
            Ok(message) => self.answers.push(Ok(message)),
            Err(_) if entries.len() > 1 => {
                let rest = entries.split_off(entries.len() / 2);
                self.close(conversation, day, entries);
                self.close(conversation, day, rest);
            }
            Err(problem) => {
                let items = entries.iter().map(|entry| entry.index).collect();
                self.answers.push(Err(problem.into_failure(items)));
            }
        }
    }

    fn message(&mut self, conversation: u32, day: i64, entries: &[Entry<'a>]) -> Result<Message, Problem> {
        let (Some(first), Some(last)) = (entries.first(), entries.iter().max_by_key(|entry| entry.item.sent_at)) else {
            return Err(Problem { code: "empty-digest", message: "A digest has no item.".to_owned() });
        };
        let mut seen = BTreeSet::new();
        let everybody = entries.iter().flat_map(|entry| &entry.item.participants).copied();
        let participants: Vec<u32> = everybody.filter(|person| seen.insert(*person)).collect();
        let thread = self.threads.of(conversation, &participants, &self.people, &self.identities)?;
        let mut items: Vec<Hex> = entries
            .iter()
            .map(|entry| self.identities.item(&entry.item.id, entry.item.event, entry.item.revision))
            .collect();
        let id = self.batch.conversations.get(conversation as usize).map_or("", |conversation| &conversation.id);
        let own = self.identities.digest(id, day, &mut items);

        let mut subject = thread.subject.clone();
        subject.push_str(", ");
        first.moment.write_day(&mut subject);
        let (text, title_bytes, facts) = body_text(entries, &subject);
        let body_bytes = text.len() + facts.len() + thread.lines.len();
        if body_bytes > SKELETON_BYTES_MAX {
            return Err(Problem::too_large(body_bytes)); // no encoding is shorter than the text
        }
        let mut out = Vec::with_capacity(2048 + body_bytes * 3);
        envelope::write_addresses(&mut out, &self.people, thread, None);
        envelope::write_date(&mut out, &last.moment);
        header::unstructured(&mut out, "Subject", &subject);
        out.extend_from_slice(b"Message-ID: ");
        self.identities.write_digest(&mut out, &own);
        out.extend_from_slice(b"\r\nReferences: ");
        self.identities.write_root(&mut out, &thread.root);
        out.extend_from_slice(b"\r\n");
        envelope::write_marks(&mut out, &self.source, thread, first.item);

        let mut splices = Vec::new();
        let mixed = entries.iter().any(|entry| envelope::has_files(entry.item));
        if mixed {
            mime::open(&mut out, &own, Level::Mixed);
            mime::next(&mut out, &own, Level::Mixed);
        }
        let plain = [text.as_str(), body::RULE, &facts, &thread.lines].concat();
        if self.settings.html && body_bytes <= HTML_TEXT_BYTES_MAX {
            let mut document = String::with_capacity(body_bytes * 2);
            html::open(&mut document, text.get(..title_bytes).unwrap_or_default());
            for (number, entry) in (1..).zip(entries) {
                html::entry(&mut document, &head(number, entry), &entry.main);
            }
            html::close(&mut document, &facts, &thread.lines_html);
            mime::alternative(&mut out, &own, &plain, &document);
        } else {
            mime::text(&mut out, "plain", &plain);
        }
        if mixed {
            for entry in entries {
                envelope::write_attachments(&mut out, &mut splices, &own, entry.index, entry.item);
            }
            mime::close(&mut out, &own, Level::Mixed);
        }
        if out.len() > SKELETON_BYTES_MAX {
            return Err(Problem::too_large(out.len()));
        }
        Ok(Message { skeleton: out, splices, items: entries.iter().map(|entry| entry.index).collect() })
    }
}

/// `[3] 14:03:09 Anna Lind`.
fn head(number: u64, entry: &Entry<'_>) -> String {
    format!("[{number}] {}", entry.head)
}

/// The entries as text, how many bytes of it are the title, and everybody's facts, each set in below its number.
fn body_text(entries: &[Entry<'_>], subject: &str) -> (String, usize, String) {
    let bytes: usize = entries.iter().map(|entry| entry.text_bytes() + 64).sum();
    let (mut text, mut facts) = (String::with_capacity(bytes), String::with_capacity(bytes / 2));
    text.push_str(subject);
    text.push_str(" (UTC), ");
    words::push_integer(&mut text, entries.len() as u64);
    text.push_str(if entries.len() == 1 { " item\r\n" } else { " items\r\n" });
    let title_bytes = text.len();
    for (number, entry) in (1..).zip(entries) {
        text.push_str("\r\n");
        text.push_str(&head(number, entry));
        text.push_str("\r\n");
        indent(&mut text, &entry.main);
        facts.push('[');
        words::push_integer(&mut facts, number);
        facts.push_str("]\r\n");
        indent(&mut facts, &entry.facts);
    }
    (text, title_bytes, facts)
}

/// Appends lines, each after four spaces; empty ones stay empty.
fn indent(out: &mut String, lines: &str) {
    for line in lines.trim_end_matches("\r\n").split("\r\n") {
        if !line.is_empty() {
            out.push_str("    ");
            out.push_str(line);
        }
        out.push_str("\r\n");
    }
}
