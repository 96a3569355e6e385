//! What each source of files costs by itself: its file read to the end in the sandbox, page by page, nothing kept.
//!
//! A large file stands beside one of a tenth of its size, in the same run: an item must cost the same in both, and memory
//! must not follow the file.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use chancery::{
    config::PluginSource,
    item::{BlobRef, BlobSink, BlobWriter, limits},
    sandbox::{CallLimits, Egress, Folders, PullRequest, Reading, Sandbox, SourcePowers, SourceWorker},
    scheduler,
};
use serde::{Deserialize, Serialize};

use crate::support::{
    Bench, child,
    folder::Folder,
    inputs::{INPUTS, Input},
    sandboxed,
    table::{Row, Target, number},
};

/// The word that makes this program read a file with a source and say how it went.
pub(crate) const READ: &str = "read-source";

const MB: f64 = 1e6;
/// How much dearer an item may be in the large file, and how much more memory it may take.
const FLAT: Target = Target::AtMost(1.2);

/// What reading a file came to.
#[derive(Deserialize, Serialize)]
struct Read {
    items: u64,
    unreadable: u64,
    took: Duration,
}

/// Items a second, and greatest memory, of each source.
///
/// # Errors
/// When a file cannot be written or read.
pub(crate) fn of_files(bench: &Bench) -> Result<Vec<Row>> {
    let bytes = bench.choose(1_000_000_000, 20_000_000);
    let mut rows = Vec::new();
    for input in INPUTS {
        // Compiled here, so that the measured process does nothing but read.
        sandboxed::load(bench, input.source)?;
        let small = one(bench, input, bytes / 10)?;
        let large = one(bench, input, bytes)?;
        let rate = |of: &Measured| of.items as f64 / of.seconds;
        let shown = |of: &Measured| format!("{} items/s of {} MB", number(rate(of)), number(of.bytes as f64 / MB));
        rows.push(Row::ratio(
            &format!("source `{}` alone, sandboxed: time per item, large file against small", input.source),
            &shown(&small),
            &format!("{}, {} MB/s", shown(&large), number(large.bytes as f64 / MB / large.seconds)),
            rate(&small) / rate(&large),
            FLAT,
        ));
        let peak = |of: &Measured| of.peak_rss_bytes as f64 / MB;
        rows.push(Row::ratio(
            &format!("the same: peak RSS of the process, {} items", large.items),
            &format!("{} MB", number(peak(&small))),
            &format!("{} MB", number(peak(&large))),
            peak(&large) / peak(&small),
            FLAT,
        ));
    }
    Ok(rows)
}

struct Measured {
    items: u64,
    seconds: f64,
    bytes: u64,
    peak_rss_bytes: u64,
}

fn one(bench: &Bench, input: &Input, bytes: u64) -> Result<Measured> {
    let folder = Folder::new("source")?;
    let items = bytes / input.item_bytes;
    (input.write)(folder.path(), items)?;
    let code = bench.code();
    let arguments = [OsStr::new(READ), input.source.as_ref(), folder.path().as_os_str(), code.as_os_str()];
    let finished = child::run(std::env::current_exe()?, arguments)?;
    let read: Read = serde_json::from_slice(&finished.stdout)?;
    ensure!((read.items, read.unreadable) == (items, 0), "{}: {} of {items} items", input.source, read.items);
    Ok(Measured {
        items,
        seconds: read.took.as_secs_f64(),
        bytes: size(&folder.path().join("inbox"))?,
        peak_rss_bytes: finished.usage.peak_rss_bytes,
    })
}

/// Bytes of a folder's files.
fn size(folder: &Path) -> Result<u64> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// The measured process's whole life: `SOURCE FOLDER CODE`.
///
/// # Errors
/// When the source fails.
pub(crate) fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let (Some(source), Some(base), Some(code)) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("the reader is started by the benchmark only");
    };
    let input = INPUTS.iter().find(|input| source == input.source).context("no such source")?;
    let read = tokio::runtime::Runtime::new()?.block_on(read_all(input, Path::new(&base), code.into()))?;
    io::stdout().write_all(&serde_json::to_vec(&read)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn read_all(input: &Input, base: &Path, code: PathBuf) -> Result<Read> {
    let sandbox = Sandbox::new(Some(code), CallLimits::default())?;
    let plugin = scheduler::inspect(&sandbox, &PluginSource::Bundled(input.source.to_owned())).await?.plugin;
    let folders = Arc::new(Folders::new(base, vec!["inbox".to_owned()]));
    let powers = SourcePowers {
        connector: "bench".to_owned(),
        egress: Arc::new(Egress::closed()),
        folders: Arc::clone(&folders),
        attachment_bytes_max: limits::ATTACHMENT_BYTES_MAX,
    };
    let mut worker = SourceWorker::new(&sandbox, &plugin, powers, input.settings.to_owned())?;
    let account = worker.check().await?.id;
    let file = folders.list("inbox")?.into_iter().next().context("there is a file")?;
    folders.expect(&file);
    let reading = Reading::File(file.path);
    let (mut read, mut cursor) = (Read { items: 0, unreadable: 0, took: Duration::ZERO }, None);
    let started = Instant::now();
    loop {
        let request = PullRequest {
            reading: &reading,
            account: &account,
            bookmark: None,
            cursor: cursor.as_deref(),
            max_items: limits::PAGE_ITEMS_MAX,
        };
        let page = worker.pull(request, Arc::new(Nowhere)).await?;
        read.items += page.items.len() as u64;
        read.unreadable += page.unreadable.len() as u64;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    read.took = started.elapsed();
    Ok(read)
}

/// No input here has an attachment.
struct Nowhere;

impl BlobSink for Nowhere {
    fn create(&self) -> io::Result<Box<dyn BlobWriter>> {
        Ok(Box::new(Self))
    }
}

impl BlobWriter for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<BlobRef> {
        Err(io::Error::other("nothing is kept"))
    }
}
