//! Bytes of a mapping file to text: the encodings that spreadsheets write.

use std::borrow::Cow;

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// A file's text and the name of the encoding it was found to be in.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The text, without a byte order mark and free of NUL.
    pub text: Cow<'a, str>,
    /// `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`.
    pub encoding: &'static str,
}

/// Why a file is not text; a problem of its line (0: the whole file).
#[derive(Debug)]
pub struct Undecodable {
    /// The line, from 1; 0 for the whole file.
    pub line: u32,
    /// Stable kebab-case code.
    pub code: &'static str,
    /// One sentence, without its full stop.
    pub message: &'static str,
}

/// Decodes a file that is not empty.
///
/// Windows-1252 is assumed only when there is no byte order mark and nothing in the file is multi-byte UTF-8: a file
/// that mixes both was damaged by some tool, and which half is right nobody can know.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Undecodable> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Undecodable { line: 0, code: "file-too-large", message: "The file is larger than 64 MiB" });
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(Undecodable {
            line: 0,
            code: "not-csv",
            message: "The file is a workbook, not CSV; in the spreadsheet choose `Save as`, `CSV UTF-8`",
        });
    }
    let decoded = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => match str::from_utf8(rest) {
            Ok(text) => Decoded { text: Cow::Borrowed(text), encoding: "utf-8" },
            Err(error) => return Err(broken_utf8(rest, error.valid_up_to())),
        },
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes, "utf-16le")?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes, "utf-16be")?,
        // The first character of a header is ASCII, so its other half tells the byte order.
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes, "utf-16le")?,
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes, "utf-16be")?,
        _ => match str::from_utf8(bytes) {
            Ok(text) => Decoded { text: Cow::Borrowed(text), encoding: "utf-8" },
            Err(error) => eight_bit(bytes, error.valid_up_to())?,
        },
    };
    if let Some(at) = memchr::memchr(0, decoded.text.as_bytes()) {
        return Err(Undecodable {
            line: line_at(decoded.text.as_bytes(), at),
            code: "nul-byte",
            message: "The line holds a NUL byte: the file is damaged or was cut off while it was written; export it again",
        });
    }
    Ok(decoded)
}

/// The line, from 1, on which byte `at` stands. CRLF, LF and CR each end one.
pub fn line_at(bytes: &[u8], at: usize) -> u32 {
    let before = &bytes[..at.min(bytes.len())];
    u32::try_from(line_ends(before, bytes.get(at).copied())).unwrap_or(u32::MAX).saturating_add(1)
}

/// Line ends in `bytes`; a CR whose LF is `next` does not count yet.
pub fn line_ends(bytes: &[u8], next: Option<u8>) -> usize {
    memchr::memchr2_iter(b'\n', b'\r', bytes)
        .filter(|&at| {
            bytes[at] == b'\n' || bytes.get(at + 1).copied().or(next.filter(|_| at + 1 == bytes.len())) != Some(b'\n')
        })
        .count()
}

fn broken_utf8(bytes: &[u8], at: usize) -> Undecodable {
    Undecodable {
        line: line_at(bytes, at),
        code: "undecodable",
        message: "The line holds bytes that are not UTF-8, as the rest of the file is; save the file as `CSV UTF-8`",
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, encoding: &'static str) -> Result<Decoded<'static>, Undecodable> {
    let pairs = bytes.chunks_exact(2);
    let odd = !pairs.remainder().is_empty();
    let mut text = String::with_capacity(bytes.len() / 2);
    let broken = |text: &str| Undecodable {
        line: line_at(text.as_bytes(), text.len()),
        code: "undecodable",
        message: "The line ends in half a UTF-16 character: the file is damaged or was cut off; export it again",
    };
    for character in char::decode_utf16(pairs.map(|pair| unit([pair[0], pair[1]]))) {
        text.push(character.map_err(|_| broken(&text))?);
    }
    if odd {
        return Err(broken(&text));
    }
    Ok(Decoded { text: Cow::Owned(text), encoding })
}

fn eight_bit(bytes: &[u8], first_invalid: usize) -> Result<Decoded<'_>, Undecodable> {
    if bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii()) {
        return Err(broken_utf8(bytes, first_invalid));
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    for (at, &byte) in bytes.iter().enumerate() {
        let Some(character) = windows_1252(byte) else {
            return Err(Undecodable {
                line: line_at(bytes, at),
                code: "undecodable",
                message: "The line holds a byte that is neither UTF-8 nor Windows-1252; save the file as `CSV UTF-8`",
            });
        };
        text.push(character);
    }
    Ok(Decoded { text: Cow::Owned(text), encoding: "windows-1252" })
}

/// The character of a Windows-1252 byte; five bytes have none.
fn windows_1252(byte: u8) -> Option<char> {
    /// 0x80 to 0x9F; the rest is Latin-1.
    const HIGH: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', //
        '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => Some(HIGH[usize::from(byte - 0x80)]).filter(|&character| character != '\0'),
        _ => Some(char::from(byte)),
    }
}
