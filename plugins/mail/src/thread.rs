//! What the items of one conversation with the same participants have in common.

use std::collections::BTreeSet;

use kit::{Conversation, ConversationKind, converter::Batch};

use crate::{
    Problem, header, html,
    identity::{Hex, Identities, token},
    people::{Card, People},
    subject::{Names, names, network},
};

/// A conversation as the items of the batch see it.
#[derive(Debug)]
pub struct Thread {
    participants: Vec<u32>,
    /// Participants with distinct addresses, in the item's order.
    pub addressees: Vec<u32>,
    /// The network's name.
    pub network: String,
    /// The conversation key's hash.
    pub root: Hex,
    /// The conversation's id as a word.
    pub token: String,
    /// The subject as text.
    pub subject: String,
    /// `Subject: …`, encoded and folded, for items without a prefix.
    pub subject_header: Vec<u8>,
    /// The end of the body: the conversation and its participants, one a line.
    pub lines: String,
    /// The same, escaped for HTML.
    pub lines_html: String,
}

/// One thread a conversation: made for its first item, and anew when the participants change.
#[derive(Debug)]
pub struct Threads<'a> {
    batch: &'a Batch,
    known: Vec<Option<Thread>>,
}

impl<'a> Threads<'a> {
    /// No thread is made yet.
    pub fn new(batch: &'a Batch) -> Self {
        Self { batch, known: batch.conversations.iter().map(|_| None).collect() }
    }

    /// The thread of a conversation, by its index, for these participants. Refuses indices that lead nowhere.
    pub fn of(
        &mut self,
        index: u32,
        participants: &[u32],
        people: &People<'_>,
        identities: &Identities<'_>,
    ) -> Result<&Thread, Problem> {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let (Some(conversation), Some(known)) = (self.batch.conversations.get(at), self.known.get_mut(at)) else {
            return Err(Problem::out_of_range("conversation", index));
        };
        let reusable = known.take().filter(|thread| thread.participants == participants);
        let thread = match reusable {
            Some(thread) => thread,
            None => Thread::new(&self.batch.source, conversation, participants, people, identities)?,
        };
        Ok(known.insert(thread))
    }
}

impl Thread {
    fn new(
        source: &str,
        conversation: &Conversation,
        participants: &[u32],
        people: &People<'_>,
        identities: &Identities<'_>,
    ) -> Result<Self, Problem> {
        let mut seen = BTreeSet::new();
        let mut addressees = Vec::with_capacity(participants.len());
        let mut cards: Vec<&Card> = Vec::with_capacity(participants.len());
        for &index in participants {
            let card = people.card(index).ok_or_else(|| Problem::out_of_range("participant", index))?;
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
            participants: participants.to_vec(),
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
