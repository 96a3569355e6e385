//! Signing people in at an organisation's own directory: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636).
//!
//! Of the specification what a confidential or public web client needs: discovery, one exchange, one ID token, checked as
//! section 3.1.3.7 says, its signature by a key that the issuer publishes (RS256 or ES256, nothing else).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::no_answer;
use crate::item::{Failure, NextMove};

/// Bytes of an answer of the directory.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How far the directory's clock may be from ours.
const CLOCK_LEEWAY: Duration = Duration::from_secs(120);

/// An application of a directory, by which people sign in.
#[derive(Clone, Debug)]
pub struct OpenIdClient {
    /// `https://…`, without the path of its discovery document.
    pub issuer: Url,
    /// The application.
    pub client_id: String,
    /// Its secret, if it has one.
    pub secret: Option<SecretString>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Where the directory sends people back to.
    pub redirect: Url,
}

/// What belongs to one attempt; it is kept until the person comes back.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Comes back with the person.
    pub state: SecretString,
    /// Stands in the ID token.
    nonce: SecretString,
    /// Proves that who exchanges the code asked for it.
    verifier: SecretString,
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the person goes.
    pub url: Url,
    /// What is kept.
    pub attempt: Attempt,
}

/// What the issuer publishes of itself.
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: SecretString,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: Option<String>,
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

impl OpenIdClient {
    /// Begins a sign-in; `random` are 96 bytes that nobody can guess.
    ///
    /// # Errors
    /// `openid-refused`, or `no-answer` of the directory.
    pub async fn begin(&self, client: &reqwest::Client, random: &[u8; 96]) -> Result<Begun, Failure> {
        let discovery = self.discover(client).await?;
        let secret = |part: usize| SecretString::from(URL_SAFE_NO_PAD.encode(&random[part * 32..(part + 1) * 32]));
        let attempt = Attempt { state: secret(0), nonce: secret(1), verifier: secret(2) };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(attempt.verifier.expose_secret()));
        let mut scopes = vec!["openid"];
        scopes.extend(self.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
        let mut url = discovery.authorization_endpoint;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", attempt.state.expose_secret())
            .append_pair("nonce", attempt.nonce.expose_secret())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Begun { url, attempt })
    }

    /// Exchanges the code that a person came back with; what the directory says of them.
    ///
    /// # Errors
    /// `openid-refused` when anything of it is not as it must be; `no-answer`.
    pub async fn finish(
        &self,
        client: &reqwest::Client,
        attempt: &Attempt,
        code: &str,
        now_ms: i64,
    ) -> Result<Map<String, Value>, Failure> {
        let discovery = self.discover(client).await?;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect.as_str()),
            ("client_id", &self.client_id),
            ("code_verifier", attempt.verifier.expose_secret()),
        ];
        if let Some(secret) = &self.secret {
            pairs.push(("client_secret", secret.expose_secret()));
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = client
            .post(discovery.token_endpoint)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        let exchanged: Exchanged = self.answer(request, "the exchange of the code").await?;
        let keys: Keys = self.answer(client.get(discovery.jwks_uri), "its keys").await?;
        let claims = verified(exchanged.id_token.expose_secret(), &keys).map_err(|why| self.refused(why))?;
        self.check(&claims, attempt, now_ms).map_err(|why| self.refused(why))?;
        Ok(claims)
    }

    async fn discover(&self, client: &reqwest::Client) -> Result<Discovery, Failure> {
        let issuer = self.issuer.as_str().trim_end_matches('/');
        let request = client.get(format!("{issuer}/.well-known/openid-configuration"));
        let discovery: Discovery = self.answer(request, "its discovery document").await?;
        let places = [&discovery.authorization_endpoint, &discovery.token_endpoint, &discovery.jwks_uri];
        let is_safe = |url: &&Url| url.scheme() == "https" || self.issuer.scheme() == "http";
        if discovery.issuer.trim_end_matches('/') != issuer {
            return Err(self.refused("its discovery document is of another issuer"));
        }
        if !places.iter().all(is_safe) {
            return Err(self.refused("its discovery document names an address without encryption"));
        }
        Ok(discovery)
    }

    async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder, what: &str) -> Result<T, Failure> {
        let place = self.issuer.origin().ascii_serialization();
        let mut answer = request.send().await.map_err(|error| no_answer(&place, &error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| no_answer(&place, &error))? {
            if body.len() + part.len() > ANSWER_BYTES_MAX {
                return Err(self.refused(&format!("{what} is too long")));
            }
            body.extend_from_slice(&part);
        }
        if !status.is_success() {
            return Err(self.refused(&format!("{what} was answered with {status}")));
        }
        // What is in it may be secret, so that it is not repeated.
        serde_json::from_slice(&body).map_err(|_| self.refused(&format!("{what} cannot be read")))
    }

    /// OpenID Connect Core 1.0, 3.1.3.7.
    fn check(&self, claims: &Map<String, Value>, attempt: &Attempt, now_ms: i64) -> Result<(), &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let instant = |name: &str| claims.get(name).and_then(Value::as_f64);
        let (now, leeway) = (now_ms as f64 / 1_000.0, CLOCK_LEEWAY.as_secs_f64());
        if text("iss").map(|issuer| issuer.trim_end_matches('/')) != Some(self.issuer.as_str().trim_end_matches('/')) {
            return Err("the ID token is of another issuer");
        }
        let (is_for_us, others) = match claims.get("aud") {
            Some(Value::String(audience)) => (*audience == self.client_id, 0),
            Some(Value::Array(audiences)) => {
                (audiences.iter().any(|audience| audience.as_str() == Some(&self.client_id)), audiences.len() - 1)
            }
            _ => (false, 0),
        };
        let party = text("azp");
        if !is_for_us || (others > 0 && party.is_none()) || party.is_some_and(|party| party != self.client_id) {
            return Err("the ID token is for another application");
        }
        if !instant("exp").is_some_and(|ends| now < ends + leeway) {
            return Err("the ID token has expired; check both clocks");
        }
        if !instant("iat").is_some_and(|made| made < now + leeway)
            || instant("nbf").is_some_and(|from| from > now + leeway)
        {
            return Err("the ID token is of the future; check both clocks");
        }
        if text("nonce") != Some(attempt.nonce.expose_secret()) {
            return Err("the ID token is of another sign-in");
        }
        Ok(())
    }

    fn refused(&self, why: &str) -> Failure {
        let message = format!("signing in at `{}` did not work: {why}", self.issuer.origin().ascii_serialization());
        Failure::new("openid-refused", NextMove::AskPerson, message)
            .hint("try again; if it stays so, compare `[console.openid]` with the application in the directory")
    }
}

/// The claims of a token whose signature holds.
fn verified(token: &str, keys: &Keys) -> Result<Map<String, Value>, &'static str> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return Err("the ID token is none") };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "the ID token is none");
    let Header { alg, kid } = serde_json::from_slice(&decode(header)?).map_err(|_| "the ID token is none")?;
    let (message, signature) = (token.rsplit_once('.').map_or("", |(message, _)| message), decode(signature)?);
    let (kind, is_rsa) = match &*alg {
        "RS256" => ("RSA", true),
        "ES256" => ("EC", false),
        _ => return Err("the ID token is signed in a way that is not taken (RS256 and ES256 are)"),
    };
    let fits = |key: &&Key| {
        key.kty == kind && key.usage.as_deref().is_none_or(|usage| usage == "sig") && (kid.is_none() || key.kid == kid)
    };
    let holds = |key: &Key| {
        let part = |part: &Option<String>| part.as_deref().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        if is_rsa {
            let (Some(n), Some(e)) = (part(&key.n), part(&key.e)) else { return false };
            RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature).is_ok()
        } else {
            let (Some(x), Some(y), Some("P-256")) = (part(&key.x), part(&key.y), key.crv.as_deref()) else {
                return false;
            };
            let point = [&[4][..], &x, &y].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &signature).is_ok()
        }
    };
    if !keys.keys.iter().filter(fits).any(holds) {
        return Err("no key of the issuer has signed the ID token");
    }
    serde_json::from_slice(&decode(claims)?).map_err(|_| "the ID token is none")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::json;

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn client() -> OpenIdClient {
        OpenIdClient {
            issuer: "https://login.example/tenant".parse().unwrap(),
            client_id: "chancery".into(),
            secret: None,
            scopes: vec!["profile".into()],
            redirect: "https://chancery.example/sign-in/openid/back".parse().unwrap(),
        }
    }

    fn attempt() -> Attempt {
        let [state, nonce, verifier] = ["state", "nonce", "verifier"].map(SecretString::from);
        Attempt { state, nonce, verifier }
    }

    fn claims(change: impl FnOnce(&mut Map<String, Value>)) -> Map<String, Value> {
        let good = json!({
            "iss": "https://login.example/tenant", "aud": "chancery", "exp": 1_800_000_300, "iat": 1_799_999_999,
            "nonce": "nonce", "preferred_username": "anna", "groups": ["operators"],
        });
        let Value::Object(mut claims) = good else { unreachable!() };
        change(&mut claims);
        claims
    }

    #[test]
    fn a_token_that_is_not_for_this_sign_in_is_refused() {
        type Change = fn(&mut Map<String, Value>);
        let cases: [(&str, Change, bool); 12] = [
            ("as it must be", |_| (), true),
            (
                "several audiences, and we are the party",
                |claims| {
                    claims.extend([("aud".into(), json!(["x", "chancery"])), ("azp".into(), json!("chancery"))]);
                },
                true,
            ),
            (
                "another issuer",
                |claims| {
                    claims.insert("iss".into(), json!("https://evil.example"));
                },
                false,
            ),
            (
                "another audience",
                |claims| {
                    claims.insert("aud".into(), json!("other"));
                },
                false,
            ),
            (
                "several audiences without a party",
                |claims| {
                    claims.insert("aud".into(), json!(["x", "chancery"]));
                },
                false,
            ),
            (
                "another party",
                |claims| {
                    claims.insert("azp".into(), json!("other"));
                },
                false,
            ),
            (
                "expired",
                |claims| {
                    claims.insert("exp".into(), json!(1_799_999_000));
                },
                false,
            ),
            (
                "without an end",
                |claims| {
                    claims.remove("exp");
                },
                false,
            ),
            (
                "of the future",
                |claims| {
                    claims.insert("iat".into(), json!(1_800_009_000));
                },
                false,
            ),
            (
                "not valid yet",
                |claims| {
                    claims.insert("nbf".into(), json!(1_800_009_000));
                },
                false,
            ),
            (
                "another nonce",
                |claims| {
                    claims.insert("nonce".into(), json!("x"));
                },
                false,
            ),
            (
                "no nonce",
                |claims| {
                    claims.remove("nonce");
                },
                false,
            ),
        ];
        for (what, change, is_good) in cases {
            assert_eq!(client().check(&claims(change), &attempt(), NOW_MS).is_ok(), is_good, "{what}");
        }
    }

    #[test]
    fn only_a_key_of_the_issuer_signs() {
        let random = SystemRandom::new();
        let pair = || {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
        };
        let (ours, other) = (pair(), pair());
        let point = ours.public_key().as_ref();
        let key = json!({ "keys": [{ "kid": "1", "kty": "EC", "crv": "P-256", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) }] });
        let keys: Keys = serde_json::from_value(key).unwrap();
        let signed = |by: &EcdsaKeyPair, header: Value| {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", part(&header), part(&Value::Object(claims(|_| ()))));
            let signature = by.sign(&random, message.as_bytes()).unwrap();
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        };
        let good = signed(&ours, json!({ "alg": "ES256", "kid": "1" }));
        assert_eq!(verified(&good, &keys).unwrap()["preferred_username"], "anna");
        assert!(
            verified(&signed(&ours, json!({ "alg": "ES256" })), &keys).is_ok(),
            "without a name all keys are tried"
        );
        let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
        let none = signed(&ours, json!({ "alg": "none" }));
        let symmetric = signed(&ours, json!({ "alg": "HS256", "kid": "1" }));
        let as_rsa = signed(&ours, json!({ "alg": "RS256", "kid": "1" }));
        let changed = good.replacen("ey", "ez", 1);
        let forged = [
            signed(&other, json!({ "alg": "ES256", "kid": "1" })),
            signed(&ours, json!({ "alg": "ES256", "kid": "2" })),
        ];
        for bad in [unsigned, none, symmetric, as_rsa, changed, "a.b".into(), String::new()].iter().chain(&forged) {
            assert!(verified(bad, &keys).is_err(), "{bad}");
        }
    }
}
