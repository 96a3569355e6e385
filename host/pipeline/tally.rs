//! What one reading of a window has met, each observation counted once.
//!
//! A listing that shows one delivery twice and leaves another out has the right length; only what is distinct tells. So
//! the source's totals are compared with this, and a page with nothing new in it is recognised as a repetition. Kept as
//! hashes of 8 bytes: two that fall together make the count smaller, which opens a question and hides nothing.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::item::Page;

/// The observations met so far.
#[derive(Default)]
pub(super) struct Tally(Mutex<HashSet<u64>>);

impl Tally {
    /// Takes note of a page; returns how much of it was not met before.
    pub(super) fn note(&self, page: &Page) -> u64 {
        let mut met = self.met();
        let before = met.len();
        let owner_of = |owner: Option<u32>| owner.and_then(|owner| page.people.get(owner as usize));
        for item in &page.items {
            let owner = owner_of(item.owner).map(|person| person.id.as_str());
            met.insert(hash((false, &*item.id, item.event.name(), item.revision, owner)));
        }
        for unreadable in &page.unreadable {
            met.insert(hash((true, &*unreadable.id, "", 0, None)));
        }
        (met.len() - before) as u64
    }

    /// Distinct observations so far.
    pub(super) fn count(&self) -> u64 {
        self.met().len() as u64
    }

    /// Forgets everything: the reading begins anew.
    pub(super) fn clear(&self) {
        self.met().clear();
    }

    fn met(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unreadable or not, id, event, revision, owner: what makes an observation one of its own.
fn hash(observation: (bool, &str, &str, u32, Option<&str>)) -> u64 {
    let mut hasher = DefaultHasher::new();
    observation.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Event, Item, Person, Unreadable};

    fn page(items: &[(&str, Event, u32, Option<u32>)], unreadable: &[&str]) -> Page {
        Page {
            people: ["anna", "ben"].map(|id| Person { id: id.to_owned(), ..Person::default() }).into(),
            items: items
                .iter()
                .map(|(id, event, revision, owner)| Item {
                    id: (*id).to_owned(),
                    event: *event,
                    revision: *revision,
                    owner: *owner,
                    ..crate::pipeline::tests::item()
                })
                .collect(),
            unreadable: unreadable
                .iter()
                .map(|id| Unreadable {
                    id: (*id).to_owned(),
                    code: String::new(),
                    message: String::new(),
                    sent_at_ms: None,
                    original: Vec::new(),
                })
                .collect(),
            ..Page::default()
        }
    }

    #[test]
    fn an_observation_counts_once_however_often_it_is_shown() {
        let tally = Tally::default();
        let message = ("1", Event::Message, 0, Some(0));
        assert_eq!(tally.note(&page(&[message, message], &[])), 1, "a repetition");
        let others =
            [("1", Event::Message, 0, Some(1)), ("1", Event::Edit, 0, Some(0)), ("1", Event::Message, 1, Some(0))];
        assert_eq!(tally.note(&page(&others, &[])), 3, "another owner, event, revision");
        assert_eq!(tally.note(&page(&[("1", Event::Message, 0, None)], &["1", "1"])), 2, "no owner; unreadable");
        assert_eq!(tally.note(&page(&[message], &["1"])), 0, "a page of repetitions");
        assert_eq!(tally.count(), 6);
        tally.clear();
        assert_eq!(tally.count(), 0);
    }
}
