//! Ways of writing numbers: in the file, and at the source.

use kit::mapper::Mapper;

use super::{Mailboxes, codes, id, load, resolve, word};

/// The key a row with this cell gets, or the problem's code.
fn key_of(cell: &str, settings: &str) -> String {
    let quoted = cell.replace('"', "\"\"");
    let (users, summary) =
        load(format!("ExternalUserId;O365UserMailbox\n\"{quoted}\";a@example.com\n").as_bytes(), settings);
    match users.rows(0, 1).first() {
        Some(row) => row.key.clone(),
        None => summary.problems[0].code.clone(),
    }
}

#[test]
fn one_number_has_one_key_however_it_is_written() {
    for cell in [
        "+4915112345678",
        "4915112345678",
        "+49 151 12345678",
        "+49 (0)151 12345678",
        "+49(0)151/123-456-78",
        "49 0151 12345678",
        "0049 151 12345678",
        "00490151 12345678",
        "49.151.12345678",
        "4.915.112.345.678",
        "tel:+49-151-12345678",
        "whatsapp:+4915112345678",
        "+49\u{a0}151\u{202f}12345678",
        "+49\u{2012}151\u{2011}12345678",
        "\u{202a}+4915112345678\u{202c}",
        "\u{ff0b}\u{ff14}\u{ff19}\u{ff11}\u{ff15}\u{ff11}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
        "\u{664}\u{669}\u{661}\u{665}\u{661}\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\u{667}\u{668}",
        "=\"+4915112345678\"",
        "=\"4915112345678\"",
        "'+4915112345678",
        "'+4915112345678'",
        "  4915112345678\t",
    ] {
        assert_eq!(key_of(cell, ""), "+4915112345678", "{cell}");
    }
}

#[test]
fn cells_become_numbers_text_or_problems() {
    for (cell, settings, expected) in [
        // Italy keeps its zero, Hungary's trunk prefix has two digits.
        ("+39 06 12345678", "", "+390612345678"),
        ("+36 06 30 123 4567", "", "+36301234567"),
        // Old spellings of one line.
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("+55 11 8765-4321", "", "+5511987654321"),
        ("+55 11 3765-4321", "", "+551137654321"),
        // An old numbering plan: invalid today, kept as it stands.
        ("+225 23456789", "", "+22523456789"),
        // Short codes and what is not a number are text.
        ("110", "", "110"),
        ("12345", "{\"default_region\":\"DE\"}", "12345"),
        ("U01MDTF0QV6", "", "U01MDTF0QV6"),
        ("1234567890123456", "", "1234567890123456"),
        ("+49 30 1234567 ext. 5", "", "+49 30 1234567 ext. 5"),
        ("Anna 2", "", "Anna 2"),
        ("'t Hart", "", "'t Hart"),
        ("12E5", "", "12E5"),
        ("Zoe\u{308}  van\u{a0}Dam", "", "Zoë van Dam"),
        ("Anna@EXAMPLE.com", "", "Anna@example.com"),
        // Digits that are lost or were never a phone number.
        ("1.23E+11", "", "excel-number"),
        ("4,91511E+12", "", "excel-number"),
        ("4.91511e+12", "{\"ids\":\"text\"}", "excel-number"),
        ("5E+11", "", "excel-number"),
        ("4915112345678.0", "", "decimal-number"),
        ("4915112345678,00", "", "decimal-number"),
        ("4,915,112,345,678", "", "decimal-number"),
        ("=HYPERLINK(\"tel:+49151\",\"x\")", "", "formula"),
        ("=+4915112345678", "", "formula"),
        ("#NAME?", "", "spreadsheet-error"),
        ("#########", "", "spreadsheet-error"),
        ("49151\n12345678", "", "control-character"),
        // National form needs the region, and the region only touches national form.
        ("0151 12345678", "", "national-number"),
        ("0151 12345678", "{\"default_region\":\"DE\"}", "+4915112345678"),
        ("0151 12345678", "{\"default_region\":\"de\"}", "+4915112345678"),
        ("4915112345678", "{\"default_region\":\"DE\"}", "+4915112345678"),
        ("15112345678", "{\"default_region\":\"DE\"}", "leading-zero-lost"),
        ("12025550123", "{\"default_region\":\"DE\"}", "+12025550123"),
        ("099", "{\"default_region\":\"DE\"}", "099"),
        ("0999999999999", "{\"default_region\":\"DE\"}", "number-invalid"),
        ("(202) 555-0123", "{\"default_region\":\"US\"}", "+12025550123"),
        ("347 1234567", "{\"default_region\":\"IT\"}", "+393471234567"),
        ("06 12345678", "{\"default_region\":\"IT\"}", "+390612345678"),
        ("8 912 345-67-89", "{\"default_region\":\"RU\"}", "+79123456789"),
        ("0011 49 151 12345678", "{\"default_region\":\"AU\"}", "+4915112345678"),
        ("0099 12345678", "", "number-invalid"),
        // An eight-digit Danish number that is a Swedish one abroad.
        ("46812345", "{\"default_region\":\"DK\"}", "+4546812345"),
        ("4681234567", "{\"default_region\":\"US\"}", "+4681234567"),
        // What the keys are, said by the operator.
        ("0151 12345678", "{\"ids\":\"text\"}", "0151 12345678"),
        ("Anna", "{\"ids\":\"phone\"}", "not-a-number"),
        ("110", "{\"ids\":\"phone\"}", "not-a-number"),
    ] {
        assert_eq!(key_of(cell, settings), expected, "{cell} {settings}");
    }
}

#[test]
fn digits_valid_here_and_abroad_are_not_guessed() {
    // Singapore has no trunk prefix: eight digits are a number at home; this one is also a valid number elsewhere.
    let seen: Vec<String> =
        ["6591234567", "91234567"].iter().map(|cell| key_of(cell, "{\"default_region\":\"SG\"}")).collect();
    assert_eq!(seen, ["+6591234567", "+6591234567"]);
    // A Texan number without its 1 is also one of Budapest's.
    assert_eq!(key_of("3612345678", "{\"default_region\":\"US\"}"), "number-ambiguous");
}

#[test]
fn a_source_finds_its_number_however_it_writes_it() {
    for (row, source, found) in [
        ("+4915112345678", "4915112345678", true),
        ("4915112345678", "+49 151 12345678", true),
        ("4915112345678", "0049 151 12345678", true),
        ("4915112345678", "+49 (0)151 12345678", true),
        // Never a region for the source's digits.
        ("4915112345678", "015112345678", false),
        ("5215512345678", "525512345678", true),
        ("525512345678", "+5215512345678", true),
        ("551187654321", "5511987654321", true),
        ("5511987654321", "551187654321", true),
        ("5491123456789", "541123456789", true),
        ("541123456789", "+54 9 11 2345 6789", true),
        ("22523456789", "+225 23456789", true),
        ("110", "110", true),
        ("U01MDTF0QV6", "U01MDTF0QV6", true),
        ("U01MDTF0QV6", "u01mdtf0qv6", false),
        ("Zoe\u{308} van Dam", "\u{200e}Zoë\u{a0}van Dam", true),
    ] {
        let (users, summary) = load(format!("ExternalUserId,O365UserMailbox\n{row},a@example.com\n").as_bytes(), "");
        assert_eq!(codes(&summary), [], "{row}");
        let answers = resolve(&users, &mut Mailboxes::of(&["a@example.com"]), vec![id(source)]);
        assert_eq!(word(&answers[0]), if found { "a@example.com" } else { "outside" }, "{row} for {source}");
    }
}

#[test]
fn argentine_numbers_with_and_without_nine_may_be_two_people() {
    let file = b"ExternalUserId,O365UserMailbox\n5491123456789,mobile@example.com\n541123456789,desk@example.com\n";
    let (users, summary) = load(file, "");
    assert_eq!(codes(&summary), []);
    let mut mailboxes = Mailboxes::of(&["mobile@example.com", "desk@example.com"]);
    let answers = resolve(&users, &mut mailboxes, vec![id("+5491123456789"), id("+541123456789")]);
    assert_eq!(answers.iter().map(word).collect::<Vec<_>>(), ["mobile@example.com", "desk@example.com"]);
}

#[test]
fn national_digits_match_a_source_that_writes_exactly_these() {
    let (users, _) =
        load(b"ExternalUserId,O365UserMailbox\n0151 12345678,a@example.com\n", "{\"default_region\":\"DE\"}");
    let answers = resolve(
        &users,
        &mut Mailboxes::of(&["a@example.com"]),
        vec![id("0151/12345678"), id("4915112345678"), id("0151 9")],
    );
    assert_eq!(answers.iter().map(word).collect::<Vec<_>>(), ["a@example.com", "a@example.com", "outside"]);
}

#[test]
fn text_ids_keep_leading_zeros_apart() {
    let file = b"ExternalUserId,O365UserMailbox\n00815,a@example.com\n815,b@example.com\n+49151,c@example.com\n";
    let (users, summary) = load(file, "{\"ids\":\"text\"}");
    assert_eq!(codes(&summary), []);
    let mut mailboxes = Mailboxes::of(&["a@example.com", "b@example.com", "c@example.com"]);
    let answers = resolve(&users, &mut mailboxes, vec![id("00815"), id("815"), id("49151")]);
    assert_eq!(answers.iter().map(word).collect::<Vec<_>>(), ["a@example.com", "b@example.com", "outside"]);
}
