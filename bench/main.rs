//! Chancery beside its baselines: `cargo bench --bench ratios -- [FILTER…] [--quick]` prints a table.
//!
//! | file | what it measures |
//! |---|---|
//! | [`imap`] | the pipeline into Dovecot, against a client that appends the same messages and nothing else |
//! | [`maildir`] | the pipeline into Maildir, against writing the same files and nothing else |
//! | [`sandbox`] | what the sandbox costs the pipeline, against the same plugins linked |
//! | [`converter`] | what it costs the converter alone |
//! | [`sources`] | each source of files alone, a large file against a small one |
//! | [`syncs`] | syncs per message, against a naive writer |
//! | [`memory`] | memory and cost per item from ten thousand items to a million; attachments of 100 MB |
//! | [`serve`] | how soon a service answers, and how much memory it keeps while it waits |
//! | [`record`] | ledger and index alone, whose share of that is stated |
//!
//! Every row measures both sides in the same run, in turn, several times, and says how far the repetitions lie apart.
//! Nothing here is a test: a loaded machine makes rows worse, not red. What the rows mean is in `docs/performance.md`.

mod converter;
#[path = "../tests/support/dovecot/server.rs"]
#[allow(clippy::unwrap_used, reason = "a server that cannot be started ends the benchmark")]
mod dovecot;
mod imap;
mod maildir;
mod memory;
mod native;
mod record;
mod sandbox;
mod serve;
mod sources;
mod support;
mod syncs;

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
    thread,
};

use anyhow::Result;

use support::{
    Bench, child, folder,
    table::{self, Row},
};

/// Measures some rows.
type Measure = fn(&Bench) -> Result<Vec<Row>>;

/// What there is to measure, by the names that filters are compared with.
const MEASURES: [(&str, Measure); 12] = [
    ("pipeline", maildir::from_memory),
    ("telemessage", maildir::from_site),
    ("imap", imap::into_dovecot),
    ("sandbox", sandbox::mapper_and_converter),
    ("export", sandbox::all_three),
    ("converter", converter::alone),
    ("sources", sources::of_files),
    ("syncs", syncs::per_message),
    ("serve", serve::waiting),
    ("attachments", memory::attachments),
    ("million-site", memory::from_site),
    ("million-export", memory::from_export),
];

fn main() -> Result<ExitCode> {
    let mut arguments = env::args_os().skip(1).peekable();
    let first = arguments.peek().and_then(|first| first.to_str()).map(str::to_owned);
    match first.as_deref() {
        Some(child::RELAY) => child::relay(arguments.skip(1)),
        Some(sources::READ) => sources::read(arguments.skip(1)),
        Some(syncs::NAIVE_WRITER) => syncs::naive_writer(arguments.skip(1)),
        _ => run(&arguments.collect::<Vec<_>>()),
    }
}

fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    if !words.contains(&"--bench") {
        writeln!(io::stderr(), "benchmarks run by `cargo bench --bench ratios`; nothing was measured")?;
        return Ok(ExitCode::SUCCESS);
    }
    let quick = words.contains(&"--quick");
    let filters: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
    let chosen: Vec<_> = MEASURES
        .into_iter()
        .filter(|(name, _)| filters.is_empty() || filters.iter().any(|filter| name.contains(filter)))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
        writeln!(io::stderr(), "nothing is called so; there are: {}", names.join(", "))?;
        return Ok(ExitCode::from(2));
    }
    let bench = Bench::new(quick)?;
    let processors = thread::available_parallelism().map_or(0, usize::from);
    let depth = if quick { ", quick: to see that it works, not to judge by" } else { "" };
    writeln!(io::stdout(), "{processors} processors, {}{depth}\n", folder::file_system())?;
    table::print_head()?;
    let mut failed = false;
    for (name, measure) in chosen {
        match measure(&bench) {
            Ok(rows) => rows.iter().try_for_each(Row::print)?,
            Err(error) => {
                failed = true;
                Row::skipped(name, &format!("{error:#}").replace('\n', " ")).print()?;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
