//! Questions that go over many values.

use crate::state::{error::StateError, plan::CopyKey};

use super::{flush::parked_key, generation::broken, reached::Reached, tables::Tables};

impl Tables {
    /// Parked copies after a key, in order; what changed must have been flushed.
    pub(in crate::state) fn parked(
        &self,
        after: Option<CopyKey>,
        max: usize,
    ) -> Result<Vec<(u64, u16, String)>, StateError> {
        let from = after.map_or(vec![], |key| {
            let mut bound = parked_key(key.ordinal.0, key.copy).to_vec();
            bound.push(0);
            bound
        });
        let mut found = Vec::new();
        for entry in self.trees.parked.range(from..).take(max) {
            let (key, code) = entry.map_err(|error| broken(&self.connector, &error))?;
            let (Some(ordinal), Some(copy)) = (key.first_chunk::<8>(), key.last_chunk::<2>()) else {
                return Err(broken(&self.connector, &"a key of parked copies is cut short"));
            };
            let code = String::from_utf8_lossy(&code).into_owned();
            found.push((u64::from_be_bytes(*ordinal), u16::from_be_bytes(*copy), code));
        }
        Ok(found)
    }

    /// Names of the pages that the stage must keep; what changed must have been flushed.
    pub(in crate::state) fn live_pages(&self) -> Result<Vec<[u8; 32]>, StateError> {
        let mut names = Vec::new();
        for entry in &self.trees.live {
            let (_, name) = entry.map_err(|error| broken(&self.connector, &error))?;
            let Some(name) = name.first_chunk::<32>() else {
                return Err(broken(&self.connector, &"a page's name is cut short"));
            };
            names.push(*name);
        }
        Ok(names)
    }

    /// Keys of the pages of a window, or of all; what changed must have been flushed.
    pub(super) fn page_keys(&self, window: Option<u64>) -> Result<Vec<(u64, u32)>, StateError> {
        let prefix = window.map_or(vec![], |window| window.to_be_bytes().to_vec());
        let mut keys = Vec::new();
        for key in self.trees.pages.scan_prefix(prefix).keys() {
            let key = key.map_err(|error| broken(&self.connector, &error))?;
            let (Some(window), Some(page)) = (key.first_chunk::<8>(), key.last_chunk::<4>()) else {
                return Err(broken(&self.connector, &"a page's key is cut short"));
            };
            keys.push((u64::from_be_bytes(*window), u32::from_be_bytes(*page)));
        }
        Ok(keys)
    }

    /// The mailboxes an item reaches, over all its observations.
    pub(in crate::state) fn reached(&mut self, first: u64) -> Result<&Reached, StateError> {
        if self.reached.get(first).is_none() {
            let set = self.gather_reached(first)?;
            self.reached.insert(first, set);
        }
        self.reached.get(first).ok_or_else(|| broken(&self.connector, &"a set is gone"))
    }

    fn gather_reached(&self, first: u64) -> Result<Reached, StateError> {
        let mut set = Reached::new();
        let mut next = first;
        loop {
            let Some(row) = self.row(next)? else {
                return Err(broken(&self.connector, &format!("item {next} is missing")));
            };
            set.extend(row.copies.iter().map(|copy| (copy.destination, copy.target)));
            // From the first to its newest duplicate, then back in time until the first.
            if row.duplicate == 0 || row.duplicate == first {
                return Ok(set);
            }
            if next != first && row.duplicate >= next {
                return Err(broken(&self.connector, &format!("item {next} names a later one as earlier")));
            }
            next = row.duplicate;
        }
    }
}
