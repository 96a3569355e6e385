//! Parked copies that are tried again after something was mended.
//!
//! A retry asks the mapper anew for what had no mailbox, converts from the staged page, and delivers what is now
//! possible and nothing else: copies that were delivered before are not touched.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    convert, deliver,
    map::{Doubt, MappedCopy, MappedItem},
    settle,
    turn::{Step, Turn, blocking},
};
use crate::{
    item::{Failure, Page, Question, Resolution},
    state::{CopyKey, CopyStep, Group, ItemRow, Ordinal, ParkReason, ParkedRow, Plan, PlannedCopy, Target, WindowId},
};

/// Which parked things to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those with this reason code.
    pub reason: Option<String>,
    /// Only this item.
    pub item: Option<Ordinal>,
}

impl Selection {
    /// Whether a parked row is meant.
    pub fn holds(&self, row: &ParkedRow) -> bool {
        self.reason.as_ref().is_none_or(|code| *code == row.code)
            && self.item.is_none_or(|item| item == row.key.ordinal)
    }
}

/// What a retry did, in copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Looked at.
    pub tried: u64,
    /// On their way or delivered now.
    pub freed: u64,
    /// Still parked.
    pub still_parked: u64,
}

/// Rows read from the state at a time.
const ROWS_MAX: usize = 1_000;

/// Tries the selected parked copies again.
///
/// # Errors
/// The failure that ended it; what was freed before stays so.
pub async fn retry(turn: &Turn, selection: &Selection) -> Result<Retried, Failure> {
    let mut retried = Retried::default();
    let mut after = None;
    loop {
        let selected = selection.clone();
        let (by_page, last) = turn
            .with_state(move |state| {
                let rows = state.parked(after, ROWS_MAX)?;
                let last = rows.last().map(|row| row.key);
                let mut by_page: BTreeMap<[u8; 32], Vec<Ordinal>> = BTreeMap::new();
                for row in rows.into_iter().filter(|row| selected.holds(row)) {
                    let ordinals = by_page.entry(state.item(row.key.ordinal)?.page_name).or_default();
                    if ordinals.last() != Some(&row.key.ordinal) {
                        ordinals.push(row.key.ordinal);
                    }
                }
                Ok((by_page, last))
            })
            .await?;
        for (page_name, ordinals) in by_page {
            retry_page(turn, page_name, ordinals, &mut retried).await?;
        }
        match last {
            Some(position) => after = Some(position),
            None => return Ok(retried),
        }
    }
}

/// A parked item as the ledger has it.
struct ParkedItem {
    row: ItemRow,
    targets: Vec<Target>,
    resolutions: Vec<Resolution>,
}

async fn retry_page(
    turn: &Turn,
    page_name: [u8; 32],
    ordinals: Vec<Ordinal>,
    retried: &mut Retried,
) -> Result<(), Failure> {
    let (state, stage) = (Arc::clone(&turn.state), Arc::clone(&turn.stage));
    let (page, items) = blocking(move || {
        let page = Arc::new(stage.read_page(&page_name)?);
        let mut items = Vec::with_capacity(ordinals.len());
        for ordinal in ordinals {
            let row = state.item(ordinal)?;
            // Erased: there is nothing left to deliver.
            let Some(private) = state.item_private(ordinal)? else { continue };
            items.push(ParkedItem { row, targets: private.targets, resolutions: private.resolutions });
        }
        Ok((page, items))
    })
    .await?;
    let mut facts = Group::new();
    let mut mapped = Vec::new();
    let mut windows: Vec<WindowId> = Vec::new();
    for item in items {
        if !windows.contains(&item.row.window) {
            windows.push(item.row.window);
        }
        mapped.extend(free(turn, &page, item, &mut facts, retried).await?);
    }
    turn.with_state(move |state| state.commit(facts)).await?;
    let planned = super::map::Mapped { page, items: mapped, plans: Vec::new() };
    let converted = convert::convert(turn, planned).await?;
    let delivered = deliver::deliver(turn, converted).await?;
    settle::settle(turn, delivered).await?;
    turn.with_state(move |state| windows.into_iter().try_for_each(|window| state.seal_if_settled(window).map(drop)))
        .await
}

/// Finds out what of an item can go on now, and records it.
async fn free(
    turn: &Turn,
    page: &Page,
    parked: ParkedItem,
    facts: &mut Group,
    retried: &mut Retried,
) -> Result<Option<MappedItem>, Failure> {
    let ordinal = parked.row.ordinal;
    let Some(item) = page.items.get(parked.row.position as usize) else {
        retried.tried += 1;
        retried.still_parked += 1;
        return Ok(None); // The source could not read it; only a new reading can help.
    };
    let questions: Vec<Question<'_>> = item
        .participants
        .iter()
        .map(|&person| Question { person: &page.people[person as usize], at_ms: item.sent_at_ms })
        .collect();
    let now = turn.mapper.lock().await.resolve(&questions, &turn.directory).await?;
    let resolved = |id: &str| {
        let at = item.participants.iter().position(|&person| page.people[person as usize].id == id)?;
        now.get(at)
    };
    let mut reached: HashSet<(u16, [u8; 16])> =
        turn.with_state(move |state| Ok(state.reached(ordinal)?.into_iter().collect())).await?;
    let mut copies = Vec::new();
    if parked.row.parked.is_some() {
        retried.tried += 1;
        let plan = whole(turn, ordinal, &now, &reached).await?;
        match plan {
            Some((plan, freed)) => {
                retried.freed += freed.len() as u64;
                copies = freed;
                facts.replan_item(plan);
            }
            None => retried.still_parked += 1,
        }
    }
    for (number, (copy, target)) in (0..).zip(parked.row.copies.iter().zip(&parked.targets)) {
        let CopyStep::Parked { code } = &copy.state else { continue };
        retried.tried += 1;
        let mailbox = match target {
            Target::Mailbox(address) => Some(address.clone()),
            Target::Person(id) => match resolved(id) {
                Some(Resolution::Mailbox(address)) => canonical(turn, address, copy.destination).await?,
                _ => None,
            },
        };
        let Some(mailbox) = mailbox else {
            retried.still_parked += 1;
            continue;
        };
        retried.freed += 1;
        let key = CopyKey { ordinal, copy: number };
        let is_person = matches!(target, Target::Person(_));
        if is_person && !reached.insert((copy.destination, turn.state.mailbox_key(&mailbox))) {
            facts.discard(key, "the mailbox has the item through another participant", "chancery");
            continue;
        }
        facts.unpark_copy(key, Target::Mailbox(mailbox.clone()));
        copies.push(MappedCopy {
            number,
            destination: copy.destination,
            mailbox: mailbox.into(),
            // It may have been sent before it was parked. A file of its name with other bytes, though, is not it.
            doubt: if code == "mailbox-conflict" { Doubt::None } else { Doubt::Earlier },
        });
    }
    turn.progress.advanced(Step::Staged, 0);
    if copies.is_empty() {
        return Ok(None);
    }
    // The message shows the addresses that were known when it was first planned, so that every mailbox holds the same
    // bytes; people who had none then are shown with their mailbox only when nobody got the message before.
    let shown = if parked.row.parked.is_some() { &now } else { &parked.resolutions };
    let mailboxes = shown
        .iter()
        .map(|resolution| match resolution {
            Resolution::Mailbox(address) => Some(Arc::from(address.as_str())),
            Resolution::Outside | Resolution::Broken { .. } => None,
        })
        .collect();
    Ok(Some(MappedItem { ordinal, position: parked.row.position as usize, mailboxes, copies }))
}

/// A new plan for an item that was parked as a whole, when it now has a mailbox.
async fn whole(
    turn: &Turn,
    ordinal: Ordinal,
    resolutions: &[Resolution],
    reached: &HashSet<(u16, [u8; 16])>,
) -> Result<Option<(Plan, Vec<MappedCopy>)>, Failure> {
    let mut planned: Vec<PlannedCopy> = Vec::new();
    let mut mapped: Vec<MappedCopy> = Vec::new();
    let addresses = resolutions.iter().filter_map(|resolution| match resolution {
        Resolution::Mailbox(address) => Some(address.clone()),
        Resolution::Outside | Resolution::Broken { .. } => None,
    });
    for address in addresses.collect::<BTreeSet<_>>() {
        for slot in &turn.destinations {
            let Some(mailbox) = canonical(turn, &address, slot.number).await? else { continue };
            if reached.contains(&(slot.number, turn.state.mailbox_key(&mailbox))) {
                continue;
            }
            let Ok(number) = u16::try_from(planned.len()) else { break };
            mapped.push(MappedCopy {
                number,
                destination: slot.number,
                mailbox: mailbox.as_str().into(),
                doubt: Doubt::None,
            });
            planned.push(PlannedCopy {
                destination: slot.number,
                target: Target::Mailbox(mailbox),
                parked: None::<ParkReason>,
            });
        }
    }
    let plan = Plan { ordinal, resolutions: resolutions.to_vec(), copies: planned, parked: None, excluded: None };
    Ok((!mapped.is_empty()).then_some((plan, mapped)))
}

async fn canonical(turn: &Turn, address: &str, destination: u16) -> Result<Option<String>, Failure> {
    let known = turn.directory.find(&[address.to_owned()]).await?.pop().flatten();
    Ok(known.and_then(|(name, has)| {
        let slot = turn.destinations.iter().position(|slot| slot.number == destination)?;
        has.get(slot).copied().unwrap_or(false).then(|| name.to_string())
    }))
}
