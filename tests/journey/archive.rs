//! Everything arrives once, and stays as it is however often it is read again.

use world::{Faults, Route, StoryOptions};

use crate::support::{
    mail,
    program::Ran,
    truth,
    world::{CONNECTOR, World},
};

/// A day in the office, its large file as large as in life.
fn a_day() -> World {
    World::new(StoryOptions { items: 500, expired_attachments: 3, ..StoryOptions::default() }, 100)
}

#[test]
fn everything_arrives_once_and_nothing_comes_twice() {
    let world = a_day();
    world.site().set_faults(Faults::throttled_moment());
    let first = world.done(&["sync", "--json"]);
    expect_document(&world, &first);
    truth::expect_archived(&world);
    let counts = world.counts();
    truth::expect_counts(&counts, world.story());
    let totals = totals(&world);
    assert!(totals.copies_partial > 0 && totals.items_parked > 0, "the story has everything in it: {totals:?}");

    let mail = world.mail_files();
    let (start_ms, end_ms) = world.story().span_ms();
    let instant = |at_ms| jiff::Timestamp::from_millisecond(at_ms).unwrap().to_string();
    let whole_window = format!("{}..{}", instant(start_ms), instant(end_ms));
    for again in [&["sync", "--json"][..], &["sync", CONNECTOR, "--window", &whole_window, "--json"]] {
        let ran = world.done(again);
        let what = again.join(" ");
        mail.expect_same(&world.mail_files(), &what);
        let now = world.counts();
        assert_eq!(now.without_seen(), counts.without_seen(), "{what}\n{ran}");
        // Whoever reads everything again meets every delivery and every repetition again.
        let document = ran.json();
        let seen = document["connectors"][0]["windows"].as_array().unwrap().iter().map(|window| {
            assert_eq!(window["items"]["fetched"], 0, "{ran}");
            window["items"]["seen"].as_u64().unwrap()
        });
        assert_eq!(seen.sum::<u64>(), totals.deliveries + totals.repeats, "{what}\n{ran}");
    }
    world.done(&["ledger", "verify"]);
    let requests = world.site().requests();
    assert_eq!(requests.answered(Route::Items, 429), 3, "the site was asked again after it had asked to slow down");
}

#[test]
fn the_same_copy_has_the_same_bytes_in_every_mailbox() {
    let archived = crate::support::shared::archived();
    let mut by_item = std::collections::BTreeMap::new();
    for mail in archived.after.mails() {
        by_item.entry(mail.item()).or_insert_with(Vec::new).push(mail.bytes);
    }
    let of_several: Vec<_> = by_item.values().filter(|bytes| bytes.len() > 1).collect();
    assert!(of_several.len() > 20);
    assert!(of_several.iter().all(|bytes| bytes.iter().all(|each| each == &bytes[0])));
}

#[test]
fn a_conversation_is_one_thread_and_an_answer_names_what_it_answers() {
    let archived = crate::support::shared::archived();
    let mails = archived.after.mails();
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| mail.field("Message-ID")).collect();
    let mut root_of = std::collections::BTreeMap::new();
    let mut answers = 0;
    for mail in &mails {
        let references = mail.field("References");
        let root = references.split_whitespace().next().expect("a root").to_owned();
        let known = root_of.entry(mail.conversation()).or_insert_with(|| root.clone()).clone();
        assert_eq!(root, known, "{}", mail.conversation());
        assert!(!ids.contains(&root), "no mail bears a conversation's id");
        if mail.message().in_reply_to().as_text().is_some() {
            assert!(ids.contains(&mail.field("In-Reply-To")), "{} answers nothing that is there", mail.item());
            answers += 1;
        }
    }
    let roots: std::collections::BTreeSet<_> = root_of.values().collect();
    assert_eq!(roots.len(), root_of.len(), "two conversations share a thread");
    assert!(answers > 0);
}

/// The mail as the independent checker sees it, when `CHANCERY_MAIL_ORACLE` names the script.
#[test]
fn the_oracle_finds_no_problem() {
    let Some(script) = std::env::var_os("CHANCERY_MAIL_ORACLE") else { return };
    let world = a_day();
    world.sync();
    assert!(!mail::read(&world.path("mail")).is_empty());
    let output = std::process::Command::new("python3").arg(script).arg(world.path("mail")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// One JSON document with the documented members, windows that are contiguous, and nothing else on stdout.
fn expect_document(world: &World, ran: &Ran) {
    let document = ran.json();
    let reached: std::collections::BTreeSet<_> =
        world.story().expectations().flat_map(|expectation| expectation.mailboxes).collect();
    assert_eq!(document["mailboxes"], reached.len(), "{ran}");
    assert!(document["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{ran}");
    let windows = document["connectors"][0]["windows"].as_array().unwrap();
    let instant =
        |text: &serde_json::Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(instant(&windows[0]["start"]), world.story().span_ms().0);
    for pair in windows.windows(2) {
        assert_eq!(pair[0]["end"], pair[1]["start"], "{ran}");
    }
}

fn totals(world: &World) -> world::Totals {
    let (start_ms, end_ms) = world.story().span_ms();
    world.story().totals(start_ms, end_ms)
}
