//! Writes each item as one RFC 5322 message: what a person reads in their mailbox, and what an auditor compares.
//!
//! Pure: nothing but the item and the tables it points to reaches the bytes, so a message is the same in any instance
//! and however a run of items is cut into batches. Whatever is kept from one item to the next is a cache of such a
//! function's answers. `README.md` says what is written, header by header.
//!
//! [`message`] decides the parts and their order; what they say and how it is written down is `mail`'s.

mod message;

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    Descriptor, Grouping, PluginKind,
    converter::{Batch, Converter, Failure, Message},
};

use mail::settings::{self, Settings};

use crate::message::Writer;

/// The converter.
#[derive(Debug)]
pub struct Email;

impl Converter for Email {
    fn describe() -> Descriptor {
        Descriptor {
            name: "email".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Writes each item as one RFC 5322 message with text, HTML and its files.".to_owned(),
            settings_schema: settings::SCHEMA.to_owned(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Converter(Grouping::Item),
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
        let mut writer = Writer::new(&batch, &settings);
        (0..)
            .zip(&batch.items)
            .map(|(index, item)| writer.write(index, item).map_err(|problem| problem.into_failure(vec![index])))
            .collect()
    }
}
