//! Where the bytes of a lost copy still are.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    sync::Arc,
};

use crate::{
    destinations::Delivery,
    item::{BlobSink, BlobSource, Failure, Interval, Message, Page, Resolution, limits},
    pipeline::{
        attempt::attempt,
        convert::{self, Rendering},
        map::{Doubt, Mapped, MappedCopy, MappedItem},
        turn::{DestinationSlot, PullRequest, Reading, Turn, blocking},
    },
    state::{CopyKey, CopyStep, ItemPrivate, ItemRow, Receipted, Target, WindowId, WindowKind},
};

/// A missing copy as the ledger knows its item.
pub(super) struct Lost {
    pub(super) receipted: Receipted,
    pub(super) row: ItemRow,
    private: ItemPrivate,
    /// Why what was tried so far did not help.
    pub(super) why: Option<String>,
}

impl Lost {
    /// Keeps the first reason: what was tried first should have worked.
    pub(super) fn why_not(&mut self, code: &str) {
        self.why.get_or_insert_with(|| code.to_owned());
    }
}

/// A copy with the bytes that were delivered.
pub(super) struct Ready {
    pub(super) receipted: Receipted,
    pub(super) delivery: Delivery,
}

/// Reads what is known of some copies. What was erased meanwhile is not among them.
pub(super) async fn load(turn: &Turn, copies: &[Receipted]) -> Result<Vec<Lost>, Failure> {
    let copies = copies.to_vec();
    turn.with_state(move |state| {
        let mut lost = Vec::with_capacity(copies.len());
        for receipted in copies {
            let ordinal = receipted.copy.ordinal;
            let Some(private) = state.item_private(ordinal)? else { continue };
            lost.push(Lost { receipted, row: state.item(ordinal)?, private, why: None });
        }
        Ok(lost)
    })
    .await
}

/// Takes those copies out whose staged page gives the bytes that were delivered.
pub(super) async fn from_stage(
    turn: &Turn,
    slot: &DestinationSlot,
    address: &str,
    lost: &mut Vec<Lost>,
) -> Result<Vec<Ready>, Failure> {
    let mut by_page: BTreeMap<[u8; 32], Vec<(usize, usize)>> = BTreeMap::new();
    for (at, lost) in lost.iter().enumerate() {
        by_page.entry(lost.row.page_name).or_default().push((at, lost.row.position as usize));
    }
    let mut ready = HashMap::new();
    for (name, items) in by_page {
        // Gone after its days, or not to be had just now: there are other ways.
        let Ok(page) = turn.staged_page(name).await else { continue };
        render(turn, slot, address, page, &items, lost, &mut ready).await?;
    }
    Ok(taken(lost, ready, address))
}

/// Takes those copies out whose bytes another mailbox holds, as many as fit into memory.
pub(super) async fn from_other_mailboxes(
    turn: &Turn,
    slot: &DestinationSlot,
    address: &str,
    lost: &mut Vec<Lost>,
) -> Result<Vec<Ready>, Failure> {
    let mut places: BTreeMap<(u16, &str), HashSet<[u8; 32]>> = BTreeMap::new();
    for Lost { receipted, row, private, .. } in lost.iter() {
        for (copy, target) in row.copies.iter().zip(&private.targets) {
            if let (CopyStep::Done(_), Target::Mailbox(other)) = (&copy.state, target)
                && (copy.destination, &**other) != (slot.number, address)
            {
                places.entry((copy.destination, other)).or_default().insert(receipted.sha256);
            }
        }
    }
    let mut held: HashMap<[u8; 32], Vec<u8>> = HashMap::new();
    let mut held_bytes = 0;
    for ((number, other), mut wanted) in places {
        let Some(other_slot) = turn.destinations.iter().find(|slot| slot.number == number) else { continue };
        wanted.retain(|sha256| !held.contains_key(sha256));
        if wanted.is_empty() {
            continue;
        }
        let mut keep = |sha256: [u8; 32], bytes: &[u8]| -> io::Result<()> {
            if held.is_empty() || held_bytes + bytes.len() <= limits::REPAIR_BYTES_MAX {
                held_bytes += bytes.len();
                held.insert(sha256, bytes.to_vec());
            }
            Ok(())
        };
        if let Err(failure) = other_slot.destination.read_back(other, wanted, &mut keep).await {
            let (connector, code) = (&turn.connector, &failure.code);
            tracing::warn!(connector, code, "{failure}; a mailbox that may hold what another lost is left out");
        }
    }
    let mut ready = HashMap::new();
    for (at, lost) in lost.iter().enumerate() {
        if let Some(bytes) = held.get(&lost.receipted.sha256)
            && let Some(id) = message_id(bytes)
        {
            let message = Message { skeleton: bytes.as_slice().into(), splices: Arc::new([]), message_id: id.into() };
            ready.insert(at, message);
        }
    }
    Ok(taken(lost, ready, address))
}

/// Asks the source for the next page of a window, and takes those copies out that it gives the delivered bytes of. Also
/// says where the next page begins. The page is staged, since its attachments are read from there; nothing refers to it,
/// so it goes with the next start.
pub(super) async fn from_source(
    turn: &Turn,
    slot: &DestinationSlot,
    address: &str,
    window: WindowId,
    cursor: Option<Vec<u8>>,
    lost: &mut Vec<Lost>,
) -> Result<(Vec<Ready>, Option<Vec<u8>>), Failure> {
    let row = turn.with_state(move |state| state.window(window)).await?;
    let lookback_ms = if row.kind == WindowKind::Live { turn.lookback_ms } else { 0 };
    let reading = match (&row.subject, row.interval.start_ms) {
        (Some(path), _) => Reading::File(path.clone()),
        (None, Some(start_ms)) => Reading::Window(Interval {
            start_ms: Some(start_ms.saturating_sub(lookback_ms)),
            end_ms: row.interval.end_ms,
        }),
        (None, None) => return Ok((Vec::new(), None)),
    };
    let bookmark = turn.with_state(|state| state.bookmark()).await?;
    let asked = attempt(turn, false, || async {
        let draft = turn.stage.page();
        let blobs: Arc<dyn BlobSink> = Arc::clone(&draft) as _;
        let request = PullRequest {
            reading: &reading,
            account: &turn.account,
            bookmark: bookmark.as_deref(),
            cursor: cursor.as_deref(),
            max_items: limits::PAGE_ITEMS_MAX,
        };
        Ok((turn.source.lock().await.pull(request, blobs).await?, draft))
    })
    .await;
    let (page, draft) = match asked {
        Ok(pulled) => pulled,
        Err((failure, _)) => {
            let of_window = lost.iter_mut().filter(|lost| lost.row.window == window);
            of_window.for_each(|lost| lost.why_not(&failure.code));
            return Ok((Vec::new(), None));
        }
    };
    let page = Arc::new(page);
    let mut items = Vec::new();
    for (at, lost) in lost.iter().enumerate().filter(|(_, lost)| lost.row.window == window) {
        let Lost { row, private, .. } = lost;
        let is_it = |item: &crate::item::Item| {
            let owner = item.owner.map(|owner| &page.people[owner as usize].id);
            (&item.id, item.event, item.revision) == (&private.id, row.event, private.revision)
                && owner == private.owner.as_ref()
        };
        items.extend(page.items.iter().position(is_it).map(|position| (at, position)));
    }
    let next = page.cursor.clone();
    let mut ready = HashMap::new();
    if !items.is_empty() {
        let staged = Arc::clone(&page);
        blocking(move || draft.commit(&staged)).await?;
        render(turn, slot, address, page, &items, lost, &mut ready).await?;
    }
    Ok((taken(lost, ready, address), next))
}

/// Converts items of a page for one mailbox; those of which the bytes are those that were delivered are `ready`.
async fn render(
    turn: &Turn,
    slot: &DestinationSlot,
    address: &str,
    page: Arc<Page>,
    items: &[(usize, usize)],
    lost: &mut [Lost],
    ready: &mut HashMap<usize, Message>,
) -> Result<(), Failure> {
    let address: Arc<str> = Arc::from(address);
    let mapped = |(at, position): &(usize, usize)| {
        let Lost { receipted, private, .. } = &lost[*at];
        let CopyKey { ordinal, copy: number } = receipted.copy;
        // The addresses that were known when it was planned, as the delivered message shows them.
        let shown = private.resolutions.iter().map(|resolution| match resolution {
            Resolution::Mailbox(address) => Some(Arc::from(address.as_str())),
            Resolution::Outside | Resolution::Broken { .. } => None,
        });
        let copy = MappedCopy { number, destination: slot.number, mailbox: Arc::clone(&address), doubt: Doubt::None };
        MappedItem { ordinal, position: *position, mailboxes: shown.collect(), copies: vec![copy] }
    };
    let fits = items.iter().filter(|(_, position)| *position < page.items.len());
    let fits: Vec<(usize, usize)> = fits.copied().collect();
    let mapped = Mapped { page, items: fits.iter().map(mapped).collect(), plans: Vec::new() };
    let converted = match convert::convert(turn, mapped).await {
        Ok(converted) => converted,
        Err(failure) => {
            fits.iter().for_each(|(at, _)| lost[*at].why_not(&failure.code));
            return Ok(());
        }
    };
    for ((at, _), item) in fits.into_iter().zip(converted.items) {
        let rendering = item.renderings.into_iter().find(|(number, _)| *number == slot.number);
        match rendering {
            Some((_, Rendering::Message { message, .. })) => {
                let blobs: Arc<dyn BlobSource> = Arc::clone(&turn.stage) as _;
                let hashed = message.clone();
                let hashing = tokio::task::spawn_blocking(move || hashed.sha256(&*blobs));
                match hashing.await {
                    Ok(Ok(sha256)) if sha256 == lost[at].receipted.sha256 => drop(ready.insert(at, message)),
                    Ok(Ok(_)) => lost[at].why_not("repair-differs"),
                    _ => lost[at].why_not("stage-attachment-lost"),
                }
            }
            Some((_, Rendering::Failed(reason))) => lost[at].why_not(&reason.code),
            None => lost[at].why_not("destination-gone"),
        }
    }
    Ok(())
}

/// Takes out what is ready.
fn taken(lost: &mut Vec<Lost>, mut ready: HashMap<usize, Message>, address: &str) -> Vec<Ready> {
    let address: Arc<str> = Arc::from(address);
    let mut taken = Vec::with_capacity(ready.len());
    let mut at = 0;
    lost.retain(|lost| {
        let message = ready.remove(&at);
        at += 1;
        let (Some(message), Some(received_at_ms)) = (message, lost.private.sent_at_ms) else { return true };
        let delivery = Delivery { mailbox: Arc::clone(&address), message, received_at_ms };
        taken.push(Ready { receipted: lost.receipted, delivery });
        false
    });
    taken
}

/// The Message-ID of a message that our own sandbox let through: it stands there once, in `<…>`.
fn message_id(message: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"message-id:";
    let header = message.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(message, |end| &message[..end]);
    let is_it = |at: usize| {
        (at == 0 || header[at - 1] == b'\n')
            && header.get(at..at + NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    };
    let value = &header[(0..header.len()).find(|at| is_it(*at))? + NAME.len()..];
    let open = value.iter().position(|byte| *byte == b'<')?;
    let close = open + value[open..].iter().position(|byte| *byte == b'>')?;
    std::str::from_utf8(&value[open..=close]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_read_from_the_header_alone() {
        for (message, expect) in [
            ("Message-ID: <a@b>\r\nSubject: x\r\n\r\n", Some("<a@b>")),
            ("Subject: x\r\nmessage-id:\r\n <a@b>\r\n\r\n", Some("<a@b>")),
            ("Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", None),
            ("X-Message-ID: <a@b>\r\n\r\n", None),
            ("Message-ID: <a", None),
            ("", None),
        ] {
            assert_eq!(message_id(message.as_bytes()), expect, "{message:?}");
        }
    }
}
