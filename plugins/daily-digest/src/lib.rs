//! Writes one RFC 5322 message a conversation and UTC day: what a person reads who wants the day at a glance.
//!
//! Pure: nothing but the items a message covers and the tables they point to reaches its bytes. `README.md` says what is
//! written.
//!
//! [`digest`] gathers the entries of a day and decides the parts and their order; what they say and how it is written
//! down is `mail`'s, as for `email`.

mod digest;

#[cfg(target_family = "wasm")]
mod component;

use std::collections::BTreeMap;

use kit::{
    Descriptor, Grouping, PluginKind,
    converter::{Batch, Converter, Failure, Message},
};
use mail::settings::{self, Settings};

use crate::digest::Writer;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The converter.
#[derive(Debug)]
pub struct DailyDigest;

impl Converter for DailyDigest {
    fn describe() -> Descriptor {
        Descriptor {
            name: "daily-digest".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Writes one RFC 5322 message a conversation and day, with text, HTML and all files.".to_owned(),
            settings_schema: settings::SCHEMA.to_owned(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Converter(Grouping::ConversationDay),
            extensions: Vec::new(),
        }
    }

    fn convert(batch: Batch) -> Vec<Result<Message, Failure>> {
        let settings = match Settings::parse(&batch.settings) {
            Ok(settings) => settings,
            Err(problem) => {
                return (0..)
                    .zip(&batch.items)
                    .map(|(index, _)| Err(problem.clone().into_failure(vec![index])))
                    .collect();
            }
        };
        let mut days: BTreeMap<(u32, i64), Vec<u32>> = BTreeMap::new();
        for (index, item) in (0..).zip(&batch.items) {
            days.entry((item.conversation, item.sent_at.div_euclid(DAY_MS))).or_default().push(index);
        }
        let mut writer = Writer::new(&batch, &settings);
        for ((conversation, day), items) in days {
            writer.write(conversation, day, &items);
        }
        writer.into_answers()
    }
}
