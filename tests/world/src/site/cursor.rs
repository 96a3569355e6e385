//! The site's cursor: opaque to its readers, sufficient by itself, and only good for the question it was given for.

use crate::random::mix;
use crate::story::Query;

/// Where the next page of one query begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) offset: u64,
    /// How often the listing began anew; more than 0 only when the site misbehaves.
    pub(crate) round: u64,
}

impl Cursor {
    pub(crate) const START: Self = Self { offset: 0, round: 0 };

    /// The cursor's text for a question with this fingerprint.
    pub(crate) fn to_text(self, question: u64) -> String {
        let seal = seal(question, self.offset, self.round);
        format!("c{:x}.{:x}.{seal:016x}", self.offset, self.round)
    }

    /// None for a text that was not given out for this question.
    pub(crate) fn parse(text: &str, question: u64) -> Option<Self> {
        let mut parts = text.strip_prefix('c')?.splitn(3, '.').map(|part| u64::from_str_radix(part, 16).ok());
        let (offset, round, given) = (parts.next()??, parts.next()??, parts.next()??);
        (given == seal(question, offset, round)).then_some(Self { offset, round })
    }
}

fn seal(question: u64, offset: u64, round: u64) -> u64 {
    mix(mix(mix(question) ^ offset) ^ round)
}

/// The fingerprint of a listing question. "Now" is no part of it: a cursor stays good while time passes.
pub(crate) fn items_question(seed: u64, query: Query) -> u64 {
    mix(mix(seed ^ mix(query.from_ms as u64)) ^ query.to_ms as u64)
}

/// The fingerprint of the roster.
pub(crate) fn users_question(seed: u64) -> u64 {
    mix(seed ^ 0x0075_7365_7273)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_good_for_its_own_question_only() {
        let query = |from_ms| Query { from_ms, to_ms: 9, now_ms: None };
        let (question, other) = (items_question(1, query(0)), items_question(1, query(1)));
        let cursor = Cursor { offset: 1_000, round: 2 };
        let text = cursor.to_text(question);
        assert_eq!(Cursor::parse(&text, question), Some(cursor));
        assert_eq!(Cursor::parse(&text, other), None);
        assert_eq!(Cursor::parse(&text, users_question(1)), None);
        for broken in ["", "c", "c1", "c1.0", "c1.0.0", "x1.0.0", "c1.0.0.0", "cé.0.0", &text[1..], &format!("{text}0")]
        {
            assert_eq!(Cursor::parse(broken, question), None, "{broken}");
        }
    }
}
