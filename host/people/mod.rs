//! Who may do what: accounts, rights, sessions, API tokens, one-time links.
//!
//! What lives here: the facts about people in a file of their own, passwords, and the decision whether somebody is let
//! in. What may not: pages, cookies, HTTP, the ledger. Whoever calls records the act with its actor.
//!
//! A secret that is handed out (a session, a token, a link) is random and is kept as its SHA-256 alone; a password, which
//! is not random, as argon2id. Sessions live in memory: a restart signs everybody out, and nothing on disk can be used
//! to take one over.

mod account;
mod back_off;
mod file;
mod link;
mod password;
mod rights;
mod secret;
mod session;
mod token;

#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::SecretString;

pub use account::Person;
pub use rights::{Right, Rights};
pub use session::{Session, SessionEnd, Started};
pub use token::{NewToken, Token};

use crate::item::{
    Failure,
    limits::{LINK_TIME_MAX, SETUP_LINK_TIME_MAX},
};
use account::Book;
use back_off::BackOff;
use password::Hashing;
use session::Sessions;

/// Everybody a data folder knows. One process holds the folder, so what is in memory is what is in the file.
pub struct People {
    folder: PathBuf,
    known: Mutex<Known>,
    hashing: Hashing,
}

struct Known {
    book: Book,
    sessions: Sessions,
    back_off: BackOff,
}

/// Records a change as an act, given its verb and its subject. It is called once a change was found possible, before it is
/// made: what cannot be recorded is not done.
pub type Record<'a> = &'a (dyn Fn(&str, &str) -> Result<(), Failure> + Sync);

/// Why somebody is not let in. What they are told is the same for a wrong name, a wrong password and an account without
/// one.
#[derive(Debug)]
pub enum Refused {
    /// Name or password is wrong.
    Wrong,
    /// There were too many attempts, for this account or from this address.
    Wait(Duration),
    /// Too many sign-ins are under way.
    Busy,
    /// The host could not look.
    Failed(Failure),
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl People {
    /// Reads the people of a data folder; nobody when there is no file yet.
    ///
    /// # Errors
    /// `people-file` when the file is damaged, of an unknown format, or others may read it.
    pub fn open(data_dir: &Path) -> Result<Self, Failure> {
        let folder = data_dir.join(file::FOLDER);
        let book = file::read(&folder)?;
        let known = Known { book, sessions: Sessions::default(), back_off: BackOff::default() };
        Ok(Self { folder, known: Mutex::new(known), hashing: Hashing::default() })
    }

    /// Whether nobody has an account yet.
    pub fn is_empty(&self) -> bool {
        self.known().book.people.is_empty()
    }

    /// Everybody, by name.
    pub fn list(&self) -> Vec<Person> {
        self.known().book.people.values().cloned().collect()
    }

    /// One person.
    pub fn find(&self, name: &str) -> Option<Person> {
        self.known().book.people.get(name).cloned()
    }

    /// The secret of a new set-up link; one made earlier ends. It makes the first account, which may administer people
    /// and nothing else.
    ///
    /// # Errors
    /// `people-link` when somebody has an account.
    pub fn setup_link(&self, now_ms: i64) -> Result<SecretString, Failure> {
        let change = |book: &mut Book| {
            if !book.people.is_empty() {
                return Err(link::failure("there are accounts already, so there is no set-up link")
                    .hint("make a link for one of them: `chancery people reset NAME`"));
            }
            book.add_link(None, now_ms, SETUP_LINK_TIME_MAX)
        };
        self.change(change, || Ok(()))
    }

    /// What a link is for: the name of an account, or none for the first one.
    ///
    /// # Errors
    /// `people-link` when it is unknown, was used or has expired; which of these is not told.
    pub fn link(&self, secret: &SecretString, now_ms: i64) -> Result<Option<String>, Failure> {
        self.known().book.find_link(secret, now_ms)
    }

    /// Follows a link: the first account, or a password for the account it is for. It works once.
    ///
    /// # Errors
    /// `people-link`, `people-name`, `people-password`; the link stays usable when name or password is refused.
    pub async fn follow_link(
        &self,
        secret: &SecretString,
        name: &str,
        password: SecretString,
        now_ms: i64,
        record: Record<'_>,
    ) -> Result<String, Failure> {
        let name = self.link(secret, now_ms)?.unwrap_or_else(|| name.to_owned());
        account::check_name(&name)?;
        password::check(&name, &password)?;
        let hashed = self.hashing.hash(password).await?;
        let change = |book: &mut Book| {
            // Asked again: while the password was hashed somebody else may have used it.
            if book.find_link(secret, now_ms)?.is_none() {
                book.add(&name, Rights::from([Right::AdministerPeople]), now_ms)?;
            }
            book.drop_link(secret);
            book.person(&name)?.password = Some(hashed.clone());
            Ok(())
        };
        self.change(change, || record("people choose password", &name))?;
        let mut known = self.known();
        known.sessions.end_of(&name);
        known.back_off.forget(&name);
        drop(known);
        Ok(name)
    }

    /// Adds a person and returns the secret of the link with which they choose a password.
    ///
    /// # Errors
    /// `people-name` when it is taken or cannot be a name; `people-last` when it is the first and could not add others.
    pub fn add(&self, name: &str, rights: &Rights, now_ms: i64, record: Record<'_>) -> Result<SecretString, Failure> {
        let change = |book: &mut Book| {
            book.add(name, rights.clone(), now_ms)?;
            book.check_administered(true)?;
            book.add_link(Some(name), now_ms, LINK_TIME_MAX)
        };
        self.change(change, || record("people add", &with_rights(name, rights)))
    }

    /// Gives rights. Their sessions end: the next one begins with the new rights.
    ///
    /// # Errors
    /// `people-unknown`.
    pub fn grant(&self, name: &str, rights: &Rights, record: Record<'_>) -> Result<(), Failure> {
        let change = |book: &mut Book| {
            book.person(name)?.rights.extend(rights);
            Ok(())
        };
        self.change(change, || record("people grant", &with_rights(name, rights)))?;
        self.known().sessions.end_of(name);
        Ok(())
    }

    /// Takes rights. Their sessions end.
    ///
    /// # Errors
    /// `people-unknown`; `people-last` when nobody would be left to administer people.
    pub fn revoke(&self, name: &str, rights: &Rights, record: Record<'_>) -> Result<(), Failure> {
        let change = |book: &mut Book| {
            let before = book.is_administered();
            book.person(name)?.rights.retain(|right| !rights.contains(right));
            book.check_administered(before)
        };
        self.change(change, || record("people revoke", &with_rights(name, rights)))?;
        self.known().sessions.end_of(name);
        Ok(())
    }

    /// Removes a person, their tokens, links and sessions.
    ///
    /// # Errors
    /// `people-unknown`; `people-last` when nobody would be left to administer people.
    pub fn remove(&self, name: &str, record: Record<'_>) -> Result<(), Failure> {
        let change = |book: &mut Book| {
            let before = book.is_administered();
            book.remove(name)?;
            book.check_administered(before)
        };
        self.change(change, || record("people remove", name))?;
        self.known().sessions.end_of(name);
        Ok(())
    }

    /// Takes a person's password away, ends their sessions, and returns the secret of a link to choose a new one.
    ///
    /// # Errors
    /// `people-unknown`.
    pub fn reset(&self, name: &str, now_ms: i64, record: Record<'_>) -> Result<SecretString, Failure> {
        let change = |book: &mut Book| {
            book.person(name)?.password = None;
            book.add_link(Some(name), now_ms, LINK_TIME_MAX)
        };
        let secret = self.change(change, || record("people reset", name))?;
        let mut known = self.known();
        known.sessions.end_of(name);
        known.back_off.forget(name);
        drop(known);
        Ok(secret)
    }

    /// Signs in with name and password. A session that the browser had before does not go on: ids change at sign-in.
    ///
    /// # Errors
    /// [`Refused`]; every wrong attempt makes the next one of this account and this address wait longer.
    pub async fn sign_in(
        &self,
        name: &str,
        password: SecretString,
        address: IpAddr,
        now_ms: i64,
    ) -> Result<Started, Refused> {
        // Counted before it is tried, so that attempts side by side do not all find the door open.
        let stored = {
            let mut known = self.known();
            known.back_off.attempt(name, address, now_ms).map_err(Refused::Wait)?;
            known.book.people.get(name).and_then(|person| person.password.clone())
        };
        let verdict = match self.hashing.verify(password, stored.clone()).await {
            Ok(verdict) => verdict,
            Err(refused) => {
                self.known().back_off.forgive(name, address);
                return Err(refused);
            }
        };
        if !verdict.right {
            return Err(Refused::Wrong);
        }
        if let Some(better) = verdict.better {
            let change = |book: &mut Book| {
                let person = book.person(name)?;
                if person.password == stored {
                    person.password = Some(better.clone());
                }
                Ok(())
            };
            let renewed = self.change(change, || Ok(()));
            renewed.map_err(Refused::Failed)?;
        }
        let mut known = self.known();
        // While it was hashed somebody may have taken the account away, or its password.
        let rights = match known.book.people.get(name) {
            Some(person) if person.password.is_some() => person.rights.clone(),
            _ => return Err(Refused::Wrong),
        };
        known.back_off.let_in(name, address);
        known.sessions.start(name, rights, now_ms).map_err(Refused::Failed)
    }

    /// Lets somebody in whom a directory has vouched for, with the rights of their groups.
    ///
    /// # Errors
    /// `people-name` when the name cannot be one here, or belongs to an account of this host.
    pub fn let_in(&self, name: &str, rights: Rights, now_ms: i64) -> Result<Started, Failure> {
        account::check_name(name)?;
        let mut known = self.known();
        if known.book.people.contains_key(name) {
            let message = format!("`{name}` has an account here, and signs in with its password");
            return Err(Failure::new("people-name", crate::item::NextMove::AskPerson, message)
                .hint(format!("who administers people can remove it: `chancery people remove {name}`")));
        }
        known.sessions.start(name, rights, now_ms)
    }

    /// The session of this secret, and that it was used.
    ///
    /// # Errors
    /// [`SessionEnd`]: there is none, or it has ended.
    pub fn session(&self, secret: &SecretString, now_ms: i64) -> Result<Session, SessionEnd> {
        self.known().sessions.find(secret, now_ms)
    }

    /// Whether a session goes on; unlike [`People::session`] this is no use of it.
    pub fn is_session(&self, secret: &SecretString, now_ms: i64) -> bool {
        self.known().sessions.is_there(secret, now_ms)
    }

    /// Ends a session.
    pub fn sign_out(&self, secret: &SecretString) {
        self.known().sessions.end(secret);
    }

    /// Changes a person's own password. All their sessions end and a new one begins.
    ///
    /// # Errors
    /// [`Refused`] for the old password, `people-password` within it for the new one.
    pub async fn change_password(
        &self,
        name: &str,
        old: SecretString,
        new: SecretString,
        address: IpAddr,
        now_ms: i64,
        record: Record<'_>,
    ) -> Result<Started, Refused> {
        password::check(name, &new).map_err(Refused::Failed)?;
        let right = self.sign_in(name, old, address, now_ms).await?;
        let hashed = self.hashing.hash(new).await.map_err(Refused::Failed)?;
        let change = |book: &mut Book| {
            let person = book.person(name)?;
            person.password = Some(hashed.clone());
            Ok(person.rights.clone())
        };
        let changed = self.change(change, || record("people change password", name));
        let mut known = self.known();
        known.sessions.end(&right.secret);
        let rights = changed.map_err(Refused::Failed)?;
        known.sessions.end_of(name);
        known.sessions.start(name, rights, now_ms).map_err(Refused::Failed)
    }

    /// Makes an API token; its secret is shown once.
    ///
    /// # Errors
    /// `people-name` for its name, `people-unknown` for its person, `token-refused` for no scope or a life too long.
    pub fn add_token(&self, token: &NewToken<'_>, now_ms: i64, record: Record<'_>) -> Result<SecretString, Failure> {
        let subject = || with_rights(token.name, &token.scopes);
        self.change(|book| book.add_token(token, now_ms), || record("token create", &subject()))
    }

    /// All tokens, by name.
    pub fn tokens(&self) -> Vec<Token> {
        self.known().book.tokens.values().cloned().collect()
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// `token-unknown`.
    pub fn revoke_token(&self, name: &str, record: Record<'_>) -> Result<(), Failure> {
        self.change(|book| book.remove_token(name), || record("token revoke", name))
    }

    /// The token of this secret, with the rights it has now: its scopes, as far as its person still has them.
    pub fn token(&self, secret: &SecretString, now_ms: i64) -> Option<Token> {
        self.known().book.find_token(secret, now_ms)
    }

    /// Changes the book: recorded first, then in the file, then in memory; none of it when it is refused or cannot be
    /// recorded. A change that was recorded and could not be written is recorded again by whoever repeats it.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, Failure>,
        record: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<T, Failure> {
        let mut known = self.known();
        let mut book = known.book.clone();
        let done = change(&mut book)?;
        record()?;
        file::write(&self.folder, &book)?;
        known.book = book;
        Ok(done)
    }

    /// What is in it is replaced whole, so a panic elsewhere leaves nothing half-changed.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name with rights, as acts have it.
fn with_rights(name: &str, rights: &Rights) -> String {
    let rights: Vec<&str> = rights.iter().map(|right| right.name()).collect();
    if rights.is_empty() { name.to_owned() } else { format!("{name}: {}", rights.join(", ")) }
}
