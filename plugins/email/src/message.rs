//! Assembles a message: decides the parts and their order.

use kit::converter::{Batch, Item, Message};
use mail::{
    HTML_TEXT_BYTES_MAX, Problem, SKELETON_BYTES_MAX,
    body::Body,
    envelope, header, html,
    identity::{Hex, Identities, token},
    mime::{self, Level},
    moment::Moment,
    people::People,
    settings::Settings,
    subject::prefixed,
    thread::{Thread, Threads},
};

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
            return Err(Problem::too_large(said)); // before any of it is copied
        }
        let moment = envelope::moment(item)?;
        let sender = envelope::sender(&self.people, item)?;
        let thread = self.threads.of(item.conversation, &item.participants, &self.people, &self.identities)?;
        let own = self.identities.item(&item.id, item.event, item.revision);
        self.body.write(item, &moment, sender, thread);

        let body_bytes = self.body.text().len();
        if body_bytes > SKELETON_BYTES_MAX {
            return Err(Problem::too_large(body_bytes)); // no encoding is shorter than the text
        }
        let with_html = self.settings.html && body_bytes <= HTML_TEXT_BYTES_MAX;
        let mut out = Vec::with_capacity(2048 + body_bytes * if with_html { 3 } else { 2 });
        envelope::write_addresses(&mut out, &self.people, thread, sender);
        write_identity(&mut out, &self.identities, &own, &moment, thread, item);
        envelope::write_marks(&mut out, &self.source, thread, item);

        let mut splices = Vec::new();
        let mixed = envelope::has_files(item);
        if mixed {
            mime::open(&mut out, &own, Level::Mixed);
            mime::next(&mut out, &own, Level::Mixed);
        }
        if with_html {
            self.html.clear();
            html::write(&mut self.html, self.body.main(), self.body.facts(), &thread.lines_html);
            mime::alternative(&mut out, &own, self.body.text(), &self.html);
        } else {
            mime::text(&mut out, "plain", self.body.text());
        }
        if mixed {
            envelope::write_attachments(&mut out, &mut splices, &own, index, item);
            mime::close(&mut out, &own, Level::Mixed);
        }
        if out.len() > SKELETON_BYTES_MAX {
            return Err(Problem::too_large(out.len()));
        }
        Ok(Message { skeleton: out, splices, items: vec![index] })
    }
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
    envelope::write_date(out, moment);
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
