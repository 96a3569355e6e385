//! An item as the index keeps it, and the only ways in which it may change.

use serde::{Deserialize, Serialize};

use super::{counts::ItemClass, fact::EntryRef};

/// Everything in clear about one item. What is personal is behind `entry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) window: u64,
    pub(super) page: u32,
    pub(super) position: u32,
    pub(super) event: u8,
    pub(super) flags: u8,
    /// The first observation, when this is a further one.
    pub(super) of: Option<u64>,
    /// Of a first observation: its newest duplicate, or 0. Of a duplicate: the observation before it.
    pub(super) duplicate: u64,
    /// Its newest sealed entry; that one knows the one before.
    pub(super) entry: Option<EntryRef>,
    pub(super) step: Step,
    pub(super) copies: Vec<Copy>,
}

/// How far the item as a whole has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Staged, not yet planned.
    Staged,
    /// Its copies say the rest.
    Planned,
    /// Parked as a whole, with a code.
    Parked(Box<str>),
    /// Left out by a rule.
    Excluded(Box<str>),
    /// Given up as a whole.
    Discarded,
}

/// A copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copy {
    pub(super) destination: u16,
    pub(super) person: bool,
    pub(super) target: [u8; 16],
    pub(super) state: CopyState,
}

/// How far a copy has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CopyState {
    Planned,
    Intended([u8; 32]),
    Imported,
    Partial,
    Skipped,
    Parked(Box<str>),
    Discarded,
}

impl Row {
    /// Where the item counts.
    pub(super) fn class(&self) -> ItemClass {
        match &self.step {
            Step::Staged => return ItemClass::Staged,
            Step::Parked(_) => return ItemClass::Parked,
            Step::Excluded(_) | Step::Discarded => return ItemClass::Excluded,
            Step::Planned => {}
        }
        let (mut parked, mut discarded) = (false, false);
        for copy in &self.copies {
            match copy.state {
                CopyState::Planned | CopyState::Intended(_) => return ItemClass::Pending,
                CopyState::Parked(_) => parked = true,
                CopyState::Discarded => discarded = true,
                CopyState::Imported | CopyState::Partial | CopyState::Skipped => {}
            }
        }
        match (parked, discarded, self.of) {
            (true, ..) => ItemClass::Parked,
            (_, true, _) => ItemClass::Excluded,
            (.., Some(_)) => ItemClass::Duplicate,
            (.., None) => ItemClass::Delivered,
        }
    }

    /// Whether the item or a copy of it is parked.
    pub(super) fn has_parked(&self) -> bool {
        matches!(self.step, Step::Parked(_))
            || self.copies.iter().any(|copy| matches!(copy.state, CopyState::Parked(_)))
    }
}

impl CopyState {
    /// The word for error messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Intended(_) => "intended",
            Self::Imported => "imported",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
            Self::Parked(_) => "parked",
            Self::Discarded => "discarded",
        }
    }

    /// Whether a copy may go from here to `next`. Steps only grow; the one way back is that a person frees what is
    /// parked, which is a fact of its own.
    pub(super) fn may_become(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Intended(before), Self::Intended(again)) => before == again,
            (Self::Planned, Self::Intended(_))
            | (Self::Intended(_), Self::Imported | Self::Partial | Self::Skipped)
            | (Self::Planned | Self::Intended(_), Self::Parked(_))
            | (Self::Parked(_), Self::Planned | Self::Discarded) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_never_go_back() {
        let all = [
            CopyState::Planned,
            CopyState::Intended([1; 32]),
            CopyState::Intended([2; 32]),
            CopyState::Imported,
            CopyState::Partial,
            CopyState::Skipped,
            CopyState::Parked("a".into()),
            CopyState::Parked("b".into()),
            CopyState::Discarded,
        ];
        // One line a state; a letter where the step to the state of that column is allowed.
        let allowed = [
            ".II...PP.", // planned
            ".I.IPSPP.", // intended
            "..IIPSPP.", // intended otherwise
            ".........", // imported
            ".........", // partial
            ".........", // skipped
            "P.......D", // parked
            "P.......D", // parked otherwise
            ".........", // discarded
        ];
        for (from, line) in all.iter().zip(allowed) {
            for (to, mark) in all.iter().zip(line.chars()) {
                assert_eq!(from.may_become(to), mark != '.', "{from:?} -> {to:?}");
            }
        }
    }
}
