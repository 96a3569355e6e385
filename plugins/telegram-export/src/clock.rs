//! Telegram's times: seconds since 1970 as text, beside the same in local time; old exports have local times only.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;

use crate::{
    limits::{OFFSET_MAX_SECONDS, TIME_MAX_SECONDS, TIME_MIN_SECONDS},
    value::text,
};

/// Why a time cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// There is none that can be read.
    Broken,
    /// It lies outside of what can be.
    Absurd,
    /// It is local, and nothing says where.
    NoZone,
}

/// When something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds since 1970, UTC.
    pub(crate) ms: i64,
    /// The zone that the file was written in, as text.
    pub(crate) zone: Option<String>,
    /// Local time less UTC, in seconds, where the file has both.
    offset_seconds: Option<i64>,
}

/// The settings' zone and its name.
pub(crate) type Zone = Option<(TimeZone, String)>;

/// When a record happened.
pub(crate) fn of_record(record: &Value, zone: &Zone) -> Result<Moment, Problem> {
    let local = text(record, "date").and_then(local_seconds);
    match record.get("date_unixtime") {
        None | Some(Value::Null) => {
            let written = text(record, "date").ok_or(Problem::Broken)?;
            if let Some(seconds) = exact_seconds(written) {
                return Ok(Moment { ms: milliseconds(seconds)?, zone: None, offset_seconds: None });
            }
            // What no zone makes a time of is no reason to ask for one.
            let year = civil(written).ok_or(Problem::Broken)?.year();
            if !(2000..=2100).contains(&year) {
                return Err(Problem::Absurd);
            }
            let (zone, name) = zone.as_ref().ok_or(Problem::NoZone)?;
            let seconds = in_zone(written, zone).ok_or(Problem::Absurd)?;
            Ok(Moment { ms: milliseconds(seconds)?, zone: Some(name.clone()), offset_seconds: None })
        }
        Some(written) => {
            let seconds = unix_seconds(written).ok_or(Problem::Broken)?;
            let offset_seconds = local.and_then(|local| local.checked_sub(seconds)).filter(|offset| {
                offset.checked_rem(900) == Some(0) && (-OFFSET_MAX_SECONDS..=OFFSET_MAX_SECONDS).contains(offset)
            });
            Ok(Moment { ms: milliseconds(seconds)?, zone: offset_seconds.map(offset_text), offset_seconds })
        }
    }
}

/// A local time beside a record, such as a reaction's: with the settings' zone, else with the record's own distance to UTC.
pub(crate) fn beside(written: &str, moment: &Moment, zone: &Zone) -> Option<i64> {
    let seconds = match (exact_seconds(written), zone, moment.offset_seconds) {
        (Some(seconds), ..) => Some(seconds),
        (None, Some((zone, _)), _) => in_zone(written, zone),
        (None, None, Some(offset)) => local_seconds(written)?.checked_sub(offset),
        (None, None, None) => None,
    };
    milliseconds(seconds?).ok()
}

/// The second in which a record was edited; none when it was not, which old exports write as 1970.
pub(crate) fn edited_seconds(record: &Value, moment: &Moment, zone: &Zone) -> Option<u32> {
    let exact = record.get("edited_unixtime").and_then(unix_seconds);
    let seconds = match exact {
        Some(seconds) => milliseconds(seconds).ok()?,
        None => beside(text(record, "edited")?, moment, zone)?,
    };
    u32::try_from(seconds.checked_div(1_000)?).ok()
}

fn unix_seconds(value: &Value) -> Option<i64> {
    match value {
        Value::String(written) => written.parse().ok(),
        other => other.as_i64(),
    }
}

fn milliseconds(seconds: i64) -> Result<i64, Problem> {
    if (TIME_MIN_SECONDS..TIME_MAX_SECONDS).contains(&seconds) {
        seconds.checked_mul(1_000).ok_or(Problem::Absurd)
    } else {
        Err(Problem::Absurd)
    }
}

fn civil(written: &str) -> Option<DateTime> {
    if written.len() > 40 { None } else { written.parse().ok() }
}

/// A time that says its distance to UTC itself.
fn exact_seconds(written: &str) -> Option<i64> {
    if written.len() > 40 { None } else { written.parse::<Timestamp>().ok().map(Timestamp::as_second) }
}

/// A local time as if it were UTC.
fn local_seconds(written: &str) -> Option<i64> {
    in_zone(written, &TimeZone::UTC)
}

/// A local time in a zone. A time that the clocks skipped lies after the gap; of two the first is taken.
fn in_zone(written: &str, zone: &TimeZone) -> Option<i64> {
    zone.to_ambiguous_timestamp(civil(written)?).compatible().ok().map(Timestamp::as_second)
}

fn offset_text(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use serde_json::json;

    use super::*;

    fn berlin() -> Zone {
        Some((TimeZone::get("Europe/Berlin").unwrap(), "Europe/Berlin".to_owned()))
    }

    #[test]
    fn times_are_read_or_refused() {
        let cases = [
            (json!({"date_unixtime":"1691719862"}), Ok(1_691_719_862_000), None),
            (json!({"date_unixtime":1_691_719_862}), Ok(1_691_719_862_000), None),
            (json!({"date":"2023-08-11T04:11:02","date_unixtime":"1691719862"}), Ok(1_691_719_862_000), Some("+02:00")),
            (json!({"date":"2023-08-10T20:41:02","date_unixtime":"1691719862"}), Ok(1_691_719_862_000), Some("-05:30")),
            (json!({"date":"1999-08-10T20:41:02","date_unixtime":"1691719862"}), Ok(1_691_719_862_000), None),
            (json!({"date":"2023-08-11T04:11:02"}), Ok(1_691_719_862_000), Some("Europe/Berlin")),
            (json!({"date":"2023-08-11T02:11:02Z"}), Ok(1_691_719_862_000), None),
            (json!({"date":"2022-03-27T02:30:00"}), Ok(1_648_344_600_000), Some("Europe/Berlin")),
            (json!({"date_unixtime":"0"}), Err(Problem::Absurd), None),
            (json!({"date_unixtime":"99999999999"}), Err(Problem::Absurd), None),
            (json!({"date_unixtime":"x","date":"2023-08-11T04:11:02"}), Err(Problem::Broken), None),
            (json!({"date_unixtime":1.5}), Err(Problem::Broken), None),
            (json!({"date":"yesterday"}), Err(Problem::Broken), None),
            (json!({"date":"9999-12-31T23:59:59"}), Err(Problem::Absurd), None),
            (json!({"date":7}), Err(Problem::Broken), None),
            (json!({}), Err(Problem::Broken), None),
        ];
        for (record, expected, zone) in cases {
            let moment = of_record(&record, &berlin());
            assert_eq!(moment.as_ref().map(|moment| moment.ms).map_err(|problem| *problem), expected, "{record}");
            assert_eq!(moment.ok().and_then(|moment| moment.zone).as_deref(), zone, "{record}");
        }
        assert_eq!(of_record(&json!({"date":"2023-08-11T04:11:02"}), &None), Err(Problem::NoZone));
    }

    #[test]
    fn edits_are_told_from_what_was_never_edited() {
        let both = json!({"date":"2023-08-11T04:11:02","date_unixtime":"1691719862"});
        let moment = of_record(&both, &None).unwrap();
        let cases = [
            (json!({"edited_unixtime":"1691719900"}), Some(1_691_719_900)),
            (json!({"edited":"2023-08-11T04:11:40"}), Some(1_691_719_900)),
            (json!({"edited":"1970-01-01T01:00:00"}), None),
            (json!({"edited":"1970-01-01T01:00:00","edited_unixtime":"0"}), None),
            (json!({"edited_unixtime":"99999999999"}), None),
            (json!({}), None),
        ];
        for (record, expected) in cases {
            assert_eq!(edited_seconds(&record, &moment, &None), expected, "{record}");
        }
    }
}
