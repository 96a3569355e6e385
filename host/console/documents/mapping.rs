//! Mappings: the one in force, and what another would change.

use serde::Serialize;

use super::unknown;
use crate::{
    item::{
        Failure, hex,
        mapping::{MappingRow, MappingSummary},
        time::rfc3339,
    },
    scheduler::{self, Host, MappingCheck},
};

/// A connector's mapping.
#[derive(Debug, Serialize)]
pub(in crate::console) struct MappingDocument {
    /// The connector.
    pub(in crate::console) name: String,
    /// The file that it names.
    pub(in crate::console) file: Option<String>,
    /// The SHA-256 of that file's bytes, as hex digits; none when it is not there.
    pub(in crate::console) digest: Option<String>,
    /// What is in the file, and what in it cannot be used.
    pub(in crate::console) summary: MappingSummary,
    /// Usable rows, at most so many as were asked for.
    pub(in crate::console) rows: Vec<MappingRow>,
    /// What the file would change against the mapping in force; none before the first turn.
    pub(in crate::console) difference: Option<Vec<String>>,
    /// The versions that windows have used, newest first.
    pub(in crate::console) history: Vec<Version>,
}

/// A version of a mapping.
#[derive(Debug, Serialize)]
pub(in crate::console) struct Version {
    /// Its number in the record, as hex digits.
    pub(in crate::console) version: String,
    /// When the first window that used it was opened.
    pub(in crate::console) first_used_at: String,
    /// Windows that used it.
    pub(in crate::console) windows: u64,
}

/// What a file would do.
#[derive(Debug, Serialize)]
pub(in crate::console) struct Preview {
    /// Counts and problems by line.
    pub(in crate::console) summary: MappingSummary,
    /// What would change.
    pub(in crate::console) difference: Option<Vec<String>>,
}

impl From<MappingCheck> for Preview {
    fn from(check: MappingCheck) -> Self {
        Self { difference: check.difference(), summary: check.summary }
    }
}

/// A connector's mapping.
///
/// # Errors
/// `connector-unknown`, or what its mapper fails with.
pub(in crate::console) async fn read(host: &Host, name: &str, rows_max: usize) -> Result<MappingDocument, Failure> {
    let connector = host.config.connector(name).ok_or_else(|| unknown(name))?;
    let in_force = scheduler::mapping_in_force(host, connector)?;
    let file = scheduler::mapping_file(connector)?;
    let digest = file.as_ref().map(|(_, digest)| hex(digest));
    let bytes = file.map(|(bytes, _)| bytes).unwrap_or_default();
    let check = scheduler::check_mapping_bytes(&host.config, &host.sandbox, connector, bytes, in_force).await?;
    let mut history: Vec<Version> = Vec::new();
    for window in host.state.connector(name)?.windows()? {
        let version = hex(&window.pins.mapping);
        match history.iter_mut().find(|known| known.version == version) {
            Some(known) => known.windows += 1,
            None => history.push(Version { version, first_used_at: rfc3339(window.opened_at_ms), windows: 1 }),
        }
    }
    history.reverse();
    let difference = check.difference();
    let mut rows = check.rows;
    rows.truncate(rows_max);
    Ok(MappingDocument {
        name: name.to_owned(),
        file: connector.mapper.file.as_ref().map(|file| file.display().to_string()),
        digest,
        summary: check.summary,
        rows,
        difference,
        history,
    })
}

/// What a file would do in a connector.
///
/// # Errors
/// As [`read`].
pub(in crate::console) async fn preview(host: &Host, name: &str, bytes: Vec<u8>) -> Result<Preview, Failure> {
    let connector = host.config.connector(name).ok_or_else(|| unknown(name))?;
    let in_force = scheduler::mapping_in_force(host, connector)?;
    let check = scheduler::check_mapping_bytes(&host.config, &host.sandbox, connector, bytes, in_force).await?;
    Ok(check.into())
}
