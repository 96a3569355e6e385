//! Assembles a message: decides the parts and their order.

use kit::converter::{Batch, Item, Message, Splice, State};

use crate::{
    Problem, SKELETON_BYTES_MAX,
    body::Body,
    header, html,
    identity::{Hex, Identities, token},
    mime::{self, Level},
    moment::Moment,
    people::{Card, People},
    settings::Settings,
    subject::prefixed,
    thread::{Thread, Threads, out_of_range},
    words,
};

/// The longest body that also gets an HTML alternative: nobody reads a longer one, and it would double the message.
const HTML_TEXT_BYTES_MAX: usize = 1024 * 1024;
/// What `X-Chancery-Format` says; a change to what messages look like raises it.
const FORMAT: &[u8] = b"1";

/// Writes the items of one batch.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    settings: &'a Settings,
    source: String,
    identities: Identities<'a>,
    people: People<'a>,
    threads: Threads<'a>,
    body: Body,
    html: String,
}

impl<'a> Writer<'a> {
    /// A writer whose caches are empty.
    pub(crate) fn new(batch: &'a Batch, settings: &'a Settings) -> Self {
        Self {
            settings,
            source: token(&batch.source),
            identities: Identities::new(&batch.source, &batch.account, &settings.message_id_domain),
            people: People::new(&batch.people),
            threads: Threads::new(batch),
            body: Body::default(),
            html: String::new(),
        }
    }

    /// The message of one item, `index` being its place in the batch.
    pub(crate) fn write(&mut self, index: u32, item: &Item) -> Result<Message, Problem> {
        let said = item.text.as_ref().map_or(0, String::len) + item.previous_text.as_ref().map_or(0, String::len);
        if said > SKELETON_BYTES_MAX {
            return Err(too_large(said)); // before any of it is copied
        }
        let moment = Moment::from_milliseconds(item.sent_at).ok_or_else(|| Problem {
            code: "time-out-of-range",
            message: format!("The item's time, {} ms, is outside the years 1900 to 9999 of e-mail.", item.sent_at),
        })?;
        let sender = match item.sender {
            Some(sender) => Some(self.people.card(sender).ok_or_else(|| out_of_range("sender", sender))?),
            None => None,
        };
        let thread = self.threads.of(item, &self.people, &self.identities)?;
        let own = self.identities.item(&item.id, item.event, item.revision);
        self.body.write(item, &moment, sender, thread);

        let body_bytes = self.body.text().len();
        if body_bytes > SKELETON_BYTES_MAX {
            return Err(too_large(body_bytes)); // no encoding is shorter than the text
        }
        let with_html = self.settings.html && body_bytes <= HTML_TEXT_BYTES_MAX;
        let mut out = Vec::with_capacity(2048 + body_bytes * if with_html { 3 } else { 2 });
        write_addresses(&mut out, &self.people, thread, sender);
        write_identity(&mut out, &self.identities, &own, &moment, thread, item);
        write_marks(&mut out, &self.source, thread, item);

        let mut splices = Vec::new();
        let mixed = item.attachments.iter().any(|attachment| attachment.state == State::Present);
        if mixed {
            mime::open(&mut out, &own, Level::Mixed);
            mime::next(&mut out, &own, Level::Mixed);
        }
        if with_html {
            self.html.clear();
            html::write(&mut self.html, self.body.main(), self.body.facts(), &thread.lines_html);
            mime::open(&mut out, &own, Level::Alternative);
            mime::next(&mut out, &own, Level::Alternative);
            mime::text(&mut out, "plain", self.body.text());
            mime::next(&mut out, &own, Level::Alternative);
            mime::text(&mut out, "html", &self.html);
            mime::close(&mut out, &own, Level::Alternative);
        } else {
            mime::text(&mut out, "plain", self.body.text());
        }
        if mixed {
            write_attachments(&mut out, &mut splices, &own, index, item);
            mime::close(&mut out, &own, Level::Mixed);
        }
        if out.len() > SKELETON_BYTES_MAX {
            return Err(too_large(out.len()));
        }
        Ok(Message { skeleton: out, splices, items: vec![index] })
    }
}

fn too_large(bytes: usize) -> Problem {
    Problem {
        code: "message-too-large",
        message: format!(
            "The message without its attachments would have at least {bytes} bytes; the limit is {SKELETON_BYTES_MAX}."
        ),
    }
}

/// `From` and `To`. A line without author comes from the network itself; whoever writes to nobody writes to themself.
fn write_addresses(out: &mut Vec<u8>, people: &People<'_>, thread: &Thread, sender: Option<&Card>) {
    out.extend_from_slice(b"From: ");
    match sender {
        Some(card) => out.extend_from_slice(&card.header),
        None => header::mailbox(out, &thread.network, "notice@chancery.invalid", 6),
    }
    out.extend_from_slice(b"\r\nTo: ");
    let start = out.len();
    for &index in &thread.addressees {
        if let Some(card) = people.card(index).filter(|card| sender.is_none_or(|sender| sender.key != card.key)) {
            if out.len() > start {
                out.extend_from_slice(b",\r\n ");
            }
            out.extend_from_slice(&card.header);
        }
    }
    if out.len() == start {
        match sender {
            Some(card) => out.extend_from_slice(&card.header),
            None => out.extend_from_slice(b"undisclosed-recipients:;"),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// `Date` to `References`: when, and which message this is.
fn write_identity(
    out: &mut Vec<u8>,
    identities: &Identities<'_>,
    own: &Hex,
    moment: &Moment,
    thread: &Thread,
    item: &Item,
) {
    out.extend_from_slice(b"Date: ");
    moment.write_date(out);
    out.extend_from_slice(b"\r\n");
    match prefixed(&thread.subject, &item.extensions) {
        Some(subject) => header::unstructured(out, "Subject", &subject),
        None => out.extend_from_slice(&thread.subject_header),
    }
    out.extend_from_slice(b"Message-ID: ");
    identities.write_item(out, own);
    out.extend_from_slice(b"\r\n");
    let referred =
        item.refers_to.as_ref().map(|reference| identities.item(&reference.id, reference.event, reference.revision));
    if let Some(referred) = &referred {
        out.extend_from_slice(b"In-Reply-To: ");
        identities.write_item(out, referred);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"References: ");
    identities.write_root(out, &thread.root);
    if let Some(referred) = &referred {
        out.extend_from_slice(b"\r\n ");
        identities.write_item(out, referred);
    }
    out.extend_from_slice(b"\r\n");
}

/// `Auto-Submitted` and the five headers of our own.
fn write_marks(out: &mut Vec<u8>, source: &str, thread: &Thread, item: &Item) {
    out.extend_from_slice(b"MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n");
    for (name, value) in [
        (&b"X-Chancery-Item: "[..], token(&item.id).as_bytes()),
        (b"X-Chancery-Source: ", source.as_bytes()),
        (b"X-Chancery-Event: ", item.event.name().as_bytes()),
        (b"X-Chancery-Conversation: ", thread.token.as_bytes()),
        (b"X-Chancery-Format: ", FORMAT),
    ] {
        out.extend_from_slice(name);
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

/// The present attachments' parts, and where their bytes go.
fn write_attachments(out: &mut Vec<u8>, splices: &mut Vec<Splice>, own: &Hex, index: u32, item: &Item) {
    for (number, attachment) in item.attachments.iter().enumerate() {
        if attachment.state != State::Present {
            continue;
        }
        mime::next(out, own, Level::Mixed);
        let name = words::file_name(attachment, number);
        let offset = mime::attachment(out, attachment.media_type.as_deref(), &name);
        // Both fit, or the skeleton is over its limit and is refused as a whole.
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        splices.push(Splice { offset, item: index, attachment: number });
    }
}
