//! A signed-in connection: reached, encrypted, let into one mailbox, its folder there.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    refusal::{self, Refusal},
    settings::{Account, ImapSettings, Mechanism, Security},
    tokens::{Token, quote, tokens},
    wire::{Answer, Line, Status, Times, Wire, Word},
};
use crate::{
    destinations::names::modified_utf7,
    item::{Failure, NextMove, limits},
    network::Dialer,
};

/// What a server says it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers(BTreeSet<String>);

impl Offers {
    fn read(words: &str) -> Self {
        Self(words.split_whitespace().map(str::to_ascii_uppercase).collect())
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// The largest message it takes (RFC 7889), when it says so for the whole server.
    pub(super) fn append_limit_bytes(&self) -> Option<u64> {
        self.0.iter().find_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok())
    }
}

/// How messages are handed over, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ladder {
    /// Many in one command that stores all or none (RFC 3502), without asking first (RFC 7888).
    Multi,
    /// One a command, without waiting for the answer to the one before.
    Pipelined,
    /// So for small ones; a large one is asked for first.
    SmallPipelined,
    /// Each is asked for first.
    Synchronising,
}

impl Ladder {
    pub(super) fn of(offers: &Offers) -> Self {
        match (offers.has("LITERAL+"), offers.has("MULTIAPPEND"), offers.has("LITERAL-")) {
            (true, true, _) => Self::Multi,
            (true, false, _) => Self::Pipelined,
            (false, _, true) => Self::SmallPipelined,
            (false, _, false) => Self::Synchronising,
        }
    }

    /// As `connector check` says it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Multi => "up to a thousand messages a command (MULTIAPPEND, LITERAL+)",
            Self::Pipelined => "one message a command, without waiting in between (LITERAL+, no MULTIAPPEND)",
            Self::SmallPipelined => "small messages without waiting in between, large ones one by one (LITERAL-)",
            Self::Synchronising => "one message at a time (neither LITERAL+ nor LITERAL-)",
        }
    }
}

/// A connection to one mailbox.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) offers: Offers,
    /// The folder as an argument of commands.
    pub(super) folder: String,
    /// Whether the folder was there when the session began.
    pub(super) folder_is_there: bool,
}

/// A connection that nobody has signed in on.
pub(super) struct Greeted {
    pub(super) wire: Wire,
    pub(super) offers: Offers,
}

/// Who signs in where.
pub(super) struct SignIn<'a> {
    pub(super) mailbox: &'a str,
    pub(super) account: &'a Account,
}

/// What became of signing in.
pub(super) enum Entered {
    /// The folder was looked for and not made.
    In(Box<Session>),
    /// The server said no.
    Refused(Failure),
}

pub(super) fn place(settings: &ImapSettings) -> String {
    format!("{}:{}", settings.host, settings.port)
}

/// Reaches the server and encrypts.
pub(super) async fn greet(settings: &ImapSettings, dialer: &Dialer, times: Times) -> Result<Greeted, Failure> {
    let place = place(settings);
    let mut stream = dialer.connect(&settings.host, settings.port).await?;
    if settings.security == Security::Tls {
        stream = dialer.encrypt(stream, &settings.host).await?;
    }
    let mut wire = Wire::new(stream, &place, times);
    let greeting = greeting(&mut wire, &place).await?;
    if settings.security != Security::Starttls {
        let offers = offers(&mut wire, &place, &greeting).await?;
        return Ok(Greeted { wire, offers });
    }
    let before = offers(&mut wire, &place, &greeting).await?;
    let lacking = || {
        refusal::lacking(
            &place,
            "STARTTLS",
            "use `security = \"tls\"` with its port 993, or make the server offer STARTTLS",
        )
    };
    if !before.has("STARTTLS") || !wire.command("STARTTLS", ignore).await?.is_ok() {
        return Err(lacking());
    }
    let stream = dialer.encrypt(wire.into_stream()?, &settings.host).await?;
    let mut wire = Wire::new(stream, &place, times);
    // What was offered in clear may have been forged.
    let offers = ask_offers(&mut wire, &place).await?;
    Ok(Greeted { wire, offers })
}

async fn greeting(wire: &mut Wire, place: &str) -> Result<Status, Failure> {
    let wait = wire.reader.times.answer;
    let Answer::Untagged(line) = wire.reader.answer(wait, limits::IMAP_LITERAL_BYTES_MAX).await? else {
        return Err(refusal::garbage(place, "it does not greet"));
    };
    Status::parse(&line.text)
        .filter(|status| matches!(status.word, Word::Ok | Word::Preauth))
        .ok_or_else(|| refusal::garbage(place, "it does not greet"))
}

fn ignore(_: Line) -> Result<(), Failure> {
    Ok(())
}

/// From the code of an answer, or else asked for.
async fn offers(wire: &mut Wire, place: &str, status: &Status) -> Result<Offers, Failure> {
    match status.code.split_once(' ') {
        Some((word, rest)) if word.eq_ignore_ascii_case("CAPABILITY") => Ok(Offers::read(rest)),
        _ => ask_offers(wire, place).await,
    }
}

async fn ask_offers(wire: &mut Wire, place: &str) -> Result<Offers, Failure> {
    let mut found = Offers::default();
    let status = wire
        .command("CAPABILITY", |line| {
            let text = String::from_utf8_lossy(&line.text);
            if let Some((word, rest)) = text.split_once(' ')
                && word.eq_ignore_ascii_case("CAPABILITY")
            {
                found = Offers::read(rest);
            }
            Ok(())
        })
        .await?;
    if status.is_ok() { Ok(found) } else { Err(refusal::garbage(place, "it does not say what it can")) }
}

/// Signs in, and looks whether the folder is there.
pub(super) async fn enter(greeted: Greeted, settings: &ImapSettings, who: SignIn<'_>) -> Result<Entered, Failure> {
    let place = place(settings);
    let Greeted { mut wire, offers: before } = greeted;
    let status = match who.account {
        Account::Password { username, password } => {
            let names = Names::of(settings, who.mailbox, username);
            plain(&mut wire, &before, &place, &names, password).await?
        }
        Account::Token(source) => {
            let token = source.token().await?;
            let status = bearer(&mut wire, &before, settings, who.mailbox, &token).await?;
            if status.is_ok() || refusal::later(&place, &status).is_some() {
                status
            } else {
                // It may have been revoked before its time: once more with a new one.
                source.expire(&token).await;
                let renewed = source.token().await?;
                if renewed.expose_secret() == token.expose_secret() {
                    status
                } else {
                    bearer(&mut wire, &before, settings, who.mailbox, &renewed).await?
                }
            }
        }
    };
    if !status.is_ok() {
        return match refusal::later(&place, &status) {
            Some(failure) => Err(failure),
            None => Ok(Entered::Refused(refusal::sign_in(&place, &status))),
        };
    }
    let offers = offers(&mut wire, &place, &status).await?;
    let (folder, folder_is_there) = find_folder(&mut wire, &offers, &settings.folder).await?;
    Ok(Entered::In(Box::new(Session { wire, offers, folder, folder_is_there })))
}

/// Whose mailbox, and who asks.
struct Names {
    /// Empty: the mailbox of the one who signs in.
    authorization: String,
    user: String,
}

impl Names {
    fn of(settings: &ImapSettings, mailbox: &str, username: &str) -> Self {
        use super::settings::Access;
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
    wire.command(&format!("LOGIN {} {}", quote(user), quote(password.expose_secret())), ignore).await
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

/// The folder as an argument, below the account's own namespace, and whether it is there.
async fn find_folder(wire: &mut Wire, offers: &Offers, name: &str) -> Result<(String, bool), Failure> {
    let (mut prefix, mut separator) = (String::new(), None);
    if offers.has("NAMESPACE") {
        wire.command("NAMESPACE", |line| {
            if let [word, Token::Open, Token::Open, first, second, ..] = tokens(&line).as_slice()
                && word.is("NAMESPACE")
            {
                prefix = first.lossy().unwrap_or_default();
                separator = second.lossy();
            }
            Ok(())
        })
        .await?;
    }
    if separator.is_none() {
        wire.command("LIST \"\" \"\"", |line| {
            separator = listed(&line).unwrap_or_default();
            Ok(())
        })
        .await?;
    }
    let folder = quote(&format!("{prefix}{}", folder_name(name, separator.as_deref())));
    let mut is_there = false;
    wire.command(&format!("LIST \"\" {folder}"), |line| {
        is_there |= listed(&line).is_some()
            && !String::from_utf8_lossy(&line.text).to_ascii_lowercase().contains("\\nonexistent");
        Ok(())
    })
    .await?;
    Ok((folder, is_there))
}

/// The separator of a line of LIST; the outer none is for other answers.
fn listed(line: &Line) -> Option<Option<String>> {
    let tokens = tokens(line);
    let [word, Token::Open, rest @ ..] = tokens.as_slice() else { return None };
    let close = rest.iter().position(|token| *token == Token::Close)?;
    word.is("LIST").then(|| rest.get(close + 1).and_then(Token::lossy))
}

/// A separator in a name would make two folders of it.
fn folder_name(name: &str, separator: Option<&str>) -> String {
    let flat = match separator {
        Some(separator) if !separator.is_empty() => name.replace(separator, "-"),
        _ => name.to_owned(),
    };
    modified_utf7(&flat)
}

impl Session {
    /// Makes the folder and subscribes to it, so that mail programs show it.
    pub(super) async fn make_folder(&mut self, place: &str) -> Result<Result<(), Failure>, Failure> {
        let created = self.wire.command(&format!("CREATE {}", self.folder), ignore).await?;
        if !created.is_ok() && created.code_word() != "ALREADYEXISTS" {
            return match refusal::of(place, "to make the folder", &created) {
                Refusal::Later(failure) => Err(failure),
                Refusal::Full(failure) => Ok(Err(failure)),
                Refusal::Denied(failure) | Refusal::Message(failure) => {
                    Ok(Err(Failure { code: "folder-refused".to_owned(), ..failure }.hint(
                        "give the account the right to make folders in that mailbox, then run `chancery parked retry`",
                    )))
                }
                Refusal::NoFolder => {
                    let message = format!("`{place}` refuses to make the folder: {created}");
                    Ok(Err(Failure::new("folder-refused", NextMove::Reject, message)
                        .hint("make the folder yourself, then run `chancery parked retry`")))
                }
            };
        }
        // Only for people's eyes: a server without subscriptions is no trouble.
        self.wire.command(&format!("SUBSCRIBE {}", self.folder), ignore).await?;
        self.folder_is_there = true;
        Ok(Ok(()))
    }

    /// Opens the folder for reading: its UIDVALIDITY and how many messages it has. None: it is not there.
    pub(super) async fn examine(&mut self, place: &str) -> Result<Option<Examined>, Failure> {
        let mut examined = Examined { uid_validity: 0, messages: 0 };
        let status = self
            .wire
            .command(&format!("EXAMINE {}", self.folder), |line| {
                examined.note(&line);
                Ok(())
            })
            .await?;
        if status.is_ok() {
            return Ok(Some(examined));
        }
        match refusal::of(place, "to open the folder", &status) {
            Refusal::NoFolder => Ok(None),
            Refusal::Later(failure) => Err(failure),
            Refusal::Message(_) if !self.folder_is_there => Ok(None),
            Refusal::Full(failure) | Refusal::Denied(failure) | Refusal::Message(failure) => {
                Err(Failure { next: NextMove::AskPerson, code: "folder-refused".to_owned(), ..failure })
            }
        }
    }

    /// What the mailbox holds and may hold, in KiB, when the server tells.
    pub(super) async fn quota_kib(&mut self) -> Result<Option<(u64, u64)>, Failure> {
        if !self.offers.has("QUOTA") {
            return Ok(None);
        }
        let mut found = None;
        self.wire
            .command("GETQUOTAROOT INBOX", |line| {
                let tokens = tokens(&line);
                let at = tokens.iter().position(|token| token.is("STORAGE"));
                if let Some([used, limit, ..]) = at.map(|at| &tokens[at + 1..]) {
                    found = used.number().zip(limit.number());
                }
                Ok(())
            })
            .await?;
        Ok(found)
    }

    /// Whether the connection still answers.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.wire.command("NOOP", ignore).await.is_ok_and(|status| status.is_ok())
    }
}

/// A folder that was opened for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Examined {
    pub(super) uid_validity: u32,
    pub(super) messages: u32,
}

impl Examined {
    fn note(&mut self, line: &Line) {
        if let Some(status) = Status::parse(&line.text) {
            if let Some((word, number)) = status.code.split_once(' ')
                && word.eq_ignore_ascii_case("UIDVALIDITY")
            {
                self.uid_validity = number.trim().parse().unwrap_or(0);
            }
            return;
        }
        if let [number, word, ..] = tokens(line).as_slice()
            && word.is("EXISTS")
        {
            self.messages = number.number().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_step_of_the_ladder_is_taken() {
        for (offered, expect) in [
            ("IMAP4rev1 LITERAL+ MULTIAPPEND", Ladder::Multi),
            ("literal+ multiappend LITERAL-", Ladder::Multi),
            ("LITERAL+", Ladder::Pipelined),
            ("MULTIAPPEND LITERAL-", Ladder::SmallPipelined),
            ("MULTIAPPEND", Ladder::Synchronising),
            ("", Ladder::Synchronising),
        ] {
            assert_eq!(Ladder::of(&Offers::read(offered)), expect, "{offered}");
        }
        assert_eq!(Offers::read("X APPENDLIMIT=35651584").append_limit_bytes(), Some(35_651_584));
        assert_eq!(Offers::read("X APPENDLIMIT").append_limit_bytes(), None);
    }

    #[test]
    fn a_folder_name_is_one_level_and_ascii() {
        for (name, separator, expect) in [
            ("SMS/MMS Archiver", Some("/"), "SMS-MMS Archiver"),
            ("SMS/MMS Archiver", Some("."), "SMS/MMS Archiver"),
            ("a.b", Some("."), "a-b"),
            ("Entwürfe", None, "Entw&APw-rfe"),
        ] {
            assert_eq!(folder_name(name, separator), expect, "{name}");
        }
    }
}
