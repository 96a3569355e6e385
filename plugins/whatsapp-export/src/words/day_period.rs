//! Markers of the halves and parts of the day on 12-hour clocks.

use crate::chars;

/// How a marker turns the written hour into one of 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayPeriod {
    /// Before noon: 12 is midnight.
    Morning,
    /// After noon: 12 is noon.
    Afternoon,
    /// Around noon: 10, 11 and 12 stay, 1 and later follow noon.
    Noon,
}

impl DayPeriod {
    /// The hour of 24, or none when the two contradict each other.
    pub(crate) const fn hour(self, written: u16) -> Option<u16> {
        match (self, written) {
            (Self::Morning, 0..=12) => Some(written % 12),
            (Self::Afternoon, 0..=12) => Some(written % 12 + 12),
            (Self::Noon, 10..=12) | (Self::Afternoon | Self::Noon, 13..=23) => Some(written),
            (Self::Noon, 0..=3) => Some(written + 12),
            _ => None,
        }
    }
}

/// Marker without dots, spaces and quotes, lower case; what it means.
#[rustfmt::skip]
const MARKERS: &[(&str, DayPeriod)] = {
    use DayPeriod::{Afternoon, Morning, Noon};
    &[
        ("am", Morning), ("pm", Afternoon), ("ص", Morning), ("م", Afternoon), ("صباحا", Morning), ("صباحًا", Morning),
        ("مساء", Afternoon), ("مساءً", Afternoon), ("قظ", Morning), ("بظ", Afternoon), ("قبلازظهر", Morning),
        ("بعدازظهر", Afternoon), ("לפנהצ", Morning), ("אחהצ", Afternoon), ("上午", Morning), ("下午", Afternoon),
        ("凌晨", Morning), ("清晨", Morning), ("早上", Morning), ("早晨", Morning), ("中午", Noon), ("傍晚", Afternoon),
        ("晚上", Afternoon), ("午夜", Morning), ("半夜", Morning), ("午前", Morning), ("午後", Afternoon), ("오전", Morning),
        ("오후", Afternoon), ("πμ", Morning), ("μμ", Afternoon), ("öö", Morning), ("ös", Afternoon), ("de", Morning),
        ("du", Afternoon), ("dop", Morning), ("odp", Afternoon), ("pop", Afternoon), ("fm", Morning),
        ("em", Afternoon), ("ap", Morning), ("ip", Afternoon), ("fh", Morning), ("eh", Afternoon), ("vm", Morning),
        ("nm", Afternoon), ("vorm", Morning), ("nachm", Afternoon), ("прпл", Morning), ("слпл", Afternoon),
        ("пробед", Morning), ("слобед", Afternoon), ("проб", Morning), ("слоб", Afternoon), ("преподне", Morning),
        ("поподне", Afternoon), ("prepodne", Morning), ("popodne", Afternoon), ("poslijepodne", Afternoon),
        ("prijepodne", Morning), ("дп", Morning), ("пп", Afternoon), ("priešpiet", Morning), ("popiet", Afternoon),
        ("priekšp", Morning), ("pēcp", Afternoon), ("pd", Morning), ("md", Afternoon), ("paradite", Morning),
        ("pasdite", Afternoon), ("sa", Morning), ("ch", Afternoon), ("pg", Morning), ("ptg", Afternoon),
        ("to", Morning), ("tk", Afternoon), ("yb", Morning), ("yh", Afternoon), ("rn", Morning), ("in", Afternoon),
        ("पूर्वाह्न", Morning), ("अपराह्न", Afternoon), ("मपू", Morning), ("मउ", Afternoon), ("ਪੂਦੁ", Morning),
        ("ਬਾਦੁ", Afternoon), ("முற்பகல்", Morning), ("பிற்பகல்", Afternoon), ("ಪೂರ್ವಾಹ್ನ", Morning),
        ("ಅಪರಾಹ್ನ", Afternoon), ("පෙව", Morning), ("පව", Afternoon), ("ก่อนเที่ยง", Morning),
        ("หลังเที่ยง", Afternoon), ("ກ່ອນທ່ຽງ", Morning), ("ຫຼັງທ່ຽງ", Afternoon), ("နံနက်", Morning),
        ("ညနေ", Afternoon), ("ጥዋት", Morning), ("ከሰዓት", Afternoon), ("үө", Morning), ("үх", Afternoon),
    ]
};

/// Longest marker in characters, dots and spaces included.
const MARKER_CHARS_MAX: usize = 24;

/// The marker at the start of `text` and its length in bytes; the longest one wins.
pub(crate) fn at(text: &str) -> Option<(DayPeriod, usize)> {
    if let Some(found) = latin(text.as_bytes()) {
        return Some(found);
    }
    let mut key = String::new();
    let mut found = None;
    let mut chars = text.char_indices().take(MARKER_CHARS_MAX).peekable();
    while let Some((at, c)) = chars.next() {
        if chars::is_mark(c) || chars::is_space(c) || matches!(c, '.' | '\'' | '"' | '״' | '׳' | '”' | '’' | '\u{200C}')
        {
            if key.is_empty() {
                return None;
            }
            continue;
        }
        // Joined vowel signs count as letters of the word they belong to.
        if !c.is_alphabetic() && !is_joined(c) {
            break;
        }
        key.extend(c.to_lowercase().filter(|&c| c != '\u{307}'));
        let next = chars.peek().map(|&(_, c)| c);
        if !next.is_some_and(|c| c.is_alphabetic() || is_joined(c))
            && let Some((_, period)) = MARKERS.iter().find(|(marker, _)| *marker == key)
        {
            let dot = usize::from(next == Some('.'));
            found = Some((*period, at + c.len_utf8() + dot));
        }
    }
    found
}

/// `AM`, `pm`, `a.m.`, `p. m.`: nearly all there are, without a table. A letter after it makes it another word.
fn latin(text: &[u8]) -> Option<(DayPeriod, usize)> {
    let period = match text.first()? {
        b'a' | b'A' => DayPeriod::Morning,
        b'p' | b'P' => DayPeriod::Afternoon,
        _ => return None,
    };
    let mut at = 1;
    if text.get(at) == Some(&b'.') {
        at += 1;
    }
    at += match text.get(at..) {
        Some([b' ', ..]) => 1,
        Some([0xC2, 0xA0, ..]) => 2,
        Some([0xE2, 0x80, 0xAF, ..]) => 3,
        _ => 0,
    };
    if !matches!(text.get(at), Some(b'm' | b'M')) {
        return None;
    }
    at += 1;
    match text.get(at) {
        Some(b'.') => Some((period, at + 1)),
        Some(next) if next.is_ascii_alphanumeric() || *next >= 0xC3 && *next < 0xE2 => None,
        _ => Some((period, at)),
    }
}

/// True for combining signs of Indic and South-East Asian scripts, which `is_alphabetic` leaves out in part.
const fn is_joined(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{064B}'..='\u{0652}' | '\u{0900}'..='\u{0DFF}' | '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn markers_are_found_with_their_length() {
        for (text, hour_written, hour, length) in [
            ("AM] A: b", 12, 0, 2),
            ("pm - x", 12, 12, 2),
            ("a. m. - x", 0, 0, 5),
            ("p.\u{A0}m.] x", 1, 13, 6),
            ("p.m. - x", 11, 23, 4),
            ("م] x", 9, 21, "م".len()),
            ("ص] x", 9, 9, "ص".len()),
            ("下午2:56", 2, 14, 6),
            ("中午12:10", 12, 12, 6),
            ("午後0:30", 0, 12, 6),
            ("오후 2:56", 2, 14, 6),
            ("π.μ. - x", 7, 7, 6),
            ("ÖS 3:00", 3, 15, "ÖS".len()),
            ("du. 3:00", 3, 15, 3),
            ("ก่อนเที่ยง", 8, 8, "ก่อนเที่ยง".len()),
            ("पूर्वाह्न - x", 8, 8, "पूर्वाह्न".len()),
            ("SA - x", 8, 8, 2),
        ] {
            let (period, found) = at(text).unwrap_or_else(|| panic!("no marker in {text}"));
            assert_eq!((period.hour(hour_written), found), (Some(hour), length), "{text}");
        }
        for text in ["amber", "Pmax: x", "klo 3", "- x", "", "5"] {
            assert_eq!(at(text), None, "{text}");
        }
        assert_eq!(DayPeriod::Morning.hour(13), None);
    }

    #[test]
    fn every_marker_is_reachable() {
        for (marker, period) in MARKERS {
            assert_eq!(at(marker), Some((*period, marker.len())), "{marker}");
        }
    }
}
