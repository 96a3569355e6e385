//! Holds: what must not be erased, until somebody lifts that. They stand in the host's own ledger as acts, sealed like
//! every act; what is in force is what was held and not released since.

use super::{Act, Ordinal, State, Target, error::StateError, plan_mailbox};
use crate::item::Resolution;

const HOLD: &str = "hold";
const RELEASE: &str = "release";

/// What a hold is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldSubject {
    /// Every item with a copy in this mailbox.
    Mailbox(String),
    /// Every item from the archive of this person or for them, by the source's id.
    Person(String),
    /// Everything, in the name of a case.
    Case(String),
}

/// A hold in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What it is about.
    pub subject: HoldSubject,
    /// The host's clock.
    pub at_ms: i64,
    /// Who decided it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl HoldSubject {
    /// As it is recorded and shown.
    pub fn text(&self) -> String {
        match self {
            Self::Mailbox(address) => format!("mailbox {address}"),
            Self::Person(id) => format!("person {id}"),
            Self::Case(name) => format!("case {name}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once(' ')?;
        match kind {
            "mailbox" => Some(Self::Mailbox(value.into())),
            "person" => Some(Self::Person(value.into())),
            "case" => Some(Self::Case(value.into())),
            _ => None,
        }
    }
}

impl State {
    /// Holds something from now on.
    pub fn hold(&self, subject: &HoldSubject, actor: &str, reason: &str) -> Result<(), StateError> {
        self.decide(HOLD, subject, actor, reason)
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// `hold-unknown` when there is none like it.
    pub fn release(&self, subject: &HoldSubject, actor: &str, reason: &str) -> Result<(), StateError> {
        if self.holds()?.iter().any(|hold| hold.subject == *subject) {
            return self.decide(RELEASE, subject, actor, reason);
        }
        Err(StateError::NotAllowed {
            code: "hold-unknown",
            what: "there is no such hold".into(),
            hint: "`chancery hold list` shows those in force".into(),
        })
    }

    /// The holds in force, oldest first.
    pub fn holds(&self) -> Result<Vec<Hold>, StateError> {
        let mut holds: Vec<Hold> = Vec::new();
        for Act { at_ms, actor, verb, subject, reason } in self.acts()? {
            let Some(subject) = HoldSubject::parse(&subject) else { continue };
            if verb == RELEASE {
                holds.retain(|hold| hold.subject != subject);
            } else if verb == HOLD {
                holds.push(Hold { subject, at_ms, actor, reason });
            }
        }
        Ok(holds)
    }

    /// Erases what is private of an item, unless a hold keeps it; false when that was done before. The decision stands
    /// in the connector's ledger and in the host's own.
    ///
    /// # Errors
    /// `item-held` under a hold; `item-not-settled` while it is under way or parked.
    pub fn erase(&self, connector: &str, ordinal: Ordinal, actor: &str, reason: &str) -> Result<bool, StateError> {
        let connector = self.connector(connector)?;
        let Some(private) = connector.item_private(ordinal)? else { return Ok(false) };
        let held = self.holds()?.into_iter().filter(|hold| match &hold.subject {
            HoldSubject::Case(_) => true,
            HoldSubject::Mailbox(address) => {
                let same = |other: &str| plan_mailbox(other) == plan_mailbox(address);
                let resolved =
                    |resolution: &Resolution| matches!(resolution, Resolution::Mailbox(other) if same(other));
                private.resolutions.iter().any(resolved)
                    || private.targets.iter().any(|target| matches!(target, Target::Mailbox(other) if same(other)))
            }
            HoldSubject::Person(id) => {
                private.owner.as_ref() == Some(id)
                    || private.targets.iter().any(|target| matches!(target, Target::Person(other) if other == id))
            }
        });
        let count = held.count();
        if count > 0 {
            return Err(StateError::NotAllowed {
                code: "item-held",
                what: format!("item {} is under {count} hold(s) and is not erased", ordinal.0),
                hint: "`chancery hold list` shows them; release them first, if that may be done".into(),
            });
        }
        connector.erase(ordinal, reason, actor)?;
        self.record_act(Act {
            at_ms: 0,
            actor: actor.into(),
            verb: "erase".into(),
            subject: format!("{} item {}", connector.name(), ordinal.0),
            reason: reason.into(),
        })?;
        Ok(true)
    }

    /// The items of a connector that were erased, with the host's clock at that, oldest first.
    pub fn erased(&self, connector: &str) -> Result<Vec<(Ordinal, i64)>, StateError> {
        let prefix = format!("{connector} item ");
        let erased = self.acts()?.into_iter().filter(|act| act.verb == "erase").filter_map(|act| {
            let ordinal = act.subject.strip_prefix(&prefix)?.parse().ok()?;
            Some((Ordinal(ordinal), act.at_ms))
        });
        Ok(erased.collect())
    }

    fn decide(&self, verb: &str, subject: &HoldSubject, actor: &str, reason: &str) -> Result<(), StateError> {
        if reason.trim().is_empty() || actor.trim().is_empty() {
            return Err(StateError::reason_missing("a hold, or its end,"));
        }
        self.record_act(Act {
            at_ms: 0,
            actor: actor.into(),
            verb: verb.into(),
            subject: subject.text(),
            reason: reason.into(),
        })
    }
}
