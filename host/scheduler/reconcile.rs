//! Reading mailboxes back: puts together what that needs, and records that it was done.

use std::sync::Arc;

use super::{
    Host,
    assemble::{self, SignIn},
    evidence,
};
use crate::{
    config::Connector,
    item::Failure,
    pipeline::{
        Brakes, Silent, Turn,
        reconcile::{self, Archive, Extent, MailboxReport, Reconciled, Repairs, Tally},
    },
    state::{Act, ConnectorState, StateError},
};

/// Who reads the mailboxes back, and what is to be done about what is missing.
pub struct Reconcile<'a> {
    /// What of the archive.
    pub extent: &'a Extent,
    /// The extent in words, for the record.
    pub described: String,
    /// Who.
    pub actor: &'a str,
    /// Why what is missing is to be written again; none when it is not.
    pub repair: Option<&'a str>,
}

/// Reads a connector's mailboxes back, shows what each holds, and writes what is missing again if that is asked for. That
/// it was done stands in the connector's ledger, and a repair before anything is written.
///
/// # Errors
/// What keeps it from beginning, and what reading or writing the record fails with.
pub async fn reconcile(
    host: &Host,
    connector: &Connector,
    what: &Reconcile<'_>,
    show: &mut (dyn FnMut(MailboxReport) + Send),
) -> Result<(Reconciled, Vec<Failure>), Failure> {
    let state = host.state.connector(&connector.name)?;
    let done = match what.repair {
        None => {
            let destinations = assemble::destinations_of(host, connector).await?;
            let archive =
                Archive { connector: &connector.name, state: &state, destinations: &destinations, locks: &host.locks };
            reconcile::reconcile(&archive, what.extent, None, show).await?
        }
        Some(reason) => repaired(host, connector, &state, what, reason, show).await?,
    };
    record(&state, what, "reconcile", counted(&done))?;
    Ok((done, evidence::copy(host, &connector.name).await))
}

async fn repaired(
    host: &Host,
    connector: &Connector,
    state: &Arc<ConnectorState>,
    what: &Reconcile<'_>,
    reason: &str,
    show: &mut (dyn FnMut(MailboxReport) + Send),
) -> Result<Reconciled, Failure> {
    if reason.trim().is_empty() {
        return Err(StateError::reason_missing("a repair").into());
    }
    let without_source = turn(host, connector, SignIn::NotNeeded).await?;
    record(state, what, "repair", reason.to_owned())?;
    let archive =
        Archive { connector: &connector.name, state, destinations: &without_source.destinations, locks: &host.locks };
    let repairs = Repairs {
        turn: &without_source,
        source: &|| Box::pin(turn(host, connector, SignIn::Now)),
        actor: what.actor.to_owned(),
        reason: reason.to_owned(),
    };
    reconcile::reconcile(&archive, what.extent, Some(&repairs), show).await
}

async fn turn(host: &Host, connector: &Connector, sign_in: SignIn) -> Result<Turn, Failure> {
    let mut assembled = assemble::turn(host, connector, Arc::new(Silent), sign_in).await?;
    // What fails is said of each copy; it stops nothing.
    assembled.turn.brakes = Brakes::off();
    Ok(assembled.turn)
}

fn record(state: &ConnectorState, what: &Reconcile<'_>, verb: &str, reason: String) -> Result<(), Failure> {
    let (actor, verb, subject) = (what.actor.to_owned(), verb.to_owned(), what.described.clone());
    Ok(state.record_act(&Act { at_ms: 0, actor, verb, subject, reason })?)
}

/// The counts in words.
fn counted(done: &Reconciled) -> String {
    let Tally { found, not_comparable, moved, altered, doubled, missing, erased, erased_but_present, repaired } =
        done.copies;
    format!(
        "{} mailboxes judged, {} not: found {found}, not comparable {not_comparable}, moved {moved}, altered {altered}, doubled {doubled}, missing {missing}, erased {erased}, erased but present {erased_but_present}, repaired {repaired}",
        done.mailboxes, done.not_judged
    )
}
