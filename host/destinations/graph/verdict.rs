//! What an answer of Graph means for a copy.

use std::time::Duration;

use serde::Deserialize;

use crate::item::{Failure, NextMove};

/// What follows an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// Not now; nothing was done.
    Throttled(Option<Duration>),
    /// The token is not good any more; nothing was done.
    SignIn,
    /// Something the request named is not there: the folder, or the message.
    NotThere,
    /// The application may not use this mailbox.
    Denied(Failure),
    /// This copy will not be taken.
    Refused(Failure),
    /// Nobody knows whether it was done.
    Unknown(Failure),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wrapped {
    error: Named,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    code: String,
}

/// The error code of an answer's body, if it is one: letters, digits, `.`, `_` and `-`, cut. Never the message, which
/// may repeat what was sent.
pub(super) fn code(body: &[u8]) -> String {
    let code = serde_json::from_slice::<Wrapped>(body).unwrap_or_default().error.code;
    code.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(64).collect()
}

/// Judges an answer. `mailbox` is for messages.
pub(super) fn judge(mailbox: &str, status: u16, code: &str, retry_after: Option<Duration>) -> Verdict {
    let said = if code.is_empty() { format!("it answers {status}") } else { format!("it answers {status} `{code}`") };
    let refused = |reason: &str, why: &str, hint: &str| {
        Failure::new(reason, NextMove::Reject, format!("{why} (mailbox `{mailbox}`): {said}")).hint(hint)
    };
    match (status, code) {
        (200..=299, _) => Verdict::Done,
        (429, _) | (_, "ApplicationThrottled" | "ErrorServerBusy" | "ErrorMailboxConcurrencyLimit") => {
            Verdict::Throttled(retry_after)
        }
        (401, _) => Verdict::SignIn,
        (_, "ErrorQuotaExceeded" | "ErrorMailboxStorageQuotaExceeded") | (507, _) => Verdict::Refused(refused(
            "mailbox-full",
            "the mailbox is full",
            "make room in it or raise its quota, then run `chancery parked retry`",
        )),
        (_, "ErrorItemNotFound" | "ErrorFolderNotFound" | "ErrorParentFolderNotFound") => Verdict::NotThere,
        (404, _) | (_, "ErrorInvalidUser" | "ErrorNonExistentMailbox" | "MailboxNotEnabledForRESTAPI") => {
            Verdict::Refused(refused(
                "mailbox-gone",
                "there is no such mailbox any more",
                "mend the mapping, or restore the mailbox, then run `chancery parked retry`",
            ))
        }
        (403, _) => Verdict::Denied(refused(
            "mailbox-denied",
            "the application may not write there",
            "take the mailbox into the scope of the application's role (docs/exchange-online.md), then run `chancery parked retry`",
        )),
        (413, _) | (_, "ErrorMessageSizeExceeded" | "ErrorAttachmentSizeLimitExceeded") => Verdict::Refused(refused(
            "message-too-large",
            "the message is larger than the mailbox takes",
            "lower `message_bytes_max` of the destination to what the mailbox takes, or raise that, then run `chancery parked retry`",
        )),
        (400..=499, _) if status != 408 && status != 409 => Verdict::Refused(refused(
            "message-refused",
            "the destination does not take the message",
            "look at it with `chancery parked show`; please report it with the code that stands here",
        )),
        _ => Verdict::Unknown(
            Failure::new(
                "no-answer",
                NextMove::Retry { after: retry_after },
                format!("Microsoft Graph is in trouble: {said}"),
            )
            .hint("nothing to do: what is in doubt is looked for, then sent again"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_means_one_thing() {
        let seconds = Duration::from_secs;
        let table: [(u16, &str, &str); 16] = [
            (201, "", "done"),
            (429, "ApplicationThrottled", "throttled"),
            (503, "ErrorServerBusy", "throttled"),
            (401, "InvalidAuthenticationToken", "sign in"),
            (507, "ErrorQuotaExceeded", "mailbox-full"),
            (403, "ErrorQuotaExceeded", "mailbox-full"),
            (404, "ErrorItemNotFound", "not there"),
            (404, "ErrorInvalidUser", "mailbox-gone"),
            (404, "MailboxNotEnabledForRESTAPI", "mailbox-gone"),
            (403, "ErrorAccessDenied", "denied"),
            (413, "RequestBodyTooLarge", "message-too-large"),
            (400, "UnableToDeserializePostBody", "message-refused"),
            (503, "", "unknown"),
            (504, "UnknownError", "unknown"),
            (408, "", "unknown"),
            (302, "", "unknown"),
        ];
        for (status, code, expected) in table {
            let found = match judge("a@example.com", status, code, Some(seconds(7))) {
                Verdict::Done => "done".to_owned(),
                Verdict::Throttled(wait) => {
                    assert_eq!(wait, Some(seconds(7)));
                    "throttled".to_owned()
                }
                Verdict::SignIn => "sign in".to_owned(),
                Verdict::NotThere => "not there".to_owned(),
                Verdict::Denied(failure) => {
                    assert_eq!(failure.code, "mailbox-denied");
                    "denied".to_owned()
                }
                Verdict::Refused(failure) => failure.code,
                Verdict::Unknown(failure) => {
                    assert_eq!(failure.next, NextMove::Retry { after: Some(seconds(7)) });
                    "unknown".to_owned()
                }
            };
            assert_eq!(found, expected, "{status} {code}");
        }
    }

    #[test]
    fn codes_are_names_and_nothing_else() {
        let body = |code: &str| serde_json::json!({ "error": { "code": code, "message": "secret" } }).to_string();
        assert_eq!(code(body("ErrorItemNotFound").as_bytes()), "ErrorItemNotFound");
        assert_eq!(code(body("a b\u{1b}[31m\n<x>").as_bytes()), "ab31mx");
        assert_eq!(code(body(&"x".repeat(500)).as_bytes()).len(), 64);
        assert_eq!(code(b"<html>"), "");
        assert_eq!(code(b"{\"error\":\"text\"}"), "");
    }
}
