//! `state rebuild`: a new index, and where a person says so, a ledger that goes on after a loss.

use std::path::Path;

use super::{
    Act, Announcement, State,
    acts::HOST,
    checkpoint, connector_names,
    error::StateError,
    fact::Fact,
    files::read_if_there,
    index::{Index, Tables},
    keys::Keys,
    ledger::{Batch, Head, Ledger, LocalFiles},
    lock::Lock,
    note,
    sidecar::{Entry, Private, Sealer},
    system_time_ms,
};

/// Builds the index of every connector anew. With `accept_loss_because`, every connector's ledger records that records
/// after its end are gone, or may be: what is sent from then on is looked for first. Either way the host's own ledger
/// says who did it.
///
/// # Errors
/// `LedgerBehind` without an acceptance; `Damaged` in either case: damage is mended from a backup, not accepted.
pub fn rebuild(
    data_dir: &Path,
    actor: &str,
    accept_loss_because: Option<&str>,
) -> Result<Vec<Announcement>, StateError> {
    if accept_loss_because.is_some_and(|reason| reason.trim().is_empty()) || actor.trim().is_empty() {
        return Err(StateError::reason_missing("accepting a loss of records"));
    }
    let mut announcements = Vec::new();
    {
        let _lock = Lock::take(data_dir)?;
        let keys = Keys::open(data_dir)?;
        if let Some(reason) = accept_loss_because {
            let mut names = connector_names(data_dir)?;
            names.push(HOST.into());
            for name in names {
                announcements.extend(accept(data_dir, &keys, &name, actor, reason)?);
            }
        }
        Index::discard(data_dir)?;
    }
    let (state, told) = State::open(data_dir)?;
    announcements.extend(told);
    for name in state.connectors()? {
        state.connector(&name)?;
    }
    state.record_act(Act {
        at_ms: 0,
        actor: actor.into(),
        verb: if accept_loss_because.is_some() { "state rebuild --accept-loss" } else { "state rebuild" }.into(),
        subject: "every connector".into(),
        reason: accept_loss_because.unwrap_or_default().into(),
    })?;
    announcements.extend(state.take_announcements());
    state.close()?;
    Ok(announcements)
}

fn accept(
    data_dir: &Path,
    keys: &Keys,
    name: &str,
    actor: &str,
    reason: &str,
) -> Result<Option<Announcement>, StateError> {
    let folder = data_dir.join("ledger").join(name);
    let (mut ledger, _) = Ledger::open(name, Box::new(LocalFiles::create(&folder)?))?;
    ledger.confirm(None)?;
    let end = ledger.position().group;
    let mut claimed = Vec::new();
    if let Some(head) = Head::read(&folder, name, &keys.trusted())?
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
    for (group, path) in checkpoint::files(data_dir, name)? {
        let signed = read_if_there(&path)?.is_some_and(|note| note::open(&note, &keys.trusted()).is_ok());
        claimed.extend((group > end && signed).then_some(group));
    }
    let claimed = claimed.into_iter().max();
    if name == HOST && claimed.is_none() {
        return Ok(None); // Nothing is sent on its word.
    }
    let at_ms = system_time_ms();
    let mut sealer = Sealer::new(&keys.derive("sealed entries", name));
    let mut batch = Batch::default();
    ledger.begin(&mut batch)?;
    let part = Private::Decision { actor: actor.into(), reason: reason.into() };
    let sealed = sealer.seal(0, &Entry { previous: None, part }, batch.private())?;
    batch.push(&Fact::LossAccepted { until_group: claimed.unwrap_or(end), sealed })?;
    let position = ledger.append(&mut batch, at_ms)?;
    Head { position, at_ms }.write(&folder, name, keys)?;
    let known = match claimed {
        Some(until_group) => format!("records up to group {until_group} are gone"),
        None => "later records may be gone, none is known of".into(),
    };
    let text = format!("the ledger goes on after group {end}; {known}, and that was recorded");
    Ok(Some(Announcement { connector: (name != HOST).then(|| name.to_owned()), text }))
}
