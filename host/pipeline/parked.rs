//! Parked copies that are tried again after something was mended.
//!
//! A retry asks the mapper anew for what had no mailbox, converts from the staged page, and delivers what is now
//! possible and nothing else: copies that were delivered before are not touched.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    deliver,
    load::Load,
    map::{self, Doubt, MappedCopy, MappedItem, Planner},
    settle,
    stage::StagedItem,
    turn::{Turn, blocking},
    window,
};
use crate::{
    item::{Failure, Page, Resolution, TimestampMs},
    state::{CopyKey, CopyRow, CopyStep, Group, ItemRow, Ordinal, ParkedRow, Standing, Target, WindowId},
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

/// What a retry did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Parked copies and items looked at.
    pub tried: u64,
    /// Copies that are parked no more.
    pub freed: u64,
    /// Copies and items that are parked still, or again.
    pub still_parked: u64,
}

/// Rows read from the state at a time.
const ROWS_MAX: usize = 1_000;

/// Reasons that a mended mapping frees: the mailbox is asked for anew.
const ABOUT_THE_MAILBOX: &[&str] = &["mailbox-denied", "mailbox-gone", "mailbox-unknown"];

/// What of each item is to be tried, in the order of the items.
type Chosen = BTreeMap<Ordinal, BTreeSet<u16>>;

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
                let mut by_page: BTreeMap<[u8; 32], Chosen> = BTreeMap::new();
                for CopyKey { ordinal, copy } in rows.iter().filter(|row| selected.holds(row)).map(|row| row.key) {
                    let chosen = by_page.entry(state.item(ordinal)?.page_name).or_default();
                    chosen.entry(ordinal).or_default().insert(copy);
                }
                Ok((by_page, last))
            })
            .await?;
        for (page_name, chosen) in by_page {
            retry_page(turn, page_name, chosen, &mut retried).await?;
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
    believable_until_ms: TimestampMs,
}

async fn retry_page(turn: &Turn, page_name: [u8; 32], chosen: Chosen, retried: &mut Retried) -> Result<(), Failure> {
    let page = turn.staged_page(page_name).await?;
    let (state, ordinals) = (Arc::clone(&turn.state), chosen.keys().copied().collect::<Vec<_>>());
    let items = blocking(move || {
        let mut items = Vec::with_capacity(ordinals.len());
        for ordinal in ordinals {
            let row = state.item(ordinal)?;
            // Erased: there is nothing left to deliver.
            let Some(private) = state.item_private(ordinal)? else { continue };
            let believable_until_ms = window::believable_until_ms(state.window(row.window)?.interval);
            items.push(ParkedItem {
                row,
                targets: private.targets,
                resolutions: private.resolutions,
                believable_until_ms,
            });
        }
        Ok(items)
    })
    .await?;
    let mut facts = Group::new();
    let mut mapped = Vec::new();
    let mut windows: BTreeSet<WindowId> = BTreeSet::new();
    for item in items {
        windows.insert(item.row.window);
        if let Some(copies) = chosen.get(&item.row.ordinal) {
            mapped.extend(free(turn, &page, item, copies, &mut facts).await?);
        }
    }
    turn.with_state(move |state| state.commit(facts)).await?;
    let mut load = Load::default();
    load.add(turn, map::Mapped { page, items: mapped, plans: Vec::new() }).await?;
    load.close(turn).await?;
    let delivered = deliver::deliver(turn, load).await?;
    settle::settle(turn, delivered).await?;
    let done = turn
        .with_state(move |state| {
            windows.into_iter().try_for_each(|window| state.seal_if_settled(window).map(drop))?;
            chosen
                .iter()
                .map(|(ordinal, copies)| Ok(outcome(&state.item(*ordinal)?, copies)))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    for Retried { tried, freed, still_parked } in done {
        retried.tried += tried;
        retried.freed += freed;
        retried.still_parked += still_parked;
    }
    Ok(())
}

/// What became of the chosen copies of an item. One that was parked as a whole has the copies of its new plan.
fn outcome(row: &ItemRow, chosen: &BTreeSet<u16>) -> Retried {
    let is_parked = |copy: &CopyRow| matches!(copy.state, CopyStep::Parked { .. });
    let was_whole = chosen.contains(&CopyKey::WHOLE);
    let of_copies = (0_u16..).zip(&row.copies).filter(|(number, _)| was_whole || chosen.contains(number));
    let (parked, freed): (Vec<_>, Vec<_>) = of_copies.partition(|(_, copy)| is_parked(copy));
    Retried {
        tried: chosen.len() as u64,
        freed: freed.len() as u64,
        still_parked: parked.len() as u64 + u64::from(row.parked.is_some()),
    }
}

/// Finds out what of an item can go on now, and records it.
async fn free(
    turn: &Turn,
    page: &Page,
    parked: ParkedItem,
    chosen: &BTreeSet<u16>,
    facts: &mut Group,
) -> Result<Option<MappedItem>, Failure> {
    let ordinal = parked.row.ordinal;
    let position = parked.row.position as usize;
    let Some(item) = page.items.get(position) else {
        return Ok(None); // The source could not read it; only a new reading can help.
    };
    // Its own copies and those of its other observations are there already.
    let of = match parked.row.standing {
        Standing::Duplicate { of, .. } => of,
        Standing::New(_) | Standing::Seen { .. } => ordinal,
    };
    let staged = [StagedItem { ordinal, position, of: Some(of), planned: None }];
    let now = map::resolve(turn, page, &staged).await?;
    if parked.row.parked.is_some() {
        let mut planner = Planner::load(turn, &staged, &now, parked.believable_until_ms).await?;
        let (plan, mapped) = planner.plan(turn, page, &staged[0], now.into_iter().flatten().collect());
        if mapped.is_some() {
            facts.replan_item(plan);
        }
        return Ok(mapped);
    }
    let now: Vec<Resolution> = now.into_iter().flatten().collect();
    let resolved = |id: &str| {
        let at = item.participants.iter().position(|&person| page.people[person as usize].id == id)?;
        now.get(at)
    };
    let mut reached: HashSet<(u16, [u8; 16])> =
        turn.with_state(move |state| Ok(state.reached(of)?.into_iter().collect())).await?;
    let mut copies = Vec::new();
    for (number, (copy, target)) in (0..).zip(parked.row.copies.iter().zip(&parked.targets)) {
        let (true, CopyStep::Parked { code }) = (chosen.contains(&number), &copy.state) else { continue };
        let mailbox = match target {
            Target::Mailbox(address) if ABOUT_THE_MAILBOX.contains(&&**code) => {
                let elsewhere = elsewhere(address, &parked.resolutions, &now);
                let mended = match elsewhere {
                    Some(other) => canonical(turn, other, copy.destination).await?,
                    None => None,
                };
                Some(mended.unwrap_or_else(|| address.clone()))
            }
            Target::Mailbox(address) => Some(address.clone()),
            Target::Person(id) => match resolved(id) {
                Some(Resolution::Mailbox(address)) => canonical(turn, address, copy.destination).await?,
                _ => None,
            },
        };
        let Some(mailbox) = mailbox else { continue };
        let key = CopyKey { ordinal, copy: number };
        let is_elsewhere = *target != Target::Mailbox(mailbox.clone());
        if is_elsewhere && !reached.insert((copy.destination, turn.state.mailbox_key(&mailbox))) {
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
            sent_in: None,
        });
    }
    if copies.is_empty() {
        return Ok(None);
    }
    // The message shows the addresses that were known when it was first planned, so that every mailbox holds the same
    // bytes.
    let shown = parked.resolutions.iter().map(|resolution| match resolution {
        Resolution::Mailbox(address) => Some(Arc::from(address.as_str())),
        Resolution::Outside | Resolution::Broken { .. } => None,
    });
    Ok(Some(MappedItem { ordinal, position, mailboxes: shown.collect(), copies }))
}

/// Where those whose mailbox this was are mapped now; none when one of them still is mapped there, or nobody is mapped.
fn elsewhere<'a>(address: &str, then: &[Resolution], now: &'a [Resolution]) -> Option<&'a str> {
    let whose = then.iter().zip(now).filter(|(then, _)| matches!(then, Resolution::Mailbox(was) if was == address));
    let now: Vec<&str> = whose
        .filter_map(|(_, now)| match now {
            Resolution::Mailbox(address) => Some(&**address),
            Resolution::Outside | Resolution::Broken { .. } => None,
        })
        .collect();
    if now.contains(&address) { None } else { now.first().copied() }
}

async fn canonical(turn: &Turn, address: &str, destination: u16) -> Result<Option<String>, Failure> {
    let known = turn.directory.find(&[address.to_owned()]).await?.pop().flatten();
    Ok(known.and_then(|(name, has)| {
        let slot = turn.destinations.iter().position(|slot| slot.number == destination)?;
        has.get(slot).copied().unwrap_or(false).then(|| name.to_string())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_left_only_when_nobody_is_mapped_there_any_more() {
        let mailbox = |address: &str| Resolution::Mailbox(address.to_owned());
        let broken = || Resolution::Broken { code: "mailbox-unknown".to_owned(), message: String::new() };
        let then = [mailbox("a"), mailbox("b"), mailbox("a"), Resolution::Outside];
        for (now, expect) in [
            ([mailbox("a"), mailbox("b"), mailbox("a"), Resolution::Outside], None),
            ([mailbox("c"), mailbox("b"), mailbox("a"), Resolution::Outside], None),
            ([mailbox("c"), mailbox("b"), broken(), Resolution::Outside], Some("c")),
            ([broken(), mailbox("b"), mailbox("d"), Resolution::Outside], Some("d")),
            ([broken(), mailbox("c"), broken(), mailbox("c")], None),
        ] {
            assert_eq!(elsewhere("a", &then, &now), expect, "{now:?}");
        }
    }
}
