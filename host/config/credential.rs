//! Credentials: how each is attached, and where its secret is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;
use serde::Deserialize;

use super::{error::ConfigError, typed};
use crate::item::time::parse_instant;

/// A credential: references only.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// How it is attached.
    pub scheme: Scheme,
    /// Origins it is bound to; none when only destinations may use it.
    pub origins: Vec<String>,
    /// When what it refers to ends, as far as the operator said.
    pub expires_ms: Option<i64>,
}

/// A secret in memory, in place of one of the store, for a connector that is still being put together. Clones share it: a
/// sign-in that is renewed while the connector is tried is renewed for whoever finishes it, and what it was before is spent.
#[derive(Clone, Debug)]
pub struct HeldSecret(Arc<Mutex<SecretString>>);

impl HeldSecret {
    /// As it is now.
    pub fn secret(&self) -> SecretString {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes its place.
    pub fn replace(&self, secret: SecretString) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = secret;
    }
}

impl From<SecretString> for HeldSecret {
    fn from(secret: SecretString) -> Self {
        Self(Arc::new(Mutex::new(secret)))
    }
}

/// How a credential is attached, with references to what is secret.
#[derive(Clone, Debug)]
pub enum Scheme {
    /// RFC 7617.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: SecretRef,
    },
    /// RFC 6750.
    Bearer {
        /// Token.
        token: SecretRef,
    },
    /// A header.
    Header {
        /// Its name.
        parameter: String,
        /// Its value.
        value: SecretRef,
    },
    /// A query parameter.
    Query {
        /// Its name.
        parameter: String,
        /// Its value.
        value: SecretRef,
    },
    /// Sign in as the plugin's descriptor says.
    Login {
        /// User name.
        username: String,
        /// Password.
        password: SecretRef,
    },
    /// OAuth 2: the host gets tokens.
    Oauth2(Oauth2),
    /// A client certificate (mTLS).
    Certificate {
        /// PEM.
        file: PathBuf,
        /// PEM.
        key: SecretRef,
    },
    /// Each request is signed as the plugin's descriptor says.
    Hmac {
        /// The key's public name.
        username: Option<String>,
        /// The key.
        secret: SecretRef,
    },
}

/// How the host gets tokens.
#[derive(Clone, Debug)]
pub struct Oauth2 {
    /// The token endpoint.
    pub token_url: url::Url,
    /// The application; with `jwt-bearer` who signs.
    pub client_id: String,
    /// How it comes to a token.
    pub grant: Grant,
    /// What is asked for.
    pub scope: String,
}

/// How an application comes to a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// For itself (RFC 6749, section 4.4).
    ClientCredentials(Proof),
    /// For a person who signs in once (RFC 6749, section 4.1).
    AuthorizationCode {
        /// Where.
        authorization_url: url::Url,
        /// The application's own secret, if it has one.
        secret: Option<SecretRef>,
    },
    /// By a signed assertion (RFC 7523, section 2.1).
    JwtBearer {
        /// PEM.
        key: SecretRef,
        /// What the other side calls it.
        key_id: Option<String>,
        /// For whom, if not for itself.
        subject: Option<String>,
    },
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; its last line end is cut off.
    File(PathBuf),
    /// The host's own store, under this name.
    Store(String),
}

/// How an application proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A shared secret.
    Secret(SecretRef),
    /// A certificate that the directory knows, and its key.
    Certificate {
        /// PEM.
        file: PathBuf,
        /// PEM.
        key: SecretRef,
    },
}

/// One for all mailboxes, or one for each.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`credential` is a name, or a table of mailboxes and names")]
pub(super) enum CredentialNames {
    One(String),
    Each(BTreeMap<String, String>),
}

impl Credential {
    pub(super) fn parse(file: &Path, base: &Path, name: &str, typed: typed::Credential) -> Result<Self, ConfigError> {
        let missing = |key: &str| ConfigError::new(file, format!("`[credential.{name}]` needs `{key}`"));
        let secret = |secret: Option<typed::Secret>, key: &str| {
            secret.ok_or_else(|| missing(key)).map(|secret| secret.meaning(base))
        };
        let username = typed.username.ok_or_else(|| missing("username"));
        let parameter = typed.parameter.ok_or_else(|| missing("parameter"));
        let scheme = match typed.scheme {
            typed::SchemeName::Basic => {
                Scheme::Basic { username: username?, password: secret(typed.password, "password")? }
            }
            typed::SchemeName::Login => {
                Scheme::Login { username: username?, password: secret(typed.password, "password")? }
            }
            typed::SchemeName::Bearer => Scheme::Bearer { token: secret(typed.token, "token")? },
            typed::SchemeName::Header => Scheme::Header { parameter: parameter?, value: secret(typed.value, "value")? },
            typed::SchemeName::Query => Scheme::Query { parameter: parameter?, value: secret(typed.value, "value")? },
            typed::SchemeName::Hmac => Scheme::Hmac { username: username.ok(), secret: secret(typed.secret, "secret")? },
            typed::SchemeName::Certificate => Scheme::Certificate {
                file: base.join(typed.certificate.ok_or_else(|| missing("certificate"))?),
                key: secret(typed.private_key, "private_key")?,
            },
            typed::SchemeName::Oauth2 => Scheme::Oauth2(Oauth2 {
                token_url: address(file, name, "token_url", &typed.token_url.ok_or_else(|| missing("token_url"))?)?,
                client_id: typed.client_id.ok_or_else(|| missing("client_id"))?,
                grant: match (typed.grant, typed.secret, typed.certificate, typed.private_key) {
                    (typed::GrantName::ClientCredentials, Some(shared), None, None) => {
                        Grant::ClientCredentials(Proof::Secret(secret(Some(shared), "secret")?))
                    }
                    (typed::GrantName::ClientCredentials, None, Some(certificate), key) => {
                        let (file, key) = (base.join(certificate), secret(key, "private_key")?);
                        Grant::ClientCredentials(Proof::Certificate { file, key })
                    }
                    (typed::GrantName::ClientCredentials, ..) => return Err(missing("secret").hint(
                        "write either `secret = …`, or `certificate = \"app.pem\"` with `private_key = { file = \"app.key\" }`",
                    )),
                    (typed::GrantName::AuthorizationCode, shared, ..) => {
                        let text = typed.authorization_url.ok_or_else(|| missing("authorization_url"))?;
                        Grant::AuthorizationCode {
                            authorization_url: address(file, name, "authorization_url", &text)?,
                            secret: shared.map(|shared| shared.meaning(base)),
                        }
                    }
                    (typed::GrantName::JwtBearer, _, _, key) => Grant::JwtBearer {
                        key: secret(key, "private_key")?,
                        key_id: typed.key_id,
                        subject: typed.subject,
                    },
                },
                scope: typed.scope.ok_or_else(|| missing("scope"))?,
            }),
        };
        // A destination says itself where it signs in; everything else is attached to a plugin's requests.
        let for_destinations = matches!(scheme, Scheme::Basic { .. } | Scheme::Oauth2(_));
        if typed.origins.is_empty() && !for_destinations {
            return Err(missing("origins")
                .hint("name the origins it may be sent to: `origins = [\"https://archive.example.com\"]`"));
        }
        let expires_ms = typed.expires.as_deref().map(parse_instant).transpose();
        let expires_ms =
            expires_ms.map_err(|why| ConfigError::new(file, format!("`[credential.{name}]`: `expires`: {why}")))?;
        Ok(Self { name: name.to_owned(), scheme, origins: typed.origins, expires_ms })
    }
}

/// An URL that secrets may be sent to: nothing but HTTPS will do, unless it never leaves the machine.
pub(super) fn encrypted_url(text: &str) -> Option<url::Url> {
    let local = |url: &url::Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let url = url::Url::parse(text).ok()?;
    (url.scheme() == "https" || (url.scheme() == "http" && local(&url))).then_some(url)
}

fn address(file: &Path, name: &str, key: &str, text: &str) -> Result<url::Url, ConfigError> {
    encrypted_url(text).ok_or_else(|| {
        let problem = ConfigError::new(file, format!("`[credential.{name}]`: `{key}` is no URL of `https://`"));
        problem.hint("for Microsoft 365: `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`")
    })
}
