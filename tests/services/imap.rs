//! IMAP, against a private Dovecot.

use crate::support::{
    dovecot::{self, Client, Dovecot},
    shared::Archived,
    truth,
    world::{CONNECTOR, FOLDER},
};

/// Kinds of storage and what the server offers: with MULTIAPPEND, without it, and without any literal that does not ask.
const SERVERS: [(&str, &str, &str); 4] = [
    ("mdbox", "", "MULTIAPPEND"),
    ("maildir", "", "MULTIAPPEND"),
    ("mdbox", "imap_capability=IMAP4rev1 LITERAL+ UIDPLUS SASL-IR AUTH=PLAIN", "no MULTIAPPEND"),
    ("maildir", "imap_capability=IMAP4rev1 UIDPLUS AUTH=PLAIN", "neither LITERAL+"),
];

#[test]
fn every_item_is_in_each_mailbox_once_with_the_bytes_of_the_record() {
    if !dovecot::is_wanted() {
        return;
    }
    let in_maildirs = Archived::small();
    for (storage, more, ladder) in SERVERS {
        let server = Dovecot::start(storage, more);
        let checked = Archived::small_at(&server);
        let world = &checked.after;
        // The truth was compared while it was made; a second turn finds nothing and changes nothing.
        let again = world.sync();
        assert_eq!((again.item("fetched"), again.copy("available")), (0, 0), "{storage} {more}: {again:?}");
        checked.mail.expect_same(&world.mail_files(), storage);
        truth::expect_archived(world);
        assert_eq!(checked.counts.copies, in_maildirs.counts.copies, "{storage} {more}");
        world.done(&["ledger", "verify"]);
        let said = world.done(&["connector", "check", CONNECTOR]).stdout;
        for part in ["reached on this machine", ladder, "is there", "APPENDLIMIT"] {
            assert!(said.contains(part), "{storage} {more}: `{part}` in {said}");
        }
    }
}

#[test]
fn a_message_is_read_and_dated_as_the_item() {
    if !dovecot::is_wanted() {
        return;
    }
    let server = Dovecot::start("mdbox", "");
    let archived = Archived::small_at(&server);
    let world = &archived.after;
    for mailbox in server.mailboxes(world.ending()) {
        let mut client = Client::sign_in(server.port, &format!("{mailbox}{}", world.ending()));
        let subscribed = client.expect("LSUB \"\" \"*\"").join("\n");
        assert!(subscribed.contains(FOLDER), "{mailbox}: {subscribed}");
        for row in client.fetch(FOLDER) {
            assert!(row.said.contains("\\Seen"), "{}", row.said);
            let mail = mail_parser::MessageParser::default().parse(&row.bytes).unwrap().date().unwrap().to_timestamp();
            let shown = row.said.split("INTERNALDATE \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let shown =
                jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", shown.trim()).unwrap().to_timestamp().unwrap();
            assert_eq!(shown.as_second(), mail, "{}", row.said);
        }
    }
    drop(archived);
}

#[test]
fn a_mailbox_made_anew_with_its_mail_gets_nothing_again() {
    if !dovecot::is_wanted() {
        return;
    }
    let server = Dovecot::start("maildir", "");
    let small = Archived::small_at(&server);
    let world = small.before.copy();
    crate::crash::die_after_writing(&world);
    let ending = world.ending().to_owned();
    let before = world.mails().len();
    assert!(before > 0, "something was written before the death");
    for mailbox in server.mailboxes(&ending) {
        // Dovecot gives a new UIDVALIDITY when its own files are gone; the mails stay.
        let home = server.path(&format!("home/{mailbox}{ending}/mail"));
        let folder = home.join(format!(".{FOLDER}"));
        for file in ["dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"] {
            let _ = std::fs::remove_file(folder.join(file));
        }
        let _ = std::fs::remove_file(home.join("dovecot-uidvalidity"));
    }
    crate::crash::expect_same_end(&small, &world, "a changed UIDVALIDITY");
}
