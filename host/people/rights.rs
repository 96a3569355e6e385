//! Rights, each apart from the others: none contains another.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Something that may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Adds, changes and removes connectors, their mappings, plugins and secrets. Nobody has it unless it is given.
    AdministerConnectors,
    /// Runs, pauses and retries; sees metadata only.
    Operate,
    /// Reads messages. Each view, save and export is recorded with its reason.
    ReadContent,
    /// Reads reports and the ledger; changes nothing.
    Evidence,
    /// Adds people, and gives and takes rights.
    AdministerPeople,
}

/// Some rights.
pub type Rights = BTreeSet<Right>;

impl Right {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::AdministerConnectors, Self::Operate, Self::ReadContent, Self::Evidence, Self::AdministerPeople];

    /// Its name in commands, tokens and the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdministerConnectors => "administer-connectors",
            Self::Operate => "operate",
            Self::ReadContent => "read-content",
            Self::Evidence => "evidence",
            Self::AdministerPeople => "administer-people",
        }
    }

    /// What it allows, in a line.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::AdministerConnectors => "add, change and remove connectors, mappings, plugins and secrets",
            Self::Operate => "run, pause and retry; see metadata only",
            Self::ReadContent => "read messages; each view is recorded with its reason",
            Self::Evidence => "read reports and the ledger; change nothing",
            Self::AdministerPeople => "add people, give and take rights",
        }
    }

    /// The right of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
