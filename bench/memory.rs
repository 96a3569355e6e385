//! How the program grows: memory and cost per item over a hundred times as many items, and very large attachments.

use std::{io::Write as _, path::Path};

use anyhow::Result;
use world::VolumeOptions;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    record,
    support::{
        Bench,
        child::Usage,
        compare::Spread,
        export,
        installation::Installation,
        items::COPIES_PER_ITEM,
        table::{Row, Target, number},
    },
};

const MB: f64 = 1e6;
/// Greatest resident memory, in MB.
const PEAK: Target = Target::AtMost(150.0);
/// Bytes of memory for each item more.
const PER_ITEM: Target = Target::AtMost(100.0);
/// How much dearer an item may be among a million than among ten thousand.
const COST: Target = Target::AtMost(1.1);

/// Few items, more, and very many.
struct Sizes {
    few: u32,
    more: u32,
    many: u32,
}

fn sizes(bench: &Bench) -> Sizes {
    bench.choose(Sizes { few: 10_000, more: 100_000, many: 1_000_000 }, Sizes { few: 1_000, more: 5_000, many: 20_000 })
}

/// From a site: memory, and processor time for each item.
///
/// # Errors
/// When a run failed.
pub(crate) fn from_site(bench: &Bench) -> Result<Vec<Row>> {
    let Sizes { few, more, many } = sizes(bench);
    let sync = |items: u32| -> Result<Usage> {
        let options = VolumeOptions { items: items.into(), ..VolumeOptions::default() };
        let installation = Installation::of_site(bench, options)?;
        let usage = installation.sync(u64::from(items) * COPIES_PER_ITEM)?;
        installation.close(bench);
        Ok(usage)
    };
    // Starting, signing in and loading plugins cost the same however many items there are.
    let idle = cpu_us(&[sync(0)?, sync(0)?, sync(0)?]);
    let of_few = [sync(few)?, sync(few)?, sync(few)?];
    let of_more = sync(more)?;
    let of_many = sync(many)?;
    let mut rows = growth("site", &of_few[0], (more, &of_more), (many, &of_many));

    let per_item = |usages: &[Usage], items: u32| (cpu_us(usages) - idle) / f64::from(items);
    let (first, last) = (per_item(&of_few, few), per_item(&[of_many], many));
    let record = record::growth(few, many)?;
    let rest = (last - record.of_many) / (first - record.of_few);
    rows.push(Row::ratio(
        &format!("processor time per item, {many} items against {few}, everything"),
        &format!("{first:.0} µs"),
        &format!("{last:.0} µs"),
        last / first,
        Target::None,
    ));
    rows.push(Row::ratio(
        &format!(
            "of it ledger and index, measured alone: {:.0} % of an item's time among {few}, {:.0} % among {many}",
            100.0 * record.of_few / first,
            100.0 * record.of_many / last
        ),
        &format!("{:.0} µs", record.of_few),
        &format!("{:.0} µs", record.of_many),
        record.of_many / record.of_few,
        Target::None,
    ));
    rows.push(Row::ratio(
        "the rest: processor time per item without ledger and index",
        &format!("{:.0} µs", first - record.of_few),
        &format!("{:.0} µs", last - record.of_many),
        rest,
        COST,
    ));
    Ok(rows)
}

/// From one exported chat: memory.
///
/// # Errors
/// When a run failed.
pub(crate) fn from_export(bench: &Bench) -> Result<Vec<Row>> {
    let Sizes { few, more, many } = sizes(bench);
    let sync = |items: u32| -> Result<Usage> {
        let installation = Installation::of_export(|base| Ok(export::write(base, items)?))?;
        installation.sync(u64::from(items) * export::COPIES_PER_ITEM)
    };
    Ok(growth("exported chat", &sync(few)?, (more, &sync(more)?), (many, &sync(many)?)))
}

fn cpu_us(usages: &[Usage]) -> f64 {
    Spread::of(usages.iter().map(|usage| usage.cpu.as_secs_f64() * 1e6)).median
}

fn peak(usage: &Usage) -> f64 {
    usage.peak_rss_bytes as f64
}

fn growth(source: &str, of_few: &Usage, (more, of_more): (u32, &Usage), (many, of_many): (u32, &Usage)) -> Vec<Row> {
    let per_item = (peak(of_many) - peak(of_more)) / f64::from(many - more);
    let least = format!("{} MB for the fewest", number(peak(of_few) / MB));
    let ratio = format!("{:.2}", peak(of_many) / peak(of_few));
    let bytes = format!("{} MB for {more}", number(peak(of_more) / MB));
    vec![
        Row::value(
            &format!("peak RSS of `sync`, {source}, {many} items"),
            &least,
            &ratio,
            peak(of_many) / MB,
            " MB",
            PEAK,
        ),
        Row::value(
            &format!("memory of each item more, {source}, {more} to {many}"),
            &bytes,
            "–",
            per_item,
            " B",
            PER_ITEM,
        ),
    ]
}

/// Attachments of 100 MB: over HTTP from a site, and out of a zip.
///
/// # Errors
/// When a run failed.
pub(crate) fn attachments(bench: &Bench) -> Result<Vec<Row>> {
    let bytes = bench.choose(100 << 20, 20 << 20);
    let mut rows = Vec::new();
    let options = VolumeOptions { items: 3, attachment_every: 1, attachment_bytes: bytes, ..VolumeOptions::default() };
    let site = Installation::of_site(bench, options)?;
    let usage = site.sync(3 * COPIES_PER_ITEM)?;
    site.close(bench);
    let mb = bytes as f64 / MB;
    let mut row = |source: &str, usage: &Usage| {
        let what = format!("peak RSS of `sync`, {source} of {} MB each, two mailboxes", number(mb));
        let ratio = format!("{:.2} of one attachment", peak(usage) / (mb * MB));
        rows.push(Row::value(&what, "–", &ratio, peak(usage) / MB, " MB", PEAK));
    };
    row("three attachments from a site", &usage);
    let export = Installation::of_export(|base| write_zip(base, bytes))?;
    row("an attachment in a zip", &export.sync(export::COPIES_PER_ITEM * 2)?);
    Ok(rows)
}

/// A chat of two messages, the second with a film, as one zip.
fn write_zip(base: &Path, bytes: u64) -> Result<()> {
    const FILM: &str = "VID-20200101-WA0001.mp4";
    export::write_with(base, 1, &format!("{FILM} (file attached)"))?;
    let chat = base.join(export::CHAT);
    let text = std::fs::read(&chat)?;
    std::fs::remove_file(&chat)?;
    let mut zip = ZipWriter::new(std::fs::File::create(chat.with_extension("zip"))?);
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let name = chat.file_name().unwrap_or_default().to_string_lossy().into_owned();
    zip.start_file(name, packed)?;
    zip.write_all(&text)?;
    // A film does not shrink: it is stored, as phones do it.
    zip.start_file(FILM, SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true))?;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut chunk = vec![0_u8; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        for word in chunk.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let part = left.min(chunk.len() as u64);
        zip.write_all(&chunk[..usize::try_from(part)?])?;
        left -= part;
    }
    zip.finish()?;
    Ok(())
}
