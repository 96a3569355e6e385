//! Where the bytes of a lost copy still are.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    sync::Arc,
};

use crate::{
    destinations::Delivery,
    item::{BlobSink, BlobSource, Failure, Interval, Message, Page, Resolution, descriptor::Grouping, limits},
    pipeline::{
        attempt::attempt,
        convert::{self, ConvertedItem, Rendering, days::Days},
        map::{Doubt, MappedCopy, MappedItem},
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

/// Bytes that were delivered, and the copies that were delivered with them: of one item, or of those of a digest.
pub(super) struct Ready {
    pub(super) receipted: Vec<Receipted>,
    pub(super) delivery: Delivery,
}

/// Pages held while their items are put together again.
const PAGES_HELD_MAX: usize = 8;

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

/// Takes those copies out whose staged pages give the bytes that were delivered.
pub(super) async fn from_stage(
    turn: &Turn,
    slot: &DestinationSlot,
    address: &str,
    lost: &mut Vec<Lost>,
) -> Result<Vec<Ready>, Failure> {
    let mut ready = HashMap::new();
    let mut pages: HashMap<[u8; 32], Arc<Page>> = HashMap::new();
    for items in together(turn, lost) {
        let mut found: Vec<(usize, Arc<Page>, usize)> = Vec::with_capacity(items.len());
        for at in items {
            let (name, position) = (lost[at].row.page_name, lost[at].row.position as usize);
            let page = match pages.get(&name) {
                Some(page) => Arc::clone(page),
                None => {
                    // Gone after its days, or not to be had just now: there are other ways.
                    let Ok(page) = turn.staged_page(name).await else { continue };
                    if pages.len() >= PAGES_HELD_MAX {
                        pages.clear();
                    }
                    pages.insert(name, Arc::clone(&page));
                    page
                }
            };
            found.push((at, page, position));
        }
        render(turn, slot, address, &found, lost, &mut ready).await?;
    }
    Ok(taken(lost, ready, address))
}

/// What is converted at once: a page's copies, or where messages cover several items, those of one message.
fn together(turn: &Turn, lost: &[Lost]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<([u8; 32], [u8; 32]), Vec<usize>> = BTreeMap::new();
    for (at, lost) in lost.iter().enumerate() {
        let key = match turn.grouping {
            Grouping::Item => (lost.row.page_name, [0; 32]),
            Grouping::ConversationDay => ([0; 32], lost.receipted.sha256),
        };
        groups.entry(key).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_unstable(); // neighbours share their pages
    groups
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
        items.extend(page.items.iter().position(is_it).map(|position| (at, Arc::clone(&page), position)));
    }
    // Of a message over several items this page must have all: the next one may be another day's.
    let here: HashMap<[u8; 32], usize> = count(items.iter().map(|(at, ..)| lost[*at].receipted.sha256));
    let all: HashMap<[u8; 32], usize> = count(lost.iter().map(|lost| lost.receipted.sha256));
    items.retain(|(at, ..)| here.get(&lost[*at].receipted.sha256) == all.get(&lost[*at].receipted.sha256));
    let next = page.cursor.clone();
    let mut ready = HashMap::new();
    if !items.is_empty() {
        let staged = Arc::clone(&page);
        blocking(move || draft.commit(&staged)).await?;
        render(turn, slot, address, &items, lost, &mut ready).await?;
    }
    Ok((taken(lost, ready, address), next))
}

fn count(of: impl Iterator<Item = [u8; 32]>) -> HashMap<[u8; 32], usize> {
    let mut counts = HashMap::new();
    of.for_each(|sha256| *counts.entry(sha256).or_default() += 1);
    counts
}

/// Converts items for one mailbox: which copy, and where its item stands. Those of which the bytes are those that were
/// delivered are `ready`.
async fn render(
    turn: &Turn,
    slot: &DestinationSlot,
    address: &str,
    items: &[(usize, Arc<Page>, usize)],
    lost: &mut [Lost],
    ready: &mut HashMap<usize, Message>,
) -> Result<(), Failure> {
    let address: Arc<str> = Arc::from(address);
    let mut at_of: HashMap<CopyKey, usize> = HashMap::new();
    let mut pages: Vec<(Arc<Page>, Vec<MappedItem>)> = Vec::new();
    for (at, page, position) in items.iter().filter(|(_, page, position)| *position < page.items.len()) {
        let Lost { receipted, private, .. } = &lost[*at];
        let CopyKey { ordinal, copy: number } = receipted.copy;
        at_of.insert(receipted.copy, *at);
        // The addresses that were known when it was planned, as the delivered message shows them.
        let shown = private.resolutions.iter().map(|resolution| match resolution {
            Resolution::Mailbox(address) => Some(Arc::from(address.as_str())),
            Resolution::Outside | Resolution::Broken { .. } => None,
        });
        let copy = MappedCopy {
            number,
            destination: slot.number,
            mailbox: Arc::clone(&address),
            doubt: Doubt::None,
            sent_in: Some(receipted.sha256),
        };
        let mapped = MappedItem { ordinal, position: *position, mailboxes: shown.collect(), copies: vec![copy] };
        match pages.iter_mut().find(|(known, _)| Arc::ptr_eq(known, page)) {
            Some((_, items)) => items.push(mapped),
            None => pages.push((Arc::clone(page), vec![mapped])),
        }
    }
    let written = match written(turn, slot, pages).await {
        Ok(written) => written,
        Err(failure) => {
            at_of.into_values().for_each(|at| lost[at].why_not(&failure.code));
            return Ok(());
        }
    };
    for (copies, rendering) in written {
        let mut why_not = |code: &str| {
            copies.iter().filter_map(|copy| at_of.get(copy)).for_each(|at| lost[*at].why_not(code));
        };
        match rendering {
            Some(Rendering::Message { message, .. }) => {
                let blobs: Arc<dyn BlobSource> = Arc::clone(&turn.stage) as _;
                let hashed = message.clone();
                let hashing = tokio::task::spawn_blocking(move || hashed.sha256(&*blobs));
                let Ok(Ok(sha256)) = hashing.await else {
                    why_not("stage-attachment-lost");
                    continue;
                };
                for at in copies.iter().filter_map(|copy| at_of.get(copy)) {
                    if lost[*at].receipted.sha256 == sha256 {
                        ready.insert(*at, message.clone());
                    } else {
                        lost[*at].why_not("repair-differs");
                    }
                }
            }
            Some(Rendering::Failed(reason)) => why_not(&reason.code),
            None => why_not("destination-gone"),
        }
    }
    Ok(())
}

/// The messages of some items, as they go to a destination: which copies each is for, and what came of it.
async fn written(
    turn: &Turn,
    slot: &DestinationSlot,
    pages: Vec<(Arc<Page>, Vec<MappedItem>)>,
) -> Result<Vec<(Vec<CopyKey>, Option<Rendering>)>, Failure> {
    if turn.grouping == Grouping::ConversationDay {
        let mut days = Days::default();
        pages.into_iter().for_each(|(page, items)| days.hold(page, items));
        let digests = days.convert(turn).await?;
        return Ok(digests.into_iter().map(|digest| (digest.copies, Some(digest.rendering))).collect());
    }
    let mut written = Vec::new();
    for (page, items) in pages {
        for ConvertedItem { item, renderings } in convert::convert(turn, &page, items).await? {
            let keys = item.copies.iter().map(|copy| CopyKey { ordinal: item.ordinal, copy: copy.number });
            let rendering = renderings.into_iter().find(|(number, _)| *number == slot.number);
            written.push((keys.collect(), rendering.map(|(_, rendering)| rendering)));
        }
    }
    Ok(written)
}

/// Takes out what is ready; copies that were delivered with the same bytes go with them again.
fn taken(lost: &mut Vec<Lost>, mut ready: HashMap<usize, Message>, address: &str) -> Vec<Ready> {
    let address: Arc<str> = Arc::from(address);
    let mut taken: Vec<Ready> = Vec::with_capacity(ready.len());
    let mut place_of: HashMap<[u8; 32], usize> = HashMap::with_capacity(ready.len());
    let mut at = 0;
    lost.retain(|lost| {
        let message = ready.remove(&at);
        at += 1;
        let (Some(message), Some(sent_at_ms)) = (message, lost.private.sent_at_ms) else { return true };
        let place = *place_of.entry(lost.receipted.sha256).or_insert_with(|| {
            let delivery = Delivery { mailbox: Arc::clone(&address), message, received_at_ms: sent_at_ms };
            taken.push(Ready { receipted: Vec::new(), delivery });
            taken.len() - 1
        });
        let Ready { receipted, delivery } = &mut taken[place];
        receipted.push(lost.receipted);
        delivery.received_at_ms = delivery.received_at_ms.max(sent_at_ms);
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
