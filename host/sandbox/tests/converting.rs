use std::sync::Arc;

use super::*;
use crate::{
    item::{
        Attachment, AttachmentState, Batch, BatchItem, BlobSink as _, BlobSource, Content, Conversation,
        ConversationKind, Event, Item, Party, Person,
    },
    sandbox::blobs::memory::Memory,
};

/// Two people, a chat, and items with so many attachments each.
struct World {
    people: [Person; 2],
    conversation: Conversation,
    items: Vec<Item>,
    stage: Memory,
}

impl World {
    fn new(attachments: &[usize]) -> Self {
        let stage = Memory::default();
        let person = |id: &str| Person { id: id.into(), name: Some(format!("Name of {id}")), ..Person::default() };
        let attachment = |number: usize| {
            let mut writer = stage.create().unwrap();
            writer.write(format!("bytes of attachment {number}").as_bytes()).unwrap();
            let content = Content::Present(writer.finish().unwrap());
            Attachment { name: Some("a.bin".into()), media_type: None, size: None, content, extensions: Vec::new() }
        };
        let item = |(number, attachments): (usize, &usize)| Item {
            id: format!("item-{number}"),
            event: Event::Message,
            revision: 0,
            conversation: 0,
            sender: Some(0),
            owner: Some(0),
            participants: vec![0, 1],
            direction: None,
            sent_at_ms: 1_793_500_000_000 + i64::try_from(number).unwrap(),
            zone: None,
            text: Some(format!("Text {number}: Grüße\r\nBcc: x@example.com")),
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: (0..*attachments).map(attachment).collect(),
            original: None,
            extensions: Vec::new(),
        };
        let items = attachments.iter().enumerate().map(item).collect();
        let conversation =
            Conversation { id: "c".into(), kind: ConversationKind::Direct, title: None, extensions: Vec::new() };
        Self { people: [person("anna"), person("ben")], conversation, items, stage }
    }

    fn batch<'a>(&'a self, settings: &'a str) -> Batch<'a> {
        let item = |item: &'a Item| BatchItem {
            item,
            conversation: 0,
            sender: Some(0),
            participants: vec![0, 1],
            attachments: vec![AttachmentState::Present; item.attachments.len()],
        };
        Batch {
            source: "telemessage",
            account: "acme",
            settings,
            people: self.people.iter().map(|person| Party { person, mailbox: Some("anna@example.com") }).collect(),
            conversations: vec![&self.conversation],
            items: self.items.iter().map(item).collect(),
        }
    }

    fn stage(&self) -> Arc<dyn BlobSource> {
        Arc::new(self.stage.clone())
    }
}

async fn converter(name: &'static str) -> ConverterWorker {
    ConverterWorker::new(&SANDBOX, &bundled(name).await).unwrap().for_connector("whatsapp")
}

/// The hostile converter in a sandbox of its own.
async fn converter_in(sandbox: &Sandbox) -> ConverterWorker {
    let plugin = load(sandbox, "misbehaving-converter").await;
    ConverterWorker::new(sandbox, &plugin).unwrap().for_connector("whatsapp")
}

/// All of a batch as text, attachments spliced in.
fn text(converted: &[Converted], stage: &dyn BlobSource) -> Vec<String> {
    let one = |converted: &Converted| {
        let mut bytes = Vec::new();
        converted.result.as_ref().unwrap().write_to(&mut bytes, stage).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    converted.iter().map(one).collect()
}

#[tokio::test]
async fn the_bundled_converter_writes_the_same_in_a_fresh_and_in_a_used_instance() {
    let world = World::new(&[0, 2, 1]);
    let mut worker = converter("email").await;
    let first = worker.convert(&world.batch("{}"), world.stage()).await.unwrap();
    let used = worker.convert(&world.batch("{}"), world.stage()).await.unwrap();
    worker.replace_instance();
    let fresh = worker.convert(&world.batch("{}"), world.stage()).await.unwrap();
    let texts = text(&first, &*world.stage());
    assert_eq!((texts.len(), first[1].result.as_ref().unwrap().splices.len()), (3, 2));
    assert_eq!(texts, text(&used, &*world.stage()));
    assert_eq!(texts, text(&fresh, &*world.stage()));
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode("bytes of attachment 1");
    assert!(texts[1].contains(&encoded), "{}", texts[1]);
}

#[tokio::test]
async fn what_a_pure_guest_sees_of_the_world_never_changes() {
    let world = World::new(&[1]);
    for behave in ["ok", "uses-clock", "uses-random"] {
        let settings = format!("{{\"behave\":\"{behave}\"}}");
        let mut texts = Vec::new();
        for _ in 0..2 {
            let mut worker = converter("misbehaving-converter").await;
            texts.push(text(&worker.convert(&world.batch(&settings), world.stage()).await.unwrap(), &*world.stage()));
        }
        assert_eq!(texts[0], texts[1], "{behave}");
    }
}

#[tokio::test]
async fn an_instance_is_replaced_when_it_is_old_or_wrote_badly() {
    let limits = CallLimits { reuse_batches_max: 2, ..CallLimits::default() };
    let sandbox = Sandbox::new(None, limits).unwrap();
    let world = World::new(&[0]);
    let mut worker = converter_in(&sandbox).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        let converted = worker.convert(&world.batch(r#"{"behave":"non-deterministic"}"#), world.stage()).await.unwrap();
        let text = text(&converted, &*world.stage()).remove(0);
        calls.push(text.split("call ").nth(1).unwrap()[..1].to_owned());
    }
    assert_eq!(calls, ["0", "1", "0", "1", "0"]);
}

#[tokio::test]
async fn a_spoilt_message_is_refused_by_itself() {
    let world = World::new(&[2, 2]);
    let mut worker = converter("misbehaving-converter").await;
    let table = [
        ("bare-cr", "a carriage return or line feed alone"),
        ("bare-lf", "does not end with CRLF"),
        ("body-not-empty", "splice 0: its offset is not the empty body of a part"),
        ("descending-splices", "splice 1: the offsets do not ascend"),
        ("eight-bit-header", "its header is not ASCII"),
        ("empty-skeleton", "does not end with CRLF"),
        ("header-injection", "`Bcc` is not a converter's to write"),
        ("huge-skeleton", "the limit is 16777216"),
        ("long-line", "has 999 characters"),
        ("missing-splice", "attachment 1 of item 0 is left out"),
        ("no-base64", "does not say `Content-Transfer-Encoding: base64`"),
        ("no-blank-line", ""),
        ("no-date", "no `date`"),
        ("no-from", "no `from`"),
        ("no-message-id", "no `message-id`"),
        ("non-utf8", "not UTF-8"),
        ("nul-in-body", "holds a NUL"),
        ("nul-in-header", "holds a NUL"),
        ("odd-message-id", ""),
        ("overlapping-splices", "splice 1: the offsets do not ascend"),
        ("repeated-splice", "splice 2: the offsets do not ascend"),
        ("splice-in-header", "splice 0: its offset is not in the body"),
        ("splice-in-line", "splice 0: its offset is not the empty body"),
        ("splice-of-another-item", "is not present here"),
        ("splice-of-nothing", "splice 2: "),
        ("splice-out-of-range", "splice 0: its offset is not in the body"),
        ("splice-overflow", "splice 0: its offset is not in the body"),
        ("two-message-ids", "a second `Message-ID`"),
    ];
    for (behave, reason) in table {
        let settings = format!("{{\"behave\":\"{behave}\"}}");
        let converted = worker.convert(&world.batch(&settings), world.stage()).await.unwrap();
        assert_eq!(
            converted.iter().flat_map(|converted| converted.items.clone()).collect::<Vec<_>>(),
            [0, 1],
            "{behave}"
        );
        let failure = converted[0].result.as_ref().unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("plugin-bad-output", NextMove::Reject), "{behave}");
        assert!(failure.message.contains(reason) && failure.message.contains("`item-0`"), "{behave}: {failure}");
    }
    let converted = worker.convert(&world.batch(r#"{"behave":"same-message-id"}"#), world.stage()).await.unwrap();
    assert!(converted[0].result.is_ok());
    assert!(converted[1].result.as_ref().unwrap_err().message.contains("that of another message"));
}

#[tokio::test]
async fn an_answer_that_does_not_add_up_is_refused_whole() {
    let world = World::new(&[0, 0, 0]);
    let mut worker = converter("misbehaving-converter").await;
    let table = [
        ("covers-all-at-once", "for 3 items"),
        ("covers-none", "names no item"),
        ("covers-nothing-known", "the batch has 3"),
        ("covers-twice", "is answered twice"),
        ("covers-twice-in-one", ""),
        ("fails-and-covers", "is answered twice"),
        ("fails-for-none", "names no item"),
        ("returns-nothing", "item 0 is not answered"),
        ("skips-last", "item 2 is not answered"),
    ];
    for (behave, reason) in table {
        let settings = format!("{{\"behave\":\"{behave}\"}}");
        let failure = worker.convert(&world.batch(&settings), world.stage()).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.next), ("plugin-bad-output", NextMove::Stop), "{behave}: {failure}");
        assert!(failure.message.contains(reason) && failure.message.contains("at: batch of 3"), "{behave}: {failure}");
    }
    let failure = worker.convert(&world.batch(r#"{"behave":"huge-return"}"#), world.stage()).await.unwrap_err();
    assert!(["plugin-output-too-large", "plugin-memory"].contains(&failure.code.as_str()), "{failure}");

    let converted = worker.convert(&world.batch(r#"{"behave":"fails-second"}"#), world.stage()).await.unwrap();
    let good: Vec<_> = converted.iter().map(|converted| (converted.items[0], converted.result.is_ok())).collect();
    assert_eq!(good, [(0, true), (1, false), (2, true)]);
    let converted = worker.convert(&world.batch(r#"{"behave":"bad-failure"}"#), world.stage()).await.unwrap();
    let failure = converted[0].result.as_ref().unwrap_err();
    assert_eq!(failure.code, "plugin-error");
    assert!(failure.message.len() < 2_000 && !failure.message.contains(['\u{1b}', '\0', '\n']), "{failure}");
}

#[tokio::test]
async fn attachments_are_read_within_bounds() {
    let world = World::new(&[1, 2]);
    let mut worker = converter("misbehaving-converter").await;
    let mut read = async |behave: &str| {
        let settings = format!("{{\"behave\":\"{behave}\"}}");
        let converted = worker.convert(&world.batch(&settings), world.stage()).await.unwrap();
        text(&converted, &*world.stage()).remove(0)
    };
    let all = read("reads-all").await;
    assert!(all.contains("read 0.0: 21 1.0: 21 1.1: 21"), "{all}");
    let beyond = read("reads-beyond").await;
    assert!(beyond.contains("0 bytes, attachment-unknown, attachment-unknown, 21 bytes"), "{beyond}");
    let for_ever = read("reads-for-ever").await;
    assert!(for_ever.contains("bytes, then too-large"), "{for_ever}");

    let gone: Arc<dyn BlobSource> = Arc::new(Memory::default());
    let failure = worker.convert(&world.batch(r#"{"behave":"reads-all"}"#), gone).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.next), ("stage-unreadable", NextMove::Retry { after: None }));
}

#[tokio::test]
async fn whatever_a_converter_uses_up_is_a_failure() {
    let sandbox = impatient(Duration::from_secs(60));
    let world = World::new(&[0]);
    let mut worker = converter_in(&sandbox).await;
    let table = [
        ("allocate", "plugin-memory"),
        ("flood-log", "plugin-log-flood"),
        ("loop", "plugin-timeout"),
        ("panic", "plugin-trap"),
        ("recurse", "plugin-trap"),
    ];
    for (behave, code) in table {
        let settings = format!("{{\"behave\":\"{behave}\"}}");
        let failure = worker.convert(&world.batch(&settings), world.stage()).await.unwrap_err();
        assert_eq!(failure.code, code, "{behave}: {failure}");
        assert!(worker.convert(&world.batch("{}"), world.stage()).await.unwrap()[0].result.is_ok(), "after {behave}");
    }
}
