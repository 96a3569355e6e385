//! Folders to work in, below cargo's target folder: `/tmp` may be memory, where a sync costs nothing.
//!
//! `CHANCERY_BENCH_DIR` names another place. With `CHANCERY_BENCH_KEEP` set the folders stay: where a file system
//! discards freed blocks at once (mount option `discard`), deleting what a run wrote takes longer than the run and
//! disturbs the next one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A folder that goes when it is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A new one; `what` helps whoever finds it after a crash.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(what: &str) -> Result<Self> {
        let root = root();
        tempfile::Builder::new()
            .prefix(&format!("bench-{what}-"))
            .disable_cleanup(std::env::var_os("CHANCERY_BENCH_KEEP").is_some())
            .tempdir_in(&root)
            .map(Self)
            .with_context(|| format!("cannot make a folder in `{}`", root.display()))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

fn root() -> PathBuf {
    std::env::var_os("CHANCERY_BENCH_DIR").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from)
}

/// Waits until what earlier work left to be written is written, so that it does not count against what follows.
pub(crate) fn settle_disk() {
    rustix::fs::sync();
}

/// The kind of file system the folders lie on, for the table's head.
pub(crate) fn file_system() -> &'static str {
    const KNOWN: [(u64, &str); 6] = [
        (0xEF53, "ext4"),
        (0x5846_5342, "xfs"),
        (0x9123_683E, "btrfs"),
        (0x0102_1994, "tmpfs (memory: syncs cost nothing, the durable rows mean nothing)"),
        (0x794C_7630, "overlayfs"),
        (0x2FC1_2FC1, "zfs"),
    ];
    let magic = rustix::fs::statfs(root()).map(|found| found.f_type as u64).unwrap_or_default();
    KNOWN.iter().find(|(number, _)| *number == magic).map_or("another file system", |(_, name)| name)
}
