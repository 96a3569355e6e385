//! What became of a copy: one function, no IO.

use serde::Serialize;

/// What became of a delivered copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// There, once, byte for byte.
    Found,
    /// There, once; its content cannot be compared.
    NotComparable,
    /// In another folder, byte for byte.
    Moved,
    /// There, with other bytes.
    Altered,
    /// There more than once.
    Doubled,
    /// Not there.
    Missing,
    /// Erased from the record, and not there.
    Erased,
    /// Erased from the record, and there.
    ErasedButPresent,
}

impl Class {
    /// All of them, in the order in which people are shown them.
    pub const ALL: [Self; 8] = [
        Self::Found,
        Self::NotComparable,
        Self::Moved,
        Self::Altered,
        Self::Doubled,
        Self::Missing,
        Self::Erased,
        Self::ErasedButPresent,
    ];

    /// The words of reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotComparable => "content not comparable",
            Self::Moved => "moved",
            Self::Altered => "altered",
            Self::Doubled => "doubled",
            Self::Missing => "missing",
            Self::Erased => "erased",
            Self::ErasedButPresent => "erased-but-present",
        }
    }

    /// Whether people are shown which item it is.
    pub const fn is_remarkable(self) -> bool {
        !matches!(self, Self::Found | Self::NotComparable | Self::Erased)
    }
}

/// What was seen of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Times its bytes lie in the archive's folder.
    pub(super) in_folder: u32,
    /// Whether they lie in another folder.
    pub(super) elsewhere: bool,
    /// Whether only what the destination says of them could be compared.
    pub(super) not_comparable: bool,
    /// Whether a message with other bytes says it is this item.
    pub(super) altered: bool,
}

/// Judges a copy.
pub(super) fn classify(is_erased: bool, seen: Seen) -> Class {
    let Seen { in_folder, elsewhere, not_comparable, altered } = seen;
    match (is_erased, in_folder) {
        (true, 0) if !elsewhere => Class::Erased,
        (true, _) => Class::ErasedButPresent,
        (false, 1) if not_comparable => Class::NotComparable,
        (false, 1) => Class::Found,
        (false, 0) if elsewhere => Class::Moved,
        (false, 0) if altered => Class::Altered,
        (false, 0) => Class::Missing,
        (false, _) => Class::Doubled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_decides_what_became_of_it() {
        let (yes, no) = (true, false);
        // Erased, times in the folder, elsewhere, not comparable, altered.
        for (is_erased, in_folder, elsewhere, not_comparable, altered, expect) in [
            (no, 1, no, no, no, Class::Found),
            (no, 1, yes, no, no, Class::Found),
            (no, 1, no, no, yes, Class::Found),
            (no, 1, no, yes, no, Class::NotComparable),
            (no, 2, no, no, no, Class::Doubled),
            (no, 2, no, yes, no, Class::Doubled),
            (no, 3, yes, no, yes, Class::Doubled),
            (no, 0, yes, no, no, Class::Moved),
            (no, 0, yes, yes, no, Class::Moved),
            (no, 0, yes, no, yes, Class::Moved),
            (no, 0, no, no, yes, Class::Altered),
            (no, 0, no, no, no, Class::Missing),
            (yes, 0, no, no, no, Class::Erased),
            (yes, 0, no, no, yes, Class::Erased),
            (yes, 1, no, no, no, Class::ErasedButPresent),
            (yes, 2, no, yes, no, Class::ErasedButPresent),
            (yes, 0, yes, no, no, Class::ErasedButPresent),
        ] {
            let seen = Seen { in_folder, elsewhere, not_comparable, altered };
            assert_eq!(classify(is_erased, seen), expect, "erased {is_erased}, {seen:?}");
        }
    }

    #[test]
    fn every_class_stands_once_in_the_list() {
        let sorted = Class::ALL.is_sorted_by(|a, b| a < b);
        assert!(sorted, "{:?}", Class::ALL);
    }
}
