//! When to look: a cron expression or a few plain words, in a time zone.

use std::str::FromStr;

use croner::Cron;
use jiff::{Timestamp, tz::TimeZone};

use crate::item::TimestampMs;

/// When a connector looks for new items. It says only *when to look*; what is due is the stored windows' business.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// As written.
    pub text: String,
    /// The expression it stands for.
    pub cron: Cron,
    /// The zone its times are in.
    pub zone: TimeZone,
}

impl Schedule {
    /// Reads `daily at 02:00 [Zone]`, `hourly [Zone]`, or `cron 0 2 * * * [Zone]` (five fields). Without a zone: UTC.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "`{text}` is no schedule; write `daily at 02:00 Europe/Berlin`, `hourly` or `cron 0 2 * * * Europe/Berlin`"
            )
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (pattern, zone) = match words.as_slice() {
            ["daily", "at", time, zone @ ..] => {
                let time = jiff::civil::Time::strptime("%H:%M", time).map_err(|_| expected())?;
                (format!("{} {} * * *", time.minute(), time.hour()), zone)
            }
            ["hourly", zone @ ..] => ("0 * * * *".to_owned(), zone),
            ["cron", fields @ ..] if fields.len() >= 5 => (fields[..5].join(" "), &fields[5..]),
            _ => return Err(expected()),
        };
        let zone = match zone {
            [] => TimeZone::UTC,
            [name] => TimeZone::get(name)
                .map_err(|_| format!("`{name}` in `{text}` is no time zone; write one like `Europe/Berlin`"))?,
            _ => return Err(expected()),
        };
        let cron = Cron::from_str(&pattern).map_err(|error| format!("`{pattern}` is no cron expression: {error}"))?;
        // A leap year lies ahead of it, so that only what never comes (31 February) is refused.
        let from = jiff::civil::date(2026, 1, 1).to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
        if cron.find_next_occurrence(&from, false).is_err() {
            return Err(format!("`{pattern}` never comes; mend its day and month"));
        }
        Ok(Self { text: text.to_owned(), cron, zone })
    }

    /// The first instant after this one; none when it never comes again.
    pub fn after(&self, instant_ms: TimestampMs) -> Option<TimestampMs> {
        let from = Timestamp::from_millisecond(instant_ms).ok()?.to_zoned(self.zone.clone());
        Some(self.cron.find_next_occurrence(&from, false).ok()?.timestamp().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_or_refused() {
        for (text, pattern) in [
            ("daily at 02:00 Europe/Berlin", Some("0 2 * * *")),
            ("daily at 23:59", Some("59 23 * * *")),
            ("hourly", Some("0 * * * *")),
            ("cron */15 * * * * Asia/Tokyo", Some("*/15 * * * *")),
            ("daily at 25:00", None),
            ("daily", None),
            ("daily at 02:00 Nowhere/Town", None),
            ("cron * * *", None),
            ("cron 0 2 29 2 *", Some("0 2 29 2 *")),
            ("cron 0 2 31 2 *", None),
            ("", None),
        ] {
            assert_eq!(
                Schedule::parse(text).ok().map(|schedule| schedule.cron.pattern.to_string()).as_deref(),
                pattern,
                "{text}"
            );
        }
    }
}
