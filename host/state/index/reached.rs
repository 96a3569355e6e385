//! Which mailboxes an item reaches already, over all its observations, for the items asked about lately.
//!
//! A message to a large group is observed once per member, and each time all copies so far matter: gathering them anew
//! would cost the square of the members.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::state::limits::REACHED_CACHED_MAX;

/// A destination and a keyed target.
pub(super) type Reached = HashSet<(u16, [u8; 16])>;

/// The sets at hand, by first observation; the oldest goes first.
#[derive(Default)]
pub(super) struct ReachedCache {
    sets: HashMap<u64, Reached>,
    order: VecDeque<u64>,
}

impl ReachedCache {
    pub(super) fn get(&self, first: u64) -> Option<&Reached> {
        self.sets.get(&first)
    }

    pub(super) fn insert(&mut self, first: u64, set: Reached) {
        while self.order.len() >= REACHED_CACHED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.sets.remove(&oldest);
            }
        }
        if self.sets.insert(first, set).is_none() {
            self.order.push_back(first);
        }
    }

    /// Adds to a set that is at hand.
    pub(super) fn extend(&mut self, first: u64, more: impl Iterator<Item = (u16, [u8; 16])>) {
        if let Some(set) = self.sets.get_mut(&first) {
            set.extend(more);
        }
    }

    /// Forgets one set, whose item changed in another way.
    pub(super) fn forget(&mut self, first: u64) {
        if self.sets.remove(&first).is_some() {
            self.order.retain(|other| *other != first);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.sets.clear();
        self.order.clear();
    }
}
