//! Who asks: a browser by its cookie, a program by its token.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use maud::{Markup, html};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Console, Trouble, gate};
use crate::people::{Right, Rights, Session};

/// Sent to this host alone, for every path, over TLS or to the machine itself.
const COOKIE: &str = "__Host-chancery";

/// Somebody who is let in.
#[derive(Clone, Debug)]
pub(in crate::console) struct Actor {
    /// Their name, or that of their token.
    pub(in crate::console) name: String,
    /// What they may do.
    pub(in crate::console) rights: Rights,
    /// How they came.
    pub(in crate::console) via: Via,
}

/// How somebody came.
#[derive(Clone, Debug)]
pub(in crate::console) enum Via {
    /// With a browser.
    Session {
        /// What its forms carry.
        form_token: SecretString,
        /// What its cookie holds.
        secret: SecretString,
    },
    /// With a token.
    Token,
}

impl Actor {
    /// Whether they have a right.
    pub(in crate::console) fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// # Errors
    /// [`Trouble::Right`] when they have not.
    pub(in crate::console) fn require(&self, right: Right) -> Result<(), Trouble> {
        self.require_any(&[right])
    }

    /// One of these is enough.
    ///
    /// # Errors
    /// [`Trouble::Right`], with the first, when they have none.
    pub(in crate::console) fn require_any(&self, rights: &[Right]) -> Result<(), Trouble> {
        match rights.first() {
            Some(first) if !rights.iter().any(|right| self.may(*right)) => Err(Trouble::Right(*first)),
            _ => Ok(()),
        }
    }

    /// The secret of their session, if they came with one.
    pub(in crate::console) fn session_secret(&self) -> Option<&SecretString> {
        match &self.via {
            Via::Session { secret, .. } => Some(secret),
            Via::Token => None,
        }
    }

    /// Whether a form is one of this session: compared by digest, so that the time taken tells nothing.
    pub(super) fn made(&self, sent: &str) -> bool {
        match &self.via {
            Via::Session { form_token, .. } => Session::is_same_secret(form_token, sent),
            Via::Token => false,
        }
    }
}

impl FromRequestParts<Console> for Actor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Trouble> {
        if let Some(actor) = parts.extensions.get::<Self>() {
            return Ok(actor.clone());
        }
        let actor = if gate::is_api(parts.uri.path()) {
            of_token(&parts.headers, console).ok_or(Trouble::Token)
        } else {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let secret = cookie_of(&parts.headers, COOKIE);
            let had_session = secret.is_some();
            let session =
                secret.and_then(|secret| Some((console.people.session(&secret, console.now_ms()).ok()?, secret)));
            session
                .map(|(Session { name, rights, form_token, .. }, secret)| {
                    let via = Via::Session { form_token, secret };
                    Self { name, rights, via }
                })
                .ok_or(Trouble::SignIn { path, had_session })
        }?;
        // For the records of what is refused, and for extractors that come later.
        if let Some(known) = parts.extensions.get::<gate::Asker>() {
            known.is(&actor.name);
        }
        parts.extensions.insert(actor.clone());
        Ok(actor)
    }
}

fn of_token(headers: &HeaderMap, console: &Console) -> Option<Actor> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = sent.split_once(' ')?;
    let secret = SecretString::from(secret.trim());
    let token = console.people.token(&secret, console.now_ms()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let name = match &token.person {
        Some(person) => format!("{person} (token {})", token.name),
        None => format!("token {}", token.name),
    };
    Some(Actor { name, rights: token.scopes, via: Via::Token })
}

/// What the browser keeps under a name.
pub(in crate::console) fn cookie_of(headers: &HeaderMap, wanted: &str) -> Option<SecretString> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, secret)| SecretString::from(secret))
}

/// The header that has the browser keep a session. `Secure` holds on plain HTTP too when the browser runs on the same
/// machine: it counts loopback addresses as safe.
pub(in crate::console) fn set_cookie(secret: &SecretString) -> Option<HeaderValue> {
    let text = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", secret.expose_secret());
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The header that has it forget one.
pub(in crate::console) fn clear_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-chancery=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// What each form of a session carries.
pub(in crate::console) fn form_token(actor: &Actor) -> Markup {
    html! {
        @if let Via::Session { form_token, .. } = &actor.via {
            input type="hidden" name="form_token" value=(form_token.expose_secret());
        }
    }
}
