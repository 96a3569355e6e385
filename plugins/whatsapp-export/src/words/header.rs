//! Words that stand in the date and time of a header without being a part of the day.

/// Words between or behind the numbers (`18.3.2022 klo 14.56`, `14 h 56 min`, `18.03.22 г., 14:56 ч.`), lower case.
const CONNECTORS: &[&str] = &[
    "à", "a las", "alas", "alle", "às", "as", "at", "au", "ob", "om", "um", "u", "o", "в", "у", "о", "г", "р", "ч",
    "klo", "kl", "kell", "plkst", "val", "h", "min", "s", "godz", "uhr", "t", "lúc", "pukul", "jam", "saat", "هـ", "ه",
    "年", "月", "日", "時", "时", "点", "點", "分", "秒", "년", "월", "일", "시", "분", "초", "eta",
];

/// The connecting word at the start of `text`, its length in bytes.
pub(crate) fn connector_at(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    // Characters that are words by themselves need no boundary.
    if is_ideograph(first) {
        return CONNECTORS.iter().find(|word| text.starts_with(**word)).map(|word| word.len());
    }
    let length = text.find(|c: char| !c.is_alphabetic() && c != 'ـ').unwrap_or(text.len());
    let word = text.get(..length)?.to_lowercase();
    CONNECTORS.contains(&word.as_str()).then_some(length)
}

/// Han and Hangul, whose words stand without spaces.
const fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// A Japanese era: the year before its first.
const ERAS: &[(&str, u16)] = &[
    ("令和", 2018),
    ("平成", 1988),
    ("昭和", 1925),
    ("㋿", 2018),
    ("㍻", 1988),
    ("R", 2018),
    ("H", 1988),
    ("S", 1925),
];

/// The Japanese era at the start of `text`: the Gregorian year before its first, and its length in bytes.
pub(crate) fn era_at(text: &str) -> Option<(u16, usize)> {
    ERAS.iter().find(|(name, _)| text.starts_with(name)).map(|(name, before)| (*before, name.len()))
}
