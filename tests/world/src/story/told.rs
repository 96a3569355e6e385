//! A told story: everything is decided when it is generated; JSON and attachments are made when they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::media::Attachment;
use crate::random::Random;
use crate::story::cast::{ABSURD_TIME, Cast, Person};
use crate::story::chats::{Chat, ChatId, chats};
use crate::story::event::{Event, Form, Kind};
use crate::story::truth::{Expectation, ExpectedFile, Totals};
use crate::story::{Query, StoryOptions, script};
use crate::wire;

/// How far behind its first place in the listing a repeated delivery stands: beyond a page of the usual size.
const REPEAT_DISTANCE: usize = 650;

#[derive(Debug)]
pub(crate) struct Told {
    seed: u64,
    oversize_limit_bytes: u64,
    pub(crate) cast: Cast,
    chats: Vec<Chat>,
    events: Vec<Event>,
    attachments: Vec<Attachment>,
    attachment_by_id: BTreeMap<String, usize>,
    /// The order in which the site lists deliveries: shuffled, with repetitions.
    listing: Vec<Delivery>,
}

/// An event in the archive of one owner.
#[derive(Clone, Copy, Debug)]
struct Delivery {
    event: usize,
    /// Index into the cast; for the short form, whose owner is not told, the sender's.
    owner: usize,
    /// True for the second mention in the listing.
    repeated: bool,
}

impl Told {
    pub(crate) fn generate(options: &StoryOptions) -> Self {
        let cast = Cast::of(&options.organisation_domain);
        let chats = chats(options.seed);
        let (events, attachments) = script::write(options, &cast, &chats);
        let attachment_by_id =
            attachments.iter().enumerate().map(|(index, attachment)| (attachment.id.clone(), index)).collect();
        let mut told = Self {
            seed: options.seed,
            oversize_limit_bytes: options.oversize_limit_bytes,
            cast,
            chats,
            events,
            attachments,
            attachment_by_id,
            listing: Vec::new(),
        };
        told.listing = told.list(options.repeats as usize);
        told
    }

    fn list(&self, repeats: usize) -> Vec<Delivery> {
        let mut listing: Vec<_> = (0..self.events.len())
            .flat_map(|event| self.owners(event).map(move |owner| Delivery { event, owner, repeated: false }))
            .collect();
        Random::new(self.seed, "listing", 0).shuffle(&mut listing);
        let distance = REPEAT_DISTANCE.min(listing.len() / 2).max(1);
        let repeats = repeats.min(listing.len().saturating_sub(distance));
        let mut places: Vec<_> = listing.into_iter().enumerate().map(|(at, delivery)| (2 * at, delivery)).collect();
        let room = places.len().saturating_sub(distance);
        for repeat in 0..repeats {
            let (at, delivery) = places[repeat * room / repeats];
            places.push((at + 2 * distance + 1, Delivery { repeated: true, ..delivery }));
        }
        places.sort_by_key(|(at, _)| *at);
        places.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// In whose archives the event is found.
    fn owners(&self, event: usize) -> impl Iterator<Item = usize> {
        let event = &self.events[event];
        let short = event.form == Form::Short;
        let archived = |member: &usize| self.cast.people[*member].user_id.is_some();
        let members = self.chats[event.chat].members.iter().copied();
        members.filter(move |member| if short { *member == event.sender } else { archived(member) })
    }

    fn listed(&self, query: Query) -> impl Iterator<Item = &Delivery> {
        self.listing.iter().filter(move |delivery| {
            let event = &self.events[delivery.event];
            query.holds(event.filed_ms) && query.now_ms.is_none_or(|now_ms| event.visible_from_ms <= now_ms)
        })
    }

    pub(crate) fn count(&self, query: Query) -> u64 {
        self.listed(query).filter(|delivery| !delivery.repeated).count() as u64
    }

    /// Appends up to `limit` items from `offset` to `json`, and says where the next page begins, if there is one.
    pub(crate) fn page(&self, query: Query, offset: u64, limit: u64, json: &mut Vec<u8>) -> Option<u64> {
        let mut listed = self.listed(query).skip(usize::try_from(offset).unwrap_or(usize::MAX));
        for (written, delivery) in listed.by_ref().take(limit as usize).enumerate() {
            if written > 0 {
                json.push(b',');
            }
            self.write(delivery, json);
        }
        listed.next().map(|_| offset + limit)
    }

    pub(crate) fn attachment(&self, id: &str) -> Option<Attachment> {
        self.attachment_by_id.get(id).map(|index| self.attachments[*index].clone())
    }

    pub(crate) fn expectations(&self) -> impl Iterator<Item = Expectation> {
        (0..self.events.len()).map(|index| self.expectation(index))
    }

    pub(crate) fn totals(&self, query: Query) -> Totals {
        let mut totals = Totals::default();
        for expectation in self.expectations() {
            let visible = query.now_ms.is_none_or(|now_ms| expectation.visible_from_ms <= now_ms);
            if visible && query.holds(expectation.filed_ms) {
                totals.add(&expectation);
            }
        }
        totals.repeats = self.listed(query).filter(|delivery| delivery.repeated).count() as u64;
        totals
    }

    fn expectation(&self, index: usize) -> Expectation {
        let event = &self.events[index];
        let files = event.attachments.iter().map(|attachment| {
            let Attachment { id, name, size, expired, .. } = &self.attachments[*attachment];
            let withheld = *expired || *size > self.oversize_limit_bytes;
            ExpectedFile { id: id.clone(), name: name.clone(), size: *size, withheld }
        });
        let attachments: Vec<_> = files.collect();
        let mut expectation = Expectation {
            key: event.key.clone(),
            event: event.kind.event_name(),
            filed_ms: event.filed_ms,
            visible_from_ms: event.visible_from_ms,
            marker: event.marker.clone(),
            deliveries: self.owners(index).count() as u32,
            mailboxes: BTreeSet::new(),
            parked: Vec::new(),
            parked_whole: None,
            partial: attachments.iter().any(|file| file.withheld),
            attachments,
        };
        if event.stated_ms == event.filed_ms {
            let members = self.chats[event.chat].members.iter();
            expectation.fan_out(members.map(|member| &self.cast.people[*member]));
        } else {
            expectation.parked_whole = Some(ABSURD_TIME);
        }
        expectation
    }

    fn write(&self, delivery: &Delivery, json: &mut Vec<u8>) {
        let event = &self.events[delivery.event];
        // Writing into memory does not fail, and none of these values has a form that JSON cannot hold.
        let written = match event.form {
            Form::Short => serde_json::to_writer(json, &self.short_item(event)),
            Form::Full | Form::WithoutEmail => serde_json::to_writer(json, &self.item(event, delivery)),
        };
        debug_assert!(written.is_ok());
    }

    fn short_item<'a>(&'a self, event: &'a Event) -> wire::ShortItem<'a> {
        let chat = &self.chats[event.chat];
        wire::ShortItem {
            id: format!("{}.short", event.key),
            key: &event.key,
            network: "whatsapp",
            r#type: event.kind.wire_name(),
            event_time_ms: event.stated_ms,
            recipients: chat.members.iter().map(|member| spelled(&self.cast.people[*member], 0, false)).collect(),
            chat: wire::Chat { id: None, mode: "group", title: chat.title },
            text: event.text.as_deref(),
        }
    }

    fn item<'a>(&'a self, event: &'a Event, delivery: &Delivery) -> wire::Item<'a> {
        let chat = &self.chats[event.chat];
        // How this owner's phone saw it: the names in its address book, the e-mail properties it knew.
        let mut view = Random::new(self.seed, &event.key, delivery.owner as u64);
        let without_email = event.form == Form::WithoutEmail;
        let mut person = |member: usize| {
            let person = &self.cast.people[member];
            let lacks = without_email || (member != delivery.owner && person.mapped.is_some() && view.chance(50));
            spelled(person, view.below(8), lacks)
        };
        let owner = person(delivery.owner);
        let sender = person(event.sender);
        let mut recipients: Vec<_> =
            chat.members.iter().filter(|member| **member != event.sender).map(|member| person(*member)).collect();
        let turn = view.index(recipients.len());
        recipients.rotate_left(turn);
        let to = match (chat.title, recipients.first()) {
            (Some(title), _) => title,
            (None, recipient) => recipient.and_then(|person| person.phone).unwrap_or_default(),
        };
        let what = if matches!(event.kind, Kind::Call { .. }) { "Call" } else { "Message" };
        wire::Item {
            id: format!("{}.{}", event.key, self.cast.people[delivery.owner].user_id.as_deref().unwrap_or("none")),
            key: &event.key,
            network: "whatsapp",
            archiver: if delivery.owner.is_multiple_of(3) { "cloud" } else { "phone" },
            r#type: event.kind.wire_name(),
            event_time_ms: event.stated_ms,
            subject: wire::subject(what, &self.cast.people[event.sender], to),
            direction: if delivery.owner == event.sender { "outgoing" } else { "incoming" },
            owner,
            sender: Some(sender),
            recipients,
            chat: wire::Chat {
                id: chat_id(self.seed, event.chat, chat.id, delivery.owner),
                mode: if chat.title.is_some() { "group" } else { "chat" },
                title: chat.title,
            },
            text: event.text.as_deref(),
            reply_to: event.reply_to.map(|quoted| self.events[quoted].key.as_str()),
            original: match event.kind {
                Kind::Edit { of } | Kind::Deletion { of, .. } => {
                    Some(wire::Original { key: &self.events[of].key, text: self.events[of].text.as_deref() })
                }
                _ => None,
            },
            deletion: match event.kind {
                Kind::Deletion { scope, state, .. } => Some(wire::Deletion { scope, state }),
                _ => None,
            },
            call: match event.kind {
                Kind::Call { video, outcome, duration_s } => {
                    Some(wire::Call { media: if video { "video" } else { "voice" }, outcome, duration_s })
                }
                _ => None,
            },
            attachments: event.attachments.iter().map(|index| file(&self.attachments[*index])).collect(),
        }
    }
}

pub(crate) fn file(attachment: &Attachment) -> wire::File<'_> {
    let Attachment { id, name, media_type, size, .. } = attachment;
    wire::File { id, name, media_type, size: *size }
}

/// A person as one phone's address book has them.
fn spelled(person: &Person, variant: u64, without_email: bool) -> wire::Person<'_> {
    let name = match variant {
        0..=4 => Some(person.name()),
        5 if !person.family.is_empty() => Some(format!("{}, {}", person.family, person.given)),
        6 => Some(person.given.clone()),
        7 if person.user_id.is_none() => None,
        _ => Some(format!("{} (work)", person.name())),
    };
    wire::Person {
        user_id: person.user_id.as_deref(),
        phone: Some(&person.phone),
        name,
        email: person.email.as_deref().filter(|_| !without_email),
    }
}

fn chat_id(seed: u64, chat: usize, id: ChatId, owner: usize) -> Option<String> {
    let mut random = match id {
        ChatId::Absent => return None,
        ChatId::Shared => Random::new(seed, "chat", chat as u64),
        ChatId::PerOwner => Random::new(seed, "chat of owner", ((chat as u64) << 32) | owner as u64),
    };
    let (high, low) = (random.next(), random.next());
    let (low, version) = (low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000, high & 0xfff | 0x4000);
    Some(format!(
        "{:08x}-{:04x}-{version:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    ))
}
