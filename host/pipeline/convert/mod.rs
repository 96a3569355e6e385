//! `convert`: turns items into messages, once per distinct set of withheld attachments.
//!
//! Here one message an item; [`days`] has one a conversation and day.

mod batch;
pub(super) mod days;

use std::ops::Range;

use self::batch::Wanted;
use super::{
    crash,
    map::MappedItem,
    policy::Decision,
    turn::{Converted as Answer, Turn},
};
use crate::{
    item::{Failure, Message, Page, limits},
    state::ParkReason,
};

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

/// The destination's limit, and no failure of the converter.
const TOO_LARGE: &str = "message-too-large";

/// Converts what a page still has to deliver.
pub(super) async fn convert(turn: &Turn, page: &Page, items: Vec<MappedItem>) -> Result<Vec<ConvertedItem>, Failure> {
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
        for_limit(turn, page, &mut converted, limit, &same_limit).await?;
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
    Ok(converted)
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
    let items: Vec<Wanted<'_>> = wanted.iter().map(|&index| Wanted::new(page, &converted[index].item, limit)).collect();
    let mut renderings = Vec::with_capacity(items.len());
    for cut in batches(&items) {
        renderings.extend(batch(turn, &items[cut]).await?);
    }
    let rendered = wanted.into_iter().zip(renderings).map(|(index, rendering)| (index, within(rendering, limit)));
    for (index, rendering) in rendered.chain(reused).collect::<Vec<_>>() {
        let of_item = destinations.iter().map(|&destination| (destination, rendering.clone()));
        converted[index].renderings.extend(of_item);
    }
    Ok(())
}

/// Cuts the wanted items into batches by count and text.
fn batches(wanted: &[Wanted<'_>]) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, wanted) in wanted.iter().enumerate() {
        let size = wanted.text_bytes();
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
async fn batch(turn: &Turn, wanted: &[Wanted<'_>]) -> Result<Vec<Rendering>, Failure> {
    match batch::convert(turn, wanted).await {
        Ok(answers) => Ok(renderings(answers, wanted)),
        Err((failure, Decision::Park)) if wanted.len() == 1 => Ok(vec![failed(&failure)]),
        Err((_, Decision::Park)) => {
            let (first, second) = wanted.split_at(wanted.len() / 2);
            let mut first = Box::pin(batch(turn, first)).await?;
            first.extend(Box::pin(batch(turn, second)).await?);
            Ok(first)
        }
        Err((failure, Decision::Wait(_) | Decision::EndTurn)) => Err(failure),
    }
}

fn renderings(answers: Vec<Answer>, wanted: &[Wanted<'_>]) -> Vec<Rendering> {
    let mut renderings: Vec<Option<Rendering>> = vec![None; wanted.len()];
    for answer in answers {
        for item in answer.items {
            let index = item as usize;
            let partial = wanted[index].is_partial();
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
