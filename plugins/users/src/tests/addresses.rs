//! Which mailboxes a file may name.

use kit::mapper::Mapper;

use super::load;

#[test]
fn mailboxes_are_checked_and_their_domain_folded() {
    let long = format!("{}@example.com", "a".repeat(65));
    for (cell, expected) in [
        ("susan@company.com", "susan@company.com"),
        (" Susan.O'Neil+chat@Company.COM\u{a0}", "Susan.O'Neil+chat@company.com"),
        ("=\"susan@company.com\"", "susan@company.com"),
        ("anna@Müller.example", "anna@xn--mller-kva.example"),
        ("anna@XN--MLLER-KVA.example", "anna@xn--mller-kva.example"),
        ("anna@mu\u{308}ller.example", "anna@xn--mller-kva.example"),
        ("jörg@example.com", "jörg@example.com"),
        ("anna@localhost", "anna@localhost"),
        ("", "mailbox-empty"),
        ("anna", "bad-address"),
        ("@example.com", "bad-address"),
        ("anna@", "bad-address"),
        ("anna@@example.com", "bad-address"),
        ("anna@example..com", "bad-address"),
        ("anna@-example.com", "bad-address"),
        ("anna@exam_ple.com", "bad-address"),
        ("anna@xn--a.example", "bad-address"),
        (".anna@example.com", "bad-address"),
        ("an na@example.com", "bad-address"),
        ("Anna <anna@example.com>", "bad-address"),
        ("anna@example.com; bert@example.com", "bad-address"),
        ("\"anna b\"@example.com", "bad-address"),
        (&long, "bad-address"),
        ("=HYPERLINK(\"mailto:a@example.com\")", "formula"),
        ("#N/A", "spreadsheet-error"),
        ("anna@example.com\r\nbert@example.com", "control-character"),
    ] {
        let quoted = cell.replace('"', "\"\"");
        let (users, summary) =
            load(format!("ExternalUserId,O365UserMailbox\n4915112345678,\"{quoted}\"\n").as_bytes(), "");
        let seen = match users.rows(0, 1).first() {
            Some(row) => row.mailbox.clone(),
            None => summary.problems[0].code.clone(),
        };
        assert_eq!(seen, expected, "{cell}");
    }
}
