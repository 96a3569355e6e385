//! `state check`: looks at everything the state keeps, and changes nothing.

use std::path::Path;

use super::{
    VerifyOptions, VerifyReport,
    error::StateError,
    index::{Index, Tables},
    keys::Keys,
    lock::Lock,
    mapping,
    verify::verify,
};

/// What was found; that it was found at all means that the ledgers are whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The ledgers.
    pub ledgers: VerifyReport,
    /// The index.
    pub index: IndexStanding,
    /// Mappings that open under their version.
    pub mappings: u64,
}

/// How the index stands. None of these loses anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexStanding {
    /// It opens, and lacks so many groups, which the next start reads from the ledgers.
    Opens {
        /// Over all connectors.
        groups_behind: u64,
    },
    /// The next start builds it anew.
    Broken {
        /// Why.
        why: String,
    },
}

/// Checks keys, ledgers, index and mappings of a data folder that nobody else holds.
///
/// # Errors
/// The first thing that does not hold; `LedgerBehind` also when the index knows of records that are gone.
pub fn check(data_dir: &Path) -> Result<CheckReport, StateError> {
    let ledgers = verify(data_dir, &VerifyOptions::default())?;
    let _lock = Lock::take(data_dir)?;
    let keys = Keys::open(data_dir)?;
    let mappings = mapping::check_all(data_dir, &keys)?;
    let index = match Index::probe(data_dir)? {
        Err(why) => IndexStanding::Broken { why },
        Ok(index) => standing(&index, &ledgers)?,
    };
    Ok(CheckReport { ledgers, index, mappings })
}

fn standing(index: &Index, ledgers: &VerifyReport) -> Result<IndexStanding, StateError> {
    let mut groups_behind = 0;
    for ledger in ledgers.ledgers.iter().filter(|ledger| ledger.name != super::acts::HOST) {
        let tables = match Tables::open(index, &ledger.name) {
            Ok(tables) => tables,
            Err(error) => return Ok(IndexStanding::Broken { why: error.to_string() }),
        };
        let indexed = tables.position().group;
        let Some(behind) = ledger.groups.checked_sub(indexed) else {
            let why = format!("its index is of group {indexed}, the ledger ends with group {}", ledger.groups);
            return Err(StateError::LedgerBehind { connector: ledger.name.clone(), why });
        };
        groups_behind += behind;
    }
    Ok(IndexStanding::Opens { groups_behind })
}
