//! What fired and cleared, and who was told: acts of the host's own ledger, read back whole.

use std::collections::{BTreeMap, BTreeSet};

use super::Alarm;
use crate::{
    item::{Failure, TimestampMs},
    state::{Act, State},
};

const ACTOR: &str = "chancery";
const TOLD: &str = "alert told";

/// What a notice says of its alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It began.
    Fired,
    /// It lasts.
    Reminded,
    /// It is mended.
    Cleared,
    /// What came, and what is the matter, whether or not anything is.
    Summary,
    /// Nothing is the matter: somebody tries whether notices arrive.
    Test,
}

impl Event {
    const RECORDED: [(Self, &'static str); 4] = [
        (Self::Fired, "alert fired"),
        (Self::Reminded, "alert reminded"),
        (Self::Cleared, "alert cleared"),
        (Self::Summary, "alert summary"),
    ];
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Notice {
    /// Its number among this host's notices, from 1; a test has 0.
    pub number: u64,
    /// When.
    pub at: String,
    #[serde(skip)]
    pub(super) at_ms: TimestampMs,
    /// What happened to the alarm.
    pub event: Event,
    /// The alarm.
    #[serde(flatten)]
    pub alarm: Alarm,
}

/// An alarm that lasts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Since when.
    pub since: String,
    #[serde(skip)]
    pub(super) said_at_ms: TimestampMs,
    /// What it said when it was last said.
    #[serde(flatten)]
    pub alarm: Alarm,
}

type Key = (String, Option<String>);

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) notices: Vec<Notice>,
    pub(super) standing: BTreeMap<Key, Standing>,
    /// Up to which notice each place was told.
    pub(super) told: BTreeMap<String, u64>,
    /// When there was a summary last.
    pub(super) summary_ms: Option<TimestampMs>,
}

impl Book {
    pub(super) fn read(state: &State) -> Result<Self, Failure> {
        let mut book = Self::default();
        for act in state.acts()?.into_iter().filter(|act| act.actor == ACTOR) {
            if act.verb == TOLD {
                book.told.insert(act.subject, act.reason.parse().unwrap_or(0));
            } else if let Some((event, _)) = Event::RECORDED.iter().find(|(_, verb)| *verb == act.verb) {
                let (code, connector) = act.subject.split_once(' ').unwrap_or((&act.subject, ""));
                let connector = (!connector.is_empty()).then(|| connector.to_owned());
                let (text, hint) = act.reason.split_once('\n').unwrap_or((&act.reason, ""));
                let alarm = Alarm { code: code.to_owned(), connector, text: text.to_owned(), hint: hint.to_owned() };
                book.take(*event, alarm, act.at_ms);
            }
        }
        Ok(book)
    }

    /// Compares what is the matter with what was said; returns what is to be said now.
    pub(super) fn news(&self, alarms: &[Alarm], remind_ms: i64, now_ms: TimestampMs) -> Vec<(Event, Alarm)> {
        let mut news = Vec::new();
        let mut lasting = BTreeSet::new();
        for alarm in alarms {
            lasting.insert(alarm.key());
            match self.standing.get(&alarm.key()) {
                None => news.push((Event::Fired, alarm.clone())),
                Some(standing) if now_ms - standing.said_at_ms >= remind_ms => {
                    news.push((Event::Reminded, alarm.clone()))
                }
                Some(_) => {}
            }
        }
        let mended = self.standing.iter().filter(|(key, _)| !lasting.contains(*key));
        news.extend(mended.map(|(_, standing)| (Event::Cleared, standing.alarm.clone())));
        news
    }

    pub(super) fn take(&mut self, event: Event, alarm: Alarm, at_ms: TimestampMs) {
        let at = crate::item::time::rfc3339(at_ms);
        let key = alarm.key();
        if event == Event::Cleared {
            self.standing.remove(&key);
        } else if event == Event::Summary {
            // The host's notice is the last of a summary: one that was cut off is told again, whole.
            if alarm.connector.is_none() {
                self.summary_ms = Some(at_ms);
            }
        } else {
            let since = self.standing.get(&key).map_or_else(|| at.clone(), |standing| standing.since.clone());
            self.standing.insert(key, Standing { since, said_at_ms: at_ms, alarm: alarm.clone() });
        }
        self.notices.push(Notice { number: self.notices.len() as u64 + 1, at, at_ms, event, alarm });
    }
}

/// Records one, durably, before anybody is told.
pub(super) fn record(state: &State, event: Event, alarm: &Alarm) -> Result<(), Failure> {
    let Some((_, verb)) = Event::RECORDED.iter().find(|(recorded, _)| *recorded == event) else { return Ok(()) };
    let subject = format!("{} {}", alarm.code, alarm.connector.as_deref().unwrap_or_default());
    act(state, verb, subject, format!("{}\n{}", alarm.text, alarm.hint))
}

/// Records up to which notice a place was told.
pub(super) fn record_told(state: &State, place: &str, number: u64) -> Result<(), Failure> {
    act(state, TOLD, place.to_owned(), number.to_string())
}

fn act(state: &State, verb: &str, subject: String, reason: String) -> Result<(), Failure> {
    Ok(state.record_act(Act { at_ms: 0, actor: ACTOR.to_owned(), verb: verb.to_owned(), subject, reason })?)
}
