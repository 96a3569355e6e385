//! The signed statement that a window is sealed: what it holds, and the ledger's chain at that moment.
//!
//! It stands in the ledger (fact `window sealed`) and, as the same bytes, in
//! `checkpoints/<connector>/<window:016>-<group:016>.checkpoint`, to be copied to where the host cannot reach it.
//!
//! ```text
//! chancery checkpoint 1
//! connector whatsapp
//! window 3
//! kind live
//! start-ms 1793491200000        (`-` for a snapshot)
//! end-ms 1793577600000
//! items fetched 5 delivered 4 parked 1 duplicate 0 excluded 0 seen 0
//! copies 0 available 8 imported 7 partial 0 skipped 0 failed 1      (a line for each destination)
//! group 41                      (the last group before this statement)
//! chain <64 hex digits>         (the chain after that group)
//! at-ms 1793578500000
//! signature <128 hex digits>
//! ```

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::item::Interval;

use super::{
    counts::{CopyCounts, ItemCounts},
    error::StateError,
    files::{create_folder, list, replace},
    keys::hex,
    note::Lines,
    window::WindowKind,
};

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) window: u64,
    pub(super) kind: WindowKind,
    pub(super) interval: Interval,
    pub(super) items: ItemCounts,
    pub(super) copies: Vec<CopyCounts>,
    /// The last group before it, and the chain after that.
    pub(super) group: u64,
    pub(super) chain: [u8; 32],
    pub(super) at_ms: i64,
}

impl Checkpoint {
    /// The text to sign.
    pub(super) fn text(&self, connector: &str) -> String {
        let Self { window, kind, interval, items, copies, group, chain, at_ms } = self;
        let start = interval.start_ms.map_or("-".into(), |start| start.to_string());
        let ItemCounts { fetched, delivered, parked, duplicate, excluded, seen } = items;
        let mut text = format!(
            "chancery checkpoint 1\nconnector {connector}\nwindow {window}\nkind {}\nstart-ms {start}\nend-ms {}\n\
             items fetched {fetched} delivered {delivered} parked {parked} duplicate {duplicate} excluded {excluded} seen {seen}\n",
            kind.name(),
            interval.end_ms,
        );
        for (destination, counts) in copies.iter().enumerate() {
            let CopyCounts { available, imported, partial, skipped, failed, pending: _ } = counts;
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "copies {destination} available {available} imported {imported} partial {partial} skipped {skipped} failed {failed}"
            );
        }
        let _ = writeln!(text, "group {group}\nchain {}\nat-ms {at_ms}", hex(chain));
        text
    }

    /// Which window, group, chain and time a text speaks of; none when it is no checkpoint of this connector.
    pub(super) fn anchor(text: &str, connector: &str) -> Option<Anchor> {
        let mut lines = Lines::new(text);
        (lines.value("chancery")? == "checkpoint 1").then_some(())?;
        (lines.value("connector")? == connector).then_some(())?;
        let window = lines.number("window")?;
        let from = text.find("\ngroup ")? + 1;
        let mut lines = Lines::new(&text[from..]);
        let (group, chain) = (lines.number("group")?, lines.digest("chain")?);
        Some(Anchor { window, group, chain, at_ms: lines.value("at-ms")?.parse().ok()? })
    }
}

/// Binds a checkpoint to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) window: u64,
    pub(super) group: u64,
    pub(super) chain: [u8; 32],
    pub(super) at_ms: i64,
}

/// The folder of a connector's checkpoints.
pub(super) fn folder(data_dir: &Path, connector: &str) -> PathBuf {
    data_dir.join("checkpoints").join(connector)
}

/// The checkpoint files of a connector by the group that sealed, in their order.
pub(super) fn files(data_dir: &Path, connector: &str) -> Result<Vec<(u64, PathBuf)>, StateError> {
    let files = list(&folder(data_dir, connector))?;
    Ok(files.into_iter().filter_map(|(name, path)| Some((place(&name)?.1, path))).collect())
}

/// Window and group that a checkpoint's file name says; none for other files.
pub(super) fn place(file_name: &str) -> Option<(u64, u64)> {
    let (window, group) = file_name.strip_suffix(".checkpoint")?.split_once('-')?;
    Some((window.parse().ok()?, group.parse().ok()?))
}

/// Writes a note under its name, durably.
pub(super) fn write(data_dir: &Path, connector: &str, window: u64, group: u64, note: &[u8]) -> Result<(), StateError> {
    let folder = folder(data_dir, connector);
    create_folder(&folder)?;
    replace(&folder.join(format!("{window:016}-{group:016}.checkpoint")), note)
}
