//! People who were sent to another side to sign in there, and are awaited back: few, each taken once, and not for long.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use secrecy::{ExposeSecret as _, SecretString};

use crate::item::{
    TimestampMs,
    limits::{OPENID_ATTEMPT_TIME_MAX, OPENID_ATTEMPTS_MAX},
};

/// What belongs to each, by the state that comes back with them.
#[derive(Debug)]
pub(in crate::console) struct Returning<T>(Mutex<BTreeMap<String, (T, TimestampMs)>>);

impl<T> Default for Returning<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Returning<T> {
    /// Awaits one.
    pub(in crate::console) fn keep(&self, state: &SecretString, what: T, now_ms: TimestampMs) {
        let mut awaited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.retain(|_, (_, at_ms)| is_in_time(*at_ms, now_ms));
        if awaited.len() >= OPENID_ATTEMPTS_MAX {
            let oldest = awaited.iter().min_by_key(|(_, (_, at_ms))| *at_ms).map(|(state, _)| state.clone());
            oldest.map(|oldest| awaited.remove(&oldest));
        }
        awaited.insert(state.expose_secret().to_owned(), (what, now_ms));
    }

    /// Takes one, once.
    pub(in crate::console) fn take(&self, state: &SecretString, now_ms: TimestampMs) -> Option<T> {
        let mut awaited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (what, at_ms) = awaited.remove(state.expose_secret())?;
        is_in_time(at_ms, now_ms).then_some(what)
    }
}

fn is_in_time(at_ms: TimestampMs, now_ms: TimestampMs) -> bool {
    u128::from(now_ms.abs_diff(at_ms)) < OPENID_ATTEMPT_TIME_MAX.as_millis()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn one_is_taken_once_and_not_late() {
        let awaited = Returning::default();
        let state = |text: &str| SecretString::from(text.to_owned());
        awaited.keep(&state("a"), "/x", 0);
        assert_eq!(awaited.take(&state("a"), 1), Some("/x"));
        assert!(awaited.take(&state("a"), 1).is_none());
        awaited.keep(&state("b"), "/", 0);
        assert!(awaited.take(&state("b"), i64::try_from(OPENID_ATTEMPT_TIME_MAX.as_millis()).unwrap()).is_none());
        for number in 0..2 * OPENID_ATTEMPTS_MAX {
            awaited.keep(&state(&number.to_string()), "/", i64::try_from(number).unwrap());
        }
        assert!(awaited.0.lock().unwrap().len() <= OPENID_ATTEMPTS_MAX);
    }
}
