//! `Valid From` and `Valid To`.

use jiff::{Timestamp as Instant, civil::Date, tz::Offset};
use kit::Timestamp;

/// When a row holds: the half-open interval `[from, to)` in milliseconds, open ends at the extremes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// First instant it holds; `i64::MIN` when not limited.
    pub(crate) from: Timestamp,
    /// First instant it no longer holds; `i64::MAX` when not limited.
    pub(crate) to: Timestamp,
}

impl Span {
    /// For ever.
    pub(crate) const ALWAYS: Self = Self { from: Timestamp::MIN, to: Timestamp::MAX };

    /// Whether the instant is inside. The last millisecond of time is inside what is not limited.
    pub(crate) fn contains(self, at: Timestamp) -> bool {
        self.from <= at && (at < self.to || self.to == Timestamp::MAX)
    }

    /// Whether the two have an instant in common.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// An RFC 3339 instant or a date (its first instant in UTC), in milliseconds. None when it is neither: `01.02.2026`
/// could be January or February.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    if text.len() == "2026-11-01".len() {
        let date: Date = text.parse().ok()?;
        return Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(Instant::as_millisecond);
    }
    text.parse::<Instant>().ok().map(Instant::as_millisecond)
}
