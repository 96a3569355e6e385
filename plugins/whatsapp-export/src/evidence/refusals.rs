//! The questions that only a person can answer: what is wrong with a file's dates, and which setting decides it.

use kit::{Error, ErrorKind};

use super::{Evidence, Question, suitable};
use crate::{
    dates::{Calendar, Order},
    header::YearForm,
};

impl Evidence {
    /// Several orders are possible.
    pub(super) fn ambiguous(&self, question: &Question<'_>, left: &[usize]) -> Error {
        let (line, [first, second, third]) = self.example.unwrap_or_default();
        let message = format!(
            "the order of day, month and year in `{}` cannot be told: line {line} has the date {first}-{second}-{third}, and all {} heads of the file can be read as {}",
            question.path,
            self.heads,
            names(left),
        );
        Error::new(ErrorKind::Rejected, "ambiguous-dates", message)
            .hint(format!("look up one date on the phone, then add {} to the source's settings", settings(left)))
    }

    /// No order is possible: dates that do not exist, or years of a foreign calendar.
    pub(super) fn nothing_left(&self, question: &Question<'_>) -> Error {
        let impossible_line = |index: usize| self.candidates[index].impossible_line;
        match suitable(question.form).map(impossible_line).max() {
            Some(line) if suitable(question.form).all(|index| impossible_line(index) > 0) => Error::new(
                ErrorKind::Rejected,
                "contradictory-dates",
                format!(
                    "no order of day, month and year makes all dates of `{}` exist; line {line} is one that does not fit",
                    question.path
                ),
            )
            .hint("the file may be joined from exports of different phones: export the chat again, or split the file"),
            _ => self.unknown_years(question),
        }
    }

    /// The dates do not exist in the order that was set.
    pub(super) fn against_setting(&self, question: &Question<'_>, setting: Order) -> Error {
        Error::new(
            ErrorKind::Rejected,
            "contradictory-dates",
            format!(
                "line {} of `{}` has a date that does not exist with `date_order = \"{}\"`",
                self.candidates[setting as usize].impossible_line,
                question.path,
                setting.name()
            ),
        )
        .hint("correct or remove `date_order` for this file; files of phones with different settings need connectors of their own")
    }

    /// The dates are against the order of the conversation's first import; `against` are those they are for.
    pub(super) fn against_pin(&self, question: &Question<'_>, pinned: Order, against: &[usize]) -> Error {
        let candidate = &self.candidates[pinned as usize];
        let (path, pinned_name, others) = (question.path, pinned.name(), names(against));
        let wrong_line = [candidate.impossible_line, candidate.year_line].into_iter().find(|line| *line > 0);
        let (why, hint) = match wrong_line {
            Some(line) => (
                format!("line {line} has a date that does not exist as {pinned_name}"),
                format!(
                    "if the phone's language was changed since, add {} to the source's settings; if not, the file may be another chat's: move it away",
                    settings(against)
                ),
            ),
            None => (
                format!("read as {pinned_name} it goes back or leaps in time {} times", self.jumps(pinned)),
                format!(
                    "look up one date on the phone, then add {} to the source's settings, or `date_order = \"{pinned_name}\"` if the jumps are right",
                    settings(against)
                ),
            ),
        };
        let message = format!(
            "the dates of `{path}` can be read as {others}, but its conversation was read as {pinned_name} at its first import: {why}"
        );
        Error::new(ErrorKind::Rejected, "contradictory-dates", message).hint(hint)
    }

    /// Years that are neither Gregorian nor Buddhist nor of a Japanese era, or not of the calendar that years of two
    /// digits had at the conversation's first import.
    pub(super) fn unknown_years(&self, question: &Question<'_>) -> Error {
        let path = question.path;
        let year = self.odd_year.unwrap_or_default();
        let line =
            self.candidates.iter().map(|candidate| candidate.year_line).filter(|line| *line > 0).min().unwrap_or(1);
        let pinned = question.pinned.and_then(|pin| pin.short_years).filter(|_| question.form == YearForm::Short);
        let other = match pinned {
            Some(Calendar::Buddhist) if Calendar::Gregorian.has_short_year(year) => Some(Calendar::Gregorian),
            Some(Calendar::Gregorian) if Calendar::Buddhist.has_short_year(year) => Some(Calendar::Buddhist),
            _ => None,
        };
        if let (Some(pinned), Some(other)) = (pinned, other) {
            let message = format!(
                "the year {year} in line {line} of `{path}` is a {} one, but its conversation was read with {} years at its first import",
                other.name(),
                pinned.name()
            );
            return Error::new(ErrorKind::Rejected, "contradictory-dates", message).hint(format!(
                "if the phone's calendar was changed since, add `calendar = \"{}\"` to the source's settings",
                other.name()
            ));
        }
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

    /// How often the chat jumps in this order.
    fn jumps(&self, order: Order) -> u32 {
        let candidate = &self.candidates[order as usize];
        candidate.backward.saturating_add(candidate.leaps)
    }
}

/// `dmy or mdy`.
fn names(orders: &[usize]) -> String {
    let names: Vec<&str> = orders.iter().map(|&index| Order::ALL[index].name()).collect();
    names.join(" or ")
}

/// The lines of settings that say so.
fn settings(orders: &[usize]) -> String {
    let lines: Vec<String> =
        orders.iter().map(|&index| format!("`date_order = \"{}\"`", Order::ALL[index].name())).collect();
    lines.join(" or ")
}
