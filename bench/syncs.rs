//! Syncs per message: every call of the program that makes the disk wait, counted by strace.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use world::VolumeOptions;

use crate::support::{
    Bench,
    folder::Folder,
    installation::{Installation, PROGRAM, check},
    items::COPIES_PER_ITEM,
    syncs::Syncs,
    table::{Row, Target, number},
};

/// The word that makes this program the naive writer.
pub(crate) const NAIVE_WRITER: &str = "naive-writer";

/// Counts both.
///
/// # Errors
/// When a run failed; a machine without strace has the row skipped.
pub(crate) fn per_message(bench: &Bench) -> Result<Vec<Row>> {
    let what = "syncs per message into Maildir, everything counted, keys and opening included";
    if let Err(error) = Command::new("strace").arg("-V").stdout(Stdio::null()).status() {
        return Ok(vec![Row::skipped(what, &format!("strace cannot be started ({error})"))]);
    }
    let items = bench.choose(10_000, 1_000);
    let copies = items * COPIES_PER_ITEM;
    let installation = Installation::of_site(bench, VolumeOptions { items, ..VolumeOptions::default() })?;
    let arguments = ["--config".into(), installation.configuration().into_os_string(), "sync".into(), "--json".into()];
    let (syncs, answer) = traced(PROGRAM.as_ref(), &arguments)?;
    check(&answer, copies)?;
    installation.close(bench);

    let folder = Folder::new("naive")?;
    let naive_count = 500_u64;
    let arguments = [NAIVE_WRITER.into(), folder.path().into(), naive_count.to_string().into()];
    let (naive_syncs, _) = traced(std::env::current_exe()?.as_os_str(), &arguments)?;
    let naive = naive_syncs as f64 / naive_count as f64;
    let value = syncs as f64 / copies as f64;
    Ok(vec![Row::value(
        what,
        &format!("{} (one file at a time: fsync, rename, fsync of the folder)", number(naive)),
        &format!("1/{:.0}", naive / value),
        value,
        "",
        Target::AtMost(0.02),
    )])
}

/// Runs a program under strace and gives its number of syncs and what it said.
fn traced(program: &OsStr, arguments: &[OsString]) -> Result<(u64, Vec<u8>)> {
    let syncs = Syncs::new()?;
    let [strace, options @ ..] = syncs.command();
    let output =
        Command::new(strace).args(options).arg(program).args(arguments).output().context("cannot start strace")?;
    ensure!(output.status.success(), "strace: {}", String::from_utf8_lossy(&output.stderr));
    Ok((syncs.count()?, output.stdout))
}

/// The baseline's whole life: `FOLDER COUNT`. Each message is made durable before the next is written.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn naive_writer(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        bail!("the naive writer is started by the benchmark only");
    };
    let folder = Path::new(&folder);
    let count: u64 = count.to_string_lossy().parse()?;
    let (tmp, new) = (folder.join("tmp"), folder.join("new"));
    fs::create_dir_all(&tmp)?;
    fs::create_dir_all(&new)?;
    for number in 0..count {
        let name = number.to_string();
        let mut file = File::create(tmp.join(&name))?;
        file.write_all(&[b'x'; 1500])?;
        file.sync_all()?;
        fs::rename(tmp.join(&name), new.join(&name))?;
        File::open(&new)?.sync_all()?;
    }
    Ok(ExitCode::SUCCESS)
}
