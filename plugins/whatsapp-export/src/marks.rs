//! Which files of an archive some message named: a set of numbers that fits into a cursor.

use crate::cursor::{Decoder, Encoder};

/// Most bytes of the set in a cursor. Archives list media mostly in the order of the chat, so the set is a few runs;
/// one that is not is given up, and says so.
const ENCODED_BYTES_MAX: usize = 2048;

/// A set of numbers as ascending, disjoint, not touching runs `(first, last)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    runs: Vec<(u32, u32)>,
    /// True when the set became too ragged to be carried.
    pub(crate) lost: bool,
}

impl Marks {
    /// Puts a number in.
    pub(crate) fn add(&mut self, number: u32) {
        if self.lost {
            return;
        }
        let place = self.runs.partition_point(|(_, last)| *last < number);
        if self.runs.get(place).is_some_and(|(first, _)| *first <= number) {
            return;
        }
        let joins_before = place > 0 && self.runs[place - 1].1.checked_add(1) == Some(number);
        let joins_after = self.runs.get(place).is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (joins_before, joins_after) {
            (true, true) => {
                self.runs[place - 1].1 = self.runs[place].1;
                self.runs.remove(place);
            }
            (true, false) => self.runs[place - 1].1 = number,
            (false, true) => self.runs[place].0 = number,
            (false, false) => self.runs.insert(place, (number, number)),
        }
        // Two numbers of at most two bytes for nearly every run.
        if self.runs.len() > ENCODED_BYTES_MAX / 4 {
            self.lost = true;
            self.runs.clear();
        }
    }

    /// True for a number of the set.
    pub(crate) fn has(&self, number: u32) -> bool {
        let place = self.runs.partition_point(|(_, last)| *last < number);
        self.runs.get(place).is_some_and(|(first, _)| *first <= number)
    }

    /// Writes it into a cursor.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.byte(u8::from(self.lost));
        out.number(self.runs.len() as u64);
        let mut before = 0;
        for (first, last) in &self.runs {
            out.number(u64::from(first - before));
            out.number(u64::from(last - first));
            before = *last;
        }
    }

    /// Reads it from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        let lost = from.byte()? != 0;
        let count: usize = from.small()?;
        let mut runs = Vec::new();
        let mut before = 0_u32;
        for _ in 0..count {
            let first = before.checked_add(from.small()?)?;
            let last = first.checked_add(from.small()?)?;
            runs.push((first, last));
            before = last;
        }
        Some(Self { runs, lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_join_to_runs_and_come_back() {
        let mut marks = Marks::default();
        for number in [5, 3, 4, 9, 0, 9, 7, 8, u32::MAX] {
            marks.add(number);
        }
        assert_eq!(marks.runs, [(0, 0), (3, 5), (7, 9), (u32::MAX, u32::MAX)]);
        let mut out = Encoder::default();
        marks.encode(&mut out);
        assert_eq!(Marks::decode(&mut Decoder(&out.0)).as_ref(), Some(&marks));
        for (number, is_in) in [(0, true), (1, false), (2, false), (3, true), (5, true), (6, false), (10, false)] {
            assert_eq!(marks.has(number), is_in, "{number}");
        }
    }

    #[test]
    fn a_ragged_set_is_given_up_loudly() {
        let mut marks = Marks::default();
        (0..2000).for_each(|number| marks.add(number * 2));
        assert!(marks.lost);
    }
}
