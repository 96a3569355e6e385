//! `ledger verify`: all ledgers, offline, with the public key alone.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    acts::HOST, checkpoint, connector_names, error::StateError, files::list, keys, ledger::verify_connector, lock::Lock,
};

pub use super::ledger::LedgerReport;

/// What to verify, and against what.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions<'a> {
    /// Only this connector's ledger.
    pub connector: Option<&'a str>,
    /// A public key kept elsewhere instead of `keys/host.pub`.
    pub key: Option<&'a Path>,
    /// Folders that checkpoints were copied to.
    pub copies: &'a [PathBuf],
}

/// What was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// By ledger, the host's own first.
    pub ledgers: Vec<LedgerReport>,
}

/// Proves that every byte of the ledgers, or of one connector's, is what was written, that nothing before a signed head
/// or a checkpoint is gone, and that whatever was erased was erased by a recorded decision. Needs a public key, no other,
/// and changes nothing; `data_dir` may be a copy that holds `ledger/` and perhaps `checkpoints/` alone.
///
/// # Errors
/// The first thing that does not hold, with file, offset and record.
pub fn verify(data_dir: &Path, options: &VerifyOptions<'_>) -> Result<VerifyReport, StateError> {
    let key = match options.key {
        Some(path) => keys::public_file(data_dir, path)?,
        None => keys::public(data_dir)?,
    };
    for copy in options.copies {
        if !copy.is_dir() {
            return Err(StateError::NotAllowed {
                code: "copy-missing",
                what: format!("there is no folder `{}` to compare with", copy.display()),
                hint: "name the folder that `[checkpoints] copy_to` names, or a copy of it".into(),
            });
        }
    }
    let running = Lock::is_taken(data_dir);
    // A ledger that is gone as a whole is known by its checkpoints alone.
    let mut signed: BTreeSet<String> = BTreeSet::new();
    for checkpoints in [data_dir.join("checkpoints")].iter().chain(options.copies) {
        for (name, folder) in list(checkpoints)? {
            if list(&folder)?.iter().any(|(file, _)| checkpoint::place(file).is_some()) {
                signed.insert(name);
            }
        }
    }
    let names: Vec<String> = match options.connector {
        Some(name) => vec![name.to_owned()],
        None => {
            let connectors: BTreeSet<String> = connector_names(data_dir)?.into_iter().chain(signed.clone()).collect();
            [HOST.to_owned()].into_iter().chain(connectors).collect()
        }
    };
    let mut report = VerifyReport::default();
    for name in names {
        if !data_dir.join("ledger").join(&name).is_dir() && !signed.contains(&name) {
            if name == HOST {
                continue;
            }
            return Err(StateError::Unknown { connector: name, what: "its ledger".into() });
        }
        report.ledgers.push(verify_connector(data_dir, &name, &key, running, options.copies)?);
    }
    Ok(report)
}
