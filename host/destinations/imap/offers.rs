//! What a server offers, and how messages are handed over because of it.

use std::collections::BTreeSet;

/// What a server says it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers(BTreeSet<String>);

impl Offers {
    pub(super) fn read(words: &str) -> Self {
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
}
