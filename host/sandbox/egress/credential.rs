//! Credentials: what the operator bound to origins, and how the host attaches it on the way out.
//!
//! A guest names a credential and never sees it. The secret is attached after the origin was checked, to the origins
//! it is bound to and to no other, also after a redirect.

use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::{
    Origin, Scrub,
    login::{Login, Poster},
};
use crate::item::{Failure, NextMove, descriptor::CredentialScheme};

/// A credential of one connector's source.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its name in the configuration (`[credential.NAME]`), for hints.
    pub name: String,
    /// The name by which the plugin asks for it (the descriptor's wish).
    pub asked_as: String,
    /// How it is attached.
    pub scheme: CredentialScheme,
    /// Where it may go.
    pub origins: Vec<Origin>,
    /// User name, for `basic` and `login`.
    pub username: Option<String>,
    /// Password, token or key. Wiped from memory when dropped.
    pub secret: SecretString,
}

/// A credential ready to be attached.
#[derive(Debug)]
pub(super) struct Armed {
    credential: Credential,
    /// For the `login` scheme: the session.
    login: Option<Login>,
}

/// Which session a request carried, so that a 401 renews that one and not its successor.
pub(super) type Carried = Option<u64>;

impl Armed {
    /// Checks what can be checked before the first request, and tells `scrub` what to take out.
    pub(super) fn new(credential: Credential, scrub: &Scrub) -> Result<Self, Failure> {
        let misconfigured = |why: String| {
            Failure::new(
                "credential-misconfigured",
                NextMove::AskPerson,
                format!("credential `{}` cannot be used: {why}", credential.name),
            )
        };
        let secret = credential.secret.expose_secret();
        scrub.add(secret);
        if let Some(username) = &credential.username {
            scrub.add(&Zeroizing::new(format!("{username}:{secret}")));
        }
        let needs_username = matches!(credential.scheme, CredentialScheme::Basic | CredentialScheme::Login(_));
        if needs_username && credential.username.is_none() {
            let hint = format!("add `username = \"…\"` to `[credential.{}]`", credential.name);
            return Err(misconfigured("it has no user name".to_owned()).hint(hint));
        }
        if secret.is_empty() {
            let hint = format!("chancery secret set {}", credential.name);
            return Err(misconfigured("its secret is empty".to_owned()).hint(hint));
        }
        let header_name = match &credential.scheme {
            CredentialScheme::Header(name) => name,
            CredentialScheme::Login(recipe) => &recipe.header,
            CredentialScheme::Basic | CredentialScheme::Bearer | CredentialScheme::Query(_) => "authorization",
        };
        HeaderName::try_from(header_name).map_err(|_| misconfigured("its header's name is not one".to_owned()))?;
        let login = matches!(credential.scheme, CredentialScheme::Login(_)).then(Login::default);
        Ok(Self { credential, login })
    }

    pub(super) fn asked_as(&self) -> &str {
        &self.credential.asked_as
    }

    pub(super) fn is_bound_to(&self, origin: &Origin) -> bool {
        self.credential.origins.iter().any(|bound| bound.covers(origin))
    }

    /// What to say when the plugin uses it for an origin it is not bound to.
    pub(super) fn unbound(&self, origin: &Origin) -> Failure {
        let name = &self.credential.name;
        let mut origins: Vec<_> = self.credential.origins.iter().map(|origin| format!("\"{origin}\"")).collect();
        origins.push(format!("\"{origin}\""));
        Failure::new("egress-denied", NextMove::AskPerson, format!("credential `{name}` is not bound to `{origin}`"))
            .hint(format!("in `[credential.{name}]`: `origins = [{}]`", origins.join(", ")))
    }

    /// The header that a guest may not set itself when this credential is named.
    pub(super) fn header_name(&self) -> Option<HeaderName> {
        match &self.credential.scheme {
            CredentialScheme::Basic | CredentialScheme::Bearer => Some(header::AUTHORIZATION),
            CredentialScheme::Header(name) => HeaderName::try_from(name).ok(),
            CredentialScheme::Login(recipe) => HeaderName::try_from(&recipe.header).ok(),
            CredentialScheme::Query(_) => None,
        }
    }

    /// Attaches it to a request for `origin`, signing in first where the scheme says so.
    pub(super) async fn attach(
        &self,
        poster: &dyn Poster,
        origin: &Origin,
        url: &mut Url,
        headers: &mut HeaderMap,
        scrub: &Scrub,
    ) -> Result<Carried, Failure> {
        let secret = self.credential.secret.expose_secret();
        match &self.credential.scheme {
            CredentialScheme::Basic => {
                let username = self.credential.username.as_deref().unwrap_or_default();
                let pair = Zeroizing::new(format!("{username}:{secret}"));
                let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
                self.set(headers, header::AUTHORIZATION.as_str(), &Zeroizing::new(format!("Basic {}", &*encoded)))?;
            }
            CredentialScheme::Bearer => {
                self.set(headers, header::AUTHORIZATION.as_str(), &Zeroizing::new(format!("Bearer {secret}")))?;
            }
            CredentialScheme::Header(name) => self.set(headers, name, secret)?,
            CredentialScheme::Query(name) => {
                let others: Vec<(String, String)> =
                    url.query_pairs().filter(|(key, _)| key != name).map(|(k, v)| (k.into(), v.into())).collect();
                url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, secret);
            }
            CredentialScheme::Login(recipe) => {
                let Some(login) = &self.login else { return Ok(None) };
                let session = login.session(poster, origin, &self.credential, recipe, scrub).await?;
                self.set(
                    headers,
                    &recipe.header,
                    &Zeroizing::new(format!("Bearer {}", session.token.expose_secret())),
                )?;
                return Ok(Some(session.number));
            }
        }
        Ok(None)
    }

    /// After a 401: drops the session that the request carried. True when it is worth asking again.
    pub(super) async fn renew(&self, carried: Carried) -> bool {
        let (Some(login), Some(number)) = (&self.login, carried) else { return false };
        login.expire(number).await;
        true
    }

    fn set(&self, headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Failure> {
        let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
        let Some((name, mut value)) = parsed else {
            return Err(Failure::new(
                "credential-misconfigured",
                NextMove::AskPerson,
                format!(
                    "credential `{}` does not fit into a header: it holds a line break or such",
                    self.credential.name
                ),
            )
            .hint(format!("chancery secret set {}", self.credential.name)));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}
