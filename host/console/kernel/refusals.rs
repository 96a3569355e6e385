//! Refused attempts that are worth a record. The first of a kind from somewhere is recorded at once, those that follow are
//! counted and recorded together: a flood of them fills neither the disk nor the list of acts.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::{
    item::{
        TimestampMs,
        limits::{CONSOLE_REFUSALS_KINDS_MAX, CONSOLE_REFUSALS_PERIOD},
    },
    state::Act,
};

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::console) enum Kind {
    /// A form that this console has not made, or a request from another site.
    Forgery,
    /// A session that has ended, or never was one.
    Session,
    /// A token that has ended, or never was one.
    Token,
    /// A wrong name or password, or too many attempts.
    SignIn,
    /// A link that was used, has expired or never was one.
    Link,
    /// Somebody without the right.
    Right,
    /// A body above the limit.
    TooLarge,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Forgery => "a request that no page of this console made",
            Self::Session => "a session that has ended",
            Self::Token => "a token that is none",
            Self::SignIn => "a sign-in",
            Self::Link => "a link that is none",
            Self::Right => "a page or act without the right",
            Self::TooLarge => "a body that is too large",
        }
    }
}

/// What is counted.
#[derive(Debug, Default)]
pub(in crate::console) struct Refusals(Mutex<BTreeMap<Source, Counted>>);

/// What was refused, to whom as far as that is known, from where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    kind: Kind,
    who: Option<String>,
    /// None: from so many places that they are counted together.
    address: Option<IpAddr>,
}

#[derive(Debug)]
struct Counted {
    since_ms: TimestampMs,
    /// Not recorded yet.
    more: u64,
}

impl Source {
    fn act(&self, count: u64) -> Act {
        let actor = self.who.as_deref().unwrap_or("somebody unknown");
        let from = self.address.map_or_else(|| "many addresses".to_owned(), |address| address.to_string());
        let times = if count == 1 { String::new() } else { format!(", {count} times more") };
        Act::of(actor, "refused", self.kind.text(), &format!("from {from}{times}"))
    }
}

impl Refusals {
    /// Takes note of one; what is to be recorded now.
    pub(in crate::console) fn note(
        &self,
        kind: Kind,
        who: Option<&str>,
        address: IpAddr,
        now_ms: TimestampMs,
    ) -> Option<Act> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut source = Source { kind, who: who.map(str::to_owned), address: Some(address.to_canonical()) };
        if counted.len() >= CONSOLE_REFUSALS_KINDS_MAX && !counted.contains_key(&source) {
            source = Source { kind, who: None, address: None };
        }
        if let Some(counted) = counted.get_mut(&source) {
            counted.more += 1;
            return None;
        }
        let act = source.act(1);
        counted.insert(source, Counted { since_ms: now_ms, more: 0 });
        Some(act)
    }

    /// What was counted for a whole period, or everything.
    pub(in crate::console) fn due(&self, now_ms: TimestampMs, all: bool) -> Vec<Act> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut acts = Vec::new();
        counted.retain(|source, counted| {
            let is_over = all || u128::from(now_ms.abs_diff(counted.since_ms)) >= CONSOLE_REFUSALS_PERIOD.as_millis();
            if is_over && counted.more > 0 {
                acts.push(source.act(counted.more));
            }
            !is_over
        });
        acts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn a_flood_is_two_records_a_period() {
        let (refusals, here) = (Refusals::default(), IpAddr::from([192, 0, 2, 1]));
        assert_eq!(refusals.note(Kind::SignIn, Some("anna"), here, 0).unwrap().reason, "from 192.0.2.1");
        for _ in 0..999 {
            assert_eq!(refusals.note(Kind::SignIn, Some("anna"), here, 1), None);
        }
        assert!(refusals.note(Kind::Forgery, Some("anna"), here, 1).is_some(), "another kind");
        let period_ms = i64::try_from(CONSOLE_REFUSALS_PERIOD.as_millis()).unwrap();
        assert_eq!(refusals.due(period_ms - 1, false), []);
        let due = refusals.due(period_ms + 1, false);
        assert_eq!(due.iter().map(|act| &*act.reason).collect::<Vec<_>>(), ["from 192.0.2.1, 999 times more"]);
        assert!(refusals.note(Kind::SignIn, Some("anna"), here, period_ms + 2).is_some(), "a new period");
    }

    #[test]
    fn many_sources_are_counted_together() {
        let refusals = Refusals::default();
        let from = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        let recorded = (0..3 * CONSOLE_REFUSALS_KINDS_MAX)
            .filter(|number| refusals.note(Kind::Token, None, from(*number), 0).is_some())
            .count();
        assert_eq!(recorded, CONSOLE_REFUSALS_KINDS_MAX + 1);
        let due = refusals.due(0, true);
        assert_eq!(due.len(), 1);
        assert!(due[0].reason.contains("many addresses"), "{due:?}");
    }
}
