//! `state rebuild`: a new index, and where a person says so, a ledger that goes on after a loss.

use std::path::Path;

use super::{
    Announcement, State,
    acts::HOST,
    checkpoint, connector_names,
    error::StateError,
    fact::Fact,
    files::list,
    index::{Index, Tables},
    keys::Keys,
    ledger::{Batch, Head, Ledger, LocalFiles},
    lock::Lock,
    sidecar::{Entry, Private, Sealer},
    system_time_ms,
};

/// A person's word that acknowledged records are gone and the ledger goes on without them.
#[derive(Clone, Copy, Debug)]
pub struct LossAcceptance<'a> {
    /// Who decides.
    pub actor: &'a str,
    /// Why; recorded.
    pub reason: &'a str,
}

/// Builds the index of every connector anew. With an acceptance, each ledger that is behind what is known of it records
/// the loss and goes on.
///
/// # Errors
/// `LedgerBehind` without an acceptance; `Damaged` in either case: damage is mended from a backup, not accepted.
pub fn rebuild(data_dir: &Path, accept_loss: Option<LossAcceptance<'_>>) -> Result<Vec<Announcement>, StateError> {
    let mut announcements = Vec::new();
    {
        let _lock = Lock::take(data_dir)?;
        let keys = Keys::open(data_dir)?;
        if let Some(acceptance) = accept_loss {
            let mut names = connector_names(data_dir)?;
            names.push(HOST.into());
            for name in names {
                announcements.extend(accept(data_dir, &keys, &name, &acceptance)?);
            }
        }
        Index::discard(data_dir)?;
    }
    let (state, told) = State::open(data_dir)?;
    announcements.extend(told);
    for name in state.connectors()? {
        state.connector(&name)?;
    }
    announcements.extend(state.take_announcements());
    state.close()?;
    Ok(announcements)
}

fn accept(
    data_dir: &Path,
    keys: &Keys,
    name: &str,
    acceptance: &LossAcceptance<'_>,
) -> Result<Option<Announcement>, StateError> {
    let folder = data_dir.join("ledger").join(name);
    let (mut ledger, _) = Ledger::open(name, Box::new(LocalFiles::create(&folder)?))?;
    ledger.confirm(None)?;
    let end = ledger.position().group;
    let mut claimed = Vec::new();
    if let Some(head) = Head::read(&folder, name, &keys.public())?
        && !ledger.holds(&head.position)?
    {
        claimed.push(head.position.group);
    }
    // An index that does not open claims nothing.
    if let Ok((index, _)) = Index::open(data_dir)
        && let Ok(tables) = Tables::open(&index, name)
        && !ledger.holds(&tables.position())?
    {
        claimed.push(tables.position().group);
    }
    for (file, _) in list(&checkpoint::folder(data_dir, name))? {
        let group = file.strip_suffix(".checkpoint").and_then(|stem| stem.split_once('-')?.1.parse::<u64>().ok());
        claimed.extend(group.filter(|group| *group > end));
    }
    let Some(until_group) = claimed.into_iter().max() else { return Ok(None) };
    let at_ms = system_time_ms();
    let mut sealer = Sealer::new(&keys.derive("sealed entries", name));
    let mut batch = Batch::default();
    ledger.begin(&mut batch)?;
    let part = Private::Decision { actor: acceptance.actor.into(), reason: acceptance.reason.into() };
    let sealed = sealer.seal(0, &Entry { previous: None, part }, batch.private())?;
    batch.push(&Fact::LossAccepted { until_group, sealed })?;
    let position = ledger.append(&mut batch, at_ms)?;
    Head { position, at_ms }.write(&folder, name, keys)?;
    let text = format!(
        "the ledger goes on after group {end}; records up to group {until_group} are gone, and that was recorded"
    );
    Ok(Some(Announcement { connector: (name != HOST).then(|| name.to_owned()), text }))
}
