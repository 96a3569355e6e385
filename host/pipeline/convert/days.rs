//! Messages that cover a conversation's day: what a mailbox gets of it at once.
//!
//! Pages are held until a window's are all there, or as many as memory is meant for; then each mailbox gets one message for
//! each conversation and UTC day, over exactly the items that it has a copy of, and those that get the same items share
//! it. A copy that comes later makes a message of its own, a supplement; what was sent is never written anew.
//!
//! Which items a message covers is in the ledger: all its copies have an intent of the same SHA-256, committed together.
//! After a crash these are put together again by it, so that the message that is looked for is the one that was sent.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{Rendering, TOO_LARGE, batch, batch::Wanted, failed, within};
use crate::{
    item::{Failure, Page, TimestampMs, limits, time::DAY_MS},
    pipeline::{
        crash,
        load::Digest as Sha256,
        map::{Doubt, MappedItem},
        policy::Decision,
        turn::{Converted as Answer, Turn},
    },
    state::CopyKey,
};

/// One message for one mailbox.
pub(in crate::pipeline) struct Digest {
    pub(in crate::pipeline) destination: u16,
    pub(in crate::pipeline) mailbox: Arc<str>,
    /// One of each item it covers.
    pub(in crate::pipeline) copies: Vec<CopyKey>,
    /// When the last of them happened.
    pub(in crate::pipeline) received_at_ms: TimestampMs,
    pub(in crate::pipeline) doubt: Doubt,
    pub(in crate::pipeline) rendering: Rendering,
    /// Of the message, shared by all who get it.
    pub(in crate::pipeline) sha256: Sha256,
}

/// Pages whose items wait for the rest of their days.
#[derive(Default)]
pub(in crate::pipeline) struct Days {
    pages: Vec<(Arc<Page>, Vec<MappedItem>)>,
    copies: usize,
    bytes: usize,
}

/// An item of the pages held.
#[derive(Clone, Copy)]
struct Held<'a> {
    page: &'a Page,
    mapped: &'a MappedItem,
}

impl Held<'_> {
    fn sent_at_ms(&self) -> TimestampMs {
        self.page.items[self.mapped.position].sent_at_ms
    }
}

/// Whose messages belong together, and what they are about.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    conversation: &'a str,
    day: i64,
    destination: u16,
    mailbox: &'a Arc<str>,
    sent_in: Option<[u8; 32]>,
}

/// Items that one message is to cover, and who gets it.
struct Composition<'a> {
    conversation: &'a str,
    limit: Option<u64>,
    /// In order of time; indices into the items held.
    items: Vec<usize>,
    text_bytes: usize,
    recipients: Vec<Recipient<'a>>,
    /// It was sent like this: it must not be put together otherwise.
    is_sent: bool,
    /// What it was converted with failed: it goes by itself.
    is_suspect: bool,
}

struct Recipient<'a> {
    destination: u16,
    mailbox: &'a Arc<str>,
    /// As `items`.
    copies: Vec<(CopyKey, Doubt)>,
}

impl Days {
    /// Takes a page's items.
    pub(in crate::pipeline) fn hold(&mut self, page: Arc<Page>, items: Vec<MappedItem>) {
        self.copies += items.iter().map(|item| item.copies.len()).sum::<usize>();
        let bytes_of = |mapped: &MappedItem| {
            let item = &page.items[mapped.position];
            text_bytes(Held { page: &page, mapped }) + item.original.as_ref().map_or(0, Vec::len)
        };
        self.bytes += items.iter().map(bytes_of).sum::<usize>();
        if !items.is_empty() {
            self.pages.push((page, items));
        }
    }

    /// Whether there is so much that it must be converted before more comes.
    ///
    /// Taken up after a crash, pages weigh what is left of them, so that no message that was sent is cut.
    pub(in crate::pipeline) fn are_full(&self) -> bool {
        self.copies >= limits::LOAD_COPIES_MAX || self.bytes >= limits::DAYS_BYTES_MAX
    }

    /// The messages of all that is held, in order of time.
    pub(in crate::pipeline) async fn convert(self, turn: &Turn) -> Result<Vec<Digest>, Failure> {
        let held = self.pages.iter().flat_map(|(page, items)| items.iter().map(|mapped| Held { page, mapped }));
        let held: Vec<Held<'_>> = held.collect();
        let mut writer = Writer { turn, held: &held, digests: Vec::new(), failed: BTreeMap::new() };
        let mut open = compositions(&held, |destination| limit_of(turn, destination));
        while !open.is_empty() {
            let together = take_batch(&mut open);
            open.extend(writer.write(together).await?);
        }
        let Writer { mut digests, failed, .. } = writer;
        let codes: Vec<&str> = failed.values().map(String::as_str).collect();
        turn.brakes.converter.note(codes.len() as u64, held.len() as u64, codes)?;
        digests.sort_by_key(|digest| digest.received_at_ms);
        crash::point("convert:converted");
        Ok(digests)
    }
}

fn text_bytes(Held { page, mapped }: Held<'_>) -> usize {
    let item = &page.items[mapped.position];
    [&item.text, &item.previous_text].into_iter().flatten().map(String::len).sum()
}

/// Which messages there are to be. Those with the same items and limit are one.
fn compositions<'a>(held: &[Held<'a>], limit_of: impl Fn(u16) -> Option<u64>) -> Vec<Composition<'a>> {
    let mut of_mailbox: BTreeMap<Key<'a>, Vec<(usize, CopyKey, Doubt)>> = BTreeMap::new();
    for (at, Held { page, mapped }) in held.iter().enumerate() {
        let item = &page.items[mapped.position];
        for copy in &mapped.copies {
            let key = Key {
                conversation: &page.conversations[item.conversation as usize].id,
                day: item.sent_at_ms.div_euclid(DAY_MS),
                destination: copy.destination,
                mailbox: &copy.mailbox,
                sent_in: copy.sent_in,
            };
            let copy_key = CopyKey { ordinal: mapped.ordinal, copy: copy.number };
            of_mailbox.entry(key).or_default().push((at, copy_key, copy.doubt));
        }
    }
    let mut known: HashMap<(Option<u64>, Vec<usize>), usize> = HashMap::new();
    let mut compositions: Vec<Composition<'a>> = Vec::new();
    for (key, mut copies) in of_mailbox {
        // Two copies of one item for one mailbox go the ways they came.
        let mut further = Vec::new();
        let mut met = HashSet::new();
        copies.retain(|copy| {
            met.insert(copy.0) || {
                further.push(vec![*copy]);
                false
            }
        });
        copies.sort_by_key(|(at, key, _)| (held[*at].sent_at_ms(), key.ordinal));
        let limit = limit_of(key.destination);
        let is_sent = key.sent_in.is_some();
        let cut = if is_sent { vec![copies] } else { cut(held, limit, copies) };
        for copies in cut.into_iter().chain(further) {
            let items: Vec<usize> = copies.iter().map(|(at, ..)| *at).collect();
            let recipient = Recipient {
                destination: key.destination,
                mailbox: key.mailbox,
                copies: copies.into_iter().map(|(_, key, doubt)| (key, doubt)).collect(),
            };
            let at = *known.entry((limit, items)).or_insert_with_key(|(_, items)| {
                compositions.push(Composition {
                    conversation: key.conversation,
                    limit,
                    text_bytes: items.iter().map(|at| text_bytes(held[*at])).sum(),
                    items: items.clone(),
                    recipients: Vec::new(),
                    is_sent: false,
                    is_suspect: false,
                });
                compositions.len() - 1
            });
            compositions[at].is_sent |= is_sent;
            compositions[at].recipients.push(recipient);
        }
    }
    compositions
}

fn limit_of(turn: &Turn, destination: u16) -> Option<u64> {
    let slot = turn.destinations.iter().find(|slot| slot.number == destination);
    slot.and_then(|slot| slot.destination.capabilities().message_bytes_max)
}

type Sorted = Vec<(usize, CopyKey, Doubt)>;

/// Cuts a mailbox's day into what one message holds: by items, by their text, and by the bytes of their files.
fn cut(held: &[Held<'_>], limit: Option<u64>, copies: Sorted) -> Vec<Sorted> {
    let files_max = limit.unwrap_or(u64::MAX).min(limits::DIGEST_FILES_BYTES_MAX);
    let mut parts: Vec<Sorted> = Vec::new();
    let (mut text, mut files) = (0, 0);
    for copy in copies {
        let Held { page, mapped } = held[copy.0];
        let wanted = Wanted::new(page, mapped, limit);
        text += wanted.text_bytes();
        files += wanted.attachment_bytes();
        match parts.last_mut() {
            Some(part)
                if part.len() < limits::CONVERT_ITEMS_MAX
                    && text <= limits::CONVERT_BYTES_MAX
                    && files + text as u64 <= files_max =>
            {
                part.push(copy);
            }
            _ => {
                (text, files) = (wanted.text_bytes(), wanted.attachment_bytes());
                parts.push(vec![copy]);
            }
        }
    }
    parts
}

/// Takes out what one call converts: of each conversation one message, since it tells them apart by their conversation and
/// day, and sees nothing of another's title.
fn take_batch<'a>(open: &mut Vec<Composition<'a>>) -> Vec<Composition<'a>> {
    let (mut items, mut text) = (0, 0);
    let mut conversations = HashSet::new();
    let mut is_closed = false;
    let (together, left) = std::mem::take(open).into_iter().partition(|composition: &Composition<'a>| {
        let fits = items == 0
            || (!composition.is_suspect
                && items + composition.items.len() <= limits::CONVERT_ITEMS_MAX
                && text + composition.text_bytes <= limits::CONVERT_BYTES_MAX);
        if is_closed || !fits || !conversations.insert(composition.conversation) {
            return false;
        }
        is_closed = composition.is_suspect;
        items += composition.items.len();
        text += composition.text_bytes;
        true
    });
    *open = left;
    together
}

struct Writer<'a> {
    turn: &'a Turn,
    held: &'a [Held<'a>],
    digests: Vec<Digest>,
    /// Items that could not be written, and why.
    failed: BTreeMap<usize, String>,
}

impl<'a> Writer<'a> {
    /// Writes what one call converts. Returns what must be tried otherwise: by itself, or in halves.
    async fn write(&mut self, together: Vec<Composition<'a>>) -> Result<Vec<Composition<'a>>, Failure> {
        let places: Vec<(usize, usize)> = together
            .iter()
            .enumerate()
            .flat_map(|(number, composition)| (0..composition.items.len()).map(move |at| (number, at)))
            .collect();
        let wanted: Vec<Wanted<'_>> = places
            .iter()
            .map(|(number, at)| {
                let Held { page, mapped } = self.held[together[*number].items[*at]];
                Wanted::new(page, mapped, together[*number].limit)
            })
            .collect();
        let answers = match batch::convert(self.turn, &wanted).await {
            Ok(answers) => answers,
            Err((_, Decision::Park)) if together.len() > 1 => {
                let alone = |composition| Composition { is_suspect: true, ..composition };
                return Ok(together.into_iter().map(alone).collect());
            }
            Err((failure, Decision::Park)) => {
                let items = (0..wanted.len() as u32).collect();
                vec![Answer { items, result: Err(failure) }]
            }
            Err((failure, Decision::Wait(_) | Decision::EndTurn)) => return Err(failure),
        };
        let mut again = Vec::new();
        for answer in answers {
            let of: Vec<(usize, usize)> = answer.items.iter().map(|item| places[*item as usize]).collect();
            let Some(&(number, _)) = of.first() else { continue };
            let is_partial = answer.items.iter().any(|item| wanted[*item as usize].is_partial());
            let rendering = if of.iter().all(|(other, _)| *other == number) {
                rendering(&answer, is_partial, together[number].limit)
            } else {
                mixed()
            };
            for (number, items) in by_composition(&of) {
                let composition = together[number].only(&items);
                if matches!(rendering, Rendering::Failed(_)) && items.len() > 1 && !composition.is_sent {
                    again.extend(composition.halves());
                } else {
                    self.done(composition, &rendering);
                }
            }
        }
        Ok(again)
    }

    fn done(&mut self, composition: Composition<'a>, rendering: &Rendering) {
        if let Rendering::Failed(reason) = rendering
            && reason.code != TOO_LARGE
        {
            self.failed.extend(composition.items.iter().map(|at| (*at, reason.code.clone())));
        }
        let times = composition.items.iter().map(|at| self.held[*at].sent_at_ms());
        let received_at_ms = times.max().unwrap_or_default();
        let sha256 = Sha256::default();
        for Recipient { destination, mailbox, copies } in composition.recipients {
            let doubt = |is: Doubt| copies.iter().any(|(_, doubt)| *doubt == is).then_some(is);
            self.digests.push(Digest {
                destination,
                mailbox: Arc::clone(mailbox),
                received_at_ms,
                doubt: doubt(Doubt::Sent).or(doubt(Doubt::Earlier)).unwrap_or(Doubt::None),
                copies: copies.into_iter().map(|(key, _)| key).collect(),
                rendering: rendering.clone(),
                sha256: Arc::clone(&sha256),
            });
        }
    }
}

impl<'a> Composition<'a> {
    /// The part of it that is about some of its items.
    fn only(&self, places: &[usize]) -> Self {
        let recipients = self.recipients.iter().map(|recipient| Recipient {
            destination: recipient.destination,
            mailbox: recipient.mailbox,
            copies: places.iter().map(|at| recipient.copies[*at]).collect(),
        });
        Self {
            conversation: self.conversation,
            limit: self.limit,
            items: places.iter().map(|at| self.items[*at]).collect(),
            text_bytes: self.text_bytes,
            recipients: recipients.collect(),
            is_sent: self.is_sent,
            is_suspect: self.is_suspect,
        }
    }

    fn halves(&self) -> [Self; 2] {
        let places: Vec<usize> = (0..self.items.len()).collect();
        let (first, second) = places.split_at(places.len() / 2);
        [self.only(first), self.only(second)]
    }
}

/// Which composition each of an answer's items is of.
fn by_composition(of: &[(usize, usize)]) -> BTreeMap<usize, Vec<usize>> {
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, at) in of {
        places.entry(*number).or_default().push(*at);
    }
    places
}

fn rendering(answer: &Answer, partial: bool, limit: Option<u64>) -> Rendering {
    match &answer.result {
        Ok(message) => within(Rendering::Message { message: message.clone(), partial }, limit),
        Err(failure) => failed(failure),
    }
}

/// One message over two conversations or days.
fn mixed() -> Rendering {
    let message = "the converter wrote one message over items of two conversations or days".to_owned();
    Rendering::Failed(crate::state::ParkReason { code: "plugin-bad-output".to_owned(), message })
}

#[cfg(test)]
mod tests;
