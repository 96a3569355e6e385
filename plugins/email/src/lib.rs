//! Writes each item as one RFC 5322 message: what a person reads in their mailbox, and what an auditor compares.
//!
//! Pure: nothing but the item and the tables it points to reaches the bytes, so a message is the same in any instance
//! and however a run of items is cut into batches. Whatever is kept from one item to the next is a cache of such a
//! function's answers. `README.md` says what is written, header by header.
//!
//! In reading order: [`message`] assembles; [`identity`], [`people`], [`thread`] and [`subject`] decide who and what
//! it is; [`body`] says in words what happened; [`header`], [`mime`], [`html`] and [`clean`] are the syntax.
//!
//! Deliberately absent: a clock, randomness, the host name, attachment bytes (the host splices them in), and any
//! library that chooses a boundary or an id by itself.

mod message;

mod identity;
mod people;
mod subject;
mod thread;

mod body;
mod moment;
mod settings;
mod words;

mod clean;
mod header;
mod html;
mod mime;

#[cfg(target_family = "wasm")]
mod component;

use kit::{
    Descriptor, Grouping, PluginKind,
    converter::{Batch, Converter, Failure, Message},
};

use crate::{message::Writer, settings::Settings};

/// The largest skeleton the contract allows, in bytes. A message that would be larger is a failure.
pub const SKELETON_BYTES_MAX: usize = 16 * 1024 * 1024;

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
                return (0..).zip(&batch.items).map(|(index, _)| Err(problem.clone().into_failure(index))).collect();
            }
        };
        let mut writer = Writer::new(&batch, &settings);
        (0..)
            .zip(&batch.items)
            .map(|(index, item)| writer.write(index, item).map_err(|problem| problem.into_failure(index)))
            .collect()
    }
}

/// Why an item cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Stable kebab-case reason code.
    pub(crate) code: &'static str,
    /// One sentence without message text.
    pub(crate) message: String,
}

impl Problem {
    fn into_failure(self, item: u32) -> Failure {
        Failure { items: vec![item], code: self.code.to_owned(), message: self.message }
    }
}
