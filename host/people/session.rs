//! Sessions, in memory.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;

use super::{
    rights::Rights,
    secret::{self, Kept},
};
use crate::item::{
    Failure,
    limits::{SESSION_IDLE_TIME_MAX, SESSION_TIME_MAX, SESSIONS_MAX, SESSIONS_OF_PERSON_MAX},
};

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub name: String,
    /// What they may do.
    pub rights: Rights,
    /// What forms of this session carry, so that another site cannot send them.
    pub form_token: SecretString,
    started_at_ms: i64,
    used_at_ms: i64,
}

/// A session that has begun.
#[derive(Debug)]
pub struct Started {
    /// What the browser keeps.
    pub secret: SecretString,
    /// Who, and what they may do.
    pub session: Session,
}

/// Why a secret is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// It is none, or was ended: signed out, rights changed, password changed, the host restarted.
    Unknown,
    /// It was idle for too long, or is too old.
    Expired,
}

#[derive(Default)]
pub(super) struct Sessions {
    sessions: BTreeMap<Kept, Session>,
}

impl Session {
    fn is_over(&self, now_ms: i64) -> bool {
        let passed = |since: i64, limit: Duration| u128::from(now_ms.abs_diff(since)) >= limit.as_millis();
        // A clock that was set back far ends it too: nobody knows how old it is.
        passed(self.used_at_ms, SESSION_IDLE_TIME_MAX) || passed(self.started_at_ms, SESSION_TIME_MAX)
    }
}

impl Sessions {
    pub(super) fn start(&mut self, name: &str, rights: Rights, now_ms: i64) -> Result<Started, Failure> {
        let secret = secret::new("")?;
        let session = Session {
            name: name.to_owned(),
            rights,
            form_token: secret::new("")?,
            started_at_ms: now_ms,
            used_at_ms: now_ms,
        };
        self.sessions.retain(|_, session| !session.is_over(now_ms));
        while self.sessions.values().filter(|session| session.name == name).count() >= SESSIONS_OF_PERSON_MAX {
            self.end_oldest(|session| session.name == name);
        }
        while self.sessions.len() >= SESSIONS_MAX {
            self.end_oldest(|_| true);
        }
        self.sessions.insert(Kept::of(&secret), session.clone());
        Ok(Started { secret, session })
    }

    fn end_oldest(&mut self, of: impl Fn(&Session) -> bool) {
        let of_them = self.sessions.iter().filter(|(_, session)| of(session));
        let oldest = of_them.min_by_key(|(_, session)| session.used_at_ms).map(|(kept, _)| *kept);
        oldest.map(|kept| self.sessions.remove(&kept));
    }

    pub(super) fn find(&mut self, secret: &SecretString, now_ms: i64) -> Result<Session, SessionEnd> {
        let kept = Kept::of(secret);
        let session = self.sessions.get_mut(&kept).ok_or(SessionEnd::Unknown)?;
        if session.is_over(now_ms) {
            self.sessions.remove(&kept);
            return Err(SessionEnd::Expired);
        }
        session.used_at_ms = session.used_at_ms.max(now_ms);
        Ok(session.clone())
    }

    pub(super) fn is_there(&self, secret: &SecretString, now_ms: i64) -> bool {
        self.sessions.get(&Kept::of(secret)).is_some_and(|session| !session.is_over(now_ms))
    }

    pub(super) fn end(&mut self, secret: &SecretString) {
        self.sessions.remove(&Kept::of(secret));
    }

    pub(super) fn end_of(&mut self, name: &str) {
        self.sessions.retain(|_, session| session.name != name);
    }
}

impl Session {
    /// Whether two secrets are the same: compared by digest, so that the time taken tells nothing.
    pub fn is_same_secret(one: &SecretString, other: &str) -> bool {
        Kept::of(one) == Kept::of(&SecretString::from(other.to_owned()))
    }
}
