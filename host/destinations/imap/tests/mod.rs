//! Against a server that fails as it is told: whatever happens, each message is stored once, or refused with its reason.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod double;

use std::{io, time::Duration};

use double::{At, Double, State};

use super::*;
use crate::item::{BlobRef, Message, message::Splice, network::Network};

/// An attachment of so many bytes, or none at all.
struct Blobs;

impl BlobSource for Blobs {
    fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(io::Read::take(io::repeat(7), blob.size)))
    }
}

const MULTI: &str = "LITERAL+ MULTIAPPEND";
const LADDER: [&str; 4] = [MULTI, "LITERAL+", "LITERAL-", ""];

fn imap(double: &Double, times: Times) -> Imap {
    let settings = ImapSettings {
        host: "127.0.0.1".to_owned(),
        port: double.port,
        security: Security::None,
        mechanism: Mechanism::Plain,
        access: Access::Delegated { credential: "mail".to_owned() },
        folder: "WhatsApp Archiver".to_owned(),
        mailboxes: Mailboxes::Domains(["example.com".to_owned()].into()),
        connections_max: 2,
        message_bytes_max: None,
    };
    let account = Account::Password { username: "archive".to_owned(), password: "hunter2".to_owned().into() };
    let network = Network { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Network::default() };
    let dialer = Dialer::new(&network).unwrap();
    Imap::with_times(settings, BTreeMap::from([("mail".to_owned(), account)]), dialer, &Servers::default(), times)
}

fn short() -> Times {
    Times { answer: Duration::from_millis(300), append: Duration::from_millis(300) }
}

/// So many messages; every third has an attachment of 10 kB.
fn group(count: usize, mailboxes: &[&str]) -> Vec<Delivery> {
    (0..count)
        .map(|number| {
            let mut skeleton = format!("Message-ID: <m{number}@x>\r\nSubject: number {number};\r\n\r\n");
            let mut splices = Vec::new();
            if number % 3 == 2 {
                let blob = BlobRef { name: [0; 32], size: 10_000, sha256: [0; 32] };
                splices.push(Splice { offset: skeleton.len() as u32, blob });
                skeleton.push_str("--end\r\n");
            }
            Delivery {
                mailbox: mailboxes[number % mailboxes.len()].into(),
                message: Message {
                    skeleton: skeleton.into_bytes().into(),
                    splices: splices.into(),
                    message_id: format!("<m{number}@x>").into(),
                },
                received_at_ms: 1_795_371_471_000,
            }
        })
        .collect()
}

/// As the pipeline does it: what is in doubt is looked for before it is sent again. What failed on the way comes
/// first, then what became of each message.
async fn settle(imap: &Imap, group: &[Delivery]) -> (Vec<String>, Vec<Option<Delivered>>) {
    let mut answers: Vec<Option<Delivered>> = vec![None; group.len()];
    let mut failures = Vec::new();
    for _ in 0..4 {
        let open: Vec<usize> = (0..group.len()).filter(|&index| answers[index].is_none()).collect();
        let copies: Vec<Delivery> = open.iter().map(|&index| group[index].clone()).collect();
        match imap.deliver(copies.clone(), Arc::new(Blobs)).await {
            Ok(found) => {
                open.into_iter().zip(found).for_each(|(index, answer)| answers[index] = Some(answer));
                break;
            }
            Err(failure) => {
                assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
                failures.push(failure.code.clone());
                if !matches!(failure.next, NextMove::Retry { .. }) {
                    break;
                }
                let found = imap.present(&copies).await.unwrap();
                for (index, token) in open.into_iter().zip(found) {
                    answers[index] = token.map(Delivered::AlreadyThere);
                }
            }
        }
    }
    (failures, answers)
}

fn whole(copy: &Delivery) -> Vec<u8> {
    let mut bytes = Vec::new();
    copy.message.write_to(&mut bytes, &Blobs).unwrap();
    bytes
}

#[tokio::test]
async fn whatever_the_server_does_each_message_is_stored_once() {
    let table: &[(&str, &[At], &[&str])] = &[
        ("nothing happens", &[], &[]),
        ("it closes within a literal", &[At::CloseWithin], &["no-answer"]),
        ("it closes within a literal, twice", &[At::CloseWithin, At::CloseWithin], &["no-answer", "no-answer"]),
        ("it stores and closes", &[At::StoreAndClose], &["no-answer"]),
        ("it stores and says nothing", &[At::StoreAndStall], &["no-answer"]),
        ("it stores and talks nonsense", &[At::StoreAndGarble], &["imap-garbage"]),
        ("it counts too few", &[At::StoreTooFew], &["imap-garbage"]),
        ("it says BYE", &[At::SayAndClose("* BYE shutting down")], &["no-answer"]),
        ("it is throttled by BYE", &[At::SayAndClose("* BYE [THROTTLED] slow")], &["rate-limited"]),
        (
            "it is throttled",
            &[At::Say("NO Request is throttled. Suggested Backoff Time: 5 milliseconds")],
            &["rate-limited"],
        ),
        ("it has a limit", &[At::Say("NO [LIMIT] too many")], &["rate-limited"]),
        ("it is not available", &[At::Say("NO [UNAVAILABLE] later")], &["no-answer"]),
        ("it is busy", &[At::Say("NO [INUSE] locked")], &["no-answer"]),
        ("the folder went away", &[At::Say("NO [TRYCREATE] gone")], &[]),
    ];
    for offers in LADDER {
        for (name, appends, expect) in table {
            // A count that is wrong is seen in groups alone.
            if appends.contains(&At::StoreTooFew) && offers != MULTI {
                continue;
            }
            let state = State {
                offers,
                appends: appends.iter().copied().collect(),
                has_folder: *name == "the folder went away",
                uid_validity: 9,
                ..State::default()
            };
            let double = Double::start(state).await;
            let imap = imap(&double, short());
            let group = group(7, &["anna@example.com"]);
            let (failures, answers) = settle(&imap, &group).await;
            assert_eq!(failures, *expect, "{offers}: {name}");
            let mut expected: Vec<Vec<u8>> = group.iter().map(whole).collect();
            let mut stored = double.state().stored.clone();
            expected.sort();
            stored.sort();
            assert!(stored == expected, "{offers}: {name}: {} stored", stored.len());
            for answer in &answers {
                let token = match answer {
                    Some(Delivered::Stored(token) | Delivered::AlreadyThere(token)) => token,
                    other => panic!("{offers}: {name}: {other:?}"),
                };
                assert_eq!(token[..4], [0, 0, 0, 9], "{offers}: {name}");
            }
            // All of them are found again, and none is sent a second time.
            let found = imap.present(&group).await.unwrap();
            assert!(found.iter().all(Option::is_some), "{offers}: {name}");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_refused_keeps_no_other_back() {
    for offers in LADDER {
        for (says, code) in [
            ("NO cannot", "message-refused"),
            ("BAD Command Argument Error. 11", "message-refused"),
            ("NO [TOOBIG] large", "message-too-large"),
            ("NO [OVERQUOTA] full", "mailbox-full"),
        ] {
            let state = State { offers, poison: "number 4;", poison_says: says, uid_validity: 1, ..State::default() };
            let double = Double::start(state).await;
            let group = group(9, &["anna@example.com"]);
            let (failures, answers) = settle(&imap(&double, short()), &group).await;
            assert_eq!(failures, [""; 0], "{offers}: {says}");
            for (number, answer) in answers.iter().enumerate() {
                match answer {
                    Some(Delivered::Refused(failure)) if number == 4 => assert_eq!(failure.code, code, "{says}"),
                    Some(Delivered::Stored(_)) if number != 4 => {}
                    other => panic!("{offers}: {says}: {number}: {other:?}"),
                }
            }
            assert_eq!(double.state().stored.len(), 8, "{offers}: {says}");
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_parks_nothing_and_a_full_one_everything() {
    for offers in LADDER {
        let says = [("NO cannot", "imap-refuses-everything"), ("NO [OVERQUOTA] full", "")];
        for (poison_says, fails) in says {
            let double = Double::start(State { offers, poison: "number", poison_says, ..State::default() }).await;
            let group = group(60, &["anna@example.com"]);
            let (failures, answers) = settle(&imap(&double, short()), &group).await;
            assert_eq!(failures.concat(), fails, "{offers}");
            let full = |answer: &Option<Delivered>| matches!(answer, Some(Delivered::Refused(failure)) if failure.code == "mailbox-full");
            assert!(fails == "imap-refuses-everything" || answers.iter().all(full), "{offers}");
            let sent = double.state().heard.iter().filter(|line| line.contains("APPEND")).count();
            assert!(sent <= 64, "{offers}: {sent} commands");
        }
    }
}

#[tokio::test]
async fn signing_in_tells_a_mailbox_from_the_account() {
    let boxes = ["anna@example.com", "ben@example.com"];
    let table: &[(&str, &[&str], &[&str], usize)] = &[
        ("nobody is let in", &["NO [AUTHENTICATIONFAILED] no"; 2], &["sign-in-refused"], 0),
        ("one mailbox is gone", &["NO [AUTHENTICATIONFAILED] no"], &[], 1),
        ("the server is busy", &["NO [UNAVAILABLE] later"], &["no-answer"], 2),
        ("too many connections", &["NO [LIMIT] too many"], &["rate-limited"], 2),
    ];
    for (name, sign_ins, expect, mailboxes_stored) in table {
        let state =
            State { offers: MULTI, sign_ins: sign_ins.iter().copied().collect(), uid_validity: 1, ..State::default() };
        let double = Double::start(state).await;
        let (failures, answers) = settle(&imap(&double, short()), &group(8, &boxes)).await;
        assert_eq!(failures, *expect, "{name}");
        assert_eq!(double.state().stored.len(), mailboxes_stored * 4, "{name}");
        let denied = |answer: &&Option<Delivered>| matches!(answer, Some(Delivered::Refused(failure)) if failure.code == "mailbox-denied");
        let count = answers.iter().filter(denied).count();
        assert_eq!(count, if failures.is_empty() { 8 - mailboxes_stored * 4 } else { 0 }, "{name}");
        assert!(double.state().connections_most <= 2, "{name}");
        let said = format!("{:?}", double.state().heard);
        let expected = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "ben@example.com\0archive\0hunter2");
        assert!(said.contains(&expected), "{name}: an authorization id: {said}");
    }
}

#[tokio::test]
async fn a_greeting_that_is_none_is_told() {
    for (greeting, code) in [
        ("HTTP/1.1 400 Bad Request", "imap-garbage"),
        ("* BYE not today", "no-answer"),
        ("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello", "imap-lacking"),
    ] {
        let double = Double::start(State { greetings: [greeting; 8].into(), ..State::default() }).await;
        let failure =
            imap(&double, short()).deliver(group(1, &["anna@example.com"]), Arc::new(Blobs)).await.unwrap_err();
        assert_eq!(failure.code, code, "{greeting}: {failure}");
    }
}

#[tokio::test]
async fn a_changed_uidvalidity_brings_no_message_twice() {
    let double = Double::start(State { offers: MULTI, uid_validity: 1, ..State::default() }).await;
    let group = group(5, &["anna@example.com"]);
    let imap = imap(&double, short());
    imap.deliver(group.clone(), Arc::new(Blobs)).await.unwrap();
    {
        let mut state = double.state();
        state.uid_validity = 2;
        state.stored.reverse();
    }
    let found = imap.present(&group).await.unwrap();
    let tokens: Vec<Option<Vec<u8>>> = (0..5).map(|number| Some(append::token(2, 5 - number))).collect();
    assert_eq!(found, tokens);
}

#[tokio::test]
async fn what_is_read_back_is_shown_once_by_its_hash() {
    let double = Double::start(State { offers: MULTI, uid_validity: 1, ..State::default() }).await;
    let group = group(5, &["anna@example.com"]);
    let imap = imap(&double, short());
    imap.deliver(group.clone(), Arc::new(Blobs)).await.unwrap();
    let twice = double.state().stored[1].clone();
    double.state().stored.push(twice);
    let wanted: HashSet<[u8; 32]> = group[1..3].iter().map(|copy| copy.message.sha256(&Blobs).unwrap()).collect();
    let mut shown = Vec::new();
    let mut show = |_: [u8; 32], bytes: &[u8]| {
        shown.push(bytes.to_vec());
        Ok(())
    };
    imap.read_back("anna@example.com", wanted, &mut show).await.unwrap();
    assert_eq!(shown, [whole(&group[1]), whole(&group[2])]);
}

#[tokio::test]
async fn a_message_over_the_announced_limit_is_not_sent() {
    let offers = "LITERAL+ MULTIAPPEND APPENDLIMIT=1000";
    let double = Double::start(State { offers, uid_validity: 1, ..State::default() }).await;
    let (_, answers) = settle(&imap(&double, short()), &group(3, &["anna@example.com"])).await;
    assert_eq!(double.state().stored.len(), 2);
    assert!(
        matches!(&answers[2], Some(Delivered::Refused(failure)) if failure.hint.as_deref().unwrap().contains("message_bytes_max = 1000")),
        "{answers:?}"
    );
}

#[tokio::test]
async fn the_announced_limit_is_known_before_anything_is_written() {
    let offers = "LITERAL+ MULTIAPPEND APPENDLIMIT=1000";
    let double = Double::start(State { offers, uid_validity: 1, ..State::default() }).await;
    let imap = imap(&double, short());
    assert_eq!(imap.capabilities().message_bytes_max, None);
    imap.lookup(&["anna@example.com".to_owned()]).await.unwrap();
    assert_eq!(imap.capabilities().message_bytes_max, Some(1_000));
}
