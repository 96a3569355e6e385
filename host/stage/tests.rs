#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::{collections::BTreeMap, fs::File, io::Write as _};

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

/// A host with a stage in its data folder.
struct Host {
    data: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("keys")).unwrap();
        fs::create_dir(data.path().join("stage")).unwrap();
        Self { data }
    }

    fn staging(&self) -> Staging {
        let (keys, _) = Keyring::open(self.data.path(), &[]).unwrap();
        Staging { root: self.data.path().join("stage"), keys: Arc::new(keys), store: None }
    }

    fn stage(&self, connector: &str) -> Arc<Stage> {
        let stage = self.reading(connector);
        stage.prepare().unwrap();
        stage
    }

    fn reading(&self, connector: &str) -> Arc<Stage> {
        self.staging().open(connector, [connector.len() as u8; 32])
    }
}

fn put(stage: &Arc<Stage>, bytes: &[u8]) -> (PageName, Page) {
    let draft = stage.page();
    let mut writer = draft.create().unwrap();
    writer.write(bytes).unwrap();
    let page = page_with(writer.finish().unwrap());
    (draft.commit(&page).unwrap(), page)
}

fn blob(page: &Page) -> &BlobRef {
    let Content::Present(blob) = &page.items[0].attachments[0].content else { panic!("present") };
    blob
}

fn read(stage: &Stage, blob: &BlobRef) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    BlobSource::open(stage, blob)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn code(error: &io::Error) -> &str {
    &Failure::within(error).unwrap().code
}

fn path(stage: &Stage, kind: Kind, name: &[u8; 32]) -> PathBuf {
    stage.root.join(kind.folder()).join(Place::sealed(kind, name).file)
}

fn everything(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in ["pages", "attachments", "tmp"] {
        for entry in fs::read_dir(stage.root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            files.push((path.display().to_string(), fs::read(path).unwrap()));
        }
    }
    files
}

#[test]
fn a_committed_page_comes_back_with_its_attachment() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let (name, page) = put(&stage, b"attached");
    assert_eq!(stage.read_page(&name).unwrap(), page);
    assert_eq!(read(&stage, blob(&page)).unwrap(), b"attached");
    assert_eq!(fs::read_dir(stage.root.join("tmp")).unwrap().count(), 0);
}

#[test]
fn nothing_of_it_can_be_read_on_the_disk_not_even_while_it_is_drafted() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let canary = b"canary in a file, long enough to fill more than one piece ".repeat(4000);
    let draft = stage.page();
    let mut writer = draft.create().unwrap();
    writer.write(&canary).unwrap();
    let found = |files: &[(String, Vec<u8>)]| {
        files.iter().any(|(_, bytes)| {
            ["canary", "hello"].iter().any(|word| bytes.windows(word.len()).any(|at| at == word.as_bytes()))
        })
    };
    let drafted = everything(&stage);
    assert!(!drafted.is_empty() && !found(&drafted));
    let page = page_with(writer.finish().unwrap());
    draft.commit(&page).unwrap();
    let files = everything(&stage);
    assert_eq!(files.len(), 2);
    assert!(!found(&files));
    let hash = hex(&blob(&page).sha256);
    assert!(!files.iter().any(|(name, _)| name.contains(&hash)));
    assert_eq!(read(&stage, blob(&page)).unwrap(), canary);
}

#[test]
fn collecting_keeps_what_kept_pages_refer_to_and_nothing_else() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let (kept, page) = put(&stage, b"one");
    let (dropped, _) = put(&stage, b"two");
    let needs = HashMap::from([(kept, 1)]);
    let holdings = stage.holdings(&needs).unwrap();
    let counts = |need| holdings.get(&need).map(|held: &Holding| (held.pages, held.attachments));
    assert_eq!((counts(Some(1)), counts(None)), (Some((1, 1)), Some((1, 1))));
    assert_eq!(stage.collect(&HashMap::from([(kept, true)])).unwrap().objects, 2);
    assert_eq!(stage.read_page(&kept).unwrap(), page);
    assert_eq!(read(&stage, blob(&page)).unwrap(), b"one");
    assert_eq!(stage.read_page(&dropped).unwrap_err().code, "stage-page-lost");
    let all = stage.collect(&HashMap::new()).unwrap();
    assert_eq!((all.objects, everything(&stage).len()), (2, 0));
}

#[test]
fn while_a_page_is_missing_that_must_be_there_no_attachment_goes() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let (name, page) = put(&stage, b"one");
    let file = path(&stage, Kind::Page, &name);
    let whole = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(stage.collect(&HashMap::from([(name, true)])).unwrap().objects, 0);
    fs::write(&file, whole).unwrap();
    assert_eq!(stage.read_page(&name).unwrap(), page);
    assert_eq!(read(&stage, blob(&page)).unwrap(), b"one");
    fs::remove_file(&file).unwrap();
    assert_eq!(stage.collect(&HashMap::from([(name, false)])).unwrap().objects, 1);
}

/// Every cut, and a changed byte at every place, of both a page and an attachment.
#[test]
fn a_damaged_or_cut_object_is_refused_by_name() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let (name, page) = put(&stage, b"one");
    let damaged = |whole: &[u8]| -> Vec<Vec<u8>> {
        let cut = (0..whole.len()).map(|at| whole[..at].to_vec());
        let changed = (0..whole.len()).map(|at| {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1;
            bytes
        });
        cut.chain(changed).collect()
    };
    let file = path(&stage, Kind::Page, &name);
    let whole = fs::read(&file).unwrap();
    for bytes in damaged(&whole) {
        fs::write(&file, &bytes).unwrap();
        assert_eq!(stage.read_page(&name).unwrap_err().code, "stage-page-lost", "{} bytes", bytes.len());
    }
    fs::write(&file, &whole).unwrap();
    let file = path(&stage, Kind::Attachment, &blob(&page).name);
    for bytes in damaged(&fs::read(&file).unwrap()) {
        fs::write(&file, &bytes).unwrap();
        assert_eq!(code(&read(&stage, blob(&page)).unwrap_err()), "stage-attachment-lost", "{} bytes", bytes.len());
    }
}

#[test]
fn an_object_in_the_place_of_another_is_refused() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let (one, page) = put(&stage, b"one");
    let (two, other) = put(&stage, b"two");
    fs::copy(path(&stage, Kind::Page, &two), path(&stage, Kind::Page, &one)).unwrap();
    assert_eq!(stage.read_page(&one).unwrap_err().code, "stage-page-lost");
    let (mine, others) = (blob(&page), blob(&other));
    fs::copy(path(&stage, Kind::Attachment, &others.name), path(&stage, Kind::Attachment, &mine.name)).unwrap();
    assert_eq!(code(&read(&stage, mine).unwrap_err()), "stage-attachment-lost");
    // Sealed by somebody who knows the public key, too.
    for content in [&b"own"[..], b"longer than it was", b""] {
        let mut forged = stage.keys.seal(File::create(path(&stage, Kind::Attachment, &mine.name)).unwrap()).unwrap();
        forged.write_all(content).unwrap();
        forged.finish().unwrap();
        assert_eq!(code(&read(&stage, mine).unwrap_err()), "stage-attachment-lost");
    }
    fs::remove_file(path(&stage, Kind::Attachment, &mine.name)).unwrap();
    assert_eq!(code(&read(&stage, mine).unwrap_err()), "stage-attachment-lost");
}

#[test]
fn what_an_older_version_staged_in_the_clear_is_read_and_collected() {
    let host = Host::new();
    let stage = host.stage("whatsapp");
    let (name, page) = put(&stage, b"one");
    let clear = |kind: Kind, name: &[u8; 32], bytes: &[u8]| {
        fs::remove_file(path(&stage, kind, name)).unwrap();
        fs::write(stage.root.join(kind.folder()).join(Place::clear(kind, name).file), bytes).unwrap();
    };
    clear(Kind::Page, &name, &bundle::encode(&page).unwrap());
    clear(Kind::Attachment, &blob(&page).name, b"one");
    assert_eq!(stage.read_page(&name).unwrap(), page);
    assert_eq!(read(&stage, blob(&page)).unwrap(), b"one");
    assert_eq!(stage.collect(&HashMap::from([(name, true)])).unwrap().objects, 0);
    assert_eq!(stage.collect(&HashMap::new()).unwrap().objects, 2);
    let mut newer = bundle::encode(&page).unwrap();
    newer[4] = 9;
    assert!(bundle::decode(&newer).unwrap_err().to_string().contains("format 9"));
}

#[test]
fn names_depend_on_the_key_and_leftovers_are_cleared() {
    let host = Host::new();
    let (one, two) = (host.stage("a"), host.stage("bb"));
    assert_ne!(put(&one, b"same").0, put(&two, b"same").0);
    let writer = one.page().create().unwrap();
    std::mem::forget(writer);
    assert_eq!(fs::read_dir(one.root.join("tmp")).unwrap().count(), 1);
    let reopened = host.stage("a");
    assert_eq!(fs::read_dir(reopened.root.join("tmp")).unwrap().count(), 0);
}

#[test]
fn whoever_reads_beside_a_turn_touches_nothing() {
    let host = Host::new();
    let never = host.reading("never");
    assert_eq!(never.holdings::<()>(&HashMap::new()).unwrap(), BTreeMap::new());
    assert_eq!(never.read_page(&[0; 32]).unwrap_err().code, "stage-page-lost");
    assert!(!never.root.exists());
    let writing = host.stage("a");
    let draft = writing.page();
    let mut writer = draft.create().unwrap();
    writer.write(b"under way").unwrap();
    host.reading("a").collect(&HashMap::new()).unwrap();
    let page = page_with(writer.finish().unwrap());
    let name = draft.commit(&page).unwrap();
    assert_eq!(host.reading("a").read_page(&name).unwrap(), page);
}

#[test]
fn a_draft_that_is_dropped_leaves_nothing() {
    let host = Host::new();
    let stage = host.stage("a");
    let draft = stage.page();
    let mut writer = draft.create().unwrap();
    writer.write(b"bytes").unwrap();
    writer.finish().unwrap();
    assert_eq!(everything(&stage).len(), 1);
    drop(draft);
    assert_eq!(everything(&stage).len(), 0);
}

#[test]
fn older_keys_are_needed_while_something_they_sealed_is_there() {
    let host = Host::new();
    let (old, page) = put(&host.stage("a"), b"before");
    Keyring::rotate(host.data.path()).unwrap();
    let stage = host.stage("a");
    let (new, _) = put(&stage, b"after");
    assert_eq!(stage.keys_needed().unwrap(), [0, 1].into());
    assert_eq!(stage.read_page(&old).unwrap(), page);
    stage.collect(&HashMap::from([(new, true)])).unwrap();
    assert_eq!(stage.keys_needed().unwrap(), [1].into());
}
