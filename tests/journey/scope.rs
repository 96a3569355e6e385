//! `scope`: what is left out is counted under its rule's name, and everything else goes its way.

use crate::support::exports::{Connector, Installation};

const CHATS: &[(&str, &str)] = &[
    (
        "WhatsApp Chat with Ben.txt",
        "23/06/2023, 10:14 - Messages and calls are end-to-end encrypted. Tap to learn more.\n\
         23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n",
    ),
    ("WhatsApp Chat with Cleo.txt", "23/06/2023, 10:15 - Cleo: Private.\n23/06/2023, 10:16 - Anna: Indeed.\n"),
];

fn excluded(installation: &Installation) -> serde_json::Value {
    installation.done(&["report", "exports", "--json"]).json()["excluded"].clone()
}

#[test]
fn each_rule_leaves_out_what_it_names_and_is_counted() {
    for (more, delivered, rules) in [
        ("", 5, serde_json::json!({})),
        ("scope = { kinds = [\"message\"] }", 4, serde_json::json!({ "scope.kinds": 1 })),
        ("scope = { conversations = [\"ben\"] }", 3, serde_json::json!({ "scope.conversations": 2 })),
        (
            "scope = { kinds = [\"message\"], conversations = [\"*en\"] }",
            2,
            serde_json::json!({ "scope.kinds": 1, "scope.conversations": 2 }),
        ),
        ("scope = { mailboxes = [\"*@example.org\"] }", 0, serde_json::json!({ "scope.mailboxes": 5 })),
        ("scope = { mailboxes = [\"anna@example.com\"] }", 5, serde_json::json!({})),
    ] {
        let installation = Installation::new(&[Connector { more, ..Connector::default() }]);
        CHATS.iter().for_each(|(name, chat)| installation.put(&format!("inbox/{name}"), chat));
        let dry = installation.done(&["sync", "--dry-run"]);
        assert_eq!(dry.stdout.contains("leaves out"), !more.is_empty(), "{more}: {dry}");
        let (ran, outcomes) = installation.sync(&[]);
        ran.expect(0);
        let outcome = &outcomes["exports"];
        assert_eq!((outcome.item("fetched"), outcome.item("delivered")), (5, delivered), "{more}: {outcome:?}");
        assert_eq!(installation.mails().len() as u64, delivered, "{more}");
        assert_eq!(excluded(&installation), rules, "{more}");
        let left_out: u64 = rules.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(outcome.item("excluded"), left_out, "{more}");
        let text = installation.done(&["report", "exports"]).stdout;
        for (rule, items) in rules.as_object().unwrap() {
            assert!(text.contains(&format!("left out: {items} by {rule}")), "{more}: {text}");
        }
        let (ran, outcomes) = installation.sync(&[]);
        ran.expect(0);
        assert_eq!(outcomes["exports"].item("fetched"), 0, "{more}: nothing is met anew");
        installation.done(&["ledger", "verify"]);
    }
}

#[test]
fn a_scope_that_is_a_slip_is_refused_by_name() {
    let installation = Installation::new(&[Connector::default()]);
    for (more, says) in [
        ("scope = { kinds = [\"messages\"] }", "`messages`, which is no kind of item"),
        ("scope = { kinds = [] }", "`scope.kinds` is empty"),
        ("scope = { mailboxes = [\"\"] }", "`scope.mailboxes`"),
        ("scope = { mailbox = [\"a@example.com\"] }", "mailbox"),
    ] {
        installation.configure(&[Connector { more, ..Connector::default() }], "");
        let ran = installation.run(&["plan"]);
        ran.expect(2);
        assert!(ran.stderr.contains(says), "{more}: {ran}");
    }
}
