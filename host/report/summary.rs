//! The counts of windows: Microsoft's connector log in our words, enforced as an invariant instead of logged.
//!
//! Items: `fetched = delivered + parked + duplicate + excluded`, and apart from them `seen`. Copies:
//! `available = imported + partial + skipped + failed + pending`.

use serde::{Serialize, Serializer};

use crate::{
    item::time::rfc3339,
    state::{CopyCounts, ItemCounts, WindowKind, WindowRow, WindowState},
};

/// What `sync --json` and `demo --json` print.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Connectors in configuration order.
    pub connectors: Vec<ConnectorSummary>,
    /// Mailboxes that got a copy in this run.
    pub mailboxes: u64,
    /// Wall-clock time.
    pub seconds: f64,
}

/// One connector's windows.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorSummary {
    /// Its name.
    pub name: String,
    /// Its windows, oldest first.
    pub windows: Vec<WindowSummary>,
    /// Why its turn ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorSummary>,
    /// What did not end the turn and wants looking after all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ErrorSummary>,
}

/// Why a turn ended early, or what else failed.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorSummary {
    /// Stable reason code.
    pub code: String,
    /// What failed.
    pub message: String,
    /// The next command.
    pub hint: Option<String>,
}

/// One window's counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSummary {
    /// Start; none for a file.
    #[serde(serialize_with = "instant")]
    pub start: Option<i64>,
    /// End; for a file the instant of the reading.
    #[serde(serialize_with = "instant")]
    pub end: Option<i64>,
    /// On the time line (`live`), a file (`snapshot`), or beside the time line (`backfill`, and `replay` for a window
    /// that was read again).
    pub kind: &'static str,
    /// `open`, `closed` or `sealed`.
    pub state: &'static str,
    /// Items.
    pub items: Items,
    /// Items met that nothing has become of yet: they are counted as fetched as soon as something has. Only a window
    /// that is open, or one in which a retry was interrupted, has any.
    pub under_way: u64,
    /// Items whose time lies in a window that was closed before.
    pub late: u64,
    /// Copies over all destinations.
    pub copies: Copies,
    /// The same by destination, in the order of the configuration; left out where there is but one.
    #[serde(skip_serializing_if = "is_single")]
    pub destinations: Vec<Copies>,
}

#[expect(clippy::ptr_arg, reason = "serde hands over a reference to the field")]
fn is_single(destinations: &Vec<Copies>) -> bool {
    destinations.len() < 2
}

/// Items of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Items {
    /// Met for the first time, or for a further owner, and accounted for by the others.
    pub fetched: u64,
    /// Every copy is in its mailbox.
    pub delivered: u64,
    /// Something of it is parked.
    pub parked: u64,
    /// Further observations of known items.
    pub duplicate: u64,
    /// Left out by a rule or discarded by a person.
    pub excluded: u64,
    /// Known items met again.
    pub seen: u64,
}

/// Copies of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copies {
    /// After fan-out to every mailbox.
    pub available: u64,
    /// In the mailbox, whole.
    pub imported: u64,
    /// In the mailbox, an attachment replaced by a visible notice.
    pub partial: u64,
    /// Was in the mailbox before.
    pub skipped: u64,
    /// Parked.
    pub failed: u64,
    /// Still on its way.
    pub pending: u64,
}

impl Items {
    /// `fetched` is accounted for by the others.
    pub fn balance(&self) -> bool {
        self.fetched == self.delivered + self.parked + self.duplicate + self.excluded
    }

    /// Adds another window's.
    pub fn add(&mut self, other: Self) {
        self.fetched += other.fetched;
        self.delivered += other.delivered;
        self.parked += other.parked;
        self.duplicate += other.duplicate;
        self.excluded += other.excluded;
        self.seen += other.seen;
    }
}

impl Copies {
    /// `available` is accounted for by the others.
    pub fn balance(&self) -> bool {
        self.available == self.imported + self.partial + self.skipped + self.failed + self.pending
    }

    /// Adds another window's or destination's.
    pub fn add(&mut self, other: Self) {
        self.available += other.available;
        self.imported += other.imported;
        self.partial += other.partial;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.pending += other.pending;
    }
}

impl From<&ItemCounts> for Items {
    fn from(counts: &ItemCounts) -> Self {
        Self {
            fetched: counts.fetched,
            delivered: counts.delivered,
            parked: counts.parked,
            duplicate: counts.duplicate,
            excluded: counts.excluded,
            seen: counts.seen,
        }
    }
}

impl From<&CopyCounts> for Copies {
    fn from(counts: &CopyCounts) -> Self {
        Self {
            available: counts.available,
            imported: counts.imported,
            partial: counts.partial,
            skipped: counts.skipped,
            failed: counts.failed,
            pending: counts.pending,
        }
    }
}

impl From<&WindowRow> for WindowSummary {
    fn from(row: &WindowRow) -> Self {
        let destinations: Vec<Copies> = row.copies.iter().map(Into::into).collect();
        let mut copies = Copies::default();
        destinations.iter().for_each(|counts| copies.add(*counts));
        // What is under way stands apart, so that the line balances at any moment.
        let items = Items { fetched: row.items.fetched - row.in_flight, ..(&row.items).into() };
        Self {
            start: row.interval.start_ms,
            end: Some(row.interval.end_ms),
            kind: row.kind.name(),
            state: match row.state {
                WindowState::Open => "open",
                WindowState::Closed => "closed",
                WindowState::Sealed => "sealed",
            },
            items,
            under_way: row.in_flight,
            late: row.late,
            copies,
            destinations,
        }
    }
}

impl ConnectorSummary {
    /// The windows' counts together.
    pub fn total(&self) -> (Items, Copies) {
        let (mut items, mut copies) = (Items::default(), Copies::default());
        for window in &self.windows {
            items.add(window.items);
            copies.add(window.copies);
        }
        (items, copies)
    }

    /// The windows' copies together, by destination.
    pub fn by_destination(&self) -> Vec<Copies> {
        let mut totals = Vec::new();
        for window in &self.windows {
            if totals.len() < window.destinations.len() {
                totals.resize(window.destinations.len(), Copies::default());
            }
            totals.iter_mut().zip(&window.destinations).for_each(|(total, copies)| total.add(*copies));
        }
        totals
    }
}

impl ConnectorSummary {
    /// Windows of a kind, and how many items were new in them.
    pub fn of_kind(&self, kind: WindowKind) -> (u64, u64) {
        let windows = self.windows.iter().filter(|window| window.kind == kind.name());
        windows.fold((0, 0), |(windows, new), window| (windows + 1, new + window.items.fetched + window.under_way))
    }
}

impl Summary {
    /// Whether something is parked in these windows.
    pub fn has_parked(&self) -> bool {
        self.connectors
            .iter()
            .flat_map(|connector| &connector.windows)
            .any(|window| window.items.parked > 0 || window.copies.failed > 0)
    }

    /// The first connector whose turn ended early.
    pub fn first_error(&self) -> Option<(&str, &ErrorSummary)> {
        self.connectors.iter().find_map(|connector| Some((&*connector.name, connector.error.as_ref()?)))
    }
}

fn instant<S: Serializer>(at_ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    at_ms.map(rfc3339).serialize(serializer)
}
