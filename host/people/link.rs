//! One-time links: the set-up link of the first start, and links to choose a password.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    account::Book,
    secret::{self, Kept},
};
use crate::item::{Failure, NextMove};

/// A link that was not used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    kept: Kept,
    /// Whom it lets choose a password; none: it makes the first account.
    pub(super) person: Option<String>,
    ends_at_ms: i64,
}

pub(super) fn failure(message: &str) -> Failure {
    Failure::new("people-link", NextMove::AskPerson, message)
}

impl Book {
    /// A new link, in place of what the person had.
    pub(super) fn add_link(
        &mut self,
        person: Option<&str>,
        now_ms: i64,
        life: Duration,
    ) -> Result<SecretString, Failure> {
        let secret = secret::new("")?;
        self.links.retain(|link| link.person.as_deref() != person && link.ends_at_ms > now_ms);
        let ends_at_ms = now_ms.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
        self.links.push(Link { kept: Kept::of(&secret), person: person.map(str::to_owned), ends_at_ms });
        Ok(secret)
    }

    /// What the link is for.
    pub(super) fn find_link(&self, secret: &SecretString, now_ms: i64) -> Result<Option<String>, Failure> {
        let kept = Kept::of(secret);
        let found = self.links.iter().find(|link| link.kept == kept && now_ms < link.ends_at_ms);
        match found {
            // Whoever got an account in the meantime got it by another way.
            Some(link) if link.person.is_none() && !self.people.is_empty() => Err(gone()),
            Some(link) => Ok(link.person.clone()),
            None => Err(gone()),
        }
    }

    pub(super) fn drop_link(&mut self, secret: &SecretString) {
        let kept = Kept::of(secret);
        self.links.retain(|link| link.kept != kept);
    }
}

fn gone() -> Failure {
    failure("this link was used already, has expired, or never was one")
        .hint("ask for a new one: `chancery people reset NAME`")
}
