#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
use super::*;

fn head(date: [u16; 3]) -> Head {
    Head { date, time: [0, 0, 0], era: None, body: 0 }
}

fn decide(dates: &[[u16; 3]], form: YearForm, setting: Option<Order>) -> Result<Order, String> {
    decide_with(dates, form, YearFirst::Maybe, setting)
}

fn decide_with(
    dates: &[[u16; 3]],
    form: YearForm,
    year_first: YearFirst,
    setting: Option<Order>,
) -> Result<Order, String> {
    let mut evidence = Evidence::default();
    for (index, date) in dates.iter().enumerate() {
        evidence.add(&head(*date), index as u64 + 1, form, Calendar::Gregorian);
    }
    let question = Question { form, year_first, setting, pinned: None, path: "x.txt" };
    evidence.decide(&question).map(|decision| decision.order).map_err(|error| error.code)
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
        (
            &[[1, 2, 2022], [5, 2, 2022], [9, 2, 2022], [1, 3, 2022], [6, 3, 2022], [1, 4, 2022]],
            LongLast,
            Ok(Order::Dmy),
        ),
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
