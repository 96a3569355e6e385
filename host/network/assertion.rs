//! Signed assertions (RFC 7523): a certificate instead of a shared secret (section 2.2), and a service account's key instead of
//! a sign-in (section 2.1). Each is made for one sign-in.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Seconds that an assertion is good for. Clocks differ: it begins as much earlier.
const LIFE_S: u64 = 300;

/// A certificate's thumbprint, and its RSA key.
pub struct Certificate {
    key: RsaKeyPair,
    thumbprint: String,
}

impl Certificate {
    /// Reads a PEM certificate and its PEM key (PKCS#8 or PKCS#1).
    ///
    /// # Errors
    /// Says what cannot be read; nothing of the key is in it.
    pub fn from_pem(certificate: &[u8], key: &SecretString) -> Result<Self, &'static str> {
        let certificate =
            CertificateDer::from_pem_slice(certificate).map_err(|_| "its `certificate` holds no PEM certificate")?;
        let key = rsa_key(key)?;
        // The certificate holds its public key as it stands in the key pair; another one's does not.
        let public: &[u8] = key.public().as_ref();
        if !certificate.windows(public.len()).any(|window| window == public) {
            return Err("its `private_key` is not the key of its `certificate`");
        }
        Ok(Self { key, thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)) })
    }

    /// An assertion that `client_id` signs in at `audience` now.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn assert(&self, client_id: &str, audience: &str) -> Result<String, &'static str> {
        let now_s = now_s();
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": unique()?,
            "nbf": now_s.saturating_sub(LIFE_S),
            "exp": now_s + LIFE_S,
        });
        signed(&self.key, &RSA_PSS_SHA256, &header, &claims)
    }
}

/// A service account's RSA key.
pub struct ServiceKey {
    key: RsaKeyPair,
    key_id: Option<String>,
    subject: Option<String>,
}

impl ServiceKey {
    /// Reads a PEM key (PKCS#8 or PKCS#1). `key_id` is what the other side calls it; `subject` for whom it signs in, if not for
    /// itself.
    ///
    /// # Errors
    /// Says what cannot be read; nothing of the key is in it.
    pub fn from_pem(key: &SecretString, key_id: Option<String>, subject: Option<String>) -> Result<Self, &'static str> {
        Ok(Self { key: rsa_key(key)?, key_id, subject })
    }

    /// An assertion that `issuer` asks `audience` for `scope` now.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn assert(&self, issuer: &str, audience: &str, scope: &str) -> Result<String, &'static str> {
        let now_s = now_s();
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(key_id) = &self.key_id {
            header["kid"] = json!(key_id);
        }
        let mut claims = json!({
            "aud": audience,
            "iss": issuer,
            "sub": self.subject.as_deref().unwrap_or(issuer),
            "jti": unique()?,
            "iat": now_s,
            "exp": now_s + LIFE_S,
        });
        if !scope.is_empty() {
            claims["scope"] = json!(scope);
        }
        signed(&self.key, &RSA_PKCS1_SHA256, &header, &claims)
    }
}

/// Seconds since 1970.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn rsa_key(pem: &SecretString) -> Result<RsaKeyPair, &'static str> {
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
        .map_err(|_| "its `private_key` holds no PEM key")?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("its `private_key` is no RSA key"),
    };
    key.map_err(|_| "its `private_key` is no RSA key of 2048 to 4096 bits")
}

fn unique() -> Result<String, &'static str> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| "there is no randomness")?;
    Ok(URL_SAFE_NO_PAD.encode(id))
}

/// A JSON web token (RFC 7519).
fn signed(
    key: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    header: &Value,
    claims: &Value,
) -> Result<String, &'static str> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| "it cannot be signed")?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("tests/certificate.pem");
    const KEY: &str = include_str!("tests/key.pem");
    const OTHER_KEY: &str = include_str!("tests/other-key.pem");

    #[test]
    fn an_assertion_is_signed_by_the_certificates_key() {
        let certificate = Certificate::from_pem(CERTIFICATE, &KEY.to_owned().into()).unwrap();
        let assertion = certificate.assert("app", "https://login.example/t/oauth2/v2.0/token").unwrap();
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, certificate.key.public().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let part = |at: usize| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(at).unwrap()).unwrap()).unwrap()
        };
        let der = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
        assert_eq!(part(0)["x5t#S256"], URL_SAFE_NO_PAD.encode(Sha256::digest(&der)));
        assert_eq!((&part(1)["iss"], &part(1)["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(part(1)["aud"], "https://login.example/t/oauth2/v2.0/token");
        assert!(part(1)["exp"].as_u64().unwrap() - part(1)["nbf"].as_u64().unwrap() == 2 * LIFE_S);
        assert_ne!(certificate.assert("app", "x").unwrap(), certificate.assert("app", "x").unwrap());
    }

    #[test]
    fn a_service_account_signs_for_whom_it_says() {
        let key =
            ServiceKey::from_pem(&KEY.to_owned().into(), Some("k1".into()), Some("anna@example.com".into())).unwrap();
        let assertion = key.assert("robot", "https://login.example/token", "read write").unwrap();
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ring::signature::RSA_PKCS1_2048_8192_SHA256, key.key.public().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let part = |at: usize| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(at).unwrap()).unwrap()).unwrap()
        };
        assert_eq!((&part(0)["alg"], &part(0)["kid"]), (&json!("RS256"), &json!("k1")));
        assert_eq!((&part(1)["iss"], &part(1)["sub"]), (&json!("robot"), &json!("anna@example.com")));
        assert_eq!((&part(1)["scope"], &part(1)["aud"]), (&json!("read write"), &json!("https://login.example/token")));
        assert!(ServiceKey::from_pem(&"no key".to_owned().into(), None, None).is_err());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        for (certificate, key, why) in [
            (CERTIFICATE, OTHER_KEY, "not the key of"),
            (CERTIFICATE, "", "no PEM key"),
            (b"", KEY, "no PEM certificate"),
        ] {
            let found = Certificate::from_pem(certificate, &key.to_owned().into()).err().unwrap();
            assert!(found.contains(why), "{found}");
        }
    }
}
