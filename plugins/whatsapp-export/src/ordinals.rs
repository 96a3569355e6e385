//! Which one of equal messages in one minute a message is.
//!
//! Two equal messages of one author in one minute are two messages: the second has ordinal 1. The count must survive
//! pages, and heads do not come in order of time (the first line of an Android export, the hour that clocks repeat),
//! so the last minutes are remembered. When a minute is met again that is no longer remembered, or one minute holds
//! more different messages than are, the running number of the message stands in: such an id is still unique, it
//! only does not survive an export that begins later.

use std::collections::VecDeque;

use crate::cursor::{Decoder, Encoder};

/// Most different messages that are remembered.
const REMEMBERED_MAX: usize = 500;
/// Bit that tells running numbers from ordinals.
const RUNNING: u64 = 1 << 63;

/// Messages of one minute: five bytes of each one's hash, and how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Minute {
    minute: i64,
    seen: Vec<(u64, u64)>,
}

/// The memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ordinals {
    /// Oldest first, by when they were first met.
    minutes: VecDeque<Minute>,
    /// The latest of them; nearly every message is of this minute or a later one.
    latest: Option<i64>,
    remembered: usize,
    /// The latest minute that was forgotten.
    forgotten: Option<i64>,
    /// Messages that got a running number.
    running: u64,
}

impl Ordinals {
    /// The ordinal of a message with this hash in this minute.
    pub(crate) fn next(&mut self, minute: i64, hash: u64) -> u64 {
        let hash = hash & 0xFF_FFFF_FFFF;
        let is_later = self.latest.is_none_or(|latest| minute > latest);
        let known = || self.minutes.iter().rposition(|known| known.minute == minute);
        let place = match if is_later { None } else { known() } {
            Some(place) => place,
            None if self.forgotten.is_some_and(|forgotten| minute <= forgotten) => return self.run(),
            None => {
                self.minutes.push_back(Minute { minute, seen: Vec::new() });
                self.latest = self.latest.max(Some(minute));
                self.minutes.len() - 1
            }
        };
        if let Some((_, count)) = self.minutes[place].seen.iter_mut().find(|(known, _)| *known == hash) {
            *count += 1;
            return *count - 1;
        }
        while self.remembered >= REMEMBERED_MAX && self.minutes[0].minute != minute {
            let Some(oldest) = self.minutes.pop_front() else { break };
            self.remembered -= oldest.seen.len();
            self.forgotten = self.forgotten.max(Some(oldest.minute));
        }
        // It is among the last ones nearly always.
        let known = self.minutes.iter_mut().rfind(|known| known.minute == minute);
        let Some(known) = known.filter(|_| self.remembered < REMEMBERED_MAX) else {
            return self.run();
        };
        known.seen.push((hash, 1));
        self.remembered += 1;
        0
    }

    /// A number no other message of the file has.
    fn run(&mut self) -> u64 {
        self.running += 1;
        RUNNING | self.running
    }

    /// Writes it into a cursor.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.number(self.running);
        out.byte(u8::from(self.forgotten.is_some()));
        out.signed(self.forgotten.unwrap_or(0));
        out.number(self.minutes.len() as u64);
        let mut before = 0;
        for minute in &self.minutes {
            out.signed(minute.minute - before);
            before = minute.minute;
            out.number(minute.seen.len() as u64);
            for (hash, count) in &minute.seen {
                out.0.extend_from_slice(&hash.to_le_bytes()[..5]);
                out.number(*count);
            }
        }
    }

    /// Reads it from a cursor.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        let running = from.number()?;
        let is_forgotten = from.byte()? != 0;
        let forgotten = Some(from.signed()?).filter(|_| is_forgotten);
        let mut ordinals = Self { running, forgotten, latest: forgotten, ..Self::default() };
        let minutes: usize = from.small()?;
        let mut before = 0_i64;
        for _ in 0..minutes {
            before = before.checked_add(from.signed()?)?;
            let count: usize = from.small()?;
            let mut seen = Vec::new();
            for _ in 0..count {
                let mut hash = [0; 8];
                for byte in &mut hash[..5] {
                    *byte = from.byte()?;
                }
                seen.push((u64::from_le_bytes(hash), from.number()?));
            }
            ordinals.remembered += seen.len();
            ordinals.minutes.push_back(Minute { minute: before, seen });
            ordinals.latest = ordinals.latest.max(Some(before));
        }
        Some(ordinals)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn equal_messages_of_a_minute_are_counted() {
        let mut ordinals = Ordinals::default();
        let given: Vec<u64> =
            [(5, 1), (5, 2), (5, 1), (6, 1), (5, 1), (6, 1)].map(|(minute, hash)| ordinals.next(minute, hash)).to_vec();
        assert_eq!(given, [0, 0, 1, 0, 2, 1]);
    }

    #[test]
    fn no_message_is_given_twice_whatever_the_order() {
        let mut ordinals = Ordinals::default();
        let mut given = HashSet::new();
        let mut state = 7_u64;
        for step in 0..20_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let minute = (step / 300) as i64 - (state >> 60) as i64;
            let hash = (state >> 33) % if step % 5000 < 2000 { 3 } else { 5000 };
            assert!(given.insert((minute, hash, ordinals.next(minute, hash))), "step {step}");
            if step % 997 == 0 {
                let mut out = Encoder::default();
                ordinals.encode(&mut out);
                assert!(out.0.len() < 5 * 1024, "{}", out.0.len());
                assert_eq!(Ordinals::decode(&mut Decoder(&out.0)).as_ref(), Some(&ordinals));
            }
        }
    }
}
