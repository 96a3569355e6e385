//! Which number of a date is what: order and calendar. `evidence` tells which order a file has.

use crate::header::{Head, YearForm};

/// The order of a date's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
    /// Year, month, day.
    Ymd,
}

impl Order {
    /// All of them; the index is the byte in the cursor.
    pub(crate) const ALL: [Self; 3] = [Self::Dmy, Self::Mdy, Self::Ymd];

    /// As in the setting `date_order`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dmy => "dmy",
            Self::Mdy => "mdy",
            Self::Ymd => "ymd",
        }
    }

    /// Year, month, day of the three written numbers.
    pub(crate) const fn sort(self, date: [u16; 3]) -> [u16; 3] {
        match self {
            Self::Dmy => [date[2], date[1], date[0]],
            Self::Mdy => [date[2], date[0], date[1]],
            Self::Ymd => date,
        }
    }

    /// Whether a year of this form can stand where this order has it.
    pub(crate) const fn suits(self, year: YearForm) -> bool {
        match year {
            YearForm::LongFirst | YearForm::Era => matches!(self, Self::Ymd),
            YearForm::LongLast => !matches!(self, Self::Ymd),
            YearForm::Short => true,
        }
    }
}

/// The calendar in which years of two digits are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Calendar {
    /// The Gregorian one.
    #[default]
    Gregorian,
    /// The Thai one, 543 years ahead.
    Buddhist,
}

impl Calendar {
    /// All of them; the index is the byte in the cursor.
    pub(crate) const ALL: [Self; 2] = [Self::Gregorian, Self::Buddhist];

    /// As in the setting `calendar`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gregorian => "gregorian",
            Self::Buddhist => "buddhist",
        }
    }

    /// True for the two digits of a plausible year of this calendar.
    pub(crate) fn has_short_year(self, written: u16) -> bool {
        gregorian(written, YearForm::Short, None, self).is_some()
    }
}

/// Years that Buddhist dates are ahead of Gregorian ones.
const BUDDHIST_AHEAD: u16 = 543;
/// Years of four digits that are taken as Gregorian. Phones with a wrong clock write 1970.
const YEARS_LONG: std::ops::RangeInclusive<u16> = 1970..=2100;
/// Years of two digits that are taken as 20xx: from WhatsApp's first year to the end of what is plausible. Later ones
/// may be Thai (`65`) or Persian (`99`).
const YEARS_SHORT: std::ops::RangeInclusive<u16> = 9..=40;

/// A local time of the phone, in the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    /// Days since 1970-01-01.
    pub(crate) day: i32,
    /// Year, month, day.
    pub(crate) date: [u16; 3],
    /// Hour, minute, second.
    pub(crate) time: [u16; 3],
}

impl LocalTime {
    /// Minutes since 1970-01-01T00:00, local.
    pub(crate) const fn minute(&self) -> i64 {
        self.day as i64 * 1440 + self.time[0] as i64 * 60 + self.time[1] as i64
    }

    /// The time that a head means in this order.
    pub(crate) fn of(head: &Head, order: Order, year_form: YearForm, calendar: Calendar) -> Result<Self, NoDate> {
        let [year, month, day_of_month] = order.sort(head.date);
        let year = gregorian(year, year_form, head.era, calendar).ok_or(NoDate::Year)?;
        if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day_of_month) {
            return Err(NoDate::DayOrMonth);
        }
        Ok(Self { day: day_number(year, month, day_of_month), date: [year, month, day_of_month], time: head.time })
    }
}

/// Why a date does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDate {
    /// Its year is of no calendar known here.
    Year,
    /// Its month or day does not exist.
    DayOrMonth,
}

/// The Gregorian year of a written one.
fn gregorian(written: u16, form: YearForm, era: Option<u16>, calendar: Calendar) -> Option<u16> {
    match (form, calendar) {
        (YearForm::Era, _) => era.map(|before| before + written).filter(|year| YEARS_LONG.contains(year)),
        (YearForm::Short, Calendar::Gregorian) => YEARS_SHORT.contains(&written).then_some(2000 + written),
        (YearForm::Short, Calendar::Buddhist) => {
            (2500 + written).checked_sub(BUDDHIST_AHEAD).filter(|year| (2009..=2040).contains(year))
        }
        (YearForm::LongFirst | YearForm::LongLast, _) => {
            let buddhist = written.checked_sub(BUDDHIST_AHEAD).filter(|year| YEARS_LONG.contains(year));
            YEARS_LONG.contains(&written).then_some(written).or(buddhist)
        }
    }
}

/// Days of a Gregorian month from 1 to 12.
const fn days_in_month(year: u16, month: u16) -> u16 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a Gregorian date that exists.
fn day_number(year: u16, month: u16, day: u16) -> i32 {
    // Years begin in March, so that the leap day is their last.
    let (year, month) = (i32::from(year) - i32::from(month <= 2), (i32::from(month) + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i32::from(day) - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn head(date: [u16; 3]) -> Head {
        Head { date, time: [0, 0, 0], era: None, body: 0 }
    }

    #[test]
    fn day_numbers_agree_with_the_library() {
        for (year, month, day) in [(1970, 1, 1), (2000, 2, 29), (2022, 3, 18), (2100, 12, 31), (1971, 3, 1)] {
            let days = jiff::civil::date(year as i16, month as i8, day as i8)
                .since(jiff::civil::date(1970, 1, 1))
                .unwrap()
                .get_days();
            assert_eq!(day_number(year, month, day), days, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn years_of_other_calendars_become_gregorian() {
        for (date, form, era, calendar, year) in [
            ([18, 3, 2565], YearForm::LongLast, None, Calendar::Gregorian, 2022),
            ([18, 3, 65], YearForm::Short, None, Calendar::Buddhist, 2022),
            ([4, 3, 18], YearForm::Era, Some(2018), Calendar::Gregorian, 2022),
            ([31, 3, 18], YearForm::Era, Some(1988), Calendar::Gregorian, 2019),
        ] {
            let order = if form == YearForm::Era { Order::Ymd } else { Order::Dmy };
            let time = LocalTime::of(&Head { era, ..head(date) }, order, form, calendar).unwrap();
            assert_eq!(time.date, [year, 3, 18], "{date:?}");
        }
    }
}
