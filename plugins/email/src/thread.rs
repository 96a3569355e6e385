//! What the items of one conversation with the same participants have in common.

use std::collections::BTreeSet;

use kit::{
    Conversation, ConversationKind,
    converter::{Batch, Item},
};

use crate::{
    Problem, header, html,
    identity::{Hex, Identities, token},
    people::{Card, People},
    subject::{Names, names, network},
};

/// A conversation as the items of the batch see it.
#[derive(Debug)]
pub(crate) struct Thread {
    participants: Vec<u32>,
    /// Participants with distinct addresses, in the item's order.
    pub(crate) addressees: Vec<u32>,
    /// The network's name.
    pub(crate) network: String,
    /// The conversation key's hash.
    pub(crate) root: Hex,
    /// The conversation's id as a word.
    pub(crate) token: String,
    /// The subject as text.
    pub(crate) subject: String,
    /// `Subject: …`, encoded and folded, for items without a prefix.
    pub(crate) subject_header: Vec<u8>,
    /// The end of the body: the conversation and its participants, one a line.
    pub(crate) lines: String,
    /// The same, escaped for HTML.
    pub(crate) lines_html: String,
}

/// One thread a conversation: made for its first item, and anew when the participants change.
#[derive(Debug)]
pub(crate) struct Threads<'a> {
    batch: &'a Batch,
    known: Vec<Option<Thread>>,
}

impl<'a> Threads<'a> {
    /// No thread is made yet.
    pub(crate) fn new(batch: &'a Batch) -> Self {
        Self { batch, known: batch.conversations.iter().map(|_| None).collect() }
    }

    /// The item's thread. Refuses indices that lead nowhere.
    pub(crate) fn of(
        &mut self,
        item: &Item,
        people: &People<'_>,
        identities: &Identities<'_>,
    ) -> Result<&Thread, Problem> {
        let index = usize::try_from(item.conversation).unwrap_or(usize::MAX);
        let (Some(conversation), Some(known)) = (self.batch.conversations.get(index), self.known.get_mut(index)) else {
            return Err(out_of_range("conversation", item.conversation));
        };
        let reusable = known.take().filter(|thread| thread.participants == item.participants);
        let thread = match reusable {
            Some(thread) => thread,
            None => Thread::new(&self.batch.source, conversation, item, people, identities)?,
        };
        Ok(known.insert(thread))
    }
}

impl Thread {
    fn new(
        source: &str,
        conversation: &Conversation,
        item: &Item,
        people: &People<'_>,
        identities: &Identities<'_>,
    ) -> Result<Self, Problem> {
        let mut seen = BTreeSet::new();
        let mut addressees = Vec::with_capacity(item.participants.len());
        let mut cards: Vec<&Card> = Vec::with_capacity(item.participants.len());
        for &index in &item.participants {
            let card = people.card(index).ok_or_else(|| out_of_range("participant", index))?;
            if seen.insert(card.key.as_str()) {
                addressees.push(index);
            }
            cards.push(card);
        }
        let root = identities.conversation(&conversation.id);
        let network = network(conversation, source);
        let Names { subject, name } = names(&network, conversation, &root, cards.iter().copied());
        let mut subject_header = Vec::with_capacity(subject.len() + 16);
        header::unstructured(&mut subject_header, "Subject", &subject);

        let mut lines = String::from("Conversation: ");
        lines.push_str(&name);
        lines.push_str(match conversation.kind {
            ConversationKind::Direct => " (direct)",
            ConversationKind::Group => " (group)",
            ConversationKind::Channel => " (channel)",
            ConversationKind::Other => "",
        });
        if !cards.is_empty() {
            lines.push_str("\r\nParticipants:");
            for card in &cards {
                lines.push_str("\r\n  ");
                lines.push_str(&card.line);
            }
        }
        let mut lines_html = String::with_capacity(lines.len());
        html::escape(&mut lines_html, &lines);
        lines.push_str("\r\n");
        Ok(Self {
            participants: item.participants.clone(),
            addressees,
            network,
            root,
            token: token(&conversation.id),
            subject,
            subject_header,
            lines,
            lines_html,
        })
    }
}

/// An index of the item that its batch's table does not have.
pub(crate) fn out_of_range(what: &str, index: u32) -> Problem {
    Problem {
        code: "index-out-of-range",
        message: format!("The item names {what} {index}, which the batch does not have."),
    }
}
