#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
use super::{super::blobs::memory::Memory, *};

fn person(id: &str) -> types::Person {
    types::Person { id: id.into(), name: None, phone: None, email: None, internal: false, extensions: Vec::new() }
}

fn item(id: &str) -> types::Item {
    types::Item {
        id: id.into(),
        event: types::Event::Message,
        revision: 0,
        conversation: 0,
        sender: Some(0),
        owner: Some(1),
        participants: vec![1, 0],
        direction: None,
        sent_at: 0,
        zone: None,
        text: None,
        previous_text: None,
        refers_to: None,
        call: None,
        attachments: Vec::new(),
        original: None,
        extensions: Vec::new(),
    }
}

fn attachment(content: types::Content) -> types::Attachment {
    types::Attachment { name: None, media_type: None, size: None, content, extensions: Vec::new() }
}

fn unreadable(id: &str, code: &str) -> source::Unreadable {
    source::Unreadable {
        id: id.into(),
        code: code.into(),
        message: "why".into(),
        sent_at: None,
        original: Vec::new(),
        extensions: Vec::new(),
    }
}

fn page() -> source::Page {
    source::Page {
        people: vec![person("anna"), person("ben")],
        conversations: vec![types::Conversation {
            id: "c".into(),
            kind: types::ConversationKind::Direct,
            title: None,
            extensions: Vec::new(),
        }],
        items: vec![item("1"), item("2")],
        unreadable: vec![unreadable("u", "bad-line")],
        cursor: None,
        bookmark: Some(b"b".to_vec()),
        progress: None,
        extensions: Vec::new(),
    }
}

fn check(page: source::Page) -> Result<Page, Violation> {
    take(page, &BlobTable::default(), Some(b"asked"), 10)
}

#[test]
fn a_good_page_is_carried_over() {
    let taken = check(page()).unwrap();
    assert_eq!((taken.items.len(), taken.people.len(), taken.unreadable.len()), (2, 2, 1));
    assert_eq!(taken.items[0].participants, [1, 0], "in the source's order");
    assert_eq!(taken.bookmark.as_deref(), Some(&b"b"[..]));
    let more = source::Page { cursor: Some(b"next".to_vec()), bookmark: None, progress: Some(1_000), ..page() };
    assert_eq!(check(more).unwrap().cursor.as_deref(), Some(&b"next"[..]));
}

/// A change to a page, and what is said of it; none when it is allowed.
type Case = (fn(&mut source::Page), Option<&'static str>);

#[test]
fn what_breaks_the_contract_is_named_by_item_and_field() {
    let table: &[Case] = &[
        (|page| page.items[1].id.clear(), Some("item 1: `id` is empty")),
        (|page| page.items[1].id = "x".repeat(513), Some("item 1: `id` has 513 bytes, the limit is 512")),
        (|page| page.items[1].id = "1".into(), None),
        (|page| page.items[1].text = Some("\0\r\n".into()), None),
        (|page| page.items[1].text = Some("x".repeat(limits::ITEM_TEXT_BYTES_MAX + 1)), Some("item 1: `text` has")),
        (
            |page| page.items[1].previous_text = Some("x".repeat(limits::ITEM_TEXT_BYTES_MAX + 1)),
            Some("item 1: `previous-text` has"),
        ),
        (|page| page.items[1].conversation = 1, Some("item 1: `conversation` is 1, the table has 1 rows")),
        (|page| page.items[1].sender = Some(2), Some("item 1: `sender` is 2, the table has 2 rows")),
        (|page| page.items[1].owner = Some(u32::MAX), Some("item 1: `owner` is 4294967295")),
        (|page| page.items[1].participants = vec![0, 2], Some("item 1: `participants` is 2")),
        (|page| page.items[1].participants = vec![0, 1, 0], Some("item 1: `participants` names a person twice")),
        (|page| page.items[1].participants = vec![1], Some("item 1: its `sender` is not among the `participants`")),
        (|page| page.items[1].participants = vec![0], Some("item 1: its `owner` is not among the `participants`")),
        (
            |page| (page.items[1].sender, page.items[1].owner, page.items[1].participants) = (None, None, Vec::new()),
            None,
        ),
        (|page| page.items[1].participants = vec![0; 4_097], Some("item 1 has 4097 participants")),
        (|page| page.items[1].original = Some(vec![0; (64 << 10) + 1]), Some("item 1: `original` has 65537 bytes")),
        (|page| page.items[1].zone = Some("x".repeat(4_097)), Some("item 1: `zone` has 4097 bytes")),
        (
            |page| {
                page.items[1].refers_to =
                    Some(types::Reference { id: String::new(), event: types::Event::Edit, revision: 0 })
            },
            Some("item 1: `refers-to.id` is empty"),
        ),
        (|page| page.items[1].extensions = vec![("a".into(), "b".into()); 65], Some("item 1 has 65 extensions")),
        (
            |page| page.items[1].extensions = vec![(String::new(), "b".into())],
            Some("item 1: `extensions` is not a code"),
        ),
        (
            |page| page.items[1].extensions = vec![("Not Kebab\r\n".into(), "b".into())],
            Some("item 1: `extensions` is not a code"),
        ),
        (|page| page.cursor = Some(b"more".to_vec()), Some("the page has a `cursor` and a `bookmark`")),
        (|page| page.progress = Some(1_001), Some("the page's `progress` is over 1000")),
        (
            |page| page.items[1].attachments = vec![attachment(types::Content::Missing("omitted".into())); 257],
            Some("item 1 has 257 attachments"),
        ),
        (
            |page| page.items[1].attachments = vec![attachment(types::Content::Missing("Not found!".into()))],
            Some("item 1, attachment 0: `content` is not a code"),
        ),
        (
            |page| {
                page.items[1].attachments =
                    vec![attachment(types::Content::Present(types::Blob { handle: 0, size: 1, sha256: String::new() }))]
            },
            Some("item 1, attachment 0: `content` names a blob that this call did not make"),
        ),
        (|page| page.items = (0..11).map(|_| item("x")).collect(), Some("the page has 11 items, the limit is 10")),
        (|page| page.people[1].id.clear(), Some("person 1: `id` is empty")),
        (|page| page.people[1].name = Some("x".repeat(4_097)), Some("person 1: `name` has 4097 bytes")),
        (|page| page.people[1].name = Some("A\r\nBcc: b".into()), None),
        (|page| page.conversations[0].id.clear(), Some("conversation 0: `id` is empty")),
        (|page| page.conversations[0].title = Some("x".repeat(4_097)), Some("conversation 0: `title` has 4097 bytes")),
        (|page| page.unreadable[0].id.clear(), Some("unreadable 0: `id` is empty")),
        (|page| page.unreadable[0].code = "Bad line".into(), Some("unreadable 0: `code` is not a code")),
        (|page| page.unreadable[0].original = vec![0; (64 << 10) + 1], Some("unreadable 0: `original` has")),
        (|page| page.cursor = Some(vec![0; (16 << 10) + 1]), Some("the page has 16385 bytes in `cursor`")),
        (|page| page.bookmark = Some(vec![0; (64 << 10) + 1]), Some("the page has 65537 bytes in `bookmark`")),
        (|page| page.cursor = Some(b"asked".to_vec()), Some("the page's `cursor` is the one it was asked for")),
        (|page| page.items[1].sent_at = i64::MIN, None),
    ];
    for (number, (change, expect)) in table.iter().enumerate() {
        let mut changed = page();
        change(&mut changed);
        match (check(changed), expect) {
            (Ok(_), None) => {}
            (Err(why), Some(start)) => assert!(why.starts_with(start), "case {number}: {why}"),
            (found, expect) => panic!("case {number}: {found:?}, not {expect:?}"),
        }
    }
}

#[test]
fn a_blob_is_the_one_that_was_kept() {
    let stage = Memory::default();
    let mut blobs = BlobTable::default();
    blobs.begin();
    let writer = blobs.create(&stage).unwrap();
    blobs.write(writer, b"bytes", 100).unwrap();
    let blob = blobs.finish(writer).unwrap();
    let with = |blob: &types::Blob| {
        let mut page = page();
        page.items[0].attachments = vec![attachment(types::Content::Present(blob.clone())); 2];
        take(page, &blobs, None, 10)
    };
    for attachment in &with(&blob).unwrap().items[0].attachments {
        let Content::Present(kept) = &attachment.content else { panic!("{attachment:?}") };
        assert_eq!((kept.size, Some(kept)), (5, blobs.get(blob.handle)), "one blob may be two attachments");
    }
    for forged in [types::Blob { size: 1, ..blob.clone() }, types::Blob { sha256: "00".into(), ..blob }] {
        assert!(with(&forged).unwrap_err().starts_with("item 0, attachment 0: `content` says another size or hash"));
    }
}
