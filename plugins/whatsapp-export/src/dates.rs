//! Which number of a date is what: order, calendar, and the refusal to guess.
//!
//! A file does not say whether `03/04/22` is in March or in April. The scan weighs every head of the file: an order
//! is refuted by a date that does not exist in it, and of several orders left one wins only when the others make the
//! chat jump back in time again and again. Anything less is refused, with the setting that answers the question.

use kit::{Error, ErrorKind};

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
    const fn sort(self, date: [u16; 3]) -> [u16; 3] {
        match self {
            Self::Dmy => [date[2], date[1], date[0]],
            Self::Mdy => [date[2], date[0], date[1]],
            Self::Ymd => date,
        }
    }

    /// Whether a year of this form can stand where this order has it.
    const fn suits(self, year: YearForm) -> bool {
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

/// Days between two heads in a row from which on a wrong order of a two-digit year is suspected.
const LEAP_DAYS: u32 = 300;

/// Whether a shape's two-digit year may stand first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum YearFirst {
    /// No phone writes `22.03.18`: only if nothing else fits.
    Never,
    /// Few phones write `22/3/18` (Basque ones, old Japanese ones): if nothing else fits evenly.
    Rarely,
    /// As likely as not.
    Maybe,
}

/// Days from 1970-01-01 to a Gregorian date that exists.
fn day_number(year: u16, month: u16, day: u16) -> i32 {
    // Years begin in March, so that the leap day is their last.
    let (year, month) = (i32::from(year) - i32::from(month <= 2), (i32::from(month) + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i32::from(day) - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// What the heads of a file say for and against one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Heads that have a date in this order.
    pub(crate) fits: u64,
    /// First line whose day or month does not exist; 0: none.
    pub(crate) impossible_line: u64,
    /// First line whose year is of no known calendar; 0: none.
    pub(crate) year_line: u64,
    /// How often the chat went back by more than a day.
    pub(crate) backward: u32,
    /// How often two heads in a row were nearly a year apart or more.
    pub(crate) leaps: u32,
    /// The day of the head before.
    pub(crate) day: i32,
}

/// Everything the heads of a file say about its dates. Travels in the scan's cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// One per order, as in [`Order::ALL`].
    pub(crate) candidates: [Candidate; 3],
    /// Bits of the pairs of orders that some head tells apart: dmy/mdy, dmy/ymd, mdy/ymd.
    pub(crate) told_apart: u8,
    /// Heads seen.
    pub(crate) heads: u64,
    /// First line that two orders read differently, and its date, to ask about.
    pub(crate) example: Option<(u64, [u16; 3])>,
    /// First year that is of no known calendar.
    pub(crate) odd_year: Option<u16>,
}

impl Evidence {
    /// Weighs one head.
    pub(crate) fn add(&mut self, head: &Head, line: u64, form: YearForm, calendar: Calendar) {
        let mut days = [None; 3];
        for (index, order) in Order::ALL.into_iter().enumerate() {
            if !order.suits(form) {
                continue;
            }
            let candidate = &mut self.candidates[index];
            match LocalTime::of(head, order, form, calendar) {
                Ok(time) => {
                    // The first head of an Android export is a notice dated by the export's own rules.
                    if self.heads > 1 && candidate.fits > 0 && time.day < candidate.day - 1 {
                        candidate.backward = candidate.backward.saturating_add(1);
                    }
                    if candidate.fits > 0 && time.day.abs_diff(candidate.day) >= LEAP_DAYS {
                        candidate.leaps = candidate.leaps.saturating_add(1);
                    }
                    candidate.day = time.day;
                    candidate.fits += 1;
                    days[index] = Some(time.day);
                }
                Err(NoDate::Year) => {
                    candidate.year_line = if candidate.year_line == 0 { line } else { candidate.year_line };
                    self.odd_year = self.odd_year.or(Some(order.sort(head.date)[0]));
                }
                Err(NoDate::DayOrMonth) => {
                    candidate.impossible_line = if candidate.impossible_line == 0 { line } else { candidate.impossible_line };
                }
            }
        }
        for (bit, (left, right)) in PAIRS.into_iter().enumerate() {
            if days[left].is_some() && days[right].is_some() && days[left] != days[right] {
                self.told_apart |= 1 << bit;
                self.example = self.example.or(Some((line, head.date)));
            }
        }
        self.heads += 1;
    }

    /// The file's order, or the refusal. `path` names the file in it.
    pub(crate) fn decide(&self, form: YearForm, year_first: YearFirst, setting: Option<Order>, path: &str) -> Result<Order, Error> {
        let suitable = || (0..3).filter(|&index| Order::ALL[index].suits(form));
        // A year of no known calendar refutes an order only where two digits leave the year's place open.
        let refuted = |index: usize| {
            let candidate = &self.candidates[index];
            candidate.impossible_line > 0 || candidate.fits == 0 || (form == YearForm::Short && candidate.year_line > 0)
        };
        if let Some(order) = setting.filter(|order| order.suits(form)) {
            let candidate = &self.candidates[order as usize];
            if candidate.impossible_line > 0 {
                return Err(self.contradiction(path, candidate.impossible_line, Some(order)));
            }
            return if candidate.fits > 0 { Ok(order) } else { Err(self.unknown_calendar(path)) };
        }
        let mut left: Vec<usize> = suitable().filter(|&index| !refuted(index)).collect();
        let even = |index: &usize| year_first == YearFirst::Never || self.candidates[*index].leaps == 0;
        if form == YearForm::Short && year_first != YearFirst::Maybe && left.iter().any(|index| *index != YMD && even(index)) {
            left.retain(|index| *index != YMD);
        }
        match left.as_slice() {
            [] => {
                let impossible = suitable().map(|index| self.candidates[index].impossible_line).filter(|line| *line > 0);
                match impossible.max() {
                    Some(line) if suitable().all(|index| self.candidates[index].impossible_line > 0) => {
                        Err(self.contradiction(path, line, None))
                    }
                    _ => Err(self.unknown_calendar(path)),
                }
            }
            [only] => Ok(Order::ALL[*only]),
            several => {
                let differ = PAIRS.iter().enumerate().any(|(bit, (left, right))| {
                    self.told_apart & (1 << bit) != 0 && several.contains(left) && several.contains(right)
                });
                if !differ {
                    return Ok(Order::ALL[several[0]]);
                }
                several
                    .iter()
                    .find(|&&index| {
                        several.iter().all(|&other| {
                            // A wrong place of the year shows in leaps, a wrong place of the month in steps back.
                            let leaps = u32::from(index == YMD || other == YMD);
                            let strange = |index: usize| {
                                self.candidates[index].backward.saturating_add(self.candidates[index].leaps.saturating_mul(leaps))
                            };
                            other == index || strange(other) >= strange(index).saturating_mul(4).saturating_add(2)
                        })
                    })
                    .map(|&index| Order::ALL[index])
                    .ok_or_else(|| self.ambiguous(path, several))
            }
        }
    }

    /// The question that only a person can answer.
    fn ambiguous(&self, path: &str, left: &[usize]) -> Error {
        let (line, [first, second, third]) = self.example.unwrap_or_default();
        let names: Vec<&str> = left.iter().map(|&index| Order::ALL[index].name()).collect();
        let settings: Vec<String> = names.iter().map(|name| format!("`date_order = \"{name}\"`")).collect();
        let message = format!(
            "the order of day, month and year in `{path}` cannot be told: line {line} has the date {first}-{second}-{third}, and all {} heads of the file can be read as {}",
            self.heads,
            names.join(" or "),
        );
        Error::new(ErrorKind::Rejected, "ambiguous-dates", message)
            .hint(format!("look up one date on the phone, then add {} to the source's settings", settings.join(" or ")))
    }

    /// Dates that fit no order, or not the one that was set.
    fn contradiction(&self, path: &str, line: u64, setting: Option<Order>) -> Error {
        let (what, hint) = match setting {
            Some(order) => (
                format!("line {line} of `{path}` has a date that does not exist with `date_order = \"{}\"`", order.name()),
                "correct or remove `date_order` for this file; files of phones with different settings need connectors of their own",
            ),
            None => (
                format!("no order of day, month and year makes all dates of `{path}` exist; line {line} is one that does not fit"),
                "the file may be joined from exports of different phones: export the chat again, or split the file",
            ),
        };
        Error::new(ErrorKind::Rejected, "contradictory-dates", what).hint(hint)
    }

    /// Years that are neither Gregorian nor Buddhist nor of a Japanese era.
    fn unknown_calendar(&self, path: &str) -> Error {
        let year = self.odd_year.unwrap_or_default();
        let line = self.candidates.iter().map(|candidate| candidate.year_line).filter(|line| *line > 0).min().unwrap_or(1);
        let guess = match year {
            1300..=1429 => "; it may be a Persian date",
            1430..=1500 => "; it may be an Islamic date",
            5000.. => "; it may be a Hebrew date",
            41..=99 => "; it may be a Thai or a Persian date",
            _ => "",
        };
        Error::new(
            ErrorKind::Rejected,
            "unknown-calendar",
            format!("the year {year} in line {line} of `{path}` is of a calendar that cannot be converted safely{guess}"),
        )
        .hint("for Thai years of two digits add `calendar = \"buddhist\"`; otherwise set the phone to the Gregorian calendar and export the chat again")
    }
}

/// The place of [`Order::Ymd`] in [`Order::ALL`].
const YMD: usize = 2;

/// The pairs of orders, in the bits of [`Evidence::told_apart`].
const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn head(date: [u16; 3]) -> Head {
        Head { date, time: [0, 0, 0], era: None, body: 0 }
    }

    fn decide(dates: &[[u16; 3]], form: YearForm, setting: Option<Order>) -> Result<Order, String> {
        decide_with(dates, form, YearFirst::Maybe, setting)
    }

    fn decide_with(dates: &[[u16; 3]], form: YearForm, year_first: YearFirst, setting: Option<Order>) -> Result<Order, String> {
        let mut evidence = Evidence::default();
        for (index, date) in dates.iter().enumerate() {
            evidence.add(&head(*date), index as u64 + 1, form, Calendar::Gregorian);
        }
        evidence.decide(form, year_first, setting, "x.txt").map_err(|error| error.code)
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
    fn the_order_is_told_or_refused() {
        use YearForm::{LongFirst, LongLast, Short};
        let no = |code: &str| Err(code.to_owned());
        for (dates, form, expected) in [
            (&[[23, 3, 2022], [1, 4, 2022]][..], LongLast, Ok(Order::Dmy)),
            (&[[3, 23, 2022]], LongLast, Ok(Order::Mdy)),
            (&[[2022, 3, 4]], LongFirst, Ok(Order::Ymd)),
            (&[[11, 1, 2023], [11, 1, 2023]], LongLast, no("ambiguous-dates")),
            (&[[1, 1, 21]], Short, Ok(Order::Dmy)),
            (&[[12, 9, 20]], Short, no("ambiguous-dates")),
            (&[[1, 20, 19]], Short, Ok(Order::Mdy)),
            (&[[22, 3, 31]], Short, no("ambiguous-dates")),
            (&[[22, 3, 31], [22, 4, 2]], Short, Ok(Order::Ymd)),
            (&[[22, 3, 18]], Short, no("ambiguous-dates")),
            (&[[15, 1, 20], [31, 1, 20], [1, 2, 20]], Short, Ok(Order::Dmy)),
            // Day first this goes on evenly; month first it jumps back at the end of each month.
            (&[[1, 2, 2022], [5, 2, 2022], [9, 2, 2022], [1, 3, 2022], [6, 3, 2022], [1, 4, 2022]], LongLast, Ok(Order::Dmy)),
            (&[[1, 2, 2022], [2, 2, 2022], [3, 2, 2022]], LongLast, no("ambiguous-dates")),
            (&[[31, 12, 2022], [12, 31, 2022]], LongLast, no("contradictory-dates")),
            (&[[27, 12, 1400]], LongLast, no("unknown-calendar")),
            (&[[1443, 8, 15]], LongFirst, no("unknown-calendar")),
            (&[[18, 3, 65]], Short, no("unknown-calendar")),
            (&[[18, 3, 2565]], LongLast, Ok(Order::Dmy)),
            // One absurd year among good ones is that line's trouble, not the file's.
            (&[[18, 3, 2022], [18, 3, 9999]], LongLast, Ok(Order::Dmy)),
            (&[[31, 4, 2022]], LongLast, no("contradictory-dates")),
        ] {
            assert_eq!(decide(dates, form, None), expected, "{dates:?}");
        }
    }

    #[test]
    fn a_year_of_two_digits_stands_first_where_phones_write_it_so() {
        use YearFirst::{Maybe, Never, Rarely};
        let no = |code: &str| Err(code.to_owned());
        for (dates, year_first, expected) in [
            (&[[18, 3, 22]][..], Never, Ok(Order::Dmy)),
            (&[[18, 3, 22]], Rarely, Ok(Order::Dmy)),
            (&[[18, 3, 22]], Maybe, no("ambiguous-dates")),
            (&[[18, 3, 22], [19, 3, 22], [20, 3, 22]], Maybe, Ok(Order::Dmy)),
            (&[[22, 3, 18], [22, 3, 19], [22, 3, 20]], Maybe, Ok(Order::Ymd)),
            (&[[22, 3, 18], [22, 3, 19], [22, 3, 20]], Rarely, Ok(Order::Ymd)),
            (&[[22, 3, 18], [22, 3, 19]], Rarely, no("ambiguous-dates")),
            (&[[22, 3, 5]], Rarely, Ok(Order::Ymd)),
            (&[[12, 9, 20]], Never, no("ambiguous-dates")),
        ] {
            assert_eq!(decide_with(dates, YearForm::Short, year_first, None), expected, "{dates:?} {year_first:?}");
        }
    }

    #[test]
    fn the_setting_answers_but_does_not_overrule() {
        use YearForm::{LongFirst, LongLast};
        let ambiguous: &[[u16; 3]] = &[[11, 1, 2023]];
        assert_eq!(decide(ambiguous, LongLast, Some(Order::Dmy)), Ok(Order::Dmy));
        assert_eq!(decide(ambiguous, LongLast, Some(Order::Mdy)), Ok(Order::Mdy));
        assert_eq!(decide(&[[23, 1, 2023]], LongLast, Some(Order::Mdy)), Err("contradictory-dates".into()));
        assert_eq!(decide(&[[2023, 1, 2]], LongFirst, Some(Order::Mdy)), Ok(Order::Ymd), "year first leaves no question");
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
