//! The host's own ledger: who changed what.

use std::{borrow::Cow, path::Path};

use super::{
    Clock,
    error::StateError,
    fact::{EntryRef, Fact},
    keys::Keys,
    ledger::{Batch, Head, Ledger, LocalFiles, Part, Position, Reading},
    sidecar::{Entry, Private, Sealer},
};

/// The name of its folder; no connector can have it.
pub(super) const HOST: &str = "@host";

/// Something a person did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Act {
    /// The host's clock; filled in when it is read.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// Did what (`plugin approve`).
    pub verb: String,
    /// To what.
    pub subject: String,
    /// Why; may be empty.
    pub reason: String,
}

impl Act {
    /// What somebody does now.
    pub fn of(actor: &str, verb: &str, subject: &str, reason: &str) -> Self {
        let [actor, verb, subject, reason] = [actor, verb, subject, reason].map(str::to_owned);
        Self { at_ms: 0, actor, verb, subject, reason }
    }
}

/// The ledger of acts. Not indexed: it is short, and read from its beginning.
pub(super) struct Acts {
    ledger: Ledger,
    sealer: Sealer,
    failed: Option<String>,
}

impl Acts {
    /// Opens it, or begins it.
    pub(super) fn open(data_dir: &Path, keys: &Keys, clock: &Clock) -> Result<(Self, Vec<String>), StateError> {
        let folder = data_dir.join("ledger").join(HOST);
        let (mut ledger, dropped) = Ledger::open(HOST, Box::new(LocalFiles::create(&folder)?))?;
        let head = Head::read(&folder, HOST, &keys.trusted())?;
        if let Some(head) = &head
            && !ledger.holds(&head.position)?
        {
            let why = format!(
                "its signed head is of group {}, it ends with group {}",
                head.position.group,
                ledger.position().group
            );
            return Err(StateError::LedgerBehind { connector: HOST.into(), why });
        }
        ledger.confirm(head.as_ref().map(|head| &head.position))?;
        let mut acts = Self { ledger, sealer: Sealer::new(&keys.derive("sealed entries", HOST)), failed: None };
        let mut announcements = Vec::new();
        if let Some(dropped) = dropped {
            let (facts_bytes, private_bytes) = (dropped.facts_bytes, dropped.private_bytes);
            acts.append(clock(), |_, batch| batch.push(&Fact::TailDropped { facts_bytes, private_bytes }))?;
            announcements.push(format!(
                "the ledger of acts ended in an unfinished group ({facts_bytes} and {private_bytes} bytes); it was dropped and that was recorded"
            ));
        }
        if !keys.rotations().is_empty() {
            let recorded = acts.rotations()?;
            for rotation in keys.rotations().iter().skip(recorded) {
                acts.append(clock(), |_, batch| batch.push(&Fact::KeyRotated { note: &rotation.note }))?;
            }
        }
        Ok((acts, announcements))
    }

    /// Records an act, durably.
    pub(super) fn record(&mut self, act: &Act, at_ms: i64) -> Result<(), StateError> {
        let cow = |text: &'_ str| -> Cow<'static, str> { Cow::Owned(text.to_owned()) };
        let part = Private::Act {
            actor: cow(&act.actor),
            verb: cow(&act.verb),
            subject: cow(&act.subject),
            reason: cow(&act.reason),
        };
        self.append(at_ms, |sealer, batch| {
            let sealed = sealer.seal(0, &Entry { previous: None, part }, batch.private())?;
            batch.push(&Fact::Acted { sealed })
        })
    }

    /// All acts, oldest first.
    pub(super) fn all(&self) -> Result<Vec<Act>, StateError> {
        let mut acts = Vec::new();
        self.each(|fact, at_ms, entry| {
            let (Fact::Acted { .. }, Some(mut bytes)) = (fact, entry) else { return Ok(()) };
            if let Some(Entry { part: Private::Act { actor, verb, subject, reason }, .. }) =
                self.sealer.open(0, &mut bytes)?
            {
                let [actor, verb, subject, reason] = [actor, verb, subject, reason].map(Cow::into_owned);
                acts.push(Act { at_ms, actor, verb, subject, reason });
            }
            Ok(())
        })?;
        Ok(acts)
    }

    /// How many rotations of the signing key are recorded.
    fn rotations(&self) -> Result<usize, StateError> {
        let mut count = 0;
        self.each(|fact, _, _| {
            count += usize::from(matches!(fact, Fact::KeyRotated { .. }));
            Ok(())
        })?;
        Ok(count)
    }

    /// Shows every fact with its group's time and the entry it names.
    fn each(
        &self,
        mut show: impl FnMut(&Fact<'_>, i64, Option<Vec<u8>>) -> Result<(), &'static str>,
    ) -> Result<(), StateError> {
        let mut groups = self.ledger.groups(Position::start(HOST))?;
        loop {
            let group = match groups.next()? {
                Reading::Group(group) => group,
                Reading::End(_) => return Ok(()),
                Reading::Unfinished { position, offset, record, what } => {
                    let file = self.ledger.path(position.segment, Part::Facts);
                    return Err(StateError::Damaged { file, offset, record, what: what.into() });
                }
            };
            let (segment, mut offset) = (group.before.segment, group.before.private);
            for (index, body) in group.bodies().enumerate() {
                let damaged = |what: &str| {
                    let (record, offset) = group.place(index);
                    StateError::Damaged {
                        file: self.ledger.path(segment, Part::Facts),
                        offset,
                        record,
                        what: what.into(),
                    }
                };
                let fact = Fact::parse(body).map_err(damaged)?;
                let entry = match fact.sealed() {
                    None => None,
                    Some(sealed) => {
                        let entry = EntryRef { segment, offset, bytes: sealed.bytes };
                        offset += u64::from(sealed.bytes);
                        Some(self.ledger.entry(&entry)?)
                    }
                };
                show(&fact, group.at_ms, entry).map_err(damaged)?;
            }
        }
    }

    /// Signs the head.
    pub(super) fn close(&self, data_dir: &Path, keys: &Keys, at_ms: i64) -> Result<(), StateError> {
        if self.ledger.is_new() {
            return Ok(());
        }
        Head { position: self.ledger.position(), at_ms }.write(&data_dir.join("ledger").join(HOST), HOST, keys)
    }

    fn append(
        &mut self,
        at_ms: i64,
        put: impl FnOnce(&mut Sealer, &mut Batch) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        if let Some(why) = &self.failed {
            return Err(StateError::Poisoned { connector: HOST.into(), why: why.clone() });
        }
        let mut batch = Batch::default();
        let result = self
            .ledger
            .begin(&mut batch)
            .and_then(|()| put(&mut self.sealer, &mut batch))
            .and_then(|()| self.ledger.append(&mut batch, at_ms));
        if let Err(error) = &result {
            self.failed = Some(error.to_string());
        }
        result.map(drop)
    }
}
