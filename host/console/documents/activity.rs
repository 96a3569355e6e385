//! Who did what and when.

use serde::Serialize;

use crate::{
    item::{Failure, TimestampMs},
    scheduler::Host,
    state::Act,
};

/// Some acts, newest first.
#[derive(Debug, Serialize)]
pub(in crate::console) struct ActivityDocument {
    /// The acts.
    pub(in crate::console) acts: Vec<ActDocument>,
    /// The number to ask `before`, for older ones.
    pub(in crate::console) before: Option<usize>,
}

/// An act.
#[derive(Debug, Serialize)]
pub(in crate::console) struct ActDocument {
    /// Its number, from 1.
    pub(in crate::console) number: usize,
    /// When, in milliseconds since 1970 (UTC).
    pub(in crate::console) at_ms: TimestampMs,
    /// Who.
    pub(in crate::console) actor: String,
    /// Did what.
    pub(in crate::console) verb: String,
    /// To what.
    pub(in crate::console) subject: String,
    /// Why.
    pub(in crate::console) reason: String,
}

/// The acts before a number, at most so many, in whose words this stands.
///
/// # Errors
/// When the ledger of acts cannot be read.
pub(in crate::console) fn read(
    host: &Host,
    words: &str,
    before: Option<usize>,
    max: usize,
) -> Result<ActivityDocument, Failure> {
    let words = words.trim().to_lowercase();
    let holds = |act: &Act| {
        words.is_empty()
            || [&act.actor, &act.verb, &act.subject, &act.reason]
                .iter()
                .any(|text| text.to_lowercase().contains(&words))
    };
    let acts = (1_usize..).zip(host.state.acts()?);
    let mut acts: Vec<ActDocument> = acts
        .filter(|(number, act)| before.is_none_or(|before| *number < before) && holds(act))
        .map(|(number, Act { at_ms, actor, verb, subject, reason })| ActDocument {
            number,
            at_ms,
            actor,
            verb,
            subject,
            reason,
        })
        .collect();
    let older = acts.len().saturating_sub(max);
    acts.drain(..older);
    acts.reverse();
    let before = acts.last().filter(|_| older > 0).map(|act| act.number);
    Ok(ActivityDocument { acts, before })
}
