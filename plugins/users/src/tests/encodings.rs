//! The same small file in every encoding that spreadsheets write, and in none.

use kit::mapper::Mapper;

use super::{codes, load};

const FILE: &str =
    "External User ID;Microsoft 365 User Mailbox\r\nJörg Müller;joerg@example.com\r\n49151;x@example.com\r\n";

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn with_mark(mark: &[u8], rest: &[u8]) -> Vec<u8> {
    [mark, rest].concat()
}

/// FILE in Windows-1252: its only characters beyond ASCII are in Latin-1.
fn windows_1252() -> Vec<u8> {
    FILE.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

#[test]
fn encodings_are_told_apart() {
    let cases: [(&str, Vec<u8>); 7] = [
        ("utf-8", FILE.as_bytes().to_vec()),
        ("utf-8", with_mark(b"\xEF\xBB\xBF", FILE.as_bytes())),
        ("utf-16le", with_mark(b"\xFF\xFE", &utf16(FILE, u16::to_le_bytes))),
        ("utf-16be", with_mark(b"\xFE\xFF", &utf16(FILE, u16::to_be_bytes))),
        ("utf-16le", utf16(FILE, u16::to_le_bytes)),
        ("utf-16be", utf16(FILE, u16::to_be_bytes)),
        ("windows-1252", windows_1252()),
    ];
    for (encoding, bytes) in cases {
        let (users, summary) = load(&bytes, "");
        assert_eq!(summary.extensions[0], ("encoding".to_owned(), encoding.to_owned()));
        assert_eq!(summary.extensions[1], ("delimiter".to_owned(), ";".to_owned()));
        assert_eq!(codes(&summary), [], "{encoding}");
        assert_eq!(users.rows(0, 1)[0].key, "Jörg Müller", "{encoding}");
    }
}

#[test]
fn what_is_not_text_is_refused_with_its_line() {
    let damaged = |at: usize, byte: u8| {
        let mut bytes = FILE.as_bytes().to_vec();
        bytes[at] = byte;
        bytes
    };
    let third_line = FILE.find("49151").unwrap();
    let mut cut = with_mark(b"\xFF\xFE", &utf16(FILE, u16::to_le_bytes));
    cut.pop();
    let mut lone_surrogate = with_mark(b"\xFF\xFE", &utf16("a\n\n", u16::to_le_bytes));
    lone_surrogate.extend([0x00, 0xD8]);
    let cases: [(&str, Vec<u8>, (u32, &str)); 10] = [
        ("UTF-8 with one byte of another encoding", damaged(third_line, 0xFC), (3, "undecodable")),
        ("UTF-8 by its mark, but not inside", with_mark(b"\xEF\xBB\xBF", &windows_1252()), (2, "undecodable")),
        ("a byte that Windows-1252 does not have", b"a\rb\r\nc\n\x81".to_vec(), (4, "undecodable")),
        ("UTF-16 cut in the middle of the last line feed", cut, (4, "undecodable")),
        ("half a surrogate pair", lone_surrogate, (3, "undecodable")),
        ("a NUL byte", damaged(third_line, 0), (3, "nul-byte")),
        ("a workbook", b"PK\x03\x04rest".to_vec(), (0, "not-csv")),
        ("nothing but a mark", b"\xEF\xBB\xBF".to_vec(), (0, "empty-file")),
        ("nothing but the UTF-16 mark", b"\xFF\xFE".to_vec(), (0, "empty-file")),
        ("nothing but blank lines", b" \r\n\n".to_vec(), (0, "empty-file")),
    ];
    for (name, bytes, expected) in cases {
        let (users, summary) = load(&bytes, "");
        assert_eq!(codes(&summary), [expected], "{name}");
        assert_eq!((summary.rows, users.rows(0, 10)), (0, vec![]), "{name}");
    }
}

#[test]
fn no_file_is_no_problem() {
    let (users, summary) = load(b"", "");
    assert_eq!((summary.rows, summary.mailboxes, summary.problems.len()), (0, 0, 0));
    assert!(users.rows(0, 10).is_empty());
}
