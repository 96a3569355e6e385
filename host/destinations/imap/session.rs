//! A signed-in connection: reached, encrypted, let into one mailbox, its folder there.

use super::{
    offers::Offers,
    refusal::{self, Refusal},
    settings::{ImapSettings, Security},
    sign_in::{SignIn, sign_in},
    tokens::{Token, quote, tokens},
    wire::{Answer, Line, Status, Times, Wire, Word},
};
use crate::{
    destinations::names::modified_utf7,
    item::{Failure, NextMove, limits},
    network::Dialer,
};

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
    let status = sign_in(&mut wire, &before, settings, &who).await?;
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
        let folder = self.folder.clone();
        self.examine_folder(place, &folder).await
    }

    /// As [`Session::examine`], for any folder.
    pub(super) async fn examine_folder(&mut self, place: &str, folder: &str) -> Result<Option<Examined>, Failure> {
        let mut examined = Examined { uid_validity: 0, messages: 0 };
        let status = self
            .wire
            .command(&format!("EXAMINE {folder}"), |line| {
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
