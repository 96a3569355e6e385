//! Mapping files with each trap that spreadsheets lay, files that get worse while they are in use, and numbers that
//! change hands.

use crate::support::exports::{Connector, Installation};

/// A mapping file that is not adopted.
struct Trap {
    name: &'static str,
    bytes: &'static [u8],
    line: u64,
    code: &'static str,
}

const HEADER: &str = "External User ID,Microsoft 365 User Mailbox\n";

#[rustfmt::skip] // A table reads as one.
const TRAPS: &[Trap] = &[
    Trap { name: "empty", bytes: b"", line: 0, code: "empty-file" },
    Trap { name: "byte order mark only", bytes: b"\xef\xbb\xbf", line: 0, code: "empty-file" },
    Trap { name: "no header", bytes: b"+4915112345678,ben@example.com\n", line: 0, code: "header-missing" },
    Trap { name: "half a header", bytes: b"External User ID,Name\n+4915112345678,Ben\n", line: 0, code: "header-incomplete" },
    Trap { name: "workbook", bytes: b"PK\x03\x04\x14\0\x06\0", line: 0, code: "not-csv" },
    Trap { name: "digits lost", bytes: b"External User ID,Microsoft 365 User Mailbox\n1.23E+11,ben@example.com\n", line: 2, code: "excel-number" },
    Trap { name: "digits lost, with a comma", bytes: b"External User ID;Microsoft 365 User Mailbox\n+4915112345679;cara@example.com\n4,91511E+12;ben@example.com\n", line: 3, code: "excel-number" },
    Trap { name: "decimals", bytes: b"External User ID,Microsoft 365 User Mailbox\n4915112345678.0,ben@example.com\n", line: 2, code: "decimal-number" },
    Trap { name: "two mailboxes", bytes: b"External User ID,Microsoft 365 User Mailbox\n+4915112345678,ben@example.com\n4915112345678,cara@example.com\n", line: 3, code: "conflict" },
    Trap { name: "formula", bytes: b"External User ID,Microsoft 365 User Mailbox\n+4915112345678,=HYPERLINK(\"mailto:ben@example.com\")\n", line: 2, code: "formula" },
    Trap { name: "error value", bytes: b"External User ID,Microsoft 365 User Mailbox\n+4915112345678,#N/A\n", line: 2, code: "spreadsheet-error" },
    Trap { name: "no mailbox", bytes: b"External User ID,Microsoft 365 User Mailbox\n+4915112345678,\n", line: 2, code: "mailbox-empty" },
    Trap { name: "no key", bytes: b"External User ID,Microsoft 365 User Mailbox\n,ben@example.com\n", line: 2, code: "key-empty" },
    Trap { name: "no address", bytes: b"External User ID,Microsoft 365 User Mailbox\n+4915112345678,Ben Carter\n", line: 2, code: "bad-address" },
    Trap { name: "national number", bytes: b"External User ID,Microsoft 365 User Mailbox\n015112345678,ben@example.com\n", line: 2, code: "national-number" },
    Trap { name: "line break in a cell", bytes: b"External User ID,Microsoft 365 User Mailbox\n\"+49151\n12345678\",ben@example.com\n", line: 2, code: "control-character" },
    Trap { name: "quotation mark never closed", bytes: b"External User ID,Microsoft 365 User Mailbox\n\"+4915112345678,ben@example.com\n", line: 2, code: "unclosed-quote" },
    Trap { name: "NUL", bytes: b"External User ID,Microsoft 365 User Mailbox\n+49151\x0012345678,ben@example.com\n", line: 2, code: "nul-byte" },
    Trap { name: "cut UTF-16", bytes: b"\xff\xfeE\0x\0t\0e\0r\0n\0a", line: 1, code: "undecodable" },
    Trap { name: "no such day", bytes: b"External User ID,Microsoft 365 User Mailbox,Valid From,Valid To\n+4915112345678,ben@example.com,2023-02-30,\n", line: 2, code: "bad-time" },
    Trap { name: "ends before it begins", bytes: b"External User ID,Microsoft 365 User Mailbox,Valid From,Valid To\n+4915112345678,ben@example.com,2023-03-01,2023-02-01\n", line: 2, code: "empty-time" },
    Trap { name: "overlapping times", bytes: b"External User ID,Microsoft 365 User Mailbox,Valid From,Valid To\n+4915112345678,ben@example.com,,2023-07-01\n+4915112345678,cara@example.com,2023-06-01,\n", line: 3, code: "conflict" },
];

const CONNECTOR: Connector<'_> = Connector {
    name: "exports",
    source: "whatsapp-export",
    settings: "path = \"inbox\", owner = \"anna@example.com\"",
    credential: None,
    mapper_plugin: "users",
    mapper: "automatic = true",
    mapping: Some("mapping.csv"),
    converter: "email",
    converter_settings: "",
    grant: "folders = [\"inbox\"]",
    more: "",
    destinations: "[{ kind = \"maildir\", root = \"mail\", mailboxes = { domains = [\"example.com\"] } }]",
};

#[test]
fn a_mapping_with_a_trap_is_named_by_line_and_not_adopted() {
    let installation = Installation::new(&[CONNECTOR]);
    for Trap { name, bytes, line, code } in TRAPS {
        installation.put("mapping.csv", bytes);
        let ran = installation.run(&["mapping", "check", "mapping.csv", "--json"]);
        ran.expect(2);
        let problems = ran.json()["summary"]["problems"].as_array().unwrap().clone();
        let found = problems.iter().any(|problem| problem["code"] == *code && problem["line"] == *line);
        assert!(found, "{name}: {ran}");
        let ran = installation.run(&["mapping", "check", "mapping.csv"]);
        ran.expect(2);
        assert!(ran.stdout.contains(code) && ran.stderr.contains("hint: mend these lines"), "{name}: {ran}");
    }
}

#[test]
fn a_first_mapping_with_problems_stops_the_connector_until_it_is_mended() {
    let installation = Installation::new(&[CONNECTOR]);
    installation.put(
        "inbox/WhatsApp Chat with Ben.txt",
        "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - +49 151 12345678: Hi.\n",
    );
    let (ran, outcomes) = {
        let ran = installation.run(&["sync", "--json"]);
        ran.expect(2);
        installation.put("mapping.csv", "External User ID,Microsoft 365 User Mailbox\n1.23E+11,ben@example.com\n");
        installation.sync(&[])
    };
    ran.expect(2);
    let checked = installation.run(&["connector", "check", "exports"]);
    checked.expect(1);
    assert!(checked.stdout.contains("BAD") && checked.stdout.contains("mapping-problems"), "{checked}");
    let (code, message, hint) = outcomes["exports"].error.clone().unwrap();
    assert_eq!(code, "mapping-problems");
    assert!(
        message.contains("mapping.csv") && message.contains("line 2") && message.contains("excel-number"),
        "{message}"
    );
    assert!(hint.contains("chancery mapping check"), "{hint}");
    assert!(installation.mails().is_empty(), "nothing is delivered by guess");

    installation.put("mapping.csv", format!("{HEADER}4915112345678,ben@example.com\n"));
    installation.run(&["connector", "check", "exports"]).expect(0);
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 2, "{ran}");
    assert_eq!(
        (installation.mails_of("anna@example.com").len(), installation.mails_of("ben@example.com").len()),
        (2, 2)
    );
}

#[test]
fn a_mapping_that_gets_worse_leaves_the_last_good_one_in_force() {
    let installation = Installation::new(&[CONNECTOR]);
    installation.put("mapping.csv", format!("{HEADER}4915112345678,ben@example.com\n"));
    installation.put("inbox/a.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - +49 151 12345678: Hi.\n");
    installation.done(&["sync"]);
    for worse in TRAPS {
        installation.put("mapping.csv", worse.bytes);
        let ran = installation.run(&["sync"]);
        ran.expect(0);
        assert!(ran.stderr.contains("stays in force"), "{}: {ran}", worse.name);
    }
    installation.put("inbox/b.txt", "24/06/2023, 10:15 - Anna: Hello?\n24/06/2023, 10:16 - +49 151 12345678: Yes.\n");
    installation.done(&["sync"]);
    assert_eq!(installation.mails_of("ben@example.com").len(), 4, "the mapping adopted before was used");
}

#[test]
fn a_number_that_changes_hands_reaches_each_holder_in_their_time() {
    let installation = Installation::new(&[CONNECTOR]);
    installation.put(
        "mapping.csv",
        "External User ID,Microsoft 365 User Mailbox,Valid From,Valid To\n\
         4915112345678,ben@example.com,,2023-06-23T10:20:00Z\n\
         4915112345678,cara@example.com,2023-06-23T10:20:00Z,2023-06-23T10:40:00Z\n",
    );
    installation.put(
        "inbox/chat.txt",
        "23/06/2023, 10:10 - Anna: To Ben.\n\
         23/06/2023, 10:19 - +49 151 12345678: From Ben.\n\
         23/06/2023, 10:20 - +49 151 12345678: From Cara.\n\
         23/06/2023, 10:39 - Anna: To Cara.\n\
         23/06/2023, 10:40 - Anna: To nobody of ours.\n",
    );
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].item("delivered"), 5, "{ran}");
    let texts = |mailbox: &str| {
        let mut texts: Vec<String> = installation
            .mails_of(mailbox)
            .iter()
            .map(|mail| mail.text().lines().next().unwrap_or_default().to_owned())
            .collect();
        texts.sort();
        texts
    };
    assert_eq!(texts("ben@example.com"), ["From Ben.", "To Ben."]);
    assert_eq!(texts("cara@example.com"), ["From Cara.", "To Cara."]);
    assert_eq!(texts("anna@example.com").len(), 5);
}

#[test]
fn what_has_no_mailbox_is_parked_until_the_mapping_is_mended() {
    let internal = Connector { mapper: "automatic = true, internal = [\"+4915112345678\"]", ..CONNECTOR };
    let installation = Installation::new(&[internal]);
    installation.put("mapping.csv", HEADER);
    installation.put("inbox/chat.txt", "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - +49 151 12345678: Hi.\n");
    let (ran, outcomes) = installation.sync(&["--strict"]);
    ran.expect(3);
    assert_eq!((outcomes["exports"].copy("imported"), outcomes["exports"].copy("failed")), (2, 2), "{ran}");
    let parked = installation.parked("exports");
    assert!(parked.iter().all(|row| row.reason == "unmapped" && row.hint.contains("parked retry")), "{parked:?}");

    // A mailbox that is none is no better, and says so.
    installation.put("mapping.csv", format!("{HEADER}4915112345678,ben@elsewhere.example\n"));
    installation.done(&["parked", "retry", "exports"]);
    assert_eq!(installation.parked("exports").len(), 2);
    assert!(installation.mails_of("ben@elsewhere.example").is_empty());

    installation.put("mapping.csv", format!("{HEADER}4915112345678,ben@example.com\n"));
    installation.done(&["parked", "retry", "exports"]);
    assert_eq!(installation.parked("exports"), []);
    assert_eq!(
        (installation.mails_of("anna@example.com").len(), installation.mails_of("ben@example.com").len()),
        (2, 2)
    );
    let (anna, ben) = (installation.mails_of("anna@example.com"), installation.mails_of("ben@example.com"));
    assert!(anna.iter().zip(&ben).all(|(one, other)| one.bytes == other.bytes), "every mailbox holds the same bytes");
}
