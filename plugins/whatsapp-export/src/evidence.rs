//! What a file's heads say about the order of its dates, and the refusal to guess.
//!
//! A file does not say whether `03/04/22` is in March or in April. The scan weighs every head of the file: an order
//! is refuted by a date that does not exist in it, and of several orders left one wins only when the others make the
//! chat jump about in time again and again. Anything less is refused, with the setting that answers the question.
//!
//! What answered it once for a conversation, a file's dates or a setting, answers it for that conversation's later
//! files too ([`crate::pins`]); a setting comes first, and dates that are against either are refused.

mod refusals;

use kit::Error;

use crate::{
    dates::{Calendar, LocalTime, NoDate, Order},
    header::{Head, YearForm},
    pins::Pin,
};

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

/// What is to be decided, and what is known besides the dates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// How the file's years are written.
    pub(crate) form: YearForm,
    /// Whether a year of two digits may stand first.
    pub(crate) year_first: YearFirst,
    /// What the operator says.
    pub(crate) setting: Option<Order>,
    /// What was decided at the conversation's first import.
    pub(crate) pinned: Option<Pin>,
    /// Names the file in refusals.
    pub(crate) path: &'a str,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The file's order.
    pub(crate) order: Order,
    /// False when every date is the same in the other orders too, or the form leaves no choice: then nothing was
    /// decided that a later file could go by.
    pub(crate) makes_a_difference: bool,
}

impl Decision {
    /// What to remember of it; none: nothing new. An order that was `known` stays, where the form of the file's years
    /// kept it from being asked, and changes only by a setting.
    pub(crate) fn pin(
        self,
        form: YearForm,
        calendar: Calendar,
        known: Option<Pin>,
        setting: Option<Order>,
    ) -> Option<Pin> {
        if !self.makes_a_difference {
            return None;
        }
        let order = match known {
            Some(pin) if setting != Some(self.order) => pin.order,
            _ => self.order,
        };
        let short_years = if form == YearForm::Short { Some(calendar) } else { known.and_then(|pin| pin.short_years) };
        Some(Pin { order, short_years })
    }
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
                    candidate.impossible_line =
                        if candidate.impossible_line == 0 { line } else { candidate.impossible_line };
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

    /// The file's order, or the refusal.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Result<Decision, Error> {
        if let Some(order) = question.setting.filter(|order| order.suits(question.form)) {
            let candidate = &self.candidates[order as usize];
            if candidate.impossible_line > 0 {
                return Err(self.against_setting(question, order));
            }
            if candidate.fits == 0 {
                return Err(self.unknown_years(question));
            }
            return Ok(Decision { order, makes_a_difference: true });
        }
        let left = self.left(question);
        let pinned = question.pinned.map(|pin| pin.order).filter(|order| order.suits(question.form));
        match (pinned, left.as_slice()) {
            (_, []) => Err(self.nothing_left(question)),
            (Some(order), left) => self.decide_pinned(question, order, left),
            (None, [only]) => Ok(Decision {
                order: Order::ALL[*only],
                makes_a_difference: matches!(question.form, YearForm::LongLast | YearForm::Short),
            }),
            (None, several) => self.decide_among(question, several),
        }
    }

    /// The pinned order, unless the dates are against it.
    fn decide_pinned(&self, question: &Question<'_>, pinned: Order, left: &[usize]) -> Result<Decision, Error> {
        let index = pinned as usize;
        let against: Vec<usize> = left
            .iter()
            .copied()
            .filter(|&other| {
                let is_better = || self.differ(other, index) && self.outweighs(other, index);
                other != index && (self.is_refuted(index, question.form) || is_better())
            })
            .collect();
        if against.is_empty() {
            return Ok(Decision { order: pinned, makes_a_difference: true });
        }
        Err(self.against_pin(question, pinned, &against))
    }

    /// The order that outweighs all others.
    fn decide_among(&self, question: &Question<'_>, several: &[usize]) -> Result<Decision, Error> {
        if !several.iter().any(|&left| several.iter().any(|&right| self.differ(left, right))) {
            return Ok(Decision { order: Order::ALL[several[0]], makes_a_difference: false });
        }
        several
            .iter()
            .find(|&&index| several.iter().all(|&other| other == index || self.outweighs(index, other)))
            .map(|&index| Decision { order: Order::ALL[index], makes_a_difference: true })
            .ok_or_else(|| self.ambiguous(question, several))
    }

    /// The orders that no date refutes and that phones write in this form.
    fn left(&self, question: &Question<'_>) -> Vec<usize> {
        let mut left: Vec<usize> =
            suitable(question.form).filter(|&index| !self.is_refuted(index, question.form)).collect();
        let even = |index: &usize| question.year_first == YearFirst::Never || self.candidates[*index].leaps == 0;
        if question.form == YearForm::Short
            && question.year_first != YearFirst::Maybe
            && left.iter().any(|index| *index != YMD && even(index))
        {
            left.retain(|index| *index != YMD);
        }
        left
    }

    /// True when some date does not exist in this order. A year of no known calendar refutes an order only where two
    /// digits leave the year's place open.
    fn is_refuted(&self, index: usize, form: YearForm) -> bool {
        let candidate = &self.candidates[index];
        candidate.impossible_line > 0 || candidate.fits == 0 || (form == YearForm::Short && candidate.year_line > 0)
    }

    /// True when some date is another one in the other order.
    fn differ(&self, left: usize, right: usize) -> bool {
        let pair = (left.min(right), left.max(right));
        PAIRS.iter().enumerate().any(|(bit, known)| *known == pair && self.told_apart & (1 << bit) != 0)
    }

    /// True when the chat jumps about in time again and again with `loser` and not with `winner`. A wrong place of the
    /// year shows in leaps, a wrong place of the month in steps back.
    fn outweighs(&self, winner: usize, loser: usize) -> bool {
        let leaps = u32::from(winner == YMD || loser == YMD);
        let jumps = |index: usize| {
            self.candidates[index].backward.saturating_add(self.candidates[index].leaps.saturating_mul(leaps))
        };
        jumps(loser) >= jumps(winner).saturating_mul(4).saturating_add(2)
    }
}

/// The orders that a year of this form can have, as places in [`Order::ALL`].
fn suitable(form: YearForm) -> impl Iterator<Item = usize> {
    (0..Order::ALL.len()).filter(move |&index| Order::ALL[index].suits(form))
}

/// The place of [`Order::Ymd`] in [`Order::ALL`].
const YMD: usize = 2;

/// The pairs of orders, in the bits of [`Evidence::told_apart`].
const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

#[cfg(test)]
mod tests;
