//! The drafts of people, in memory: one each, few, and not for long.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::Found;
use crate::{
    item::{
        TimestampMs,
        limits::{SESSION_TIME_MAX, SETUP_DRAFTS_MAX},
    },
    setup::Draft,
};

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Drafts(Mutex<BTreeMap<String, Kept>>);

#[derive(Debug)]
struct Kept {
    draft: Draft,
    found: Option<Found>,
    at_ms: TimestampMs,
}

impl Drafts {
    /// A person's draft and what was found last; a new one when there is none.
    pub(super) fn of(&self, whose: &str, now_ms: TimestampMs) -> (Draft, Option<Found>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| u128::from(now_ms.abs_diff(kept.at_ms)) < SESSION_TIME_MAX.as_millis());
        kept.get(whose).map(|kept| (kept.draft.clone(), kept.found.clone())).unwrap_or_default()
    }

    /// Keeps a draft in place of the one before.
    pub(super) fn keep(&self, whose: &str, draft: Draft, found: Option<Found>, now_ms: TimestampMs) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SETUP_DRAFTS_MAX && !kept.contains_key(whose) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.at_ms).map(|(whose, _)| whose.clone());
            oldest.map(|oldest| kept.remove(&oldest));
        }
        kept.insert(whose.to_owned(), Kept { draft, found, at_ms: now_ms });
    }

    /// Forgets a person's draft, its secrets with it.
    pub(super) fn forget(&self, whose: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(whose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_are_few_and_end() {
        let drafts = Drafts::default();
        let found = || Some(Found { title: "x".into(), ..Found::default() });
        for number in 0..=SETUP_DRAFTS_MAX {
            drafts.keep(&number.to_string(), Draft::default(), found(), i64::try_from(number).unwrap_or_default());
        }
        assert!(drafts.of("0", 100).1.is_none(), "the oldest went");
        assert!(drafts.of("1", 100).1.is_some());
        drafts.forget("1");
        assert!(drafts.of("1", 100).1.is_none());
        let late_ms = i64::try_from(SESSION_TIME_MAX.as_millis()).unwrap_or_default() + 100;
        assert!(drafts.of("2", late_ms).1.is_none());
    }
}
