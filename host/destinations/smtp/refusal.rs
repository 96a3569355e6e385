//! What a server's refusal means: one table for all commands.
//!
//! Sender and recipient are the same for every message, so a refusal of either is about the configuration and never
//! about a message; parking everything for a mistyped address would be wrong.

use std::fmt::Display;

use super::wire::Reply;
use crate::item::{Failure, NextMove};

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Being let in: the greeting, EHLO.
    Greeting,
    /// MAIL and RCPT.
    Envelope,
    /// DATA, and the message.
    Content,
}

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It may be taken later; nothing is wrong with what was sent.
    Later(Failure),
    /// This message.
    Message(Failure),
    /// Everything, until a person has looked, or what is no SMTP.
    All(Failure),
}

/// Reads a reply that is not the one hoped for.
pub(super) fn of(place: &str, stage: Stage, reply: &Reply) -> Refusal {
    let said = |what: &str| format!("`{place}` refuses {what}: {reply}");
    let enhanced = reply.enhanced().map(|[_, subject, detail]| (subject, detail));
    if reply.is_passing() {
        return Refusal::Later(postponed(place, reply));
    }
    if reply.code / 100 != 5 {
        return Refusal::All(garbage(place, "its reply is to something else"));
    }
    match (stage, reply.code, enhanced) {
        (Stage::Greeting, ..) => Refusal::All(
            Failure::new("smtp-refused", NextMove::AskPerson, said("this host"))
                .hint("ask whoever runs it to let this host's address in; then run `chancery connector check`"),
        ),
        (Stage::Envelope, 530, _) => Refusal::All(
            Failure::new("sign-in-refused", NextMove::AskPerson, said("mail without signing in"))
                .hint("name a `credential` of the destination, and `security` that it allows; then run `chancery connector check`"),
        ),
        (_, _, Some((3, 4) | (2, 3))) | (_, 552, None) | (_, 552, Some((3, 0))) => {
            Refusal::Message(too_large(said("a message")))
        }
        (Stage::Envelope, ..) => Refusal::All(
            Failure::new("smtp-address-refused", NextMove::AskPerson, said("the sender or the journal's address"))
                .hint("check `from` and `to` of the destination, and that the account may send so; then run `chancery connector check`"),
        ),
        (Stage::Content, ..) => Refusal::Message(
            Failure::new("message-refused", NextMove::Reject, said("a message")).hint(
                "look at it with `chancery parked show`; ask the server's log why, then run `chancery parked retry`",
            ),
        ),
    }
}

fn postponed(place: &str, reply: &Reply) -> Failure {
    let message = format!("`{place}` takes nothing just now: {reply}");
    Failure::new("smtp-postponed", NextMove::Retry { after: None }, message)
        .hint("run `chancery sync` later; if it stays so, ask whoever runs the server")
}

fn too_large(said: String) -> Failure {
    Failure::new("message-too-large", NextMove::Reject, said)
        .hint("set `message_bytes_max` of this destination to what the server takes, then run `chancery parked retry`")
}

/// A message over the limit that the server announced. `report_bytes` is what the report adds to it.
pub(super) fn over_limit(place: &str, size_bytes: u64, report_bytes: u64, limit_bytes: u64) -> Failure {
    let said = format!("`{place}` takes messages of at most {limit_bytes} bytes, this one has {size_bytes}");
    let room = limit_bytes.saturating_sub(2 * report_bytes);
    let hint = format!("set `message_bytes_max = {room}` for this destination, then run `chancery parked retry`");
    Failure { hint: Some(hint), ..too_large(said) }
}

/// A message that the server cannot take unchanged.
pub(super) fn eight_bit(place: &str) -> Failure {
    let message = format!("`{place}` does not offer 8BITMIME, and this message cannot be sent unchanged without it");
    Failure::new("message-refused", NextMove::Reject, message)
        .hint("make the server offer 8BITMIME, then run `chancery parked retry`")
}

/// The account was refused. What the server says of it may repeat the secret, so that only its codes are told.
pub(super) fn sign_in(place: &str, reply: &Reply) -> Failure {
    let enhanced = reply.enhanced().map(|[class, subject, detail]| format!(" {class}.{subject}.{detail}"));
    let message = format!("signing in at `{place}` was refused: {}{}", reply.code, enhanced.unwrap_or_default());
    let hint = "check user name and secret of the destination's credential, then run `chancery connector check`";
    if reply.is_passing() {
        return Failure::new("smtp-postponed", NextMove::Retry { after: None }, message).hint(hint);
    }
    Failure::new("sign-in-refused", NextMove::AskPerson, message).hint(hint)
}

/// The server takes nothing, one message after another.
pub(super) fn everything(place: &str, last: &Failure) -> Failure {
    let message = format!("`{place}` takes none of the messages: {}", last.message);
    Failure::new("smtp-refuses-everything", NextMove::AskPerson, message)
        .hint("ask the server's log why; then run `chancery sync` again: nothing is lost")
}

/// No connection, or it broke off.
pub(super) fn dropped(place: &str, what: &(impl Display + ?Sized)) -> Failure {
    Failure::new("no-answer", NextMove::Retry { after: None }, format!("no answer from `{place}`: {what}"))
        .hint("check the network (`chancery doctor`), then run `chancery sync` again")
}

/// What no SMTP server says. It is tried again: a box in between may be at fault.
pub(super) fn garbage(place: &str, what: &str) -> Failure {
    let message = format!("`{place}` does not answer as an SMTP server: {what}");
    Failure::new("smtp-garbage", NextMove::Retry { after: None }, message)
        .hint("check `host`, `port` and `security` of the destination: `chancery connector check`")
}

/// The server lacks what is needed.
pub(super) fn lacking(place: &str, what: &str, hint: &str) -> Failure {
    Failure::new("smtp-lacking", NextMove::AskPerson, format!("`{place}` does not offer {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_one_meaning() {
        use Stage::{Content, Envelope, Greeting};
        let table = [
            (Greeting, 421, "too busy", "later smtp-postponed Retry { after: None }"),
            (Greeting, 554, "no service here", "all smtp-refused AskPerson"),
            (Envelope, 451, "4.7.1 greylisted", "later smtp-postponed Retry { after: None }"),
            (Envelope, 452, "4.3.1 full", "later smtp-postponed Retry { after: None }"),
            (Envelope, 530, "5.7.0 sign in first", "all sign-in-refused AskPerson"),
            (Envelope, 550, "5.1.1 no such user", "all smtp-address-refused AskPerson"),
            (Envelope, 553, "not yours", "all smtp-address-refused AskPerson"),
            (Envelope, 552, "too large", "message message-too-large Reject"),
            (Envelope, 552, "5.3.4 too large", "message message-too-large Reject"),
            (Envelope, 550, "5.2.3 too large", "message message-too-large Reject"),
            (Envelope, 552, "5.2.2 mailbox full", "all smtp-address-refused AskPerson"),
            (Envelope, 250, "what", "all smtp-garbage Retry { after: None }"),
            (Content, 421, "4.3.2 going down", "later smtp-postponed Retry { after: None }"),
            (Content, 552, "5.3.4 too large", "message message-too-large Reject"),
            (Content, 554, "5.7.1 spam", "message message-refused Reject"),
            (Content, 354, "what", "all smtp-garbage Retry { after: None }"),
        ];
        for (stage, code, text, expect) in table {
            let reply = Reply { code, lines: vec![text.to_owned()] };
            let (kind, failure) = match of("relay:465", stage, &reply) {
                Refusal::Later(failure) => ("later", failure),
                Refusal::Message(failure) => ("message", failure),
                Refusal::All(failure) => ("all", failure),
            };
            assert_eq!(format!("{kind} {} {:?}", failure.code, failure.next), expect, "{stage:?} {reply}");
        }
    }
}
