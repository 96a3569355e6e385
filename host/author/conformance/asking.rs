//! A source that asks over HTTP tried against a recorded exchange: pages from nothing but their cursor, an other side that
//! throttles, fails and breaks off at each request, cursors that nobody gave out.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Finding, Trial,
    exchange::{Exchange, Fault, Recorder},
    failed, golden,
    golden::{file, trouble},
    memory::Memory,
    source::{PAGES_MAX, document, foreign_cursors, is_ended_badly, texts, unread},
    watch::{Used, Watch},
    with_defaults,
};
use crate::{
    item::{
        Failure, Interval, NextMove, Page, PluginKind, ReadingMode, TimestampMs, limits,
        time::{parse_instant, rfc3339},
    },
    sandbox::{Egress, Folders, Plugin, PullRequest, Reading, Sandbox, SourcePowers, SourceWorker},
};

/// The file of a case that says what is asked for.
const WINDOW: &str = "window.json";
/// Requests of a case at which faults are tried.
const FAULTY_REQUESTS_MAX: usize = 40;

/// What is asked for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Inclusive.
    start: String,
    /// Exclusive.
    end: String,
    page_items: u32,
}

/// A source between its calls, with what it is asked for.
struct Asking<'a> {
    sandbox: &'a Sandbox,
    plugin: &'a Plugin,
    settings: String,
    exchange: Arc<Exchange>,
    reading: Reading,
    page_items: u32,
    watch: Watch,
}

/// A page with the cursor it was asked for with, and how many requests it took.
struct Turned {
    cursor: Option<Vec<u8>>,
    page: Page,
    requests: usize,
}

/// Tries one case that has an exchange.
pub(super) async fn one(
    sandbox: &Sandbox,
    plugin: &Plugin,
    case: &Path,
    exchange: Exchange,
    trial: Trial<'_>,
) -> Result<Vec<Finding>, Failure> {
    let (reading, page_items) = asked(case, plugin)?;
    let settings = match with_defaults(plugin, &golden::settings(case, &trial)?) {
        Ok(settings) => settings,
        Err(bad) => return Ok(vec![bad]),
    };
    let asking = Asking {
        sandbox,
        plugin,
        settings,
        exchange: Arc::new(exchange),
        reading,
        page_items,
        watch: Watch::default(),
    };
    Ok(match asking.tried().await {
        Ok((mut findings, shown)) => {
            findings.extend(golden::compare(case, "expected.jsonl", shown.as_bytes(), trial.update)?);
            findings
        }
        Err(bad) => vec![bad],
    })
}

fn asked(case: &Path, plugin: &Plugin) -> Result<(Reading, u32), Failure> {
    let path = case.join(WINDOW);
    let wrong = |why: String| {
        let message = format!("`{}` does not say what is asked for: {why}", path.display());
        Failure::new("author-case", NextMove::AskPerson, message)
            .hint(r#"write `{"start":"2026-03-01T00:00:00Z","end":"2026-03-02T00:00:00Z","page_items":500}`"#)
    };
    let bytes = file(case, WINDOW)?.ok_or_else(|| wrong("it is not there".to_owned()))?;
    let asked: Asked = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let instant = |text: &str| parse_instant(text).map_err(wrong);
    let interval = Interval { start_ms: Some(instant(&asked.start)?), end_ms: instant(&asked.end)? };
    Ok((reading(plugin, interval), asked.page_items))
}

fn reading(plugin: &Plugin, interval: Interval) -> Reading {
    match &plugin.descriptor.kind {
        PluginKind::Source(traits) if traits.reading == ReadingMode::Since => Reading::Since,
        _ => Reading::Window(interval),
    }
}

impl Asking<'_> {
    async fn tried(&self) -> Result<(Vec<Finding>, String), Finding> {
        let mut used = self.worker()?;
        self.exchange.begin(None);
        let account = used.check().await.map_err(|failure| self.unanswered().unwrap_or(failed("check", &failure)))?.id;
        let pages = self.walk(&mut used, &account).await?;
        let mut findings = Vec::new();
        findings.push(self.same_pages(&account, &pages).await?);
        findings.push(ids(&pages));
        findings.extend(self.faults(&account, &pages).await?);
        findings.extend(self.cursors(&account, &pages).await?);
        let (mut shown, mut written) = (String::new(), Vec::new());
        for Turned { page, .. } in &pages {
            for item in &page.items {
                let item = document(page, item);
                written.extend(texts(&item));
                shown += &format!("{item}\n");
            }
            for entry in &page.unreadable {
                shown += &format!("{}\n", unread(entry));
            }
        }
        findings.push(self.watch.cost());
        findings.push(self.watch.discretion(written.iter().map(String::as_str)));
        Ok((findings, shown))
    }

    fn worker(&self) -> Result<SourceWorker, Finding> {
        let powers = SourcePowers {
            connector: "trial".to_owned(),
            egress: Arc::new(Egress::replayed(Arc::clone(&self.exchange) as _)),
            folders: Arc::new(Folders::none()),
            attachment_bytes_max: limits::ATTACHMENT_BYTES_MAX,
        };
        SourceWorker::new(self.sandbox, self.plugin, powers, self.settings.clone())
            .map_err(|failure| failed("pages", &failure))
    }

    /// Asks for a page, with a fault at one of its requests.
    async fn pull(
        &self,
        worker: &mut SourceWorker,
        account: &str,
        cursor: Option<&[u8]>,
        fault: Option<(usize, Fault)>,
    ) -> Result<Page, Failure> {
        self.exchange.begin(fault);
        let call = self.watch.call();
        let page = pull(worker, &self.reading, account, cursor, self.page_items).await;
        call.ended_with(worker.last_call(), &page);
        page
    }

    async fn walk(&self, worker: &mut SourceWorker, account: &str) -> Result<Vec<Turned>, Finding> {
        let (mut pages, mut cursor) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let page = self.pull(worker, account, cursor.as_deref(), None).await;
            if let Some(bad) = self.unanswered() {
                return Err(bad);
            }
            let page = page.map_err(|failure| failed("pages", &failure))?;
            let next = page.cursor.clone();
            pages.push(Turned { cursor, page, requests: self.exchange.asked() });
            if next.is_none() {
                return Ok(pages);
            }
            if pages.len() > PAGES_MAX {
                let hint = "each page must bring the cursor nearer to the end";
                return Err(Finding::bad("pages", format!("there is no end after {PAGES_MAX} pages"), hint));
            }
            cursor = next;
        }
    }

    /// What was asked since the exchange began, and has no answer in it.
    fn unanswered(&self) -> Option<Finding> {
        let missed = self.exchange.missed();
        let first = missed.first()?;
        let text = format!("it asks for what the record has no answer to: {first}, and {} more", missed.len() - 1);
        Some(Finding::bad("exchange", text, "record it anew, or make the source ask the same each time"))
    }

    /// Each page from a fresh instance.
    async fn same_pages(&self, account: &str, pages: &[Turned]) -> Result<Finding, Finding> {
        let mut odd = 0;
        for turned in pages {
            let page = self.pull(&mut self.worker()?, account, turned.cursor.as_deref(), None).await;
            odd += usize::from(page.map_err(|failure| failed("pages", &failure))? != turned.page);
        }
        let items: usize = pages.iter().map(|turned| turned.page.items.len()).sum();
        Ok(if odd == 0 {
            Finding::good("pages", format!("{items} items in {} pages, the same from fresh instances", pages.len()))
        } else {
            let hint = "put everything that a page needs into the cursor; an instance may be replaced after every page";
            Finding::bad("pages", format!("{odd} of {} pages are others from a fresh instance", pages.len()), hint)
        })
    }

    /// An other side that fails at each request in turn: the source says so, and loses nothing.
    async fn faults(&self, account: &str, pages: &[Turned]) -> Result<Vec<Finding>, Finding> {
        let mut problems: BTreeMap<(&'static str, &'static str), String> = BTreeMap::new();
        let mut tried = 0;
        let places = pages.iter().flat_map(|turned| (0..turned.requests).map(move |request| (turned, request)));
        for (turned, request) in places.take(FAULTY_REQUESTS_MAX) {
            let mut worker = self.worker()?;
            for fault in Fault::ALL {
                tried += 1;
                let answer = self.pull(&mut worker, account, turned.cursor.as_deref(), Some((request, fault))).await;
                if let Some((about, hint, why)) = judge(&answer, &turned.page, fault) {
                    let text = format!("{} at request {request}: {why}", fault.words());
                    problems.entry((about, hint)).or_insert(text);
                }
                let again = self.pull(&mut worker, account, turned.cursor.as_deref(), None).await;
                if again.ok().as_ref() != Some(&turned.page) {
                    let hint = "keep nothing of an attempt that failed";
                    let text = format!("after {} at request {request} the page is another", fault.words());
                    problems.entry(("recovery", hint)).or_insert(text);
                }
            }
        }
        if problems.is_empty() {
            let good = format!("{tried} faults of the other side are told or overcome, and the page is the same after");
            return Ok(vec![Finding::good("faults", good)]);
        }
        Ok(problems.into_iter().map(|((about, hint), text)| Finding::bad(about, text, hint)).collect())
    }

    async fn cursors(&self, account: &str, pages: &[Turned]) -> Result<Option<Finding>, Finding> {
        let given: Vec<Vec<u8>> = pages.iter().filter_map(|turned| turned.cursor.clone()).collect();
        for cursor in foreign_cursors(&given) {
            let answer = self.pull(&mut self.worker()?, account, Some(&cursor), None).await;
            if let Err(failure) = answer
                && is_ended_badly(&failure)
            {
                let hint =
                    "answer a cursor that is not yours with an error (`rejected`, `unknown-cursor`), not with a panic";
                return Ok(Some(Finding::bad("cursors", failure.message, hint)));
            }
        }
        Ok(None)
    }
}

/// What is wrong with an answer after a fault: about what, what helps, and why.
fn judge(answer: &Result<Page, Failure>, whole: &Page, fault: Fault) -> Option<(&'static str, &'static str, String)> {
    match answer {
        Err(failure) if is_ended_badly(failure) => {
            let hint = "an answer that cannot be read is an error (`retry`), never a panic";
            Some(("faults", hint, failure.message.clone()))
        }
        Err(failure) if fault.is_told() && !matches!(failure.next, NextMove::Retry { .. }) => {
            let hint = "429 is `rate-limited`, 5xx and a lost connection are `retry`: the host tries again";
            Some(("faults", hint, format!("it is not tried again ({})", failure.code)))
        }
        Err(Failure { next: NextMove::Retry { after }, .. })
            if fault == Fault::Throttles && *after < Some(Duration::from_secs(1)) =>
        {
            let hint = "hand `Retry-After` on as `retry-after-ms`";
            Some(("retry-after", hint, "the time to wait is not handed on".to_owned()))
        }
        Err(_) => None,
        Ok(page) if page == whole => None,
        Ok(page) => {
            let count = |page: &Page| page.items.len() + page.unreadable.len();
            let is_less = count(page) < count(whole) || (page.cursor.is_none() && whole.cursor.is_some());
            (fault.is_told() || is_less).then(|| {
                let hint = "what could not be asked for is an error: an answer without it says that there is no more";
                ("loss", hint, format!("a page of {} items comes, instead of {}", count(page), count(whole)))
            })
        }
    }
}

/// Whether an id means one thing.
fn ids(pages: &[Turned]) -> Finding {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    let mut twice = Vec::new();
    for Turned { page, .. } in pages {
        for item in page.items.iter().map(|item| document(page, item)) {
            let key = [&item["id"], &item["event"], &item["revision"], &item["owner"]].map(Value::to_string).join(" ");
            if known.entry(key.clone()).or_insert_with(|| item.clone()) != &item {
                twice.push(key);
            }
        }
    }
    if twice.is_empty() {
        return Finding::good("ids", "an id means one thing");
    }
    let hint =
        "an id belongs to one thing that happened: prefix what is unique in a channel only, number what is equal";
    Finding::bad("ids", twice.join(", "), hint)
}

async fn pull(
    worker: &mut SourceWorker,
    reading: &Reading,
    account: &str,
    cursor: Option<&[u8]>,
    max_items: u32,
) -> Result<Page, Failure> {
    let request = PullRequest { reading, account, bookmark: None, cursor, max_items };
    worker.pull(request, Arc::new(Memory::default())).await
}

/// What a source told of a window.
#[derive(Clone, Debug, Default)]
pub struct ReadWindow {
    /// Its items, and then what is unreadable, as JSON.
    pub items: Vec<Value>,
    /// How many of them are unreadable.
    pub unreadable: usize,
    /// Pages it took.
    pub pages: usize,
    /// What its calls came to.
    pub used: Used,
}

/// Asks a source for a window, once.
///
/// # Errors
/// What the source ends with.
pub(super) async fn ask(
    worker: &mut SourceWorker,
    plugin: &Plugin,
    (start_ms, end_ms): (TimestampMs, TimestampMs),
) -> Result<ReadWindow, Failure> {
    let reading = reading(plugin, Interval { start_ms: Some(start_ms), end_ms });
    let account = worker.check().await?.id;
    let watch = Watch::default();
    let (mut read, mut unreadable, mut cursor) = (ReadWindow::default(), Vec::new(), None::<Vec<u8>>);
    for _ in 0..PAGES_MAX {
        let call = watch.call();
        let page = pull(worker, &reading, &account, cursor.as_deref(), limits::PAGE_ITEMS_MAX).await;
        call.ended(worker.last_call());
        let page = page?;
        read.pages += 1;
        read.items.extend(page.items.iter().map(|item| document(&page, item)));
        unreadable.extend(page.unreadable.iter().map(unread));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    read.unreadable = unreadable.len();
    read.items.append(&mut unreadable);
    read.used = watch.used();
    Ok(read)
}

/// Keeps an exchange with what was asked for as a case: a folder that is not there yet.
///
/// # Errors
/// When it is there already, or cannot be written.
pub(super) fn keep(
    recorder: &Recorder,
    settings: &str,
    (start_ms, end_ms): (TimestampMs, TimestampMs),
    case: &Path,
) -> Result<(), Failure> {
    if case.exists() {
        let why = format!("`{}` is there already", case.display());
        return Err(Failure::new("author-case", NextMove::AskPerson, why).hint("choose another folder"));
    }
    let asked = Asked { start: rfc3339(start_ms), end: rfc3339(end_ms), page_items: limits::PAGE_ITEMS_MAX };
    std::fs::create_dir_all(case).map_err(|error| trouble(case, "make", &error))?;
    recorder.write(case)?;
    let write = |name: &str, text: String| {
        let path = case.join(name);
        std::fs::write(&path, text + "\n").map_err(|error| trouble(&path, "write", &error))
    };
    write("settings.json", settings.to_owned())?;
    write(WINDOW, serde_json::to_string(&asked).unwrap_or_default())
}
