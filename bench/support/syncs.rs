//! Counting by strace how often a program waits for the disk.

use std::fs;

use anyhow::{Context as _, Result};

use super::folder::Folder;

const CALLS: [&str; 6] = ["fsync", "fdatasync", "syncfs", "sync", "sync_file_range", "msync"];

/// A count of the syncs of one program and its children.
pub(crate) struct Syncs {
    folder: Folder,
    traced: String,
    summary: String,
}

impl Syncs {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// When there is no folder to be had.
    pub(crate) fn new() -> Result<Self> {
        let folder = Folder::new("strace")?;
        let summary = folder.path().join("summary").display().to_string();
        Ok(Self { folder, traced: format!("trace={}", CALLS.join(",")), summary })
    }

    /// What stands before the program and its arguments.
    pub(crate) fn command(&self) -> [&str; 7] {
        ["strace", "-f", "-c", "-e", &self.traced, "-o", &self.summary]
    }

    /// The calls, once the program has ended: each line of strace's table ends in the call's name and has their number
    /// in its fourth column.
    ///
    /// # Errors
    /// When strace left no table.
    pub(crate) fn count(&self) -> Result<u64> {
        let path = self.folder.path().join("summary");
        let summary = fs::read_to_string(path).context("strace left no summary")?;
        let mut calls = 0;
        for line in summary.lines() {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if columns.last().is_some_and(|name| CALLS.contains(name)) {
                let count = columns.get(3).and_then(|count| count.parse::<u64>().ok());
                calls += count.with_context(|| format!("strace's summary has an odd line: {line}"))?;
            }
        }
        Ok(calls)
    }
}
