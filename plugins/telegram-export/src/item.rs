//! The items of one record: what it tells of, and then each reaction to it.

use kit::{Error, Event, Item, Reference, Tables};
use serde_json::Value;

use crate::{
    chat::Chat,
    clock::{self, Moment, Problem, Zone},
    extras, identity, kind,
    limits::ORIGINAL_BYTES_MAX,
    media::Media,
    people::{self, People},
    text,
    value::{integer, list},
};

/// Why there is no item, or no page.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The record's time cannot be used.
    Time(Problem),
    /// The page fails.
    Page(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Page(error)
    }
}

/// What the records of a chat share.
pub(crate) struct Maker<'a, 'b> {
    /// The chat.
    pub(crate) chat: &'a Chat,
    /// Who is who.
    pub(crate) people: People<'a>,
    /// The settings' zone.
    pub(crate) zone: &'a Zone,
    /// The file's path.
    pub(crate) path: &'a str,
    /// The records are no chat's.
    pub(crate) is_section: bool,
    /// How many records that are the same byte by byte stand right before, where they have no number.
    pub(crate) twin: u32,
    /// The page's tables.
    pub(crate) tables: &'a mut Tables,
    /// Files beside the export.
    pub(crate) media: &'a mut Media<'b>,
}

/// How many items a record makes: itself, and each reaction that names who reacted.
pub(crate) fn parts(record: &Value) -> usize {
    reactions(record).count().saturating_add(1)
}

/// What reacted, who, and when in local time.
fn reactions(record: &Value) -> impl Iterator<Item = (String, (String, Option<String>), Option<&str>)> {
    list(record, "reactions").iter().flat_map(|reaction| {
        list(reaction, "recent").iter().filter_map(move |recent| {
            Some((extras::emoji(reaction), people::named(recent, "from")?, crate::value::text(recent, "date")))
        })
    })
}

impl Maker<'_, '_> {
    /// At most `room` items of a record, after the first `skip`.
    pub(crate) fn items(&mut self, record: &Value, raw: &[u8], skip: usize, room: usize) -> Result<Vec<Item>, Trouble> {
        let moment = clock::of_record(record, self.zone).map_err(Trouble::Time)?;
        let own = match integer(record, "id") {
            Some(number) => self.chat.message_id(number, self.path)?,
            None if self.twin > 0 => self.chat.id(&format!("{}:{}", identity::hash(raw), self.twin)),
            None => self.chat.id(&identity::hash(raw)),
        };
        let event = kind::event(record, self.is_section);
        let revision = clock::edited_seconds(record, &moment, self.zone).unwrap_or(0);
        let mut items = Vec::new();
        if skip == 0 && room > 0 {
            let mut item = self.main(record, raw, &moment, event)?;
            (item.id, item.revision) = (own.clone(), revision);
            items.push(item);
        }
        let author = people::sender(record);
        let refers_to = Reference { id: own.clone(), event, revision };
        for (emoji, from, at) in reactions(record).skip(skip.saturating_sub(1)).take(room.saturating_sub(items.len())) {
            let at = at.and_then(|at| clock::beside(at, &moment, self.zone));
            let mut item = self.bare(Event::Reaction, &moment, Some(&from), author.as_ref());
            item.id = identity::short(format!("{own}:reaction:{emoji}:{}", from.0));
            item.text = Some(emoji);
            item.refers_to = Some(refers_to.clone());
            if at.is_none() {
                item.extensions.push(("time-of".to_owned(), "message".to_owned()));
            }
            item.sent_at = at.unwrap_or(moment.ms);
            items.push(item);
        }
        Ok(items)
    }

    fn main(&mut self, record: &Value, raw: &[u8], moment: &Moment, event: Event) -> Result<Item, Error> {
        // Pictures and stories of an account are its owner's.
        let own = || self.people.owner.id.clone().filter(|_| self.is_section).map(|id| (id, None));
        let sender = people::sender(record).or_else(own);
        let attachments = self.media.of_record(record)?;
        Ok(Item {
            text: text::of_record(record),
            refers_to: self.refers_to(record)?,
            call: (event == Event::Call).then(|| kind::call(record)),
            attachments,
            original: Some(raw.get(..raw.len().min(ORIGINAL_BYTES_MAX)).unwrap_or_default().to_vec()),
            extensions: extras::of_record(record, raw, moment),
            ..self.bare(event, moment, sender.as_ref(), None)
        })
    }

    /// What is answered, pinned or paid: always taken for a message, since the record does not say more.
    fn refers_to(&self, record: &Value) -> Result<Option<Reference>, Error> {
        let members = ["reply_to_message_id", "message_id", "game_message_id", "invoice_message_id"];
        let Some(number) = members.into_iter().find_map(|member| integer(record, member)) else { return Ok(None) };
        let elsewhere = record.get("reply_to_peer_id").and_then(people::peer);
        let id = match elsewhere {
            Some(peer) => self.chat.elsewhere(&peer, number),
            None => self.chat.message_id(number, self.path)?,
        };
        Ok(Some(Reference { id, event: Event::Message, revision: 0 }))
    }

    /// An item with the people of it: who sent it, the other one of a direct chat, the owner.
    fn bare(
        &mut self,
        event: Event,
        moment: &Moment,
        sender: Option<&(String, Option<String>)>,
        other: Option<&(String, Option<String>)>,
    ) -> Item {
        let named = [sender, other, self.chat.peer.as_ref()];
        let mut all: Vec<kit::Person> = Vec::new();
        for (id, name) in named.into_iter().flatten() {
            let person = self.people.person(id, name.as_deref());
            if all.iter().all(|known| known.id != person.id) {
                all.push(person);
            }
        }
        let owner = self.people.owner.person();
        let place = owner.as_ref().and_then(|owner| all.iter().position(|known| known.id == owner.id));
        let place = place.or_else(|| {
            all.push(owner.clone()?);
            all.len().checked_sub(1)
        });
        let rows: Vec<u32> = all.into_iter().map(|person| self.tables.person(person)).collect();
        let sender_row = sender.and(rows.first().copied());
        let owner_row = place.and_then(|place| rows.get(place).copied());
        // Without the owner's user id nobody can tell who the owner is among those who write.
        let is_known = self.people.owner.id.is_some();
        let direction = sender_row
            .zip(owner_row)
            .filter(|_| is_known)
            .map(|(sender, owner)| if sender == owner { kit::Direction::Outgoing } else { kit::Direction::Incoming });
        Item {
            id: String::new(),
            event,
            revision: 0,
            conversation: self.tables.conversation(self.chat.conversation.clone()),
            sender: sender_row,
            owner: owner_row,
            participants: rows,
            direction,
            sent_at: moment.ms,
            zone: moment.zone.clone(),
            text: None,
            previous_text: None,
            refers_to: None,
            call: None,
            attachments: Vec::new(),
            original: None,
            extensions: Vec::new(),
        }
    }
}
