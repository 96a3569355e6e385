//! Passwords: argon2id, few at a time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::{Salt, SaltString},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use super::Refused;
use crate::item::{
    Failure, NextMove,
    limits::{
        ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORDS_AT_ONCE_MAX,
        PASSWORDS_WAIT_MAX,
    },
};

/// Each takes [`ARGON2_MEMORY_KIB`] and a core, so that a flood of sign-ins must wait instead of taking the host down.
pub(super) struct Hashing {
    permits: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE_MAX)) }
    }
}

/// What became of a password.
pub(super) struct Verdict {
    pub(super) right: bool,
    /// The same password under the parameters of today.
    pub(super) better: Option<String>,
}

impl Hashing {
    pub(super) async fn hash(&self, password: SecretString) -> Result<String, Failure> {
        self.run(move || hash(&password))
            .await
            .unwrap_or_else(|| Err(failure("too many passwords are being looked at")))
    }

    /// Compares; where there is no password a hash is made all the same, so that the time taken tells nothing.
    pub(super) async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Verdict, Refused> {
        let looked = self.run(move || -> Result<Verdict, Failure> {
            if password.expose_secret().len() > PASSWORD_BYTES_MAX {
                return Ok(Verdict { right: false, better: None });
            }
            let Some(stored) = stored else {
                hash(&password)?;
                return Ok(Verdict { right: false, better: None });
            };
            let parsed = PasswordHash::new(&stored).map_err(|_| failure("an account's password cannot be read"))?;
            // With the parameters of the stored hash.
            let right = Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
            let better = (right && !is_of_today(&parsed)).then(|| hash(&password)).transpose()?;
            Ok(Verdict { right, better })
        });
        looked.await.ok_or(Refused::Busy)?.map_err(Refused::Failed)
    }

    /// None when there is no room within the time that somebody waits.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Option<Result<T, Failure>> {
        let permit = tokio::time::timeout(PASSWORDS_WAIT_MAX, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.ok()?.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by who waits for it: who hangs up frees nothing early.
            let _permit = permit;
            work()
        });
        Some(done.await.unwrap_or_else(|_| Err(failure("looking at a password ended unexpectedly"))))
    }
}

/// A password that somebody chooses: long, and not their name. No rules about kinds of characters: they make people
/// choose worse ones.
pub(super) fn check(name: &str, password: &SecretString) -> Result<(), Failure> {
    let password = password.expose_secret();
    let why = if password.chars().count() < PASSWORD_CHARS_MIN {
        format!("the password has fewer than {PASSWORD_CHARS_MIN} characters")
    } else if password.len() > PASSWORD_BYTES_MAX {
        format!("the password has more than {PASSWORD_BYTES_MAX} bytes")
    } else if password.to_lowercase() == name {
        "the password is the name".to_owned()
    } else {
        return Ok(());
    };
    Err(failure(why).hint("four or five words that do not belong together are easy to remember"))
}

fn failure(message: impl Into<String>) -> Failure {
    Failure::new("people-password", NextMove::AskPerson, message)
}

fn today() -> Result<Argon2<'static>, Failure> {
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, None)
        .map_err(|error| failure(format!("argon2 refuses the host's parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_of_today(parsed: &PasswordHash<'_>) -> bool {
    let params = Params::try_from(parsed).ok();
    parsed.algorithm == argon2::ARGON2ID_IDENT
        && params.is_some_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES)
        })
}

fn hash(password: &SecretString) -> Result<String, Failure> {
    let mut salt = [0; Salt::RECOMMENDED_LENGTH];
    getrandom::fill(&mut salt).map_err(|error| failure(format!("the system gives no random numbers: {error}")))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| failure(format!("a salt cannot be written: {error}")))?;
    let hashed = today()?.hash_password(password.expose_secret().as_bytes(), &salt);
    Ok(hashed.map_err(|error| failure(format!("the password cannot be hashed: {error}")))?.to_string())
}
