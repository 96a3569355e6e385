//! Several destinations: each has its own receipts, and one that gives no answers holds up nobody else.

use crate::support::exports::{Connector, Installation};

const CHAT: &str = "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n";
const LATER: &str = "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n23/06/2023, 10:17 - Ben: Bye.\n";

/// Two Maildirs, the second one below `root`.
fn destinations(root: &str) -> String {
    let maildir = |root: &str| {
        format!("{{ kind = \"maildir\", root = \"{root}\", mailboxes = {{ domains = [\"example.com\"] }} }}")
    };
    format!("[{}, {}]", maildir("mail"), maildir(root))
}

/// How many mails lie below a root.
fn mails(installation: &Installation, root: &str) -> usize {
    crate::support::mail::read(&installation.path(root)).len()
}

#[test]
fn a_destination_that_gives_no_answers_leaves_its_copies_pending_and_catches_up() {
    // A file system that nobody may write to, whatever user this test runs as.
    let (down, up) = (destinations("/sys/kernel"), destinations("second"));
    let installation = Installation::new(&[Connector { destinations: &down, ..Connector::default() }]);
    installation.put("inbox/chat.txt", CHAT);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    let outcome = &outcomes["exports"];
    assert_eq!(outcome.code(), "no-permission", "{outcome:?}");
    assert_eq!((outcome.copy("imported"), outcome.copy("pending")), (2, 2), "{outcome:?}");
    assert_eq!(outcome.item("delivered"), 0, "an item is delivered when all its copies are: {outcome:?}");
    assert_eq!(mails(&installation, "mail"), 2, "the other destination has everything");

    // Still down: nothing comes twice, and what is new goes on.
    installation.put("inbox/chat.txt", LATER);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    let outcome = &outcomes["exports"];
    assert_eq!((outcome.copy("imported"), outcome.copy("pending")), (1, 1), "{outcome:?}");
    assert_eq!(mails(&installation, "mail"), 3);

    // Back again, at another place: the next turn delivers what waited, and nothing else.
    installation.configure(&[Connector { destinations: &up, ..Connector::default() }], "");
    let (ran, _) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!((mails(&installation, "mail"), mails(&installation, "second")), (3, 3));
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!(outcomes["exports"].copy("imported"), 0);
    assert_eq!((mails(&installation, "mail"), mails(&installation, "second")), (3, 3));
    installation.done(&["ledger", "verify"]);
}

#[test]
fn when_no_destination_answers_the_turn_ends_and_nothing_is_lost() {
    let down = "[{ kind = \"maildir\", root = \"/sys/kernel\", mailboxes = { domains = [\"example.com\"] } }]";
    let installation = Installation::new(&[Connector { destinations: down, ..Connector::default() }]);
    installation.put("inbox/chat.txt", CHAT);
    let (ran, outcomes) = installation.sync(&[]);
    ran.expect(1);
    assert_eq!(outcomes["exports"].code(), "no-permission");
    installation.configure(&[Connector::default()], "");
    let (ran, _) = installation.sync(&[]);
    ran.expect(0);
    assert_eq!(mails(&installation, "mail"), 2);
}

#[test]
fn the_report_counts_each_destination_and_all_of_them() {
    let (down, one) = (destinations("/sys/kernel"), Connector::default());
    let installation = Installation::new(&[Connector { destinations: &down, ..Connector::default() }]);
    installation.put("inbox/chat.txt", CHAT);
    installation.sync(&[]).0.expect(1);
    let report = installation.done(&["report", "exports", "--json"]).json();
    let counts = |copies: &serde_json::Value| {
        ["available", "imported", "partial", "skipped", "failed", "pending"]
            .map(|count| copies[count].as_u64().unwrap())
    };
    let of_each: Vec<_> = report["destinations"].as_array().unwrap().iter().map(|one| counts(&one["copies"])).collect();
    assert_eq!(of_each, [[2, 2, 0, 0, 0, 0], [2, 0, 0, 0, 0, 2]], "{report}");
    assert_eq!(counts(&report["copies"]), [4, 2, 0, 0, 0, 2], "{report}");
    assert_eq!(counts(&report["windows"][0]["destinations"][1]), [2, 0, 0, 0, 0, 2], "{report}");
    assert!(report["destinations"][1]["label"].as_str().unwrap().contains("/sys/kernel"), "{report}");

    let text = installation.done(&["report", "exports"]).stdout;
    for part in [
        "    copies  4 available = 2 imported",
        "    to 1    2 available = 2 imported",
        "    to 2    2 available = 0 imported",
        "  to 2: maildir /sys/kernel",
    ] {
        assert!(text.contains(part), "`{part}`\n{text}");
    }
    let csv = installation.done(&["report", "exports", "--csv"]).stdout;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    let row = rows.records().next().unwrap().unwrap();
    let cell = |name: &str| row[header.iter().position(|column| column == name).unwrap()].to_owned();
    assert_eq!(
        (cell("pending"), cell("pending_1"), cell("pending_2"), cell("imported_1")),
        ("2".into(), "0".into(), "2".into(), "2".into())
    );

    let alone = Installation::new(&[one]);
    alone.put("inbox/chat.txt", CHAT);
    alone.sync(&[]).0.expect(0);
    let text = alone.done(&["report", "exports"]).stdout;
    assert!(!text.contains("to 1"), "one destination is not told apart: {text}");
    assert!(!alone.done(&["report", "exports", "--csv"]).stdout.contains("imported_1"));
}
