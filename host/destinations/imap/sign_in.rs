//! Signing in: PLAIN or LOGIN with a password, XOAUTH2 or OAUTHBEARER with a token.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    offers::Offers,
    refusal,
    session::place,
    settings::{Access, Account, ImapSettings, Mechanism},
    tokens::quote,
    wire::{Answer, Status, Wire},
};
use crate::item::{Failure, limits};

/// Who signs in where.
pub(super) struct SignIn<'a> {
    pub(super) mailbox: &'a str,
    pub(super) account: &'a Account,
}

/// Signs in; a token that is refused is renewed once.
pub(super) async fn sign_in(
    wire: &mut Wire,
    offers: &Offers,
    settings: &ImapSettings,
    who: &SignIn<'_>,
) -> Result<Status, Failure> {
    let place = place(settings);
    Ok(match who.account {
        Account::Password { username, password } => {
            let names = Names::of(settings, who.mailbox, username);
            plain(wire, offers, &place, &names, password).await?
        }
        Account::Token(source) => {
            let token = source.token().await?;
            let status = bearer(wire, offers, settings, who.mailbox, &token).await?;
            if status.is_ok() || refusal::later(&place, &status).is_some() {
                status
            } else {
                // It may have been revoked before its time: once more with a new one.
                source.expire(&token).await;
                let renewed = source.token().await?;
                if renewed.expose_secret() == token.expose_secret() {
                    status
                } else {
                    bearer(wire, offers, settings, who.mailbox, &renewed).await?
                }
            }
        }
    })
}

/// Whose mailbox, and who asks.
struct Names {
    /// Empty: the mailbox of the one who signs in.
    authorization: String,
    user: String,
}

impl Names {
    fn of(settings: &ImapSettings, mailbox: &str, username: &str) -> Self {
        match &settings.access {
            Access::Master { separator, .. } => {
                Self { authorization: String::new(), user: format!("{mailbox}{separator}{username}") }
            }
            Access::Delegated { .. } if !username.eq_ignore_ascii_case(mailbox) => {
                Self { authorization: mailbox.to_owned(), user: username.to_owned() }
            }
            Access::Delegated { .. } | Access::Each(_) => {
                Self { authorization: String::new(), user: username.to_owned() }
            }
        }
    }
}

async fn plain(
    wire: &mut Wire,
    offers: &Offers,
    place: &str,
    names: &Names,
    password: &SecretString,
) -> Result<Status, Failure> {
    let Names { authorization, user } = names;
    if offers.has("AUTH=PLAIN") {
        let response = format!("{authorization}\0{user}\0{}", password.expose_secret());
        return authenticate(wire, offers, "PLAIN", &response, "").await;
    }
    let lacking = |what, hint| Err(refusal::lacking(place, what, hint));
    if offers.has("LOGINDISABLED") {
        return lacking(
            "signing in with a password here",
            "use `security = \"tls\"` or `\"starttls\"`, or another `mechanism`",
        );
    }
    if !authorization.is_empty() {
        let hint = "AUTHENTICATE PLAIN is needed to act for another mailbox: make the server offer it, or use `master`, or a credential for each mailbox";
        return lacking("AUTH=PLAIN", hint);
    }
    let sayable = |text: &str| text.chars().all(|c| c.is_ascii() && !c.is_ascii_control());
    if !sayable(user) || !sayable(password.expose_secret()) {
        return lacking("AUTH=PLAIN", "LOGIN cannot say this user name and password: make the server offer AUTH=PLAIN");
    }
    wire.command(&format!("LOGIN {} {}", quote(user), quote(password.expose_secret())), |_| Ok(())).await
}

async fn bearer(
    wire: &mut Wire,
    offers: &Offers,
    settings: &ImapSettings,
    mailbox: &str,
    token: &SecretString,
) -> Result<Status, Failure> {
    let token = token.expose_secret();
    let ImapSettings { host, port, .. } = settings;
    let (name, response, after_refusal) = match settings.mechanism {
        Mechanism::Oauthbearer => {
            let user = mailbox.replace('=', "=3D").replace(',', "=2C");
            let said = format!("n,a={user},\u{1}host={host}\u{1}port={port}\u{1}auth=Bearer {token}\u{1}\u{1}");
            ("OAUTHBEARER", said, "AQ==")
        }
        Mechanism::Xoauth2 | Mechanism::Plain => {
            ("XOAUTH2", format!("user={mailbox}\u{1}auth=Bearer {token}\u{1}\u{1}"), "")
        }
    };
    if !offers.has(&format!("AUTH={name}")) {
        let hint = "choose another `mechanism` (`xoauth2` and `oauthbearer` take tokens, `plain` a password)";
        return Err(refusal::lacking(&place(settings), &format!("AUTH={name}"), hint));
    }
    authenticate(wire, offers, name, &response, after_refusal).await
}

/// One AUTHENTICATE. What a server says about a token before it refuses is answered by `after_refusal`.
async fn authenticate(
    wire: &mut Wire,
    offers: &Offers,
    mechanism: &str,
    response: &str,
    after_refusal: &str,
) -> Result<Status, Failure> {
    let tag = wire.next_tag();
    let response = STANDARD.encode(response);
    let mut to_say = Some(response);
    let first = match offers.has("SASL-IR").then(|| to_say.take()).flatten() {
        Some(response) => format!("{tag} AUTHENTICATE {mechanism} {response}\r\n"),
        None => format!("{tag} AUTHENTICATE {mechanism}\r\n"),
    };
    wire.writer.write(first.as_bytes()).await?;
    wire.writer.flush().await?;
    let mut may_refuse = true;
    loop {
        let wait = wire.reader.times.answer;
        match wire.reader.answer(wait, limits::IMAP_LITERAL_BYTES_MAX).await? {
            Answer::Untagged(_) => {}
            Answer::Tagged(of, status) if of == tag => return Ok(status),
            Answer::Continue if to_say.is_some() || may_refuse => {
                let said = to_say.take().unwrap_or_else(|| {
                    may_refuse = false;
                    after_refusal.to_owned()
                });
                wire.writer.write(format!("{said}\r\n").as_bytes()).await?;
                wire.writer.flush().await?;
            }
            Answer::Tagged(..) | Answer::Continue => return Err(wire.reader.unasked()),
        }
    }
}
