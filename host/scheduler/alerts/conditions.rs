//! What is the matter with a connector, from recorded facts alone: no IO, no clock.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Alarm;
use crate::{
    config::{AlertsConfig, Schedule},
    item::{
        TimestampMs, limits,
        time::{DAY_MS, rfc3339},
    },
};

/// What is recorded of a connector.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) connector: String,
    pub(super) schedule: Option<Schedule>,
    pub(super) grace_ms: i64,
    /// End of its time line; none when its source has none.
    pub(super) covered_until_ms: Option<TimestampMs>,
    pub(super) windows: Vec<Window>,
    /// The code that its last turn ended with.
    pub(super) turn_failed: Option<String>,
    /// Somebody paused it.
    pub(super) paused: bool,
    pub(super) mapping_refused: bool,
    /// People of whom something came before, and nothing lately.
    pub(super) silent_people: usize,
}

/// A window, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Its start, for one of the time line.
    pub(super) line_start_ms: Option<TimestampMs>,
    pub(super) opened_at_ms: TimestampMs,
    pub(super) open: bool,
    pub(super) fetched: u64,
    pub(super) parked: u64,
}

/// What is the matter now.
pub(super) fn alarms(facts: &Facts, config: &AlertsConfig, now_ms: TimestampMs) -> Vec<Alarm> {
    let name = &facts.connector;
    let mut alarms = Vec::new();
    let mut alarm = |code: &'static str, text: String, hint: String| {
        alarms.push(Alarm { code: code.to_owned(), connector: Some(name.clone()), text, hint });
    };
    if let Some(why) = overdue(facts, config, now_ms) {
        // A pause that was forgotten is the likeliest cause of all.
        let hint = if facts.paused {
            format!("it is paused: `chancery status` says by whom, `chancery connector resume {name}` takes it back")
        } else {
            format!("run `chancery sync {name}`; see that the service or timer runs")
        };
        alarm("connector-overdue", why, hint);
    }
    let (days, last) = days(facts);
    if let Some(usual_days) = silent(&days, last) {
        alarm(
            "connector-silent",
            format!("no item came for longer than its usual {usual_days} days"),
            format!("run `chancery connector check {name}`; ask the operator of the source"),
        );
    }
    if let Some((day, count, usual)) = low(&days, last) {
        alarm(
            "count-low",
            format!("{day} has {count} items; that weekday usually has about {usual}"),
            format!("run `chancery report {name}`; ask the operator of the source what is missing"),
        );
    }
    if facts.mapping_refused {
        alarm(
            "mapping-not-adopted",
            "its mapping file has problems and is not in force".to_owned(),
            "run `chancery mapping check FILE` and mend the lines it names".to_owned(),
        );
    }
    let parked = facts.windows.iter().filter(|window| window.opened_at_ms > now_ms - DAY_MS);
    let parked: u64 = parked.map(|window| window.parked).sum();
    if parked >= config.parked_new_min {
        alarm(
            "parked-growing",
            format!("{parked} items of the last day's windows are parked"),
            format!("run `chancery parked list {name}`"),
        );
    }
    if let Some(code) = &facts.turn_failed {
        alarm(
            "turn-failed",
            format!("its last turn ended with `{code}`"),
            format!("run `chancery explain {code}`, then `chancery sync {name}`"),
        );
    }
    if facts.silent_people > 0
        && let Some(days) = config.user_silent_days
    {
        alarm(
            "users-silent",
            format!("{} people had items before and none for {days} days", facts.silent_people),
            format!("run `chancery connector check {name}`; look at their phones and at the source"),
        );
    }
    alarms
}

/// Late by its schedule, else by a day; or with a window that stays open.
fn overdue(facts: &Facts, config: &AlertsConfig, now_ms: TimestampMs) -> Option<String> {
    let late_ms = config.overdue_ms;
    if let Some(covered_ms) = facts.covered_until_ms {
        let looked_ms = covered_ms.saturating_add(facts.grace_ms);
        let due_ms = match &facts.schedule {
            None => looked_ms.saturating_add(DAY_MS),
            Some(schedule) => schedule.after(looked_ms)?,
        };
        if now_ms > due_ms.saturating_add(late_ms) {
            return Some(format!("archived until {}; it was due at {}", rfc3339(covered_ms), rfc3339(due_ms)));
        }
    }
    let oldest_ms = facts.windows.iter().filter(|window| window.open).map(|window| window.opened_at_ms).min()?;
    (now_ms > oldest_ms.saturating_add(DAY_MS + late_ms))
        .then(|| format!("a window is open since {}", rfc3339(oldest_ms)))
}

/// Items by day in the schedule's zone, days without any included, up to the last whole day; and that day.
fn days(facts: &Facts) -> (BTreeMap<Date, u64>, Option<Date>) {
    let zone = facts.schedule.as_ref().map_or(TimeZone::UTC, |schedule| schedule.zone.clone());
    let date = |at_ms| Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone.clone()).date());
    let mut days = BTreeMap::new();
    // The day that the time line ends in is not over.
    let Some(last) = facts.covered_until_ms.and_then(date).and_then(|day| day.yesterday().ok()) else {
        return (days, None);
    };
    let mut first = last;
    for _ in 0..limits::ALERT_HISTORY_DAYS_MAX {
        days.insert(first, 0);
        first = first.yesterday().unwrap_or(first);
    }
    let mut begun = last;
    for window in facts.windows.iter().filter(|window| !window.open) {
        let Some(day) = window.line_start_ms.and_then(date) else { continue };
        begun = begun.min(day);
        if let Some(count) = days.get_mut(&day) {
            *count += window.fetched;
        }
    }
    days.retain(|day, _| *day >= begun);
    (days, Some(last))
}

/// Longer without an item than nine of ten pauses were, and two days at least; returns how long these were.
fn silent(days: &BTreeMap<Date, u64>, last: Option<Date>) -> Option<i64> {
    if (days.len() as i64) < limits::ALERT_HISTORY_DAYS_MIN {
        return None;
    }
    let apart = |from: Date, to: Date| i64::from((to - from).get_days());
    let active: Vec<Date> = days.iter().filter(|(_, count)| **count > 0).map(|(day, _)| *day).collect();
    let mut pauses: Vec<i64> = active.windows(2).map(|pair| apart(pair[0], pair[1])).collect();
    if pauses.len() < limits::ALERT_WEEKDAYS_MIN {
        return None;
    }
    pauses.sort_unstable();
    let usual = pauses[(pauses.len() * 9 / 10).min(pauses.len() - 1)];
    (apart(*active.last()?, last?) > usual.max(2)).then_some(usual)
}

/// The last day, when it is far below the same weekday's median: a quarter of it, and five deviations away.
fn low(days: &BTreeMap<Date, u64>, last: Option<Date>) -> Option<(Date, u64, u64)> {
    let last = last?;
    let count = *days.get(&last)?;
    let same = days.iter().filter(|(day, _)| **day < last && day.weekday() == last.weekday());
    let mut same: Vec<u64> = same.map(|(_, count)| *count).collect();
    if same.len() < limits::ALERT_WEEKDAYS_MIN {
        return None;
    }
    let usual = median(&mut same);
    let mut away: Vec<u64> = same.iter().map(|count| count.abs_diff(usual)).collect();
    // 1.4826 times the median of the deviations is a standard deviation, without what outliers do to one.
    let far = median(&mut away) as f64 * 1.4826 * 5.0;
    let is_low = usual >= limits::ALERT_DAY_ITEMS_MIN && count < usual / 4 && (usual - count) as f64 > far;
    is_low.then_some((last, count, usual))
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
