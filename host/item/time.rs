//! Instants and intervals. Everything stored is UTC milliseconds; zones are for showing.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, UTC.
pub type TimestampMs = i64;

/// One day in milliseconds.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A half-open interval `[start, end)` of UTC instants; `start` is none for a snapshot, which has no time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// First instant inside.
    pub start_ms: Option<TimestampMs>,
    /// First instant outside; for a snapshot the instant at which it was taken.
    pub end_ms: TimestampMs,
}

impl Interval {
    /// Whether an instant lies in it.
    pub fn contains(&self, at_ms: TimestampMs) -> bool {
        self.start_ms.is_none_or(|start_ms| start_ms <= at_ms) && at_ms < self.end_ms
    }
}

/// Shows an instant as RFC 3339 in UTC with milliseconds only when there are any; out-of-range values as a number.
pub fn rfc3339(at_ms: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("{at_ms} ms"), |at| at.to_string())
}

/// Reads an RFC 3339 instant, or a date, which means its first instant in UTC.
///
/// # Errors
/// Says what was expected when `text` is neither.
pub fn parse_instant(text: &str) -> Result<TimestampMs, String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at.as_millisecond());
    }
    text.parse::<jiff::civil::Date>()
        .ok()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|at| at.timestamp().as_millisecond())
        .ok_or_else(|| format!("`{text}` is not an instant; write `2026-11-01T00:00:00Z` or `2026-11-01`"))
}
