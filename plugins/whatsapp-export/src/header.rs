//! The head of a message line: date, time and what parts them from the text.
//!
//! Every phone writes its heads in one shape, given by system, language and clock setting. [`Shape::detect`] finds the
//! shape of a file on its first head; from then on only lines of exactly that shape are heads, so that a line of a
//! message that looks like some other head stays part of its message.
//!
//! A shape is a pattern of pieces. `[18/3/22, 14:56:01] ` has the pattern `[#/#/#, #:#:#]`, with `#` a number of one
//! or two digits, `####` one of four, `%` a marker of the day's half and `@` a Japanese era.

mod detect;

use self::detect::Detector;
use crate::{
    chars::{digit, is_mark, is_space},
    evidence::YearFirst,
    words::{day_period, header::era_at},
};

/// One element of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// One or two digits.
    Short,
    /// Exactly four digits.
    Long,
    /// A marker of the day's half.
    Period,
    /// A Japanese era.
    Era,
    /// This character; a space stands for any run of any spaces.
    Char(char),
}

/// What parts the head from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// `]`
    Bracket,
    /// ` - `
    Dash,
    /// `: `
    Colon,
    /// A space alone.
    Space,
}

/// Where the year stands and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum YearForm {
    /// Four digits, first.
    LongFirst,
    /// Four digits, last.
    LongLast,
    /// Two digits, anywhere.
    Short,
    /// Years of a Japanese era, first.
    Era,
}

/// How one file writes its heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pieces: Vec<Piece>,
    end: End,
    time_first: bool,
    numbers: usize,
    /// Where the year stands.
    pub(crate) year: YearForm,
}

/// What a head says, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The three numbers of the date, in written order.
    pub(crate) date: [u16; 3],
    /// Hour, minute, second on a clock of 24 hours.
    pub(crate) time: [u16; 3],
    /// The Gregorian year before the era's first, for Japanese eras.
    pub(crate) era: Option<u16>,
    /// Where the text begins, in bytes of the line.
    pub(crate) body: usize,
}

impl Shape {
    /// The shape of this line's head, if it has one.
    pub(crate) fn detect(line: &str) -> Option<Self> {
        let mut detector = Detector::new(line);
        let end = detector.run()?;
        let time_first = detector.time_first()?;
        let dates = if time_first { detector.widths.len() - 3..detector.widths.len() } else { 0..3 };
        let widths = &detector.widths[dates];
        let era = detector.pieces.contains(&Piece::Era);
        let year = match (era, widths[0], widths[1], widths[2]) {
            (true, 1..=2, 1..=2, 1..=2) => YearForm::Era,
            (false, 4, 1..=2, 1..=2) => YearForm::LongFirst,
            (false, 1..=2, 1..=2, 4) => YearForm::LongLast,
            (false, 1..=2, 1..=2, 1..=2) => YearForm::Short,
            _ => return None,
        };
        let numbers = detector.widths.len();
        let shape = Self { pieces: detector.pieces, end, time_first, numbers, year };
        let head = shape.read(line)?;
        // Without anything between time and text, only an author makes a head of it.
        (end != End::Space || line[head.body..].contains(':')).then_some(shape)
    }

    /// Reads a line's head if it has this shape and its time exists.
    pub(crate) fn read(&self, line: &str) -> Option<Head> {
        let mut rest = line;
        let mut numbers = [0_u16; 6];
        let mut count = 0;
        let mut period = None;
        let mut era = None;
        for piece in &self.pieces {
            match piece {
                Piece::Char(' ') => {
                    let after = skip_spaces(rest);
                    if after.len() == skip_marks(rest).len() {
                        return None;
                    }
                    rest = after;
                }
                Piece::Char(c) => rest = skip_marks(rest).strip_prefix(*c)?,
                Piece::Short | Piece::Long => {
                    let (value, width, after) = number(skip_marks(rest))?;
                    if (*piece == Piece::Long) != (width == 4) || width == 3 {
                        return None;
                    }
                    *numbers.get_mut(count)? = value;
                    count += 1;
                    rest = after;
                }
                Piece::Period => {
                    let (found, length) = day_period::at(skip_marks(rest))?;
                    period = Some(found);
                    rest = &skip_marks(rest)[length..];
                }
                Piece::Era => {
                    let (before, length) = era_at(skip_marks(rest))?;
                    era = Some(before);
                    rest = &skip_marks(rest)[length..];
                }
            }
        }
        let rest = self.end.strip(rest)?;
        let numbers = &numbers[..self.numbers];
        let (time, date) = if self.time_first {
            numbers.split_at(self.numbers - 3)
        } else {
            let (date, time) = numbers.split_at(3);
            (time, date)
        };
        let second = time.get(2).copied().unwrap_or(0);
        let hour = match period {
            Some(period) => period.hour(time[0])?,
            // Clocks that count from 1 to 24 write midnight as 24.
            None if time[0] == 24 => 0,
            None => time[0],
        };
        let exists = hour < 24 && time[1] < 60 && second <= 60 && is_plausible(date, self.year);
        exists.then_some(Head {
            date: [date[0], date[1], date[2]],
            time: [hour, time[1], second.min(59)],
            era,
            body: line.len() - rest.len(),
        })
    }

    /// Whether a year of two digits may stand first. Phones that write a marker before the time are East Asian.
    pub(crate) fn year_first(&self) -> YearFirst {
        let pattern = self.pattern();
        if pattern.contains("%#") || pattern.contains("% #") {
            YearFirst::Maybe
        } else if pattern.contains("#.#.#") && !pattern.contains("#/#") && !pattern.contains("#-#") {
            YearFirst::Never
        } else if pattern.contains("#/#/#") {
            YearFirst::Rarely
        } else {
            YearFirst::Maybe
        }
    }

    /// The pattern, for people and for the cursor; [`Shape::parse`] reads it back.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Short => pattern.push('#'),
                Piece::Long => pattern.push_str("####"),
                Piece::Period => pattern.push('%'),
                Piece::Era => pattern.push('@'),
                Piece::Char(c) => pattern.push(*c),
            }
        }
        pattern.push_str(match self.end {
            End::Bracket => "]",
            End::Dash => " - ",
            End::Colon => ": ",
            End::Space => " ",
        });
        pattern
    }

    /// Reads a [`Shape::pattern`].
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        let (body, end) = [("]", End::Bracket), (" - ", End::Dash), (": ", End::Colon), (" ", End::Space)]
            .into_iter()
            .find_map(|(text, end)| Some((pattern.strip_suffix(text)?, end)))?;
        // A head of that pattern, read like any other: one place that knows what shapes there are.
        let mut example = String::new();
        let mut rest = body;
        while let Some(c) = rest.chars().next() {
            let taken = if rest.starts_with("####") { 4 } else { c.len_utf8() };
            match c {
                '#' if taken == 4 => example.push_str("2022"),
                '#' => example.push_str("01"),
                '%' => example.push_str("AM"),
                '@' => example.push_str("令和"),
                _ => example.push(c),
            }
            rest = &rest[taken..];
        }
        example.push_str(match end {
            End::Bracket => "] a: b",
            End::Dash => " - a: b",
            End::Colon => ": a: b",
            End::Space => " a: b",
        });
        Self::detect(&example)
    }
}

impl End {
    /// What follows this end, if `rest` begins with it.
    fn strip(self, rest: &str) -> Option<&str> {
        let after = skip_spaces(rest);
        let spaced = after.len() < skip_marks(rest).len();
        match self {
            Self::Bracket => Some(skip_spaces_only(after.strip_prefix(']')?)),
            Self::Dash => {
                let text = after.strip_prefix(['-', '–', '—'])?;
                let parted = text.is_empty() || text.starts_with(is_space) || text.starts_with(['\r', '\n']);
                (spaced && parted).then(|| skip_one_space(text))
            }
            Self::Colon => {
                let text = skip_marks(rest).strip_prefix(':')?;
                (text.is_empty() || text.starts_with(is_space)).then(|| skip_one_space(text))
            }
            Self::Space => (spaced && !after.trim_end().is_empty()).then_some(after),
        }
    }
}

/// True when some order of the numbers makes a day and a month of them.
fn is_plausible(date: &[u16], year: YearForm) -> bool {
    let pair = |left: u16, right: u16| left.min(right) >= 1 && left.min(right) <= 12 && left.max(right) <= 31;
    match year {
        YearForm::LongFirst | YearForm::Era => pair(date[1], date[2]),
        YearForm::LongLast => pair(date[0], date[1]),
        YearForm::Short => pair(date[0], date[1]) || pair(date[1], date[2]),
    }
}

/// A run of digits of one to four, its value, its width, what follows.
fn number(text: &str) -> Option<(u16, usize, &str)> {
    let mut value = 0;
    let mut width = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let Some(next) = digit(c) else { break };
        if width == 4 {
            return None;
        }
        value = value * 10 + next;
        width += 1;
        rest = &rest[c.len_utf8()..];
    }
    (width > 0).then_some((value, width, rest))
}

/// Leaves leading marks away.
fn skip_marks(text: &str) -> &str {
    if text.as_bytes().first().is_some_and(u8::is_ascii) {
        return text;
    }
    text.trim_start_matches(is_mark)
}

/// Leaves leading spaces and marks away.
fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(|c| is_space(c) || is_mark(c))
}

/// Leaves leading spaces away; marks stay, they tell the app's own text.
fn skip_spaces_only(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// Leaves one leading space away.
fn skip_one_space(text: &str) -> &str {
    text.strip_prefix(is_space).unwrap_or(text)
}

#[cfg(test)]
mod tests;
