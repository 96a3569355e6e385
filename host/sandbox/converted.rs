//! Takes a converter's answers: every item covered once, every message well formed, every attachment spliced once.

use std::{collections::HashSet, sync::Arc};

use crate::item::{Batch, BlobRef, Failure, Message, NextMove, Splice, descriptor::Grouping};

use super::{
    contract::v1::converter::exports::chancery::connector::converter,
    converter::{Converted, present},
    diagnostic::{Call, cut, is_code, printable},
    message::{check_splice, outline},
};

/// Bytes of a guest's own message that are handed on.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// A batch's answers, and whether none of them broke a rule.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) answers: Vec<Converted>,
    pub(super) all_good: bool,
}

/// Checks the answers of a batch and carries them over.
///
/// # Errors
/// When items are left out or answered twice: then nothing in the answer can be trusted.
pub(super) fn take(
    answers: Vec<Result<converter::Message, converter::Failure>>,
    batch: &Batch<'_>,
    grouping: Grouping,
    call: &Call<'_>,
) -> Result<Taken, String> {
    check_cover(&answers, batch.items.len(), grouping)?;
    let mut taken = Taken { answers: Vec::with_capacity(answers.len()), all_good: true };
    let mut message_ids = HashSet::with_capacity(answers.len());
    for answer in answers {
        taken.answers.push(match answer {
            Err(failure) => refused(failure, call),
            Ok(message) => {
                let items = sorted(&message.items);
                let result = take_message(message, &items, batch).and_then(|message| {
                    match message_ids.insert(Arc::clone(&message.message_id)) {
                        true => Ok(message),
                        false => Err("its `message-id` is that of another message of the batch".to_owned()),
                    }
                });
                taken.all_good &= result.is_ok();
                let result = result.map_err(|why| bad_message(&why, &items, batch, call));
                Converted { items, result }
            }
        });
    }
    Ok(taken)
}

/// Every item must be answered exactly once.
fn check_cover(
    answers: &[Result<converter::Message, converter::Failure>],
    items: usize,
    grouping: Grouping,
) -> Result<(), String> {
    let mut covered = vec![false; items];
    for (number, answer) in answers.iter().enumerate() {
        let named = match answer {
            Ok(message) => &message.items,
            Err(failure) => &failure.items,
        };
        if named.is_empty() {
            return Err(format!("answer {number} names no item"));
        }
        if grouping == Grouping::Item && named.len() > 1 && answer.is_ok() {
            return Err(format!("answer {number} is one message for {} items; its descriptor says one", named.len()));
        }
        for item in named {
            match covered.get_mut(*item as usize) {
                None => return Err(format!("answer {number} names item {item}, the batch has {items}")),
                Some(true) => return Err(format!("item {item} is answered twice")),
                Some(free) => *free = true,
            }
        }
    }
    match covered.iter().position(|covered| !covered) {
        Some(item) => Err(format!("item {item} is not answered")),
        None => Ok(()),
    }
}

fn sorted(items: &[u32]) -> Vec<u32> {
    let mut items = items.to_vec();
    items.sort_unstable();
    items
}

fn take_message(message: converter::Message, items: &[u32], batch: &Batch<'_>) -> Result<Message, String> {
    let converter::Message { skeleton, splices, .. } = message;
    let outline = outline(&skeleton)?;
    let mut wanted: Vec<(u32, u32, Option<&BlobRef>)> = Vec::new();
    for item in items {
        for (attachment, blob) in (0_u32..).zip(present(&batch.items[*item as usize])) {
            if blob.is_some() {
                wanted.push((*item, attachment, blob));
            }
        }
    }
    let mut taken = Vec::with_capacity(splices.len());
    let mut last = None;
    for (number, splice) in splices.iter().enumerate() {
        if last >= Some(splice.offset) {
            return Err(format!("splice {number}: the offsets do not ascend"));
        }
        last = Some(splice.offset);
        check_splice(&skeleton, outline.body, splice.offset as usize)
            .map_err(|why| format!("splice {number}: {why}"))?;
        // `wanted` is in order of item and attachment, because `items` ascends.
        let place = wanted
            .binary_search_by_key(&(splice.item, splice.attachment), |(item, attachment, _)| (*item, *attachment));
        let blob = place.ok().and_then(|place| wanted[place].2.take());
        let blob = blob.ok_or_else(|| {
            format!(
                "splice {number}: attachment {} of item {} is not present here, or already in",
                splice.attachment, splice.item
            )
        })?;
        taken.push(Splice { offset: splice.offset, blob: blob.clone() });
    }
    if let Some((item, attachment, _)) = wanted.iter().find(|(.., blob)| blob.is_some()) {
        return Err(format!("attachment {attachment} of item {item} is left out"));
    }
    let message_id = Arc::from(outline.message_id);
    Ok(Message { skeleton: skeleton.into(), splices: taken.into(), message_id })
}

/// A message that breaks a rule: its items are parked, the batch goes on.
fn bad_message(why: &str, items: &[u32], batch: &Batch<'_>, call: &Call<'_>) -> Failure {
    let first = items.first().map_or(0, |item| *item);
    let id = batch.items.get(first as usize).map_or("", |item| item.item.id.as_str());
    let message = format!(
        "{} wrote a message for item {first} (`{}`) that is not delivered: {why}",
        call.plugin,
        printable(cut(id, 80))
    );
    Failure::new("plugin-bad-output", NextMove::Reject, message)
        .hint(format!("report this to the author of `{}`; after an update: `chancery parked retry`", call.plugin.name))
}

fn refused(failure: converter::Failure, call: &Call<'_>) -> Converted {
    let code = if is_code(&failure.code) { failure.code } else { "plugin-error".to_owned() };
    let message = format!("from {}: {}", call.plugin, printable(cut(&failure.message, MESSAGE_BYTES_MAX)));
    Converted { items: sorted(&failure.items), result: Err(Failure::new(code, NextMove::Reject, message)) }
}

#[cfg(test)]
mod tests;
