//! A source of files tried: pages from nothing but their cursor, of any size; files that are cut and damaged; cursors that nobody
//! gave out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    Finding, Trial, asking,
    exchange::Exchange,
    failed,
    golden::{self, trouble},
    memory::Memory,
    watch::Watch,
    with_defaults,
};
use crate::{
    item::{Content, Failure, Item, Page, PluginKind, ReadingMode, descriptor::SourceTraits, limits},
    sandbox::{Egress, FileStamp, Folders, Plugin, PullRequest, Reading, Sandbox, SourcePowers, SourceWorker},
};

/// Items a page: as in practice, and few, so that pages end everywhere.
const PAGE_ITEMS: [u32; 3] = [500, 3, 1];
/// Pages of a file, before it is called endless.
pub(super) const PAGES_MAX: usize = 100_000;

/// A file's items and more, page by page.
#[derive(Default)]
struct Walked {
    /// One JSON document each, with what they refer to.
    items: Vec<Value>,
    unreadable: Vec<Value>,
    cursors: Vec<Vec<u8>>,
    bookmark: Option<Vec<u8>>,
}

impl Walked {
    fn is_same(&self, other: &Self) -> bool {
        (&self.items, &self.unreadable, &self.bookmark) == (&other.items, &other.unreadable, &other.bookmark)
    }
}

/// How the pages of a file are asked for.
#[derive(Clone, Copy)]
struct Way {
    items_max: u32,
    /// A fresh instance for each page, and each page twice.
    is_fresh: bool,
}

pub(super) async fn test(sandbox: &Sandbox, plugin: &Plugin, trial: Trial<'_>) -> Result<Vec<Finding>, Failure> {
    let Some(cases) = trial.cases else {
        let (text, hint) = if reads_files(plugin) {
            let hint = "`--cases DIR`; a case is a folder with `settings.json` and the files";
            ("no case was given: a source of files is tried with files", hint)
        } else {
            let hint =
                "`--cases DIR`; record one: `chancery plugin run --connector NAME --window A..B --record DIR/one`";
            ("no case was given: a source that asks over HTTP is tried with a recorded exchange", hint)
        };
        return Ok(vec![Finding::note("pages", text, hint)]);
    };
    let mut findings = Vec::new();
    for case in golden::cases(cases)? {
        findings.extend(one(sandbox, plugin, &case, trial).await?);
    }
    Ok(findings)
}

/// Tries one case.
pub(super) async fn one(
    sandbox: &Sandbox,
    plugin: &Plugin,
    case: &Path,
    trial: Trial<'_>,
) -> Result<Vec<Finding>, Failure> {
    if let Some(exchange) = Exchange::of(case)? {
        return asking::one(sandbox, plugin, case, exchange, trial).await;
    }
    let tried = match At::new(sandbox, plugin, &golden::settings(case, &trial)?) {
        Ok(at) => at.tried(case).await,
        Err(bad) => Err(bad),
    };
    Ok(match tried {
        Ok((mut findings, shown)) => {
            findings.extend(golden::compare(case, "expected.jsonl", shown.as_bytes(), trial.update)?);
            findings
        }
        Err(bad) => vec![bad],
    })
}

/// Whether it is a source that reads a folder of files.
pub(super) fn reads_files(plugin: &Plugin) -> bool {
    matches!(&plugin.descriptor.kind, PluginKind::Source(traits) if traits.reading == ReadingMode::Whole && traits.folder_setting.is_some())
}

/// A source of files with settings.
pub(super) struct At<'a> {
    sandbox: &'a Sandbox,
    plugin: &'a Plugin,
    settings: String,
    /// Below the case's folder.
    pub(super) folder: String,
    endings: &'a [String],
    pub(super) watch: Watch,
}

impl<'a> At<'a> {
    /// With these settings, which must pass its schema.
    pub(super) fn new(sandbox: &'a Sandbox, plugin: &'a Plugin, settings: &str) -> Result<Self, Finding> {
        let settings = with_defaults(plugin, settings)?;
        let PluginKind::Source(SourceTraits { folder_setting, file_endings, .. }) = &plugin.descriptor.kind else {
            return Err(Finding::bad("world", "it is no source", "give a source"));
        };
        let given: Value = serde_json::from_str(&settings).unwrap_or_default();
        let folder = folder_setting.as_ref().and_then(|setting| given.get(setting)?.as_str()).unwrap_or_default();
        Ok(Self {
            sandbox,
            plugin,
            folder: folder.to_owned(),
            endings: file_endings,
            settings,
            watch: Watch::default(),
        })
    }

    async fn tried(&self, case: &Path) -> Result<(Vec<Finding>, String), Finding> {
        let name = case.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let files = self.files(case)?;
        let account = self.worker(case).check().await.map_err(|failure| failed("check", &failure))?.id;
        let (mut findings, mut shown, mut ids) = (Vec::new(), String::new(), BTreeMap::new());
        let (mut items, mut pages, mut twice, mut odd, mut written) = (0, 0, BTreeSet::new(), Vec::new(), Vec::new());
        for file in &files {
            let mut expected: Option<Walked> = None;
            for (items_max, is_fresh) in PAGE_ITEMS.into_iter().flat_map(|max| [(max, false), (max, true)]) {
                let way = Way { items_max, is_fresh };
                let walked = match self.walk(case, &account, file, way).await {
                    Ok(walked) => walked,
                    Err(bad) if bad.about == "refused" => {
                        shown += &format!("{}\n", json!({ "file": file.path, "refused": bad.text }));
                        break;
                    }
                    Err(bad) => return Err(bad),
                };
                pages += walked.cursors.len() + 1;
                match &expected {
                    None => expected = Some(walked),
                    Some(expected) if expected.is_same(&walked) => {}
                    Some(_) => odd.push(format!("{} in pages of {items_max}", file.path)),
                }
            }
            let Some(walked) = expected else { continue };
            items += walked.items.len() + walked.unreadable.len();
            for item in &walked.items {
                written.extend(texts(item));
                let key =
                    [&item["id"], &item["event"], &item["revision"], &item["owner"]].map(Value::to_string).join(" ");
                // A source may say the same thing twice; it may not call two things the same.
                let first = ids.entry((file.path.clone(), key.clone())).or_insert_with(|| item.clone());
                if first != item {
                    twice.insert(key);
                }
            }
            for document in walked.items.iter().chain(&walked.unreadable) {
                shown += &format!("{document}\n");
            }
            findings.extend(self.abnormal(case, &account, file, &walked).await);
            findings.extend(self.damaged(case, &account, file).await?);
        }
        let mut held = |about, bad: Vec<String>, good: String, hint: &str| {
            findings.push(if bad.is_empty() {
                Finding::good(about, format!("{name}: {good}"))
            } else {
                Finding::bad(about, format!("{name}: {}", bad.join(", ")), hint)
            });
        };
        held(
            "pages",
            odd,
            format!("{items} items of {} files, the same in {pages} pages of any size", files.len()),
            "put everything that a page needs into the cursor; an instance may be replaced after every page",
        );
        held(
            "ids",
            twice.into_iter().collect(),
            "an id means one thing".to_owned(),
            "an id belongs to one thing that happened: prefix what is unique in a channel only, number what is equal",
        );
        findings.push(self.watch.cost());
        findings.push(self.watch.discretion(written.iter().map(String::as_str)));
        Ok((findings, shown))
    }

    pub(super) fn worker(&self, base: &Path) -> SourceWorkerAt<'_> {
        SourceWorkerAt { at: self, base: base.to_owned() }
    }

    pub(super) fn files(&self, base: &Path) -> Result<Vec<FileStamp>, Finding> {
        let stamps = self.granted(base).list(&self.folder).map_err(|failure| failed("pages", &failure))?;
        let is_read = |stamp: &FileStamp| {
            let path = stamp.path.to_lowercase();
            self.endings.is_empty() || self.endings.iter().any(|ending| path.ends_with(ending.as_str()))
        };
        Ok(stamps.into_iter().filter(is_read).collect())
    }

    pub(super) fn granted(&self, base: &Path) -> Arc<Folders> {
        Arc::new(Folders::new(base, vec![self.folder.clone()]))
    }

    /// All pages of a file. A refusal of the file as a whole is `refused`; everything else that ends it is the plugin's fault.
    async fn walk(&self, base: &Path, account: &str, file: &FileStamp, way: Way) -> Result<Walked, Finding> {
        let at = self.worker(base);
        let (folders, mut worker) = at.make()?;
        folders.expect(file);
        let (mut walked, mut cursor) = (Walked::default(), None::<Vec<u8>>);
        loop {
            let call = self.watch.call();
            let page = pull(&mut worker, account, file, cursor.as_deref(), way.items_max).await;
            call.ended_with(worker.last_call(), &page);
            let page = page.map_err(|failure| ended(&failure))?;
            if way.is_fresh {
                worker.replace_instance();
                let again = pull(&mut worker, account, file, cursor.as_deref(), way.items_max).await;
                if again.map_err(|failure| ended(&failure))? != page {
                    let text = format!("{}: the same cursor gives another page", file.path);
                    let hint = "a page may depend on its request alone: no state, no clock, no randomness";
                    return Err(Finding::bad("same-page", text, hint));
                }
            }
            walked.items.extend(page.items.iter().map(|item| document(&page, item)));
            page.unreadable.iter().for_each(|entry| self.watch.told(&entry.message));
            walked.unreadable.extend(page.unreadable.iter().map(unread));
            match page.cursor {
                None => {
                    walked.bookmark = page.bookmark;
                    return Ok(walked);
                }
                Some(next) => {
                    walked.cursors.push(next.clone());
                    cursor = Some(next);
                }
            }
            if walked.cursors.len() > PAGES_MAX {
                let text = format!("{}: there is no end after {PAGES_MAX} pages", file.path);
                return Err(Finding::bad("pages", text, "each page must bring the cursor nearer to the end"));
            }
        }
    }

    /// Cursors that nobody gave out: of an older or later version, cut, damaged.
    async fn abnormal(&self, base: &Path, account: &str, file: &FileStamp, walked: &Walked) -> Vec<Finding> {
        self.survives(base, account, file, "cursors", &foreign_cursors(&walked.cursors)).await
    }

    async fn survives(
        &self,
        base: &Path,
        account: &str,
        file: &FileStamp,
        about: &'static str,
        cursors: &[Vec<u8>],
    ) -> Vec<Finding> {
        let at = self.worker(base);
        let mut bad = Vec::new();
        for cursor in cursors {
            let (folders, mut worker) = match at.make() {
                Ok(made) => made,
                Err(finding) => return vec![finding],
            };
            folders.expect(file);
            let call = self.watch.call();
            let answer = pull(&mut worker, account, file, Some(cursor), PAGE_ITEMS[1]).await;
            call.ended_with(worker.last_call(), &answer);
            bad.extend(answer.err().filter(is_ended_badly));
        }
        let hint = "answer a cursor that is not yours with an error (`rejected`, `unknown-cursor`), not with a panic";
        bad.first()
            .map(|failure| Finding::bad(about, format!("{}: {}", file.path, failure.message), hint))
            .into_iter()
            .collect()
    }

    /// The file cut at several places, and with a byte changed.
    async fn damaged(&self, case: &Path, account: &str, file: &FileStamp) -> Result<Vec<Finding>, Finding> {
        let unable = |failure: Failure| failed("damaged", &failure);
        let path = case.join(&file.path);
        let bytes = fs::read(&path).map_err(|error| unable(trouble(&path, "read", &error)))?;
        let mut variants: Vec<Vec<u8>> = [0, 1, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)]
            .map(|end| bytes[..end.min(bytes.len())].to_vec())
            .into();
        for place in
            [bytes.len() / 4, bytes.len() / 2, bytes.len() * 3 / 4].into_iter().filter(|place| *place < bytes.len())
        {
            let mut changed = bytes.clone();
            changed[place] ^= 0xff;
            variants.push(changed);
        }
        let aside = tempfile::tempdir()
            .map_err(|error| unable(trouble(&PathBuf::from("a temporary folder"), "make", &error)))?;
        let copy = aside.path().join(&file.path);
        let made = copy.parent().map_or(Ok(()), fs::create_dir_all);
        made.map_err(|error| unable(trouble(&copy, "make", &error)))?;
        let mut bad = Vec::new();
        for variant in variants {
            fs::write(&copy, &variant).map_err(|error| unable(trouble(&copy, "write", &error)))?;
            let files = self.files(aside.path())?;
            let Some(stamp) = files.iter().find(|stamp| stamp.path == file.path) else { continue };
            match self.walk(aside.path(), account, stamp, Way { items_max: PAGE_ITEMS[0], is_fresh: false }).await {
                Err(finding) if finding.about != "refused" => bad.push(finding.text),
                _ => {}
            }
        }
        let hint = "a file that is cut or damaged is a `rejected` error or an `unreadable`, never a panic";
        Ok(bad.first().map(|text| Finding::bad("damaged", text.clone(), hint)).into_iter().collect())
    }
}

/// What a person wrote, of an item as JSON.
pub(super) fn texts(item: &Value) -> impl Iterator<Item = String> {
    [&item["text"], &item["previous_text"]].into_iter().filter_map(Value::as_str).map(str::to_owned)
}

/// Cursors that nobody gave out, some of them near to those that were.
pub(super) fn foreign_cursors(given: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut cursors = vec![Vec::new(), vec![0], vec![0xff; 64], b"{\"offset\":-1}".to_vec()];
    for cursor in given.iter().take(3) {
        cursors.push(cursor[..cursor.len() / 2].to_vec());
        cursors.push([cursor.as_slice(), b"x"].concat());
        cursors.push(cursor.iter().map(|byte| byte ^ 0x80).collect());
    }
    cursors
}

/// Makes workers over a folder.
pub(super) struct SourceWorkerAt<'a> {
    at: &'a At<'a>,
    base: PathBuf,
}

impl SourceWorkerAt<'_> {
    pub(super) fn make(&self) -> Result<(Arc<Folders>, SourceWorker), Finding> {
        let folders = self.at.granted(&self.base);
        let powers = SourcePowers {
            connector: "trial".to_owned(),
            egress: Arc::new(Egress::closed()),
            folders: Arc::clone(&folders),
            attachment_bytes_max: limits::ATTACHMENT_BYTES_MAX,
        };
        let worker = SourceWorker::new(self.at.sandbox, self.at.plugin, powers, self.at.settings.clone());
        Ok((folders, worker.map_err(|failure| failed("pages", &failure))?))
    }

    pub(super) async fn check(&self) -> Result<crate::sandbox::Account, Failure> {
        let (_, mut worker) = self
            .make()
            .map_err(|finding| Failure::new("plugin-world", crate::item::NextMove::AskPerson, finding.text))?;
        worker.check().await
    }
}

pub(super) async fn pull(
    worker: &mut SourceWorker,
    account: &str,
    file: &FileStamp,
    cursor: Option<&[u8]>,
    max_items: u32,
) -> Result<Page, Failure> {
    let reading = Reading::File(file.path.clone());
    let request = PullRequest { reading: &reading, account, bookmark: None, cursor, max_items };
    worker.pull(request, Arc::new(Memory::default())).await
}

/// Whether a call ended by itself, with an answer that keeps to the contract, or was ended.
pub(super) fn is_ended_badly(failure: &Failure) -> bool {
    failure.code.starts_with("plugin-") && failure.code != "plugin-error"
}

fn ended(failure: &Failure) -> Finding {
    if is_ended_badly(failure) {
        return failed("pages", failure);
    }
    Finding::bad("refused", format!("{} ({})", failure.message, failure.code), "")
}

pub(super) fn unread(of: &crate::item::Unreadable) -> Value {
    json!({ "unreadable": of.code, "id": of.id, "message": of.message, "bytes": of.original.len() })
}

/// An item with what it refers to, as indices differ from page to page.
pub(super) fn document(page: &Page, item: &Item) -> Value {
    let person = |place: u32| page.people.get(place as usize).map(|person| json!(person));
    let conversation = page.conversations.get(item.conversation as usize);
    let file = |of: &crate::item::Attachment| {
        let content = match &of.content {
            Content::Present(blob) => json!({ "bytes": blob.size, "sha256": crate::item::hex(&blob.sha256) }),
            other => json!(other),
        };
        json!({ "name": of.name, "media_type": of.media_type, "content": content, "extensions": of.extensions })
    };
    json!({
        "id": item.id, "event": item.event, "revision": item.revision, "conversation": conversation,
        "sender": item.sender.and_then(person), "owner": item.owner.and_then(person),
        "participants": item.participants.iter().map(|place| person(*place)).collect::<Vec<_>>(),
        "direction": item.direction, "sent_at_ms": item.sent_at_ms, "zone": item.zone, "text": item.text,
        "previous_text": item.previous_text, "refers_to": item.refers_to, "call": item.call,
        "attachments": item.attachments.iter().map(file).collect::<Vec<_>>(),
        "original_bytes": item.original.as_ref().map(Vec::len), "extensions": item.extensions,
    })
}
