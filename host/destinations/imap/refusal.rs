//! What a server's "no" means: one table for all commands.

use std::{fmt::Display, time::Duration};

use super::wire::{Status, Word};
use crate::item::{Failure, NextMove};

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It may be taken later, or by a new connection; nothing is wrong with what was sent.
    Later(Failure),
    /// The folder is not there.
    NoFolder,
    /// The mailbox takes nothing more.
    Full(Failure),
    /// The mailbox is not ours to write to.
    Denied(Failure),
    /// This message, or one of this group.
    Message(Failure),
}

/// Reads the refusal of an APPEND, CREATE, EXAMINE or FETCH.
pub(super) fn of(place: &str, what: &str, status: &Status) -> Refusal {
    if let Some(failure) = later(place, status) {
        return Refusal::Later(failure);
    }
    let text = status.text.to_ascii_lowercase();
    let said = format!("`{place}` refuses {what}: {status}");
    match &*status.code_word() {
        "TRYCREATE" | "NONEXISTENT" => Refusal::NoFolder,
        "OVERQUOTA" => Refusal::Full(full(said)),
        "NOPERM" | "AUTHORIZATIONFAILED" | "PRIVACYREQUIRED" | "EXPIRED" => Refusal::Denied(denied(said)),
        "TOOBIG" => Refusal::Message(too_large(said)),
        "" if text.contains("quota") => Refusal::Full(full(said)),
        _ => Refusal::Message(Failure::new("message-refused", NextMove::Reject, said).hint(
            "look at it with `chancery parked show`; ask the mail server's log why, then run `chancery parked retry`",
        )),
    }
}

/// What only asks for patience.
pub(super) fn later(place: &str, status: &Status) -> Option<Failure> {
    let code = status.code_word();
    let text = status.text.to_ascii_lowercase();
    let after = backoff(&text);
    if after.is_some() || matches!(&*code, "THROTTLED" | "LIMIT") || text.contains("throttled") {
        let message = format!("`{place}` asks to slow down: {status}");
        return Some(
            Failure::new("rate-limited", NextMove::Retry { after }, message)
                .hint("run `chancery sync` later; a smaller `connections_max` of the destination asks for less"),
        );
    }
    let busy = matches!(&*code, "UNAVAILABLE" | "INUSE" | "SERVERBUG" | "CORRUPTION" | "EXPUNGEISSUED");
    busy.then(|| dropped(place, status))
}

/// `Suggested Backoff Time: 299609 milliseconds`, as Exchange writes it.
fn backoff(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("backoff time:")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(Duration::from_millis)
}

fn full(said: String) -> Failure {
    Failure::new("mailbox-full", NextMove::Reject, said)
        .hint("give the mailbox more room, then run `chancery parked retry`")
}

fn denied(said: String) -> Failure {
    Failure::new("mailbox-denied", NextMove::Reject, said).hint(
        "give the account the right to that mailbox, then run `chancery parked retry`; `chancery connector check` tries it",
    )
}

fn too_large(said: String) -> Failure {
    Failure::new("message-too-large", NextMove::Reject, said)
        .hint("set `message_bytes_max` of this destination to what the server takes, then run `chancery parked retry`")
}

/// A message over the limit that the server announced.
pub(super) fn over_limit(place: &str, size_bytes: u64, limit_bytes: u64) -> Failure {
    let said = format!("`{place}` takes messages of at most {limit_bytes} bytes, this one has {size_bytes}");
    Failure {
        hint: Some(format!(
            "set `message_bytes_max = {limit_bytes}` for this destination, then run `chancery parked retry`"
        )),
        ..too_large(said)
    }
}

/// Signing in was refused. Whether the mailbox or the account is at fault, the server does not say.
pub(super) fn sign_in(place: &str, status: &Status) -> Failure {
    denied(format!("`{place}` does not let the account into the mailbox: {status}"))
}

/// Signing in was refused everywhere: the account is at fault.
pub(super) fn sign_in_everywhere(place: &str, last: &Failure) -> Failure {
    let message = format!("signing in at `{place}` was refused for every mailbox that was tried: {}", last.message);
    Failure::new("sign-in-refused", NextMove::AskPerson, message).hint(
        "check user name and secret of the destination's credential, and that the account may open others' mailboxes; then run `chancery connector check`",
    )
}

/// The server takes nothing, one message after another.
pub(super) fn everything(place: &str, last: &Failure) -> Failure {
    let message = format!("`{place}` takes none of the messages: {}", last.message);
    Failure::new("imap-refuses-everything", NextMove::AskPerson, message)
        .hint("ask the mail server's log why; then run `chancery sync` again: nothing is lost")
}

/// No connection, or it broke off.
pub(super) fn dropped(place: &str, what: &(impl Display + ?Sized)) -> Failure {
    Failure::new("no-answer", NextMove::Retry { after: None }, format!("no answer from `{place}`: {what}"))
        .hint("check the network (`chancery doctor`), then run `chancery sync` again")
}

/// The server says that it ends the connection.
pub(super) fn bye(place: &str, status: &Status) -> Failure {
    debug_assert_eq!(status.word, Word::Bye);
    later(place, status).unwrap_or_else(|| dropped(place, status))
}

/// What no IMAP server says. It is tried again: a box in between may be at fault.
pub(super) fn garbage(place: &str, what: &str) -> Failure {
    let message = format!("`{place}` does not answer as an IMAP server: {what}");
    Failure::new("imap-garbage", NextMove::Retry { after: None }, message)
        .hint("check `host`, `port` and `security` of the destination: `chancery connector check`")
}

/// The server lacks what is needed.
pub(super) fn lacking(place: &str, what: &str, hint: &str) -> Failure {
    Failure::new("imap-lacking", NextMove::AskPerson, format!("`{place}` does not offer {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_one_meaning() {
        let throttled = "NO Request is throttled. Suggested Backoff Time: 299609 milliseconds";
        let table = [
            (throttled, "later rate-limited Retry { after: Some(299.609s) }"),
            ("NO [THROTTLED] slow down", "later rate-limited Retry { after: None }"),
            ("NO [LIMIT] too many", "later rate-limited Retry { after: None }"),
            ("NO [UNAVAILABLE] try later", "later no-answer Retry { after: None }"),
            ("NO [INUSE] locked", "later no-answer Retry { after: None }"),
            ("NO [TRYCREATE] no such mailbox", "folder"),
            ("NO [NONEXISTENT] no such mailbox", "folder"),
            ("NO [OVERQUOTA] full", "full mailbox-full Reject"),
            ("NO Quota exceeded", "full mailbox-full Reject"),
            ("NO [NOPERM] no", "denied mailbox-denied Reject"),
            ("NO [TOOBIG] no", "message message-too-large Reject"),
            ("NO cannot", "message message-refused Reject"),
            ("BAD Command Argument Error. 11", "message message-refused Reject"),
        ];
        for (answer, expect) in table {
            let status = Status::parse(answer.as_bytes()).expect("a status");
            let (kind, failure) = match of("mail:993", "a message", &status) {
                Refusal::Later(failure) => ("later", failure),
                Refusal::NoFolder => {
                    assert_eq!(expect, "folder", "{answer}");
                    continue;
                }
                Refusal::Full(failure) => ("full", failure),
                Refusal::Denied(failure) => ("denied", failure),
                Refusal::Message(failure) => ("message", failure),
            };
            assert_eq!(format!("{kind} {} {:?}", failure.code, failure.next), expect, "{answer}");
        }
    }
}
