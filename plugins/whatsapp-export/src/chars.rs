//! What a character is to this format: invisible marks, the many spaces, the digits of every script.

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// First code points of the decimal digit rows of Unicode, ascending; each row is ten long.
const DIGIT_ZEROS: &[u32] = &[
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50,
    0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0,
    0x1E950, 0x1FBF0,
];

/// True for a mark without a glyph that exports scatter over dates, names and line starts: direction marks,
/// embeddings, isolates, the byte order mark. Joiners are not among them: emoji need them.
pub(crate) const fn is_mark(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// True for the two marks that the app sets before text of its own making.
pub(crate) const fn is_app_mark(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}')
}

/// True for anything that stands for a space inside a line, the no-break kinds included.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// The value of a decimal digit of any script.
pub(crate) fn digit(c: char) -> Option<u16> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u16 - u16::from(b'0'));
    }
    let code = c as u32;
    let row = DIGIT_ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?;
    let value = code - DIGIT_ZEROS[row];
    u16::try_from(value).ok().filter(|&value| value < 10)
}

/// Leaves marks and spaces at both ends away.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c| is_mark(c) || is_space(c))
}

/// One form for texts that people cannot tell apart: no marks, one plain space for any run of spaces, none at the
/// ends, composed characters. What names and identities are compared by.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    clean_into(text, &mut cleaned);
    cleaned
}

/// [`clean`], appended to `cleaned`.
pub(crate) fn clean_into(text: &str, cleaned: &mut String) {
    let from = cleaned.len();
    if is_plain(text) {
        cleaned.push_str(text);
        return;
    }
    let mut gap = false;
    let push = |c: char, cleaned: &mut String, gap: &mut bool| {
        if is_mark(c) {
        } else if is_space(c) {
            *gap = true;
        } else {
            if *gap && cleaned.len() > from && !cleaned.ends_with('\n') && c != '\n' {
                cleaned.push(' ');
            }
            *gap = false;
            cleaned.push(c);
        }
    };
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text.chars().for_each(|c| push(c, cleaned, &mut gap));
    } else {
        text.nfc().for_each(|c| push(c, cleaned, &mut gap));
    }
}

/// Code points that [`clean`] leaves as they are in any company: neither marks nor spaces, and such that no
/// composition reaches them. Latin, Greek, Cyrillic, Hebrew, Arabic, punctuation and joiners, symbols, kana, CJK, Hangul,
/// the selectors of emoji, emoji.
const SETTLED: &[(u32, u32)] = &[
    (0x00A1, 0x02FF),
    (0x0391, 0x03C9),
    (0x0400, 0x045F),
    (0x05D0, 0x05EA),
    (0x0621, 0x063A),
    (0x0641, 0x064A),
    (0x200C, 0x200D),
    (0x2010, 0x2027),
    (0x20AC, 0x20AC),
    (0x2190, 0x2328),
    (0x232B, 0x27BF),
    (0x3001, 0x3029),
    (0x3041, 0x3096),
    (0x30A1, 0x30FE),
    (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3),
    (0xFE0F, 0xFE0F),
    (0xFF01, 0xFF5E),
    (0x1F1E6, 0x1F1FF),
    (0x1F300, 0x1F6FF),
    (0x1F900, 0x1FAFF),
];

/// True when [`clean`] would change nothing, for all but rare text.
fn is_plain(text: &str) -> bool {
    text.is_empty() || plain_after(text, ' ').is_some_and(|last| last != ' ')
}

/// True when [`clean`] would change nothing in the two texts put together.
pub(crate) fn is_plain_pair(left: &str, right: &str) -> bool {
    let last = plain_after(left, ' ').and_then(|last| plain_after(right, last));
    last.is_some_and(|last| last != ' ')
}

/// The last character of a text behind `before`; none when something in it is not plain.
fn plain_after(text: &str, mut before: char) -> Option<char> {
    for c in text.chars() {
        let plain = match c {
            ' ' => before != ' ' && before != '\n',
            '\n' => before != ' ',
            _ => c.is_ascii_graphic() || is_settled(c),
        };
        if !plain {
            return None;
        }
        before = c;
    }
    Some(before)
}

/// True for one of [`SETTLED`].
fn is_settled(c: char) -> bool {
    let code = c as u32;
    let row = SETTLED.partition_point(|(first, _)| *first <= code);
    row > 0 && code <= SETTLED[row - 1].1
}

/// The letters and digits of a name alone, lower case: what is left when a file system replaced the rest.
pub(crate) fn loose(text: &str) -> String {
    text.nfc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_many_scripts_have_their_values() {
        for (c, value) in [('0', 0), ('9', 9), ('٠', 0), ('٩', 9), ('۴', 4), ('९', 9), ('๕', 5), ('７', 7), ('၃', 3)]
        {
            assert_eq!(digit(c), Some(value), "{c}");
        }
        for c in ['a', '½', '二', '²', '\u{200E}', '٪'] {
            assert_eq!(digit(c), None, "{c}");
        }
    }

    #[test]
    fn settled_characters_stay_what_they_are() {
        assert!(SETTLED.is_sorted_by(|left, right| left.1 < right.0));
        for c in SETTLED.iter().flat_map(|&(first, last)| first..=last).filter_map(char::from_u32) {
            assert!(!is_mark(c) && !is_space(c), "{c:?}");
            assert_eq!(is_nfc_quick([c].into_iter()), IsNormalized::Yes, "{c:?}");
            assert_eq!(unicode_normalization::char::canonical_combining_class(c), 0, "{c:?}");
        }
    }

    #[test]
    fn cleaning_joins_what_people_cannot_tell_apart() {
        for (text, cleaned) in [
            ("plain text", "plain text"),
            ("\u{202A}+40\u{A0}000\u{A0}00\u{202C}", "+40 000 00"),
            ("~\u{202F}Name ", "~ Name"),
            ("  two   spaces", "two spaces"),
            ("Ju\u{308}rgen", "Jürgen"),
            ("a \n b", "a\nb"),
            ("👩🏻\u{200D}⚖️", "👩🏻\u{200D}⚖️"),
            ("", ""),
            ("\u{FEFF}", ""),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }
}
