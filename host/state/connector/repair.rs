//! Repairs: a delivered copy that is written again, and the act of looking.

use std::borrow::Cow;

use super::{ConnectorState, Writing, commit::previous};
use crate::state::{
    acts::Act,
    error::StateError,
    fact::Fact,
    limits::TOKEN_BYTES_MAX,
    plan::{CopyKey, Repair, Repaired},
    sidecar::Private,
};

impl ConnectorState {
    /// Records in the connector's own ledger who did what about it; everything in it is private.
    pub fn record_act(&self, act: &Act) -> Result<(), StateError> {
        self.write(|writing| {
            let [actor, verb, subject, reason] =
                [&act.actor, &act.verb, &act.subject, &act.reason].map(|text| Cow::Borrowed(text.as_str()));
            let (sealed, entry) = writing.seal(0, None, Private::Act { actor, verb, subject, reason })?;
            writing.fact(&Fact::Acted { sealed }, Some(entry))
        })
    }
}

/// Records that a delivered copy is about to be written again.
pub(super) fn begin(writing: &mut Writing<'_>, repair: &Repair) -> Result<(), StateError> {
    if repair.reason.trim().is_empty() || repair.actor.trim().is_empty() {
        return Err(StateError::reason_missing("a repair"));
    }
    let CopyKey { ordinal, copy } = repair.copy;
    let previous = previous(writing, ordinal)?;
    if let Some(entry) = &previous
        && writing.inner.open_entry(ordinal.0, entry, |_| ())?.is_none()
    {
        return Err(StateError::refused("item-erased", format!("item {} was erased and is not repaired", ordinal.0)));
    }
    let decision = Private::Decision { actor: Cow::Borrowed(&repair.actor), reason: Cow::Borrowed(&repair.reason) };
    let (sealed, entry) = writing.seal(ordinal.0, previous, decision)?;
    let fact = Fact::RepairIntended { ordinal: ordinal.0, copy, sha256: repair.sha256, sealed };
    writing.fact(&fact, Some(entry))?;
    writing.inner.repairs.insert(repair.copy);
    Ok(())
}

/// Records how a repair ended.
pub(super) fn end(writing: &mut Writing<'_>, repaired: &Repaired) -> Result<(), StateError> {
    let CopyKey { ordinal, copy } = repaired.copy;
    if repaired.token.len() > TOKEN_BYTES_MAX {
        let what =
            format!("the token of copy {copy} of item {} is over the limit of {TOKEN_BYTES_MAX} bytes", ordinal.0);
        return Err(StateError::refused("token-too-large", what));
    }
    if !writing.inner.repairs.remove(&repaired.copy) {
        let what = format!("the repair of copy {copy} of item {} was never begun", ordinal.0);
        return Err(StateError::refused("repair-unknown", what));
    }
    let named = if repaired.token.is_empty() {
        None
    } else {
        let previous = previous(writing, ordinal)?;
        let tokens = vec![(copy, Cow::Borrowed(repaired.token.as_slice()))];
        Some(writing.seal(ordinal.0, previous, Private::Tokens(tokens))?)
    };
    let (sealed, entry) = named.unzip();
    let fact = Fact::RepairReceived { ordinal: ordinal.0, copy, outcome: repaired.outcome.number(), sealed };
    writing.fact(&fact, entry)
}
