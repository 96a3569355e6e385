//! When a schedule next comes, and what that means for a connector: no IO, no clock.

use sha2::{Digest, Sha256};

use crate::{
    config::Schedule,
    item::{TimestampMs, limits},
    scheduler::turns::LastTurn,
};

/// How far an instant may lie ahead before it is held to be of a clock that was wrong.
const AHEAD_MAX_MS: i64 = limits::CLOCK_STEP_MAX.as_millis() as i64;

/// A schedule with the connector's own delay: the same connectors do not all ask at two o'clock sharp, and each always
/// asks at the same time.
#[derive(Clone, Debug)]
pub(super) struct Timetable {
    schedule: Schedule,
    delay_ms: i64,
}

impl Timetable {
    /// The delay is chosen by the connector's name, from zero up to `jitter_ms`.
    pub(super) fn new(connector: &str, schedule: Schedule, jitter_ms: i64) -> Self {
        let hash = Sha256::digest(connector.as_bytes());
        let choice = u64::from_le_bytes(hash[..8].try_into().unwrap_or_default());
        let delay_ms = i64::try_from(choice % (jitter_ms.max(0).unsigned_abs() + 1)).unwrap_or(0);
        Self { schedule, delay_ms }
    }

    /// The first instant after this one; none when it never comes again.
    pub(super) fn after(&self, instant_ms: TimestampMs) -> Option<TimestampMs> {
        self.schedule.after(instant_ms.checked_sub(self.delay_ms)?)?.checked_add(self.delay_ms)
    }

    /// When a connector is to be looked at: an instant that has passed, or the next one.
    pub(super) fn due(&self, last: &LastTurn, now_ms: TimestampMs) -> Option<TimestampMs> {
        let Some(began_ms) = last.began_ms else { return Some(now_ms) };
        if last.was_left() || began_ms > now_ms + AHEAD_MAX_MS {
            return Some(now_ms);
        }
        // A wait that is longer than any that is set was set by a clock that was wrong.
        let retry_ms = last.retry_ms.map(|retry_ms| {
            if retry_ms > now_ms + limits::TURN_RETRY_DELAY_MAX.as_millis() as i64 + AHEAD_MAX_MS {
                now_ms
            } else {
                retry_ms
            }
        });
        retry_ms.into_iter().chain(self.after(began_ms)).min()
    }

    /// Since when a connector is overdue: it should have looked, and that it did is not recorded.
    pub(super) fn overdue_since(&self, last: &LastTurn, now_ms: TimestampMs) -> Option<TimestampMs> {
        let should_ms = self.after(last.done_ms.or(last.known_ms)?)?;
        let limit_ms = limits::OVERDUE_AFTER.as_millis() as i64;
        (now_ms.saturating_sub(should_ms) > limit_ms).then_some(should_ms)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn timetable(schedule: &str) -> Timetable {
        Timetable::new("x", Schedule::parse(schedule).expect("a schedule"), 0)
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("an instant").as_millisecond()
    }

    #[test]
    fn occurrences_follow_the_clock_on_the_wall() {
        // In the gap of spring 02:00 to 03:00 does not exist, in the fold of autumn it comes twice.
        let table: &[(&str, &str, &[&str])] = &[
            ("daily at 02:00", "2026-03-01T02:00:00Z", &["2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z"]),
            (
                "daily at 02:30 Europe/Berlin",
                "2026-03-27T12:00:00Z",
                &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
            ),
            (
                "daily at 02:30 Europe/Berlin",
                "2026-10-23T12:00:00Z",
                &["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            ),
            (
                "daily at 02:30 America/New_York",
                "2026-03-07T12:00:00Z",
                &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
            ),
            (
                "daily at 02:00 Australia/Lord_Howe",
                "2026-10-02T20:00:00Z",
                &["2026-10-03T15:30:00Z", "2026-10-04T15:00:00Z"],
            ),
            (
                "hourly Europe/Berlin",
                "2026-03-28T23:30:00Z",
                &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
            ),
            (
                "hourly Europe/Berlin",
                "2026-10-24T23:30:00Z",
                &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
            ),
            ("cron */20 * * * *", "2026-01-01T00:10:00Z", &["2026-01-01T00:20:00Z", "2026-01-01T00:40:00Z"]),
            ("cron 0 6 * * MON-FRI", "2026-01-02T07:00:00Z", &["2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z"]),
            ("cron 0 0 29 2 *", "2026-01-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            ("cron 0 0 L * *", "2026-02-01T00:00:00Z", &["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"]),
        ];
        for (schedule, from, expect) in table {
            let timetable = timetable(schedule);
            let mut at_ms = ms(from);
            for expect in *expect {
                at_ms = timetable.after(at_ms).expect("it comes again");
                assert_eq!(Timestamp::from_millisecond(at_ms).expect("an instant").to_string(), *expect, "{schedule}");
            }
        }
    }

    #[test]
    fn each_connector_has_its_own_delay_within_the_jitter() {
        let of = |name: &str, jitter_ms| {
            let schedule = Schedule::parse("daily at 02:00").expect("a schedule");
            let midnight_ms = ms("2026-01-01T00:00:00Z");
            Timetable::new(name, schedule, jitter_ms).after(midnight_ms).expect("it comes") - midnight_ms - 7_200_000
        };
        assert_eq!(of("a", 0), 0);
        let delays: std::collections::BTreeSet<i64> = (0..50).map(|n| of(&format!("c{n}"), 600_000)).collect();
        assert!(delays.len() > 45 && delays.iter().all(|delay| (0..=600_000).contains(delay)), "{delays:?}");
        assert_eq!(of("whatsapp", 600_000), of("whatsapp", 600_000));
    }

    #[test]
    fn what_is_due_follows_from_the_last_turn() {
        let daily = timetable("daily at 02:00");
        let now = "2026-01-10T12:00:00Z";
        let turn = |began: &str, ended: Option<&str>, retry: Option<&str>| LastTurn {
            began_ms: Some(ms(began)),
            ended_ms: ended.map(ms),
            retry_ms: retry.map(ms),
            ..LastTurn::default()
        };
        let (two, later) = ("2026-01-10T02:00:00Z", Some("2026-01-10T02:01:00Z"));
        for (name, last, expect) in [
            ("never", LastTurn::default(), now),
            ("today", turn(two, later, None), "2026-01-11T02:00:00Z"),
            ("the service was down", turn("2026-01-07T02:00:00Z", later, None), "2026-01-08T02:00:00Z"),
            ("left in the middle", turn(two, None, None), now),
            ("failed", turn(two, later, Some("2026-01-10T12:05:00Z")), "2026-01-10T12:05:00Z"),
            (
                "failed, and the schedule is sooner",
                turn("2026-01-09T23:00:00Z", later, Some("2026-01-10T12:05:00Z")),
                two,
            ),
            ("by a clock that was ahead", turn("2027-01-01T02:00:00Z", Some("2027-01-01T02:01:00Z"), None), now),
            ("a wait of a clock that was ahead", turn(two, later, Some("2026-01-10T23:00:00Z")), now),
        ] {
            assert_eq!(daily.due(&last, ms(now)), Some(ms(expect)), "{name}");
        }
    }

    #[test]
    fn overdue_is_what_should_have_looked_for_hours() {
        let daily = timetable("daily at 02:00");
        let done = |at: &str| LastTurn { done_ms: Some(ms(at)), ..LastTurn::default() };
        let known = |at: &str| LastTurn { known_ms: Some(ms(at)), ..LastTurn::default() };
        for (last, now, expect) in [
            (LastTurn::default(), "2026-01-10T12:00:00Z", None),
            (done("2026-01-09T02:00:00Z"), "2026-01-10T08:00:00Z", None),
            (done("2026-01-09T02:00:00Z"), "2026-01-10T08:00:01Z", Some("2026-01-10T02:00:00Z")),
            (known("2026-01-09T03:00:00Z"), "2026-01-12T00:00:00Z", Some("2026-01-10T02:00:00Z")),
            (done("2026-01-10T02:00:00Z"), "2026-01-10T12:00:00Z", None),
        ] {
            assert_eq!(daily.overdue_since(&last, ms(now)), expect.map(ms), "{last:?} {now}");
        }
    }
}
