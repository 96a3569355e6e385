//! The converter alone: sandboxed, with crossing, limits, epochs and the host's checks, against the bare code.

use std::{io, sync::Arc};

use anyhow::{Result, ensure};
use chancery::item::{Batch, BatchItem, BlobRef, BlobSource, Page, Party, limits};
use kit::converter::Converter as _;

use crate::{
    native,
    support::{
        Bench,
        compare::{Comparison, Sample, Stopwatch},
        items, sandboxed,
        table::{Row, Target},
    },
};

/// No item of this benchmark has an attachment.
struct NoBlobs;

impl BlobSource for NoBlobs {
    fn open(&self, _: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Measures both.
///
/// # Errors
/// When the converter failed.
pub(crate) fn alone(bench: &Bench) -> Result<Vec<Row>> {
    let batches = bench.choose(100, 20);
    let batch_items = u32::try_from(limits::CONVERT_ITEMS_MAX)?;
    let all = batches * batch_items;
    let pages: Vec<Page> =
        (0..batches).map(|number| items::page(number * batch_items, (number + 1) * batch_items, all)).collect();
    let prepared: Vec<Batch<'_>> = pages.iter().map(prepare).collect();
    let mut sandboxed = sandboxed::email(bench)?;
    let comparison = Comparison::interleave(
        bench.repetitions(),
        || {
            // Made before the watch starts: the linked code has its input as it wants it.
            let batches: Vec<_> = prepared.iter().map(native::batch).collect();
            let watch = Stopwatch::start();
            let mut written = 0;
            for batch in batches {
                written += email::Email::convert(batch).into_iter().filter(Result::is_ok).count();
            }
            finish(watch, written, all)
        },
        || {
            let watch = Stopwatch::start();
            let mut written = 0;
            for batch in &prepared {
                let conversions = bench.runtime.block_on(sandboxed.convert(batch, Arc::new(NoBlobs)))?;
                written += conversions.into_iter().filter(|converted| converted.result.is_ok()).count();
            }
            finish(watch, written, all)
        },
    )?;
    let what =
        format!("converter `email` alone, batches of {batch_items}, five people, 50 items a conversation, epochs on");
    Ok(vec![Row::compared(&what, "messages", &comparison, Target::AtLeast(0.5))])
}

fn finish(watch: Stopwatch, written: usize, all: u32) -> Result<Sample> {
    let sample = watch.stop(all.into());
    ensure!(written == all as usize, "{written} of {all} messages were written");
    Ok(sample)
}

/// A page as one batch; the first two seats of each conversation have mailboxes.
fn prepare(page: &Page) -> Batch<'_> {
    Batch {
        source: "synthetic",
        account: "bench-account",
        settings: "{}",
        people: page.people.iter().map(|person| Party { person, mailbox: person.email.as_deref() }).collect(),
        conversations: page.conversations.iter().collect(),
        items: page
            .items
            .iter()
            .map(|item| BatchItem {
                item,
                conversation: item.conversation,
                sender: item.sender,
                participants: item.participants.clone(),
                attachments: Vec::new(),
            })
            .collect(),
    }
}
