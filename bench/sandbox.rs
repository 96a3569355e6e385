//! What the sandbox costs the whole pipeline: the same plugins, sandboxed and linked into this program.

use anyhow::Result;

use crate::{
    native,
    support::{
        Bench,
        compare::Comparison,
        export,
        folder::Folder,
        house::{House, Parts, live, snapshot},
        items::{self, Synthetic},
        sandboxed,
        table::{Row, Target},
    },
};

/// The part of the linked plugins' rate that is asked for.
const TARGET: Target = Target::AtLeast(0.9);

/// Mapper and converter, with a source in this process.
///
/// # Errors
/// When a run failed.
pub(crate) fn mapper_and_converter(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.choose(10_000, 1_000);
    let copies = u64::from(count) * items::COPIES_PER_ITEM;
    let due = live(items::START_MS, items::START_MS + i64::from(count) * 1000);
    let house = || House::new((0..items::MAILBOXES).map(items::address));
    let parts = |mapper, converter| Parts {
        source: Box::new(Synthetic::new(count)),
        source_name: "synthetic",
        mapper,
        converter,
    };
    let comparison = Comparison::interleave(
        bench.repetitions(),
        || {
            let mapper = Box::new(native::Users::load("{}", &items::mapping())?);
            house()?.run(bench, parts(mapper, Box::new(native::Email)), &due, copies)
        },
        || {
            let mapper = Box::new(sandboxed::users(bench, "{}", items::mapping())?);
            house()?.run(bench, parts(mapper, Box::new(sandboxed::email(bench)?)), &due, copies)
        },
    )?;
    let what = "the sandbox's price, whole pipeline into Maildir: mapper and converter sandboxed, against linked";
    Ok(vec![Row::compared(what, "copies", &comparison, TARGET)])
}

/// All three, reading an exported chat.
///
/// # Errors
/// When a run failed.
pub(crate) fn all_three(bench: &Bench) -> Result<Vec<Row>> {
    let count = bench.choose(10_000, 1_000);
    let copies = u64::from(count) * export::COPIES_PER_ITEM;
    let folder = Folder::new("chat")?;
    export::write(folder.path(), count)?;
    let due = snapshot(folder.path(), export::CHAT, items::START_MS)?;
    let house = || House::new(export::MAILBOXES.map(str::to_owned));
    let parts = |source, mapper, converter| Parts { source, source_name: "whatsapp-export", mapper, converter };
    let comparison = Comparison::interleave(
        bench.repetitions(),
        || {
            let source = Box::new(native::WhatsappExport::new(folder.path().to_owned(), export::SETTINGS.to_owned()));
            let mapper = Box::new(native::Users::load("{}", &export::mapping())?);
            house()?.run(bench, parts(source, mapper, Box::new(native::Email)), &due, copies)
        },
        || {
            let source = Box::new(sandboxed::whatsapp_export(bench, folder.path())?);
            let mapper = Box::new(sandboxed::users(bench, "{}", export::mapping())?);
            house()?.run(bench, parts(source, mapper, Box::new(sandboxed::email(bench)?)), &due, copies)
        },
    )?;
    let what = "the same with an exported chat: source, mapper and converter sandboxed, against linked";
    Ok(vec![Row::compared(what, "copies", &comparison, TARGET)])
}
