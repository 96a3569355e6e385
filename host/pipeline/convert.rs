//! `convert`: turns items into messages, once per distinct set of withheld attachments.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    attempt::attempt,
    crash,
    map::{Mapped, MappedItem},
    policy::Decision,
    turn::{Converted as Answer, Turn},
};
use crate::{
    item::{
        AttachmentState, Batch, BatchItem, BlobSource, Content, Conversation, Failure, Item, Message, Page, Party,
        limits, message::base64_size_bytes,
    },
    state::{ParkReason, Plan},
};

/// A page whose items have their messages.
pub(super) struct Converted {
    pub(super) page: Arc<Page>,
    pub(super) plans: Vec<Plan>,
    pub(super) items: Vec<ConvertedItem>,
}

/// An item with what each of its destinations gets.
pub(super) struct ConvertedItem {
    pub(super) item: MappedItem,
    /// By destination number; several destinations with the same limit share a rendering.
    pub(super) renderings: Vec<(u16, Rendering)>,
}

/// What goes to a destination.
#[derive(Clone)]
pub(super) enum Rendering {
    /// This message; `partial` when an attachment was replaced by a visible notice.
    Message { message: Message, partial: bool },
    /// Nothing: it could not be written.
    Failed(ParkReason),
}

/// Room left for headers and notices when attachments are weighed against a destination's limit.
const SKELETON_ROOM_BYTES: u64 = 64 << 10;

/// The destination's limit, and no failure of the converter.
const TOO_LARGE: &str = "message-too-large";

/// Converts what a page still has to deliver.
pub(super) async fn convert(turn: &Turn, mapped: Mapped) -> Result<Converted, Failure> {
    let Mapped { page, items, plans } = mapped;
    let mut converted: Vec<ConvertedItem> =
        items.into_iter().map(|item| ConvertedItem { item, renderings: Vec::new() }).collect();
    let mut limits_seen: Vec<Option<u64>> = Vec::new();
    for slot in &turn.destinations {
        let limit = slot.destination.capabilities().message_bytes_max;
        if limits_seen.contains(&limit) {
            continue;
        }
        limits_seen.push(limit);
        let same_limit: Vec<u16> = turn
            .destinations
            .iter()
            .filter(|other| other.destination.capabilities().message_bytes_max == limit)
            .map(|other| other.number)
            .collect();
        for_limit(turn, &page, &mut converted, limit, &same_limit).await?;
    }
    let failed = converted.iter().filter_map(|entry| {
        entry.renderings.iter().find_map(|(_, rendering)| match rendering {
            Rendering::Failed(reason) if reason.code != TOO_LARGE => Some(&*reason.code),
            Rendering::Failed(_) | Rendering::Message { .. } => None,
        })
    });
    let codes: Vec<&str> = failed.collect();
    turn.brakes.converter.note(codes.len() as u64, converted.len() as u64, codes)?;
    crash::point("convert:converted");
    Ok(Converted { page, plans, items: converted })
}

/// Renders, for the destinations that share a limit, every item that has a copy there.
async fn for_limit(
    turn: &Turn,
    page: &Page,
    converted: &mut [ConvertedItem],
    limit: Option<u64>,
    destinations: &[u16],
) -> Result<(), Failure> {
    let mut wanted: Vec<usize> = Vec::new();
    let mut reused: Vec<(usize, Rendering)> = Vec::new();
    for (index, entry) in converted.iter().enumerate() {
        if !entry.item.copies.iter().any(|copy| destinations.contains(&copy.destination)) {
            continue;
        }
        // A limit that withholds nothing renders what another destination's rendering without notices holds already.
        let whole = entry.renderings.iter().find_map(|(_, rendering)| match rendering {
            Rendering::Message { message, partial: false }
                if limit.is_none_or(|limit| message.size_bytes() <= limit) =>
            {
                Some(rendering.clone())
            }
            _ => None,
        });
        match whole {
            Some(rendering) => reused.push((index, rendering)),
            None => wanted.push(index),
        }
    }
    let states: Vec<Vec<AttachmentState<'_>>> =
        wanted.iter().map(|&index| attachment_states(&page.items[converted[index].item.position], limit)).collect();
    let mut renderings = Vec::with_capacity(wanted.len());
    for cut in batches(page, converted, &wanted) {
        renderings.extend(batch(turn, page, converted, &wanted[cut.clone()], &states[cut]).await?);
    }
    let rendered = wanted.into_iter().zip(renderings).map(|(index, rendering)| (index, within(rendering, limit)));
    for (index, rendering) in rendered.chain(reused).collect::<Vec<_>>() {
        let of_item = destinations.iter().map(|&destination| (destination, rendering.clone()));
        converted[index].renderings.extend(of_item);
    }
    Ok(())
}

/// Cuts the wanted items into batches by count and text.
fn batches(page: &Page, converted: &[ConvertedItem], wanted: &[usize]) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, &index) in wanted.iter().enumerate() {
        let item = &page.items[converted[index].item.position];
        let size = item.text.as_ref().map_or(0, String::len) + item.previous_text.as_ref().map_or(0, String::len);
        if at > start && (at - start == limits::CONVERT_ITEMS_MAX || bytes + size > limits::CONVERT_BYTES_MAX) {
            cuts.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < wanted.len() {
        cuts.push(start..wanted.len());
    }
    cuts
}

/// Converts one batch. When the converter as a whole fails on it for good, the batch is halved until the item that
/// breaks it stands alone and is parked.
async fn batch(
    turn: &Turn,
    page: &Page,
    converted: &[ConvertedItem],
    wanted: &[usize],
    states: &[Vec<AttachmentState<'_>>],
) -> Result<Vec<Rendering>, Failure> {
    let batch = build(turn, page, converted, wanted, states);
    let blobs: Arc<dyn BlobSource> = Arc::clone(&turn.stage) as _;
    let outcome =
        attempt(turn, true, || async { turn.converter.lock().await.convert(&batch, Arc::clone(&blobs)).await }).await;
    match outcome {
        Ok(answers) => Ok(renderings(answers, states)),
        Err((failure, Decision::Park)) if wanted.len() == 1 => Ok(vec![failed(&failure)]),
        Err((_, Decision::Park)) => {
            let middle = wanted.len() / 2;
            let mut first = Box::pin(self::batch(turn, page, converted, &wanted[..middle], &states[..middle])).await?;
            first.extend(Box::pin(self::batch(turn, page, converted, &wanted[middle..], &states[middle..])).await?);
            Ok(first)
        }
        Err((failure, Decision::Wait(_) | Decision::EndTurn)) => Err(failure),
    }
}

fn build<'a>(
    turn: &'a Turn,
    page: &'a Page,
    converted: &'a [ConvertedItem],
    wanted: &[usize],
    states: &[Vec<AttachmentState<'a>>],
) -> Batch<'a> {
    let mut tables =
        Tables { page, people: HashMap::new(), parties: Vec::new(), conversations: HashMap::new(), chats: Vec::new() };
    let items = wanted
        .iter()
        .zip(states)
        .map(|(&index, states)| {
            let mapped = &converted[index].item;
            let item = &page.items[mapped.position];
            let participants: Vec<u32> = item
                .participants
                .iter()
                .enumerate()
                .map(|(at, &person)| tables.party(person, mapped.mailboxes.get(at).and_then(Option::as_deref)))
                .collect();
            let sender = item.sender.map(|sender| {
                let at = item.participants.iter().position(|&person| person == sender);
                at.map_or_else(|| tables.party(sender, None), |at| participants[at])
            });
            BatchItem {
                item,
                conversation: tables.conversation(item.conversation),
                sender,
                participants,
                attachments: states.clone(),
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
struct Tables<'a> {
    page: &'a Page,
    people: HashMap<(u32, Option<&'a str>), u32>,
    parties: Vec<Party<'a>>,
    conversations: HashMap<u32, u32>,
    chats: Vec<&'a Conversation>,
}

impl<'a> Tables<'a> {
    fn party(&mut self, person: u32, mailbox: Option<&'a str>) -> u32 {
        *self.people.entry((person, mailbox)).or_insert_with(|| {
            self.parties.push(Party { person: &self.page.people[person as usize], mailbox });
            (self.parties.len() - 1) as u32
        })
    }

    fn conversation(&mut self, conversation: u32) -> u32 {
        *self.conversations.entry(conversation).or_insert_with(|| {
            self.chats.push(&self.page.conversations[conversation as usize]);
            (self.chats.len() - 1) as u32
        })
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
    let weight = |index: usize| match &item.attachments[index].content {
        Content::Present(blob) => base64_size_bytes(blob.size),
        Content::Withheld { .. } | Content::Missing(_) => 0,
    };
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

fn renderings(answers: Vec<Answer>, states: &[Vec<AttachmentState<'_>>]) -> Vec<Rendering> {
    let mut renderings: Vec<Option<Rendering>> = vec![None; states.len()];
    for answer in answers {
        for item in answer.items {
            let index = item as usize;
            let partial = states[index].iter().any(|state| *state != AttachmentState::Present);
            renderings[index] = Some(match &answer.result {
                Ok(message) => Rendering::Message { message: message.clone(), partial },
                Err(failure) => failed(failure),
            });
        }
    }
    let unwritten = || {
        let message = "the converter did not write it".to_owned();
        Rendering::Failed(ParkReason { code: "plugin-bad-output".to_owned(), message })
    };
    renderings.into_iter().map(|rendering| rendering.unwrap_or_else(unwritten)).collect()
}

/// Refuses a message that is over the limit although every attachment stayed out.
fn within(rendering: Rendering, limit: Option<u64>) -> Rendering {
    match (rendering, limit) {
        (Rendering::Message { message, .. }, Some(limit)) if message.size_bytes() > limit => {
            Rendering::Failed(ParkReason {
                code: TOO_LARGE.to_owned(),
                message: format!(
                    "the message has {} bytes without its attachments, the destination takes {limit}",
                    message.size_bytes()
                ),
            })
        }
        (rendering, _) => rendering,
    }
}

fn failed(failure: &Failure) -> Rendering {
    Rendering::Failed(ParkReason { code: failure.code.clone(), message: failure.message.clone() })
}
