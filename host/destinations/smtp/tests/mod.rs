//! Against a server that fails as it is told: whatever happens, each message arrives, or is refused with its reason, and
//! only one whose reply was lost arrives twice.
#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod double;

use std::io;

use double::{Act, Double, State};
use mail_parser::MessageParser;

use super::*;
use crate::{
    destinations::{
        Mailboxes,
        imap::{Mechanism, Security},
    },
    item::{BlobRef, Message, message::Splice, network::Network},
};

/// An attachment of so many bytes; one of no bytes cannot be read.
struct Blobs;

impl BlobSource for Blobs {
    fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
        if blob.name == [9; 32] {
            let away = Failure::new("store-unreachable", NextMove::AskPerson, "away");
            return Err(away.into_io(io::ErrorKind::TimedOut));
        }
        Ok(Box::new(io::Read::take(io::repeat(7), blob.size)))
    }
}

const EVERYTHING: &[&str] = &["PIPELINING", "SIZE 10000000", "8BITMIME", "AUTH PLAIN LOGIN"];
const LITTLE: &[&str] = &["AUTH LOGIN"];
/// One that wants a message although it took no recipient.
const EAGER: &[&str] = &["PIPELINING", "AUTH PLAIN", "X-EAGER"];
const SERVERS: [&[&str]; 3] = [EVERYTHING, LITTLE, EAGER];

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        mechanism: Mechanism::Plain,
        credential: Some("journal".to_owned()),
        from: "chancery@example.com".to_owned(),
        to: "journal@archive.example".to_owned(),
        mailboxes: Mailboxes::Domains(["example.com".to_owned()].into()),
        message_bytes_max: None,
    }
}

fn smtp(settings: SmtpSettings) -> Smtp {
    let account = Account::Password { username: "archive".to_owned(), password: "hunter2".to_owned().into() };
    let network = Network { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Network::default() };
    let times = Times { reply: Duration::from_millis(300), accept: Duration::from_millis(300) };
    Smtp::with_times(settings, Some(account), Dialer::new(&network).unwrap(), times)
}

/// So many messages, with dots; every third has an attachment of 10 kB.
fn group(count: usize) -> Vec<Delivery> {
    (0..count)
        .map(|number| {
            let mut skeleton = format!(
                "From: anna@example.com\r\nTo: ben@example.com\r\nDate: Sun, 22 Nov 2026 18:17:51 +0000\r\n\
                 Message-ID: <m{number}@x>\r\nSubject: number {number};\r\n\r\n.\r\n..dots\r\n"
            );
            let mut splices = Vec::new();
            if number % 3 == 2 {
                let blob = BlobRef { name: [0; 32], size: 10_000, sha256: [0; 32] };
                splices.push(Splice { offset: skeleton.len() as u32, blob });
                skeleton.push_str("--end\r\n");
            }
            Delivery {
                mailbox: ["anna@example.com", "ben@example.com"][number % 2].into(),
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

/// As the pipeline does it: `present` is asked before anything is sent again. What failed on the way comes first, then
/// what became of each message.
async fn settle(smtp: &Smtp, group: &[Delivery]) -> (Vec<String>, Vec<Option<Delivered>>) {
    let mut answers: Vec<Option<Delivered>> = vec![None; group.len()];
    let mut failures = Vec::new();
    for _ in 0..6 {
        let open: Vec<usize> = (0..group.len()).filter(|&index| answers[index].is_none()).collect();
        let copies: Vec<Delivery> = open.iter().map(|&index| group[index].clone()).collect();
        match smtp.deliver(copies.clone(), Arc::new(Blobs)).await {
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
                let found = smtp.present(&copies).await.unwrap();
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

/// The numbers of the messages that arrived, each unchanged in a report of its own kind.
fn arrived(double: &Double, group: &[Delivery]) -> Vec<usize> {
    let stored = double.state().stored.clone();
    let mut arrived = Vec::new();
    for outer in &stored {
        let parsed = MessageParser::default().parse(outer).unwrap();
        let inner = parsed.attachments().next().unwrap().message().unwrap().raw_message().to_vec();
        let number = group.iter().position(|copy| whole(copy) == inner).expect("unchanged");
        let envelope = parsed.body_text(0).unwrap().into_owned();
        assert!(envelope.contains(&format!("Recipient: {}\r\n", group[number].mailbox)), "{envelope}");
        arrived.push(number);
    }
    // What comes twice is the same to the byte.
    let distinct: HashSet<&Vec<u8>> = stored.iter().collect();
    let numbers: HashSet<&usize> = arrived.iter().collect();
    assert_eq!(distinct.len(), numbers.len());
    arrived.sort_unstable();
    arrived
}

/// What a server does, what fails on the way, and which messages arrive twice.
struct Case {
    name: &'static str,
    script: &'static [(&'static str, Act)],
    fails: &'static [&'static str],
    twice: &'static [usize],
}

const fn case(
    name: &'static str,
    script: &'static [(&'static str, Act)],
    fails: &'static [&'static str],
    twice: &'static [usize],
) -> Case {
    Case { name, script, fails, twice }
}

#[rustfmt::skip] // A table reads as one.
const ARRIVES: &[Case] = {
    use Act::{Close, Say, SayAndClose, StoreAndClose, StoreAndGarble, StoreAndStall, Well};
    &[
        case("nothing happens", &[], &[], &[]),
        case("it is busy at the door", &[("HI", SayAndClose("421 4.3.2 busy"))], &["smtp-postponed"], &[]),
        case("it closes at the door", &[("HI", Close)], &["no-answer"], &[]),
        case("it talks nonsense at the door", &[("HI", Say("HTTP/1.1 400 Bad Request"))], &["smtp-garbage"], &[]),
        case("its accounts are away", &[("AUTH", Say("454 4.7.0 later"))], &["smtp-postponed"], &[]),
        case("it knows nobody yet", &[("RCPT", Say("451 4.7.1 greylisted"))], &["smtp-postponed"], &[]),
        case("it is full just now", &[("MAIL", Say("452 4.3.1 full"))], &["smtp-postponed"], &[]),
        case("one message is put off", &[("END", Well), ("END", Say("451 4.7.1 scanner"))], &["smtp-postponed"], &[]),
        case("four are put off", &[("END", Say("451 a")), ("END", Say("451 b")), ("END", Say("451 c")), ("END", Say("451 d"))], &["smtp-postponed", "smtp-postponed"], &[]),
        case("it puts off DATA", &[("DATA", Say("450 4.2.0 later"))], &["smtp-postponed"], &[]),
        case("it has had enough after two", &[("END", Well), ("END", Well), ("MAIL", SayAndClose("421 4.7.0 too many"))], &[], &[]),
        case("it goes after two, without a word", &[("END", Well), ("END", Well), ("MAIL", Close)], &[], &[]),
        case("it closes within the first message", &[("DATA", Close)], &["no-answer"], &[]),
        case("it closes within the second message", &[("DATA", Well), ("DATA", Close)], &["no-answer"], &[]),
        case("it closes at the dot", &[("END", Close)], &["no-answer"], &[]),
        case("it stores and closes", &[("END", StoreAndClose)], &["no-answer"], &[0]),
        case("it stores the third and closes", &[("END", Well), ("END", Well), ("END", StoreAndClose)], &["no-answer"], &[2]),
        case("it stores and says nothing", &[("END", Well), ("END", StoreAndStall)], &["no-answer"], &[1]),
        case("it stores and talks nonsense", &[("END", StoreAndGarble)], &["smtp-garbage"], &[0]),
        case("it stores and answers something else", &[("END", Say("354 go on"))], &["smtp-garbage"], &[]),
        case("it goes down after the dot", &[("END", SayAndClose("421 4.3.2 going down"))], &["smtp-postponed"], &[]),
        case("it loses two replies", &[("END", StoreAndClose), ("END", StoreAndClose)], &["no-answer", "no-answer"], &[0, 0]),
    ]
};

#[tokio::test]
async fn whatever_the_server_does_each_message_arrives() {
    for offers in SERVERS {
        for Case { name, script, fails, twice } in ARRIVES {
            let state = State { offers, script: script.iter().copied().collect(), ..State::default() };
            let double = Double::start(state).await;
            let group = group(7);
            let (failures, answers) = settle(&smtp(settings(double.port)), &group).await;
            assert_eq!(failures, *fails, "{offers:?}: {name}");
            let mut expect: Vec<usize> = (0..7).chain(twice.iter().copied()).collect();
            expect.sort_unstable();
            assert_eq!(arrived(&double, &group), expect, "{offers:?}: {name}");
            for answer in answers {
                assert!(
                    matches!(&answer, Some(Delivered::Stored(_) | Delivered::AlreadyThere(_))),
                    "{name}: {answer:?}"
                );
            }
            assert!(double.state().script.is_empty(), "{offers:?}: {name}: all of it happened");
        }
    }
}

/// What ends the turn: nothing is parked, and what was taken before has its receipt.
#[tokio::test]
async fn what_is_about_everything_parks_nothing() {
    use Act::{Say, Well};
    type Row = (&'static str, &'static [(&'static str, Act)], &'static [&'static str], usize);
    let table: &[Row] = &[
        ("it does not talk to us", &[("HI", Say("554 5.7.1 no"))], &["smtp-refused"], 0),
        ("the password is wrong", &[("AUTH", Say("535 5.7.8 hunter2 is wrong"))], &["sign-in-refused"], 0),
        ("it wants us to sign in", &[("MAIL", Say("530 5.7.0 first"))], &["sign-in-refused"], 0),
        ("the sender is not ours", &[("MAIL", Say("553 5.7.1 no"))], &["smtp-address-refused"], 0),
        ("nobody is there", &[("RCPT", Say("550 5.1.1 no such user"))], &["smtp-address-refused"], 0),
        (
            "nobody is there any more",
            &[("RCPT", Well), ("RCPT", Well), ("RCPT", Say("550 5.1.1 gone")), ("RCPT", Say("550 5.1.1 gone"))],
            &["smtp-address-refused", "smtp-address-refused"],
            2,
        ),
    ];
    for offers in SERVERS {
        for (name, script, fails, stored) in table {
            let state = State { offers, script: script.iter().copied().collect(), ..State::default() };
            let double = Double::start(state).await;
            let group = group(5);
            let (failures, answers) = settle(&smtp(settings(double.port)), &group).await;
            assert_eq!(failures, *fails, "{offers:?}: {name}");
            assert_eq!(arrived(&double, &group), (0..*stored).collect::<Vec<_>>(), "{offers:?}: {name}");
            let receipts = answers.iter().filter(|answer| matches!(answer, Some(Delivered::AlreadyThere(_)))).count();
            assert_eq!(receipts, *stored, "{offers:?}: {name}: {answers:?}");
            assert!(!answers.iter().any(|answer| matches!(answer, Some(Delivered::Refused(_)))), "{name}");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_refused_keeps_no_other_back() {
    for offers in SERVERS {
        for (poison_says, code) in [
            ("554 5.7.1 spam", "message-refused"),
            ("552 5.3.4 too large", "message-too-large"),
            ("550 no", "message-refused"),
        ] {
            let double = Double::start(State { offers, poison: "number 4;", poison_says, ..State::default() }).await;
            let group = group(9);
            let (failures, answers) = settle(&smtp(settings(double.port)), &group).await;
            assert_eq!(failures, [""; 0], "{offers:?}: {poison_says}");
            assert_eq!(arrived(&double, &group), [0, 1, 2, 3, 5, 6, 7, 8], "{offers:?}: {poison_says}");
            assert!(matches!(&answers[4], Some(Delivered::Refused(failure)) if failure.code == code), "{answers:?}");
            assert_eq!(double.state().connections, 1, "{offers:?}: {poison_says}");
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_ends_the_turn() {
    let state = State { offers: EVERYTHING, poison: "number", poison_says: "554 no", ..State::default() };
    let double = Double::start(state).await;
    let (failures, _) = settle(&smtp(settings(double.port)), &group(20)).await;
    assert_eq!(failures, ["smtp-refuses-everything"]);
    let sent = double.state().heard.iter().filter(|line| *line == "DATA").count();
    assert_eq!(sent, limits::SMTP_REFUSED_MAX);
}

#[tokio::test]
async fn what_the_server_does_not_offer_is_said_before_anything_is_sent() {
    let eight_bit = |copy: &mut Delivery| {
        let mut bytes = copy.message.skeleton.to_vec();
        bytes.extend_from_slice("Grüße\r\n".as_bytes());
        copy.message.skeleton = bytes.into();
    };
    let table: [(&'static [&'static str], bool, &str, &str); 3] = [
        (&["AUTH PLAIN", "SIZE 2000"], false, "message-too-large", "message_bytes_max = "),
        (&["AUTH PLAIN"], true, "message-refused", "8BITMIME"),
        (&["AUTH PLAIN", "8BITMIME"], true, "", ""),
    ];
    for (offers, with_eight_bit, code, hint) in table {
        let double = Double::start(State { offers, ..State::default() }).await;
        let mut group = group(3);
        if with_eight_bit {
            eight_bit(&mut group[1]);
        }
        let (_, answers) = settle(&smtp(settings(double.port)), &group).await;
        let refused: Vec<&Failure> = answers
            .iter()
            .filter_map(|answer| match answer {
                Some(Delivered::Refused(failure)) => Some(failure),
                _ => None,
            })
            .collect();
        assert_eq!(refused.iter().map(|failure| &*failure.code).collect::<String>(), code, "{offers:?}");
        assert!(refused.iter().all(|failure| failure.hint.as_deref().unwrap().contains(hint)), "{refused:?}");
        assert_eq!(arrived(&double, &group).len(), 3 - refused.len(), "{offers:?}");
        let eight = double.state().heard.iter().filter(|line| line.ends_with("BODY=8BITMIME")).count();
        assert_eq!(eight, usize::from(code.is_empty()), "{offers:?}");
    }
    for (security, offers, code) in
        [(Security::Starttls, EVERYTHING, "smtp-lacking"), (Security::None, &["AUTH CRAM-MD5"], "smtp-lacking")]
    {
        let double = Double::start(State { offers, ..State::default() }).await;
        let smtp = smtp(SmtpSettings { security, ..settings(double.port) });
        let failure = smtp.deliver(group(1), Arc::new(Blobs)).await.unwrap_err();
        assert_eq!((&*failure.code, failure.next), (code, NextMove::AskPerson), "{failure}");
        let said = double.state().heard.concat();
        assert!(!said.contains("AUTH") && !said.contains("MAIL"), "no secret in clear: {said}");
    }
}

#[tokio::test]
async fn an_attachment_that_cannot_be_read_ends_no_message_and_says_what_the_stage_said() {
    let double = Double::start(State { offers: EVERYTHING, ..State::default() }).await;
    let mut group = group(3);
    let mut splice = group[2].message.splices[0].clone();
    splice.blob.name = [9; 32];
    group[2].message.splices = [splice].into();
    let (failures, answers) = settle(&smtp(settings(double.port)), &group).await;
    assert_eq!(failures, ["store-unreachable", "store-unreachable"], "first the receipts of the others");
    assert_eq!(arrived(&double, &group), [0, 1]);
    assert_eq!(answers.iter().filter(|answer| answer.is_some()).count(), 2);
}

/// Larger than what is under way at once, so that the end cannot have been sent.
#[tokio::test]
async fn a_message_that_broke_off_is_known_not_to_be_there() {
    let script = [("DATA", Act::Well), ("DATA", Act::Well), ("DATA", Act::Close)].into();
    let double = Double::start(State { offers: EVERYTHING, script, ..State::default() }).await;
    let mut group = group(3);
    let mut splice = group[2].message.splices[0].clone();
    splice.blob.size = 7_000_000;
    group[2].message.splices = [splice].into();
    let (failures, _) = settle(&smtp(settings(double.port)), &group).await;
    assert_eq!(failures, [""; 0], "another connection takes it");
    assert_eq!(arrived(&double, &group), [0, 1, 2]);
}

#[tokio::test]
async fn one_connection_takes_group_after_group_and_not_for_ever() {
    let double = Double::start(State { offers: EVERYTHING, ..State::default() }).await;
    let smtp = smtp(settings(double.port));
    for _ in 0..6 {
        smtp.deliver(group(20), Arc::new(Blobs)).await.unwrap();
    }
    assert_eq!(double.state().stored.len(), 120);
    assert_eq!(double.state().connections, 2);
    let heard = double.state().heard.clone();
    assert_eq!(heard[0], "EHLO example.com");
    let mail = heard.iter().find(|line| line.starts_with("MAIL")).unwrap().clone();
    let size = double.state().stored[0].len();
    assert_eq!(mail, format!("MAIL FROM:<chancery@example.com> SIZE={size}"));
}

#[tokio::test]
async fn it_cannot_be_read_back_and_knows_nothing_of_a_process_before() {
    let double = Double::start(State { offers: EVERYTHING, ..State::default() }).await;
    let smtp = smtp(settings(double.port));
    let group = group(2);
    smtp.deliver(group.clone(), Arc::new(Blobs)).await.unwrap();
    assert_eq!(smtp.present(&group).await.unwrap(), [None, None]);
    let mut show = |_: [u8; 32], _: &[u8]| Ok(());
    let failure = smtp.read_back("anna@example.com", [[7; 32]].into(), &mut show).await.unwrap_err();
    assert_eq!((&*failure.code, failure.next), ("destination-write-only", NextMove::Reject));
    smtp.read_back("anna@example.com", HashSet::new(), &mut show).await.unwrap();
}

#[tokio::test]
async fn a_check_names_every_finding_and_sends_nothing() {
    use Act::Say;
    type Row = (&'static [(&'static str, Act)], &'static [&'static str], &'static str);
    let table: &[Row] = &[
        (
            &[],
            &[
                "reached on this machine",
                "signed in",
                "up to 10000000 bytes",
                "takes mail from `chancery@example.com` to `journal@archive.example`",
                "cannot be asked",
            ],
            "",
        ),
        (&[("AUTH", Say("535 5.7.8 no"))], &["reached", "(sign-in-refused)"], "secret"),
        (&[("RCPT", Say("550 5.1.1 nobody"))], &["signed in", "550 5.1.1 nobody", "(smtp-address-refused)"], "`to`"),
        (&[("HI", Say("554 go away"))], &["(smtp-refused)"], "address"),
    ];
    for (script, says, hint) in table {
        let state = State { offers: EVERYTHING, script: script.iter().copied().collect(), ..State::default() };
        let double = Double::start(state).await;
        let findings = smtp(settings(double.port)).check(&[]).await;
        let text: Vec<&str> = findings.iter().map(|finding| &*finding.text).collect();
        for part in *says {
            assert!(text.iter().any(|line| line.contains(part)), "`{part}` in {text:?}");
        }
        let bad: Vec<_> = findings.iter().filter(|finding| !finding.is_good).collect();
        assert_eq!(bad.len(), usize::from(!hint.is_empty()), "{findings:?}");
        assert!(bad.iter().all(|finding| finding.hint.as_deref().unwrap().contains(hint)), "{bad:?}");
        assert!(double.state().stored.is_empty());
        assert!(!double.state().heard.iter().any(|line| line == "DATA"));
    }
}
