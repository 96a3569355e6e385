//! The `login` scheme: post user name and password as the approved descriptor says, keep the token in memory, renew
//! it once when a request that carried it is answered with 401.

use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::Mutex, time::Instant};
use zeroize::Zeroizing;

use super::{Credential, Origin, Scrub};
use crate::item::{Failure, NextMove, descriptor::LoginRecipe};

/// How long a refused password is not tried again: a site may lock the account after a few attempts.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Sends a login request. The egress implements it; redirects are not followed.
pub(super) trait Poster: Send + Sync {
    /// Posts JSON to an URL below a granted origin and returns status, `Retry-After` and body.
    fn post(&self, url: url::Url, json: Zeroizing<Vec<u8>>) -> BoxFuture<'_, Result<Posted, Failure>>;
}

/// The answer to a login.
pub(super) struct Posted {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// A token and which one it is.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) token: SecretString,
}

/// One credential's session. The lock is held while signing in, so that many requests sign in once.
#[derive(Debug, Default)]
pub(super) struct Login {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Sign-ins so far; the number of the current session.
    signed_in: u64,
    session: Option<Session>,
    refused: Option<(Instant, Failure)>,
}

impl Login {
    /// The current session, or a new one.
    pub(super) async fn session(
        &self,
        poster: &dyn Poster,
        origin: &Origin,
        credential: &Credential,
        recipe: &LoginRecipe,
        scrub: &Scrub,
    ) -> Result<Session, Failure> {
        let mut state = self.state.lock().await;
        if let Some(session) = &state.session {
            return Ok(session.clone());
        }
        if let Some((at, failure)) = &state.refused
            && at.elapsed() < REFUSED_PAUSE
        {
            return Err(failure.clone());
        }
        match sign_in(poster, origin, credential, recipe).await {
            Ok(token) => {
                scrub.add(token.expose_secret());
                state.signed_in += 1;
                state.refused = None;
                let session = Session { number: state.signed_in, token };
                state.session = Some(session.clone());
                Ok(session)
            }
            Err(failure) => {
                if failure.next == NextMove::AskPerson {
                    state.refused = Some((Instant::now(), failure.clone()));
                }
                Err(failure)
            }
        }
    }

    /// Drops session `number` if it is still the current one; another request may have renewed it already.
    pub(super) async fn expire(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| session.number == number) {
            state.session = None;
        }
    }
}

async fn sign_in(
    poster: &dyn Poster,
    origin: &Origin,
    credential: &Credential,
    recipe: &LoginRecipe,
) -> Result<SecretString, Failure> {
    let name = &credential.name;
    let fail = |code: &str, next: NextMove, why: String| {
        Failure::new(code, next, format!("signing in at `{origin}` with credential `{name}` did not work: {why}"))
    };
    let url = url::Url::parse(&format!("{origin}{}", recipe.path))
        .ok()
        .filter(|url| Origin::of_url(url).as_ref() == Ok(origin))
        .ok_or_else(|| {
            fail("login-misdescribed", NextMove::Stop, "the plugin's login path is not a path".to_owned())
        })?;

    let username = credential.username.as_deref().unwrap_or_default();
    let body = login_body(recipe, username, credential.secret())
        .map_err(|_| fail("login-misdescribed", NextMove::Stop, "its body cannot be written".to_owned()))?;
    let answer = poster.post(url, body).await?;
    match answer.status {
        200..=299 => token(&answer.body, &recipe.token_pointer).ok_or_else(|| {
            let why = format!("the answer has no token at `{}`", recipe.token_pointer);
            fail("login-failed", NextMove::AskPerson, why).hint(format!("check that `{origin}` is the right site"))
        }),
        400 | 401 | 403 | 422 => {
            let why = format!("user name or password were refused (status {})", answer.status);
            Err(fail("login-refused", NextMove::AskPerson, why).hint(format!("chancery secret set {name}")))
        }
        429 | 503 => {
            let why = format!("the site asks to wait (status {})", answer.status);
            Err(fail("login-failed", NextMove::Retry { after: answer.retry_after }, why))
        }
        500.. => {
            Err(fail("login-failed", NextMove::Retry { after: None }, format!("the site answered {}", answer.status)))
        }
        status => Err(fail("login-failed", NextMove::AskPerson, format!("the site answered {status}"))
            .hint(format!("check that `{origin}` is the right site"))),
    }
}

/// `{"user":"…","password":"…"}`, written into memory that is wiped and large enough not to be moved.
fn login_body(recipe: &LoginRecipe, username: &str, password: &str) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let fields = [(&recipe.username_field, username), (&recipe.password_field, password)];
    let bytes_max: usize = fields.iter().map(|(field, value)| 8 + 6 * (field.len() + value.len())).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(bytes_max));
    for (field, value) in fields {
        let before = if body.is_empty() { b'{' } else { b',' };
        body.push(before);
        serde_json::to_writer(&mut *body, field)?;
        body.push(b':');
        serde_json::to_writer(&mut *body, value)?;
    }
    body.push(b'}');
    Ok(body)
}

fn token(body: &[u8], pointer: &str) -> Option<SecretString> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let token = answer.pointer(pointer)?.as_str()?;
    let fits = !token.is_empty() && token.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    fits.then(|| SecretString::from(token))
}
