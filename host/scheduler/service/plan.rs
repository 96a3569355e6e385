//! Which connectors' turns begin now, and when to look again: no IO, no clock, so that weeks can be simulated.

use std::collections::BTreeMap;

use super::occurrence::Timetable;
use crate::{
    item::{Failure, TimestampMs, limits},
    scheduler::{clock::Doubt, pauses::Pause, turns::LastTurn},
};

/// How long a moved clock is doubted.
const DOUBTED_MS: i64 = limits::TURN_RETRY_DELAY_MAX.as_millis() as i64;

/// A connector as the service sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// None: it runs when somebody asks.
    pub(super) timetable: Option<Timetable>,
    /// In force since.
    pub(super) pause: Option<Pause>,
    /// How its turns stand.
    pub(super) last: LastTurn,
    /// A turn is under way.
    pub(super) is_running: bool,
    /// Somebody asked for a turn.
    is_asked_for: bool,
    /// What the clock did since its last turn began, and when that was noticed.
    moved: Option<(Doubt, TimestampMs)>,
    /// It is configured no more, and stays until its turn ended.
    is_gone: bool,
}

impl Entry {
    /// When its next turn is due.
    pub(super) fn due_ms(&self, now_ms: TimestampMs) -> Option<TimestampMs> {
        if self.is_asked_for {
            return Some(TimestampMs::MIN);
        }
        if self.pause.is_some() || self.is_gone {
            return None;
        }
        self.timetable.as_ref()?.due(&self.last, now_ms)
    }

    /// Since when it is overdue. What is paused is not.
    pub(super) fn overdue_since(&self, now_ms: TimestampMs) -> Option<TimestampMs> {
        if self.pause.is_some() {
            return None;
        }
        self.timetable.as_ref()?.overdue_since(&self.last, now_ms)
    }
}

/// All connectors.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: BTreeMap<String, Entry>,
    at_once_max: usize,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Turns that begin now, with what the clock did.
    pub(super) begin: Vec<(String, Option<Doubt>)>,
    /// When the next one is due, if no other ends before.
    pub(super) next_ms: Option<TimestampMs>,
}

impl Plan {
    /// Takes over a configuration. What is under way goes on; what failed is tried again, because that may be mended.
    pub(super) fn configure(
        &mut self,
        timetables: impl IntoIterator<Item = (String, Option<Timetable>)>,
        at_once_max: usize,
        pauses: &BTreeMap<String, Pause>,
        last: impl Fn(&str) -> LastTurn,
    ) {
        self.at_once_max = at_once_max.max(1);
        let mut before = std::mem::take(&mut self.entries);
        for (name, timetable) in timetables {
            let mut entry = before.remove(&name).unwrap_or_else(|| Entry { last: last(&name), ..Entry::default() });
            if entry.last.retry_ms.is_some() {
                entry.last.retry_ms = Some(TimestampMs::MIN);
            }
            entry.pause = pauses.get(&name).cloned();
            self.entries.insert(name, Entry { timetable, is_gone: false, ..entry });
        }
        let running = before.into_iter().filter(|(_, entry)| entry.is_running);
        self.entries.extend(running.map(|(name, entry)| (name, Entry { is_gone: true, ..entry })));
    }

    /// The clock was moved: each connector's next turn is told once, if it begins before a turn that was refused for it
    /// would be tried again. Later nothing is left to wait for.
    pub(super) fn moved(&mut self, doubt: Doubt, now_ms: TimestampMs) {
        self.entries.values_mut().for_each(|entry| entry.moved = Some((doubt, now_ms)));
    }

    /// Looks for what is due. What waits longest begins first; what finds no place waits for a turn to end.
    pub(super) fn look(&mut self, now_ms: TimestampMs) -> Look {
        let mut due: Vec<(TimestampMs, String)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.is_running)
            .filter_map(|(name, entry)| Some((entry.due_ms(now_ms)?, name.clone())))
            .collect();
        due.sort();
        let mut look = Look::default();
        let mut running = self.entries.values().filter(|entry| entry.is_running).count();
        for (due_ms, name) in due {
            if due_ms > now_ms {
                look.next_ms = Some(due_ms);
                break;
            }
            if running == self.at_once_max {
                break;
            }
            if let Some(entry) = self.entries.get_mut(&name) {
                running += 1;
                (entry.is_running, entry.is_asked_for) = (true, false);
                entry.last.begin(now_ms);
                let moved = entry.moved.take().filter(|(_, noticed_ms)| now_ms < noticed_ms + DOUBTED_MS);
                look.begin.push((name, moved.map(|(doubt, _)| doubt)));
            }
        }
        look
    }

    /// Whether the configuration in force has the connector.
    pub(super) fn is_configured(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| !entry.is_gone)
    }

    /// Takes a connector's place for work that is no turn; false while one is under way, without a free place, and for a
    /// connector that is not configured.
    pub(super) fn reserve(&mut self, name: &str) -> bool {
        let running = self.entries.values().filter(|entry| entry.is_running).count();
        let entry = self.entries.get_mut(name).filter(|entry| !entry.is_gone && !entry.is_running);
        entry.filter(|_| running < self.at_once_max).map(|entry| entry.is_running = true).is_some()
    }

    /// Gives the place back.
    pub(super) fn release(&mut self, name: &str) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.is_running = false;
            if entry.is_gone {
                self.entries.remove(name);
            }
        }
    }

    /// A turn ended. What follows from it is remembered here: where nothing can be written, a failed turn must not begin
    /// again at once.
    pub(super) fn ended(&mut self, name: &str, now_ms: TimestampMs, failure: Option<&Failure>) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.is_running = false;
            entry.last.end(now_ms, failure);
            if entry.is_gone {
                self.entries.remove(name);
            }
        }
    }

    /// Asks for a turn, also of a paused connector; false for one that is not configured. One under way is followed by
    /// another.
    pub(super) fn ask(&mut self, name: &str) -> bool {
        let entry = self.entries.get_mut(name).filter(|entry| !entry.is_gone);
        entry.map(|entry| entry.is_asked_for = true).is_some()
    }

    /// Puts a pause in force, or takes it back.
    pub(super) fn set_pause(&mut self, name: &str, pause: Option<Pause>) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.pause = pause;
        }
    }

    /// The connectors by name, but for those that are configured no more.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().filter(|(_, entry)| !entry.is_gone).map(|(name, entry)| (&**name, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Schedule;

    const MINUTE_MS: i64 = 60_000;

    fn hourly(at_once_max: usize, names: &[&str]) -> Plan {
        let mut plan = Plan::default();
        let timetables = names.iter().map(|name| {
            let timetable = Timetable::new(name, Schedule::parse("hourly").expect("a schedule"), 0);
            ((*name).to_owned(), Some(timetable))
        });
        plan.configure(timetables, at_once_max, &BTreeMap::new(), |_| LastTurn::default());
        plan
    }

    fn names(look: &Look) -> Vec<&str> {
        look.begin.iter().map(|(name, _)| &**name).collect()
    }

    fn done(plan: &mut Plan, name: &str, began_ms: i64) {
        plan.ended(name, began_ms + 1, None);
    }

    #[test]
    fn one_turn_at_a_time_for_each_and_so_many_at_once_for_all() {
        let mut plan = hourly(2, &["a", "b", "c"]);
        let now_ms = 1_000 * 60 * MINUTE_MS;
        assert_eq!(names(&plan.look(now_ms)), ["a", "b"]);
        assert_eq!(plan.look(now_ms), Look::default(), "both places are taken");
        done(&mut plan, "a", now_ms);
        assert_eq!(names(&plan.look(now_ms)), ["c"]);
        done(&mut plan, "b", now_ms);
        done(&mut plan, "c", now_ms);
        assert_eq!(plan.look(now_ms).next_ms, Some(now_ms + 60 * MINUTE_MS));
        assert_eq!(names(&plan.look(now_ms + 61 * MINUTE_MS)), ["a", "b"]);
    }

    #[test]
    fn a_pause_holds_until_somebody_asks() {
        let mut plan = hourly(2, &["a"]);
        let pause = Pause { by: "anna".into(), since_ms: 0, reason: String::new() };
        plan.set_pause("a", Some(pause));
        assert_eq!(plan.look(0), Look::default());
        assert!(plan.ask("a") && !plan.ask("b"));
        assert_eq!(names(&plan.look(0)), ["a"]);
        assert!(plan.ask("a"), "while it runs");
        assert_eq!(names(&plan.look(0)), [""; 0]);
        done(&mut plan, "a", 0);
        assert_eq!(names(&plan.look(1)), ["a"]);
        done(&mut plan, "a", 1);
        plan.set_pause("a", None);
        assert_eq!(plan.look(2).next_ms, Some(60 * MINUTE_MS));
    }

    #[test]
    fn each_connector_is_told_once_that_the_clock_was_moved() {
        let mut plan = hourly(9, &["a", "b"]);
        let doubt = Doubt::Stepped { by_ms: 60 * MINUTE_MS };
        plan.moved(doubt, 0);
        assert_eq!(plan.look(0).begin, [("a".into(), Some(doubt)), ("b".into(), Some(doubt))]);
        done(&mut plan, "a", 0);
        assert_eq!(plan.look(61 * MINUTE_MS).begin, [("a".into(), None)]);
        done(&mut plan, "b", 61 * MINUTE_MS);
        plan.moved(doubt, 61 * MINUTE_MS);
        assert_eq!(plan.look(121 * MINUTE_MS).begin, [("b".into(), None)], "an hour later it is the clock there is");
    }

    #[test]
    fn a_failed_turn_waits_and_a_new_configuration_tries_it_at_once() {
        let mut plan = hourly(9, &["a"]);
        assert_eq!(names(&plan.look(0)), ["a"]);
        let failure = Failure::new("disk-full", crate::item::NextMove::Retry { after: None }, "x");
        plan.ended("a", 10, Some(&failure));
        assert_eq!(plan.look(10), Look { begin: Vec::new(), next_ms: Some(10 + MINUTE_MS) });
        let timetables: Vec<_> =
            plan.entries().map(|(name, entry)| (name.to_owned(), entry.timetable.clone())).collect();
        plan.configure(timetables, 9, &BTreeMap::new(), |_| LastTurn::default());
        assert_eq!(names(&plan.look(20)), ["a"]);
    }

    #[test]
    fn other_work_takes_a_place_and_no_turn_begins_beside_it() {
        let mut plan = hourly(1, &["a", "b"]);
        assert!(plan.is_configured("a") && !plan.is_configured("c"));
        assert!(plan.reserve("a") && !plan.reserve("a") && !plan.reserve("b") && !plan.reserve("c"));
        assert_eq!(plan.look(0), Look::default());
        plan.release("a");
        assert_eq!(names(&plan.look(0)), ["a"], "it was due, and still is");
        assert!(!plan.reserve("b"), "no place");
    }

    #[test]
    fn a_connector_that_is_taken_out_ends_its_turn_and_goes() {
        let mut plan = hourly(9, &["a"]);
        assert_eq!(names(&plan.look(0)), ["a"]);
        plan.configure([], 1, &BTreeMap::new(), |_| LastTurn::default());
        assert!(!plan.ask("a") && plan.entries().next().is_none());
        done(&mut plan, "a", 0);
        assert!(plan.entries.is_empty());
    }
}
