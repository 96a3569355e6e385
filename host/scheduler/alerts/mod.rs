//! Alerts: what is the matter, from stored facts; said once, again after a while, and once more when it is mended.
//!
//! What lives here: gathering facts ([`evaluate`]), the conditions (`conditions`), what was said (`book`: acts of the
//! host's own ledger, so that a restart neither repeats nor forgets), the summary (`summary`), and telling ([`deliver`]). What may not: asking
//! sources or destinations how they are; a condition is a function of what is recorded.

mod book;
mod conditions;
mod deliver;
mod summary;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use self::{
    book::Book,
    conditions::{Facts, Window},
};
use super::{
    Host,
    pauses::{self, Pause},
    turns,
};
use crate::{
    config::{AlertsConfig, Config, Connector},
    item::{
        Failure, TimestampMs, limits,
        time::{DAY_MS, rfc3339},
    },
    state::{ConnectorState, StateError, WindowKind, WindowState},
};

pub use book::{Event, Notice, Standing};
pub use deliver::{deliver, test};

/// Where a connector remembers why its mapping file is not in force; empty when it is.
pub(super) const MAPPING_REFUSED: &str = "mapping-refused";

/// Something that is the matter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Alarm {
    /// Stable; `chancery explain CODE`.
    pub code: String,
    /// With which connector, or what else it is about.
    pub connector: Option<String>,
    /// One sentence.
    pub text: String,
    /// What to do.
    pub hint: String,
}

impl Alarm {
    fn key(&self) -> (String, Option<String>) {
        (self.code.clone(), self.connector.clone())
    }
}

/// Remembers a code under a name, when it is another than before.
pub(super) fn note(state: &ConnectorState, key: &str, code: &str) -> Result<(), StateError> {
    if state.recall(key)?.unwrap_or_default() != code.as_bytes() {
        state.remember(key, code.as_bytes())?;
    }
    Ok(())
}

/// Finds what is the matter now and records what is new, lasts long, or is mended; returns what stands.
///
/// # Errors
/// When the host's own ledger cannot be read or written.
pub fn evaluate(host: &Host, now_ms: TimestampMs) -> Result<Vec<Standing>, Failure> {
    let mut book = Book::read(&host.state)?;
    let pauses = pauses::in_force(&host.state)?;
    let mut alarms = of_host(&host.config, now_ms);
    for connector in &host.config.connectors {
        match facts(host, connector, &pauses, now_ms) {
            Ok(Some(facts)) => alarms.extend(conditions::alarms(&facts, &host.config.alerts, now_ms)),
            Ok(None) => {}
            Err(error) => alarms.push(Alarm {
                code: "ledger-trouble".to_owned(),
                connector: Some(connector.name.clone()),
                text: format!("its record cannot be read: `{}`", Failure::from(error).code),
                hint: "run `chancery state check`".to_owned(),
            }),
        }
    }
    for (event, alarm) in book.news(&alarms, host.config.alerts.remind_ms, now_ms) {
        book::record(&host.state, event, &alarm)?;
        let Alarm { code, connector, text, hint } = &alarm;
        let about = connector.as_deref().unwrap_or("this host");
        match event {
            Event::Cleared => tracing::info!(code, connector = about, "alert cleared: {text}"),
            _ => tracing::warn!(code, connector = about, "{text}; hint: {hint}"),
        }
        book.take(event, alarm, now_ms);
    }
    if let Some(since_ms) = summary::due_since(host.config.alerts.summary.as_ref(), book.summary_ms, now_ms) {
        for notice in summary::notices(host, since_ms, book.standing.values())? {
            book::record(&host.state, Event::Summary, &notice)?;
            tracing::info!(connector = notice.connector.as_deref().unwrap_or("this host"), "summary: {}", notice.text);
        }
    }
    Ok(book.standing.into_values().collect())
}

/// What stood when it was last looked, without looking.
///
/// # Errors
/// When the host's own ledger cannot be read.
pub fn standing(host: &Host) -> Result<Vec<Standing>, Failure> {
    Ok(Book::read(&host.state)?.standing.into_values().collect())
}

fn facts(
    host: &Host,
    connector: &Connector,
    pauses: &BTreeMap<String, Pause>,
    now_ms: TimestampMs,
) -> Result<Option<Facts>, StateError> {
    // Looking begins no ledger.
    if !host.state.connectors()?.contains(&connector.name) {
        return Ok(None);
    }
    let state = host.state.connector(&connector.name)?;
    let rows = state.windows()?;
    let windows = rows.iter().map(|row| Window {
        line_start_ms: (row.kind == WindowKind::Live).then_some(row.interval.start_ms).flatten(),
        opened_at_ms: row.opened_at_ms,
        open: row.state == WindowState::Open,
        fetched: row.items.fetched,
        parked: row.items.parked,
    });
    let silent_people = match host.config.alerts.user_silent_days {
        Some(days) => silent_people(&state, now_ms, i64::from(days) * DAY_MS)?,
        None => 0,
    };
    Ok(Some(Facts {
        connector: connector.name.clone(),
        schedule: connector.schedule.clone(),
        grace_ms: connector.grace_ms,
        covered_until_ms: state.covered_until_ms()?,
        windows: windows.collect(),
        turn_failed: turns::read(host, &connector.name).code,
        paused: pauses.contains_key(&connector.name),
        mapping_refused: state.recall(MAPPING_REFUSED)?.is_some_and(|code| !code.is_empty()),
        silent_people,
    }))
}

/// Mailboxes and people with items in the span before the last one, and with none in the last.
fn silent_people(state: &ConnectorState, now_ms: TimestampMs, span_ms: i64) -> Result<usize, StateError> {
    let (mut lately, mut before) = (HashSet::new(), HashSet::new());
    let mut items = 0_u64;
    for window in state.windows()?.iter().rev().filter(|window| window.kind == WindowKind::Live) {
        let age_ms = now_ms.saturating_sub(window.interval.end_ms);
        if age_ms > 2 * span_ms || items >= limits::ROSTER_ITEMS_MAX {
            break;
        }
        let seen = if age_ms <= span_ms { &mut lately } else { &mut before };
        for page in state.pages(window.id)? {
            for row in state.page_items(window.id, page.seq)? {
                items += 1;
                seen.extend(row.copies.iter().map(|copy| copy.target));
            }
        }
    }
    Ok(before.difference(&lately).count())
}

/// What is the matter with the host itself.
fn of_host(config: &Config, now_ms: TimestampMs) -> Vec<Alarm> {
    let AlertsConfig { credential_days, disk_bytes_min, .. } = config.alerts;
    let mut alarms = Vec::new();
    for (name, expires_ms) in config.credentials.iter().filter_map(|(name, of)| Some((name, of.expires_ms?))) {
        if now_ms >= expires_ms.saturating_sub(i64::from(credential_days) * DAY_MS) {
            alarms.push(Alarm {
                code: "credential-ending".to_owned(),
                connector: Some(format!("credential {name}")),
                text: format!("credential `{name}` ends at {}", rfc3339(expires_ms)),
                hint: format!("renew it, `chancery secret set`, then mend `expires` of `[credential.{name}]`"),
            });
        }
    }
    for (what, path) in [("data folder", config.data_dir.clone()), ("stage", config.data_dir.join("stage"))] {
        if free_bytes(&path).is_some_and(|free| free < disk_bytes_min) {
            alarms.push(Alarm {
                code: "disk-low".to_owned(),
                connector: Some(what.to_owned()),
                // Without the number, which would differ each time.
                text: format!("the disk below the {what} has less than {disk_bytes_min} bytes free"),
                hint: "free space; `chancery doctor` shows how much there is".to_owned(),
            });
        }
    }
    alarms
}

fn free_bytes(path: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(path).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}
