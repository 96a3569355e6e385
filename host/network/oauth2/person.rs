//! A person signs in once (RFC 6749, section 4.1, with PKCE, RFC 7636); what it leaves is kept, and renewed from then on.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Application, Grant};
use crate::item::{Failure, NextMove};

/// A sign-in that a person is asked for.
pub struct PersonSignIn {
    /// For what.
    pub application: Application,
    /// Where the person signs in.
    pub authorization_url: Url,
    /// Where they are sent back to; the other side must know it.
    pub redirect: Url,
}

/// What belongs to one attempt; it is kept until the person comes back.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Comes back with the person.
    pub state: SecretString,
    /// Proves that who redeems the code asked for it.
    verifier: SecretString,
}

impl PersonSignIn {
    /// Where the person goes. `random` are 64 bytes that nobody can guess.
    pub fn begin(&self, random: &[u8; 64]) -> (Url, Waiting) {
        let secret = |part: &[u8]| SecretString::from(URL_SAFE_NO_PAD.encode(part));
        let waiting = Waiting { state: secret(&random[..32]), verifier: secret(&random[32..]) };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(waiting.verifier.expose_secret()));
        let mut url = self.authorization_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.application.client_id)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("scope", &self.application.scope)
            .append_pair("state", waiting.state.expose_secret())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        (url, waiting)
    }

    /// What the person's browser came back with, as its address says: the code, if it belongs to this attempt.
    ///
    /// # Errors
    /// `sign-in-refused`: another attempt's, or the person or the other side said no.
    pub fn code(&self, waiting: &Waiting, back: &Url) -> Result<SecretString, Failure> {
        let said = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let refused = |why: &str| self.application.failure(NextMove::AskPerson, why);
        if said("state").as_deref() != Some(waiting.state.expose_secret()) {
            return Err(refused("what came back belongs to another attempt; begin anew"));
        }
        if let Some(error) = said("error") {
            let error: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
            return Err(refused(&format!("it says `{error}`")));
        }
        said("code").map(SecretString::from).ok_or_else(|| refused("no code came back"))
    }

    /// Redeems a code: the token to be kept.
    ///
    /// # Errors
    /// `sign-in-refused`; `no-answer`.
    pub async fn redeem(
        &self,
        client: &reqwest::Client,
        waiting: &Waiting,
        code: &SecretString,
    ) -> Result<SecretString, Failure> {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", self.redirect.as_str()),
            ("client_id", &self.application.client_id),
            ("code_verifier", waiting.verifier.expose_secret()),
        ];
        if let Grant::Person { secret: Some(secret), .. } = &self.application.grant {
            pairs.push(("client_secret", secret.expose_secret()));
        }
        let granted = self.application.ask(client, pairs).await?;
        granted.refresh_token.ok_or_else(|| {
            let why = "it gives no refresh token: it would ask the person again after an hour";
            let failure = self.application.failure(NextMove::AskPerson, why);
            failure.hint("ask for it in `scope` (`offline_access`), or in `authorization_url` (`?access_type=offline&prompt=consent`)")
        })
    }
}
