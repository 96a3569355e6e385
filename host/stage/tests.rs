#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use super::*;
use crate::item::{Attachment, BlobSink, Content, Conversation, ConversationKind, Event, Item, Person};

fn page_with(blob: BlobRef) -> Page {
    Page {
        people: vec![Person { id: "1".into(), ..Person::default() }],
        conversations: vec![Conversation {
            id: "c".into(),
            kind: ConversationKind::Direct,
            title: None,
            extensions: vec![],
        }],
        items: vec![Item {
            id: "i".into(),
            event: Event::Message,
            revision: 0,
            conversation: 0,
            sender: Some(0),
            owner: None,
            participants: vec![0],
            direction: None,
            sent_at_ms: 1,
            zone: None,
            text: Some("hello".into()),
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: vec![Attachment {
                name: None,
                media_type: None,
                size: None,
                content: Content::Present(blob),
                extensions: vec![],
            }],
            original: None,
            extensions: vec![],
        }],
        ..Page::default()
    }
}

fn put(stage: &Arc<Stage>, bytes: &[u8]) -> (PageName, Page) {
    let draft = stage.page();
    let mut writer = draft.create().unwrap();
    writer.write(bytes).unwrap();
    let page = page_with(writer.finish().unwrap());
    (draft.commit(&page).unwrap(), page)
}

#[test]
fn a_committed_page_comes_back_with_its_attachment() {
    let root = tempfile::tempdir().unwrap();
    let stage = Stage::open(root.path(), "whatsapp", [7; 32]).unwrap();
    let (name, page) = put(&stage, b"attached");
    assert_eq!(stage.read_page(&name).unwrap(), page);
    let Content::Present(blob) = &page.items[0].attachments[0].content else { panic!("present") };
    let mut bytes = Vec::new();
    BlobSource::open(&*stage, blob).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"attached");
}

#[test]
fn collecting_keeps_what_kept_pages_refer_to_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let stage = Stage::open(root.path(), "whatsapp", [7; 32]).unwrap();
    let (kept, page) = put(&stage, b"one");
    let (dropped, _) = put(&stage, b"two");
    assert_eq!(stage.collect(&HashSet::from([kept])).unwrap(), 2);
    assert_eq!(stage.read_page(&kept).unwrap(), page);
    assert_eq!(stage.read_page(&dropped).unwrap_err().code, "stage-page-lost");
}

#[test]
fn a_damaged_or_foreign_page_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let stage = Stage::open(root.path(), "whatsapp", [7; 32]).unwrap();
    let (name, _) = put(&stage, b"one");
    let path = stage.page_path(&name);
    let whole = fs::read(&path).unwrap();
    for cut in [0, 4, 8, 20, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        let failure = stage.read_page(&name).unwrap_err();
        assert_eq!(failure.code, "stage-page-lost", "cut at {cut}");
    }
    let mut newer = whole.clone();
    newer[4] = 9;
    assert!(bundle::decode(&newer).unwrap_err().to_string().contains("format 9"));
}

#[test]
fn names_depend_on_the_key_and_leftovers_are_cleared() {
    let root = tempfile::tempdir().unwrap();
    let one = Stage::open(root.path(), "a", [1; 32]).unwrap();
    let two = Stage::open(root.path(), "b", [2; 32]).unwrap();
    assert_ne!(put(&one, b"same").0, put(&two, b"same").0);
    let writer = one.page().create().unwrap();
    std::mem::forget(writer);
    assert_eq!(fs::read_dir(one.root.join("tmp")).unwrap().count(), 1);
    let reopened = Stage::open(root.path(), "a", [1; 32]).unwrap();
    assert_eq!(fs::read_dir(reopened.root.join("tmp")).unwrap().count(), 0);
}
