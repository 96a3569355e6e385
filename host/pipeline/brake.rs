//! Stops a window when a plugin fails at most of a batch: then it is the plugin that is broken, and not the items, and
//! everything would be parked one by one.
//!
//! A batch is a page; pages that are too small to say anything are taken together. What counts is what a plugin made of
//! itself: entries a source could not read, messages a converter could not write, and answers of a mapper other than
//! those about the mapping's own rows and mailboxes. `parked retry` has no brake: there everything is parked already.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::policy;
use crate::item::{Failure, NextMove, limits};

/// What a mapper says of a mapping that lacks something: an operator mends that, and nothing is broken.
const ABOUT_THE_MAPPING: &[&str] = &["mailbox-unknown", "mapping-row", "unmapped"];

/// One brake for each kind of plugin.
pub struct Brakes {
    pub(super) source: Brake,
    pub(super) mapper: Brake,
    pub(super) converter: Brake,
}

impl Brakes {
    /// Brakes of a connector that stop above this share.
    pub fn new(connector: &str, percent_max: u32) -> Self {
        let brake = |role| Brake { connector: connector.to_owned(), role, percent_max, batch: Mutex::default() };
        Self { source: brake("source"), mapper: brake("mapper"), converter: brake("converter") }
    }

    /// Brakes that never stop anything.
    pub fn off() -> Self {
        Self::new("", 100)
    }
}

/// Counts the batches of one plugin.
pub(super) struct Brake {
    connector: String,
    role: &'static str,
    percent_max: u32,
    batch: Mutex<Batch>,
}

#[derive(Default)]
struct Batch {
    failed: u64,
    of: u64,
    codes: BTreeMap<String, u64>,
}

impl Brake {
    /// Whether a mapper's answer with this code counts.
    pub(super) fn counts(code: &str) -> bool {
        !ABOUT_THE_MAPPING.contains(&code)
    }

    /// Takes note of a page's items: how many failed, of how many, and why.
    ///
    /// # Errors
    /// `plugin-failing` when it is too many; nothing of the page is parked then.
    pub(super) fn note<'a>(
        &self,
        failed: u64,
        of: u64,
        codes: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Failure> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.failed += failed;
        batch.of += of;
        for code in codes {
            match batch.codes.get_mut(code) {
                Some(count) => *count += 1,
                None => drop(batch.codes.insert(code.to_owned(), 1)),
            }
        }
        if batch.of < limits::FAILURES_OF_ITEMS_MIN {
            return Ok(());
        }
        let Batch { failed, of, codes } = std::mem::take(&mut *batch);
        if !policy::stops(failed, of, self.percent_max) {
            return Ok(());
        }
        let (code, count) = codes.iter().max_by_key(|(_, count)| **count).unwrap_or((&self.connector, &0));
        let Self { connector, role, percent_max, .. } = self;
        let message = format!(
            "the {role} of connector `{connector}` failed at {failed} of {of} items of a batch, {count} times with \
             `{code}`; more than {percent_max} % means that it is broken itself, so nothing of the batch is parked and \
             the window stays open"
        );
        Err(Failure::new("plugin-failing", NextMove::AskPerson, message).hint(format!(
            "see `chancery explain {code}`, mend the {role} or what it reads, then run `chancery sync {connector}`; if \
             the items are really so, set `failures_percent_max = 100` in the connector to park them"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pages_are_taken_together_and_the_message_names_the_usual_reason() {
        let brakes = Brakes::new("c", 50);
        let page = |failed: u64, of| brakes.source.note(failed, of, (0..failed).map(|_| "item-broken"));
        assert!(page(10, 10).is_ok(), "ten say nothing yet");
        let failure = page(2, 10).expect_err("12 of 20");
        assert_eq!(failure.code, "plugin-failing");
        assert!(
            failure.message.contains("12 of 20 items of a batch, 12 times with")
                && failure.message.contains("`item-broken`"),
            "{failure}"
        );
        assert!(page(1, 19).is_ok() && page(5, 1).is_ok(), "counting begins anew after each batch");
        assert!(brakes.converter.note(0, 1_000, []).is_ok(), "each plugin by itself");
        assert!(Brakes::off().source.note(1_000, 1_000, ["x"]).is_ok());
    }

    #[test]
    fn a_mapping_that_lacks_somebody_breaks_no_plugin() {
        assert!(!Brake::counts("unmapped") && !Brake::counts("mailbox-unknown") && Brake::counts("made-up"));
    }
}
