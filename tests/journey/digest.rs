//! One message a conversation and day, by a converter that was swapped in with one line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use sha2::{Digest as _, Sha256};

use crate::support::{
    exports::{Connector, Installation},
    mail::{Mail, hex},
    reconciled::{self, Copy, count, findings, repair},
    shared::Archived,
    world::{CONNECTOR, FOLDER, World},
};

/// The files of the mails of one mailbox, by SHA-256.
fn files(world: &World, mailbox: &str) -> BTreeMap<String, PathBuf> {
    let folder = world.path("mail").join(mailbox).join(format!(".{FOLDER}"));
    let entries = ["new", "cur"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (hex(&Sha256::digest(fs::read(&path).unwrap())), path)).collect()
}

#[test]
fn each_mailbox_gets_a_message_a_conversation_and_day_and_a_second_turn_adds_nothing() {
    let archived = Archived::by_day();
    let world = archived.after.copy();
    let mails = world.mails();
    let copies = reconciled::delivered(&world);
    assert!(mails.len() * 3 < copies.len() * 2, "{} mails for {} copies", mails.len(), copies.len());
    let mut days: BTreeMap<(&str, String, i64), u32> = BTreeMap::new();
    for mail in &mails {
        let day = mail.message().date().unwrap().to_timestamp().div_euclid(86_400);
        *days.entry((&mail.mailbox, mail.conversation(), day)).or_default() += 1;
    }
    // The story's days do not end at midnight, and its limit on messages is small.
    let windows = world.done(&["status", "--json"]).json()["connectors"][0]["windows"].as_u64().unwrap();
    let cut = days.values().filter(|messages| u64::from(**messages) > windows).count();
    assert!(cut * 10 < days.len(), "{days:?}");
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.mailbox.clone() + &mail.field("Message-ID")).collect();
    assert_eq!(ids.len(), mails.len(), "no mailbox has one twice");
    // Every receipt is for a message that is there, with those bytes.
    for copy in &copies {
        assert!(files(&world, &copy.mailbox).contains_key(&copy.sha256), "{copy:?}");
    }
    let again = world.sync();
    assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{again:?}");
    archived.mail.expect_same(&world.mail_files(), "a second turn");
    world.done(&["ledger", "verify"]);
    if let Some(script) = std::env::var_os("CHANCERY_MAIL_ORACLE") {
        let output = Command::new("python3").arg(script).arg(world.path("mail")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_mailboxes_lost_is_found_by_item_and_comes_back_as_it_was() {
    let archived = Archived::by_day();
    let world = archived.after.copy();
    let clean = world.done(&["reconcile", CONNECTOR, "--json"]);
    assert_eq!(findings(&clean), BTreeSet::new());
    let mut messages: BTreeMap<(String, String), Vec<Copy>> = BTreeMap::new();
    for copy in reconciled::delivered(&world) {
        messages.entry((copy.mailbox.clone(), copy.sha256.clone())).or_default().push(copy);
    }
    let mut of_several = messages.into_values().filter(|copies| copies.len() > 2);
    let lost = of_several.next().unwrap();
    let altered = of_several.find(|copies| copies[0].mailbox == lost[0].mailbox).unwrap();
    let paths = files(&world, &lost[0].mailbox);
    fs::remove_file(&paths[&lost[0].sha256]).unwrap();
    let altered_path = &paths[&altered[0].sha256];
    let mut bytes = fs::read(altered_path).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    fs::write(altered_path, bytes).unwrap();

    let ran = reconciled::reconcile(&world);
    ran.expect(1);
    let mut expected: BTreeSet<_> = lost.iter().map(|copy| copy.is("missing")).collect();
    expected.extend(altered.iter().map(|copy| copy.is("altered")));
    assert_eq!(findings(&ran), expected, "{ran}");

    let repaired = repair(&world);
    assert_eq!(count(&repaired, "repaired"), lost.len() as u64, "{repaired}");
    assert!(files(&world, &lost[0].mailbox).contains_key(&lost[0].sha256), "the same bytes, once");
    let left: BTreeSet<_> = altered.iter().map(|copy| copy.is("altered")).collect();
    assert_eq!(findings(&reconciled::reconcile(&world)), left);
    assert_eq!(world.mails().len(), archived.after.mails().len());
}

const MARCH_25: &str = "25/03/2026, 10:00 - Anna: The first of the day\n25/03/2026, 11:00 - Ben: The second of the day\n\
                        26/03/2026, 09:00 - Anna: The next day\n";
const MARCH_27: &str = "27/03/2026, 10:00 - Anna: Two more\n27/03/2026, 11:00 - Ben: That is all\n";

fn connector(converter: &'static str, domain: &str) -> Connector<'static> {
    let destinations = match domain {
        "example.com" => Connector::default().destinations,
        _ => "[{ kind = \"maildir\", root = \"mail\", mailboxes = { domains = [\"example.net\"] } }]",
    };
    Connector {
        settings: "path = \"inbox\", owner = \"anna@example.com\", owner_name = \"Anna\", zone = \"UTC\"",
        converter,
        destinations,
        ..Connector::default()
    }
}

#[test]
fn a_converter_is_swapped_by_one_line_and_what_it_finds_parked_comes_by_the_day() {
    let installation = Installation::new(&[connector("email", "example.net")]);
    installation.put("inbox/WhatsApp Chat with Ben.txt", MARCH_25);
    let (ran, outcomes) = installation.sync(&[]);
    assert_eq!(outcomes["exports"].item("parked"), 3, "{ran}");
    assert!(!installation.path("mail").exists() || installation.mails().is_empty());

    installation.configure(&[connector("daily-digest", "example.com")], "");
    installation.done(&["parked", "retry", "exports"]);
    let mails = installation.mails_of("anna@example.com");
    let mut subjects: Vec<String> = mails.iter().map(|mail| mail.field("Subject")).collect();
    subjects.sort();
    assert_eq!(subjects, ["WhatsApp: Anna, Ben, 2026-03-25", "WhatsApp: Anna, Ben, 2026-03-26"]);

    installation.configure(&[connector("email", "example.com")], "");
    installation.put("inbox/WhatsApp Chat with Ben 2.txt", MARCH_27);
    let (ran, outcomes) = installation.sync(&[]);
    assert_eq!(outcomes["exports"].copy("imported"), 2, "{ran}");
    assert_eq!(installation.mails().len(), 4, "two by the day, two by the item");
    let texts: Vec<String> = installation.mails().iter().map(Mail::text).collect();
    for said in MARCH_25.lines().chain(MARCH_27.lines()).map(|line| line.rsplit(": ").next().unwrap()) {
        assert_eq!(texts.iter().filter(|text| text.contains(said)).count(), 1, "{said}");
    }
}
