//! Writes a story: which event happens when, in which chat, to whom. Everything follows from the seed.

use jiff::Timestamp;

use crate::media::{Attachment, Content};
use crate::random::{Random, mix};
use crate::story::StoryOptions;
use crate::story::cast::{Cast, place};
use crate::story::chats::{Chat, Role};
use crate::story::event::{Event, Form, Kind};
use crate::story::texts;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// Events of a day lie in its first 23 hours, so that a window that ends a little early still holds them.
const EVENTS_SPAN_MS: i64 = 23 * HOUR_MS;
/// 1601-01-01, where some systems begin to count.
const ABSURD_PAST_MS: i64 = -11_644_473_600_000;

/// The events in order of the time they are filed under, and the files they carry.
pub(crate) fn write(options: &StoryOptions, cast: &Cast, chats: &[Chat]) -> (Vec<Event>, Vec<Attachment>) {
    let mut writer = Writer {
        options,
        cast,
        chats,
        events: Vec::new(),
        attachments: Vec::new(),
        open: vec![Vec::new(); chats.len()],
    };
    let planted = planted(options);
    for (index, filed_ms) in times(options).into_iter().enumerate() {
        let mut random = Random::new(options.seed, "event", index as u64);
        let plant = planted.iter().find(|(at, _)| *at == index).map(|(_, plant)| *plant);
        writer.event(&mut random, index, filed_ms, plant);
    }
    (writer.events, writer.attachments)
}

/// What is planted once, whatever chance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    AbsurdPast,
    AbsurdFuture,
    UnknownType,
    ShortForm,
    WithoutEmail,
    Unmapped,
    Nowhere,
    UnknownMailbox,
    ParkingGroup,
    Oversize,
    Expired,
    Late,
}

/// What is planted where: spread evenly, so that every page size meets some of it.
fn planted(options: &StoryOptions) -> Vec<(usize, Plant)> {
    let mut plants = vec![
        Plant::Oversize,
        Plant::AbsurdPast,
        Plant::Unmapped,
        Plant::ShortForm,
        Plant::UnknownType,
        Plant::WithoutEmail,
        Plant::UnknownMailbox,
        Plant::AbsurdFuture,
        Plant::Nowhere,
        Plant::ParkingGroup,
        Plant::WithoutEmail,
        Plant::ShortForm,
    ];
    intersperse(&mut plants, Plant::Expired, options.expired_attachments as usize);
    intersperse(&mut plants, Plant::Late, options.late_items as usize);
    let items = options.items as usize;
    plants.truncate(items / 2);
    let gaps = plants.len() + 1;
    plants.into_iter().enumerate().map(|(index, plant)| ((index + 1) * items / gaps, plant)).collect()
}

/// Puts `count` plants evenly among the others, the first at the beginning, so that each day gets some.
fn intersperse(plants: &mut Vec<Plant>, plant: Plant, count: usize) {
    let others = plants.len();
    for index in 0..count {
        plants.insert(index + index * others / count, plant);
    }
}

/// When events are filed, ascending: most in office hours, some at night.
fn times(options: &StoryOptions) -> Vec<i64> {
    let days = i64::from(options.days.max(1));
    let mut times: Vec<i64> = (0..options.items)
        .map(|index| {
            let mut random = Random::new(options.seed, "time", u64::from(index));
            let day_start_ms = options.day_start_ms + i64::from(index) % days * DAY_MS;
            let within = if random.chance(90) {
                let half = 11 * HOUR_MS as u64 / 2;
                7 * HOUR_MS + (random.below(half) + random.below(half)) as i64
            } else {
                random.below(EVENTS_SPAN_MS as u64) as i64
            };
            day_start_ms + within
        })
        .collect();
    times.sort_unstable();
    times
}

struct Writer<'a> {
    options: &'a StoryOptions,
    cast: &'a Cast,
    chats: &'a [Chat],
    events: Vec<Event>,
    attachments: Vec<Attachment>,
    /// Per chat: messages that can still be quoted, edited or taken back.
    open: Vec<Vec<usize>>,
}

impl Writer<'_> {
    fn event(&mut self, random: &mut Random, index: usize, filed_ms: i64, plant: Option<Plant>) {
        let chat = self.chat(random, plant);
        // WhatsApp's own ids look like this. Mixing is a bijection, so that no two are the same.
        let key = format!("3EB0{:016X}", mix(self.options.seed.rotate_left(32) ^ index as u64));
        let marker = marker(self.options.seed, index);
        let mut event = Event {
            key,
            stated_ms: filed_ms,
            filed_ms,
            visible_from_ms: filed_ms,
            chat,
            sender: random.pick(&self.chats[chat].members),
            kind: Kind::Message,
            form: Form::Full,
            text: None,
            marker: None,
            reply_to: None,
            attachments: Vec::new(),
        };
        match plant {
            None => self.everyday(random, &mut event, index, &marker),
            Some(plant) => {
                event.text = Some(format!("{} {marker}", random.pick(PLANTED_WORDS)));
                event.marker = Some(marker);
                self.plant(random, &mut event, index, plant);
            }
        }
        // Only what every owner sees in full is quoted, edited or taken back later.
        let quotable = matches!(event.kind, Kind::Message) && plant.is_none();
        if quotable {
            self.open[chat].push(index);
        }
        self.events.push(event);
    }

    fn chat(&self, random: &mut Random, plant: Option<Plant>) -> usize {
        let role = match plant {
            None => return random.weighted(self.chats.iter().map(|chat| chat.weight)),
            Some(Plant::AbsurdPast | Plant::AbsurdFuture) => Role::Outside,
            Some(Plant::UnknownType | Plant::ShortForm | Plant::Oversize) => Role::Group,
            Some(Plant::Expired | Plant::Late) => Role::Colleagues,
            Some(Plant::WithoutEmail) => Role::ByFile,
            Some(Plant::Unmapped) => Role::Unmapped,
            Some(Plant::Nowhere) => Role::Nowhere,
            Some(Plant::UnknownMailbox) => Role::Unknown,
            Some(Plant::ParkingGroup) => Role::ParkingGroup,
        };
        random.weighted(self.chats.iter().map(|chat| u32::from(chat.role == role)))
    }

    fn plant(&mut self, random: &mut Random, event: &mut Event, index: usize, plant: Plant) {
        match plant {
            Plant::AbsurdPast => event.stated_ms = ABSURD_PAST_MS,
            // Microseconds taken for milliseconds: some 56,000 years from now.
            Plant::AbsurdFuture => event.stated_ms = event.filed_ms.saturating_mul(1000),
            Plant::UnknownType => event.kind = Kind::Poll,
            Plant::ShortForm => event.form = Form::Short,
            Plant::WithoutEmail => event.form = Form::WithoutEmail,
            Plant::Oversize => {
                let id = attachment_id(self.options.seed, index);
                let name = format!("VID-{}-WA{:04}.mp4", day(event.filed_ms), index % 10_000);
                let film = Attachment::film(id, name, random.next(), self.options.oversize_bytes);
                self.attach(event, film);
            }
            Plant::Expired => {
                let mut picture = self.picture(random, event, index);
                picture.expired = true;
                self.attach(event, picture);
            }
            Plant::Late => event.visible_from_ms += DAY_MS + 2 * HOUR_MS,
            Plant::Unmapped | Plant::Nowhere | Plant::UnknownMailbox | Plant::ParkingGroup => {}
        }
    }

    /// What happens on an ordinary day, in about the proportions of an office.
    fn everyday(&mut self, random: &mut Random, event: &mut Event, index: usize, marker: &str) {
        let open = &self.open[event.chat];
        let earlier = (!open.is_empty()).then(|| open[open.len() - 1 - random.index(open.len().min(12))]);
        match (random.below(1000), earlier) {
            (0..=69, Some(of)) => {
                event.reply_to = Some(of);
                self.text(random, event, marker);
            }
            (70..=104, Some(of)) if self.events[of].text.is_some() => {
                event.sender = self.events[of].sender;
                event.kind = Kind::Edit { of };
                self.text(random, event, marker);
            }
            (105..=144, Some(of)) => {
                event.sender = self.events[of].sender;
                let scope = if random.chance(85) { "all" } else { "me" };
                event.kind = Kind::Deletion { of, scope, state: random.pick(&["READ", "READ", "UNREAD", "UNKNOWN"]) };
                self.open[event.chat].retain(|open| *open != of);
            }
            (145..=219, _) => event.kind = call(random),
            (220..=259, _) => {
                let picture = self.picture(random, event, index);
                self.attach(event, picture);
                if random.chance(40) {
                    self.text(random, event, marker);
                }
            }
            (260..=279, _) => {
                let content = Content::VoiceNote { serial: random.next() as u32, seconds: 1 + random.below(20) as u32 };
                let name = format!("PTT-{}-WA{:04}.opus", day(event.filed_ms), index % 10_000);
                self.attach(event, Attachment::new(attachment_id(self.options.seed, index), name, content));
            }
            (280..=303, _) => {
                let document = self.document(random, event, index);
                self.attach(event, document);
                if random.chance(50) {
                    self.text(random, event, marker);
                } else {
                    event.kind = Kind::File;
                }
            }
            (304..=313, _) => {
                let who = &self.cast.people[place::OUTSIDE.start + random.index(place::OUTSIDE.len())];
                let name = format!("{}.vcf", who.name());
                let content = Content::Contact {
                    given: who.given.clone(),
                    family: who.family.clone(),
                    phone: who.phone.clone(),
                    note: format!("shared {index}"),
                };
                self.attach(event, Attachment::new(attachment_id(self.options.seed, index), name, content));
            }
            _ => self.text(random, event, marker),
        }
    }

    fn text(&self, random: &mut Random, event: &mut Event, marker: &str) {
        let text = texts::write(random, self.chats[event.chat].language, marker);
        event.text = Some(text.text);
        event.marker = text.marker;
    }

    fn picture(&self, random: &mut Random, event: &Event, index: usize) -> Attachment {
        let seed = random.next();
        let id = attachment_id(self.options.seed, index);
        if random.chance(70) {
            let name = format!("IMG-{}-WA{:04}.jpg", day(event.filed_ms), index % 10_000);
            Attachment::new(id, name, Content::Jpeg { seed })
        } else {
            let name = random.pick(&["Screenshot.png", "スクリーンショット.png", "לוח זמנים.png"]).to_owned();
            Attachment::new(id, name, Content::Png { seed })
        }
    }

    fn document(&self, random: &mut Random, event: &Event, index: usize) -> Attachment {
        let lines = vec![
            format!("Document {}", marker(self.options.seed, index)),
            format!("Date: {}", day(event.filed_ms)),
            format!("Amount: {}.{:02} EUR", 100 + random.below(90_000), random.below(100)),
        ];
        let name = random.pick(DOCUMENT_NAMES).replace("{n}", &index.to_string());
        Attachment::new(attachment_id(self.options.seed, index), name, Content::Pdf { lines })
    }

    fn attach(&mut self, event: &mut Event, attachment: Attachment) {
        event.attachments.push(self.attachments.len());
        self.attachments.push(attachment);
    }
}

fn call(random: &mut Random) -> Kind {
    let video = random.chance(25);
    match random.below(10) {
        0..=5 => Kind::Call { video, outcome: "answered", duration_s: Some(4 + random.below(5_000) as u32) },
        6..=7 => Kind::Call { video, outcome: "missed", duration_s: None },
        8 => Kind::Call { video, outcome: "declined", duration_s: None },
        _ => Kind::Call { video, outcome: "failed", duration_s: Some(0) },
    }
}

/// A reference as office chats are full of: `CH-` and six letters or digits that cannot be misread for one another.
pub(crate) fn marker(seed: u64, index: usize) -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    // An odd factor makes multiplication modulo 2³⁰ a bijection: distinct below a thousand million items.
    let mut number = (index as u64).wrapping_mul(0x2545_f491).wrapping_add(mix(seed)) & ((1 << 30) - 1);
    let mut marker = *b"CH-000000";
    for digit in marker.iter_mut().skip(3) {
        *digit = ALPHABET[(number % 32) as usize];
        number /= 32;
    }
    String::from_utf8_lossy(&marker).into_owned()
}

fn attachment_id(seed: u64, index: usize) -> String {
    format!("a{:016x}", mix(seed ^ 0xa77a_c4ed ^ ((index as u64) << 20)))
}

/// The UTC day as phones write it into file names.
fn day(at_ms: i64) -> String {
    match Timestamp::from_millisecond(at_ms) {
        Ok(at) => at.strftime("%Y%m%d").to_string(),
        Err(_) => "00000000".to_owned(),
    }
}

const PLANTED_WORDS: &[&str] = &["Please keep this one:", "For the file:", "As discussed, see"];

const DOCUMENT_NAMES: &[&str] = &[
    "Invoice {n}.pdf",
    "Angebot „final“ ({n}).pdf",
    "contract; signed = yes, {n}.pdf",
    "合同 {n}.pdf",
    "عرض السعر {n}.pdf",
    "a rather long name that somebody gave to a scan of the second page of the minutes of the meeting of the working \
     group on the new warehouse in the north, with comments by everybody who was there, version {n}.pdf",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn markers_are_unique_and_well_formed() {
        for seed in [0, 1, u64::MAX] {
            let markers: BTreeSet<_> = (0..50_000).map(|index| marker(seed, index)).collect();
            assert_eq!(markers.len(), 50_000);
            assert!(markers.iter().all(|marker| marker.len() == 9));
        }
    }

    #[test]
    fn times_lie_in_the_first_hours_of_their_days() {
        let options = StoryOptions { items: 500, days: 3, ..StoryOptions::default() };
        for time in times(&options) {
            let within = (time - options.day_start_ms).rem_euclid(DAY_MS);
            assert!((0..EVENTS_SPAN_MS).contains(&within), "{time}");
            assert!((0..3).contains(&((time - options.day_start_ms) / DAY_MS)));
        }
    }

    #[test]
    fn plants_never_share_a_place() {
        for items in [0, 1, 2, 5, 23, 24, 25, 100, 2400] {
            let options = StoryOptions { items, late_items: 3, expired_attachments: 2, ..StoryOptions::default() };
            let places: Vec<_> = planted(&options).into_iter().map(|(at, _)| at).collect();
            let distinct: BTreeSet<_> = places.iter().collect();
            assert_eq!(distinct.len(), places.len(), "{items}");
            assert!(places.iter().all(|at| *at < items as usize));
        }
    }
}
