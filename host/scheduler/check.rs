//! `connector check`: looks at everything a turn needs and changes nothing.

use super::{
    Host,
    assemble::{self, SignIn},
    mapping,
    roster::{self, RosterFinding},
};
use crate::{
    catalog::lock::Lock,
    config::Connector,
    destinations::Finding,
    item::{Failure, Person},
    pipeline::DestinationSlot,
};

/// What a check found.
pub struct Checked {
    /// The account, for sources that have one.
    pub account: String,
    /// One line a finding.
    pub findings: Vec<String>,
    /// What each destination found, under its name.
    pub destinations: Vec<(String, Vec<Finding>)>,
    /// People the source has registered; none when it has no roster.
    pub roster: Option<Vec<Person>>,
    /// The destinations that were looked at.
    slots: Vec<DestinationSlot>,
}

/// Compares the people whom the source has registered with the mapping and with what the destinations know; of a source
/// without a roster, only whether there is a mapping that the next turn can use.
///
/// # Errors
/// When the mapping cannot be used, or a destination cannot be asked.
pub async fn compare_roster(
    host: &Host,
    connector: &Connector,
    checked: &Checked,
) -> Result<Vec<RosterFinding>, Failure> {
    match &checked.roster {
        None => mapping::next(host, connector).await.map(|_| Vec::new()),
        Some(people) => roster::compare(host, connector, people, &checked.slots).await,
    }
}

/// Signs in, asks for the roster, looks at the destinations.
///
/// # Errors
/// The first thing that would keep a turn from working.
pub async fn check(host: &Host, connector: &Connector) -> Result<Checked, Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let mut source = assemble::source(host, &lock, connector, SignIn::Now).await?;
    let account = source.worker.check().await?;
    let roster = source.worker.roster().await?;
    let findings = account.findings;
    let mut destinations = Vec::new();
    let slots = assemble::destinations(host, connector, &source.mail_folder)?;
    for slot in &slots {
        let mut known: Vec<String> = Vec::new();
        let mut found = Vec::new();
        match &roster {
            None => found.push(Finding::good("its mailboxes are checked as items come")),
            Some(people) => {
                let addresses: Vec<String> = people.iter().filter_map(|person| person.email.clone()).collect();
                match slot.destination.lookup(&addresses).await {
                    Ok(answers) => {
                        known = answers.into_iter().flatten().collect();
                        let text =
                            format!("{} of {} registered addresses are mailboxes there", known.len(), addresses.len());
                        found.push(Finding::good(text));
                    }
                    Err(failure) => found.push(failure.into()),
                }
            }
        }
        found.extend(slot.destination.check(&known).await);
        destinations.push((format!("destination {} (`{}`)", slot.number + 1, slot.destination.identity()), found));
    }
    Ok(Checked { account: account.name, findings, destinations, roster, slots })
}

/// Proves that a connector's plugins, settings, grants and destinations fit, without asking its source anything.
/// Returns what the next window would do differently from the last.
///
/// # Errors
/// The first thing that does not fit.
pub async fn prove(host: &Host, connector: &Connector) -> Result<Vec<String>, Failure> {
    let lock = Lock::beside(&host.config.file)?;
    let now = assemble::proven(host, &lock, connector).await?;
    if !host.state.connectors()?.contains(&connector.name) {
        return Ok(Vec::new());
    }
    let Some(last) = host.state.connector(&connector.name)?.windows()?.pop() else { return Ok(Vec::new()) };
    let changed = [
        ("the source plugin is another build", last.pins.source != now.source),
        ("the mapper plugin is another build", last.pins.mapper != now.mapper),
        ("the converter plugin is another build", last.pins.converter != now.converter),
        ("the plugins' settings changed", last.pins.settings != now.settings),
    ];
    Ok(changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(what, _)| {
            format!("{what}: takes effect with the next window; what was delivered is not delivered again")
        })
        .collect())
}
