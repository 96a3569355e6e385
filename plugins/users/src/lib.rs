//! Finds people's mailboxes: the mapping file first, then the item's e-mail property.
//!
//! A file's way in: [`sheet::decode`] makes text of bytes, [`table`] finds the header and yields rows, [`sheet::cell`] undoes what
//! spreadsheets do to a cell, [`key`] (with [`number`]) and [`address`] give the two cells their meaning, and
//! [`mapping`] keeps the rows and finds conflicts. A question's way: [`resolve`]. Whatever cannot be read with
//! certainty is a [`problem`] with its line, never a guess.
//!
//! Invariant: nothing here reads a clock, a file or a random number, and no output depends on a hash map's order.

mod address;
#[cfg(target_family = "wasm")]
mod component;
mod fault;
mod key;
mod mapping;
mod moment;
mod number;
mod problem;
mod resolve;
mod settings;
mod table;
#[cfg(test)]
mod tests;

use kit::{
    Descriptor, Error, PluginKind,
    mapper::{Directory, Mapper, Question, Resolution, Row, Summary},
};

use mapping::Mapping;
use settings::Settings;

/// A loaded mapping and the settings it was loaded with.
pub struct Users {
    settings: Settings,
    mapping: Mapping,
}

impl Mapper for Users {
    fn describe() -> Descriptor {
        Descriptor {
            name: "users".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Maps people to mailboxes by a CSV file (phone number or user id), then by the e-mail address \
                      that the source gives."
                .to_owned(),
            settings_schema: settings::SCHEMA.to_owned(),
            credentials: Vec::new(),
            origins: Vec::new(),
            origin_settings: Vec::new(),
            kind: PluginKind::Mapper,
            extensions: Vec::new(),
        }
    }

    fn load(mapping: &[u8], settings: &str) -> Result<(Self, Summary), Error> {
        let settings = Settings::read(settings)?;
        let (mapping, summary) = Mapping::read(mapping, &settings.keys);
        Ok((Self { settings, mapping }, summary))
    }

    fn rows(&self, offset: u32, max: u32) -> Vec<Row> {
        self.mapping.rows(offset, max)
    }

    fn resolve(&self, directory: &mut dyn Directory, questions: Vec<Question>) -> Result<Vec<Resolution>, Error> {
        resolve::resolve(&self.settings, &self.mapping, directory, &questions)
    }
}
