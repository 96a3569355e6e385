//! What the tests of converters share: batches from JSON, cases that are folders, messages made whole and looked at by a
//! strict reader.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use encodify::base64::MIME;
use kit::{
    Call, CallOutcome, Conversation, ConversationKind, Direction, Event, Extensions, Person, Reference, Withheld,
    converter::{Attachment, Batch, Converter, Failure, Item, Message, Party, State},
};
use serde::Deserialize;

/// A case's `batch.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchJson {
    source: String,
    account: String,
    #[serde(default)]
    settings: Option<serde_json::Value>,
    people: Vec<PartyJson>,
    conversations: Vec<ConversationJson>,
    items: Vec<ItemJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartyJson {
    id: String,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    mailbox: Option<String>,
    #[serde(default)]
    internal: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConversationJson {
    id: String,
    kind: String,
    title: Option<String>,
    #[serde(default)]
    extensions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemJson {
    id: String,
    event: String,
    #[serde(default)]
    revision: u32,
    #[serde(default)]
    conversation: u32,
    sender: Option<u32>,
    #[serde(default)]
    participants: Vec<u32>,
    direction: Option<String>,
    sent_at: i64,
    zone: Option<String>,
    text: Option<String>,
    previous_text: Option<String>,
    refers_to: Option<ReferenceJson>,
    call: Option<CallJson>,
    #[serde(default)]
    attachments: Vec<AttachmentJson>,
    #[serde(default)]
    extensions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceJson {
    id: String,
    event: String,
    #[serde(default)]
    revision: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallJson {
    #[serde(default)]
    video: bool,
    outcome: String,
    duration_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentJson {
    name: Option<String>,
    media_type: Option<String>,
    size: Option<u64>,
    sha256: Option<String>,
    withheld: Option<WithheldJson>,
    missing: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithheldJson {
    reason: String,
    limit: Option<u64>,
}

/// Reads a batch.
pub fn batch_from_json(json: &str) -> Batch {
    let batch: BatchJson = serde_json::from_str(json).unwrap();
    Batch {
        source: batch.source,
        account: batch.account,
        people: batch.people.into_iter().map(party).collect(),
        conversations: batch.conversations.into_iter().map(conversation).collect(),
        items: batch.items.into_iter().map(item).collect(),
        settings: batch.settings.map_or_else(|| "{}".to_owned(), |settings| settings.to_string()),
    }
}

fn party(party: PartyJson) -> Party {
    let PartyJson { id, name, phone, email, mailbox, internal } = party;
    Party { person: Person { id, name, phone, email, internal, extensions: Extensions::new() }, mailbox }
}

fn conversation(conversation: ConversationJson) -> Conversation {
    let kind = match conversation.kind.as_str() {
        "direct" => ConversationKind::Direct,
        "group" => ConversationKind::Group,
        "channel" => ConversationKind::Channel,
        "other" => ConversationKind::Other,
        kind => panic!("no conversation kind {kind}"),
    };
    let extensions = conversation.extensions.into_iter().collect();
    Conversation { id: conversation.id, kind, title: conversation.title, extensions }
}

fn event(name: &str) -> Event {
    use Event::*;
    [Message, Call, Edit, Deletion, Reaction, Membership, File, Notice, Other]
        .into_iter()
        .find(|event| event.name() == name)
        .unwrap_or_else(|| panic!("no event {name}"))
}

fn item(item: ItemJson) -> Item {
    Item {
        id: item.id,
        event: event(&item.event),
        revision: item.revision,
        conversation: item.conversation,
        sender: item.sender,
        participants: item.participants,
        direction: item.direction.map(|direction| match direction.as_str() {
            "incoming" => Direction::Incoming,
            "outgoing" => Direction::Outgoing,
            direction => panic!("no direction {direction}"),
        }),
        sent_at: item.sent_at,
        zone: item.zone,
        text: item.text,
        previous_text: item.previous_text,
        refers_to: item.refers_to.map(|reference| Reference {
            id: reference.id,
            event: event(&reference.event),
            revision: reference.revision,
        }),
        call: item.call.map(|call| Call {
            video: call.video,
            outcome: match call.outcome.as_str() {
                "answered" => CallOutcome::Answered,
                "missed" => CallOutcome::Missed,
                "declined" => CallOutcome::Declined,
                "failed" => CallOutcome::Failed,
                "unknown" => CallOutcome::Unknown,
                outcome => panic!("no outcome {outcome}"),
            },
            duration_ms: call.duration_ms,
        }),
        attachments: item.attachments.into_iter().map(attachment).collect(),
        extensions: item.extensions.into_iter().collect(),
    }
}

fn attachment(attachment: AttachmentJson) -> Attachment {
    let state = match (attachment.withheld, attachment.missing) {
        (None, None) => State::Present,
        (Some(withheld), None) => State::Withheld(Withheld { reason: withheld.reason, limit: withheld.limit }),
        (None, Some(reason)) => State::Missing(reason),
        (Some(_), Some(_)) => panic!("an attachment is withheld or missing, not both"),
    };
    Attachment {
        name: attachment.name,
        media_type: attachment.media_type,
        size: attachment.size,
        sha256: attachment.sha256,
        state,
    }
}

/// Converts, and checks that each item is covered exactly once.
pub fn convert<C: Converter>(batch: &Batch) -> Vec<Result<Message, Failure>> {
    let converted = C::convert(batch.clone());
    let mut covered: Vec<u32> = converted.iter().flat_map(|outcome| items(outcome).iter().copied()).collect();
    covered.sort_unstable();
    assert!(covered.into_iter().eq((0..).take(batch.items.len())), "an item is left out, or covered twice");
    converted
}

/// The items that an answer is about.
pub fn items(outcome: &Result<Message, Failure>) -> &[u32] {
    match outcome {
        Ok(message) => &message.items,
        Err(failure) => &failure.items,
    }
}

/// `DIR/<case>/batch.json` gives `DIR/<case>/expected/*`, byte for byte; `BLESS=1` writes what is produced now.
pub fn golden<C: Converter>(cases: &Path) {
    let mut folders: Vec<_> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        golden_case::<C>(&folder);
    }
}

fn golden_case<C: Converter>(folder: &Path) {
    let batch = batch_from_json(&fs::read_to_string(folder.join("batch.json")).unwrap());
    let mut produced = BTreeMap::new();
    for outcome in convert::<C>(&batch) {
        let number = produced.len();
        let event = batch.items[items(&outcome)[0] as usize].event.name();
        match outcome {
            Ok(message) => {
                assert_well_formed(&batch, &message);
                produced.insert(format!("{number:02}-{event}.eml"), splice(&message));
            }
            Err(failure) => {
                let text = format!("{}\n{}\n", failure.code, failure.message);
                produced.insert(format!("{number:02}-{event}.failure"), text.into_bytes());
            }
        }
    }
    let expected = folder.join("expected");
    if std::env::var_os("BLESS").is_some() {
        if expected.exists() {
            fs::remove_dir_all(&expected).unwrap();
        }
        fs::create_dir_all(&expected).unwrap();
        for (name, bytes) in &produced {
            fs::write(expected.join(name), bytes).unwrap();
        }
        return;
    }
    let kept: BTreeMap<String, Vec<u8>> = fs::read_dir(&expected)
        .unwrap_or_else(|error| panic!("{}: {error}; run with BLESS=1", expected.display()))
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    assert_eq!(kept.keys().collect::<Vec<_>>(), produced.keys().collect::<Vec<_>>(), "{}", folder.display());
    for (name, bytes) in &produced {
        assert_eq!(
            String::from_utf8_lossy(&kept[name]),
            String::from_utf8_lossy(bytes),
            "{} (BLESS=1 writes what is produced now)",
            folder.join("expected").join(name).display()
        );
    }
}

/// Has an independent strict reader look at the messages of these batches and of the cases, where there is one:
/// `CHANCERY_MAIL_ORACLE` names a Python script that takes the root of a tree of Maildirs and exits 0 only when every
/// message parses without a defect.
pub fn strict_reader<C: Converter>(cases: &Path, batches: impl IntoIterator<Item = Batch>) {
    let Some(script) = std::env::var_os("CHANCERY_MAIL_ORACLE") else { return };
    let root = tempfile::tempdir().unwrap();
    for (number, batch) in batches.into_iter().enumerate() {
        write_mailbox::<C>(root.path(), &format!("batch{number}@example.com"), &batch);
    }
    for entry in fs::read_dir(cases).unwrap() {
        let folder = entry.unwrap();
        let batch = batch_from_json(&fs::read_to_string(folder.path().join("batch.json")).unwrap());
        write_mailbox::<C>(root.path(), &format!("{}@example.com", folder.file_name().to_string_lossy()), &batch);
    }
    let output = Command::new("python3").arg(script).arg(root.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("problems {}"), "{said}");
}

fn write_mailbox<C: Converter>(root: &Path, address: &str, batch: &Batch) {
    let folder = root.join(address).join(".WhatsApp Archiver");
    for name in ["tmp", "new", "cur"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for (number, outcome) in convert::<C>(batch).into_iter().enumerate() {
        if let Ok(message) = outcome {
            fs::write(folder.join("new").join(format!("{number}.eml")), splice(&message)).unwrap();
        }
    }
}

/// Puts stand-in bytes in as the host does: base64 in lines of 76, CRLF after each.
pub fn splice(message: &Message) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut from = 0;
    for splice in &message.splices {
        let offset = usize::try_from(splice.offset).unwrap();
        whole.extend_from_slice(&message.skeleton[from..offset]);
        MIME.encode_append(stand_in(splice.attachment), &mut whole);
        if !whole.ends_with(b"\r\n") {
            whole.extend_from_slice(b"\r\n");
        }
        from = offset;
    }
    whole.extend_from_slice(&message.skeleton[from..]);
    whole
}

/// The bytes that stand for an attachment.
pub fn stand_in(attachment: u32) -> Vec<u8> {
    format!("These bytes stand for attachment {attachment} of this item.").into_bytes()
}

/// What the contract and RFC 5322 ask of a skeleton.
#[track_caller]
pub fn assert_well_formed(batch: &Batch, message: &Message) {
    let skeleton = &message.skeleton;
    let lines: Vec<&[u8]> = skeleton.split(|&byte| byte == b'\n').collect();
    let (last, lines) = lines.split_last().unwrap();
    assert!(last.is_empty(), "the last line is not ended");
    let mut in_header = true;
    for line in lines {
        let line = line.strip_suffix(b"\r").expect("a line ends in a bare LF");
        assert!(!line.contains(&b'\r') && !line.contains(&0), "a bare CR or NUL");
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
        assert!(line.is_ascii(), "8-bit bytes: {}", String::from_utf8_lossy(line));
        if in_header && !line.is_empty() {
            assert!(!line.trim_ascii().is_empty(), "a header line of white space");
        }
        in_header &= !line.is_empty();
    }
    let header_end = skeleton.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let header = std::str::from_utf8(&skeleton[..header_end + 2]).unwrap();
    let names: Vec<&str> =
        header.lines().filter(|line| !line.starts_with(' ')).map(|line| line.split_once(':').unwrap().0).collect();
    let expected = [
        "From",
        "To",
        "Date",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "MIME-Version",
        "Auto-Submitted",
        "X-Chancery-Item",
        "X-Chancery-Source",
        "X-Chancery-Event",
        "X-Chancery-Conversation",
        "X-Chancery-Format",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    let wanted: Vec<&str> = expected.into_iter().filter(|name| names.contains(name)).collect();
    assert_eq!(names, wanted, "headers out of place, doubled or injected:\n{header}");

    let present = |item: &u32| {
        let files = (0..).zip(&batch.items[*item as usize].attachments);
        files.filter(|(_, file)| file.state == State::Present).map(|(number, _)| (*item, number)).collect::<Vec<_>>()
    };
    let present: Vec<(u32, u32)> = message.items.iter().flat_map(present).collect();
    assert_eq!(message.splices.iter().map(|splice| (splice.item, splice.attachment)).collect::<Vec<_>>(), present);
    let mut before = 0;
    for splice in &message.splices {
        let offset = usize::try_from(splice.offset).unwrap();
        assert!(offset > before, "splices ascend");
        assert_eq!(&skeleton[offset - 4..offset + 2], b"\r\n\r\n\r\n", "the body at a splice is not empty");
        let part = &skeleton[before..offset];
        let part = std::str::from_utf8(part).unwrap();
        assert!(part.ends_with("Content-Transfer-Encoding: base64\r\n\r\n"), "{part}");
        before = offset;
    }
}
