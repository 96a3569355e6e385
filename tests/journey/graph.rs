//! The same journey into Microsoft Graph, as the double plays it.

use std::{collections::BTreeSet, fs, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use sha2::{Digest as _, Sha256};

use world::{GraphFault, GraphFaults, GraphRoute, MailboxTrouble, StoryOptions};

use crate::support::{
    files,
    graph::{DIRECTORY, GraphWorld},
    program::Running,
    reconciled::{self, count, findings},
    shared,
    world::{CONNECTOR, World},
};

fn a_tenant() -> GraphWorld {
    GraphWorld::new(shared::archived().before.copy(), |_| {})
}

#[test]
fn everything_arrives_once_and_nothing_comes_twice() {
    let both = a_tenant();
    both.world.sync();
    both.expect_archived();
    assert!(both.graph.at_once_peak() > 1, "the double can see requests meet");
    let batches = both.graph.answered(GraphRoute::Batch, 200);
    let created = both.graph.answered(GraphRoute::Create, 201);
    assert_eq!(created as usize, both.copies());
    assert!(batches > 0 && batches < created, "{batches} batches for {created} messages");
    assert_eq!(both.graph.asked(GraphRoute::Messages), 0, "nothing is looked for before it is sent");
    let second = both.world.sync();
    assert_eq!((second.item("fetched"), second.copy("available")), (0, 0), "{second:?}");
    both.expect_archived();
}

#[test]
fn lost_answers_double_nothing() {
    let both = a_tenant();
    both.graph.set_faults(
        GraphFaults::none()
            .on(GraphRoute::MakeFolder, 1..=1, GraphFault::CommitThenDrop)
            .on(GraphRoute::Create, 5..=5, GraphFault::CommitThenDrop)
            .on(GraphRoute::Create, 40..=40, GraphFault::CommitThenTimeout)
            .on(GraphRoute::Create, 70..=70, GraphFault::Drop)
            .on(GraphRoute::Create, 100..=101, GraphFault::Status(503, "ErrorInternalServerError"))
            .on(GraphRoute::Batch, 4..=4, GraphFault::CommitThenDrop)
            .on(GraphRoute::Messages, 2..=2, GraphFault::Drop),
    );
    both.world.sync();
    both.expect_archived();
    assert!(both.graph.asked(GraphRoute::Messages) > 0, "what was in doubt was looked for");
}

#[test]
fn deaths_double_nothing() {
    let both = a_tenant();
    for place in ["deliver:written", "deliver:intended:3", "deliver:written:2"] {
        let mut command = both.world.command(&["sync"]);
        command.env("CHANCERY_KILL_AT", place);
        Running::start(command).finish().expect_killed();
    }
    for age in [300, 450] {
        let mut running = Running::start(both.world.command(&["sync"]));
        running.wait_until(Duration::from_millis(age), || false);
        running.kill();
        assert!(both.most_of_one() <= 1);
    }
    both.world.sync();
    both.expect_archived();
}

#[test]
fn an_hour_of_throttling_loses_nothing() {
    let both = a_tenant();
    let (principal, ..) = both.busiest();
    both.graph.set_faults(GraphFaults::none().mailbox(&principal, MailboxTrouble::Throttled(3_600)));
    let ran = both.world.run(&["sync"]);
    ran.expect(1);
    assert!(ran.stdout.contains("destination-throttled") || ran.stderr.contains("destination-throttled"), "{ran}");
    assert!(both.most_of_one() <= 1);
    both.graph.set_faults(GraphFaults::none());
    both.world.sync();
    both.expect_archived();
}

#[test]
fn short_pauses_and_small_limits_are_kept() {
    let both = GraphWorld::new(shared::archived().before.copy(), |options| {
        options.requests_max = 30;
        options.requests_window = Duration::from_secs(2);
    });
    both.graph.set_faults(
        GraphFaults::none()
            .on(GraphRoute::Create, 7..=9, GraphFault::Throttle(1))
            .on(GraphRoute::Batch, 3..=3, GraphFault::Throttle(1))
            .on(GraphRoute::Users, 1..=1, GraphFault::Throttle(1))
            .on(GraphRoute::Folders, 2..=2, GraphFault::ExpireTokens)
            .on(GraphRoute::Batch, 5..=5, GraphFault::ExpireTokens),
    );
    both.world.sync();
    both.expect_archived();
    assert_eq!(both.graph.asked(GraphRoute::Token), 3, "a token is renewed when it is refused, and kept otherwise");
}

#[test]
fn a_mailbox_in_trouble_is_parked_by_itself_and_mended_by_a_retry() {
    let both = a_tenant();
    let (principal, address, copies) = both.busiest();
    for (trouble, reason) in [(MailboxTrouble::Denied, "mailbox-denied"), (MailboxTrouble::Gone, "mailbox-gone")] {
        let both = a_tenant();
        both.graph.set_faults(GraphFaults::none().mailbox(&principal, trouble));
        both.world.sync();
        let parked: Vec<_> = both.world.parked().into_iter().filter(|row| row.reason == reason).collect();
        assert_eq!(parked.len(), copies, "{reason}");
        assert!(parked.iter().all(|row| row.message.contains(&address) && !row.hint.is_empty()), "{parked:?}");
        both.graph.set_faults(GraphFaults::none());
        both.retry_parked();
        both.expect_archived();
    }
}

#[test]
fn copies_for_a_mailbox_that_is_gone_follow_the_mended_mapping() {
    let both = a_tenant();
    let (principal, address, copies) = both.busiest();
    both.graph.set_faults(GraphFaults::none().mailbox(&principal, MailboxTrouble::Gone));
    both.world.sync();
    let gone = |both: &GraphWorld| both.world.parked().iter().filter(|row| row.reason == "mailbox-gone").count();
    assert_eq!(gone(&both), copies);
    let before = both.graph.messages().len();

    // Whoever had that mailbox has another one now; the old one stays gone.
    let had = |person: &&world::Person| person.standing == world::Standing::Mailbox(address.clone());
    let mapping = fs::read_to_string(both.world.path("mapping.csv")).unwrap();
    let kept = mapping.lines().filter(|line| !line.ends_with(&address)).map(|line| format!("{line}\n"));
    let other = both.world.story().people().iter().find_map(|person| match &person.standing {
        world::Standing::Mailbox(other) if *other != address => Some(other.clone()),
        _ => None,
    });
    let other = other.unwrap();
    let moved = both.world.story().people().iter().filter(had).map(|person| format!("+{},{other}\n", person.phone));
    fs::write(both.world.path("mapping.csv"), kept.chain(moved).collect::<String>()).unwrap();
    both.world.done(&["parked", "retry", CONNECTOR, "--reason", "mailbox-gone"]);
    assert_eq!(gone(&both), 0, "nothing waits for a mailbox that nobody is mapped to");
    let moved = both.graph.messages().len() - before;
    assert!(moved > 0 && moved <= copies, "{moved} of {copies}: what the other mailbox had already is not doubled");
    assert_eq!(both.most_of_one(), 1);
    both.world.counts().expect_balance();
    both.world.done(&["ledger", "verify"]);
}

#[test]
fn a_full_mailbox_is_parked_and_an_application_without_any_right_ends_the_turn() {
    let full = GraphWorld::new(shared::archived().before.copy(), |options| {
        options.users.iter_mut().for_each(|user| user.quota_bytes = Some(30_000));
    });
    full.world.sync();
    let reasons: BTreeSet<String> = full.world.parked().into_iter().map(|row| row.reason).collect();
    assert!(reasons.contains("mailbox-full"), "{reasons:?}");
    assert_eq!(full.most_of_one(), 1);
    let lost = full.world.counts();
    lost.expect_balance();

    let both = a_tenant();
    let denied = both
        .graph
        .options()
        .users
        .iter()
        .fold(GraphFaults::none(), |faults, user| faults.mailbox(&user.principal, MailboxTrouble::Denied));
    both.graph.set_faults(denied);
    let ran = both.world.run(&["sync"]);
    ran.expect(1);
    assert!(ran.stdout.contains("destination-denied") && ran.stdout.contains("hint: "), "{ran}");
    both.graph.set_faults(GraphFaults::none());
    both.world.sync();
    both.expect_archived();
}

#[test]
fn a_large_file_goes_in_ranges_and_is_never_left_half() {
    let options = StoryOptions {
        seed: 3,
        items: 36,
        repeats: 0,
        oversize_bytes: 9 << 20,
        oversize_limit_bytes: 30 << 20,
        ..StoryOptions::default()
    };
    let both = GraphWorld::new(World::new(options, 20), |_| {});
    both.graph.set_faults(
        GraphFaults::none()
            .on(GraphRoute::Upload, 2..=2, GraphFault::CommitThenDrop)
            .on(GraphRoute::Session, 2..=2, GraphFault::Status(503, "ErrorInternalServerError"))
            .on(GraphRoute::Delete, 1..=1, GraphFault::Drop),
    );
    both.configure(&format!("{DIRECTORY}, attach_original = true"));
    let ran = both.world.run(&["sync"]);
    ran.expect(0);
    let uploads = both.graph.answered(GraphRoute::Upload, 201);
    assert!(uploads > 0, "{ran}");
    let originals: Vec<_> = both.graph.messages();
    for message in &originals {
        let original = message.attachments.last().expect("the original goes along");
        assert_eq!((original.name.as_str(), original.content_type.as_str()), ("original.eml", "message/rfc822"));
        let key = message.properties.iter().find(|(id, _)| id.ends_with("name chancerymessagesha256")).unwrap().1;
        assert_eq!(&original.sha256(), key, "it is what the ledger committed");
    }
    assert_eq!(originals.len(), both.copies());
    let shas: BTreeSet<String> = originals.iter().map(|message| message.attachments.last().unwrap().sha256()).collect();
    both.world.done(&["ledger", "bundle", CONNECTOR, "--window", "2020-01-01..2100-01-01", "--out", "bundle"]);
    let files = files::paths_below(&both.world.path("bundle"));
    let mails = files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "eml")).count();
    assert_eq!(mails, shas.len(), "every message came back as it was committed");
}

#[test]
fn a_certificate_signs_in_and_a_folders_name_may_be_anything() {
    const CERTIFICATE: &str = include_str!("../../host/network/tests/certificate.pem");
    const FOLDER: &str = "SMS/MMS Archiv für O'Hara (Köln)";
    let der: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(STANDARD.decode(der).unwrap()));
    let both = GraphWorld::new(shared::archived().before.copy(), |options| {
        options.certificate_sha256 = Some(thumbprint);
        options.roles = vec!["Mail.ReadWrite".to_owned()];
        // Without a directory, people are named by their addresses.
        options.users.iter_mut().for_each(|user| user.principal = user.mail.clone().unwrap());
    });
    both.configure("mailboxes = { domains = [\"example.com\"] }, message_class = \"IPM.Note\"");
    let file = both.world.path("chancery.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("folder = \"WhatsApp Archiver\"", &format!("folder = \"{FOLDER}\""));
    let proof = "certificate = \"app.pem\"\nprivate_key = { file = \"app.key\" }";
    fs::write(&file, text.replace("secret = { file = \"tenant-secret\" }", proof)).unwrap();
    fs::write(both.world.path("app.pem"), CERTIFICATE).unwrap();
    fs::write(both.world.path("app.key"), include_str!("../../host/network/tests/key.pem")).unwrap();
    both.graph.set_faults(GraphFaults::none().on(GraphRoute::Folders, 1..=1, GraphFault::CommitThenTimeout));
    both.world.sync();
    let messages = both.graph.messages();
    assert_eq!(messages.len(), both.copies());
    for message in &messages {
        assert_eq!((message.folder.as_str(), message.is_draft), (FOLDER, false));
        assert_eq!(message.properties["string 0x1a"], "IPM.Note");
    }
    assert_eq!(both.graph.folders(&both.busiest().0), [FOLDER], "made once");
    assert_eq!(both.graph.asked(GraphRoute::Users), 0);
}

#[test]
fn the_check_says_what_the_application_may_do() {
    let both = a_tenant();
    let said = both.world.done(&["connector", "check", CONNECTOR]).stdout;
    for words in ["signed in to tenant `contoso.example`", "whole tenant", "can be used", "registered addresses"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(both.graph.folders(&both.busiest().0).is_empty(), "a check changes nothing");

    let scoped = GraphWorld::new(shared::archived().before.copy(), |options| {
        options.roles = vec!["Mail.Send".to_owned()];
    });
    let said = scoped.world.run(&["connector", "check", CONNECTOR]);
    said.expect(1);
    for words in ["holds no `Mail.ReadWrite`", "User.Read.All", "Mail.Send", "hint: "] {
        assert!(said.stdout.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_people_did_to_their_mail_is_found_and_what_they_lost_comes_back() {
    let both = a_tenant();
    both.world.sync();
    let clean = both.world.done(&["reconcile", CONNECTOR, "--json"]);
    let delivered = count(&clean, "not_comparable");
    assert_eq!((delivered, count(&clean, "found")), (both.copies() as u64, 0), "nothing is called fine\n{clean}");
    let words = both.world.done(&["reconcile", CONNECTOR]);
    assert!(words.stdout.contains(&format!("content not comparable {delivered}")), "{words}");

    let messages = both.graph.messages();
    let (lost, moved, doubled) = (&messages[0], &messages[1], &messages[2]);
    both.graph.remove(lost);
    both.graph.move_to(moved, "Private");
    both.graph.double(doubled);
    let ran = reconciled::reconcile(&both.world);
    ran.expect(1);
    let classes: Vec<String> = findings(&ran).into_iter().map(|(.., class)| class).collect();
    let classes: BTreeSet<&str> = classes.iter().map(String::as_str).collect();
    assert_eq!(classes, BTreeSet::from(["doubled", "missing", "moved"]), "{ran}");
    assert_eq!(findings(&ran).len(), 3, "{ran}");

    let ran = reconciled::repair(&both.world);
    ran.expect(0);
    assert_eq!(count(&ran, "repaired"), 1, "{ran}");
    let now = both.graph.messages();
    assert_eq!(now.len(), messages.len() + 1, "the lost one is back, the doubled one is left alone");
    let same = |message: &&world::GraphMessage| message.json == lost.json && message.mailbox == lost.mailbox;
    assert_eq!(now.iter().filter(same).count(), 1);
    let ran = both.world.done(&["reconcile", CONNECTOR, "--json"]);
    assert_eq!(count(&ran, "missing"), 0, "{ran}");
    both.world.done(&["ledger", "verify"]);
}
