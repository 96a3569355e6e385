//! What a connector's turn works with.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex as SyncMutex, PoisonError},
};

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::{attempt::attempt, brake::Brakes};
use crate::{
    destinations::{Destination, MailboxLocks},
    item::{
        Batch, BlobSink, BlobSource, Failure, Interval, NextMove, Page, Question, Resolution, TimestampMs,
        descriptor::Grouping, mapping::DirectoryLookup, scope::Scope,
    },
    stage::{PageName, Stage},
    state::{ConnectorState, Pins, StateError},
};

pub use crate::sandbox::{Converted, PullRequest, Reading};

/// A source as the pipeline sees it: a sandboxed component, or in benchmarks the same code linked natively.
pub trait Source: Send {
    /// One page, checked.
    fn pull<'a>(
        &'a mut self,
        request: PullRequest<'a>,
        blobs: Arc<dyn BlobSink>,
    ) -> BoxFuture<'a, Result<Page, Failure>>;

    /// How many observations the source says it has for an interval; none when it cannot tell.
    fn totals<'a>(&'a mut self, account: &'a str, interval: Interval) -> BoxFuture<'a, Result<Option<u64>, Failure>>;
}

/// A loaded mapper.
pub trait Mapper: Send {
    /// Whether an answer may depend on a question's time; if not, each person is asked for once a page.
    fn depends_on_time(&self) -> bool;

    /// One answer a question.
    fn resolve<'a>(
        &'a mut self,
        questions: &'a [Question<'a>],
        directory: &'a dyn DirectoryLookup,
    ) -> BoxFuture<'a, Result<Vec<Resolution>, Failure>>;
}

/// A converter.
pub trait Converter: Send {
    /// Every item of the batch is covered exactly once.
    fn convert<'a>(
        &'a mut self,
        batch: &'a Batch<'a>,
        blobs: Arc<dyn BlobSource>,
    ) -> BoxFuture<'a, Result<Vec<Converted>, Failure>>;
}

/// A step of the journey, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Items came from the source and are staged.
    Staged,
    /// Copies are durably in mailboxes.
    Delivered,
    /// Copies were parked.
    Parked,
}

/// Watches a turn. Called often: it must not block.
pub trait Progress: Send + Sync {
    /// So many more items or copies took this step.
    fn advanced(&self, step: Step, by: u64);
    /// The turn waits before it tries something again.
    fn waiting(&self, why: &Failure, wait: std::time::Duration);
    /// How far the source says it is, 0 to 1000.
    fn position(&self, per_mille: u32);
    /// Whether the turn shall end at the next page, because the host is stopped. What is read is still delivered.
    fn is_stopping(&self) -> bool {
        false
    }
}

/// Says whether the clock can be trusted enough to close a window. The pipeline reads no clock itself.
pub trait Closing: Send + Sync {
    /// Whether a window that ends at `end_ms` may be closed now, when the ledger was last written at `recorded_at_ms`.
    ///
    /// # Errors
    /// `clock-behind` or `clock-stepped`; the window stays open.
    fn may_close(&self, end_ms: TimestampMs, recorded_at_ms: Option<TimestampMs>) -> Result<(), Failure>;
}

/// Watches nothing, and trusts every clock.
pub struct Silent;

impl Closing for Silent {
    fn may_close(&self, _: TimestampMs, _: Option<TimestampMs>) -> Result<(), Failure> {
        Ok(())
    }
}

impl Progress for Silent {
    fn advanced(&self, _: Step, _: u64) {}
    fn waiting(&self, _: &Failure, _: std::time::Duration) {}
    fn position(&self, _: u32) {}
}

/// One of the connector's destinations.
pub struct DestinationSlot {
    /// Its number in the configuration, as the ledger knows it.
    pub number: u16,
    /// The destination.
    pub destination: Arc<dyn Destination>,
}

/// Everything a connector's turn works with. One at a time per connector.
pub struct Turn {
    /// The connector's name.
    pub connector: String,
    /// The account's id, part of every item's identity.
    pub account: String,
    /// The source plugin's name as configured.
    pub source_name: String,
    /// The converter's settings, JSON.
    pub converter_settings: String,
    /// How many items one of its messages covers.
    pub grouping: Grouping,
    /// What a window opened now is pinned to.
    pub pins: Pins,
    /// Where unmapped items go, if the operator wants that.
    pub catch_all: Option<String>,
    /// What of the items is archived.
    pub scope: Scope,
    /// How much before a window its reading begins, in milliseconds.
    pub lookback_ms: i64,
    /// The ledger and its index.
    pub state: Arc<ConnectorState>,
    /// The waiting room.
    pub stage: Arc<Stage>,
    /// The source.
    pub source: Mutex<Box<dyn Source>>,
    /// The mapper.
    pub mapper: Mutex<Box<dyn Mapper>>,
    /// The converter.
    pub converter: Mutex<Box<dyn Converter>>,
    /// Where copies go.
    pub destinations: Vec<DestinationSlot>,
    /// One writer a mailbox, across the host.
    pub locks: Arc<MailboxLocks>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// Whether windows may be closed.
    pub closing: Arc<dyn Closing>,
    /// What stops a window whose plugin is broken.
    pub brakes: Brakes,
    /// Which destinations know which mailbox, as asked in this turn.
    pub directory: Directory,
    /// Mailboxes that got a copy in this turn.
    pub mailboxes: SyncMutex<HashSet<Arc<str>>>,
    /// Destinations that gave no more answers in this turn, by number, and why.
    pub given_up: SyncMutex<BTreeMap<u16, Failure>>,
}

impl Turn {
    /// Why copies wait although the turn went through: the first destination that was given up.
    pub fn waits_for(&self) -> Option<Failure> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned()
    }

    pub(super) fn has_given_up(&self, destination: u16) -> bool {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&destination)
    }

    /// Goes on without a destination. The failure comes back where that is not possible: it is the last one, or what
    /// failed is no longer to be trusted.
    pub(super) fn give_up(&self, destination: u16, failure: Failure) -> Result<(), Failure> {
        if failure.next == NextMove::Stop {
            return Err(failure);
        }
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(destination, failure.clone());
        if self.destinations.iter().all(|slot| given_up.contains_key(&slot.number)) {
            return Err(failure);
        }
        tracing::warn!(
            connector = self.connector,
            destination,
            code = failure.code,
            "{failure}; its copies wait for the next turn, the other destinations go on"
        );
        Ok(())
    }

    /// Runs blocking work on the state off the async threads.
    pub(super) async fn with_state<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ConnectorState) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, Failure> {
        let state = Arc::clone(&self.state);
        blocking(move || work(&state).map_err(Failure::from)).await
    }

    /// Reads a staged page, as often as the policy says.
    pub(super) async fn staged_page(&self, name: PageName) -> Result<Arc<Page>, Failure> {
        let read = || {
            let stage = Arc::clone(&self.stage);
            blocking(move || stage.read_page(&name).map(Arc::new))
        };
        attempt(self, false, read).await.map_err(|(failure, _)| failure)
    }
}

/// Runs blocking work off the async threads.
///
/// # Errors
/// The work's own; `host-panic` when it ended otherwise.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Failure::new("host-panic", NextMove::Stop, format!("a worker of the host ended: {error}"))
            .hint("this is a defect of chancery: please report it with the log around this line"))
    })
}

/// The answers of all destinations' directories, remembered for a turn.
///
/// A mailbox exists for the mapper when any destination has it; copies go to those that do.
pub struct Directory {
    destinations: Vec<Arc<dyn Destination>>,
    known: SyncMutex<HashMap<String, Known>>,
}

/// An address as the destinations know it: its canonical form, and which of them have it.
type Known = Option<(Arc<str>, Vec<bool>)>;

/// Addresses remembered at once; beyond it the memory starts anew.
const ADDRESSES_MAX: usize = 200_000;

impl Directory {
    /// Asks these destinations, in the order of their slots.
    pub fn new(destinations: Vec<Arc<dyn Destination>>) -> Self {
        Self { destinations, known: SyncMutex::default() }
    }

    /// For each address, what the destinations know of it.
    pub(super) async fn find(&self, addresses: &[String]) -> Result<Vec<Known>, Failure> {
        let unknown: Vec<String> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() > ADDRESSES_MAX {
                known.clear();
            }
            addresses.iter().filter(|address| !known.contains_key(*address)).cloned().collect()
        };
        if !unknown.is_empty() {
            let mut found: Vec<Known> = vec![None; unknown.len()];
            for (slot, destination) in self.destinations.iter().enumerate() {
                for (index, answer) in destination.lookup(&unknown).await?.into_iter().enumerate() {
                    if let Some(canonical) = answer {
                        let (_, has) = found[index]
                            .get_or_insert_with(|| (canonical.into(), vec![false; self.destinations.len()]));
                        has[slot] = true;
                    }
                }
            }
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (address, answer) in unknown.into_iter().zip(found) {
                if let Some((canonical, _)) = &answer {
                    known.insert(canonical.to_string(), answer.clone());
                }
                known.insert(address, answer);
            }
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(addresses.iter().map(|address| known.get(address).cloned().flatten()).collect())
    }
}

impl DirectoryLookup for Directory {
    fn lookup<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure>> {
        Box::pin(async move {
            let found = self.find(addresses).await?;
            Ok(found.into_iter().map(|known| known.map(|(canonical, _)| canonical.to_string())).collect())
        })
    }
}
