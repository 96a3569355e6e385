//! An item's time, in UTC and in the zone its source wrote.

use std::sync::LazyLock;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZoneDatabase},
};

/// The zones compiled in: the host's own files must not reach the bytes.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time that mail can express: RFC 5322 begins with the year 1900 and has four digits for it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    timestamp: Timestamp,
    utc: DateTime,
}

impl Moment {
    /// The moment, or none outside the years 1900 to 9999.
    pub fn from_milliseconds(milliseconds: i64) -> Option<Self> {
        let timestamp = Timestamp::from_millisecond(milliseconds).ok()?;
        let utc = Offset::UTC.to_datetime(timestamp);
        (utc.year() >= 1900).then_some(Self { timestamp, utc })
    }

    /// Appends the value of a `Date` header: `Thu, 5 Mar 2026 14:03:09 +0000`.
    pub fn write_date(&self, out: &mut Vec<u8>) {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let weekday = usize::try_from(self.utc.weekday().to_monday_zero_offset()).unwrap_or(0);
        let month = usize::try_from(self.utc.month()).unwrap_or(1).saturating_sub(1);
        let mut text = String::with_capacity(32);
        text.push_str(DAYS.get(weekday).copied().unwrap_or_default());
        text.push_str(", ");
        push_number(&mut text, self.utc.day().into(), 1);
        text.push(' ');
        text.push_str(MONTHS.get(month).copied().unwrap_or_default());
        text.push(' ');
        push_number(&mut text, self.utc.year().into(), 4);
        text.push(' ');
        push_time(&mut text, self.utc);
        text.push_str(" +0000");
        out.extend_from_slice(text.as_bytes());
    }

    /// Appends `2026-03-05 14:03:09.250 UTC`.
    pub fn write_utc(&self, out: &mut String) {
        push_stamp(out, self.utc);
        out.push_str(" UTC");
    }

    /// Appends `2026-03-05`, the day in UTC.
    pub fn write_day(&self, out: &mut String) {
        push_day(out, self.utc);
    }

    /// Appends `14:03:09`, the time of day in UTC.
    pub fn write_time(&self, out: &mut String) {
        push_time(out, self.utc);
    }

    /// Appends `2026-03-05 15:03:09.250 +01:00`; false, and nothing, when the zone is neither an IANA name nor an
    /// offset such as `+01:00`.
    pub fn write_in_zone(&self, out: &mut String, zone: &str) -> bool {
        let offset = match ZONES.get(zone) {
            Ok(known) => known.to_offset(self.timestamp),
            Err(_) => match parse_offset(zone) {
                Some(offset) => offset,
                None => return false,
            },
        };
        push_stamp(out, offset.to_datetime(self.timestamp));
        out.push_str(if offset.is_negative() { " -" } else { " +" });
        let seconds = i64::from(offset.seconds()).abs();
        push_number(out, seconds / 3600, 2);
        out.push(':');
        push_number(out, seconds / 60 % 60, 2);
        if seconds % 60 != 0 {
            out.push(':');
            push_number(out, seconds % 60, 2);
        }
        true
    }
}

/// `+01:00`, `-0330`, `+01`, `Z`.
fn parse_offset(zone: &str) -> Option<Offset> {
    if zone == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-" | "\u{2212}", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = match digits.len() {
        2 | 4 => digits.to_owned(),
        5 if digits.as_bytes().get(2) == Some(&b':') => digits.replacen(':', "", 1),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Some(0), |rest| rest.parse().ok())?;
    (hours <= 23 && minutes <= 59).then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())?
}

fn push_stamp(out: &mut String, time: DateTime) {
    push_day(out, time);
    out.push(' ');
    push_time(out, time);
    out.push('.');
    push_number(out, time.millisecond().into(), 3);
}

fn push_day(out: &mut String, time: DateTime) {
    push_number(out, time.year().into(), 4);
    out.push('-');
    push_number(out, time.month().into(), 2);
    out.push('-');
    push_number(out, time.day().into(), 2);
}

fn push_time(out: &mut String, time: DateTime) {
    push_number(out, time.hour().into(), 2);
    out.push(':');
    push_number(out, time.minute().into(), 2);
    out.push(':');
    push_number(out, time.second().into(), 2);
}

/// Appends a number that is not negative, with zeros up to `width` digits.
fn push_number(out: &mut String, number: i64, width: u32) {
    let number = number.unsigned_abs();
    let mut place = 10_u64.pow(width.saturating_sub(1));
    while place > 1 && number < place {
        out.push('0');
        place /= 10;
    }
    crate::words::push_integer(out, number);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn dates_are_those_of_rfc_5322() {
        for (milliseconds, date) in [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
            (1_772_719_389_250, "Thu, 5 Mar 2026 14:03:09 +0000"),
            (1_709_251_199_999, "Thu, 29 Feb 2024 23:59:59 +0000"),
            (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
            (-2_208_988_800_000, "Mon, 1 Jan 1900 00:00:00 +0000"),
            (253_400_000_000_000, "Sun, 5 Dec 9999 08:53:20 +0000"),
        ] {
            let mut out = Vec::new();
            Moment::from_milliseconds(milliseconds).unwrap().write_date(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), date);
        }
        for milliseconds in [-2_208_988_800_001, i64::MIN, i64::MAX, 253_402_300_800_000] {
            assert!(Moment::from_milliseconds(milliseconds).is_none(), "{milliseconds}");
        }
    }

    #[test]
    fn zones_are_names_or_offsets() {
        let summer = Moment::from_milliseconds(1_783_000_000_000).unwrap();
        let old = Moment::from_milliseconds(-2_208_988_800_000).unwrap();
        for (moment, zone, expected) in [
            (summer, "Europe/Berlin", Some("2026-07-02 15:46:40.000 +02:00")),
            (summer, "America/St_Johns", Some("2026-07-02 11:16:40.000 -02:30")),
            (summer, "UTC", Some("2026-07-02 13:46:40.000 +00:00")),
            (summer, "+02:00", Some("2026-07-02 15:46:40.000 +02:00")),
            (summer, "-0330", Some("2026-07-02 10:16:40.000 -03:30")),
            (summer, "+09", Some("2026-07-02 22:46:40.000 +09:00")),
            (summer, "Z", Some("2026-07-02 13:46:40.000 +00:00")),
            (old, "Africa/Monrovia", Some("1899-12-31 23:16:52.000 -00:43:08")),
            (summer, "Mars/Olympus", None),
            (summer, "+25:00", None),
            (summer, "+1:00", None),
            (summer, "+é9", None),
            (summer, "", None),
            (summer, "é", None),
        ] {
            let mut out = String::new();
            let written = moment.write_in_zone(&mut out, zone);
            assert_eq!(written.then_some(out.as_str()), expected, "{zone}");
            assert!(written || out.is_empty());
        }
    }
}
