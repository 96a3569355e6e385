//! What a subject line says: `WhatsApp Message from 16174354634 to 12124325249`, with a deletion's prefix before it.

use kit::{CallOutcome, Event};

/// A subject that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// What happened.
    pub(crate) event: Event,
    /// For a deletion: what was deleted.
    pub(crate) deleted: Event,
    /// The app or network, as written (`WhatsApp`).
    pub(crate) network: Option<String>,
    /// The sender as written: digits.
    pub(crate) from: Option<String>,
    /// The other side as written: digits, or a group's title.
    pub(crate) to: Option<String>,
    /// A call's facts as far as the subject tells them.
    pub(crate) call: Option<CallWords>,
    /// A deletion's facts.
    pub(crate) deletion: Option<Deletion>,
}

/// What a subject tells of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallWords {
    /// Video?
    pub(crate) video: bool,
    /// How it ended.
    pub(crate) outcome: CallOutcome,
}

/// What a deletion's prefix tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// `all`, `me`, or none when it does not say.
    pub(crate) scope: Option<&'static str>,
    /// `READ`, `UNREAD` or `UNKNOWN`.
    pub(crate) state: &'static str,
}

impl Deletion {
    /// The prefix as written first in the vendor's documents, whatever dashes this mail used.
    pub(crate) fn prefix(&self) -> String {
        let scope = match self.scope {
            Some("me") => " For Me",
            Some("all") => " For All",
            _ => "",
        };
        format!("DELETED{scope} - {} - ", self.state)
    }
}

impl Subject {
    /// Reads a subject; none when it is of another make.
    pub(crate) fn parse(subject: &str) -> Option<Self> {
        let subject = subject.trim();
        let (deletion, rest) = match deletion(subject) {
            Some((deletion, rest)) => (Some(deletion), rest),
            None => (None, subject),
        };
        let Some(mut found) = Self::parse_plain(rest) else {
            // A prefix alone tells that something was deleted; what, is in the body.
            return deletion.map(|deletion| Self {
                event: Event::Deletion,
                deleted: Event::Message,
                network: None,
                from: None,
                to: None,
                call: None,
                deletion: Some(deletion),
            });
        };
        if deletion.is_some() {
            (found.event, found.deleted) = (Event::Deletion, found.event);
            found.deletion = deletion;
        }
        Some(found)
    }

    /// `<network> <words> from <sender> to <other side>`.
    fn parse_plain(subject: &str) -> Option<Self> {
        let (head, rest) = split_word(subject, " from ")?;
        let (from, to) = split_word(rest, " to ")?;
        let (from, to) = (from.trim(), to.trim());
        if from.is_empty() || to.is_empty() {
            return None;
        }
        let words: Vec<String> = head.split_whitespace().map(str::to_lowercase).collect();
        let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
        let event = match words.last()?.as_str() {
            "message" if has(&["edited", "edit"]) => Event::Edit,
            "message" | "sms" | "mms" => Event::Message,
            "call" => Event::Call,
            "file" | "attachment" => Event::File,
            _ => return None,
        };
        let call = (event == Event::Call).then(|| CallWords {
            video: has(&["video"]),
            outcome: match () {
                () if has(&["missed"]) => CallOutcome::Missed,
                () if has(&["declined", "rejected"]) => CallOutcome::Declined,
                () if has(&["failed", "cancelled", "canceled"]) => CallOutcome::Failed,
                () if has(&["answered"]) => CallOutcome::Answered,
                () => CallOutcome::Unknown,
            },
        });
        const KIND_WORDS: [&str; 16] = [
            "message",
            "call",
            "file",
            "attachment",
            "voice",
            "audio",
            "video",
            "missed",
            "declined",
            "rejected",
            "failed",
            "cancelled",
            "canceled",
            "answered",
            "edited",
            "edit",
        ];
        let network: Vec<&str> =
            head.split_whitespace().filter(|word| !KIND_WORDS.contains(&word.to_lowercase().as_str())).collect();
        Some(Self {
            event,
            deleted: Event::Message,
            network: (!network.is_empty()).then(|| network.join(" ")),
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            call,
            deletion: None,
        })
    }
}

/// The digits of a number as the vendor writes it; none for a name or a title.
pub(crate) fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let only_number = text.chars().all(|c| c.is_ascii_digit() || "+ -().\u{a0}".contains(c));
    (only_number && digits.len() >= 3).then_some(digits)
}

/// `DELETED [For Me|For All|For Me/For All] - READ|UNREAD|UNKNOWN [-] `, with hyphens or dashes, and what follows.
fn deletion(subject: &str) -> Option<(Deletion, &str)> {
    let rest = strip_word(subject, "deleted")?.trim_start();
    let (scope, rest) = if let Some(rest) = strip_word(rest, "for me/for all") {
        (None, rest)
    } else if let Some(rest) = strip_word(rest, "for me") {
        (Some("me"), rest)
    } else if let Some(rest) = strip_word(rest, "for all") {
        (Some("all"), rest)
    } else {
        (None, rest)
    };
    let rest = rest.trim_start().strip_prefix(is_dash)?.trim_start();
    let (state, rest) = ["UNREAD", "UNKNOWN", "READ"]
        .into_iter()
        .find_map(|state| strip_word(rest, state).map(|rest| (state, rest)))?;
    let rest = rest.trim_start();
    Some((Deletion { scope, state }, rest.strip_prefix(is_dash).unwrap_or(rest).trim_start()))
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// What follows a word at the beginning, whatever its case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric());
    (head.eq_ignore_ascii_case(word) && ends).then_some(rest)
}

/// Both sides of the first `word`, whatever its case; the vendor writes `from` and `From`.
fn split_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let at = text.to_ascii_lowercase().find(word)?;
    Some((text.get(..at)?, text.get(at + word.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// event, deleted, network, from, to, call, prefix
    fn told(subject: &str) -> String {
        match Subject::parse(subject) {
            None => "-".to_owned(),
            Some(s) => {
                let text = |t: Option<String>| t.unwrap_or_else(|| "-".into());
                let call = s.call.map_or("-".into(), |call| format!("video={} {:?}", call.video, call.outcome));
                let prefix = s.deletion.as_ref().map_or("-".into(), Deletion::prefix);
                let deleted = if s.deletion.is_some() { s.deleted.name() } else { "-" };
                [s.event.name(), deleted, &text(s.network), &text(s.from), &text(s.to), &call, &prefix].join("|")
            }
        }
    }

    #[test]
    fn subjects_are_read() {
        let cases = [
            ("WhatsApp Message from 16174354634 to 12124325249", "message|-|WhatsApp|16174354634|12124325249|-|-"),
            ("WhatsApp Message From 16174354634 To Sales Group", "message|-|WhatsApp|16174354634|Sales Group|-|-"),
            ("WhatsApp Message from 1617 to Road to Rome from A", "message|-|WhatsApp|1617|Road to Rome from A|-|-"),
            ("Signal Message from 1617 to Équipe 🌍", "message|-|Signal|1617|Équipe 🌍|-|-"),
            ("Verizon SMS from 1617 to 1212", "message|-|Verizon SMS|1617|1212|-|-"),
            ("Message from 1617 to 1212", "message|-|-|1617|1212|-|-"),
            ("WhatsApp Missed Voice Call from 1617 to 1212", "call|-|WhatsApp|1617|1212|video=false Missed|-"),
            ("WhatsApp Video Call from 1617 to 1212", "call|-|WhatsApp|1617|1212|video=true Unknown|-"),
            ("WhatsApp Edited Message from 1617 to 1212", "edit|-|WhatsApp|1617|1212|-|-"),
            ("WhatsApp File from 1617 to 1212", "file|-|WhatsApp|1617|1212|-|-"),
            ("DELETED - READ - WhatsApp Message from 1 to 2", "deletion|message|WhatsApp|1|2|-|DELETED - READ - "),
            (
                "DELETED \u{2013} UNREAD \u{2013} WhatsApp Message from 1 to 2",
                "deletion|message|WhatsApp|1|2|-|DELETED - UNREAD - ",
            ),
            (
                "Deleted For Me \u{2013} UNKNOWN WhatsApp File from 1 to 2",
                "deletion|file|WhatsApp|1|2|-|DELETED For Me - UNKNOWN - ",
            ),
            (
                "DELETED For All - UNKNOWN - WhatsApp Message from 1 to 2",
                "deletion|message|WhatsApp|1|2|-|DELETED For All - UNKNOWN - ",
            ),
            (
                "DELETED For Me/For All - UNKNOWN - WhatsApp Message from 1 to 2",
                "deletion|message|WhatsApp|1|2|-|DELETED - UNKNOWN - ",
            ),
            ("DELETED - READ - something else", "deletion|message|-|-|-|-|DELETED - READ - "),
            ("DELETED - READABLE - x", "-"),
            ("DELETED READ WhatsApp Message from 1 to 2", "message|-|DELETED READ WhatsApp|1|2|-|-"),
            ("WhatsApp Poll from 1 to 2", "-"),
            ("WhatsApp Message from  to 2", "-"),
            ("WhatsApp Message", "-"),
            ("Quarterly figures", "-"),
            ("é", "-"),
            ("", "-"),
        ];
        for (subject, expected) in cases {
            assert_eq!(told(subject), expected, "{subject}");
        }
    }

    #[test]
    fn a_title_is_not_a_number() {
        assert_eq!(number("+1 (617) 435-4634").as_deref(), Some("16174354634"));
        for text in ["Sales Group", "Team 1234567", "12", ""] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
