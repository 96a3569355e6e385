//! `ledger verify`: all ledgers, offline, with the public key alone.

use std::path::Path;

use super::{acts::HOST, connector_names, error::StateError, keys, ledger::verify_connector, lock::Lock};

pub use super::ledger::LedgerReport;

/// What was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// By ledger, the host's own first.
    pub ledgers: Vec<LedgerReport>,
}

/// Proves that every byte of the ledgers, or of one connector's, is what was written, that nothing before a signed head
/// or a checkpoint is gone, and that whatever was erased was erased by a recorded decision. Needs `keys/host.pub`, no
/// other key, and changes nothing.
///
/// # Errors
/// The first thing that does not hold, with file, offset and record.
pub fn verify(data_dir: &Path, connector: Option<&str>) -> Result<VerifyReport, StateError> {
    let key = keys::public(data_dir)?;
    let running = Lock::is_taken(data_dir);
    let names = match connector {
        Some(name) => vec![name.to_owned()],
        None => {
            let mut names = connector_names(data_dir)?;
            names.insert(0, HOST.into());
            names
        }
    };
    let mut report = VerifyReport::default();
    for name in names {
        if !data_dir.join("ledger").join(&name).is_dir() {
            if name == HOST {
                continue;
            }
            return Err(StateError::Unknown { connector: name, what: "its ledger".into() });
        }
        report.ledgers.push(verify_connector(data_dir, &name, &key, running)?);
    }
    Ok(report)
}
