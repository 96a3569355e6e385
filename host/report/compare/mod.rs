//! What another connector says it imported, against what is archived here, day by day.
//!
//! A day is the UTC day on which an import was completed there, and on which a window ends here: both then hold what
//! happened in the day before. What was read again or by backfill counts for the window's own day.

mod log;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use super::summary::{ConnectorSummary, Copies, WindowSummary};

pub use log::{Log, LogCounts, LogProblem};

/// A connector beside a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The connector.
    pub name: String,
    /// By day, oldest first.
    pub days: Vec<ComparedDay>,
    /// Items that the log lists as failed, by reason.
    pub failures: BTreeMap<String, u64>,
    /// What is not in the comparison, and why.
    pub notes: Vec<String>,
}

/// One day on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedDay {
    /// The UTC day.
    pub day: Date,
    /// What the log says.
    pub theirs: Option<LogCounts>,
    /// What is archived here, at the first destination.
    pub ours: Option<OurCounts>,
    /// Copies in mailboxes here less those there; none when the day cannot be compared.
    pub difference: Option<i128>,
    /// Why it cannot be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<&'static str>,
}

/// A day here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OurCounts {
    /// Observations fetched from the source.
    pub from_source: u64,
    /// Copies.
    #[serde(flatten)]
    pub copies: Copies,
}

impl OurCounts {
    /// Copies that are in their mailboxes.
    fn there(&self) -> u64 {
        self.copies.imported + self.copies.partial + self.copies.skipped
    }
}

impl Comparison {
    /// Sets a connector's windows beside a log.
    pub fn of(summary: &ConnectorSummary, log: Log) -> Self {
        let mut ours: BTreeMap<Date, OurCounts> = BTreeMap::new();
        let mut open: BTreeSet<Date> = BTreeSet::new();
        let (mut files, mut several) = (0_u64, false);
        for window in &summary.windows {
            let (Some(_), Some(day)) = (window.start, window.end.and_then(day_of)) else {
                files += 1;
                continue;
            };
            several |= window.destinations.len() > 1;
            let sum = ours.entry(day).or_default();
            sum.from_source += window.items.fetched + window.under_way;
            sum.copies.add(first_destination(window));
            if window.state == "open" {
                open.insert(day);
            }
        }
        let span = log.days.keys().next().copied().zip(log.days.keys().next_back().copied());
        let in_span = |day: &Date| span.is_some_and(|(first, last)| (first..=last).contains(day));
        let all: BTreeSet<Date> = log.days.keys().chain(ours.keys().filter(|day| in_span(day))).copied().collect();
        let days = all.into_iter().map(|day| {
            let (theirs, ours) = (log.days.get(&day).copied(), ours.get(&day).copied());
            let why_not = match (&theirs, &ours) {
                (None, _) => Some("the log says nothing of this day"),
                (_, None) => Some("no window ends on this day here"),
                _ if open.contains(&day) => Some("its window is still open here"),
                (Some(_), Some(_)) => None,
            };
            let both = theirs.zip(ours).filter(|_| why_not.is_none());
            let difference = both.map(|(theirs, ours)| {
                i128::from(ours.there()) - i128::from(theirs.imported) - i128::from(theirs.partial)
            });
            ComparedDay { day, theirs, ours, difference, why_not }
        });
        let mut notes = Vec::new();
        if files > 0 {
            notes.push(format!("{files} files that were read have no day and are left out"));
        }
        if several {
            notes.push("the copies here are those of the first destination".to_owned());
        }
        Self { name: summary.name.clone(), days: days.collect(), failures: log.failures, notes }
    }

    /// Days on which fewer copies are in mailboxes here.
    pub fn fewer(&self) -> usize {
        self.days.iter().filter(|day| day.difference.is_some_and(|difference| difference < 0)).count()
    }

    /// Days that could be compared.
    pub fn compared(&self) -> usize {
        self.days.iter().filter(|day| day.difference.is_some()).count()
    }

    /// For people, a day in three lines.
    pub fn text(&self) -> String {
        let mut text = format!("{}, copies in mailboxes here and in the log\n", self.name);
        for day in &self.days {
            let verdict = match (day.difference, day.why_not) {
                (Some(0), _) => "as many here".to_owned(),
                (Some(difference), _) if difference > 0 => format!("{difference} more here"),
                (Some(difference), _) => format!("FEWER: {} less here", -difference),
                (None, why) => format!("not compared: {}", why.unwrap_or_default()),
            };
            let _infallible = writeln!(text, "  {}  {verdict}", day.day);
            let line = |from_source, copies: &Copies| {
                let Copies { available, imported, partial, skipped, failed, pending } = copies;
                let pending = if *pending > 0 { format!(" + {pending} pending") } else { String::new() };
                format!(
                    "{from_source} from source; {available} available = {imported} imported + {partial} partial + {skipped} skipped + {failed} failed{pending}"
                )
            };
            if let Some(ours) = &day.ours {
                let _infallible = writeln!(text, "    here     {}", line(ours.from_source, &ours.copies));
            }
            if let Some(theirs) = &day.theirs {
                let LogCounts { from_source, available, imported, partial, skipped, failed } = *theirs;
                let copies = Copies { available, imported, partial, skipped, failed, pending: 0 };
                let _infallible = writeln!(text, "    the log  {}", line(from_source, &copies));
            }
        }
        for (reason, count) in &self.failures {
            let _infallible = writeln!(text, "  failed in the log: {count} by `{reason}`");
        }
        for note in &self.notes {
            let _infallible = writeln!(text, "  note: {note}");
        }
        text
    }
}

/// Several destinations would count each copy several times; the other side has one.
fn first_destination(window: &WindowSummary) -> Copies {
    window.destinations.first().copied().unwrap_or(window.copies)
}

fn day_of(end_ms: i64) -> Option<Date> {
    Some(Timestamp::from_millisecond(end_ms).ok()?.to_zoned(TimeZone::UTC).date())
}
