//! The summary on request: what came since the last one, and what is the matter. It is told as notices are.

use std::collections::BTreeMap;

use super::{Alarm, Host, book::Standing};
use crate::{
    config::Schedule,
    item::{
        TimestampMs,
        time::{DAY_MS, rfc3339},
    },
    state::{ItemCounts, StateError, WindowRow},
};

/// The code of its notices.
const CODE: &str = "summary";

/// Since when the summary that is due now counts; none when none is due. The first one comes with the first look.
pub(super) fn due_since(
    schedule: Option<&Schedule>,
    last_ms: Option<TimestampMs>,
    now_ms: TimestampMs,
) -> Option<TimestampMs> {
    let schedule = schedule?;
    let Some(last_ms) = last_ms else { return Some(now_ms.saturating_sub(DAY_MS)) };
    schedule.after(last_ms).is_some_and(|due_ms| due_ms <= now_ms).then_some(last_ms)
}

/// A notice for each connector, and last one for the host: with it the summary counts as made.
pub(super) fn notices<'a>(
    host: &Host,
    since_ms: TimestampMs,
    standing: impl Iterator<Item = &'a Standing>,
) -> Result<Vec<Alarm>, StateError> {
    let known = host.state.connectors()?;
    let mut notices = Vec::new();
    for connector in host.config.connectors.iter().filter(|connector| known.contains(&connector.name)) {
        let state = host.state.connector(&connector.name)?;
        notices.push(Alarm {
            code: CODE.to_owned(),
            connector: Some(connector.name.clone()),
            text: of_connector(&state.windows()?, state.covered_until_ms()?, since_ms),
            hint: format!("`chancery report {}` has the windows", connector.name),
        });
    }
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    standing.for_each(|standing| *codes.entry(&standing.alarm.code).or_default() += 1);
    let text = if codes.is_empty() {
        "nothing is the matter".to_owned()
    } else {
        let codes: Vec<String> = codes.into_iter().map(|(code, count)| format!("{count} {code}")).collect();
        format!("what is the matter: {}", codes.join(", "))
    };
    let hint = "`chancery status` has what each connector does".to_owned();
    notices.push(Alarm { code: CODE.to_owned(), connector: None, text, hint });
    Ok(notices)
}

/// What the windows hold that were opened since then.
fn of_connector(windows: &[WindowRow], covered_until_ms: Option<TimestampMs>, since_ms: TimestampMs) -> String {
    let lately = windows.iter().filter(|window| window.opened_at_ms > since_ms);
    let (mut count, mut under_way, mut of) = (0, 0, ItemCounts::default());
    for window in lately {
        count += 1;
        under_way += window.in_flight;
        of.fetched += window.items.fetched;
        of.delivered += window.items.delivered;
        of.parked += window.items.parked;
        of.duplicate += window.items.duplicate;
        of.excluded += window.items.excluded;
    }
    let until = covered_until_ms.map_or_else(String::new, |at_ms| format!("; archived until {}", rfc3339(at_ms)));
    format!(
        "since {}: {count} windows, {} items = {} delivered + {} parked + {} duplicate + {} excluded + {under_way} under way{until}",
        rfc3339(since_ms),
        of.fetched,
        of.delivered,
        of.parked,
        of.duplicate,
        of.excluded,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;
    use crate::item::time::parse_instant;

    #[test]
    fn a_summary_is_due_once_an_instant_of_its_schedule_has_passed_since_the_last() {
        let at = |text: &str| parse_instant(text).unwrap();
        let schedule = Schedule::parse("daily at 07:00 Europe/Berlin").unwrap();
        for (last, now, expect) in [
            (None, "2026-11-23T12:00:00Z", Some("2026-11-22T12:00:00Z")),
            (Some("2026-11-23T05:59:00Z"), "2026-11-23T05:59:59Z", None),
            (Some("2026-11-23T05:59:00Z"), "2026-11-23T06:00:00Z", Some("2026-11-23T05:59:00Z")),
            (Some("2026-11-23T06:00:30Z"), "2026-11-24T05:59:59Z", None),
            // The clock went forward by an hour in the night.
            (Some("2026-03-28T06:00:30Z"), "2026-03-29T05:00:00Z", Some("2026-03-28T06:00:30Z")),
            // Days without a look are one summary.
            (Some("2026-11-20T06:00:30Z"), "2026-11-23T12:00:00Z", Some("2026-11-20T06:00:30Z")),
        ] {
            assert_eq!(due_since(Some(&schedule), last.map(at), at(now)), expect.map(at), "{last:?} {now}");
        }
        assert_eq!(due_since(None, None, at("2026-11-23T12:00:00Z")), None, "nobody asked for one");
    }
}
