//! API tokens: named, scoped, expiring, revocable.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    account::{Book, check_name, unknown},
    rights::Rights,
    secret::{self, Kept},
};
use crate::item::{
    Failure, NextMove,
    limits::{TOKEN_TIME_MAX, TOKENS_MAX},
};

/// What a token begins with, so that scanners for leaked secrets find it.
const PREFIX: &str = "chancery_";

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// What it may be used for.
    pub scopes: Rights,
    /// Whose it is: it may never do more than they may. None: it belongs to whoever owns the data folder.
    pub person: Option<String>,
    /// When it was made.
    pub made_at_ms: i64,
    /// From when on it is worth nothing.
    pub ends_at_ms: i64,
    kept: Kept,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it may be used for.
    pub scopes: Rights,
    /// Whose it is.
    pub person: Option<&'a str>,
    /// How long it lives.
    pub life: Duration,
}

fn refused(message: String) -> Failure {
    Failure::new("token-refused", NextMove::AskPerson, message)
}

impl Book {
    pub(super) fn add_token(&mut self, new: &NewToken<'_>, now_ms: i64) -> Result<SecretString, Failure> {
        check_name(new.name)?;
        if new.scopes.is_empty() {
            return Err(refused(format!("the token `{}` would be good for nothing", new.name))
                .hint("say what for: `--scope operate`"));
        }
        if new.life.is_zero() || new.life > TOKEN_TIME_MAX {
            let days = TOKEN_TIME_MAX.as_secs() / 86_400;
            return Err(refused(format!("a token lives for 1 to {days} days")).hint("make a new one before it ends"));
        }
        self.tokens.retain(|_, token| token.ends_at_ms > now_ms);
        if self.tokens.contains_key(new.name) {
            return Err(refused(format!("there is a token `{}` already", new.name))
                .hint(format!("`chancery token revoke {}`, or choose another name", new.name)));
        }
        if self.tokens.len() >= TOKENS_MAX {
            return Err(refused(format!("there are {TOKENS_MAX} tokens, and no more are kept"))
                .hint("revoke some: `chancery token list`"));
        }
        if let Some(person) = new.person {
            let rights = &self.people.get(person).ok_or_else(|| unknown(person))?.rights;
            if let Some(right) = new.scopes.difference(rights).next() {
                return Err(refused(format!("`{person}` has no right `{right}` to hand on"))
                    .hint("leave that scope out, or give the person the right first"));
            }
        }
        let secret = secret::new(PREFIX)?;
        let token = Token {
            name: new.name.to_owned(),
            scopes: new.scopes.clone(),
            person: new.person.map(str::to_owned),
            made_at_ms: now_ms,
            ends_at_ms: now_ms.saturating_add(i64::try_from(new.life.as_millis()).unwrap_or(i64::MAX)),
            kept: Kept::of(&secret),
        };
        self.tokens.insert(new.name.to_owned(), token);
        Ok(secret)
    }

    pub(super) fn remove_token(&mut self, name: &str) -> Result<(), Failure> {
        let removed = self.tokens.remove(name).map(drop);
        removed.ok_or_else(|| {
            Failure::new("token-unknown", NextMove::AskPerson, "there is no such token")
                .hint("`chancery token list` has them")
        })
    }

    pub(super) fn find_token(&self, secret: &SecretString, now_ms: i64) -> Option<Token> {
        let kept = Kept::of(secret);
        let mut token = self.tokens.values().find(|token| token.kept == kept && now_ms < token.ends_at_ms)?.clone();
        if let Some(person) = &token.person {
            let rights = &self.people.get(person)?.rights;
            token.scopes.retain(|right| rights.contains(right));
        }
        Some(token)
    }
}
