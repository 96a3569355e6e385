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
