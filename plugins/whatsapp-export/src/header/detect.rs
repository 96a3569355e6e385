//! Finding the shape of a head that is not known yet.

use super::{End, Piece, number, skip_marks, skip_spaces};
use crate::{
    chars::{digit, is_space},
    words::{
        day_period,
        header::{connector_at, era_at},
    },
};

/// Longest head in characters; a longer run of digits and separators is text.
const HEAD_CHARS_MAX: usize = 72;
/// Fewest and most numbers of a head: three of the date, two or three of the time.
const NUMBERS: std::ops::RangeInclusive<usize> = 5..=6;

/// Reads a head of unknown shape.
pub(super) struct Detector<'a> {
    rest: &'a str,
    pub(super) pieces: Vec<Piece>,
    /// What stands before, between and behind the numbers; markers as `%`.
    separators: Vec<String>,
    /// Digits of each number.
    pub(super) widths: Vec<usize>,
}

impl<'a> Detector<'a> {
    /// Before the first character of a line.
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line, pieces: Vec::new(), separators: vec![String::new()], widths: Vec::new() }
    }

    /// Takes pieces up to the end of the head.
    pub(super) fn run(&mut self) -> Option<End> {
        self.rest = skip_marks(self.rest);
        let bracket = self.rest.starts_with('[');
        for _ in 0..HEAD_CHARS_MAX {
            if let Some(end) = self.end(bracket) {
                while self.pieces.last() == Some(&Piece::Char(' ')) {
                    self.pieces.pop();
                }
                return Some(end);
            }
            self.take()?;
        }
        None
    }

    /// The end that stands here, if the numbers are complete.
    fn end(&self, bracket: bool) -> Option<End> {
        if !NUMBERS.contains(&self.widths.len()) {
            return None;
        }
        if bracket {
            return End::Bracket.strip(self.rest).map(|_| End::Bracket);
        }
        if End::Dash.strip(self.rest).is_some() {
            return Some(End::Dash);
        }
        if End::Colon.strip(self.rest).is_some() {
            return Some(End::Colon);
        }
        let after = skip_spaces(self.rest);
        let goes_on = after.starts_with(|c| digit(c).is_some() || matches!(c, '-' | '–' | '—' | ':' | '.' | ','))
            || day_period::at(after).is_some()
            || connector_at(after).is_some();
        (End::Space.strip(self.rest).is_some() && !goes_on).then_some(End::Space)
    }

    /// Takes one piece.
    fn take(&mut self) -> Option<()> {
        self.rest = skip_marks(self.rest);
        let c = self.rest.chars().next()?;
        let separator = self.separators.last_mut()?;
        if digit(c).is_some() {
            let (_, width, after) = number(self.rest)?;
            if self.widths.len() == *NUMBERS.end() || !matches!(width, 1 | 2 | 4) {
                return None;
            }
            self.widths.push(width);
            self.separators.push(String::new());
            self.pieces.push(if width == 4 { Piece::Long } else { Piece::Short });
            self.rest = after;
        } else if is_space(c) {
            separator.push(' ');
            self.pieces.push(Piece::Char(' '));
            self.rest = skip_spaces(self.rest);
        } else if matches!(
            c,
            '/' | '.' | '-' | ',' | ':' | '،' | '、' | '，' | '：' | '⁄' | '‐' | '‑' | '–' | '−' | '．'
        ) {
            separator.push(c);
            self.pieces.push(Piece::Char(c));
            self.rest = &self.rest[c.len_utf8()..];
        } else if c == '[' && self.pieces.is_empty() {
            self.pieces.push(Piece::Char(c));
            self.rest = &self.rest[1..];
        } else if let Some((_, length)) = day_period::at(self.rest).filter(|_| !self.pieces.contains(&Piece::Period)) {
            separator.push('%');
            self.pieces.push(Piece::Period);
            self.rest = &self.rest[length..];
        } else if let Some((_, length)) = era_at(self.rest).filter(|_| self.widths.is_empty()) {
            self.pieces.push(Piece::Era);
            self.rest = &self.rest[length..];
        } else {
            let length = connector_at(self.rest)?;
            for c in self.rest[..length].chars() {
                separator.push(c);
                self.pieces.push(Piece::Char(c));
            }
            self.rest = &self.rest[length..];
        }
        Some(())
    }

    /// Tells whether the time stands before the date; none when the separators make neither.
    pub(super) fn time_first(&self) -> Option<bool> {
        let between: Vec<&str> = self.separators[1..self.widths.len()].iter().map(String::as_str).collect();
        let time_like = |separators: &[&str]| separators.iter().all(|separator| is_time_separator(separator));
        let date_like = |separators: &[&str]| separators.len() == 2 && is_date_separators(separators[0], separators[1]);
        let (dates, gap_and_times) = between.split_at_checked(2)?;
        let date_first = date_like(dates) && time_like(gap_and_times.get(1..)?);
        let (times, gap_and_dates) = between.split_at_checked(between.len().checked_sub(3)?)?;
        let time_first = time_like(times) && date_like(gap_and_dates.get(1..)?) && parts(gap_and_dates.first()?);
        match (date_first, time_first) {
            (true, true) => Some(times.iter().all(|separator| *separator == ":")),
            (true, false) => Some(false),
            (false, true) => Some(true),
            (false, false) => None,
        }
    }
}

/// True for what stands between hour, minute and second.
fn is_time_separator(separator: &str) -> bool {
    matches!(separator.trim(), ":" | "." | "：" | "．" | "h" | "min" | "時" | "时" | "点" | "點" | "分" | "시" | "분")
        && (separator.trim().chars().all(char::is_alphabetic) || !separator.contains(' '))
        || matches!(separator, "시 " | "분 ")
}

/// True for what stands between the three numbers of a date: twice the same, or year and month.
fn is_date_separators(first: &str, second: &str) -> bool {
    let twice = matches!(first.trim(), "/" | "." | "-" | "⁄" | "‐" | "‑" | "–" | "−" | "．") && first == second;
    twice || (matches!(first.trim(), "年" | "년") && matches!(second.trim(), "月" | "월"))
}

/// True for what may stand between time and date.
fn parts(separator: &str) -> bool {
    separator.contains([' ', ',', '،', '%'])
}
