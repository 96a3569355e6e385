//! Tokens of OAuth 2, for destinations and for the credentials of plugins: as an application (RFC 6749, section 4.4), for a
//! person who signed in once (sections 4.1 and 6), or by a signed assertion (RFC 7523, section 2.1).

mod person;

use std::{fmt, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use url::form_urlencoded;

pub use self::person::{PersonSignIn, Waiting};
use super::{
    assertion::{Certificate, ServiceKey},
    no_answer,
};
use crate::item::{Failure, NextMove};

/// A token is renewed this long before it runs out.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// What is assumed of a token whose answer does not say how long it is good for (RFC 6749 recommends to say).
const LIFETIME_DEFAULT: Duration = Duration::from_secs(300);
/// Longest life believed.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a refusal is not tried again: a directory may lock the application.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// How the client proves who it is.
pub enum ClientSecret {
    /// A shared secret, sent in the body.
    Shared(SecretString),
    /// A certificate that the directory knows: each sign-in is signed (RFC 7523).
    Certificate(Box<Certificate>),
}

/// How an application comes to a token.
pub enum Grant {
    /// For itself.
    Application(ClientSecret),
    /// For a person, by the token that their sign-in left.
    Person {
        /// The application's own secret, if it has one.
        secret: Option<SecretString>,
        /// Where that token is kept.
        refresh: Arc<dyn RefreshToken>,
    },
    /// By an assertion that a key signs.
    Assertion(Box<ServiceKey>),
}

/// Where the token is kept that a person's sign-in left.
pub trait RefreshToken: Send + Sync {
    /// The one in force.
    ///
    /// # Errors
    /// `secret-missing` when nobody has signed in, `secret-store`.
    fn read(&self) -> Result<SecretString, Failure>;

    /// Puts a new one in its place.
    ///
    /// # Errors
    /// `secret-store`.
    fn write(&self, token: &SecretString) -> Result<(), Failure>;
}

/// An application of another side, and how it comes to tokens there.
pub struct Application {
    /// What messages call it: the name of its section.
    pub name: String,
    /// The token endpoint.
    pub token_url: url::Url,
    /// The application.
    pub client_id: String,
    /// How it comes to a token.
    pub grant: Grant,
    /// What is asked for; several are separated by spaces.
    pub scope: String,
}

/// Gets tokens and keeps them until shortly before they run out. Its lock is held while signing in, so that many
/// requests sign in once.
pub struct TokenSource {
    application: Application,
    client: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<(SecretString, Instant)>,
    /// The newest token of a person's sign-in, where it could not be kept.
    refresh: Option<SecretString>,
    refused: Option<(Instant, Failure)>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<u64>,
    refresh_token: Option<SecretString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
}

impl TokenSource {
    /// Signs in with `client`, at first use.
    pub fn new(application: Application, client: reqwest::Client) -> Arc<Self> {
        Arc::new(Self { application, client, state: Mutex::default() })
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    /// `sign-in-refused` when the directory says no; `no-answer`, to be tried again.
    pub async fn token(&self) -> Result<SecretString, Failure> {
        let mut state = self.state.lock().await;
        if let Some((token, until)) = &state.token
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        if let Some((at, failure)) = &state.refused
            && at.elapsed() < REFUSED_PAUSE
        {
            return Err(failure.clone());
        }
        match self.sign_in(&mut state).await {
            Ok(granted) => {
                let lifetime = granted.expires_in.map_or(LIFETIME_DEFAULT, Duration::from_secs).min(LIFETIME_MAX);
                let until = Instant::now() + lifetime.saturating_sub(RENEW_BEFORE.min(lifetime / 2));
                state.token = Some((granted.access_token.clone(), until));
                state.refused = None;
                Ok(granted.access_token)
            }
            Err(failure) => {
                if failure.next == NextMove::AskPerson {
                    state.refused = Some((Instant::now(), failure.clone()));
                }
                Err(failure)
            }
        }
    }

    /// Forgets a token that was refused, so that the next request asks for a new one.
    pub async fn expire(&self, token: &SecretString) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|(known, _)| known.expose_secret() == token.expose_secret()) {
            state.token = None;
        }
    }

    async fn sign_in(&self, state: &mut State) -> Result<Granted, Failure> {
        let Application { token_url, client_id, grant, scope, .. } = &self.application;
        let unsigned = |why| self.application.failure(NextMove::Retry { after: None }, why);
        let (assertion, refresh);
        let mut pairs = vec![];
        match grant {
            Grant::Application(proof) => {
                pairs.extend([("grant_type", "client_credentials"), ("client_id", client_id), ("scope", scope)]);
                match proof {
                    ClientSecret::Shared(shared) => pairs.push(("client_secret", shared.expose_secret())),
                    ClientSecret::Certificate(certificate) => {
                        assertion = certificate.assert(client_id, token_url.as_str()).map_err(unsigned)?;
                        pairs.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                        pairs.push(("client_assertion", &assertion));
                    }
                }
            }
            Grant::Person { secret, refresh: kept } => {
                refresh = match &state.refresh {
                    Some(newest) => newest.clone(),
                    None => kept.read().map_err(|failure| self.application.nobody(failure))?,
                };
                pairs.extend([("grant_type", "refresh_token"), ("client_id", client_id)]);
                pairs.push(("refresh_token", refresh.expose_secret()));
                pairs.extend(secret.as_ref().map(|secret| ("client_secret", secret.expose_secret())));
            }
            Grant::Assertion(key) => {
                assertion = key.assert(client_id, token_url.as_str(), scope).map_err(unsigned)?;
                pairs
                    .extend([("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)]);
            }
        }
        let granted = self.application.ask(&self.client, pairs).await?;
        if let (Grant::Person { refresh: kept, .. }, Some(newest)) = (grant, &granted.refresh_token) {
            // The old one may be good for nothing now.
            state.refresh = Some(newest.clone());
            match kept.write(newest) {
                Ok(()) => state.refresh = None,
                Err(failure) => tracing::warn!(
                    code = failure.code,
                    "a renewed sign-in is kept in memory alone, and is lost at the end: {failure}"
                ),
            }
        }
        Ok(granted)
    }
}

impl Application {
    /// Asks the token endpoint.
    async fn ask(&self, client: &reqwest::Client, pairs: Vec<(&str, &str)>) -> Result<Granted, Failure> {
        let place = self.token_url.origin().ascii_serialization();
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = client
            .post(self.token_url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        let mut answer = request.send().await.map_err(|error| no_answer(&place, &error))?;
        let status = answer.status();
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| no_answer(&place, &error))? {
            if body.len() + part.len() > ANSWER_BYTES_MAX {
                return Err(self.failure(NextMove::AskPerson, "its answer is too long"));
            }
            body.extend_from_slice(&part);
        }
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| self.failure(NextMove::AskPerson, "its answer holds no access token"));
        }
        if status.is_server_error() || status.as_u16() == 429 {
            let after = retry_after.map(Duration::from_secs);
            return Err(self.failure(NextMove::Retry { after }, &format!("it answers {status}")));
        }
        // Only the code: descriptions may repeat what was sent.
        let code = serde_json::from_slice::<Refused>(&body).unwrap_or_default().error;
        let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
        Err(self.failure(NextMove::AskPerson, &format!("it answers {status} {code}")))
    }

    fn failure(&self, next: NextMove, why: &str) -> Failure {
        let Self { name, token_url, client_id, .. } = self;
        let code = if next == NextMove::AskPerson { "sign-in-refused" } else { "no-answer" };
        let message = format!(
            "signing in at `{}` as application `{client_id}` (`{name}`) did not work: {why}",
            token_url.origin().ascii_serialization()
        );
        let failure = Failure::new(code, next, message);
        match &self.grant {
            Grant::Person { .. } => failure.hint(format!("chancery secret sign-in {name}")),
            _ => failure.hint(
                "check the application's id, tenant and secret, and that the secret has not run out; then run `chancery connector check`",
            ),
        }
    }

    /// Nobody has signed in, or it cannot be read that somebody did.
    fn nobody(&self, failure: Failure) -> Failure {
        if failure.code != "secret-missing" {
            return failure;
        }
        let name = &self.name;
        let message = format!("nobody has signed in for credential `{name}` yet");
        Failure::new("sign-in-missing", NextMove::AskPerson, message).hint(format!("chancery secret sign-in {name}"))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("name", &self.application.name).finish_non_exhaustive()
    }
}
