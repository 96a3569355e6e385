//! Which connectors are paused, by whom and why: acts in the host's own ledger, so that they survive restarts and need
//! no index.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    item::TimestampMs,
    state::{Act, State, StateError},
};

const PAUSE: &str = "connector pause";
const RESUME: &str = "connector resume";

/// A pause in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Who decided it.
    pub by: String,
    /// When.
    pub since_ms: TimestampMs,
    /// Why; may be empty.
    pub reason: String,
}

/// The pauses in force, by connector.
///
/// # Errors
/// When the ledger of acts cannot be read.
pub fn in_force(state: &State) -> Result<BTreeMap<String, Pause>, StateError> {
    Ok(after(state.acts()?))
}

fn after(acts: Vec<Act>) -> BTreeMap<String, Pause> {
    let mut pauses = BTreeMap::new();
    for act in acts {
        match &*act.verb {
            // A second pause changes nothing: who was first stays named.
            PAUSE => {
                let pause = Pause { by: act.actor, since_ms: act.at_ms, reason: act.reason };
                pauses.entry(act.subject).or_insert(pause);
            }
            RESUME => drop(pauses.remove(&act.subject)),
            _ => {}
        }
    }
    pauses
}

/// Pauses a connector, durably; false when it was paused already.
///
/// # Errors
/// When the ledger of acts cannot be read or written.
pub fn pause(state: &State, connector: &str, actor: &str, reason: &str) -> Result<bool, StateError> {
    change(state, connector, actor, reason, PAUSE)
}

/// Resumes a connector, durably; false when it was not paused.
///
/// # Errors
/// As [`pause`].
pub fn resume(state: &State, connector: &str, actor: &str, reason: &str) -> Result<bool, StateError> {
    change(state, connector, actor, reason, RESUME)
}

fn change(state: &State, connector: &str, actor: &str, reason: &str, verb: &str) -> Result<bool, StateError> {
    if in_force(state)?.contains_key(connector) == (verb == PAUSE) {
        return Ok(false);
    }
    state.record_act(Act {
        at_ms: 0,
        actor: actor.into(),
        verb: verb.into(),
        subject: connector.into(),
        reason: reason.into(),
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_stands_in_the_ledger_until_it_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        State::create(folder.path()).expect("a data folder");
        let open = || State::open(folder.path()).expect("a state").0;
        let state = open();
        assert!(pause(&state, "a", "anna", "the vendor works on it").expect("paused"));
        assert!(!pause(&state, "a", "bert", "again").expect("nothing to do"));
        assert!(!resume(&state, "b", "bert", "").expect("nothing to do"));
        state.close().expect("closed");
        let state = open();
        let pauses = in_force(&state).expect("read");
        let names: Vec<(&str, &str, &str)> =
            pauses.iter().map(|(name, pause)| (&**name, &*pause.by, &*pause.reason)).collect();
        assert_eq!(names, [("a", "anna", "the vendor works on it")]);
        assert!(resume(&state, "a", "bert", "").expect("resumed"));
        assert_eq!(in_force(&state).expect("read"), BTreeMap::new());
        let acts = state.acts().expect("acts");
        assert_eq!(acts.iter().map(|act| &*act.verb).collect::<Vec<_>>(), [PAUSE, RESUME]);
    }
}
