//! The whole pipeline into Maildir, durable, against writing the same files in the same batches and nothing else.

use std::{fs, io::Write as _, os::fd::OwnedFd, path::Path, sync::Arc};

use anyhow::{Result, ensure};
use chancery::item::limits;
use rustix::fs::{Mode, OFlags, openat, renameat, syncfs};
use world::{Faults, Site, Story, VolumeOptions};

use crate::support::{
    Bench,
    compare::{Comparison, Sample, Stopwatch},
    folder::{Folder, settle_disk},
    house::{House, MAIL_FOLDER, Parts, live, make_mailbox},
    items::{self, Synthetic},
    sandboxed,
    table::{Row, Target},
};

/// The part of the baseline's rate that is asked for.
const TARGET: Target = Target::AtLeast(0.8);

/// A mail as the pipeline wrote it.
pub(crate) struct Mail {
    pub(crate) mailbox: String,
    name: String,
    pub(crate) bytes: Vec<u8>,
}

/// From a source in this process: what the pipeline itself costs.
///
/// # Errors
/// When a run failed.
pub(crate) fn from_memory(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.choose(10_000, 1_000);
    let copies = u64::from(count) * items::COPIES_PER_ITEM;
    let due = live(items::START_MS, items::START_MS + i64::from(count) * 1000);
    let parts = || -> Result<Parts> {
        Ok(Parts {
            source: Box::new(Synthetic::new(count)),
            source_name: "synthetic",
            mapper: Box::new(sandboxed::users(bench, "{}", items::mapping())?),
            converter: Box::new(sandboxed::email(bench)?),
        })
    };
    let run = |house: &House| house.run(bench, parts()?, &due, copies);
    let mailboxes: Vec<String> = (0..items::MAILBOXES).map(items::address).collect();
    compare(
        bench,
        "pipeline into Maildir, durable; source in this process, mapper and converter sandboxed",
        &mailboxes,
        copies,
        run,
    )
}

/// From a site on loopback through the sandboxed source: the site and HTTP share the processors with the pipeline.
///
/// # Errors
/// When a run failed.
pub(crate) fn from_site(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.choose(10_000, 1_000);
    let options = VolumeOptions { items: count, text_bytes: 200, ..VolumeOptions::default() };
    let story = Arc::new(Story::volume(&options));
    let site = bench.runtime.block_on(Site::start(Arc::clone(&story), Faults::none()))?;
    let (start_ms, end_ms) = story.span_ms();
    let due = live(start_ms, end_ms);
    let copies = count * items::COPIES_PER_ITEM;
    let parts = || -> Result<Parts> {
        Ok(Parts {
            source: Box::new(sandboxed::telemessage(bench, &site)?),
            source_name: "telemessage",
            mapper: Box::new(sandboxed::users(bench, "{}", Vec::new())?),
            converter: Box::new(sandboxed::email(bench)?),
        })
    };
    let run = |house: &House| house.run(bench, parts()?, &due, copies);
    let mailboxes: Vec<String> = story.mailboxes().map(str::to_owned).collect();
    let rows = compare(
        bench,
        "the same, pulling from a site on loopback (site included), all three plugins sandboxed",
        &mailboxes,
        copies,
        run,
    );
    bench.runtime.block_on(site.shutdown());
    rows
}

/// Captures what the pipeline writes, then measures writing just that against the whole pipeline.
fn compare(
    bench: &Bench,
    what: &str,
    mailboxes: &[String],
    copies: u64,
    run: impl Fn(&House) -> Result<Sample>,
) -> Result<Vec<Row>> {
    let house = || House::new(mailboxes.iter().cloned());
    let first = house()?;
    run(&first)?;
    let mails = read(&first.mail())?;
    ensure!(mails.len() as u64 == copies, "there are {} mails instead of {copies}", mails.len());
    drop(first);
    let comparison = Comparison::interleave(bench.repetitions(), || write(mailboxes, &mails), || run(&house()?))?;
    Ok(vec![Row::compared(what, "copies", &comparison, TARGET)])
}

/// Every mail below a root, in the order of their dates: the order in which the pipeline wrote them.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn read(root: &Path) -> Result<Vec<Mail>> {
    let mut mails = Vec::new();
    for mailbox in fs::read_dir(root)? {
        let mailbox = mailbox?;
        for file in fs::read_dir(mailbox.path().join(format!(".{MAIL_FOLDER}/new")))? {
            let file = file?;
            mails.push(Mail {
                mailbox: mailbox.file_name().to_string_lossy().into_owned(),
                name: file.file_name().to_string_lossy().into_owned(),
                bytes: fs::read(file.path())?,
            });
        }
    }
    mails.sort_by(|one, other| (&one.name, &one.mailbox).cmp(&(&other.name, &other.mailbox)));
    Ok(mails)
}

/// The baseline: these files into these mailboxes, a batch at a time: write all, `syncfs`, rename all, `syncfs`. It
/// asks nothing, remembers nothing, and could not go on after a crash.
fn write(mailboxes: &[String], mails: &[Mail]) -> Result<Sample> {
    const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC);
    const FILE: OFlags = OFlags::CREATE.union(OFlags::EXCL).union(OFlags::WRONLY).union(OFlags::CLOEXEC);
    let folder = Folder::new("baseline")?;
    let mut open = Vec::with_capacity(mailboxes.len());
    for mailbox in mailboxes {
        let place = make_mailbox(folder.path(), mailbox)?;
        let part = |part: &str| rustix::fs::open(place.join(part), DIRECTORY, Mode::empty());
        open.push((mailbox.as_str(), part("tmp")?, part("new")?));
    }
    open.sort_by_key(|(mailbox, _, _)| *mailbox);
    let place_of = |mail: &Mail| -> Result<&(&str, OwnedFd, OwnedFd)> {
        let found = open.binary_search_by_key(&mail.mailbox.as_str(), |(mailbox, _, _)| *mailbox);
        found.map(|index| &open[index]).map_err(|_| anyhow::anyhow!("a mail lies in no mailbox"))
    };
    let system = rustix::fs::open(folder.path(), DIRECTORY, Mode::empty())?;
    settle_disk();
    let watch = Stopwatch::start();
    for batch in mails.chunks(limits::GROUP_COPIES_MAX) {
        for mail in batch {
            let (_, tmp, _) = place_of(mail)?;
            fs::File::from(openat(tmp, &mail.name, FILE, Mode::RUSR | Mode::WUSR)?).write_all(&mail.bytes)?;
        }
        syncfs(&system)?;
        for mail in batch {
            let (_, tmp, new) = place_of(mail)?;
            renameat(tmp, &mail.name, new, &mail.name)?;
        }
        syncfs(&system)?;
    }
    Ok(watch.stop(mails.len() as u64))
}
