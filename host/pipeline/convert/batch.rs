//! One call of the converter: items in its terms, and which of their attachments go in.

use std::{collections::HashMap, sync::Arc};

use crate::{
    item::{
        AttachmentState, Batch, BatchItem, BlobSource, Content, Conversation, Failure, Item, Page, Party, Person,
        descriptor::Grouping, message::base64_size_bytes,
    },
    pipeline::{
        attempt::attempt,
        map::MappedItem,
        policy::Decision,
        turn::{Converted as Answer, Turn},
    },
};

/// Room left for headers and notices when attachments are weighed against a destination's limit.
const SKELETON_ROOM_BYTES: u64 = 64 << 10;

/// An item that is to be written for destinations of one limit.
pub(super) struct Wanted<'a> {
    pub(super) page: &'a Page,
    pub(super) mapped: &'a MappedItem,
    states: Vec<AttachmentState<'a>>,
}

impl<'a> Wanted<'a> {
    /// Leaves out what does not fit into so many bytes.
    pub(super) fn new(page: &'a Page, mapped: &'a MappedItem, limit: Option<u64>) -> Self {
        Self { page, mapped, states: attachment_states(&page.items[mapped.position], limit) }
    }

    pub(super) fn item(&self) -> &'a Item {
        &self.page.items[self.mapped.position]
    }

    /// Whether an attachment is replaced by a visible notice.
    pub(super) fn is_partial(&self) -> bool {
        self.states.iter().any(|state| *state != AttachmentState::Present)
    }

    pub(super) fn text_bytes(&self) -> usize {
        let item = self.item();
        item.text.as_ref().map_or(0, String::len) + item.previous_text.as_ref().map_or(0, String::len)
    }

    /// What goes in, as base64.
    pub(super) fn attachment_bytes(&self) -> u64 {
        let present = self.item().attachments.iter().zip(&self.states);
        let present = present.filter(|(_, state)| **state == AttachmentState::Present);
        present.map(|(attachment, _)| weight(&attachment.content)).sum()
    }
}

/// Calls the converter, as often as the policy says.
pub(super) async fn convert(turn: &Turn, wanted: &[Wanted<'_>]) -> Result<Vec<Answer>, (Failure, Decision)> {
    let batch = build(turn, wanted);
    let blobs: Arc<dyn BlobSource> = Arc::clone(&turn.stage) as _;
    attempt(turn, true, || async { turn.converter.lock().await.convert(&batch, Arc::clone(&blobs)).await }).await
}

fn build<'a>(turn: &'a Turn, wanted: &[Wanted<'a>]) -> Batch<'a> {
    let across = (turn.grouping == Grouping::ConversationDay).then(Across::default);
    let mut tables = Tables { across, ..Tables::default() };
    let items = wanted
        .iter()
        .map(|wanted| {
            let (page, mapped, item) = (wanted.page, wanted.mapped, wanted.item());
            let participants: Vec<u32> = item
                .participants
                .iter()
                .enumerate()
                .map(|(at, &person)| tables.party(page, person, mapped.mailboxes.get(at).and_then(Option::as_deref)))
                .collect();
            let sender = item.sender.map(|sender| {
                let at = item.participants.iter().position(|&person| person == sender);
                at.map_or_else(|| tables.party(page, sender, None), |at| participants[at])
            });
            BatchItem {
                item,
                conversation: tables.conversation(page, item.conversation),
                sender,
                participants,
                attachments: wanted.states.clone(),
            }
        })
        .collect();
    Batch {
        source: &turn.source_name,
        account: &turn.account,
        settings: &turn.converter_settings,
        people: tables.parties,
        conversations: tables.chats,
        items,
    }
}

/// The people and conversations of a batch, each once.
#[derive(Default)]
struct Tables<'a> {
    /// By page (its address) and index there.
    people: HashMap<(usize, u32, Option<&'a str>), u32>,
    conversations: HashMap<(usize, u32), u32>,
    parties: Vec<Party<'a>>,
    chats: Vec<&'a Conversation>,
    /// Where a message covers items of several pages: by what they are.
    across: Option<Across<'a>>,
}

#[derive(Default)]
struct Across<'a> {
    people: HashMap<(&'a str, Option<&'a str>), Vec<u32>>,
    conversations: HashMap<&'a str, u32>,
}

impl<'a> Tables<'a> {
    fn party(&mut self, page: &'a Page, person: u32, mailbox: Option<&'a str>) -> u32 {
        let key = (address(page), person, mailbox);
        if let Some(known) = self.people.get(&key) {
            return *known;
        }
        let found: &'a Person = &page.people[person as usize];
        let next = self.parties.len() as u32;
        let index = match &mut self.across {
            None => next,
            Some(across) => {
                let same = across.people.entry((&found.id, mailbox)).or_default();
                let known = same.iter().find(|index| self.parties[**index as usize].person == found).copied();
                known.unwrap_or_else(|| {
                    same.push(next);
                    next
                })
            }
        };
        if index == next {
            self.parties.push(Party { person: found, mailbox });
        }
        self.people.insert(key, index);
        index
    }

    /// A conversation that stands on several pages is one, as the first of its items has it.
    fn conversation(&mut self, page: &'a Page, conversation: u32) -> u32 {
        let key = (address(page), conversation);
        if let Some(known) = self.conversations.get(&key) {
            return *known;
        }
        let found: &'a Conversation = &page.conversations[conversation as usize];
        let next = self.chats.len() as u32;
        let index = match &mut self.across {
            None => next,
            Some(across) => *across.conversations.entry(&found.id).or_insert(next),
        };
        if index == next {
            self.chats.push(found);
        }
        self.conversations.insert(key, index);
        index
    }
}

fn address(page: &Page) -> usize {
    std::ptr::from_ref(page).addr()
}

fn weight(content: &Content) -> u64 {
    match content {
        Content::Present(blob) => base64_size_bytes(blob.size),
        Content::Withheld { .. } | Content::Missing(_) => 0,
    }
}

/// Which attachments go in under a limit: the largest stay out first, until the message fits.
fn attachment_states(item: &Item, limit: Option<u64>) -> Vec<AttachmentState<'_>> {
    let mut states: Vec<AttachmentState<'_>> = item
        .attachments
        .iter()
        .map(|attachment| match &attachment.content {
            Content::Present(_) => AttachmentState::Present,
            Content::Withheld { reason, limit_bytes } => {
                AttachmentState::Withheld { reason, limit_bytes: *limit_bytes }
            }
            Content::Missing(reason) => AttachmentState::Missing(reason),
        })
        .collect();
    let Some(limit) = limit else { return states };
    let weight = |index: usize| weight(&item.attachments[index].content);
    let text = item.text.as_ref().map_or(0, String::len) as u64;
    let mut size = SKELETON_ROOM_BYTES + text + (0..states.len()).map(weight).sum::<u64>();
    let mut heaviest: Vec<usize> = (0..states.len()).collect();
    heaviest.sort_by_key(|&index| std::cmp::Reverse(weight(index)));
    for index in heaviest {
        if size <= limit {
            break;
        }
        if states[index] == AttachmentState::Present {
            states[index] = AttachmentState::Withheld { reason: "too-large", limit_bytes: Some(limit) };
            size -= weight(index);
        }
    }
    states
}
