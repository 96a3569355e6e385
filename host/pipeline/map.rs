//! `map`: finds the mailboxes of a page's participants and plans the copies.
//!
//! A plan is made once and stands in the ledger; an item that was planned before keeps its plan, so that the same
//! bytes go to the same mailboxes whatever the mapping says by now.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    attempt::attempt,
    brake::Brake,
    crash,
    stage::{EarlierPlan, Staged, StagedItem},
    turn::Turn,
};
use crate::{
    item::{Failure, Item, Page, Question, Resolution, TimestampMs, limits, scope::Scope},
    state::{CopyStep, Ordinal, ParkReason, Plan, PlannedCopy, Target},
};

/// A page whose items have their copies.
pub(super) struct Mapped {
    pub(super) page: Arc<Page>,
    pub(super) items: Vec<MappedItem>,
    /// Plans that are not in the ledger yet; committed with the first intents.
    pub(super) plans: Vec<Plan>,
}

/// An item with copies still to be delivered.
pub(super) struct MappedItem {
    pub(super) ordinal: Ordinal,
    pub(super) position: usize,
    /// One for each of the item's participants.
    pub(super) mailboxes: Vec<Option<Arc<str>>>,
    pub(super) copies: Vec<MappedCopy>,
}

/// A copy still to be delivered.
#[derive(Clone)]
pub(super) struct MappedCopy {
    /// Its number within the item.
    pub(super) number: u16,
    /// The destination's number.
    pub(super) destination: u16,
    pub(super) mailbox: Arc<str>,
    pub(super) doubt: Doubt,
    /// SHA-256 of the message that it was sent in, where it was: what else was in that message can be told by it.
    pub(super) sent_in: Option<[u8; 32]>,
}

/// Whether a copy may be in its mailbox already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It cannot: it was never sent.
    None,
    /// Its intent is durable, its receipt is not: if it is there, it is the one we sent.
    Sent,
    /// It may have come before in a way that the ledger does not say: it was parked, or records were lost. If it is
    /// there, there is nothing to do.
    Earlier,
}

/// Plans what is not planned yet.
pub(super) async fn map(turn: &Turn, staged: Staged) -> Result<Mapped, Failure> {
    let Staged { page, items, believable_until_ms, .. } = staged;
    let (planned, fresh): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.planned.is_some());
    let resolutions = resolve(turn, &page, &fresh).await?;
    let broken_codes = resolutions.iter().filter_map(|answers| answers.iter().find_map(broken_by_the_mapper));
    let broken_codes: Vec<&str> = broken_codes.collect();
    turn.brakes.mapper.note(broken_codes.len() as u64, fresh.len() as u64, broken_codes)?;
    let mut planner = Planner::load(turn, &fresh, &resolutions, believable_until_ms).await?;
    let mut mapped = Mapped {
        items: planned.into_iter().filter_map(taken_up).collect(),
        plans: Vec::with_capacity(fresh.len()),
        page: Arc::clone(&page),
    };
    for (staged, resolutions) in fresh.into_iter().zip(resolutions) {
        let (plan, item) = planner.plan(turn, &page, &staged, resolutions);
        mapped.plans.push(plan);
        mapped.items.extend(item);
    }
    crash::point("map:planned");
    Ok(mapped)
}

/// The code of an answer that is not about the mapping's own rows and mailboxes.
fn broken_by_the_mapper(answer: &Resolution) -> Option<&str> {
    match answer {
        Resolution::Broken { code, .. } if Brake::counts(code) => Some(code),
        Resolution::Broken { .. } | Resolution::Mailbox(_) | Resolution::Outside => None,
    }
}

/// Asks the mapper for every participant of the fresh items. Items that are unreadable have none.
pub(super) async fn resolve(turn: &Turn, page: &Page, fresh: &[StagedItem]) -> Result<Vec<Vec<Resolution>>, Failure> {
    let mut mapper = turn.mapper.lock().await;
    let depends_on_time = mapper.depends_on_time();
    let mut questions: Vec<Question<'_>> = Vec::new();
    let mut asked: HashMap<(u32, i64), usize> = HashMap::new();
    let mut answers_of = Vec::with_capacity(fresh.len());
    for staged in fresh {
        let item = page.items.get(staged.position);
        let indices = item.map_or(&[][..], |item| &item.participants).iter().map(|&person| {
            let at_ms = item.map_or(0, |item| item.sent_at_ms);
            let key = (person, if depends_on_time { at_ms } else { 0 });
            *asked.entry(key).or_insert_with(|| {
                questions.push(Question { person: &page.people[person as usize], at_ms });
                questions.len() - 1
            })
        });
        answers_of.push(indices.collect::<Vec<usize>>());
    }
    if questions.is_empty() {
        return Ok(vec![Vec::new(); fresh.len()]);
    }
    let mapper = tokio::sync::Mutex::new(&mut *mapper);
    let answers = attempt(turn, false, || async { mapper.lock().await.resolve(&questions, &turn.directory).await })
        .await
        .map_err(|(failure, _)| failure)?;
    Ok(answers_of
        .into_iter()
        .map(|indices| indices.into_iter().map(|index| answers[index].clone()).collect())
        .collect())
}

/// Decides which copies an item gets.
pub(super) struct Planner {
    believable_until_ms: TimestampMs,
    /// Which destinations have which mailbox.
    destinations_of: HashMap<String, (Arc<str>, Vec<bool>)>,
    catch_all: Option<String>,
    /// Who has a copy already, of items that are met again.
    reached: HashMap<Ordinal, HashSet<(u16, [u8; 16])>>,
}

impl Planner {
    pub(super) async fn load(
        turn: &Turn,
        fresh: &[StagedItem],
        resolutions: &[Vec<Resolution>],
        believable_until_ms: TimestampMs,
    ) -> Result<Self, Failure> {
        let mut addresses: Vec<String> = resolutions
            .iter()
            .flatten()
            .filter_map(|resolution| match resolution {
                Resolution::Mailbox(address) => Some(address.clone()),
                Resolution::Outside | Resolution::Broken { .. } => None,
            })
            .chain(turn.catch_all.clone())
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let found = turn.directory.find(&addresses).await?;
        let destinations_of = addresses.into_iter().zip(found).filter_map(|(address, known)| Some((address, known?)));
        let originals: HashSet<Ordinal> = fresh.iter().filter_map(|staged| staged.of).collect();
        let mut reached = HashMap::new();
        if !originals.is_empty() {
            reached = turn
                .with_state(move |state| {
                    originals.into_iter().map(|of| Ok((of, state.reached(of)?.into_iter().collect()))).collect()
                })
                .await?;
        }
        Ok(Self {
            believable_until_ms,
            destinations_of: destinations_of.collect(),
            catch_all: turn.catch_all.clone(),
            reached,
        })
    }

    pub(super) fn plan(
        &mut self,
        turn: &Turn,
        page: &Page,
        staged: &StagedItem,
        resolutions: Vec<Resolution>,
    ) -> (Plan, Option<MappedItem>) {
        let ordinal = staged.ordinal;
        let Some(item) = page.items.get(staged.position) else {
            return (parked_whole(ordinal, unreadable_reason(page, staged.position)), None);
        };
        if item.sent_at_ms > self.believable_until_ms {
            let ahead_hours = limits::ITEM_AHEAD_MAX.as_secs() / 3600;
            let message = format!("it says that it happened more than {ahead_hours} hours after the end of its window");
            return (parked_whole(ordinal, ParkReason { code: "absurd-time".to_owned(), message }), None);
        }
        // A further observation of an item that is left out brings no copies of its own.
        let excluded = turn.scope.excludes(item.event, &page.conversations[item.conversation as usize]);
        let mut copies = match excluded {
            None => self.copies(turn, page, item, &resolutions),
            Some(_) => Vec::new(),
        };
        let mapped = copies.len();
        copies.retain(|copy| match &copy.target {
            Target::Mailbox(address) => turn.scope.has_mailbox(address),
            Target::Person(_) => true,
        });
        let excluded = excluded.or((mapped > 0 && copies.is_empty()).then_some(Scope::MAILBOXES));
        if let Some(rule) = excluded.filter(|_| staged.of.is_none()) {
            let excluded = Some(rule.to_owned());
            return (Plan { ordinal, resolutions, copies: Vec::new(), parked: None, excluded }, None);
        }
        let key_of = |target: &Target| match target {
            Target::Mailbox(address) => turn.state.mailbox_key(address),
            Target::Person(id) => turn.state.person_key(id),
        };
        if let Some(of) = staged.of {
            let reached = self.reached.entry(of).or_default();
            copies.retain(|copy| reached.insert((copy.destination, key_of(&copy.target))));
        } else {
            // Later observations in this same page must see these copies, which are not in the ledger yet.
            self.reached
                .entry(ordinal)
                .or_default()
                .extend(copies.iter().map(|copy| (copy.destination, key_of(&copy.target))));
        }
        let parked = (copies.is_empty() && staged.of.is_none()).then(|| self.unmapped());
        let mailboxes = self.mailboxes(&resolutions);
        let to_deliver = copies.iter().enumerate().filter_map(|(number, copy)| match (&copy.target, &copy.parked) {
            (Target::Mailbox(address), None) => Some(MappedCopy {
                number: u16::try_from(number).ok()?,
                destination: copy.destination,
                mailbox: self
                    .destinations_of
                    .get(address)
                    .map_or_else(|| address.as_str().into(), |(name, _)| Arc::clone(name)),
                doubt: Doubt::None,
                sent_in: None,
            }),
            _ => None,
        });
        let to_deliver: Vec<MappedCopy> = to_deliver.collect();
        let mapped = (!to_deliver.is_empty()).then_some(MappedItem {
            ordinal,
            position: staged.position,
            mailboxes,
            copies: to_deliver,
        });
        (Plan { ordinal, resolutions, copies, parked, excluded: None }, mapped)
    }

    fn copies(&self, turn: &Turn, page: &Page, item: &Item, resolutions: &[Resolution]) -> Vec<PlannedCopy> {
        let mut copies: Vec<PlannedCopy> = Vec::new();
        let mut mailboxes: HashSet<&str> = HashSet::new();
        for (person, resolution) in item.participants.iter().zip(resolutions) {
            match resolution {
                Resolution::Outside => {}
                Resolution::Mailbox(address) => {
                    // It was there when the mapper asked. Whoever lost it since is parked, never left out.
                    if mailboxes.insert(address) && !self.address(turn, address, &mut copies) {
                        let message = format!("`{address}` is not a mailbox of any destination any more");
                        let reason = ParkReason { code: "mailbox-gone".to_owned(), message };
                        copies.extend(for_person(turn, &page.people[*person as usize].id, &reason));
                    }
                }
                Resolution::Broken { code, message } => {
                    let reason = ParkReason { code: code.clone(), message: message.clone() };
                    copies.extend(for_person(turn, &page.people[*person as usize].id, &reason));
                }
            }
        }
        if copies.is_empty()
            && let Some(address) = &self.catch_all
        {
            self.address(turn, address, &mut copies);
        }
        copies
    }

    /// Adds a copy for each destination that has the mailbox; false when none has it.
    fn address(&self, turn: &Turn, address: &str, copies: &mut Vec<PlannedCopy>) -> bool {
        let Some((canonical, has)) = self.destinations_of.get(address) else { return false };
        copies.extend(turn.destinations.iter().zip(has).filter(|(_, has)| **has).map(|(slot, _)| PlannedCopy {
            destination: slot.number,
            target: Target::Mailbox(canonical.to_string()),
            parked: None,
        }));
        true
    }

    /// Why an item without any copy is parked.
    fn unmapped(&self) -> ParkReason {
        match &self.catch_all {
            Some(address) => ParkReason {
                code: "mailbox-unknown".to_owned(),
                message: format!(
                    "none of its participants has a mailbox here, and `catch_all` names `{address}`, which is not a mailbox"
                ),
            },
            None => ParkReason {
                code: "unmapped".to_owned(),
                message: "none of its participants has a mailbox here".to_owned(),
            },
        }
    }

    fn mailboxes(&self, resolutions: &[Resolution]) -> Vec<Option<Arc<str>>> {
        let mailbox = |resolution: &Resolution| match resolution {
            Resolution::Mailbox(address) => self.destinations_of.get(address).map(|(name, _)| Arc::clone(name)),
            Resolution::Outside | Resolution::Broken { .. } => None,
        };
        resolutions.iter().map(mailbox).collect()
    }
}

/// A parked copy at each destination, for somebody of ours without a mailbox.
fn for_person(turn: &Turn, id: &str, reason: &ParkReason) -> impl Iterator<Item = PlannedCopy> {
    turn.destinations.iter().map(|slot| PlannedCopy {
        destination: slot.number,
        target: Target::Person(id.to_owned()),
        parked: Some(reason.clone()),
    })
}

fn parked_whole(ordinal: Ordinal, reason: ParkReason) -> Plan {
    Plan { ordinal, resolutions: Vec::new(), copies: Vec::new(), parked: Some(reason), excluded: None }
}

fn unreadable_reason(page: &Page, position: usize) -> ParkReason {
    position.checked_sub(page.items.len()).and_then(|index| page.unreadable.get(index)).map_or_else(
        || ParkReason { code: "unreadable".to_owned(), message: "the source could not read it".to_owned() },
        |unreadable| ParkReason { code: unreadable.code.clone(), message: unreadable.message.clone() },
    )
}

/// An item whose plan is in the ledger: what is left of it to do.
fn taken_up(staged: StagedItem) -> Option<MappedItem> {
    let EarlierPlan { resolutions, copies } = staged.planned?;
    let copies: Vec<MappedCopy> = (0..)
        .zip(copies)
        .filter_map(|(number, (destination, target, state))| {
            let (doubt, sent_in) = match state {
                // It may have been sent, parked, and freed by a retry that was interrupted.
                CopyStep::Planned => (Doubt::Earlier, None),
                CopyStep::Intended { sha256 } => (Doubt::Sent, Some(sha256)),
                CopyStep::Done(_) | CopyStep::Parked { .. } | CopyStep::Discarded => return None,
            };
            let Target::Mailbox(address) = target else { return None };
            Some(MappedCopy { number, destination, mailbox: address.into(), doubt, sent_in })
        })
        .collect();
    let mailboxes = resolutions
        .into_iter()
        .map(|resolution| match resolution {
            Resolution::Mailbox(address) => Some(address.into()),
            Resolution::Outside | Resolution::Broken { .. } => None,
        })
        .collect();
    (!copies.is_empty()).then_some(MappedItem { ordinal: staged.ordinal, position: staged.position, mailboxes, copies })
}
