//! Header syntax: folding, RFC 2047 words, quoted strings, RFC 2231 parameters.
//!
//! Text must have passed `clean::single_line`. Lines are kept within 78 columns where a single word allows it, and
//! always far below 998 bytes.

use encodify::{Fold, rfc2047};

/// The column after which text is folded.
const COLUMNS_MAX: usize = 78;
/// The longest word written as it is; a longer one is encoded, which can be folded anywhere.
const WORD_BYTES_MAX: usize = 70;
/// The longest display name or file name written as a quoted string.
const QUOTED_BYTES_MAX: usize = 60;
/// Bytes of a percent-encoded file name on one line.
const SEGMENT_BYTES_MAX: usize = 60;

/// Appends `name: text`, encoded and folded as needed.
pub fn unstructured(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let mut column = name.len() + 2;
    if is_printable(text) && text.split(' ').all(|word| word.len() <= WORD_BYTES_MAX) {
        for (at, word) in text.split(' ').enumerate() {
            if at > 0 {
                let folds = column + 1 + word.len() > COLUMNS_MAX;
                if folds {
                    out.extend_from_slice(b"\r\n");
                    column = 0;
                }
                out.push(b' ');
                column += 1;
            }
            out.extend_from_slice(word.as_bytes());
            column += word.len();
        }
    } else {
        words(out, rfc2047::Q_TEXT, text, &mut column);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one mailbox, `"Name" <address>`, and the column after it.
pub fn mailbox(out: &mut Vec<u8>, name: &str, address: &str, mut column: usize) {
    if name.is_empty() {
        out.extend_from_slice(address.as_bytes());
        return;
    }
    if is_printable(name) && name.len() <= QUOTED_BYTES_MAX {
        column += quoted(out, name);
    } else {
        words(out, rfc2047::Q_PHRASE, name, &mut column);
    }
    let folds = column + address.len() + 3 > COLUMNS_MAX;
    out.extend_from_slice(if folds { b"\r\n <" } else { b" <" });
    out.extend_from_slice(address.as_bytes());
    out.push(b'>');
}

/// Appends `; filename=…` on a line of its own: a quoted string, or RFC 2231 for whatever is not short plain ASCII.
///
/// Not the RFC 2047 words some programs put there: strict readers count them as defects.
pub fn filename(out: &mut Vec<u8>, name: &str) {
    if is_printable(name) && name.len() <= QUOTED_BYTES_MAX {
        out.extend_from_slice(b";\r\n filename=");
        quoted(out, name);
        return;
    }
    let segments = percent_segments(name);
    let single = segments.len() == 1;
    for (number, segment) in segments.iter().enumerate() {
        out.extend_from_slice(b";\r\n filename*");
        if !single {
            out.extend_from_slice(number.to_string().as_bytes());
            out.push(b'*');
        }
        out.push(b'=');
        if number == 0 {
            out.extend_from_slice(b"utf-8''");
        }
        out.extend_from_slice(segment.as_bytes());
    }
}

/// RFC 2231 value characters, cut between characters: readers decode each segment by itself.
fn percent_segments(text: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut encoded = String::new();
    for character in text.chars() {
        encoded.clear();
        for &byte in character.encode_utf8(&mut [0; 4]).as_bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`{}~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    encoded.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
                }
            }
        }
        match segments.last_mut() {
            Some(last) if last.len() + encoded.len() <= SEGMENT_BYTES_MAX => last.push_str(&encoded),
            _ => segments.push(encoded.clone()),
        }
    }
    segments
}

/// Printable ASCII that no reader takes for an RFC 2047 word.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?")
}

fn quoted(out: &mut Vec<u8>, text: &str) -> usize {
    let start = out.len();
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out.len() - start
}

/// Encoded words, by `Q` where that is no longer than `B`.
fn words(out: &mut Vec<u8>, q: rfc2047::WordEncoder, text: &str, column: &mut usize) {
    let encoder = if q.payload_len(text) <= rfc2047::B.payload_len(text) { q } else { rfc2047::B };
    encoder.encode_words("utf-8", text, column, Fold::HEADER, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn subjects_are_encoded_only_when_needed() {
        for (text, expected) in [
            ("WhatsApp: Anna Lind", "Subject: WhatsApp: Anna Lind\r\n"),
            ("Reise nach Köln", "Subject: =?utf-8?Q?Reise_nach_K=C3=B6ln?=\r\n"),
            ("日本語", "Subject: =?utf-8?B?5pel5pys6Kqe?=\r\n"),
            ("=?utf-8?q?x?=", "Subject: =?utf-8?B?PT91dGYtOD9xP3g/PQ==?=\r\n"),
            ("", "Subject: \r\n"),
        ] {
            assert_eq!(written(|out| unstructured(out, "Subject", text)), expected);
        }
    }

    #[test]
    fn lines_stay_short() {
        for text in ["word ".repeat(60), "x".repeat(3000), "ü".repeat(500), format!("a {}", "b".repeat(71))] {
            let header = written(|out| unstructured(out, "Subject", text.trim()));
            assert!(header.lines().all(|line| line.len() <= COLUMNS_MAX && !line.trim().is_empty()), "{header}");
            let address = written(|out| mailbox(out, text.trim(), &format!("{}@phone.invalid", "1".repeat(32)), 6));
            assert!(address.lines().all(|line| line.len() <= COLUMNS_MAX && !line.trim().is_empty()), "{address}");
        }
    }

    #[test]
    fn names_are_quoted() {
        for (name, expected) in [
            ("Anna Lind", r#""Anna Lind" <a@x>"#),
            (r#"Anna "Q" Lind\"#, r#""Anna \"Q\" Lind\\" <a@x>"#),
            ("Lind, Anna <eve@x>", r#""Lind, Anna <eve@x>" <a@x>"#),
            ("Jürgen Maximilian", "=?utf-8?Q?J=C3=BCrgen_Maximilian?= <a@x>"),
            ("Jürgen, Groß", "=?utf-8?B?SsO8cmdlbiwgR3Jvw58=?= <a@x>"),
            ("", "a@x"),
        ] {
            assert_eq!(written(|out| mailbox(out, name, "a@x", 6)), expected);
        }
    }

    #[test]
    fn file_names_survive() {
        for (name, expected) in [
            ("photo.jpg", ";\r\n filename=\"photo.jpg\""),
            ("a \"b\".txt", ";\r\n filename=\"a \\\"b\\\".txt\""),
            ("Übersicht.pdf", ";\r\n filename*=utf-8''%C3%9Cbersicht.pdf"),
            ("=?x?=.txt", ";\r\n filename*=utf-8''%3D%3Fx%3F%3D.txt"),
            (
                "日本語の長い名前の文書.pdf",
                ";\r\n filename*0*=utf-8''%E6%97%A5%E6%9C%AC%E8%AA%9E%E3%81%AE%E9%95%B7%E3%81%84;\
                 \r\n filename*1*=%E5%90%8D%E5%89%8D%E3%81%AE%E6%96%87%E6%9B%B8.pdf",
            ),
        ] {
            assert_eq!(written(|out| filename(out, name)), expected);
        }
    }
}
