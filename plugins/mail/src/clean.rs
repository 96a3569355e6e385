//! Text that came from outside, made fit for a header or a body.

/// Characters a display name or subject must not carry: bidirectional controls and the byte order mark. They change
/// how their surroundings are shown, not what the name is; WhatsApp wraps phone numbers in them.
fn is_invisible_mark(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// One line for headers and lists: each run of white space and control characters becomes one space, bidirectional
/// marks go, and what is longer than `characters_max` ends in `…`.
pub fn single_line(text: &str, characters_max: usize) -> String {
    if text.len() <= characters_max && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned(); // most ids and zones
    }
    let mut line = String::with_capacity(text.len().min(characters_max.saturating_mul(4)));
    let mut characters = 0;
    let mut gap = false;
    for character in text.chars() {
        if character.is_control() || character.is_whitespace() {
            gap = true;
        } else if !is_invisible_mark(character) {
            let space = gap && !line.is_empty();
            if characters + usize::from(space) >= characters_max {
                line.push('…');
                return line;
            }
            if space {
                line.push(' ');
                characters += 1;
            }
            gap = false;
            line.push(character);
            characters += 1;
        }
    }
    line
}

/// Bytes at which [`append_lines`] must look closer: controls but tab, DEL, and the lead byte of U+0080–U+009F.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte != 0x09;
        byte += 1;
    }
    table[0x7f] = true;
    table[0xc2] = true;
    table
};

/// Appends text for a body: CRLF, CR and LF become CRLF; NUL and the other C0 controls their pictures (`␀`), DEL `␡`,
/// C1 controls `<U+0085>`. Nothing else is changed.
pub fn append_lines(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let (mut start, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        if !SPECIAL[usize::from(byte)] {
            at += 1;
            continue;
        }
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        if byte == 0xc2 && !(0x80..0xa0).contains(&next) {
            at += 2;
            continue;
        }
        out.push_str(text.get(start..at).unwrap_or_default());
        at += 1;
        match byte {
            b'\r' => {
                out.push_str("\r\n");
                at += usize::from(next == b'\n');
            }
            b'\n' => out.push_str("\r\n"),
            0x7f => out.push('\u{2421}'),
            0xc2 => {
                at += 1;
                out.push_str("<U+00");
                for nibble in [next >> 4, next & 15] {
                    out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
                }
                out.push('>');
            }
            control => out.push(char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{fffd}')),
        }
        start = at;
    }
    out.push_str(text.get(start..).unwrap_or_default());
}

/// Ends the line that `out` is in, if it is in one.
pub fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with("\r\n") {
        out.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_fit_for_headers() {
        for (text, expected) in [
            ("Anna Lind", "Anna Lind"),
            ("  Anna \t\r\n Lind ", "Anna Lind"),
            ("Anna\0Lind", "Anna Lind"),
            ("\u{202a}+49\u{a0}151\u{202c}", "+49 151"),
            ("\u{202e}gpj.exe", "gpj.exe"),
            ("a\u{2028}b\u{85}c", "a b c"),
            ("👩\u{200d}🚀 Ada", "👩\u{200d}🚀 Ada"),
            ("\r\n", ""),
            ("123456789", "123456789"),
            ("1234567890", "1234567890"),
            ("12345678901", "1234567890…"),
            ("123456789 1", "123456789…"),
        ] {
            assert_eq!(single_line(text, 10), expected, "{text:?}");
        }
    }

    #[test]
    fn bodies_keep_everything_but_controls() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a\nb\rc\r\nd\n\r\ne", "a\r\nb\r\nc\r\nd\r\n\r\ne"),
            ("\r\r", "\r\n\r\n"),
            ("a\0b\u{1b}[31m\u{7f}", "a␀b␛[31m␡"),
            ("x\u{80}\u{9f}\u{a0}é\u{c2}", "x<U+0080><U+009F>\u{a0}é\u{c2}"),
            ("tab\there  two", "tab\there  two"),
            ("\u{202e}kept\u{2028}", "\u{202e}kept\u{2028}"),
            ("", ""),
        ] {
            let mut out = String::new();
            append_lines(&mut out, text);
            assert_eq!(out, expected, "{text:?}");
        }
    }
}
