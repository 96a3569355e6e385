//! Ledgers: checkpoints, holds, and whether everything verifies.

use serde::Serialize;

use super::names;
use crate::{
    item::{
        Failure, Interval, TimestampMs, hex,
        time::{DAY_MS, rfc3339},
    },
    scheduler::{self, Bundled, Host},
    state::{self, VerifyOptions},
};

/// What is in force of the record.
#[derive(Debug, Serialize)]
pub(in crate::console) struct LedgerDocument {
    /// By connector.
    pub(in crate::console) ledgers: Vec<Checkpoints>,
    /// What is not erased, and who decided it.
    pub(in crate::console) holds: Vec<HoldDocument>,
}

/// A connector's signed checkpoints.
#[derive(Debug, Serialize)]
pub(in crate::console) struct Checkpoints {
    /// The connector.
    pub(in crate::console) name: String,
    /// The number of the last group of the ledger.
    pub(in crate::console) group: u64,
    /// The hash of the chain there, as hex digits.
    pub(in crate::console) head: String,
    /// How many.
    pub(in crate::console) checkpoints: usize,
    /// The file of the last.
    pub(in crate::console) last: Option<String>,
}

/// A hold.
#[derive(Debug, Serialize)]
pub(in crate::console) struct HoldDocument {
    /// What is held.
    pub(in crate::console) subject: String,
    /// Since when.
    pub(in crate::console) since: String,
    /// Who decided it.
    pub(in crate::console) actor: String,
    /// Why.
    pub(in crate::console) reason: String,
}

/// A ledger that was read whole and found to be what was written.
#[derive(Debug, Serialize)]
pub(in crate::console) struct Verified {
    /// The connector; `@host` for acts of people.
    pub(in crate::console) name: String,
    /// Facts.
    pub(in crate::console) facts: u64,
    /// Groups, each bound to the one before.
    pub(in crate::console) groups: u64,
    /// Segments.
    pub(in crate::console) segments: u64,
    /// Sealed entries.
    pub(in crate::console) entries: u64,
    /// Of them, erased by a recorded decision.
    pub(in crate::console) erased: u64,
    /// Checkpoints whose signature and place hold.
    pub(in crate::console) checkpoints: u64,
}

/// What is in force.
///
/// # Errors
/// When the data folder cannot be read.
pub(in crate::console) fn read(host: &Host) -> Result<LedgerDocument, Failure> {
    let mut ledgers = Vec::new();
    for name in names(host)? {
        let files = host.state.checkpoint_files(&name)?;
        let last = files.last().map(|(file, _)| file.clone());
        let (group, head) = host.state.connector(&name)?.head()?;
        ledgers.push(Checkpoints { name, group, head: hex(&head), checkpoints: files.len(), last });
    }
    let holds = host.state.holds()?.into_iter().map(|hold| HoldDocument {
        subject: hold.subject.text(),
        since: rfc3339(hold.at_ms),
        actor: hold.actor,
        reason: hold.reason,
    });
    Ok(LedgerDocument { ledgers, holds: holds.collect() })
}

/// Reads everything and checks it against itself, the signed heads and the checkpoints.
///
/// # Errors
/// What is not as it was written.
pub(in crate::console) fn verify(host: &Host) -> Result<Vec<Verified>, Failure> {
    let report = state::verify(&host.config.data_dir, &VerifyOptions { connector: None, key: None, copies: &[] })?;
    let verified = report.ledgers.into_iter().map(|ledger| Verified {
        name: ledger.name,
        facts: ledger.facts,
        groups: ledger.groups,
        segments: ledger.segments,
        entries: ledger.entries,
        erased: ledger.erased,
        checkpoints: ledger.checkpoints,
    });
    Ok(verified.collect())
}

/// A bundle that was made.
#[derive(Debug, Serialize)]
pub(in crate::console) struct BundleDocument {
    /// Where it is, on the host.
    pub(in crate::console) folder: String,
    /// Windows in it.
    pub(in crate::console) windows: usize,
    /// Items.
    pub(in crate::console) items: usize,
    /// Mails that were read back from mailboxes.
    pub(in crate::console) messages: usize,
}

/// Bundles a day of a connector, in a folder of its own below the data folder. Who makes it is recorded by the caller.
///
/// # Errors
/// `connector-unknown`, `bundle-refused`, or what mailboxes fail with.
pub(in crate::console) async fn bundle(
    host: &Host,
    name: &str,
    day_ms: TimestampMs,
) -> Result<BundleDocument, Failure> {
    super::state_of(host, name)?;
    let day = rfc3339(day_ms);
    let day = day.get(..10).unwrap_or(&day);
    let out = host.config.data_dir.join("bundles").join(format!("{name}-{day}"));
    let asked = Interval { start_ms: Some(day_ms), end_ms: day_ms + DAY_MS };
    let Bundled { windows, items, messages, .. } = scheduler::bundle(host, name, asked, &out).await?;
    Ok(BundleDocument { folder: out.display().to_string(), windows, items, messages })
}
