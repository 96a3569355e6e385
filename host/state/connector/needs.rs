//! Which staged pages are still needed, and what for.

use std::collections::BTreeMap;

use super::ConnectorState;
use crate::state::{
    error::StateError,
    window::{WindowId, WindowState},
};

/// Why the stage keeps a page. Where several hold, the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageNeed {
    /// Everything in it is settled; it is kept until this instant all the same.
    Until(i64),
    /// Mailboxes have a notice in place of a file, which may be here.
    Partial,
    /// Something of it is parked.
    Parked,
    /// Something of it is under way, or its window is open: what that has met can be counted again.
    Pending,
}

impl ConnectorState {
    /// The pages that the stage must keep, by name. Settled ones are kept for `keep_ms` after their window was sealed.
    pub fn needed_pages(&self, now_ms: i64, keep_ms: i64) -> Result<BTreeMap<[u8; 32], PageNeed>, StateError> {
        self.read(|inner| {
            let mut needed: BTreeMap<[u8; 32], PageNeed> = BTreeMap::new();
            inner.tables.flush()?;
            for name in inner.tables.live_pages()? {
                needed.insert(name, PageNeed::Parked);
            }
            for number in 1..inner.tables.globals().next_window {
                let id = WindowId(number);
                let window = self.known_window(inner, id)?;
                let settled_at_ms = window.sealed_at_ms.or(window.closed_at_ms);
                let until_ms = settled_at_ms.map(|at_ms| at_ms.saturating_add(keep_ms)).filter(|at_ms| *at_ms > now_ms);
                let is_open = window.state == WindowState::Open;
                let is_looked_at = window.counts.in_flight() > 0
                    || window.counts.items.parked > 0
                    || window.counts.copies.iter().any(|copies| copies.partial > 0);
                if !is_open && until_ms.is_none() && !is_looked_at {
                    continue;
                }
                for seq in 0..window.pages {
                    let page = self.known_page(inner, id, seq)?;
                    let need = if is_open || page.counts.in_flight() > 0 {
                        Some(PageNeed::Pending)
                    } else if page.counts.items.parked > 0 {
                        Some(PageNeed::Parked)
                    } else if page.counts.copies.iter().any(|copies| copies.partial > 0) {
                        Some(PageNeed::Partial)
                    } else {
                        until_ms.map(PageNeed::Until)
                    };
                    if let (Some(need), true) = (need, page.name != [0; 32]) {
                        // Two windows may have met the same page.
                        let held = needed.entry(page.name).or_insert(need);
                        *held = need.max(*held);
                    }
                }
            }
            Ok(needed)
        })
    }
}
