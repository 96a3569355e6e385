//! Signing in (RFC 4954): PLAIN or LOGIN with a password, XOAUTH2 or OAUTHBEARER with a token.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::{refusal, session::Session, settings::SmtpSettings, wire::Reply};
use crate::{
    destinations::imap::{Account, Mechanism},
    item::Failure,
};

/// Signs in; a token that is refused is renewed once.
pub(super) async fn sign_in(session: &mut Session, settings: &SmtpSettings, account: &Account) -> Result<(), Failure> {
    let place = settings.place();
    let reply = match account {
        Account::Password { username, password } => with_password(session, &place, username, password).await?,
        Account::Token(source) => {
            let token = source.token().await?;
            let reply = bearer(session, settings, &token).await?;
            if reply.is_ok() || reply.is_passing() {
                reply
            } else {
                // It may have been revoked before its time: once more with a new one.
                source.expire(&token).await;
                let renewed = source.token().await?;
                match renewed.expose_secret() == token.expose_secret() {
                    true => reply,
                    false => bearer(session, settings, &renewed).await?,
                }
            }
        }
    };
    if reply.code == 235 { Ok(()) } else { Err(refusal::sign_in(&place, &reply)) }
}

async fn with_password(
    session: &mut Session,
    place: &str,
    username: &str,
    password: &SecretString,
) -> Result<Reply, Failure> {
    let password = password.expose_secret();
    if session.offers.signs_in_by("PLAIN") {
        let response = STANDARD.encode(format!("\0{username}\0{password}"));
        return session.wire.command(&format!("AUTH PLAIN {response}")).await;
    }
    if session.offers.signs_in_by("LOGIN") {
        let mut reply = session.wire.command("AUTH LOGIN").await?;
        for said in [username, password] {
            if reply.code != 334 {
                break;
            }
            reply = session.wire.command(&STANDARD.encode(said)).await?;
        }
        return Ok(reply);
    }
    let hint = "use `security = \"tls\"` or `\"starttls\"`, another `mechanism`, or leave `credential` out where none is needed";
    Err(refusal::lacking(place, "signing in with a password here", hint))
}

async fn bearer(session: &mut Session, settings: &SmtpSettings, token: &SecretString) -> Result<Reply, Failure> {
    let token = token.expose_secret();
    let SmtpSettings { host, port, from, .. } = settings;
    let (name, response, after_refusal) = match settings.mechanism {
        Mechanism::Oauthbearer => {
            let user = from.replace('=', "=3D").replace(',', "=2C");
            let said = format!("n,a={user},\u{1}host={host}\u{1}port={port}\u{1}auth=Bearer {token}\u{1}\u{1}");
            ("OAUTHBEARER", said, "AQ==")
        }
        Mechanism::Xoauth2 | Mechanism::Plain => {
            ("XOAUTH2", format!("user={from}\u{1}auth=Bearer {token}\u{1}\u{1}"), "")
        }
    };
    if !session.offers.signs_in_by(name) {
        let hint = "choose another `mechanism` (`xoauth2` and `oauthbearer` take tokens, `plain` a password)";
        return Err(refusal::lacking(&settings.place(), &format!("AUTH {name}"), hint));
    }
    let reply = session.wire.command(&format!("AUTH {name} {}", STANDARD.encode(response))).await?;
    // What a server says about a token before it refuses is answered.
    if reply.code == 334 { session.wire.command(after_refusal).await } else { Ok(reply) }
}
