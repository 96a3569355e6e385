//! Windows and pages, as callers write and read them.

use serde::{Deserialize, Serialize};

use crate::item::Interval;

use super::counts::{CopyCounts, ItemCounts};

/// Numbers a connector's windows in the order they were opened, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowId(pub u64);

/// Why something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// The time line: contiguous, and the only kind (with snapshots) that moves the bookmark.
    Live,
    /// One whole reading of a source without a time axis.
    Snapshot,
    /// An interval asked for by a person; its own lane.
    Backfill,
    /// A past interval read once more, to find what is late.
    Replay,
}

impl WindowKind {
    const ALL: [Self; 4] = [Self::Live, Self::Snapshot, Self::Backfill, Self::Replay];

    /// The stable kebab-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Snapshot => "snapshot",
            Self::Backfill => "backfill",
            Self::Replay => "replay",
        }
    }

    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    pub(super) fn moves_bookmark(self) -> bool {
        matches!(self, Self::Live | Self::Snapshot)
    }
}

/// What a window is read and converted with, as SHA-256 digests; changes take effect with the next window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pins {
    /// The source plugin.
    pub source: [u8; 32],
    /// The mapper plugin.
    pub mapper: [u8; 32],
    /// The converter plugin.
    pub converter: [u8; 32],
    /// All settings.
    pub settings: [u8; 32],
    /// The mapping's version; see `State::keep_mapping`.
    pub mapping: [u8; 32],
}

/// A window to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowOpen {
    /// Why it is read.
    pub kind: WindowKind,
    /// What it covers; a snapshot has no start, every other has.
    pub interval: Interval,
    /// What it is read with.
    pub pins: Pins,
    /// A snapshot's file path; private.
    pub subject: Option<String>,
}

/// What is learnt at a window's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowClose {
    /// What the source wants to remember.
    pub bookmark: Option<Vec<u8>>,
    /// How many items the source says there are.
    pub source_total: Option<u64>,
    /// The file that was read; private.
    pub file: Option<FileMemory>,
}

/// A file that was read whole, so that it is not read again while it stays the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMemory {
    /// Path as the caller writes it.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Modification time.
    pub modified_ms: i64,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// How far a window has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowState {
    /// Being read.
    Open,
    /// Read to its end, everything staged and planned.
    Closed,
    /// Nothing is pending and a checkpoint says so. A parked copy that is freed later is delivered under the same
    /// window; `seal_if_settled` then writes a further checkpoint.
    Sealed,
}

/// A window as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRow {
    /// Its number.
    pub id: WindowId,
    /// Why it is read.
    pub kind: WindowKind,
    /// What it covers.
    pub interval: Interval,
    /// What it is read with.
    pub pins: Pins,
    /// A snapshot's file path; none also when it was erased.
    pub subject: Option<String>,
    /// How far it has come.
    pub state: WindowState,
    /// Its items.
    pub items: ItemCounts,
    /// Items that are staged or under way.
    pub in_flight: u64,
    /// Items of it whose time lies in a window that was closed before.
    pub late: u64,
    /// Its copies; the index is the destination.
    pub copies: Vec<CopyCounts>,
    /// Pages staged.
    pub pages: u32,
    /// Whether the last page staged was the source's last.
    pub read_to_end: bool,
    /// Where the next page begins; none before the first page, after the last, and once the window is closed.
    pub cursor: Option<Vec<u8>>,
    /// While it is open: the bookmark of the last page.
    pub bookmark: Option<Vec<u8>>,
    /// How many items the source said there are.
    pub source_total: Option<u64>,
    /// The host's clock when it was opened.
    pub opened_at_ms: i64,
    /// When it was closed.
    pub closed_at_ms: Option<i64>,
    /// When it was last sealed.
    pub sealed_at_ms: Option<i64>,
}

/// A page as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRow {
    /// Its number in the window, from 0.
    pub seq: u32,
    /// Its name in the stage; all zero when it has none.
    pub page_name: [u8; 32],
    /// Its first item.
    pub first: super::plan::Ordinal,
    /// Its items; their ordinals follow one another.
    pub count: u32,
    /// Nothing of it is under way.
    pub settled: bool,
    /// Items of it that are parked.
    pub parked: u64,
}
