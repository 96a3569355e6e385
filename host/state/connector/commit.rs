//! Committing: plans, intents, receipts, failures and decisions, one durable group for all of them.

use std::borrow::Cow;

use super::{ConnectorState, Writing, repair};
use crate::state::{
    error::StateError,
    fact::{CopyFact, EntryRef, Fact},
    keys::Names,
    limits::{CODE_BYTES_MAX, REMEMBERED_BYTES_MAX, TOKEN_BYTES_MAX},
    plan::{CopyKey, Group, GroupEntry, Ordinal, ParkReason, Plan, Receipt, Target},
    row::{CopyState, Row},
    sidecar::Private,
};

impl ConnectorState {
    /// Makes a group durable, all of it or nothing, then tells the index.
    ///
    /// # Errors
    /// Refuses a group that takes a step back or skips one, with nothing written; fails and stops when a write or sync
    /// fails.
    pub fn commit(&self, group: Group) -> Result<(), StateError> {
        if group.is_empty() {
            return Ok(());
        }
        self.write(|writing| {
            let mut entries = group.entries.iter().peekable();
            while let Some(entry) = entries.next() {
                match entry {
                    GroupEntry::Plan { plan, again } => self.plan(writing, plan, *again)?,
                    GroupEntry::Intent(intent) => {
                        let CopyKey { ordinal, copy } = intent.copy;
                        let again = CopyState::Intended(intent.sha256);
                        let is_known = |row: &Row| row.copies.get(usize::from(copy)).is_some_and(|copy| copy.state == again);
                        if writing.tables().look(ordinal.0, is_known)? == Some(true) {
                            continue;
                        }
                        let fact = Fact::Intended { ordinal: ordinal.0, copy, sha256: intent.sha256 };
                        writing.fact(&fact, None)?;
                    }
                    GroupEntry::Receipt(receipt) => {
                        // The receipts of one item share an entry, named by the first.
                        let mut together = vec![receipt];
                        while let Some(GroupEntry::Receipt(next)) = entries.next_if(
                            |next| matches!(next, GroupEntry::Receipt(next) if next.copy.ordinal == receipt.copy.ordinal),
                        ) {
                            together.push(next);
                        }
                        receive(writing, &together)?;
                    }
                    GroupEntry::Fail { copy, reason } => fail(writing, *copy, reason)?,
                    GroupEntry::Free { copy, target } => self.free(writing, *copy, target)?,
                    GroupEntry::Discard { copy, reason, actor } => discard(writing, *copy, reason, actor)?,
                    GroupEntry::Repair(asked) => repair::begin(writing, asked)?,
                    GroupEntry::Repaired(done) => repair::end(writing, done)?,
                }
            }
            Ok(())
        })
    }

    /// Keeps a small fact under a name, in place of an earlier one; name and value are private.
    pub fn remember(&self, key: &str, value: &[u8]) -> Result<(), StateError> {
        if value.len() > REMEMBERED_BYTES_MAX {
            let what = format!("{} bytes to remember are over the limit of {REMEMBERED_BYTES_MAX}", value.len());
            return Err(StateError::refused("remembered-too-large", what));
        }
        self.write(|writing| {
            let (sealed, entry) = writing.seal(0, None, Private::Remembered { key: key.into(), value })?;
            let fact = Fact::Remembered { key: remembered_key(&self.names, key), sealed };
            writing.fact(&fact, Some(entry))
        })
    }

    fn plan(&self, writing: &mut Writing<'_>, plan: &Plan, again: bool) -> Result<(), StateError> {
        let ordinal = plan.ordinal.0;
        let mut messages = Vec::new();
        let mut targets = Vec::with_capacity(plan.copies.len());
        let mut copies = Vec::with_capacity(plan.copies.len());
        let codes: Vec<_> =
            plan.copies.iter().map(|copy| copy.parked.as_ref().map(|reason| code(&reason.code))).collect();
        for ((index, copy), parked) in (0..).zip(&plan.copies).zip(&codes) {
            targets.push(Cow::Borrowed(&copy.target));
            if let Some(reason) = &copy.parked {
                messages.push((index, Cow::Borrowed(reason.message.as_str())));
            }
            let (person, target) = self.keyed(&copy.target);
            copies.push(CopyFact { destination: copy.destination, person, target, parked: parked.as_deref() });
        }
        if let Some(reason) = &plan.parked {
            messages.push((CopyKey::WHOLE, Cow::Borrowed(reason.message.as_str())));
        }
        let previous = previous(writing, plan.ordinal)?;
        let private = Private::Plan { resolutions: Cow::Borrowed(&plan.resolutions), targets, messages };
        let (sealed, entry) = writing.seal(ordinal, previous, private)?;
        let parked = plan.parked.as_ref().map(|reason| code(&reason.code));
        let excluded = plan.excluded.as_deref().map(rule);
        let fact = Fact::Planned { ordinal, again, parked: parked.as_deref(), excluded, copies, sealed };
        writing.fact(&fact, Some(entry))
    }

    fn free(&self, writing: &mut Writing<'_>, key: CopyKey, target: &Target) -> Result<(), StateError> {
        let previous = previous(writing, key.ordinal)?;
        let private = Private::Freed { copy: key.copy, target: Cow::Borrowed(target) };
        let (sealed, entry) = writing.seal(key.ordinal.0, previous, private)?;
        let (person, target) = self.keyed(target);
        let fact = Fact::Freed { ordinal: key.ordinal.0, copy: key.copy, person, target, sealed };
        writing.fact(&fact, Some(entry))
    }

    fn keyed(&self, target: &Target) -> (bool, [u8; 16]) {
        match target {
            Target::Mailbox(address) => (false, self.mailbox_key(address)),
            Target::Person(id) => (true, self.person_key(id)),
        }
    }
}

/// The keyed name of a remembered fact.
pub(super) fn remembered_key(names: &Names, key: &str) -> [u8; 16] {
    names.name(&[b"remembered", key.as_bytes()])
}

/// The item's newest entry so far.
pub(super) fn previous(writing: &mut Writing<'_>, ordinal: Ordinal) -> Result<Option<EntryRef>, StateError> {
    match writing.tables().look(ordinal.0, |row| row.entry)? {
        Some(entry) => Ok(entry),
        None => Err(StateError::refused("item-unknown", format!("item {} was never staged", ordinal.0))),
    }
}

fn receive(writing: &mut Writing<'_>, receipts: &[&Receipt]) -> Result<(), StateError> {
    if let Some(receipt) = receipts.iter().find(|receipt| receipt.token.len() > TOKEN_BYTES_MAX) {
        let CopyKey { ordinal, copy } = receipt.copy;
        let what =
            format!("the token of copy {copy} of item {} is over the limit of {TOKEN_BYTES_MAX} bytes", ordinal.0);
        return Err(StateError::refused("token-too-large", what));
    }
    let tokens: Vec<_> = receipts
        .iter()
        .filter(|receipt| !receipt.token.is_empty())
        .map(|receipt| (receipt.copy.copy, Cow::Borrowed(receipt.token.as_slice())))
        .collect();
    let mut named = match receipts.first() {
        Some(first) if !tokens.is_empty() => {
            let previous = previous(writing, first.copy.ordinal)?;
            Some(writing.seal(first.copy.ordinal.0, previous, Private::Tokens(tokens))?)
        }
        _ => None,
    };
    for receipt in receipts {
        let CopyKey { ordinal, copy } = receipt.copy;
        let (sealed, entry) = named.take().unzip();
        let fact = Fact::Received { ordinal: ordinal.0, copy, outcome: receipt.outcome.number(), sealed };
        writing.fact(&fact, entry)?;
    }
    Ok(())
}

fn fail(writing: &mut Writing<'_>, key: CopyKey, reason: &ParkReason) -> Result<(), StateError> {
    let previous = previous(writing, key.ordinal)?;
    let private = Private::Failed { copy: key.copy, message: Cow::Borrowed(&reason.message) };
    let (sealed, entry) = writing.seal(key.ordinal.0, previous, private)?;
    let fact = Fact::Failed { ordinal: key.ordinal.0, copy: key.copy, code: &code(&reason.code), sealed };
    writing.fact(&fact, Some(entry))
}

fn discard(writing: &mut Writing<'_>, key: CopyKey, reason: &str, actor: &str) -> Result<(), StateError> {
    if reason.trim().is_empty() || actor.trim().is_empty() {
        return Err(StateError::refused("discard-reason", "what is discarded needs a reason and who decided it"));
    }
    let previous = previous(writing, key.ordinal)?;
    let private = Private::Decision { actor: actor.into(), reason: reason.into() };
    let (sealed, entry) = writing.seal(key.ordinal.0, previous, private)?;
    let copy = (!key.is_whole()).then_some(key.copy);
    writing.fact(&Fact::Discarded { ordinal: key.ordinal.0, copy, sealed }, Some(entry))
}

/// A reason code as it is recorded. Codes come from plugins too: one of another form must not keep an item from being
/// parked, and must not carry text into what is recorded in clear.
fn code(given: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !given.is_empty() && given.len() <= CODE_BYTES_MAX && given.bytes().all(fits) {
        Cow::Borrowed(given)
    } else {
        Cow::Borrowed("other")
    }
}

/// A rule's name as it is recorded.
fn rule(given: &str) -> &str {
    &given[..given.floor_char_boundary(CODE_BYTES_MAX)]
}
