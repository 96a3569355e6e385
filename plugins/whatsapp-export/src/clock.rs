//! From the phone's local time to an instant.

use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use kit::Timestamp;

use crate::dates::LocalTime;

/// Whether the zone's rules had to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The time exists once.
    Plain,
    /// The clocks skipped it: taken with the offset before the change, so it lies after the gap.
    Gap,
    /// The clocks showed it twice: the first time is taken.
    Fold,
}

/// Turns local times into instants; remembers the last minute, because messages come in bursts.
#[derive(Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
    last: Option<(i64, Timestamp, Rule)>,
}

impl Clock {
    /// A clock in this zone.
    pub(crate) const fn new(zone: TimeZone) -> Self {
        Self { zone, last: None }
    }

    /// The instant of a local time; none outside the years that instants reach.
    pub(crate) fn instant(&mut self, time: &LocalTime) -> Option<(Timestamp, Rule)> {
        let minute = time.minute();
        let second_ms = i64::from(time.time[2]) * 1000;
        if let Some((known, instant, rule)) = self.last.filter(|(known, ..)| *known == minute) {
            debug_assert_eq!(known, minute);
            return Some((instant + second_ms, rule));
        }
        let [year, month, day] = time.date;
        let small = |number: u16| i8::try_from(number).ok();
        let local = DateTime::new(
            i16::try_from(year).ok()?,
            small(month)?,
            small(day)?,
            small(time.time[0])?,
            small(time.time[1])?,
            0,
            0,
        )
        .ok()?;
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let rule = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => Rule::Plain,
            AmbiguousOffset::Gap { .. } => Rule::Gap,
            AmbiguousOffset::Fold { .. } => Rule::Fold,
        };
        let instant = ambiguous.compatible().ok()?.as_millisecond();
        self.last = Some((minute, instant, rule));
        Some((instant + second_ms, rule))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn changes_of_the_clocks_are_ruled() {
        let mut clock = Clock::new(TimeZone::get("Europe/Berlin").unwrap());
        for (date, time, utc, rule) in [
            ([2022, 3, 18], [14, 56, 1], "2022-03-18T13:56:01Z", Rule::Plain),
            ([2022, 3, 27], [2, 30, 0], "2022-03-27T01:30:00Z", Rule::Gap),
            ([2022, 10, 30], [2, 30, 5], "2022-10-30T00:30:05Z", Rule::Fold),
            ([2022, 10, 30], [3, 0, 0], "2022-10-30T02:00:00Z", Rule::Plain),
        ] {
            let day = jiff::civil::date(date[0] as i16, date[1] as i8, date[2] as i8);
            let day = day.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days();
            let expected = utc.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            assert_eq!(clock.instant(&LocalTime { day, date, time }), Some((expected, rule)), "{utc}");
        }
    }
}
