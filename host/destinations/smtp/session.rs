//! A connection that mail is taken on: reached, encrypted, signed in.

use super::{
    refusal::{self, Refusal, Stage},
    settings::SmtpSettings,
    sign_in,
    wire::{Reply, Times, Wire},
};
use crate::{
    destinations::imap::{Account, Security},
    item::Failure,
    network::Dialer,
};

/// A connection.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) offers: Offers,
    /// Messages it has taken.
    pub(super) accepted: usize,
    /// The server waits for the rest of a message that is not sent on: nothing else can be said.
    pub(super) is_spent: bool,
}

/// What a server says it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    words: Vec<Vec<String>>,
}

impl Offers {
    fn read(reply: &Reply) -> Self {
        // The first line is its name.
        let words = reply.lines.iter().skip(1).map(|line| {
            // `AUTH=PLAIN` is how servers wrote it before there was a standard.
            line.to_ascii_uppercase().replace('=', " ").split_whitespace().map(str::to_owned).collect()
        });
        Self { words: words.collect() }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|words| words.first().is_some_and(|first| first == word))
    }

    /// The largest message it takes (RFC 1870); none: no limit, or none that it tells.
    pub(super) fn size_bytes(&self) -> Option<u64> {
        let words = self.words.iter().find(|words| words.first().is_some_and(|first| first == "SIZE"))?;
        words.get(1)?.parse().ok().filter(|&size| size > 0)
    }

    pub(super) fn signs_in_by(&self, mechanism: &str) -> bool {
        let of_auth = self.words.iter().filter(|words| words.first().is_some_and(|first| first == "AUTH"));
        of_auth.flatten().skip(1).any(|word| word == mechanism)
    }
}

/// Reaches the server and encrypts; nobody has signed in.
pub(super) async fn greet(settings: &SmtpSettings, dialer: &Dialer, times: Times) -> Result<Session, Failure> {
    let place = settings.place();
    let mut stream = dialer.connect(&settings.host, settings.port).await?;
    if settings.security == Security::Tls {
        stream = dialer.encrypt(stream, &settings.host).await?;
    }
    let mut wire = Wire::new(stream, &place, times);
    let greeting = wire.reply(times.reply).await?;
    if greeting.code != 220 {
        return Err(refused(&place, &greeting));
    }
    let mut offers = hello(&mut wire, settings, &place).await?;
    if settings.security == Security::Starttls {
        let lacking =
            || refusal::lacking(&place, "STARTTLS", "use `security = \"tls\"`, or make the server offer STARTTLS");
        if !offers.has("STARTTLS") {
            return Err(lacking());
        }
        let begun = wire.command("STARTTLS").await?;
        if begun.code != 220 {
            return Err(if begun.is_passing() { refused(&place, &begun) } else { lacking() });
        }
        let stream = dialer.encrypt(wire.into_stream().await?, &settings.host).await?;
        wire = Wire::new(stream, &place, times);
        // What was offered in clear may have been forged.
        offers = hello(&mut wire, settings, &place).await?;
    }
    Ok(Session { wire, offers, accepted: 0, is_spent: false })
}

/// Reaches the server and signs in.
pub(super) async fn enter(
    settings: &SmtpSettings,
    account: Option<&Account>,
    dialer: &Dialer,
    times: Times,
) -> Result<Session, Failure> {
    let mut session = greet(settings, dialer, times).await?;
    if let Some(account) = account {
        sign_in::sign_in(&mut session, settings, account).await?;
    }
    Ok(session)
}

async fn hello(wire: &mut Wire, settings: &SmtpSettings, place: &str) -> Result<Offers, Failure> {
    let reply = wire.command(&format!("EHLO {}", settings.domain())).await?;
    if reply.code == 250 { Ok(Offers::read(&reply)) } else { Err(refused(place, &reply)) }
}

fn refused(place: &str, reply: &Reply) -> Failure {
    match refusal::of(place, Stage::Greeting, reply) {
        Refusal::Later(failure) | Refusal::Message(failure) | Refusal::All(failure) => failure,
    }
}

impl Session {
    /// Whether the connection still answers; what was begun on it is forgotten.
    pub(super) async fn is_alive(&mut self) -> bool {
        !self.is_spent && self.wire.command("RSET").await.is_ok_and(|reply| reply.is_ok())
    }

    /// Takes leave. A server that does not answer is none of our trouble any more.
    pub(super) async fn quit(mut self) {
        let _said_or_not = self.wire.command("QUIT").await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_read_in_either_spelling() {
        let lines = ["mail.example", "size 1000", "PIPELINING", "AUTH PLAIN login", "AUTH=XOAUTH2"];
        let offers = Offers::read(&Reply { code: 250, lines: lines.map(str::to_owned).into() });
        assert_eq!(offers.size_bytes(), Some(1000));
        assert!(offers.has("PIPELINING") && !offers.has("MAIL.EXAMPLE") && !offers.has("STARTTLS"));
        for (mechanism, is_there) in [("PLAIN", true), ("LOGIN", true), ("XOAUTH2", true), ("CRAM-MD5", false)] {
            assert_eq!(offers.signs_in_by(mechanism), is_there, "{mechanism}");
        }
        for (line, expect) in [("SIZE", None), ("SIZE 0", None), ("SIZE x", None), ("SIZE 7", Some(7))] {
            let reply = Reply { code: 250, lines: vec!["x".to_owned(), line.to_owned()] };
            assert_eq!(Offers::read(&reply).size_bytes(), expect, "{line}");
        }
    }
}
