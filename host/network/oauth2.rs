//! OAuth 2 client credentials (RFC 6749, section 4.4): tokens for the host's own destinations.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use url::form_urlencoded;

use super::{assertion::Certificate, no_answer};
use crate::item::{Failure, NextMove};

/// A token is renewed this long before it runs out.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// What is assumed of a token whose answer does not say how long it is good for (RFC 6749 recommends to say).
const LIFETIME_DEFAULT: Duration = Duration::from_secs(300);
/// Longest life believed.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a refusal is not tried again: a directory may lock the application.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// How the client proves who it is.
pub enum ClientSecret {
    /// A shared secret, sent in the body.
    Shared(SecretString),
    /// A certificate that the directory knows: each sign-in is signed (RFC 7523).
    Certificate(Box<Certificate>),
}

/// An application's credentials.
pub struct ClientCredentials {
    /// What messages call it: the name of its section.
    pub name: String,
    /// The token endpoint.
    pub token_url: url::Url,
    /// The application.
    pub client_id: String,
    /// Its proof.
    pub secret: ClientSecret,
    /// What is asked for; several are separated by spaces.
    pub scope: String,
}

/// Gets tokens and keeps them until shortly before they run out. Its lock is held while signing in, so that many
/// requests sign in once.
pub struct TokenSource {
    credentials: ClientCredentials,
    client: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<(SecretString, Instant)>,
    refused: Option<(Instant, Failure)>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
}

impl TokenSource {
    /// Signs in with `client`, at first use.
    pub fn new(credentials: ClientCredentials, client: reqwest::Client) -> Arc<Self> {
        Arc::new(Self { credentials, client, state: Mutex::default() })
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
        match self.sign_in().await {
            Ok(granted) => {
                let lifetime = granted.expires_in.map_or(LIFETIME_DEFAULT, Duration::from_secs).min(LIFETIME_MAX);
                let until = Instant::now() + lifetime.saturating_sub(RENEW_BEFORE.min(lifetime / 2));
                *state = State { token: Some((granted.access_token.clone(), until)), refused: None };
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

    async fn sign_in(&self) -> Result<Granted, Failure> {
        let ClientCredentials { token_url, client_id, secret, scope, .. } = &self.credentials;
        let place = token_url.origin().ascii_serialization();
        let mut pairs = vec![("grant_type", "client_credentials"), ("client_id", client_id), ("scope", scope)];
        let assertion;
        match secret {
            ClientSecret::Shared(shared) => pairs.push(("client_secret", shared.expose_secret())),
            ClientSecret::Certificate(certificate) => {
                let signed = certificate.assert(client_id, token_url.as_str());
                assertion = signed.map_err(|why| self.failure(NextMove::Retry { after: None }, why))?;
                pairs.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                pairs.push(("client_assertion", &assertion));
            }
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self
            .client
            .post(token_url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        let answer = request.send().await.map_err(|error| no_answer(&place, &error))?;
        let status = answer.status();
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = answer.bytes().await.map_err(|error| no_answer(&place, &error))?;
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
        let ClientCredentials { name, token_url, client_id, .. } = &self.credentials;
        let code = if next == NextMove::AskPerson { "sign-in-refused" } else { "no-answer" };
        let message = format!(
            "signing in at `{}` as application `{client_id}` (`{name}`) did not work: {why}",
            token_url.origin().ascii_serialization()
        );
        Failure::new(code, next, message).hint(
            "check the application's id, tenant and secret, and that the secret has not run out; then run `chancery connector check`",
        )
    }
}
