//! What an item says, from the stage. Whoever reads it is recorded first.

use serde::Serialize;

use super::state_of;
use crate::{
    item::{Content, Failure, NextMove, Person},
    scheduler::{self, Host},
    state::{ItemStep, Ordinal},
};

/// Bytes of a text that are shown.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// What an item says.
#[derive(Debug, Default, Serialize)]
pub(in crate::console) struct ContentDocument {
    /// The conversation's name.
    pub(in crate::console) conversation: Option<String>,
    /// Who sent it.
    pub(in crate::console) sender: Option<String>,
    /// Its text, cut where it is very long.
    pub(in crate::console) text: Option<String>,
    /// Its text before it was edited or taken back.
    pub(in crate::console) previous_text: Option<String>,
    /// Its files: name, kind, size.
    pub(in crate::console) attachments: Vec<String>,
}

/// What an item says.
///
/// # Errors
/// `connector-unknown`; `stage-page-lost`, and nothing is wrong with that once the item is where it belongs.
pub(in crate::console) fn read(host: &Host, name: &str, item: u64) -> Result<ContentDocument, Failure> {
    let state = state_of(host, name)?;
    let row = state.item(Ordinal(item))?;
    let stage = scheduler::stage(&host.config, &state)?;
    let keep_days = host.config.stage.keep_days;
    let page = stage.read_page(&row.page_name).map_err(|failure| match row.step {
        ItemStep::Delivered | ItemStep::Duplicate | ItemStep::Excluded => Failure::new(
            failure.code,
            NextMove::Reject,
            format!("item {item} is staged no more: what is settled is kept for {keep_days} days"),
        )
        .hint("read it in its mailbox; `stage.keep_days` says for how long the next ones are kept"),
        ItemStep::Staged | ItemStep::Pending | ItemStep::Parked => failure,
    })?;
    let position = row.position as usize;
    let Some(item) = page.items.get(position) else {
        let unreadable = position.checked_sub(page.items.len()).and_then(|place| page.unreadable.get(place));
        let unreadable = unreadable.ok_or_else(|| {
            Failure::new("stage-page-lost", NextMove::Stop, format!("the staged page of item {item} does not have it"))
        })?;
        let text = Some(cut(&String::from_utf8_lossy(&unreadable.original)));
        return Ok(ContentDocument { text, ..ContentDocument::default() });
    };
    let attachments = item.attachments.iter().map(|attachment| {
        let name = attachment.name.as_deref().unwrap_or("without a name");
        match &attachment.content {
            Content::Present(blob) => format!("{name}, {} bytes", blob.size),
            _ => format!("{name}, not there"),
        }
    });
    Ok(ContentDocument {
        conversation: page.conversations.get(item.conversation as usize).and_then(|of| of.title.clone()),
        sender: item.sender.and_then(|sender| page.people.get(sender as usize)).map(person),
        text: item.text.as_deref().map(cut),
        previous_text: item.previous_text.as_deref().map(cut),
        attachments: attachments.collect(),
    })
}

fn person(person: &Person) -> String {
    match &person.name {
        Some(name) => format!("{name} ({})", person.id),
        None => person.id.clone(),
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    if end == text.len() { text.to_owned() } else { format!("{} …", &text[..end]) }
}
