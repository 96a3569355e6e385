//! Ledger and index alone: the facts of so many items with two copies each, as the pipeline records them.

use std::sync::Arc;

use anyhow::{Result, ensure};
use chancery::{
    item::{Event, Interval, Resolution},
    state::{
        ConnectorState, CopyKey, Group, Intent, Observation, Ordinal, Outcome, Pins, Plan, PlannedCopy, Receipt,
        StagedPage, Standing, State, Target, WindowClose, WindowId, WindowKind, WindowOpen,
    },
};

use crate::support::{
    compare::{Spread, Stopwatch},
    folder::Folder,
    items,
};

const PAGE_ITEMS: u32 = 1_000;
const COPIES: u16 = 2;

/// Processor time for each item, in microseconds.
pub(crate) struct Growth {
    /// Among few items.
    pub(crate) of_few: f64,
    /// Among many.
    pub(crate) of_many: f64,
}

/// Measures both, the few several times.
///
/// # Errors
/// When the state cannot be written.
pub(crate) fn growth(few: u32, many: u32) -> Result<Growth> {
    let of_few = [per_item_us(few)?, per_item_us(few)?, per_item_us(few)?];
    Ok(Growth { of_few: Spread::of(of_few).median, of_many: per_item_us(many)? })
}

fn per_item_us(count: u32) -> Result<f64> {
    let folder = Folder::new("record")?;
    let data = folder.path().join("data");
    State::create(&data)?;
    let (state, _) = State::open(&data)?;
    let connector = state.connector("bench")?;
    let watch = Stopwatch::start();
    let window = connector.open_window(WindowOpen {
        kind: WindowKind::Live,
        interval: Interval { start_ms: Some(items::START_MS), end_ms: items::START_MS + i64::from(count) * 1000 },
        pins: Pins::default(),
        subject: None,
    })?;
    for start in (0..count).step_by(PAGE_ITEMS as usize) {
        record_page(&connector, window, start, count.min(start + PAGE_ITEMS), count)?;
    }
    connector.close_window(window, WindowClose::default())?;
    ensure!(connector.seal_if_settled(window)?, "the window is not settled");
    let sample = watch.stop(count.into());
    drop(connector);
    state.close()?;
    Ok(sample.cpu.as_secs_f64() * 1e6 / f64::from(count))
}

/// What the pipeline commits for a page: the page, then groups of a thousand copies whose receipts go with the intents
/// of the next group.
fn record_page(connector: &Arc<ConnectorState>, window: WindowId, start: u32, end: u32, all: u32) -> Result<()> {
    let page = items::page(start, end, all);
    let observations: Vec<Observation<'_>> = page
        .items
        .iter()
        .zip(0..)
        .map(|(item, position)| Observation {
            id: &item.id,
            event: Event::Message,
            revision: 0,
            owner: None,
            sent_at_ms: Some(item.sent_at_ms),
            position,
            unreadable: false,
            late: false,
        })
        .collect();
    let mut page_name = [0; 32];
    page_name[..4].copy_from_slice(&(start + 1).to_le_bytes());
    let standings = connector.stage_page(StagedPage {
        window,
        page_name,
        cursor: page.cursor.as_deref(),
        bookmark: None,
        observations: &observations,
    })?;
    let ordinals: Vec<Ordinal> = standings
        .iter()
        .filter_map(|standing| match standing {
            Standing::New(ordinal) => Some(*ordinal),
            Standing::Duplicate { .. } | Standing::Seen { .. } => None,
        })
        .collect();
    ensure!(ordinals.len() == page.items.len(), "an item was met twice");
    let mut facts = Group::new();
    for (ordinal, number) in ordinals.iter().zip(start..) {
        facts.plan(plan(*ordinal, number));
    }
    for half in ordinals.chunks(PAGE_ITEMS as usize / usize::from(COPIES)) {
        let copies = || half.iter().flat_map(|&ordinal| (0..COPIES).map(move |copy| CopyKey { ordinal, copy }));
        for copy in copies() {
            facts.intend(Intent { copy, sha256: [u8::try_from(copy.copy)?; 32] });
        }
        connector.commit(std::mem::take(&mut facts))?;
        for copy in copies() {
            facts.receipt(Receipt { copy, outcome: Outcome::Imported, token: Vec::new() });
        }
    }
    Ok(connector.commit(facts)?)
}

fn plan(ordinal: Ordinal, number: u32) -> Plan {
    let mailbox = |seat: u32| items::address((number / 50 * 2 + seat) % items::MAILBOXES);
    Plan {
        ordinal,
        resolutions: vec![
            Resolution::Mailbox(mailbox(0)),
            Resolution::Mailbox(mailbox(1)),
            Resolution::Outside,
            Resolution::Outside,
            Resolution::Outside,
        ],
        copies: (0..u32::from(COPIES))
            .map(|seat| PlannedCopy { destination: 0, target: Target::Mailbox(mailbox(seat)), parked: None })
            .collect(),
        parked: None,
        excluded: None,
    }
}
