//! Credentials: what the operator bound to origins, and how the host attaches it on the way out.
//!
//! A guest names a credential and never sees it. The secret is attached after the origin was checked, to the origins
//! it is bound to and to no other, also after a redirect.

use std::sync::Arc;

use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::{
    Origin, Scrub,
    login::{Login, Poster},
    signing,
};
use crate::{
    item::{Failure, NextMove, descriptor::CredentialScheme, network::Network},
    network::{ClientCertificate, TokenSource, http_client_of, now_s},
};

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
    /// User name, for `basic` and `login`; the key's public name for `hmac`.
    pub username: Option<String>,
    /// What proves who asks.
    pub proof: Proof,
}

/// What proves who asks.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Password, token or key. Wiped from memory when dropped.
    Secret(SecretString),
    /// Where tokens come from, for `oauth2`.
    Tokens(Arc<TokenSource>),
    /// For the TLS handshake, for `certificate`.
    Certificate(Arc<ClientCertificate>),
}

/// A credential ready to be attached.
#[derive(Debug)]
pub(super) struct Armed {
    credential: Credential,
    /// For the `login` scheme: the session.
    login: Option<Login>,
    /// For the `certificate` scheme: connections that show it, which nothing else goes over.
    client: Option<reqwest::Client>,
}

/// What a request carried, so that a 401 renews that one and not its successor.
pub(super) enum Carried {
    /// Nothing that could be renewed.
    Nothing,
    /// A session of a login.
    Session(u64),
    /// A token.
    Token(SecretString),
}

/// A request on its way out.
pub(super) struct Going<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a mut Url,
    pub(super) headers: &'a mut HeaderMap,
    pub(super) body: &'a [u8],
}

impl Armed {
    /// Checks what can be checked before the first request, and tells `scrub` what to take out.
    pub(super) fn new(credential: Credential, network: &Network, scrub: &Scrub) -> Result<Self, Failure> {
        let misconfigured = |why: String| {
            Failure::new(
                "credential-misconfigured",
                NextMove::AskPerson,
                format!("credential `{}` cannot be used: {why}", credential.name),
            )
        };
        let fits = match (&credential.scheme, &credential.proof) {
            (CredentialScheme::Oauth2(_), proof) => matches!(proof, Proof::Tokens(_)),
            (CredentialScheme::Certificate, proof) => matches!(proof, Proof::Certificate(_)),
            (_, proof) => matches!(proof, Proof::Secret(_)),
        };
        if !fits {
            return Err(misconfigured("what it proves itself with is of another scheme".to_owned()));
        }
        let secret = credential.secret();
        scrub.add(secret);
        if let (Some(username), Proof::Secret(_)) = (&credential.username, &credential.proof) {
            scrub.add(&Zeroizing::new(format!("{username}:{secret}")));
        }
        let needs_username = match &credential.scheme {
            CredentialScheme::Basic | CredentialScheme::Login(_) => true,
            CredentialScheme::Hmac(recipe) => recipe.key_header.is_some(),
            _ => false,
        };
        if needs_username && credential.username.is_none() {
            let hint = format!("add `username = \"…\"` to `[credential.{}]`", credential.name);
            return Err(misconfigured("it has no user name".to_owned()).hint(hint));
        }
        if secret.is_empty() && matches!(credential.proof, Proof::Secret(_)) {
            let hint = format!("chancery secret set {}", credential.name);
            return Err(misconfigured("its secret is empty".to_owned()).hint(hint));
        }
        let header_name = match &credential.scheme {
            CredentialScheme::Header(name) => name,
            CredentialScheme::Login(recipe) => &recipe.header,
            CredentialScheme::Hmac(recipe) => &recipe.header,
            _ => "authorization",
        };
        HeaderName::try_from(header_name).map_err(|_| misconfigured("its header's name is not one".to_owned()))?;
        let login = matches!(credential.scheme, CredentialScheme::Login(_)).then(Login::default);
        let client = match &credential.proof {
            Proof::Certificate(certificate) => Some(http_client_of(network, Some(certificate))?),
            _ => None,
        };
        Ok(Self { credential, login, client })
    }

    /// The connections that requests with it go over, where they are its own.
    pub(super) fn client(&self) -> Option<&reqwest::Client> {
        self.client.as_ref()
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

    /// The headers that a guest may not set itself when this credential is named.
    pub(super) fn header_names(&self) -> Vec<HeaderName> {
        let of = |name: &String| HeaderName::try_from(name).ok();
        match &self.credential.scheme {
            CredentialScheme::Basic | CredentialScheme::Bearer | CredentialScheme::Oauth2(_) => {
                vec![header::AUTHORIZATION]
            }
            CredentialScheme::Header(name) => of(name).into_iter().collect(),
            CredentialScheme::Login(recipe) => of(&recipe.header).into_iter().collect(),
            CredentialScheme::Hmac(recipe) => {
                let others = [&recipe.timestamp_header, &recipe.key_header].into_iter().flatten();
                [&recipe.header].into_iter().chain(others).filter_map(of).collect()
            }
            CredentialScheme::Query(_) | CredentialScheme::Certificate => Vec::new(),
        }
    }

    /// Attaches it to a request for `origin`, signing in first where the scheme says so.
    pub(super) async fn attach(
        &self,
        poster: &dyn Poster,
        origin: &Origin,
        going: Going<'_>,
        scrub: &Scrub,
    ) -> Result<Carried, Failure> {
        let (secret, username) = (self.credential.secret(), self.credential.username.as_deref().unwrap_or_default());
        let Going { method, url, headers, body } = going;
        match (&self.credential.scheme, &self.credential.proof) {
            (CredentialScheme::Basic, _) => {
                let pair = Zeroizing::new(format!("{username}:{secret}"));
                let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
                self.set(headers, header::AUTHORIZATION.as_str(), &Zeroizing::new(format!("Basic {}", &*encoded)))?;
            }
            (CredentialScheme::Bearer, _) => self.set_bearer(headers, header::AUTHORIZATION.as_str(), secret)?,
            (CredentialScheme::Header(name), _) => self.set(headers, name, secret)?,
            (CredentialScheme::Query(name), _) => {
                let others: Vec<(String, String)> =
                    url.query_pairs().filter(|(key, _)| key != name).map(|(k, v)| (k.into(), v.into())).collect();
                url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, secret);
            }
            (CredentialScheme::Login(recipe), _) => {
                let Some(login) = &self.login else { return Ok(Carried::Nothing) };
                let session = login.session(poster, origin, &self.credential, recipe, scrub).await?;
                self.set_bearer(headers, &recipe.header, session.token.expose_secret())?;
                return Ok(Carried::Session(session.number));
            }
            (CredentialScheme::Oauth2(_), Proof::Tokens(tokens)) => {
                let token = tokens.token().await?;
                scrub.add(token.expose_secret());
                self.set_bearer(headers, header::AUTHORIZATION.as_str(), token.expose_secret())?;
                return Ok(Carried::Token(token));
            }
            (CredentialScheme::Hmac(recipe), _) => {
                let now_s = now_s();
                let signature = signing::sign(recipe, secret, now_s, method, url, body);
                self.set(headers, &recipe.header, &signature)?;
                if let Some(name) = &recipe.timestamp_header {
                    self.set(headers, name, &now_s.to_string())?;
                }
                if let Some(name) = &recipe.key_header {
                    self.set(headers, name, username)?;
                }
            }
            (CredentialScheme::Certificate | CredentialScheme::Oauth2(_), _) => {}
        }
        Ok(Carried::Nothing)
    }

    /// After a 401: drops what the request carried. True when it is worth asking again.
    pub(super) async fn renew(&self, carried: Carried) -> bool {
        match (&self.login, &self.credential.proof, carried) {
            (Some(login), _, Carried::Session(number)) => login.expire(number).await,
            (_, Proof::Tokens(tokens), Carried::Token(token)) => tokens.expire(&token).await,
            _ => return false,
        }
        true
    }

    fn set_bearer(&self, headers: &mut HeaderMap, name: &str, token: &str) -> Result<(), Failure> {
        self.set(headers, name, &Zeroizing::new(format!("Bearer {token}")))
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

impl Credential {
    /// Password, token or key; empty where there is none.
    pub(super) fn secret(&self) -> &str {
        match &self.proof {
            Proof::Secret(secret) => secret.expose_secret(),
            Proof::Tokens(_) | Proof::Certificate(_) => "",
        }
    }
}
