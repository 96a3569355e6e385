//! A story of mere volume: plain direct messages between people with mailboxes, each made from its number when it is
//! asked for, so that a thousand thousand of them take no memory.

use std::collections::BTreeSet;

use crate::media::Attachment;
use crate::random::{Random, mix};
use crate::story::cast::Cast;
use crate::story::script::{DAY_MS, marker};
use crate::story::told::file;
use crate::story::truth::{Expectation, ExpectedFile, Totals};
use crate::story::{Query, VolumeOptions, texts};
use crate::wire;

/// Milliseconds at the end of a story's last day without an event, as in a told story.
const QUIET_END_MS: i64 = 3_600_000;

#[derive(Debug)]
pub(crate) struct Volume {
    options: VolumeOptions,
    pub(crate) cast: Cast,
    span_ms: u64,
}

impl Volume {
    pub(crate) fn new(options: &VolumeOptions) -> Self {
        let mut options = options.clone();
        options.mailboxes = options.mailboxes.clamp(2, 100_000);
        options.deliveries_per_item = options.deliveries_per_item.clamp(1, 2);
        let cast = Cast::uniform(&options.organisation_domain, options.mailboxes);
        let span_ms = (i64::from(options.days.max(1)) * DAY_MS - QUIET_END_MS).unsigned_abs();
        Self { options, cast, span_ms }
    }

    /// Items are spread evenly: the `index`-th lies at ⌊index × span / items⌋ after the start.
    fn filed_ms(&self, index: u64) -> i64 {
        let offset = u128::from(index) * u128::from(self.span_ms) / u128::from(self.options.items.max(1));
        self.options.day_start_ms.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX))
    }

    /// The first item that is filed at or after this time: the inverse of `filed_ms`, rounded up.
    fn first_at(&self, at_ms: i64) -> u64 {
        let offset = u128::try_from(i128::from(at_ms) - i128::from(self.options.day_start_ms)).unwrap_or(0);
        let index = (offset * u128::from(self.options.items)).div_ceil(u128::from(self.span_ms));
        u64::try_from(index).unwrap_or(u64::MAX).min(self.options.items)
    }

    fn indices(&self, query: Query) -> std::ops::Range<u64> {
        let to_ms = query.now_ms.map_or(query.to_ms, |now_ms| query.to_ms.min(now_ms.saturating_add(1)));
        let end = self.first_at(to_ms);
        self.first_at(query.from_ms).min(end)..end
    }

    pub(crate) fn count(&self, query: Query) -> u64 {
        let indices = self.indices(query);
        (indices.end - indices.start) * u64::from(self.options.deliveries_per_item)
    }

    pub(crate) fn page(&self, query: Query, offset: u64, limit: u64, json: &mut Vec<u8>) -> Option<u64> {
        let per_item = u64::from(self.options.deliveries_per_item);
        let (start, count) = (self.indices(query).start, self.count(query));
        let end = offset.saturating_add(limit).min(count);
        for position in offset..end {
            if position > offset {
                json.push(b',');
            }
            self.write(start + position / per_item, position % per_item, json);
        }
        (end < count).then_some(end)
    }

    fn members(&self, index: u64) -> [usize; 2] {
        let mut random = Random::new(self.options.seed, "pair", index);
        let people = self.cast.people.len();
        let sender = random.index(people);
        [sender, (sender + 1 + random.index(people - 1)) % people]
    }

    fn key(&self, index: u64) -> String {
        format!("3EB0{:016X}", mix(self.options.seed.rotate_left(32) ^ index))
    }

    fn text(&self, index: u64) -> String {
        let mut random = Random::new(self.options.seed, "text", index);
        texts::plain(&mut random, &marker(self.options.seed, index as usize), self.options.text_bytes as usize)
    }

    fn film(&self, index: u64) -> Option<Attachment> {
        let every = self.options.attachment_every;
        let has_film = every > 0 && index < self.options.items && index.is_multiple_of(every);
        has_film.then(|| {
            let seed = self.options.seed ^ index;
            Attachment::film(format!("v{index}"), format!("VID-{index}.mp4"), seed, self.options.attachment_bytes)
        })
    }

    pub(crate) fn attachment(&self, id: &str) -> Option<Attachment> {
        self.film(id.strip_prefix('v')?.parse().ok()?)
    }

    fn write(&self, index: u64, delivery: u64, json: &mut Vec<u8>) {
        let [sender, recipient] = self.members(index).map(|member| &self.cast.people[member]);
        let owner = if delivery == 0 { sender } else { recipient };
        let [owner_wire, sender_wire, recipient_wire] = [owner, sender, recipient].map(|person| wire::Person {
            user_id: person.user_id.as_deref(),
            phone: Some(&person.phone),
            name: Some(person.name()),
            email: person.email.as_deref(),
        });
        let (key, text, film) = (self.key(index), self.text(index), self.film(index));
        let item = wire::Item {
            id: format!("{key}.{delivery}"),
            key: &key,
            network: "whatsapp",
            archiver: "phone",
            r#type: "message",
            event_time_ms: self.filed_ms(index),
            owner: owner_wire,
            sender: Some(sender_wire),
            subject: wire::subject("Message", sender, &recipient.phone),
            recipients: vec![recipient_wire],
            direction: if delivery == 0 { "outgoing" } else { "incoming" },
            chat: wire::Chat { id: None, mode: "chat", title: None },
            text: Some(&text),
            reply_to: None,
            original: None,
            deletion: None,
            call: None,
            attachments: film.iter().map(file).collect(),
        };
        let written = serde_json::to_writer(json, &item);
        // Writing into memory does not fail, and none of these values has a form that JSON cannot hold.
        debug_assert!(written.is_ok());
    }

    pub(crate) fn expectations(&self) -> impl Iterator<Item = Expectation> {
        (0..self.options.items).map(|index| self.expectation(index))
    }

    fn expectation(&self, index: u64) -> Expectation {
        let files = self.film(index).into_iter().map(|film| ExpectedFile {
            withheld: film.size > self.options.oversize_limit_bytes,
            id: film.id,
            name: film.name,
            size: film.size,
        });
        let attachments: Vec<_> = files.collect();
        let mut expectation = Expectation {
            key: self.key(index),
            event: "message",
            filed_ms: self.filed_ms(index),
            visible_from_ms: self.filed_ms(index),
            marker: Some(marker(self.options.seed, index as usize)),
            deliveries: self.options.deliveries_per_item,
            mailboxes: BTreeSet::new(),
            parked: Vec::new(),
            parked_whole: None,
            partial: attachments.iter().any(|file| file.withheld),
            attachments,
        };
        expectation.fan_out(self.members(index).iter().map(|member| &self.cast.people[*member]));
        expectation
    }

    /// By arithmetic: nothing is parked, every item has two mailboxes.
    pub(crate) fn totals(&self, query: Query) -> Totals {
        let indices = self.indices(query);
        let items = indices.end - indices.start;
        let every = self.options.attachment_every;
        let oversize = every > 0 && self.options.attachment_bytes > self.options.oversize_limit_bytes;
        let films = if oversize { indices.end.div_ceil(every) - indices.start.div_ceil(every) } else { 0 };
        Totals {
            items,
            deliveries: items * u64::from(self.options.deliveries_per_item),
            duplicates: items * u64::from(self.options.deliveries_per_item - 1),
            items_settled: items,
            copies: items * 2,
            copies_partial: films * 2,
            ..Totals::default()
        }
    }
}
